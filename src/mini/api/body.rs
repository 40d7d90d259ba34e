//! Request bodies: size limit, media type, JSON or YAML.

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;

use crate::mini::go_json;
use crate::mini::schema;
use crate::mini::status::ApiError;

/// The API server's limit of a resource's request body.
pub(crate) const LIMIT: usize = 3 * 1024 * 1024;
pub(crate) const READS: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";

/// The whole body, at most [`LIMIT`] bytes.
pub(crate) async fn bytes(body: Body) -> Result<Bytes, ApiError> {
    match Limited::new(body, LIMIT).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ApiError::TooLarge(format!("limit is {LIMIT}"))),
        Err(error) => Err(ApiError::BadRequest(format!("unable to read the request's body: {error}"))),
    }
}

/// The body's media type without parameters; JSON when none is given.
pub(crate) fn media_type(headers: &HeaderMap) -> &str {
    let given = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    match given.split(';').next().unwrap_or_default().trim() {
        "" => "application/json",
        media => media,
    }
}

/// A body in JSON, YAML or protobuf that is to be a `kind`.
pub(crate) async fn value(request: Request, kind: &str) -> Result<Value, ApiError> {
    let media = media_type(request.headers()).to_owned();
    let bytes = bytes(request.into_body()).await?;
    let read = match media.as_str() {
        "application/json" => json(&bytes),
        "application/yaml" => yaml(&bytes),
        "application/vnd.kubernetes.protobuf" => return super::protobuf::decode(&bytes),
        _ => return Err(ApiError::UnsupportedMediaType { accepted: READS }),
    };
    read.map_err(|wrong| {
        let said = summary(&bytes);
        ApiError::BadRequest(format!("the object provided is unrecognized (must be of type {kind}): {wrong} ({said})"))
    })
}

/// The beginning of a body that is not understood (apiserver `summarizeData`).
fn summary(bytes: &[u8]) -> String {
    const LENGTH: usize = 30;
    let (head, more) = (&bytes[..bytes.len().min(LENGTH)], if bytes.len() > LENGTH { " ..." } else { "" });
    match head {
        [] => "<empty>".to_owned(),
        [b'{', ..] => String::from_utf8_lossy(head).into_owned() + more,
        _ => head.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + more,
    }
}

/// An object in JSON, or Go's message about where it is none. A null is an object without fields.
pub(crate) fn json(bytes: &[u8]) -> Result<Value, String> {
    object(go_json::parse(bytes).map_err(|wrong| format!("couldn't get version/kind; json parse error: {wrong}"))?)
}

/// The same in YAML.
pub(crate) fn yaml(bytes: &[u8]) -> Result<Value, String> {
    let wrong = |e: &dyn std::fmt::Display| format!("yaml: {e}");
    let text = std::str::from_utf8(bytes).map_err(|e| wrong(&e))?;
    object(serde_saphyr::from_str(text).map_err(|e| wrong(&e))?)
}

fn object(value: Value) -> Result<Value, String> {
    match value {
        Value::Object(_) => Ok(value),
        Value::Null => Ok(Value::Object(serde_json::Map::new())),
        other => Err(format!(
            "couldn't get version/kind; json parse error: json: cannot unmarshal {} into Go value of type struct {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}",
            schema::word(&other)
        )),
    }
}
