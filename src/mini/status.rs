//! Every error the API server answers with, in Kubernetes' own words, and its `Status` object.
//! Owns wording, codes and reasons (apimachinery `pkg/api/errors`, `util/validation/field`); knows nothing of HTTP
//! routing or of the store.

use std::fmt;

use serde_json::{Value, json};

/// A resource as messages name it: `pods` or `roles.rbac.authorization.k8s.io`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Qualified<'a> {
    pub name: &'a str,
    pub group: &'a str,
}

impl fmt::Display for Qualified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.group {
            "" => f.write_str(self.name),
            group => write!(f, "{}.{group}", self.name),
        }
    }
}

/// An API error; `Display` is the `message` of its `Status`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ApiError {
    #[error("{resource} {name:?} not found")]
    NotFound { resource: Qualified<'static>, name: String },
    #[error("{resource} {name:?} already exists")]
    AlreadyExists { resource: Qualified<'static>, name: String },
    #[error("Operation cannot be fulfilled on {resource} {name:?}: {why}")]
    Conflict { resource: Qualified<'static>, name: String, why: String },
    /// Others own what a configuration would change: who, and which field.
    #[error("Apply failed with {words}")]
    ApplyConflict { words: String, causes: Vec<(String, String)> },
    #[error("{kind} {name:?} is invalid: {}", aggregate(.causes))]
    Invalid { kind: Qualified<'static>, name: String, causes: Vec<FieldError> },
    #[error("{resource}{} is forbidden: {why}", quoted(.name))]
    Forbidden { resource: Qualified<'static>, name: String, why: String },
    /// As [`ApiError::Forbidden`], with the cause that tells clients to wait for another namespace.
    #[error(
        "{resource} {name:?} is forbidden: unable to create new content in namespace {namespace} because it is being terminated"
    )]
    Terminating { resource: Qualified<'static>, name: String, namespace: String },
    /// A path that is no resource; `user` may not read it.
    #[error("forbidden: User {user:?} cannot {verb} path {path:?}{reason}")]
    ForbiddenPath { user: String, verb: String, path: String, reason: String },
    #[error("{0}")]
    BadRequest(String),
    /// A JSON patch whose operations do not fit the object.
    #[error("the server rejected our request due to an error in our request")]
    UnappliablePatch,
    /// What the API server hands on as it came, without a reason.
    #[error("{0}")]
    Bare(String),
    #[error("Unauthorized")]
    Unauthorized,
    #[error("the server could not find the requested resource")]
    NoSuchResource,
    #[error("the server does not allow this method on the requested resource")]
    MethodNotAllowed,
    /// Mini serves this kind as an empty list only.
    #[error(
        "mini does not run {resource}: services, storage and other workloads need a full cluster (rehearse --cluster kind)"
    )]
    NeedsFullCluster { resource: Qualified<'static> },
    #[error("mini does not do {what}: {instead}")]
    NotImplemented { what: &'static str, instead: &'static str },
    #[error("{0}")]
    Expired(String),
    #[error("Timeout: Too large resource version: {asked}, current: {current}")]
    TooLargeResourceVersion { asked: u64, current: u64 },
    #[error("the body of the request was in an unknown format - accepted media types include: {accepted}")]
    UnsupportedMediaType { accepted: &'static str },
    /// The same for a patch, which is turned away before anybody reads it.
    #[error("415: Unsupported Media Type")]
    UnsupportedPatch,
    #[error("only the following media types are accepted: {accepted}")]
    NotAcceptable { accepted: &'static str },
    #[error("Request entity too large: {0}")]
    TooLarge(String),
    #[error("Internal error occurred: {0}")]
    Internal(String),
}

fn quoted(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" {name:?}") }
}

impl ApiError {
    /// An object of no name with one fault: options, requests.
    pub fn invalid(name: &'static str, group: &'static str, cause: FieldError) -> Self {
        Self::Invalid { kind: Qualified { name, group }, name: String::new(), causes: vec![cause] }
    }

    /// Refuses a write that is meant for another object than there is: `field` (a UID, a resource version) of its
    /// metadata is `has`.
    pub fn precondition(
        resource: Qualified<'static>,
        (namespace, name): (&str, &str),
        (field, asked, has): (&str, Option<&str>, &Value),
    ) -> Result<(), Self> {
        let has = has.as_str().unwrap_or_default();
        let Some(asked) = asked.filter(|asked| *asked != has) else { return Ok(()) };
        let place: Vec<_> = [resource.name, namespace, name].into_iter().filter(|part| !part.is_empty()).collect();
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{}, ResourceVersion: 0, AdditionalErrorMsg: \
             Precondition failed: {field} in precondition: {asked}, {field} in object meta: {has}",
            place.join("/")
        );
        Err(Self::Conflict { resource, name: name.to_owned(), why })
    }

    /// HTTP status code and machine-readable reason.
    pub fn code(&self) -> (u16, &'static str) {
        use ApiError::*;
        match self {
            NotFound { .. } | NoSuchResource => (404, "NotFound"),
            AlreadyExists { .. } => (409, "AlreadyExists"),
            Conflict { .. } | ApplyConflict { .. } => (409, "Conflict"),
            Invalid { .. } | UnappliablePatch => (422, "Invalid"),
            Forbidden { .. } | Terminating { .. } | ForbiddenPath { .. } => (403, "Forbidden"),
            BadRequest(_) => (400, "BadRequest"),
            Unauthorized => (401, "Unauthorized"),
            MethodNotAllowed | NeedsFullCluster { .. } => (405, "MethodNotAllowed"),
            NotImplemented { .. } => (501, "NotImplemented"),
            Expired(_) => (410, "Expired"),
            TooLargeResourceVersion { .. } => (504, "Timeout"),
            Bare(_) => (500, ""),
            UnsupportedMediaType { .. } | UnsupportedPatch => (415, "UnsupportedMediaType"),
            NotAcceptable { .. } => (406, "NotAcceptable"),
            TooLarge(_) => (413, "RequestEntityTooLarge"),
            Internal(_) => (500, "InternalError"),
        }
    }

    fn details(&self) -> Value {
        use ApiError::*;
        let of = |q: &Qualified<'_>, name: &str, causes: Vec<Value>| {
            let mut details = json!({"name": name, "group": q.group, "kind": q.name, "causes": causes});
            if let Some(map) = details.as_object_mut() {
                map.retain(|_, v| v != "" && v.as_array().is_none_or(|a| !a.is_empty()));
            }
            details
        };
        match self {
            NotFound { resource, name }
            | AlreadyExists { resource, name }
            | Conflict { resource, name, .. }
            | Forbidden { resource, name, .. } => of(resource, name, vec![]),
            NeedsFullCluster { resource } => of(resource, "", vec![]),
            Invalid { kind, name, causes } => of(kind, name, causes.iter().map(FieldError::cause).collect()),
            Terminating { resource, name, namespace } => {
                let message = format!("namespace {namespace} is being terminated");
                let cause =
                    json!({"reason": "NamespaceTerminating", "message": message, "field": "metadata.namespace"});
                of(resource, name, vec![cause])
            }
            TooLargeResourceVersion { .. } => {
                json!({"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}], "retryAfterSeconds": 1})
            }
            ApplyConflict { causes, .. } => {
                let cause = |(message, field): &(String, String)| json!({"reason": "FieldManagerConflict", "message": message, "field": field});
                json!({"causes": causes.iter().map(cause).collect::<Vec<_>>()})
            }
            Internal(message) => json!({"causes": [{"message": message}]}),
            NoSuchResource | MethodNotAllowed | ForbiddenPath { .. } | UnsupportedPatch | UnappliablePatch => json!({}),
            _ => Value::Null,
        }
    }

    /// The `Status` object sent to the client.
    pub fn to_status(&self) -> Value {
        let (code, reason) = self.code();
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.to_string(), "reason": reason, "details": self.details(), "code": code,
        });
        if let Some(map) = status.as_object_mut() {
            map.retain(|key, v| !v.is_null() && (key != "reason" || v != ""));
        }
        status
    }
}

