//! The API as its clients see it. Without kubelet and controllers, but for what real kubectl is played against.

mod access;
mod bad_input;
mod discovery;
mod gaps;
mod hostile;
pub(crate) mod kubectl;
mod load;
pub(crate) mod null;
mod raw;
mod reads;
mod writes;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::Version;
use super::api::{Api, authenticated, router};
use super::auth::{Authenticator, Tokens, User};
use super::pipeline::Pipeline;
use super::server::bootstrap;
use super::store::Store;
use null::NullRuntime;

/// The API alone, with a ServiceAccount in the default namespace.
pub(super) struct Server {
    api: Arc<Api>,
    /// Requests come from the administrator.
    pub router: Router,
    /// Requests need a token.
    guarded: Router,
}

impl Server {
    pub(super) async fn new() -> Self {
        Self::of_version(Version { major: 1, minor: 36 }).await
    }

    async fn of_version(version: Version) -> Self {
        let api = Arc::new(Api {
            pipeline: Pipeline { store: Arc::new(Store::default()), version },
            runtime: Arc::new(NullRuntime::new()),
            authenticator: Authenticator { admin_token: "admin".into(), tokens: Tokens::new().unwrap() },
            shutdown: CancellationToken::new(),
        });
        bootstrap(&api.pipeline).unwrap();
        let router = router(api.clone());
        let guarded = authenticated(router.clone(), api.clone());
        let server = Server { api, router: router.layer(axum::Extension(User::admin())), guarded };
        server.create("namespaces/default/serviceaccounts", json!({"metadata": {"name": "default"}})).await;
        server
    }

    /// Sends a request; the answer's code and JSON (or text).
    async fn send(&self, method: Method, path: &str, media: &str, body: impl Into<Body>) -> (u16, Value) {
        let request = Request::builder().method(method).uri(path).header("content-type", media);
        exchange(&self.router, request.body(body.into()).unwrap()).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.send(Method::GET, &format!("/api/v1/{path}"), "application/json", Body::empty()).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(Method::POST, &format!("/api/v1/{path}"), "application/json", body.to_string()).await
    }

    async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(Method::PUT, &format!("/api/v1/{path}"), "application/json", body.to_string()).await
    }

    async fn patch(&self, path: &str, kind: &str, body: Value) -> (u16, Value) {
        self.send(
            Method::PATCH,
            &format!("/api/v1/{path}"),
            &format!("application/{kind}-patch+json"),
            body.to_string(),
        )
        .await
    }

    async fn delete(&self, path: &str) -> (u16, Value) {
        self.send(Method::DELETE, &format!("/api/v1/{path}"), "application/json", Body::empty()).await
    }

    /// Creates an object that must be accepted.
    async fn create(&self, path: &str, body: Value) -> Value {
        let (code, object) = self.post(path, body).await;
        assert_eq!(code, 201, "{object}");
        object
    }

    /// Lines of a watch until `count` have come.
    async fn watch(&self, path: &str, count: usize) -> Vec<Value> {
        self.watched(path, count).await.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The same as text.
    async fn watched(&self, path: &str, count: usize) -> String {
        let request = Request::builder().uri(format!("/api/v1/{path}")).body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let mut body = response.into_body();
        let (mut text, mut lines) = (String::new(), 0);
        while lines < count {
            let Some(frame) = body.frame().await else { break };
            let data = frame.unwrap().into_data().unwrap();
            lines += data.iter().filter(|byte| **byte == b'\n').count();
            text.push_str(std::str::from_utf8(&data).unwrap());
        }
        text
    }
}

async fn exchange(router: &Router, request: Request<Body>) -> (u16, Value) {
    let response = router.clone().oneshot(request).await.unwrap();
    let code = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let value = serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)));
    (code, value)
}

fn pod(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "app", "image": "a:1"}]}})
}

/// The message of a refusal, with its code and reason.
fn refusal(answer: (u16, Value)) -> String {
    let (code, status) = answer;
    assert_eq!(status["kind"], "Status", "{status}");
    format!("{code} {}: {}", status["reason"].as_str().unwrap_or_default(), status["message"].as_str().unwrap())
}
