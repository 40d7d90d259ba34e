//! `rehearse why` on a stage of mini's: pods that wait for their images for reasons of many kinds, and pods that do not.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{DynamicObject, ListParams, Patch, PatchParams};
use kube::discovery::ApiResource;
use kube::{Api, Client, ResourceExt as _};
use rehearsal::wait::{Probe, Wake, until};
use serde_json::{Value, json};

use crate::program::Ground;

const IMAGE: &str = "docker.io/cloudwithvarjosh/app1:1.0.0";
const HUB: &str = "https://index.docker.io/v1/";
const NAMESPACE: &str = "shop";

fn pod(name: &str, image: &str, secrets: &[&str]) -> Value {
    let secrets: Vec<Value> = secrets.iter().map(|name| json!({"name": name})).collect();
    let container = json!({"name": "c", "image": image});
    object("Pod", name, json!({"spec": {"containers": [container], "imagePullSecrets": secrets}}))
}

fn object(kind: &str, name: &str, rest: Value) -> Value {
    let version = match kind {
        "Deployment" => "apps/v1",
        "Job" => "batch/v1",
        _ => "v1",
    };
    let mut object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}});
    object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    object
}

/// A docker config with these servers and passwords.
fn secret(name: &str, logins: &[(&str, &str)]) -> Value {
    let login = |(server, password): &(&str, &str)| {
        ((*server).to_owned(), json!({"username": "cloudwithvarjosh", "password": password}))
    };
    let auths: serde_json::Map<String, Value> = logins.iter().map(login).collect();
    let config = json!({"auths": auths}).to_string();
    let rest = json!({"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": config}});
    object("Secret", name, rest)
}

async fn apply(client: &Client, object: &Value) {
    let (group, version) = match object["apiVersion"].as_str().unwrap().split_once('/') {
        Some((group, version)) => (group, version),
        None => ("", "v1"),
    };
    let kind = object["kind"].as_str().unwrap();
    let plural = format!("{}s", kind.to_lowercase());
    let api_version = object["apiVersion"].as_str().unwrap().to_owned();
    let (group, version, kind) = (group.to_owned(), version.to_owned(), kind.to_owned());
    let resource = ApiResource { group, version, api_version, kind, plural };
    let api = match resource.kind.as_str() {
        "Namespace" => Api::<DynamicObject>::all_with(client.clone(), &resource),
        _ => Api::namespaced_with(client.clone(), NAMESPACE, &resource),
    };
    let name = object["metadata"]["name"].as_str().unwrap();
    api.patch(name, &PatchParams::apply("test"), &Patch::Apply(object)).await.unwrap();
}

