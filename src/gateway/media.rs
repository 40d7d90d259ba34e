//! Bodies and their media types: what comes in as protobuf or YAML goes on as JSON, and answers are asked for as JSON.
//! Pure.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::error::Refusal;
use crate::mini::api::{body, protobuf};
use crate::mini::go_json;
use crate::mini::status::ApiError;

const JSON: &str = "application/json";
const READS: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";

/// What a body is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    /// An object, or a part of one that is merged or applied.
    Object(Value),
    JsonPatch(Value),
}

impl Content {
    /// Reads a body; afterwards the headers say what goes on.
    ///
    /// # Errors
    /// Where it is not of its media type, or of one that is not read.
    pub(crate) fn read(headers: &mut HeaderMap, bytes: &Bytes) -> Result<Self, Refusal> {
        let content = match body::media_type(headers) {
            JSON | "application/merge-patch+json" | "application/strategic-merge-patch+json" => {
                Self::Object(body::json(bytes).map_err(ApiError::BadRequest)?)
            }
            "application/json-patch+json" => Self::JsonPatch(go_json::parse(bytes).map_err(ApiError::BadRequest)?),
            // JSON is YAML, and read faster.
            "application/yaml" | "application/apply-patch+yaml" => Self::Object(
                serde_json::from_slice(bytes).or_else(|_| body::yaml(bytes)).map_err(ApiError::BadRequest)?,
            ),
            "application/vnd.kubernetes.protobuf" => {
                let object = protobuf::decode(bytes)?;
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
                Self::Object(object)
            }
            _ => return Err(ApiError::UnsupportedMediaType { accepted: READS }.into()),
        };
        Ok(content)
    }

    pub(crate) fn value(&self) -> &Value {
        match self {
            Self::Object(value) | Self::JsonPatch(value) => value,
        }
    }
}

/// Asks for nothing but text: names cannot be replaced in protobuf and CBOR, which count bytes. `yaml` too, where an
/// answer need not be read.
pub(crate) fn accept_text(headers: &mut HeaderMap, yaml: bool) {
    let asked = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_text = |range: &&str| {
        let media = range.split(';').next().unwrap_or_default().trim();
        !media.ends_with("protobuf")
            && !media.ends_with("cbor")
            && !media.ends_with("cbor-seq")
            && (yaml || !media.ends_with("yaml"))
    };
    let kept: Vec<&str> = asked.split(',').filter(is_text).map(str::trim).filter(|range| !range.is_empty()).collect();
    let kept = if kept.is_empty() { JSON.to_owned() } else { kept.join(", ") };
    if let Ok(value) = kept.parse() {
        headers.insert(ACCEPT, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_asked_for_as_text() {
        for (asked, yaml, sent) in [
            ("application/vnd.kubernetes.protobuf,application/json", true, "application/json"),
            ("application/vnd.kubernetes.protobuf", true, "application/json"),
            (
                "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
                true,
                "application/json;as=Table;v=v1;g=meta.k8s.io, application/json",
            ),
            ("application/cbor, application/yaml", true, "application/yaml"),
            ("application/yaml", false, "application/json"),
            ("", true, "application/json"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, asked.parse().unwrap());
            accept_text(&mut headers, yaml);
            assert_eq!(headers[ACCEPT], sent, "{asked}");
        }
    }

    #[test]
    fn a_body_that_is_not_of_its_type_is_refused() {
        for (media, body, code) in [
            ("application/json", "{", 400),
            ("application/json", "kind: Pod", 400),
            ("application/yaml", "a: [", 400),
            ("application/vnd.kubernetes.protobuf", "{}", 400),
            ("application/cbor", "x", 415),
            ("text/plain", "x", 415),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, media.parse().unwrap());
            assert_eq!(Content::read(&mut headers, &Bytes::from(body)).unwrap_err().code(), code, "{media} {body}");
        }
    }
}
