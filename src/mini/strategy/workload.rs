//! Deployments and ReplicaSets (Kubernetes `pkg/apis/apps`): defaults, validation, generations. Pure.

use serde_json::{Value, json};

use super::pod_defaults::or;
use super::pod_template;
use crate::mini::Version;
use crate::mini::label_selector::{self, LabelSelector};
use crate::mini::resource::{Strategy, carry};
use crate::mini::status::FieldError;

const PERCENT: &str = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

/// Kubernetes `pkg/registry/apps/deployment/strategy.go`.
pub(crate) struct DeploymentStrategy;

impl Strategy for DeploymentStrategy {
    fn default(&self, object: &mut Value) {
        let spec = &mut object["spec"];
        or(spec, "replicas", json!(1));
        or(&mut spec["strategy"], "type", json!("RollingUpdate"));
        if spec["strategy"]["type"] == "RollingUpdate" {
            or(&mut spec["strategy"]["rollingUpdate"], "maxUnavailable", json!("25%"));
            or(&mut spec["strategy"]["rollingUpdate"], "maxSurge", json!("25%"));
        }
        or(spec, "revisionHistoryLimit", json!(10));
        or(spec, "progressDeadlineSeconds", json!(600));
        pod_template::default(object);
    }

    fn prepare_create(&self, object: &mut Value, _version: Version) {
        object["status"] = json!({});
        object["metadata"]["generation"] = json!(1);
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let spec = &object["spec"];
        let mut errors = selection_errors(object);
        strategy_errors(&spec["strategy"], &mut errors);
        for field in ["minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"] {
            errors.extend(negative(&format!("spec.{field}"), &spec[field]));
        }
        let (deadline, ready) = (&spec["progressDeadlineSeconds"], spec["minReadySeconds"].as_i64().unwrap_or(0));
        if deadline.as_i64().is_some_and(|deadline| deadline <= ready) {
            let detail = "must be greater than minReadySeconds";
            errors.push(FieldError::invalid("spec.progressDeadlineSeconds", deadline, detail));
        }
        errors
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        pod_template::warnings(object)
    }

    fn prepare_update(&self, new: &mut Value, old: &Value, _version: Version) {
        carry(new, old, "status");
        let annotations = |object: &Value| object["metadata"]["annotations"].clone();
        bump(new, old, annotations(new) != annotations(old));
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = self.validate(new);
        errors.extend(immutable_selector(new, old));
        errors
    }
}

/// Kubernetes `pkg/registry/apps/replicaset/strategy.go`.
pub(crate) struct ReplicaSetStrategy;

impl Strategy for ReplicaSetStrategy {
    fn default(&self, object: &mut Value) {
        or(&mut object["spec"], "replicas", json!(1));
        pod_template::default(object);
        // Without labels of its own it has its pods'.
        let labels = object["spec"]["template"]["metadata"]["labels"].clone();
        if labels.is_object() && object["metadata"]["labels"].as_object().is_none_or(serde_json::Map::is_empty) {
            object["metadata"]["labels"] = labels;
        }
    }

    fn prepare_create(&self, object: &mut Value, _version: Version) {
        object["status"] = json!({"replicas": 0});
        object["metadata"]["generation"] = json!(1);
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = selection_errors(object);
        errors.extend(negative("spec.minReadySeconds", &object["spec"]["minReadySeconds"]));
        errors
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        pod_template::warnings(object)
    }

    fn prepare_update(&self, new: &mut Value, old: &Value, _version: Version) {
        carry(new, old, "status");
        bump(new, old, false);
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = self.validate(new);
        errors.extend(immutable_selector(new, old));
        errors
    }
}

/// A changed spec is a new generation; so is `more` of what a kind counts.
pub(super) fn bump(new: &mut Value, old: &Value, more: bool) {
    if more || new["spec"] != old["spec"] {
        new["metadata"]["generation"] = json!(old["metadata"]["generation"].as_i64().unwrap_or(0) + 1);
    }
}

/// What Deployments and ReplicaSets have in common: replicas, selector, template.
fn selection_errors(object: &Value) -> Vec<FieldError> {
    let spec = &object["spec"];
    let mut errors: Vec<_> = negative("spec.replicas", &spec["replicas"]).into_iter().collect();
    let selector = LabelSelector::from_json(&spec["selector"]);
    if spec["selector"].is_null() {
        errors.push(FieldError::required("spec.selector", ""));
    } else {
        errors.extend(label_selector::errors("spec.selector", &spec["selector"]));
        if selector.is_empty() {
            let detail = "empty selector is invalid for deployment";
            errors.push(FieldError::invalid("spec.selector", &spec["selector"], detail));
        }
    }
    errors.extend(pod_template::unselected(object, &selector));
    errors.extend(pod_template::errors(object));
    errors.extend(pod_template::restart_policy_errors(object, &["Always"]));
    if !spec["template"]["spec"]["activeDeadlineSeconds"].is_null() {
        let detail = "activeDeadlineSeconds in ReplicaSet is not Supported";
        errors.push(FieldError::forbidden("spec.template.spec.activeDeadlineSeconds", detail));
    }
    errors
}

/// `ValidateNonnegativeField`.
pub(super) fn negative(field: &str, value: &Value) -> Option<FieldError> {
    let below = value.as_i64().is_some_and(|number| number < 0);
    below.then(|| FieldError::invalid(field, value, "must be greater than or equal to 0"))
}

fn immutable_selector(new: &Value, old: &Value) -> Option<FieldError> {
    let changed = new["spec"]["selector"] != old["spec"]["selector"];
    changed.then(|| FieldError::invalid("spec.selector", &new["spec"]["selector"], "field is immutable"))
}

