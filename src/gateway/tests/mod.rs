//! Labs beside each other on one mini, each behind its gateway.

mod kubectl;
mod places;
mod wire;

use std::sync::{Arc, Mutex};

use http::{Method, Request as HttpRequest};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::{Value, json};

use super::{Gateway, Names, Reach, Request, Upstream};
use crate::mini::tests::null::NullRuntime;
use crate::mini::{Mini, MiniOptions, Version};

const ID: &str = "rehearsal-s-lab1";

struct Cluster {
    mini: Mini,
    runtime: Arc<NullRuntime>,
}

/// What a gateway has told.
type Told = Arc<Mutex<Vec<Request>>>;

impl Cluster {
    async fn start() -> Self {
        let runtime = Arc::new(NullRuntime::new());
        let version = Version { major: 1, minor: 36 };
        let options = MiniOptions { node_name: "mini".into(), version, timelapse: 10.0, runtime: runtime.clone() };
        Self { mini: Mini::start(options).await.unwrap(), runtime }
    }

    fn upstream(&self) -> Upstream {
        Upstream::new(self.mini.client(), self.mini.bare_client())
    }

    /// A lab's gateway; its namespace `default` is there.
    async fn lab(&self, names: Names, reach: Reach) -> (Gateway, Told) {
        let told = Told::default();
        let hears = told.clone();
        let gateway = Gateway::start(self.upstream(), names, reach, move |request| hears.lock().unwrap().push(request));
        let gateway = gateway.await.unwrap();
        let namespace = json!({"metadata": {"name": gateway.names().id()}});
        let (code, created) = send(&self.mini.client(), Method::POST, "/api/v1/namespaces", &namespace).await;
        assert_eq!(code, 201, "{created}");
        (gateway, told)
    }

    async fn ours(&self) -> Gateway {
        self.lab(Names::new(ID), Reach::Ours { alone: false }).await.0
    }
}

/// An exchange; an object is sent as JSON, null as no body.
async fn send(client: &kube::Client, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let media = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
    send_as(client, method, path, media, if body.is_null() { String::new() } else { body.to_string() }).await
}

async fn send_as(client: &kube::Client, method: Method, path: &str, media: &str, body: String) -> (u16, Value) {
    let request = HttpRequest::builder().method(method).uri(path).header("content-type", media);
    let response = client.send(request.body(Body::from(body.into_bytes())).unwrap()).await.unwrap();
    let code = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (code, serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes))))
}
