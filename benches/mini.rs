//! How fast mini is, printed as a table: `cargo bench --bench mini`. Nothing here passes or fails; the figures in the
//! second column are what the project aims at.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt, stream};
use http_body_util::BodyExt;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use rehearsal::mini::{Mini, MiniOptions, Version};
use serde_json::json;

#[path = "support/nothing.rs"]
mod nothing;

use nothing::Nothing;

const PODS: usize = 1_000;

#[tokio::main]
async fn main() {
    // `cargo test` builds benches and runs them with this argument.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    println!("{:<52} {:>12}   aim", "", "measured");
    let ready = median(stream::iter(0..10).then(|_| ready()).collect().await);
    row("mini ready, median of 10", ready, "100 ms");
    let mini = start().await;
    let client = mini.client();
    let mut creates = creates(&client).await;
    creates.sort();
    row("create a pod in process, median", creates[PODS / 2], "");
    row("create a pod in process, 99th percentile", creates[PODS * 99 / 100], "1 ms");
    mini.close().await;
    let before = resident();
    let mini = start().await;
    let took = run(&mini.client()).await;
    row("1,000 pods created, listed and watched to Running", took, "5 s");
    println!("{:<52} {:>9} MiB   64 MiB", "memory with 1,000 pods, more than without", (resident() - before) / 1024);
    let mut seen = transitions(&mini.client()).await;
    seen.sort();
    row("a change made and seen by a watch, 99th percentile", seen[seen.len() * 99 / 100], "10 ms");
    mini.close().await;
    let before = resident();
    let mini = start().await;
    let took = roll_out(&mini.client()).await;
    row("100 Deployments of 10 pods, created to Available", took, "5 s");
    println!(
        "{:<52} {:>9} MiB   128 MiB",
        "memory with them, more than without",
        (resident() - before.min(resident())) / 1024
    );
    mini.close().await;
    let before = resident();
    let mini = start().await;
    let took = secrets(&mini.client()).await;
    row("2,000 Secrets of 100 kB listed as JSON", took, "3 s");
    let rest = tokio::time::timeout(REST, std::future::pending::<()>());
    let _ = rest.await;
    println!(
        "{:<52} {:>9} MiB   64 MiB",
        "memory a minute after they are deleted, more than before",
        (resident() - before.min(resident())) / 1024
    );
    mini.close().await;
}

const SECRETS: usize = 2_000;
/// How long what is freed may take to be given back.
const REST: Duration = Duration::from_secs(60);

/// Creates, lists and deletes Secrets; how long the list took.
async fn secrets(client: &Client) -> Duration {
    let path = "/api/v1/namespaces/default/secrets";
    let value = "QUFB".repeat(100_000 / 3);
    for number in 0..SECRETS {
        let secret = json!({"metadata": {"name": format!("s{number}")}, "data": {"value": value}}).to_string();
        let request = http::Request::post(path).header("content-type", "application/json");
        let answer =
            client.send(request.body(secret.into_bytes().into()).expect("a request")).await.expect("an answer");
        assert_eq!(answer.status(), 201);
    }
    let begun = Instant::now();
    let answer = client.send(http::Request::get(path).body(Vec::new().into()).expect("a request")).await;
    let mut body = answer.expect("an answer").into_body();
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        bytes += frame.expect("a frame").data_ref().map_or(0, bytes::Bytes::len);
    }
    let took = begun.elapsed();
    assert!(bytes > SECRETS * 100_000);
    let answer = client.send(http::Request::delete(path).body(Vec::new().into()).expect("a request")).await;
    assert_eq!(answer.expect("an answer").status(), 200);
    took
}

fn row(what: &str, measured: Duration, aim: &str) {
    println!("{what:<52} {:>9.2} ms   {aim}", measured.as_secs_f64() * 1e3);
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}

async fn start() -> Mini {
    let runtime = Arc::new(Nothing::default());
    let options = MiniOptions { node_name: "bench".into(), version: Version::LATEST, timelapse: 100.0, runtime };
    Mini::start(options).await.expect("mini starts")
}

