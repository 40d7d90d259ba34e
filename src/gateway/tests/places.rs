//! Each place of a name, forward, as a table; and back again, over objects that are made up at random.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::body::Forward;
use super::super::names::Elsewhere;
use super::super::path::Target;
use super::*;

fn names() -> Names {
    let mut names = Names::new("xid").with_image("docker.io/o/app:1");
    names.learn_made("clusterroles", "mine");
    names.learn_made("priorityclasses", "high");
    names
}

fn object(plural: &str, mut value: Value) -> Value {
    Forward::new(&names()).object(plural, &mut value);
    value
}

#[test]
fn objects() {
    for (plural, written, played) in [
        (
            "namespaces",
            json!({"metadata": {"name": "demo", "labels": {"kubernetes.io/metadata.name": "demo", "demo": "demo"}}}),
            json!({"metadata": {"name": "xid-demo", "labels": {"kubernetes.io/metadata.name": "xid-demo", "demo": "demo"}}}),
        ),
        (
            "namespaces",
            json!({"metadata": {"generateName": "demo-"}}),
            json!({"metadata": {"generateName": "xid-demo-"}}),
        ),
        (
            "pods",
            json!({"metadata": {"name": "default", "namespace": "default", "labels": {"namespace": "demo"}, "annotations": {"namespace": "demo"}}}),
            json!({"metadata": {"name": "default", "namespace": "xid", "labels": {"namespace": "demo"}, "annotations": {"namespace": "demo"}}}),
        ),
        ("pods", json!({"metadata": {"namespace": "kube-system"}}), json!({"metadata": {"namespace": "kube-system"}})),
        (
            "pods",
            json!({"spec": {"containers": [{"name": "default", "image": "o/app:2", "args": ["http://web.demo.svc/x", "demo"], "env": [{"name": "NAMESPACE", "value": "demo"}, {"name": "H", "value": "web.default.svc.cluster.local"}], "livenessProbe": {"httpGet": {"host": "web.demo.svc"}}}], "initContainers": [{"image": "docker.io/o/app"}], "priorityClassName": "high"}}),
            json!({"spec": {"containers": [{"name": "default", "image": "rehearsal/xid-o-app:2", "args": ["http://web.xid-demo.svc/x", "demo"], "env": [{"name": "NAMESPACE", "value": "demo"}, {"name": "H", "value": "web.xid.svc.cluster.local"}], "livenessProbe": {"httpGet": {"host": "web.xid-demo.svc"}}}], "initContainers": [{"image": "docker.io/rehearsal/xid-o-app"}], "priorityClassName": "xid-high"}}),
        ),
        (
            "deployments",
            json!({"spec": {"selector": {"matchLabels": {"namespace": "demo"}}, "template": {"metadata": {"namespace": "demo"}, "spec": {"containers": [{"image": "o/app:1"}], "affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"namespaces": ["demo", "kube-system"], "namespaceSelector": {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["demo"]}]}}]}}}}}}),
            json!({"spec": {"selector": {"matchLabels": {"namespace": "demo"}}, "template": {"metadata": {"namespace": "xid-demo"}, "spec": {"containers": [{"image": "rehearsal/xid-o-app:1"}], "affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"namespaces": ["xid-demo", "kube-system"], "namespaceSelector": {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["xid-demo"]}]}}]}}}}}}),
        ),
        (
            "networkpolicies",
            json!({"spec": {"ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "demo"}}}]}]}}),
            json!({"spec": {"ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "xid-demo"}}}]}]}}),
        ),
        (
            "services",
            json!({"spec": {"selector": {"namespace": "demo"}, "externalName": "web.demo.svc.cluster.local"}}),
            json!({"spec": {"selector": {"namespace": "demo"}, "externalName": "web.xid-demo.svc.cluster.local"}}),
        ),
        (
            "rolebindings",
            json!({"subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "demo"}, {"kind": "User", "name": "system:serviceaccount:demo:a"}, {"kind": "Group", "name": "system:serviceaccounts:demo"}], "roleRef": {"kind": "ClusterRole", "name": "mine"}}),
            json!({"subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "xid-demo"}, {"kind": "User", "name": "system:serviceaccount:xid-demo:a"}, {"kind": "Group", "name": "system:serviceaccounts:xid-demo"}], "roleRef": {"kind": "ClusterRole", "name": "xid-mine"}}),
        ),
        (
            "rolebindings",
            json!({"roleRef": {"kind": "ClusterRole", "name": "view"}}),
            json!({"roleRef": {"kind": "ClusterRole", "name": "view"}}),
        ),
        (
            "rolebindings",
            json!({"roleRef": {"kind": "Role", "name": "mine"}}),
            json!({"roleRef": {"kind": "Role", "name": "mine"}}),
        ),
        (
            "clusterroles",
            json!({"rules": [{"resources": ["namespaces"], "resourceNames": ["demo"]}, {"resources": ["pods"], "resourceNames": ["demo"]}]}),
            json!({"rules": [{"resources": ["namespaces"], "resourceNames": ["xid-demo"]}, {"resources": ["pods"], "resourceNames": ["demo"]}]}),
        ),
        (
            "events",
            json!({"involvedObject": {"kind": "Namespace", "name": "demo", "namespace": ""}, "regarding": {"kind": "Pod", "name": "demo", "namespace": "demo"}}),
            json!({"involvedObject": {"kind": "Namespace", "name": "xid-demo", "namespace": ""}, "regarding": {"kind": "Pod", "name": "demo", "namespace": "xid-demo"}}),
        ),
        (
            "selfsubjectaccessreviews",
            json!({"spec": {"resourceAttributes": {"namespace": "demo", "resource": "pods", "name": "demo"}}}),
            json!({"spec": {"resourceAttributes": {"namespace": "xid-demo", "resource": "pods", "name": "demo"}}}),
        ),
        (
            "selfsubjectaccessreviews",
            json!({"spec": {"resourceAttributes": {"resource": "namespaces", "name": "demo"}}}),
            json!({"spec": {"resourceAttributes": {"resource": "namespaces", "name": "xid-demo"}}}),
        ),
        (
            "subjectaccessreviews",
            json!({"spec": {"user": "system:serviceaccount:demo:a", "groups": ["system:serviceaccounts:demo", "devs"]}}),
            json!({"spec": {"user": "system:serviceaccount:xid-demo:a", "groups": ["system:serviceaccounts:xid-demo", "devs"]}}),
        ),
        ("selfsubjectrulesreviews", json!({"spec": {"namespace": "demo"}}), json!({"spec": {"namespace": "xid-demo"}})),
        (
            "configmaps",
            json!({"data": {"namespace": "demo", "nginx.conf": "proxy_pass http://web.demo.svc;"}}),
            json!({"data": {"namespace": "demo", "nginx.conf": "proxy_pass http://web.xid-demo.svc;"}}),
        ),
        (
            "pods",
            json!({"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{\"metadata\":{\"namespace\":\"demo\"},\"h\":\"web.demo.svc\"}"}}}),
            json!({"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{\"metadata\":{\"namespace\":\"demo\"},\"h\":\"web.demo.svc\"}"}}}),
        ),
        (
            "pods",
            json!({"items": [{"kind": "Namespace", "metadata": {"name": "demo"}}, {"kind": "Pod", "metadata": {"name": "demo", "namespace": "demo"}}]}),
            json!({"items": [{"kind": "Namespace", "metadata": {"name": "xid-demo"}}, {"kind": "Pod", "metadata": {"name": "demo", "namespace": "xid-demo"}}]}),
        ),
        (
            "pods",
            json!({"spec": {"$setElementOrder/containers": [{"name": "a"}], "containers": [{"$patch": "delete", "image": "o/app"}]}}),
            json!({"spec": {"$setElementOrder/containers": [{"name": "a"}], "containers": [{"$patch": "delete", "image": "rehearsal/xid-o-app"}]}}),
        ),
    ] {
        assert_eq!(object(plural, written), played, "{plural}");
    }
}

#[test]
fn json_patches() {
    for (plural, path, written, played) in [
        ("pods", "/metadata/namespace", json!("demo"), json!("xid-demo")),
        ("namespaces", "/metadata/name", json!("demo"), json!("xid-demo")),
        ("pods", "/metadata/name", json!("demo"), json!("demo")),
        ("namespaces", "/metadata/labels/kubernetes.io~1metadata.name", json!("demo"), json!("xid-demo")),
        ("pods", "/metadata/labels/namespace", json!("demo"), json!("demo")),
        ("deployments", "/spec/template/spec/containers/0/image", json!("o/app:1"), json!("rehearsal/xid-o-app:1")),
        (
            "deployments",
            "/spec/template/spec/containers/-",
            json!({"image": "o/app"}),
            json!({"image": "rehearsal/xid-o-app"}),
        ),
        ("rolebindings", "/subjects/0", json!({"namespace": "demo"}), json!({"namespace": "xid-demo"})),
        ("rolebindings", "/subjects/0/namespace", json!("demo"), json!("xid-demo")),
        ("namespaces", "", json!({"metadata": {"name": "demo"}}), json!({"metadata": {"name": "xid-demo"}})),
        ("configmaps", "/data/namespace", json!("demo"), json!("demo")),
        ("configmaps", "/data/host", json!("web.demo.svc"), json!("web.xid-demo.svc")),
        (
            "clusterroles",
            "/rules/0",
            json!({"resources": ["namespaces"], "resourceNames": ["demo"]}),
            json!({"resources": ["namespaces"], "resourceNames": ["xid-demo"]}),
        ),
    ] {
        let mut patch = json!([{"op": "test", "path": path, "value": written}, {"op": "remove", "path": path}]);
        Forward::new(&names()).json_patch(plural, &mut patch);
        assert_eq!(patch, json!([{"op": "test", "path": path, "value": played}, {"op": "remove", "path": path}]));
    }
}

#[test]
fn paths_and_queries() {
    for (uri, played) in [
        (
            "/api/v1/namespaces/demo/pods/default/log?follow=true",
            "/api/v1/namespaces/xid-demo/pods/default/log?follow=true",
        ),
        ("/api/v1/namespaces/default", "/api/v1/namespaces/xid"),
        ("/api/v1/namespaces/demo/finalize", "/api/v1/namespaces/xid-demo/finalize"),
        ("/api/v1/namespaces", "/api/v1/namespaces"),
        ("/apis/apps/v1/namespaces/demo/deployments/d/scale", "/apis/apps/v1/namespaces/xid-demo/deployments/d/scale"),
        ("/apis/x.io/v1/namespaces/default/default/default", "/apis/x.io/v1/namespaces/xid/default/default"),
        ("/api/v1/namespaces/kube-system/pods", "/api/v1/namespaces/kube-system/pods"),
        (
            "/api/v1/namespaces/demo/services/web:80/proxy/a%2Fb/../c?x=demo",
            "/api/v1/namespaces/xid-demo/services/web%3A80/proxy/a%2Fb/../c?x=demo",
        ),
        ("/api/v1/watch/namespaces/demo/pods", "/api/v1/namespaces/xid-demo/pods?watch=true"),
        (
            "/api/v1/watch/namespaces/demo/pods/p",
            "/api/v1/namespaces/xid-demo/pods?watch=true&fieldSelector=metadata.name%3Dp",
        ),
        (
            "/api/v1/pods?fieldSelector=metadata.namespace!=kube-system,metadata.namespace%3Ddemo",
            "/api/v1/pods?fieldSelector=metadata.namespace%21%3Dkube-system%2Cmetadata.namespace%3Dxid-demo",
        ),
        (
            "/api/v1/namespaces?fieldSelector=metadata.name==demo",
            "/api/v1/namespaces?fieldSelector=metadata.name%3D%3Dxid-demo",
        ),
        (
            "/api/v1/namespaces/demo/pods?fieldSelector=metadata.name=demo",
            "/api/v1/namespaces/xid-demo/pods?fieldSelector=metadata.name%3Ddemo",
        ),
        (
            "/api/v1/namespaces/demo/events?fieldSelector=involvedObject.namespace=demo,involvedObject.name=demo",
            "/api/v1/namespaces/xid-demo/events?fieldSelector=involvedObject.namespace%3Dxid-demo%2CinvolvedObject.name%3Ddemo",
        ),
        (
            "/api/v1/events?fieldSelector=involvedObject.kind=Namespace,involvedObject.name=demo",
            "/api/v1/events?fieldSelector=involvedObject.kind%3DNamespace%2CinvolvedObject.name%3Dxid-demo",
        ),
        (
            "/api/v1/namespaces?labelSelector=app=demo,kubernetes.io/metadata.name%20in%20(demo,default),kubernetes.io/metadata.name!=x",
            "/api/v1/namespaces?labelSelector=app%3Ddemo%2Ckubernetes.io%2Fmetadata.name%20in%20%28xid-demo%2Cxid%29%2Ckubernetes.io%2Fmetadata.name%21%3Dxid-x",
        ),
        (
            "/api/v1/namespaces/demo/pods/p/exec?command=curl&command=web.demo.svc",
            "/api/v1/namespaces/xid-demo/pods/p/exec?command=curl&command=web.xid-demo.svc",
        ),
        ("/version?timeout=32s", "/version?timeout=32s"),
        ("/", "/"),
        (
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode",
        ),
    ] {
        let target = Target::read(&Method::GET, &uri.parse().unwrap()).unwrap();
        assert_eq!(target.forward(&names(), &target.info.name), played, "{uri}");
    }
}

#[test]
fn a_secret_comes_back_as_it_was_written() {
    use base64::Engine;
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let elsewhere =
        Elsewhere { host: "ghcr.io".into(), path: "me".into(), username: "me".into(), lecture_username: "o".into() };
    let config = "{\"auths\":{\"https://index.docker.io/v1/\":{\"username\":\"o\"}}}";
    let there = encode("{\"auths\":{\"ghcr.io\":{\"username\":\"me\"}}}");
    let wrapped = format!("{}\n{}\n", &encode(config)[..20], &encode(config)[20..]);
    for (field, written) in [("data", encode(config)), ("data", wrapped), ("stringData", config.to_owned())] {
        let mut names = Names::new("xid").in_registry(Some(elsewhere.clone()));
        let mut played = json!({field: {".dockerconfigjson": written}});
        let mut forward = Forward::new(&names);
        forward.object("secrets", &mut played);
        let sent = played[field][".dockerconfigjson"].as_str().unwrap();
        assert_eq!(if field == "data" { sent.to_owned() } else { encode(sent) }, there, "{written}");
        let configs = std::mem::take(&mut forward.configs);
        configs.iter().for_each(|(played, written)| names.learn_config(played, written));
        // The server tells base64 of one line, whatever it was sent.
        let told = |config: String| json!({"data": {".dockerconfigjson": config}}).to_string();
        assert_eq!(names.back(&told(there.clone())), told(encode(config)), "{written}");
    }
}

/// Words that names and values are made of, the dangerous ones among them.
const WORDS: &[&str] = &[
    "default",
    "demo",
    "a",
    "namespace",
    "kube-system",
    "web.default.svc",
    "x.demo.svc:80",
    "o/app:1",
    "docker.io/o/app",
    "nginx",
    "system:serviceaccount:demo:a",
    "mine",
    "Namespace",
    "ClusterRole",
    "kubernetes.default.svc",
    "rehearsal",
    "D",
    "I",
];
const KEYS: &[&str] = &[
    "metadata",
    "name",
    "namespace",
    "namespaces",
    "labels",
    "image",
    "kind",
    "roleRef",
    "subjects",
    "selector",
    "items",
    "matchExpressions",
    "key",
    "values",
    "rules",
    "resources",
    "resourceNames",
    "involvedObject",
    "data",
    "annotations",
    "kubernetes.io/metadata.name",
    "spec",
    "containers",
    "args",
    "value",
    "generateName",
    "priorityClassName",
    "$setElementOrder/containers",
];

fn generated(random: &mut StdRng, depth: usize) -> Value {
    let word = |random: &mut StdRng, words: &[&'static str]| words[random.random_range(0..words.len())];
    match random.random_range(0..if depth == 0 { 4 } else { 8 }) {
        0 => json!(random.random_range(-5..5)),
        1 => Value::Null,
        2 | 3 => json!(word(random, WORDS)),
        4 | 5 => (0..random.random_range(0..4)).map(|_| generated(random, depth - 1)).collect(),
        _ => {
            let fields =
                (0..random.random_range(0..6)).map(|_| (word(random, KEYS).to_owned(), generated(random, depth - 1)));
            Value::Object(fields.collect())
        }
    }
}

#[test]
fn what_goes_there_comes_back_as_it_was() {
    let mut names = Names::new(ID).with_image("docker.io/o/app:1");
    names.learn_made("clusterroles", "mine");
    let (mut random, back) = (StdRng::seed_from_u64(45), names.replacer());
    let mut changed = 0;
    for round in 0..4_000 {
        let written = generated(&mut random, 5);
        let mut played = written.clone();
        let plural = ["namespaces", "pods", "subjectaccessreviews"][round % 3];
        Forward::new(&names).object(plural, &mut played);
        changed += usize::from(played != written);
        let text = played.to_string();
        assert_eq!(back.text(&text), written.to_string(), "{plural} as {text}");
    }
    assert!(changed > 300, "{changed}");
}
