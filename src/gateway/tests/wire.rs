//! What goes wrong on the wire, and what must hold under load.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body as AxumBody;
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::StatusCode;
use kube::config::{AuthInfo, Kubeconfig};
use tokio_util::sync::CancellationToken;

use super::*;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const PATIENCE: Duration = Duration::from_secs(20);

/// The message of a refusal, with its code and reason.
fn refusal(answer: (u16, Value)) -> String {
    let (code, status) = answer;
    assert_eq!(status["kind"], "Status", "{status}");
    format!("{code} {}: {}", status["reason"].as_str().unwrap(), status["message"].as_str().unwrap())
}

fn map(name: &str) -> Value {
    json!({"metadata": {"name": name}})
}

/// A client over the wire with what the kubeconfig says, or with another login.
async fn over_the_wire(gateway: &Gateway, login: Option<AuthInfo>) -> kube::Client {
    let mut file = Kubeconfig::from_yaml(&gateway.kubeconfig()).unwrap();
    if let Some(login) = login {
        file.auth_infos[0].auth_info = Some(login);
    }
    let config = kube::Config::from_custom_kubeconfig(file, &Default::default()).await.unwrap();
    kube::Client::try_from(config).unwrap()
}

/// A gateway before a cluster that is `router`.
async fn before(router: Router) -> Gateway {
    let client = kube::Client::new(router, "default");
    let upstream = Upstream::new(client.clone(), client);
    Gateway::start(upstream, Names::new(ID), Reach::Ours { alone: false }, drop).await.unwrap()
}

