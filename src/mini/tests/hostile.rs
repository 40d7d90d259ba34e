//! Requests nobody thought of: valid ones with a part of the body replaced, doubled or taken away. Whatever comes, the
//! answer is an object or a Status, what is stored reads back as its kind, and the cluster lives on.

use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace, Node, Pod, Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use kube::api::{Api, PostParams};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde::de::DeserializeOwned;

use super::*;
use crate::mini::{Mini, MiniOptions};

const ROUNDS: usize = 3_000;
const SEED: u64 = 45;
const NAMESPACED: &str = "/api/v1/namespaces/default";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// Where an object may be created, and one that is accepted there.
fn samples() -> Vec<(String, Value)> {
    let pod = json!({
        "metadata": {"name": "p", "labels": {"a": "b"}, "annotations": {"c": "d"}, "finalizers": ["x/y"]},
        "spec": {
            "serviceAccountName": "default", "restartPolicy": "OnFailure", "terminationGracePeriodSeconds": 5,
            "imagePullSecrets": [{"name": "s"}], "nodeSelector": {"kubernetes.io/os": "linux"},
            "securityContext": {"runAsUser": 5, "runAsNonRoot": true},
            "tolerations": [{"key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}],
            "initContainers": [{"name": "i", "image": "a:1", "command": ["x", "$(A)"]}],
            "containers": [{
                "name": "c", "image": "a:1", "imagePullPolicy": "Always", "args": ["$(A)", "$$(B)"],
                "env": [
                    {"name": "A", "value": "$(B)"},
                    {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a']"}}},
                    {"name": "C", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": true}}},
                    {"name": "D", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
                ],
                "envFrom": [{"prefix": "P_", "configMapRef": {"name": "m", "optional": true}}],
                "ports": [{"containerPort": 80, "name": "http", "protocol": "TCP"}],
                "resources": {"limits": {"memory": "64Mi", "cpu": "0.5"}, "requests": {"memory": "1e6"}},
                "securityContext": {"capabilities": {"add": ["A"], "drop": ["ALL"]}},
                "volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "a"}, {"name": "w", "mountPath": "/w"}],
            }],
            "volumes": [
                {"name": "v", "configMap": {"name": "m", "optional": true, "items": [{"key": "k", "path": "a/b"}]}},
                {"name": "w", "projected": {"sources": [
                    {"serviceAccountToken": {"path": "t", "expirationSeconds": 600}},
                    {"secret": {"name": "s", "optional": true}},
                    {"downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
                ]}},
                {"name": "e", "emptyDir": {"sizeLimit": "1Gi"}},
            ],
        },
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    });
    let event = json!({
        "metadata": {"name": "e"}, "reason": "R", "message": "m", "type": "Normal", "count": 2,
        "involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"},
        "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:00Z",
        "eventTime": "2026-01-01T00:00:00.000000Z", "source": {"component": "x"},
    });
    let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": ["p"]}]);
    let subjects = json!([{"kind": "ServiceAccount", "name": "default", "namespace": "default"}]);
    let role_ref = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"});
    let cluster_role = json!({"metadata": {"name": "r"}, "rules": rules});
    let binding = json!({"metadata": {"name": "b"}, "subjects": subjects, "roleRef": role_ref});
    let access = json!({"spec": {"user": "u", "groups": ["g"], "resourceAttributes": {
        "verb": "get", "resource": "pods", "namespace": "default"}}});
    let token = json!({"spec": {"audiences": ["a"], "expirationSeconds": 600, "boundObjectRef": {
        "kind": "Pod", "name": "p", "apiVersion": "v1"}}});
    let authorization = "/apis/authorization.k8s.io/v1";
    vec![
        (format!("{NAMESPACED}/pods"), pod),
        (
            format!("{NAMESPACED}/secrets"),
            json!({"metadata": {"name": "s"}, "type": "Opaque", "data": {"k": "eA=="}, "stringData": {"l": "y"}}),
        ),
        (
            format!("{NAMESPACED}/configmaps"),
            json!({"metadata": {"name": "m"}, "data": {"k": "v"}, "binaryData": {"b": "eA=="}, "immutable": false}),
        ),
        (
            format!("{NAMESPACED}/serviceaccounts"),
            json!({"metadata": {"name": "a"}, "imagePullSecrets": [{"name": "s"}], "secrets": [{"name": "s"}]}),
        ),
        (format!("{NAMESPACED}/events"), event),
        ("/api/v1/namespaces".into(), json!({"metadata": {"name": "n"}, "spec": {"finalizers": ["kubernetes"]}})),
        (
            "/api/v1/nodes".into(),
            json!({"metadata": {"name": "o"}, "spec": {"unschedulable": true, "taints": [
                {"key": "k", "value": "v", "effect": "NoSchedule", "timeAdded": "2026-01-01T00:00:00Z"}]}}),
        ),
        (format!("{RBAC}/namespaces/default/roles"), cluster_role.clone()),
        (format!("{RBAC}/clusterroles"), cluster_role),
        (format!("{RBAC}/namespaces/default/rolebindings"), binding.clone()),
        (format!("{RBAC}/clusterrolebindings"), binding),
        (format!("{authorization}/subjectaccessreviews"), access.clone()),
        (format!("{authorization}/selfsubjectaccessreviews"), access),
        (format!("{NAMESPACED}/serviceaccounts/default/token"), token),
        (
            format!("{NAMESPACED}/pods/p/binding"),
            json!({"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "o"}}),
        ),
        (
            format!("{NAMESPACED}/pods/p/eviction"),
            json!({"metadata": {"name": "p"}, "deleteOptions": {"gracePeriodSeconds": 0}}),
        ),
    ]
}

/// What a part may become.
fn oddity(rng: &mut StdRng) -> Value {
    let odd = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(""),
        json!(" "),
        json!("-"),
        json!("x/y/z:1@sha256:0"),
        json!("9999999999Ei"),
        json!("-1m"),
        json!("0001-01-01T00:00:00Z"),
        json!("2026-13-01T00:00:00Z"),
        json!("\u{0}\n\u{1b}[31m\u{202e}ü"),
        json!("metadata.labels['"),
        json!("$("),
        json!("../../etc"),
        json!("a".repeat(300)),
        json!([]),
        json!({}),
        json!([null]),
        json!({"": null}),
        json!([[]]),
        json!([{"name": "c"}, {"name": "c"}]),
        json!({"$patch": "replace"}),
    ];
    odd.choose(rng).cloned().unwrap_or_default()
}

/// Changes one part of it, chosen evenly among all parts.
fn change(rng: &mut StdRng, value: &mut Value) {
    let mut paths = vec![];
    collect(value, &mut String::new(), &mut paths);
    let Some(path) = paths.choose(rng) else { return };
    let (parent, last) = path.rsplit_once('/').unwrap_or_default();
    let choice = rng.random_range(0..10);
    match value.pointer_mut(parent) {
        Some(Value::Object(map)) => match choice {
            0 => _ = map.shift_remove(last),
            1 => _ = map.insert(format!("{last}x"), oddity(rng)),
            _ => _ = map.insert(last.to_owned(), oddity(rng)),
        },
        Some(Value::Array(list)) => match (choice, list.first().cloned()) {
            (0, _) => _ = list.pop(),
            (1, Some(first)) => list.push(first),
            _ => list[0] = oddity(rng),
        },
        _ => *value = oddity(rng),
    }
}

/// JSON pointers to all that is in it.
fn collect(value: &Value, path: &mut String, paths: &mut Vec<String>) {
    let here = path.len();
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.replace('~', "~0").replace('/', "~1"), value)).collect()
        }
        Value::Array(list) => list.iter().enumerate().map(|(i, value)| (i.to_string(), value)).collect(),
        _ => vec![],
    };
    for (key, child) in children {
        path.push('/');
        path.push_str(&key);
        paths.push(path.clone());
        collect(child, path, paths);
        path.truncate(here);
    }
}

/// A request about one of the samples, with one to three changes to its body.
fn request(rng: &mut StdRng, samples: &[(String, Value)]) -> Request<Vec<u8>> {
    let (path, mut body) = samples.choose(rng).cloned().unwrap_or_default();
    for _ in 0..rng.random_range(1..4) {
        change(rng, &mut body);
    }
    let name = path.rsplit('/').next().filter(|last| last.ends_with('s'));
    let of_sample = samples.iter().find(|(p, _)| *p == path).map(|(_, sample)| &sample["metadata"]["name"]);
    let one = format!("{path}/{}", of_sample.and_then(Value::as_str).unwrap_or("x"));
    let part = ["", "", "", "/status", "/finalize"].choose(rng).copied().unwrap_or_default();
    let (method, path, media) = match rng.random_range(0..8) {
        _ if name.is_none() => (Method::POST, path, "application/json"),
        0 | 1 => (Method::POST, path, "application/json"),
        2 => (Method::PUT, one + part, "application/json"),
        3 | 4 => (Method::PATCH, one + part, "application/merge-patch+json"),
        5 => (Method::PATCH, one + part, "application/strategic-merge-patch+json"),
        6 => (Method::PATCH, one + "?fieldManager=f", "application/apply-patch+yaml"),
        _ => (Method::DELETE, one, "application/json"),
    };
    let json = body.to_string().into_bytes();
    Request::builder().method(method).uri(path).header("content-type", media).body(json).unwrap()
}

async fn reads_back<K>(client: &kube::Client)
where
    K: kube::Resource + DeserializeOwned + Clone + std::fmt::Debug,
    K::DynamicType: Default,
{
    let list = Api::<K>::all(client.clone()).list(&Default::default()).await;
    list.unwrap_or_else(|error| panic!("{}: {error:?}", std::any::type_name::<K>()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_sent_is_answered_and_the_cluster_lives_on() {
    let runtime = Arc::new(NullRuntime::new());
    runtime.serve("a:1", None);
    let version = Version { major: 1, minor: 36 };
    let options = MiniOptions { node_name: "n1".into(), version, timelapse: 1000.0, runtime };
    let mini = Mini::start(options).await.unwrap();
    let client = mini.client();
    let samples = samples();
    let mut rng = StdRng::seed_from_u64(SEED);
    let (mut accepted, mut refused) = (0, 0);
    for round in 0..ROUNDS {
        // Now and then all is as it was meant.
        for (path, body) in samples.iter().filter(|_| round % 50 == 0) {
            let request = Request::post(path).header("content-type", "application/json");
            let _ = client.send(request.body(body.to_string().into_bytes().into()).unwrap()).await;
        }
        let request = request(&mut rng, &samples);
        let asked = format!("{} {} {}", request.method(), request.uri(), String::from_utf8_lossy(request.body()));
        let response = client.send(request.map(Into::into)).await.unwrap();
        let code = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_else(|_| panic!("{code} to {asked}"));
        // Some faults a real server hands on as they came, without a reason, too.
        assert!(code < 500 || answer["reason"].is_null(), "{answer} to {asked}");
        match code {
            200..300 => accepted += 1,
            _ => {
                assert_eq!((&answer["kind"], &answer["code"]), (&json!("Status"), &json!(code)), "to {asked}");
                refused += 1;
            }
        }
        if round % 100 == 99 {
            reads_back::<Pod>(&client).await;
            reads_back::<Secret>(&client).await;
            reads_back::<ConfigMap>(&client).await;
            reads_back::<ServiceAccount>(&client).await;
            reads_back::<Event>(&client).await;
            reads_back::<Namespace>(&client).await;
            reads_back::<Node>(&client).await;
            reads_back::<Role>(&client).await;
            reads_back::<ClusterRole>(&client).await;
            reads_back::<RoleBinding>(&client).await;
            reads_back::<ClusterRoleBinding>(&client).await;
            for (path, _) in samples.iter().filter(|(path, _)| !path.contains("/default/") || path.ends_with('s')) {
                let request = Request::get(path).header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
                let response = client.send(request.body(vec![].into()).unwrap()).await.unwrap();
                assert!(matches!(response.status().as_u16(), 200 | 405), "{path}: {}", response.status());
            }
        }
    }
    assert!(accepted > ROUNDS / 10 && refused > ROUNDS / 10, "{accepted} accepted, {refused} refused");
    // In a namespace of its own a pod runs as ever.
    let namespaces = Api::<Namespace>::all(client.clone());
    let fresh = |name: &str| serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
    namespaces.create(&PostParams::default(), &fresh("fresh")).await.unwrap();
    let accounts = Api::<ServiceAccount>::namespaced(client.clone(), "fresh");
    let there = kube::runtime::wait::await_condition(accounts, "default", |a: Option<&ServiceAccount>| a.is_some());
    tokio::time::timeout(PATIENCE, there).await.expect("controllers live").unwrap();
    let pods = Api::<Pod>::namespaced(client.clone(), "fresh");
    let pod = serde_json::from_value(pod("last")).unwrap();
    pods.create(&PostParams::default(), &pod).await.unwrap();
    let runs = kube::runtime::wait::await_condition(pods, "last", kube::runtime::conditions::is_pod_running());
    tokio::time::timeout(PATIENCE, runs).await.expect("the kubelet lives").unwrap();
    mini.close().await;
}

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);
