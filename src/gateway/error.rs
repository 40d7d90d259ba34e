//! What the gateway itself answers, as Kubernetes' `Status`.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::hint::Hint;
use crate::loopback;
use crate::mini::request::RequestInfo;
use crate::mini::status::ApiError;

/// Why there is no gateway.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "what each variant is, its message says")]
pub enum Error {
    #[error("cannot serve the lab's API")]
    Listener(#[from] loopback::Error),
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Listener(error) => error.hint(),
        }
    }
}

/// An answer of the gateway's own: a `Status` that says why.
#[derive(Debug, Clone)]
pub(crate) struct Refusal(Value);

impl Refusal {
    fn new(code: u16, reason: &str, message: &str, details: &Value) -> Self {
        Self(json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": reason, "details": details, "code": code,
        }))
    }

    pub(crate) fn bad_request(message: &str) -> Self {
        Self::new(400, "BadRequest", message, &json!({}))
    }

    pub(crate) fn unauthorized() -> Self {
        ApiError::Unauthorized.into()
    }

    /// A right that the lab has not: `why` names the rule.
    pub(crate) fn forbidden(info: &RequestInfo, why: &str) -> Self {
        if !info.is_resource {
            let message = format!("forbidden: cannot {} path {:?}: {why}", info.verb, info.path);
            return Self::new(403, "Forbidden", &message, &json!({}));
        }
        let group = if info.group.is_empty() { String::new() } else { format!(".{}", info.group) };
        let name = if info.name.is_empty() { String::new() } else { format!(" {:?}", info.name) };
        let message = format!("{}{group}{name} is forbidden: {why}", info.resource);
        let details = json!({"name": info.name, "group": info.group, "kind": info.resource});
        Self::new(403, "Forbidden", &message, &details)
    }

    /// A namespace whose name on the cluster would be too long.
    pub(crate) fn long_namespace(name: &str, limit: usize) -> Self {
        let what = format!(
            "Invalid value: {name:?}: must be no more than {limit} characters: the rest of 63 is the lab's own name on a cluster that is shared"
        );
        let details = json!({
            "name": name, "kind": "Namespace",
            "causes": [{"reason": "FieldValueTooLong", "message": what, "field": "metadata.name"}],
        });
        Self::new(422, "Invalid", &format!("Namespace {name:?} is invalid: metadata.name: {what}"), &details)
    }

    /// The cluster does not answer.
    pub(crate) fn unavailable(why: &dyn std::error::Error) -> Self {
        let mut message = format!("the cluster does not answer: {why}");
        let mut cause = why.source();
        while let Some(source) = cause {
            message = format!("{message}: {source}");
            cause = source.source();
        }
        Self::new(503, "ServiceUnavailable", &message, &json!({}))
    }

    pub(crate) fn internal(message: &str) -> Self {
        ApiError::Internal(message.to_owned()).into()
    }

    pub(crate) fn code(&self) -> u16 {
        self.0["code"].as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or(500)
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self(error.to_status())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let code = StatusCode::from_u16(self.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (code, [(CONTENT_TYPE, "application/json")], self.0.to_string()).into_response()
    }
}