#[tokio::test]
async fn what_is_not_the_labs_is_not_there_or_not_allowed() {
    let cluster = Cluster::start().await;
    let client = cluster.ours().await;
    let client = client.client();
    let other = cluster.lab(Names::new("rehearsal-s-lab2"), Reach::Ours { alone: false }).await.0;
    send(&other.client(), Method::POST, MAPS, &map("theirs")).await;
    let get = |path: &'static str| send(&client, Method::GET, path, &Value::Null);
    assert_eq!(
        refusal(get("/api/v1/namespaces/rehearsal-s-lab2").await),
        "404 NotFound: namespaces \"rehearsal-s-lab2\" not found"
    );
    let (code, list) = get("/api/v1/namespaces/rehearsal-s-lab2/configmaps").await;
    assert_eq!((code, &list["items"]), (200, &json!([])), "as in a namespace that is not there");
    let (_, all) = get("/api/v1/configmaps").await;
    assert!(!all.to_string().contains("theirs") && !all.to_string().contains("lab2"), "{all}");
    let beyond = "it changes the cluster beyond the lab's own namespaces, which a lab does that is played alone";
    for (method, path, body) in [
        (Method::POST, "/api/v1/namespaces/kube-system/configmaps", map("x")),
        (Method::DELETE, "/api/v1/namespaces/kube-system", Value::Null),
        (Method::POST, "/api/v1/namespaces", map("kube-mine")),
        (Method::PATCH, "/api/v1/nodes/mini", json!({})),
        (Method::DELETE, "/apis/rbac.authorization.k8s.io/v1/clusterroles/view", Value::Null),
        (Method::DELETE, "/apis/rbac.authorization.k8s.io/v1/clusterroles", Value::Null),
        (Method::GET, "/api/v1/nodes/mini/proxy/pods", Value::Null),
        (Method::POST, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", map("x")),
    ] {
        let answer = refusal(send(&client, method, path, &body).await);
        assert!(answer.starts_with("403 Forbidden: ") && answer.ends_with(beyond), "{path}: {answer}");
    }
    for path in ["/api/v1/namespaces/default/../kube-system/pods", "/api/v1//pods", "/api/v1/namespaces/a%2Fb/pods"] {
        assert_eq!(refusal(get(path).await), "400 BadRequest: the path has a part that is no name", "{path}");
    }
}

#[tokio::test]
async fn on_a_users_cluster_there_is_nothing_but_the_labs_own() {
    let cluster = Cluster::start().await;
    let lab = cluster.lab(Names::new(ID), Reach::Users).await.0;
    let client = lab.client();
    for (path, code) in [
        ("/api/v1/namespaces", 200),
        ("/api/v1/namespaces/kube-system", 200),
        ("/api/v1/namespaces/default/pods", 200),
        ("/api/v1/pods", 200),
        ("/apis", 200),
        ("/version", 200),
        ("/openapi/v3", 200),
        ("/api/v1/nodes", 403),
        ("/api/v1/nodes/mini", 403),
        ("/apis/rbac.authorization.k8s.io/v1/clusterroles", 403),
        ("/api/v1/namespaces/kube-system/secrets", 403),
        ("/metrics", 403),
    ] {
        let (found, answer) = send(&client, Method::GET, path, &Value::Null).await;
        assert_eq!(found, code, "{path}: {answer}");
    }
    let role = send(&client, Method::POST, "/apis/rbac.authorization.k8s.io/v1/clusterroles", &map("r")).await;
    assert_eq!(
        refusal(role),
        "403 Forbidden: clusterroles.rbac.authorization.k8s.io is forbidden: on a cluster of the user's a lab reads and changes its own namespaces and nothing else"
    );
    assert_eq!(lab.needs_alone(), None);
}

#[tokio::test]
async fn a_namespace_with_too_long_a_name_is_refused_in_kubernetes_words() {
    let cluster = Cluster::start().await;
    let lab = cluster.ours().await;
    let longest = "a".repeat(46);
    let (code, made) = send(&lab.client(), Method::POST, "/api/v1/namespaces", &map(&longest)).await;
    assert_eq!((code, &made["metadata"]["name"]), (201, &json!(longest)));
    let long = "a".repeat(47);
    let (code, status) = send(&lab.client(), Method::POST, "/api/v1/namespaces", &map(&long)).await;
    assert_eq!((code, &status["reason"]), (422, &json!("Invalid")));
    assert!(status["message"].as_str().unwrap().contains("must be no more than 46 characters"), "{status}");
    let (code, _) = send(&lab.client(), Method::GET, &format!("/api/v1/namespaces/{long}"), &Value::Null).await;
    assert_eq!(code, 404);
}

#[tokio::test]
async fn bodies_that_are_not_what_they_say_are_refused() {
    let cluster = Cluster::start().await;
    let lab = cluster.ours().await;
    let client = lab.client();
    for (media, body, code) in [
        ("application/json", "{\"metadata\":", 400),
        ("application/json", "\u{0}", 400),
        ("application/vnd.kubernetes.protobuf", "k8s\0\u{1}", 400),
        ("application/cbor", "x", 415),
        ("application/json", &format!("{}{}", "[".repeat(200), "]".repeat(200)), 400),
    ] {
        let answer = send_as(&client, Method::POST, MAPS, media, body.to_owned()).await;
        assert_eq!(answer.0, code, "{media} {body}: {}", answer.1);
        refusal(answer);
    }
    let huge = json!({"metadata": {"name": "huge"}, "data": {"a": "x".repeat(3 << 20)}});
    assert!(refusal(send(&client, Method::POST, MAPS, &huge).await).starts_with("413 RequestEntityTooLarge"));
    let large = json!({"metadata": {"name": "large"}, "data": {"a": format!("web.default.svc {}", "x".repeat((1 << 20) - 100))}});
    let (code, made) = send(&client, Method::POST, MAPS, &large).await;
    assert_eq!((code, &made["data"]), (201, &large["data"]));
}

#[tokio::test]
async fn the_labs_token_is_the_only_one_that_is_the_clusters() {
    let cluster = Cluster::start().await;
    let lab = cluster.ours().await;
    let nobody = over_the_wire(&lab, Some(AuthInfo::default())).await;
    let answer = send(&nobody, Method::GET, "/version", &Value::Null).await;
    assert_eq!(refusal(answer), "401 Unauthorized: Unauthorized");
    let lab_client = over_the_wire(&lab, None).await;
    let account = "/api/v1/namespaces/default/serviceaccounts";
    let (code, _) = send(&lab_client, Method::POST, account, &map("app")).await;
    assert_eq!(code, 201);
    let asked = json!({"spec": {"expirationSeconds": 600}});
    let (_, issued) = send(&lab_client, Method::POST, &format!("{account}/app/token"), &asked).await;
    let token = issued["status"]["token"].as_str().unwrap();
    for (token, expected) in [
        ("nonsense", "401 Unauthorized: Unauthorized"),
        (
            token,
            "403 Forbidden: secrets is forbidden: User \"system:serviceaccount:default:app\" cannot list resource \"secrets\" in API group \"\" in the namespace \"default\"",
        ),
    ] {
        let login = serde_json::from_value(json!({"token": token})).unwrap();
        let client = over_the_wire(&lab, Some(login)).await;
        let answer = send(&client, Method::GET, "/api/v1/namespaces/default/secrets", &Value::Null).await;
        assert_eq!(refusal(answer), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_watches_go_through_one_gateway() {
    let cluster = Cluster::start().await;
    let lab = cluster.ours().await;
    let client = over_the_wire(&lab, None).await;
    let opened = (0..200).map(|_| {
        let request = HttpRequest::get(format!("{MAPS}?watch=true")).body(Body::empty()).unwrap();
        let client = client.clone();
        async move { client.send(request).await.unwrap().into_body().into_data_stream() }
    });
    let mut watches = futures::future::join_all(opened).await;
    send(&client, Method::POST, MAPS, &map("seen")).await;
    let seen = watches.iter_mut().map(async |watch| {
        let mut text = String::new();
        while !text.contains("\"seen\"") {
            text.push_str(std::str::from_utf8(&watch.next().await.unwrap().unwrap()).unwrap());
        }
        assert!(!text.contains(ID), "{text}");
    });
    tokio::time::timeout(PATIENCE, futures::future::join_all(seen)).await.unwrap();
    tokio::time::timeout(PATIENCE, lab.close()).await.expect("open watches end with the gateway");
}

#[tokio::test]
async fn a_cluster_that_goes_away_is_told() {
    let gone = kube::Client::try_from(kube::Config::new("https://127.0.0.1:1".parse().unwrap())).unwrap();
    let upstream = Upstream::new(gone.clone(), gone);
    let lab = Gateway::start(upstream, Names::new(ID), Reach::Ours { alone: false }, drop).await.unwrap();
    let answer = refusal(send(&lab.client(), Method::GET, MAPS, &Value::Null).await);
    assert!(answer.starts_with("503 ServiceUnavailable: the cluster does not answer"), "{answer}");
    // In the midst of an answer: what came has come, and the client does not take it for the whole.
    let cut = Router::new().fallback(|| async {
        let parts = [Ok(Bytes::from(format!("a line of {ID}-demo\n"))), Err(std::io::Error::other("gone"))];
        AxumBody::from_stream(stream::iter(parts))
    });
    let lab = before(cut).await;
    let log = || HttpRequest::get("/api/v1/namespaces/default/pods/p/log").body(Body::empty()).unwrap();
    let mut body = lab.client().send(log()).await.unwrap().into_body().into_data_stream();
    assert_eq!(body.next().await.unwrap().unwrap(), "a line of demo\n");
    assert!(body.next().await.unwrap().is_err());
    // Over the wire the connection may end before the answer's head is sent.
    if let Ok(answer) = over_the_wire(&lab, None).await.send(log()).await {
        assert!(answer.into_body().collect().await.is_err());
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_what_it_asked_for() {
    let ended = CancellationToken::new();
    let held = ended.clone();
    let endless = Router::new().fallback(move || {
        let guard = held.clone().drop_guard();
        async move {
            let lines = stream::unfold(guard, |guard| async {
                tokio::task::yield_now().await;
                Some((Ok::<_, Infallible>(Bytes::from_static(b"line\n")), guard))
            });
            AxumBody::from_stream(lines)
        }
    });
    let lab = before(endless).await;
    let client = over_the_wire(&lab, None).await;
    let request = HttpRequest::get("/api/v1/namespaces/default/pods/p/log?follow=true").body(Body::empty()).unwrap();
    let mut body = client.send(request).await.unwrap().into_body().into_data_stream();
    assert!(body.next().await.unwrap().is_ok());
    assert!(!ended.is_cancelled());
    drop((body, client));
    tokio::time::timeout(PATIENCE, ended.cancelled()).await.expect("the cluster's answer is dropped");
}

#[tokio::test]
async fn what_the_cluster_is_asked_has_its_names_at_every_place() {
    let seen = Router::new().fallback(async |request: axum::extract::Request| {
        let (parts, body) = request.into_parts();
        let headers: Vec<String> =
            parts.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let text = format!("{} {}\n{}\n\n{body}", parts.method, parts.uri, headers.join("\n"));
        (StatusCode::OK, [("warning", format!("299 - \"{ID}-demo\""))], text.replace("rehearsal", "R"))
    });
    let lab = before(seen).await;
    let request = HttpRequest::builder()
        .method(Method::PATCH)
        .uri("/api/v1/namespaces/demo/pods/p?fieldManager=x")
        .header("content-type", "application/apply-patch+yaml")
        .header("accept", "application/vnd.kubernetes.protobuf,application/json")
        .header("accept-encoding", "gzip")
        .header("impersonate-user", "system:serviceaccount:demo:app")
        .header("impersonate-group", "system:serviceaccounts:demo")
        .header("impersonate-group", "devs")
        .body(Body::from(b"apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: demo}\n".to_vec()))
        .unwrap();
    let response = lab.client().send(request).await.unwrap();
    assert_eq!(response.headers()["warning"], "299 - \"demo\"");
    let text = response.into_body().collect().await.unwrap().to_bytes();
    insta::assert_snapshot!(std::str::from_utf8(&text).unwrap(), @r#"
    PATCH /api/v1/namespaces/R-s-lab1-demo/pods/p?fieldManager=x
    content-type: application/apply-patch+yaml
    accept: application/json
    impersonate-user: system:serviceaccount:R-s-lab1-demo:app
    impersonate-group: system:serviceaccounts:R-s-lab1-demo
    impersonate-group: devs

    {"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"R-s-lab1-demo"}}
    "#);
}