/// `ValidateDeploymentStrategy`.
fn strategy_errors(strategy: &Value, errors: &mut Vec<FieldError>) {
    let rolling = &strategy["rollingUpdate"];
    match strategy["type"].as_str().unwrap_or_default() {
        "Recreate" if !rolling.is_null() => {
            let detail = "may not be specified when strategy `type` is 'Recreate'";
            errors.push(FieldError::forbidden("spec.strategy.rollingUpdate", detail));
        }
        "Recreate" => {}
        "RollingUpdate" => rolling_errors(rolling, errors),
        _ => {
            let kinds = ["Recreate", "RollingUpdate"];
            errors.push(FieldError::unsupported("spec.strategy.type", &strategy["type"], &kinds));
        }
    }
}

fn rolling_errors(rolling: &Value, errors: &mut Vec<FieldError>) {
    let at = "spec.strategy.rollingUpdate";
    for field in ["maxUnavailable", "maxSurge"] {
        let (value, field) = (&rolling[field], format!("{at}.{field}"));
        match value.as_str() {
            Some(text) if percent(text).is_none() => errors.push(FieldError::invalid(field, value, PERCENT)),
            Some(_) => {}
            None => errors.extend(negative(&field, value)),
        }
    }
    let amount = |value: &Value| value.as_i64().or_else(|| value.as_str().and_then(percent));
    let unavailable = &rolling["maxUnavailable"];
    if amount(unavailable) == Some(0) && amount(&rolling["maxSurge"]) == Some(0) {
        let detail = "may not be 0 when `maxSurge` is 0";
        errors.push(FieldError::invalid(format!("{at}.maxUnavailable"), unavailable, detail));
    }
    if unavailable.as_str().and_then(percent).is_some_and(|percent| percent > 100) {
        let detail = "must not be greater than 100%";
        errors.push(FieldError::invalid(format!("{at}.maxUnavailable"), unavailable, detail));
    }
}

fn percent(text: &str) -> Option<i64> {
    let digits = text.strip_suffix('%')?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(change: impl Fn(&mut Value)) -> Value {
        let mut object = json!({"kind": "Deployment", "metadata": {"name": "app1"}, "spec": {
            "replicas": 0, "selector": {"matchLabels": {"app": "app1"}},
            "template": {"metadata": {"labels": {"app": "app1"}}, "spec": {"containers": [{"name": "app1", "image": "a:1"}]}},
        }});
        change(&mut object["spec"]);
        DeploymentStrategy.default(&mut object);
        object
    }

    /// Each case of the record of a real server: its words are compared whole.
    #[test]
    fn what_a_real_server_refuses_is_refused_in_its_words() {
        type Case = (fn(&mut Value), &'static [&'static str]);
        const MISMATCH: &str = "spec.template.metadata.labels: Invalid value: {\"app\":\"app1\"}: `selector` does not match template `labels`";
        let cases: &[Case] = &[
            (|_| {}, &[]),
            (|s| s["selector"]["matchLabels"]["app"] = json!("other"), &[MISMATCH]),
            (
                |s| drop(s["template"].as_object_mut().unwrap().shift_remove("metadata")),
                &["spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`"],
            ),
            (|s| s["selector"] = Value::Null, &["spec.selector: Required value", MISMATCH]),
            (
                |s| s["selector"] = json!({}),
                &["spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
            ),
            (|s| s["template"]["spec"]["containers"] = json!([]), &["spec.template.spec.containers: Required value"]),
            (
                |s| s["template"]["spec"]["containers"][0]["image"] = Value::Null,
                &["spec.template.spec.containers[0].image: Required value"],
            ),
            (
                |s| s["template"]["spec"]["restartPolicy"] = json!("Never"),
                &["spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\""],
            ),
            (|s| s["replicas"] = json!(-1), &["spec.replicas: Invalid value: -1: must be greater than or equal to 0"]),
            (
                |s| s["strategy"] = json!({"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}),
                &["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
            ),
            (
                |s| s["strategy"] = json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}),
                &["spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"],
            ),
            (
                |s| {
                    s["progressDeadlineSeconds"] = json!(5);
                    s["minReadySeconds"] = json!(5);
                },
                &["spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds"],
            ),
        ];
        for (change, expected) in cases {
            let said: Vec<_> =
                DeploymentStrategy.validate(&deployment(change)).iter().map(ToString::to_string).collect();
            assert_eq!(said, *expected);
        }
    }

    #[test]
    fn a_selector_stays_and_a_change_is_a_generation() {
        let old = {
            let mut old = deployment(|_| {});
            DeploymentStrategy.prepare_create(&mut old, Version::LATEST);
            old
        };
        let mut new = old.clone();
        new["spec"]["selector"] = json!({"matchLabels": {"app": "other"}});
        let said: Vec<_> = DeploymentStrategy.validate_update(&new, &old).iter().map(ToString::to_string).collect();
        assert_eq!(said[1], "spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"other\"}}: field is immutable");
        let mut same = old.clone();
        DeploymentStrategy.prepare_update(&mut same, &old, Version::LATEST);
        assert_eq!(same["metadata"]["generation"], 1);
        for path in ["/spec/replicas", "/metadata/annotations"] {
            let mut new = old.clone();
            new["metadata"]["annotations"] = Value::Null;
            *new.pointer_mut(path).unwrap() = json!(2);
            DeploymentStrategy.prepare_update(&mut new, &old, Version::LATEST);
            assert_eq!(new["metadata"]["generation"], 2, "{path}");
        }
    }
}
