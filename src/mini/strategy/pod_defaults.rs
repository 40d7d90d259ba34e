//! Defaults of a pod and of a pod's template (Kubernetes `pkg/apis/core/v1/defaults.go`) and of the admission plugins
//! Priority and DefaultTolerationSeconds. Pure.

use serde_json::{Value, json};

/// Sets `object[key]` unless it is there.
pub(super) fn or(object: &mut Value, key: &str, value: Value) {
    if object[key].is_null() {
        object[key] = value;
    }
}

fn each<'a>(object: &'a mut Value, key: &str) -> impl Iterator<Item = &'a mut Value> + use<'a> {
    object.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten()
}

fn within<'a>(object: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    object.get_mut(key).filter(|v| v.is_object())
}

/// What a pod gets and a template does not: the pods made of it get it in their turn.
pub(super) fn apply(pod: &mut Value) {
    let pod_spec = &mut pod["spec"];
    spec(pod_spec);
    for (key, value) in [
        ("enableServiceLinks", json!(true)),
        ("priority", json!(0)),
        ("preemptionPolicy", json!("PreemptLowerPriority")),
    ] {
        or(pod_spec, key, value);
    }
    tolerations(pod_spec);
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        each(pod_spec, list).for_each(|container| requests_from_limits(&mut container["resources"]));
    }
}

/// The spec of a pod or of a template.
pub(super) fn spec(spec: &mut Value) {
    for (key, value) in [
        ("restartPolicy", json!("Always")),
        ("dnsPolicy", json!("ClusterFirst")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("securityContext", json!({})),
        ("schedulerName", json!("default-scheduler")),
    ] {
        or(spec, key, value);
    }
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        each(spec, list).for_each(container);
    }
    each(spec, "volumes").for_each(volume);
}

/// Without a toleration of its own, a pod survives five minutes on a node that is away.
fn tolerations(spec: &mut Value) {
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let tolerated = each(spec, "tolerations")
            .any(|t| (t["key"] == key || t["key"].is_null()) && (t["effect"] == "NoExecute" || t["effect"].is_null()));
        if !tolerated {
            or(spec, "tolerations", json!([]));
            if let Some(list) = spec["tolerations"].as_array_mut() {
                list.push(json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}));
            }
        }
    }
}

fn container(container: &mut Value) {
    let policy = pull_policy(container["image"].as_str().unwrap_or_default());
    or(container, "imagePullPolicy", json!(policy));
    or(container, "terminationMessagePath", json!("/dev/termination-log"));
    or(container, "terminationMessagePolicy", json!("File"));
    or(container, "resources", json!({}));
    each(container, "ports").for_each(|port| or(port, "protocol", json!("TCP")));
    for env in each(container, "env") {
        if let Some(field) = within(env, "valueFrom").and_then(|v| within(v, "fieldRef")) {
            or(field, "apiVersion", json!("v1"));
        }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = within(container, probe) {
            for (key, value) in
                [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
            {
                or(probe, key, json!(value));
            }
            handler(probe);
        }
    }
    if let Some(lifecycle) = within(container, "lifecycle") {
        for hook in ["postStart", "preStop"] {
            within(lifecycle, hook).into_iter().for_each(handler);
        }
    }
}

fn handler(handler: &mut Value) {
    if let Some(get) = within(handler, "httpGet") {
        or(get, "path", json!("/"));
        or(get, "scheme", json!("HTTP"));
    }
    if let Some(grpc) = within(handler, "grpc") {
        or(grpc, "service", json!(""));
    }
}

fn requests_from_limits(resources: &mut Value) {
    let Some(limits) = resources["limits"].as_object().cloned() else {
        return;
    };
    or(resources, "requests", json!({}));
    for (name, quantity) in limits {
        or(&mut resources["requests"], &name, quantity);
    }
}

/// `Always` for the tag `latest`, given or implied; else `IfNotPresent`.
pub(super) fn pull_policy(image: &str) -> &'static str {
    let name = image.rsplit('/').next().unwrap_or(image);
    let digest = name.contains('@');
    let tag = name.split('@').next().and_then(|n| n.split_once(':')).map(|(_, tag)| tag);
    match tag {
        Some("latest") => "Always",
        None if !digest => "Always",
        _ => "IfNotPresent",
    }
}

fn volume(volume: &mut Value) {
    if volume.as_object().is_some_and(|v| v.keys().all(|k| k == "name")) {
        volume["emptyDir"] = json!({});
    }
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        if let Some(source) = within(volume, source) {
            or(source, "defaultMode", json!(0o644));
        }
    }
    if let Some(path) = within(volume, "hostPath") {
        or(path, "type", json!(""));
    }
    each(&mut volume["downwardAPI"], "items").for_each(downward);
    for source in each(&mut volume["projected"], "sources") {
        if let Some(token) = within(source, "serviceAccountToken") {
            or(token, "expirationSeconds", json!(3600));
        }
        if let Some(api) = within(source, "downwardAPI") {
            each(api, "items").for_each(downward);
        }
    }
    // Indexing mutably above creates nulls where nothing was.
    if let Some(map) = volume.as_object_mut() {
        map.retain(|_, v| !v.is_null());
    }
}

fn downward(item: &mut Value) {
    if let Some(field) = within(item, "fieldRef") {
        or(field, "apiVersion", json!("v1"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_decides_the_pull_policy() {
        for (image, policy) in [
            ("nginx", "Always"),
            ("localhost:5001/app", "Always"),
            ("nginx:latest", "Always"),
            ("nginx:1.27", "IfNotPresent"),
            ("localhost:5001/app1:1.0.0", "IfNotPresent"),
            ("nginx@sha256:aa", "IfNotPresent"),
            ("nginx:latest@sha256:aa", "Always"),
        ] {
            assert_eq!(pull_policy(image), policy, "{image}");
        }
    }

    #[test]
    fn a_minimal_pod_is_filled_in() {
        let mut pod =
            json!({"spec": {"containers": [{"name": "app", "image": "a:1", "ports": [{"containerPort": 80}]}]}});
        apply(&mut pod);
        insta::assert_json_snapshot!(pod["spec"]);
    }
}
