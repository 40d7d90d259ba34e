//! Jobs (Kubernetes `pkg/apis/batch`, `pkg/registry/batch/job/strategy.go`): defaults, the generated selector,
//! validation. Pure.

use serde_json::{Value, json};

use super::pod_defaults::or;
use super::pod_template;
use super::workload::{bump, negative};
use crate::mini::Version;
use crate::mini::label_selector::{self, LabelSelector};
use crate::mini::resource::{Propagation, Strategy, carry};
use crate::mini::status::FieldError;

pub(crate) struct JobStrategy;

/// Mini's own refusal of what it does not do.
const FULL_CLUSTER: &str = "mini does not do this: it needs a full cluster (rehearse --cluster kind)";
const PREFIX: &str = "batch.kubernetes.io/";

impl Strategy for JobStrategy {
    fn default(&self, object: &mut Value) {
        let spec = &mut object["spec"];
        if spec["completions"].is_null() && spec["parallelism"].is_null() {
            spec["completions"] = json!(1);
        }
        or(spec, "parallelism", json!(1));
        let limit = if spec["backoffLimitPerIndex"].is_null() { 6 } else { i32::MAX };
        or(spec, "backoffLimit", json!(limit));
        or(spec, "completionMode", json!("NonIndexed"));
        or(spec, "suspend", json!(false));
        or(spec, "manualSelector", json!(false));
        let replacement = if spec["podFailurePolicy"].is_null() { "TerminatingOrFailed" } else { "Failed" };
        or(spec, "podReplacementPolicy", json!(replacement));
        if let Some(map) = spec.as_object_mut() {
            map.retain(|field, value| !(value.is_null() || field == "manualSelector" && *value == false));
        }
        pod_template::default(object);
    }

    fn prepare_create(&self, object: &mut Value, _version: Version) {
        object["status"] = json!({});
        object["metadata"]["generation"] = json!(1);
        if object["spec"]["manualSelector"] != true {
            generate_selector(object);
        }
        // Without labels of its own it has its pods'.
        let labels = object["spec"]["template"]["metadata"]["labels"].clone();
        if labels.is_object() && object["metadata"]["labels"].as_object().is_none_or(serde_json::Map::is_empty) {
            object["metadata"]["labels"] = labels;
        }
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let spec = &object["spec"];
        let mut errors = vec![];
        for field in ["parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"]
        {
            errors.extend(negative(&format!("spec.{field}"), &spec[field]));
        }
        match spec["completionMode"].as_str().unwrap_or_default() {
            "NonIndexed" => {}
            "Indexed" => errors.push(FieldError::forbidden("spec.completionMode", FULL_CLUSTER)),
            _ => {
                let modes = ["Indexed", "NonIndexed"];
                errors.push(FieldError::unsupported("spec.completionMode", &spec["completionMode"], &modes));
            }
        }
        let not_done = ["podFailurePolicy", "successPolicy", "backoffLimitPerIndex", "maxFailedIndexes", "managedBy"];
        for field in not_done.into_iter().filter(|field| !spec[*field].is_null()) {
            errors.push(FieldError::forbidden(format!("spec.{field}"), FULL_CLUSTER));
        }
        let selector = LabelSelector::from_json(&spec["selector"]);
        if spec["selector"].is_null() {
            errors.push(FieldError::required("spec.selector", ""));
        } else {
            errors.extend(label_selector::errors("spec.selector", &spec["selector"]));
        }
        errors.extend(pod_template::unselected(object, &selector));
        errors.extend(pod_template::errors(object));
        // What is not said is `Always`.
        if spec["template"]["spec"]["restartPolicy"] == "Always" {
            let detail = r#"valid values: "OnFailure", "Never""#;
            errors.push(FieldError::required("spec.template.spec.restartPolicy", detail));
        } else {
            errors.extend(pod_template::restart_policy_errors(object, &["OnFailure", "Never"]));
        }
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
        for field in ["completions", "selector", "template", "completionMode", "backoffLimitPerIndex"] {
            let (value, before) = (&new["spec"][field], &old["spec"][field]);
            if value != before {
                errors.push(FieldError::invalid(format!("spec.{field}"), value, "field is immutable"));
            }
        }
        errors
    }

    /// For clients that were there before garbage collection was.
    fn propagation(&self) -> Propagation {
        Propagation::Orphan
    }
}

/// The pods of a job are known by its UID; the labels without a prefix are there for old clients.
fn generate_selector(object: &mut Value) {
    let (uid, name) = (object["metadata"]["uid"].clone(), object["metadata"]["name"].clone());
    for prefix in ["", PREFIX] {
        object["spec"]["template"]["metadata"]["labels"][format!("{prefix}job-name")] = name.clone();
        object["spec"]["template"]["metadata"]["labels"][format!("{prefix}controller-uid")] = uid.clone();
    }
    object["spec"]["selector"]["matchLabels"][format!("{PREFIX}controller-uid")] = uid;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(spec: Value) -> Value {
        let mut object = json!({"kind": "Job", "metadata": {"name": "print1", "uid": "u1"}, "spec": spec});
        JobStrategy.default(&mut object);
        JobStrategy.prepare_create(&mut object, Version::LATEST);
        object
    }

    fn template(policy: &str) -> Value {
        json!({"spec": {"restartPolicy": policy, "containers": [{"name": "app1", "image": "a:1"}]}})
    }

    #[test]
    fn a_job_is_known_by_its_uid() {
        let job = job(json!({"template": template("Never")}));
        let labels = json!({
            "job-name": "print1", "controller-uid": "u1",
            "batch.kubernetes.io/job-name": "print1", "batch.kubernetes.io/controller-uid": "u1",
        });
        assert_eq!(job["metadata"]["labels"], labels);
        assert_eq!(job["spec"]["template"]["metadata"]["labels"], labels);
        assert_eq!(job["spec"]["selector"], json!({"matchLabels": {"batch.kubernetes.io/controller-uid": "u1"}}));
        assert_eq!(job["spec"]["backoffLimit"], 6);
        assert_eq!(JobStrategy.validate(&job), []);
    }

    #[test]
    fn a_job_ends() {
        let said: Vec<_> = JobStrategy
            .validate(&job(json!({"template": template("Always"), "completions": -1})))
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            said,
            [
                "spec.completions: Invalid value: -1: must be greater than or equal to 0",
                r#"spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never""#,
            ]
        );
        let old = job(json!({"template": template("Never")}));
        let mut new = old.clone();
        new["spec"]["template"]["spec"]["containers"][0]["image"] = json!("a:2");
        let errors = JobStrategy.validate_update(&new, &old);
        assert_eq!((errors.len(), errors[0].field.as_str()), (1, "spec.template"));
    }
}