/// What kind of mistake a [`FieldError`] is (apimachinery `field.ErrorType`): its reason and its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mistake(&'static str, &'static str);

impl Mistake {
    pub const REQUIRED: Self = Mistake("FieldValueRequired", "Required value");
    pub const DUPLICATE: Self = Mistake("FieldValueDuplicate", "Duplicate value");
    pub const INVALID: Self = Mistake("FieldValueInvalid", "Invalid value");
    pub const UNSUPPORTED: Self = Mistake("FieldValueNotSupported", "Unsupported value");
    pub const FORBIDDEN: Self = Mistake("FieldValueForbidden", "Forbidden");
    pub const TOO_LONG: Self = Mistake("FieldValueTooLong", "Too long");
    pub const NOT_FOUND: Self = Mistake("FieldValueNotFound", "Not found");
}

/// One field that is wrong (apimachinery `field.Error`).
#[derive(Debug, Clone, PartialEq)]
pub struct FieldError {
    pub mistake: Mistake,
    pub field: String,
    /// As Go prints it after `Invalid value: `; strings are quoted already.
    pub value: String,
    pub detail: String,
}

impl FieldError {
    pub fn new(mistake: Mistake, field: impl Into<String>, value: &Value, detail: impl Into<String>) -> Self {
        let value = match value {
            Value::Null => String::new(),
            Value::String(s) => format!("{s:?}"),
            other => other.to_string(),
        };
        FieldError { mistake, field: field.into(), value, detail: detail.into() }
    }

    pub fn required(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Mistake::REQUIRED, field, &Value::Null, detail)
    }

    pub fn forbidden(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Mistake::FORBIDDEN, field, &Value::Null, detail)
    }

    pub fn invalid(field: impl Into<String>, value: &Value, detail: impl Into<String>) -> Self {
        Self::new(Mistake::INVALID, field, value, detail)
    }

    /// `field.NotSupported`: the supported values are listed as they are given, quoted.
    pub fn unsupported(field: impl Into<String>, value: &Value, supported: &[&str]) -> Self {
        let list: Vec<_> = supported.iter().map(|s| format!("{s:?}")).collect();
        Self::new(Mistake::UNSUPPORTED, field, value, format!("supported values: {}", list.join(", ")))
    }

    /// The message without the field: what kubectl prints after `field: `.
    fn body(&self) -> String {
        let mut out = self.mistake.1.to_owned();
        for part in [&self.value, &self.detail] {
            if !part.is_empty() {
                out.push_str(": ");
                out.push_str(part);
            }
        }
        out
    }

    fn cause(&self) -> Value {
        json!({"reason": self.mistake.0, "message": self.body(), "field": self.field})
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.body())
    }
}

fn aggregate(causes: &[FieldError]) -> String {
    match causes {
        [one] => one.to_string(),
        many => format!("[{}]", many.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_names_kind_field_and_value() {
        let error = ApiError::Invalid {
            kind: Qualified { name: "Secret", group: "" },
            name: "B".into(),
            causes: vec![FieldError::invalid("metadata.name", &json!("B"), "no")],
        };
        assert_eq!(error.to_string(), r#"Secret "B" is invalid: metadata.name: Invalid value: "B": no"#);
        let status = error.to_status();
        assert_eq!(status["code"], 422);
        assert_eq!(status["details"]["causes"][0]["message"], r#"Invalid value: "B": no"#);
    }
}
