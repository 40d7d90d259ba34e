//! What the server serves (`/api`, `/apis`, `/openapi`) is the same for all labs, large, and asked for by the first
//! kubectl of each: the gateways before one cluster share its answers.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, IF_NONE_MATCH};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};

/// For how long an answer is given again: others may add kinds to the cluster. What changes through a gateway is known.
const FRESH: Duration = Duration::from_secs(30);
/// Answers kept; a version's OpenAPI documents are a few dozen.
const MOST: usize = 256;
/// How kubectl asks for all groups at once.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
/// What the first kubectl asks for.
pub(crate) const WARM: &[(&str, &str)] = &[
    ("/api?timeout=32s", AGGREGATED),
    ("/apis?timeout=32s", AGGREGATED),
    ("/openapi/v3?timeout=32s", "application/json, */*"),
];

/// Path with query, and what is accepted.
pub(crate) type Key = (String, String);

/// The answers of one cluster.
#[derive(Debug, Default)]
pub(crate) struct Discovery(Mutex<HashMap<Key, Kept>>);

#[derive(Debug, Clone)]
struct Kept {
    since: Instant,
    media: HeaderValue,
    etag: Option<HeaderValue>,
    body: Bytes,
}

impl Discovery {
    /// Under which a request's answer is kept; None where it is another's, or for somebody.
    pub(crate) fn key(parts: &Parts) -> Option<Key> {
        let path = parts.uri.path();
        let is_shared = matches!(path, "/api" | "/apis") || path.starts_with("/openapi/");
        let is_plain = !parts.headers.contains_key("impersonate-user") && !parts.headers.contains_key(IF_NONE_MATCH);
        if parts.method != Method::GET || !is_shared || !is_plain {
            return None;
        }
        let accept = parts.headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Some((parts.uri.path_and_query()?.to_string(), accept.to_owned()))
    }

    pub(crate) fn answer(&self, key: &Key) -> Option<Response> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()?;
        // A document that is asked for by its hash does not change.
        if kept.since.elapsed() > FRESH && !key.0.contains("hash=") {
            return None;
        }
        let mut response = Response::new(Body::from(kept.body));
        response.headers_mut().insert(CONTENT_TYPE, kept.media);
        if let Some(etag) = kept.etag {
            response.headers_mut().insert(http::header::ETAG, etag);
        }
        Some(response)
    }

    pub(crate) fn keep(&self, key: Key, headers: &HeaderMap, body: Bytes) {
        let Some(media) = headers.get(CONTENT_TYPE).cloned() else { return };
        let etag = headers.get(http::header::ETAG).cloned();
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MOST {
            answers.clear();
        }
        answers.insert(key, Kept { since: Instant::now(), media, etag, body });
    }

    /// A kind came or went.
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
