//! Pods: creation, status, deletion. Defaults, validation and updates have files of their own.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{pod_defaults, pod_ephemeral, pod_update, pod_validation};
use crate::kubewords::quantity;
use crate::mini::Version;
use crate::mini::resource::{Strategy, carry};
use crate::mini::status::FieldError;

/// Kubernetes `pkg/registry/core/pod/strategy.go`.
pub(crate) struct PodStrategy;

impl Strategy for PodStrategy {
    fn default(&self, object: &mut Value) {
        pod_defaults::apply(object);
    }

    fn prepare_create(&self, object: &mut Value, version: Version) {
        object["status"] = json!({"phase": "Pending", "qosClass": qos_class(&object["spec"])});
        if tracks_generation(version) {
            object["metadata"]["generation"] = json!(1);
        }
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = pod_validation::validate(object);
        if !object["spec"]["ephemeralContainers"].is_null() {
            errors.push(FieldError::forbidden("spec.ephemeralContainers", "cannot be set on create"));
        }
        errors
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        warnings("spec", &object["spec"])
    }

    fn prepare_update(&self, new: &mut Value, old: &Value, version: Version) {
        carry(new, old, "status");
        if tracks_generation(version) && new["spec"] != old["spec"] {
            let generation = old["metadata"]["generation"].as_i64().unwrap_or(1) + 1;
            new["metadata"]["generation"] = json!(generation);
        }
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = pod_validation::validate(new);
        errors.extend(pod_update::validate(new, old));
        errors
    }

    fn validate_ephemeral_containers(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        pod_ephemeral::validate(new, old)
    }

    fn grace(&self, object: &Value, requested: Option<i64>) -> i64 {
        let unscheduled = object["spec"]["nodeName"].as_str().unwrap_or_default().is_empty();
        let ended = matches!(object["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
        let own = object["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap_or(30);
        if unscheduled || ended { 0 } else { requested.unwrap_or(own).max(0) }
    }

    fn returns_deleted(&self) -> bool {
        true
    }
}

/// The part of Kubernetes `pkg/api/pod/warnings.go` that lectures meet.
pub(super) fn warnings(path: &str, spec: &Value) -> Vec<String> {
    let list = |of: &Value| of.as_array().cloned().unwrap_or_default().into_iter().enumerate();
    let name = |item: &Value| item["name"].as_str().unwrap_or_default().to_owned();
    let (mut duplicate, mut empty, mut seen) = (vec![], vec![], HashSet::new());
    for (i, secret) in list(&spec["imagePullSecrets"]) {
        let (name, at) = (name(&secret), format!("{path}.imagePullSecrets[{i}].name"));
        if name.is_empty() {
            empty.push(format!("{at}: invalid empty name {name:?}"));
        }
        if !seen.insert(name.clone()) {
            duplicate.push(format!("{at}: duplicate name {name:?}"));
        }
    }
    let mut warnings = [duplicate, empty].concat();
    for kind in ["initContainers", "containers"] {
        for (i, container) in list(&spec[kind]) {
            let mut seen = HashSet::new();
            for (j, variable) in list(&container["env"]) {
                let (name, value) = (name(&variable), variable["value"].as_str().unwrap_or_default());
                let reference = format!("$({name})");
                let extends = variable["valueFrom"].is_null() && value != reference && value.contains(&reference);
                if !seen.insert(name.clone()) && !extends {
                    let at = format!("{path}.{kind}[{i}].env[{j}]");
                    let what = format!("hides previous definition of {name:?}, which may be dropped when using apply");
                    warnings.push(format!("{at}: {what}"));
                }
            }
        }
    }
    if spec["terminationGracePeriodSeconds"].as_i64().is_some_and(|seconds| seconds < 0) {
        let what = "must be >= 0; negative values are invalid and will be treated as 1";
        warnings.push(format!("{path}.terminationGracePeriodSeconds: {what}"));
    }
    warnings
}

/// Pods carry `metadata.generation` since 1.34 (feature PodObservedGenerationTracking).
fn tracks_generation(version: Version) -> bool {
    version >= Version { major: 1, minor: 34 }
}

/// Kubernetes `pkg/apis/core/helper/qos`.
fn qos_class(spec: &Value) -> &'static str {
    let containers: Vec<&Value> =
        ["containers", "initContainers"].iter().filter_map(|k| spec[*k].as_array()).flatten().collect();
    // Nothing of a resource is as good as no word of it.
    let quantity = |c: &Value, kind: &str, resource: &str| {
        Some(quantity::value(c["resources"][kind][resource].as_str()?)).filter(|amount| *amount > 0)
    };
    let set = |c: &&Value| {
        ["limits", "requests"].iter().any(|k| ["cpu", "memory"].iter().any(|r| quantity(c, k, r).is_some()))
    };
    if !containers.iter().any(set) {
        return "BestEffort";
    }
    let guaranteed = containers.iter().all(|c| {
        ["cpu", "memory"].iter().all(|r| {
            let limit = quantity(c, "limits", r);
            limit.is_some() && quantity(c, "requests", r).is_none_or(|q| Some(q) == limit)
        })
    });
    if guaranteed { "Guaranteed" } else { "Burstable" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qos_follows_requests_and_limits() {
        let spec = |resources: Value| json!({"containers": [{"resources": resources}]});
        assert_eq!(qos_class(&spec(json!({}))), "BestEffort");
        assert_eq!(qos_class(&spec(json!({"requests": {"cpu": "1"}}))), "Burstable");
        assert_eq!(qos_class(&spec(json!({"requests": {"cpu": "0"}}))), "BestEffort");
        let both = json!({"cpu": "1", "memory": "1Gi"});
        let same = json!({"cpu": "1", "memory": "1073741824"});
        assert_eq!(qos_class(&spec(json!({"limits": both, "requests": same}))), "Guaranteed");
        assert_eq!(qos_class(&spec(json!({"limits": both, "requests": both}))), "Guaranteed");
        assert_eq!(
            qos_class(&spec(json!({"limits": both, "requests": {"cpu": "500m", "memory": "1Gi"}}))),
            "Burstable"
        );
    }

    #[test]
    fn what_is_hardly_meant_is_warned_of() {
        let env = json!([{"name": "A", "value": "1"}, {"name": "A", "value": "$(A)2"}, {"name": "A", "value": "3"}]);
        let spec = json!({
            "imagePullSecrets": [{"name": "r"}, {}, {"name": "r"}], "terminationGracePeriodSeconds": -1,
            "containers": [{"env": env}],
        });
        assert_eq!(
            warnings("spec", &spec),
            [
                r#"spec.imagePullSecrets[2].name: duplicate name "r""#,
                r#"spec.imagePullSecrets[1].name: invalid empty name """#,
                r#"spec.containers[0].env[2]: hides previous definition of "A", which may be dropped when using apply"#,
                "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1",
            ]
        );
        assert_eq!(warnings("spec", &json!({})), Vec::<String>::new());
    }

    #[test]
    fn an_unscheduled_or_ended_pod_goes_at_once() {
        let pod = |node: &str, phase: &str| json!({"spec": {"nodeName": node, "terminationGracePeriodSeconds": 30}, "status": {"phase": phase}});
        assert_eq!(PodStrategy.grace(&pod("", "Pending"), None), 0);
        assert_eq!(PodStrategy.grace(&pod("n", "Failed"), None), 0);
        assert_eq!(PodStrategy.grace(&pod("n", "Running"), None), 30);
        assert_eq!(PodStrategy.grace(&pod("n", "Running"), Some(1)), 1);
        assert_eq!(PodStrategy.grace(&pod("n", "Running"), Some(0)), 0);
    }
}
