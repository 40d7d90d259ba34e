//! Content negotiation and the shapes of answers: plain, Table, PartialObjectMetadata; JSON or YAML.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;

use crate::mini::request::Params;
use crate::mini::status::ApiError;

/// What mini can send.
const SENDS: &str = "application/json, application/yaml";
const JSON: &str = "application/json";

/// In which shape objects are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Plain,
    Table,
    Partial,
    /// `APIGroupDiscoveryList`, for `/api` and `/apis`.
    Discovery,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accept {
    pub shape: Shape,
    pub yaml: bool,
}

impl Accept {
    /// The first of the client's media types that mini can send.
    pub(crate) fn new(headers: &HeaderMap) -> Result<Self, ApiError> {
        let plain = Accept { shape: Shape::Plain, yaml: false };
        let asked = headers.get(ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if asked.trim().is_empty() {
            return Ok(plain);
        }
        asked.split(',').find_map(media_type).ok_or(ApiError::NotAcceptable { accepted: SENDS })
    }
}

fn media_type(text: &str) -> Option<Accept> {
    let mut parts = text.split(';').map(str::trim);
    let yaml = match parts.next()? {
        "application/json" | "*/*" | "application/*" => false,
        "application/yaml" => true,
        _ => return None,
    };
    let mut wanted = ("", "", "");
    for (key, value) in parts.filter_map(|p| p.split_once('=')) {
        match key {
            "as" => wanted.0 = value,
            "g" => wanted.1 = value,
            "v" => wanted.2 = value,
            _ => {}
        }
    }
    let shape = match wanted {
        ("", ..) => Shape::Plain,
        ("Table", "meta.k8s.io", "v1") => Shape::Table,
        ("PartialObjectMetadata" | "PartialObjectMetadataList", "meta.k8s.io", "v1") => Shape::Partial,
        ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2") => Shape::Discovery,
        _ => return None,
    };
    Some(Accept { shape, yaml })
}

pub(crate) fn answer(code: StatusCode, media: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    response
}

/// An answer with a body of bytes that are JSON already.
pub(crate) fn json_bytes(code: StatusCode, body: impl Into<Body>) -> Response {
    answer(code, JSON, body)
}

pub(crate) fn json(code: StatusCode, value: &Value) -> Response {
    json_bytes(code, value.to_string() + "\n")
}

/// Whether people are to read it (apiserver `isPrettyPrint`): who asks says so, or is curl or a browser.
pub(crate) fn is_pretty(params: &Params, headers: &HeaderMap) -> bool {
    if let Some(text) = params.get("pretty") {
        return matches!(text, "1" | "t" | "T" | "true" | "TRUE" | "True");
    }
    let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    ["curl", "Wget", "Mozilla/5.0"].iter().any(|known| agent.starts_with(known))
}

/// An answer in JSON with indentation; any other as it is.
pub(crate) async fn pretty(response: Response) -> Response {
    let media = response.headers().get(CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
    if !media.starts_with(JSON) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
        return ApiError::Internal("the answer broke off".to_owned()).into_response();
    };
    let indented =
        serde_json::from_slice::<Value>(&bytes).ok().and_then(|value| serde_json::to_string_pretty(&value).ok());
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, indented.map_or_else(|| Body::from(bytes), Body::from))
}

/// Serialised JSON as the client wants it.
pub(crate) fn encode(accept: Accept, code: StatusCode, body: Bytes) -> Response {
    if !accept.yaml {
        return json_bytes(code, [&body[..], b"\n"].concat());
    }
    let value: Value = serde_json::from_slice(&body).unwrap_or_default();
    answer(code, "application/yaml", serde_saphyr::to_string(&value).unwrap_or_default())
}

pub(crate) fn text(code: StatusCode, body: impl Into<Body>) -> Response {
    answer(code, "text/plain; charset=utf-8", body)
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let code = StatusCode::from_u16(self.code().0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        json(code, &self.to_status())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(text: &str) -> Option<Shape> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, text.parse().unwrap());
        Accept::new(&headers).ok().map(|a| a.shape)
    }

    #[test]
    fn the_first_type_mini_can_send_wins() {
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        assert_eq!(accept(table), Some(Shape::Table));
        assert_eq!(accept("application/vnd.kubernetes.protobuf,application/json"), Some(Shape::Plain));
        assert_eq!(
            accept("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"),
            Some(Shape::Discovery)
        );
        assert_eq!(accept("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"), Some(Shape::Partial));
        assert_eq!(accept("application/vnd.kubernetes.protobuf"), None);
        assert_eq!(accept("text/html, */*"), Some(Shape::Plain));
    }
}
