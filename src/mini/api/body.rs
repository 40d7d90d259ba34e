//! Request bodies: size limit, media type, JSON or YAML.

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;

use crate::mini::go_json;
use crate::mini::status::ApiError;

/// The API server's limit of a resource's request body.
pub const LIMIT: usize = 3 * 1024 * 1024;
pub const READS: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";

/// The whole body, at most [`LIMIT`] bytes.
pub async fn bytes(body: Body) -> Result<Bytes, ApiError> {
    match Limited::new(body, LIMIT).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ApiError::TooLarge(format!("limit is {LIMIT}"))),
        Err(error) => Err(ApiError::BadRequest(format!("unable to read the request's body: {error}"))),
    }
}

/// The body's media type without parameters; JSON when none is given.
pub fn media_type(headers: &HeaderMap) -> &str {
    let given = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    match given.split(';').next().unwrap_or_default().trim() {
        "" => "application/json",
        media => media,
    }
}

/// A body in JSON, YAML or protobuf.
pub async fn value(request: Request) -> Result<Value, ApiError> {
    let media = media_type(request.headers()).to_owned();
    let bytes = bytes(request.into_body()).await?;
    match media.as_str() {
        "application/json" => json(&bytes),
        "application/yaml" => yaml(&bytes),
        "application/vnd.kubernetes.protobuf" => super::protobuf::decode(&bytes),
        _ => Err(ApiError::UnsupportedMediaType { accepted: READS }),
    }
}

/// JSON, or Go's message about where it is none.
pub fn json(bytes: &[u8]) -> Result<Value, ApiError> {
    go_json::parse(bytes)
        .map_err(|wrong| ApiError::BadRequest(format!("couldn't get version/kind; json parse error: {wrong}")))
}

pub fn yaml(bytes: &[u8]) -> Result<Value, ApiError> {
    let wrong = |e: &dyn std::fmt::Display| ApiError::BadRequest(format!("error converting YAML to JSON: yaml: {e}"));
    let text = std::str::from_utf8(bytes).map_err(|e| wrong(&e))?;
    serde_saphyr::from_str(text).map_err(|e| wrong(&e))
}