#[tokio::test]
async fn the_broken_link_is_named_and_nothing_else() {
    let ground = Ground::new().await;
    let stage = ground.up().await;
    let (client, password) = (stage.client().await, stage.password.as_str());

    let template = |image: &str, secret: &str, restart: &str| {
        let secrets = json!([{"name": secret}]);
        let spec = json!({"restartPolicy": restart, "containers": [{"name": "c", "image": image}], "imagePullSecrets": secrets});
        json!({"metadata": {"labels": {"app": "web"}}, "spec": spec})
    };
    let with_init = {
        let mut pod = pod("init", IMAGE, &["right"]);
        pod["spec"]["initContainers"] = json!([{"name": "first", "image": "docker.io/cloudwithvarjosh/app1:1.0"}]);
        pod
    };
    let two = {
        let mut pod = pod("two", IMAGE, &["right"]);
        let second = json!({"name": "second", "image": "docker.io/cloudwithvarjosh/other:1"});
        pod["spec"]["containers"].as_array_mut().unwrap().push(second);
        pod
    };
    let crashes = {
        let mut pod = pod("crashes", IMAGE, &["right"]);
        pod["spec"]["containers"][0]["command"] = json!(["python", "-c", "raise SystemExit(3)"]);
        pod
    };
    let unfit = {
        let mut pod = pod("unfit", IMAGE, &["gone"]);
        pod["spec"]["nodeSelector"] = json!({"no": "node"});
        pod
    };
    let damaged = object(
        "Secret",
        "damaged",
        json!({"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": format!("{{\"auths\":{{\"{HUB}\":{{\"auth\":\"****\"}}}}}}")}}),
    );
    let old = object(
        "Secret",
        "old",
        json!({"type": "kubernetes.io/dockercfg", "stringData": {".dockercfg": json!({"quay.io": {"username": "u", "password": "p"}}).to_string()}}),
    );
    let selector = json!({"matchLabels": {"app": "web"}});
    let objects = [
        object("Namespace", NAMESPACE, json!({})),
        secret("right", &[(HUB, password)]),
        secret("wrong", &[(HUB, "not-the-password")]),
        secret("both", &[("docker.io", "not-the-password"), (HUB, password)]),
        damaged,
        old,
        pod("misspelt", IMAGE, &["rigth"]),
        pod("hidden", IMAGE, &["both"]),
        pod("damaged", IMAGE, &["damaged", "right"]),
        pod("old-format", IMAGE, &["old"]),
        pod("unnamed", IMAGE, &[]),
        pod("foreign", "quay.io/a/b:1", &["right"]),
        pod("tag", "docker.io/cloudwithvarjosh/app1:1.0", &["right"]),
        pod("name", "docker.io/CloudWithVarJosh/app1:1.0.0", &["right"]),
        with_init,
        two,
        object(
            "Deployment",
            "web",
            json!({"spec": {"selector": selector, "template": template(IMAGE, "wrong", "Always")}}),
        ),
        object("Job", "once", json!({"spec": {"template": template(IMAGE, "nowhere", "Never")}})),
        pod("fine", IMAGE, &["right"]),
        pod("fine-beside-a-gone-one", IMAGE, &["gone", "right"]),
        crashes,
        unfit,
    ];
    for object in &objects {
        apply(&client, object).await;
    }

    let pods = Api::<Pod>::namespaced(client.clone(), NAMESPACE);
    let settled = async || {
        let waiting = |pod: &Pod| {
            let status = pod.status.clone().unwrap_or_default();
            let states = status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
            let mut reasons = states.filter_map(|one| one.state.as_ref()?.waiting.as_ref()?.reason.clone());
            let begins = reasons.clone().next().is_none() || reasons.any(|reason| reason.ends_with("Creating"));
            begins && status.phase.as_deref() == Some("Pending") && pod.name_any() != "unfit"
        };
        let all = pods.list(&ListParams::default()).await.unwrap();
        let begin: Vec<String> = all.iter().filter(|pod| waiting(pod)).map(|pod| pod.name_any()).collect();
        let refused = |pod: &Pod| {
            let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.clone());
            statuses.iter().flatten().any(|one| one.image_id.is_empty())
        };
        let ok = |name: &str| all.iter().any(|pod| pod.name_any() == name && !refused(pod));
        match begin.is_empty() && all.items.len() == 16 && ok("fine") && ok("fine-beside-a-gone-one") && ok("crashes") {
            true => Probe::Done(()),
            false => Probe::Pending(format!("{} pods, {begin:?}", all.items.len())),
        }
    };
    until("all pods", Duration::from_secs(60), Wake::Every(Duration::from_millis(50)), settled).await.unwrap();

    let all = ground.rehearse(&["why", "-A", "--json", "--cluster", "mini"]).run().await.exits_with(1);
    assert!(!all.stdout.contains("not-the-password") && !all.stdout.contains(password));
    let found: Vec<Value> = serde_json::from_str(&all.stdout).unwrap();
    let stem = |pod: &str| pod.split("-").next().unwrap().to_owned();
    let causes: BTreeMap<String, &str> =
        found.iter().map(|one| (stem(one["pod"].as_str().unwrap()), one["cause"]["id"].as_str().unwrap())).collect();
    let expected = [
        ("damaged", "secret-damaged"),
        ("foreign", "registry-not-of-this-stage"),
        ("hidden", "entry-hidden"),
        ("init", "tag-unknown"),
        ("misspelt", "secret-missing"),
        ("name", "image-name-invalid"),
        ("old", "secret-for-other-server"),
        ("once", "secret-missing"),
        ("tag", "tag-unknown"),
        ("two", "repository-unknown"),
        ("unnamed", "no-secret-named"),
        ("web", "login-refused"),
    ];
    assert_eq!(causes, expected.map(|(pod, cause)| (pod.to_owned(), cause)).into());

    let why = |args: &[&str]| ground.rehearse(&[&["why", "-n", NAMESPACE, "--cluster", "mini"], args].concat());
    why(&["misspelt"]).run().await.exits_with(1).says("secret/right .metadata.name: is there, spelt otherwise");
    why(&["tag"]).run().await.exits_with(1).says("it has `1.0.0`");
    why(&["unnamed"]).run().await.exits_with(1).says("secret/right: would do, and nobody names it");
    why(&["deploy/web"]).run().await.exits_with(1).says("login-refused: docker.io does not take the login");
    why(&["deploy/web", "--offline"]).run().await.exits_with(1).says("login-refused");
    why(&["job/once"]).run().await.exits_with(1).says("`nowhere`, which shop does not have");
    why(&["fine"]).run().await.exits_with(0).says("no trouble with its images");
    why(&["crashes"]).run().await.exits_with(0).says("another matter");
    why(&["fien"]).run().await.exits_with(2).says("there is no pod `fien` in shop").says("there is: fine");
    why(&["deploy/nope"]).run().await.exits_with(2).says("there is no deployment/nope in shop");
    why(&["svc/x"]).run().await.exits_with(2).says("is neither a pod nor deploy/NAME");
    let manifest = ground.path("pod.yaml").display().to_string();
    std::fs::write(&manifest, pod("new", IMAGE, &["wrong"]).to_string()).unwrap();
    why(&["-f", &manifest]).run().await.exits_with(1).says("login-refused");
    std::fs::write(&manifest, pod("new", IMAGE, &["right"]).to_string()).unwrap();
    why(&["-f", &manifest]).run().await.exits_with(0);
    std::fs::write(&manifest, "kind: [").unwrap();
    why(&["-f", &manifest]).run().await.exits_with(2).says("no manifest with pods");
    ground.rehearse(&["down"]).run().await.exits_with(0);
    why(&["fine"]).run().await.exits_with(2).says("no stage is up");
    let elsewhere = ["why", "p", "--cluster", "context:nowhere"];
    ground.rehearse(&elsewhere).env("KUBECONFIG", "/nonexistent").run().await.exits_with(2).says("hint:");
    ground.nothing_is_left(1).await;
}
