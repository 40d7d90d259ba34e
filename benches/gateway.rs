//! What the gateway costs, beside the same without it in one run: `cargo bench --bench gateway`. Nothing here passes or
//! fails; the figures in the last column are what the project aims at.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body as AxumBody;
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::Request;
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use rehearsal::gateway::{Gateway, Names, Reach, Upstream};
use rehearsal::mini::{Mini, MiniOptions, Version};
use serde_json::json;

#[path = "support/nothing.rs"]
mod nothing;

const REQUESTS: usize = 5_000;
const ID: &str = "rehearsal-0123456789ab-lab1";
const CHUNK: usize = 32 << 10;
const STREAMED: usize = 1 << 30;

#[tokio::main]
async fn main() {
    // `cargo test` builds benches and runs them with this argument.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    println!("{:<46} {:>10} {:>10} {:>8}   aim", "", "without", "through", "ratio");
    requests().await;
    for every in [256, 4096, usize::MAX] {
        throughput(every).await;
    }
}

/// The same object asked for of mini itself and through a gateway, one after the other in turn.
async fn requests() {
    let runtime = std::sync::Arc::new(nothing::Nothing::default());
    let options = MiniOptions { node_name: "bench".into(), version: Version::LATEST, timelapse: 100.0, runtime };
    let mini = Mini::start(options).await.expect("mini starts");
    let upstream = Upstream::new(mini.client(), mini.bare_client());
    let reach = Reach::Ours { alone: false };
    let gateway = Gateway::start(upstream, Names::new(ID), reach, drop).await.expect("a gateway starts");
    let post = |path: &str, body: serde_json::Value| {
        Request::post(path).body(body.to_string().into_bytes()).expect("a request")
    };
    let namespace = post("/api/v1/namespaces", json!({"metadata": {"name": ID}}));
    mini.client().request_text(namespace).await.expect("a namespace");
    let map = json!({"metadata": {"name": "c"}, "data": {"a": "x".repeat(2000)}});
    let made = post("/api/v1/namespaces/default/configmaps", map);
    gateway.client().request_text(made).await.expect("an object");
    let (own, played) = ("/api/v1/namespaces/default/configmaps/c", format!("/api/v1/namespaces/{ID}/configmaps/c"));
    for (what, direct, through) in [
        ("a get in process", mini.client(), gateway.client()),
        ("a get over TLS", over_tls(&mini.kubeconfig()).await, over_tls(&gateway.kubeconfig()).await),
    ] {
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for _ in 0..REQUESTS {
            without.push(get(&direct, &played).await);
            with.push(get(&through, own).await);
        }
        without.sort();
        with.sort();
        for (share, name, aim) in [(50, "median", ""), (99, "99th percentile", "0.3 ms more")] {
            let at = REQUESTS * share / 100;
            row(&format!("{what}, {name}"), without[at], with[at], aim);
        }
    }
    gateway.close().await;
    mini.close().await;
}

async fn over_tls(kubeconfig: &str) -> Client {
    let file = kube::config::Kubeconfig::from_yaml(kubeconfig).expect("a kubeconfig");
    let config = kube::Config::from_custom_kubeconfig(file, &Default::default()).await.expect("a config");
    Client::try_from(config).expect("a client")
}

async fn get(client: &Client, path: &str) -> Duration {
    let begun = Instant::now();
    let request = Request::get(path).body(Vec::new()).expect("a request");
    client.request_text(request).await.expect("an answer");
    begun.elapsed()
}

fn row(what: &str, without: Duration, through: Duration, aim: &str) {
    let (a, b) = (without.as_secs_f64() * 1e3, through.as_secs_f64() * 1e3);
    println!("{what:<46} {a:>7.3} ms {b:>7.3} ms {:>8.2}   {aim}", b / a);
}

/// A log as fast as it can be had, with a name of the lab's in every so many bytes.
async fn throughput(every: usize) {
    let text: String = match every {
        usize::MAX => "a line of a log without any name\n".repeat(CHUNK / 33),
        _ => format!("{ID}-demo/pod {}\n", "x".repeat(every - 38)).repeat(CHUNK / every),
    };
    let chunk = Bytes::from(text);
    let server =
        Router::new().fallback(move || {
            let chunk = chunk.clone();
            let chunks = STREAMED / chunk.len();
            async move {
                AxumBody::from_stream(stream::iter((0..chunks).map(move |_| Ok::<_, std::io::Error>(chunk.clone()))))
            }
        });
    let client = Client::new(server, "default");
    let upstream = Upstream::new(client.clone(), client.clone());
    let gateway =
        Gateway::start(upstream, Names::new(ID), Reach::Ours { alone: false }, drop).await.expect("a gateway");
    let (without, through) = (drain(&client).await, drain(&gateway.client()).await);
    let name = if every == usize::MAX { "none".to_owned() } else { format!("in every {every} bytes") };
    let what = format!("back-mapping, a name {name}");
    println!("{what:<46} {without:>5.0} MB/s {through:>5.0} MB/s {:>8.2}   200 MB/s", through / without);
    gateway.close().await;
}

/// MB/s.
async fn drain(client: &Client) -> f64 {
    let begun = Instant::now();
    let request = Request::get("/api/v1/namespaces/default/pods/p/log").body(Body::empty()).expect("a request");
    let mut body = client.send(request).await.expect("an answer").into_body().into_data_stream();
    while let Some(chunk) = body.next().await {
        std::hint::black_box(chunk.expect("a chunk"));
    }
    (STREAMED as f64 / 1e6) / begun.elapsed().as_secs_f64()
}
