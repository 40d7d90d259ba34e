//! The template of pods that a workload has (`spec.template`): its defaults, what must hold of it, its warnings. Pure.

use serde_json::{Value, json};

use super::{pod, pod_defaults, pod_validation};
use crate::mini::label_selector::LabelSelector;
use crate::mini::names;
use crate::mini::status::FieldError;

/// Where the template stands in an object.
const AT: &str = "spec.template";

/// Fills in the template of `object`.
pub(super) fn default(object: &mut Value) {
    let template = &mut object["spec"]["template"];
    if !template["metadata"].is_object() {
        template["metadata"] = json!({});
    }
    pod_defaults::spec(&mut template["spec"]);
}

/// `ValidatePodTemplateSpec`.
pub(super) fn errors(object: &Value) -> Vec<FieldError> {
    let template = &object["spec"]["template"];
    let (metadata, at) = (&template["metadata"], format!("{AT}.metadata"));
    let mut errors = names::label_errors(&format!("{AT}.labels"), &metadata["labels"]);
    errors.extend(names::annotation_errors(&format!("{AT}.annotations"), &metadata["annotations"]));
    errors.extend(names::finalizer_errors(&format!("{at}.finalizers"), &metadata["finalizers"]));
    errors.extend(pod_validation::validate_spec(&format!("{AT}.spec"), &template["spec"]));
    errors
}

/// The template's labels are those that the object's selector asks for (`ValidatePodTemplateSpecForReplicaSet`).
pub(super) fn unselected(object: &Value, selector: &LabelSelector) -> Option<FieldError> {
    let labels = &object["spec"]["template"]["metadata"]["labels"];
    let found = serde_json::from_value(labels.clone()).unwrap_or_default();
    let (field, detail) = (format!("{AT}.metadata.labels"), "`selector` does not match template `labels`");
    let mut error = FieldError::invalid(field, labels, detail);
    if labels.is_null() {
        error.value = "null".to_owned();
    }
    (!selector.is_empty() && !selector.matches(&found)).then_some(error)
}

/// The pods of the workload may have no other restart policies.
pub(super) fn restart_policy_errors(object: &Value, supported: &[&str]) -> Option<FieldError> {
    let policy = &object["spec"]["template"]["spec"]["restartPolicy"];
    let fits = policy.as_str().is_some_and(|policy| supported.contains(&policy));
    (!fits).then(|| FieldError::unsupported(format!("{AT}.spec.restartPolicy"), policy, supported))
}

/// `GetWarningsForPodTemplate`.
pub(super) fn warnings(object: &Value) -> Vec<String> {
    pod::warnings(&format!("{AT}.spec"), &object["spec"]["template"]["spec"])
}