async fn ready() -> Duration {
    let begun = Instant::now();
    let mini = start().await;
    let took = begun.elapsed();
    mini.close().await;
    took
}

fn pod(number: usize, node: Option<&str>) -> Pod {
    let mut pod = json!({
        "metadata": {"name": format!("p{number}")},
        "spec": {"containers": [{"name": "c", "image": "app:1"}]},
    });
    if let Some(node) = node {
        // For a node that does not exist: nothing but the API server works on it.
        pod["spec"]["nodeName"] = json!(node);
    }
    serde_json::from_value(pod).expect("a pod")
}

async fn creates(client: &Client) -> Vec<Duration> {
    let pods = Api::<Pod>::default_namespaced(client.clone());
    let mut all = Vec::with_capacity(PODS);
    for number in 0..PODS {
        let begun = Instant::now();
        pods.create(&PostParams::default(), &pod(number, Some("nowhere"))).await.expect("created");
        all.push(begun.elapsed());
    }
    all
}

async fn run(client: &Client) -> Duration {
    let begun = Instant::now();
    let pods = Api::<Pod>::default_namespaced(client.clone());
    let mut watch = watcher(pods.clone(), watcher::Config::default()).applied_objects().boxed();
    let create = stream::iter(0..PODS).map(|n| {
        let pods = pods.clone();
        async move { pods.create(&PostParams::default(), &pod(n, None)).await.map(drop) }
    });
    let created = create.buffer_unordered(8).try_collect::<()>();
    let mut running = std::collections::BTreeSet::new();
    let watched = async {
        while running.len() < PODS {
            let Some(Ok(pod)) = watch.next().await else { continue };
            if pod.status.is_some_and(|status| status.phase.as_deref() == Some("Running")) {
                running.insert(pod.metadata.name);
            }
        }
    };
    tokio::join!(async { created.await.expect("created") }, watched);
    let listed = pods.list(&ListParams::default()).await.expect("listed");
    assert_eq!(listed.items.len(), PODS);
    begun.elapsed()
}

const DEPLOYMENTS: usize = 100;

/// Until all Deployments are available.
async fn roll_out(client: &Client) -> Duration {
    let begun = Instant::now();
    let deployments = Api::<Deployment>::default_namespaced(client.clone());
    let mut watch = watcher(deployments.clone(), watcher::Config::default()).applied_objects().boxed();
    for number in 0..DEPLOYMENTS {
        let labels = json!({"app": format!("d{number}")});
        let deployment = json!({
            "metadata": {"name": format!("d{number}")},
            "spec": {
                "replicas": 10, "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "app:1"}]}},
            },
        });
        let deployment = serde_json::from_value(deployment).expect("a Deployment");
        deployments.create(&PostParams::default(), &deployment).await.expect("created");
    }
    let mut available = std::collections::BTreeSet::new();
    while available.len() < DEPLOYMENTS {
        let Some(Ok(deployment)) = watch.next().await else { continue };
        if deployment.status.is_some_and(|status| status.available_replicas == Some(10)) {
            available.insert(deployment.metadata.name);
        }
    }
    begun.elapsed()
}

/// From the answer to a change, to its sight in a watch.
async fn transitions(client: &Client) -> Vec<Duration> {
    let pods = Api::<Pod>::default_namespaced(client.clone());
    let mut watch =
        watcher(pods.clone(), watcher::Config::default().fields("metadata.name=p0")).applied_objects().boxed();
    watch.next().await;
    let mut all = Vec::new();
    for number in 0..200 {
        let label = json!({"metadata": {"labels": {"n": number.to_string()}}});
        let begun = Instant::now();
        pods.patch("p0", &PatchParams::default(), &Patch::Merge(label)).await.expect("patched");
        watch.next().await;
        all.push(begun.elapsed());
    }
    all
}

/// Kibibytes of this process in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or_default()
}
