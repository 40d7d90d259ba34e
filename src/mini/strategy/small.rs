//! Kinds whose strategy is a few lines: namespaces, configmaps, service accounts, nodes, bindings of roles, events.

use serde_json::{Value, json};

use super::secret::{data_errors, immutable_errors};
use crate::mini::Version;
use crate::mini::resource::{Strategy, carry};
use crate::mini::status::FieldError;

/// Kubernetes `pkg/registry/core/namespace`.
pub struct NamespaceStrategy;

impl Strategy for NamespaceStrategy {
    fn default(&self, object: &mut Value) {
        if let Some(name) = object["metadata"]["name"].as_str().map(str::to_owned) {
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = json!(name);
        }
    }

    fn prepare_create(&self, object: &mut Value, _version: Version) {
        object["spec"] = json!({"finalizers": ["kubernetes"]});
        object["status"] = json!({"phase": "Active"});
    }

    fn prepare_update(&self, new: &mut Value, old: &Value, _version: Version) {
        carry(new, old, "spec");
        carry(new, old, "status");
    }

    fn held(&self, object: &Value) -> bool {
        object["spec"]["finalizers"].as_array().is_some_and(|f| !f.is_empty())
    }

    fn mark_deleted(&self, object: &mut Value) {
        object["status"]["phase"] = json!("Terminating");
    }
}

pub struct ConfigMapStrategy;

impl Strategy for ConfigMapStrategy {
    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = data_errors("data", &object["data"]);
        errors.extend(data_errors("binaryData", &object["binaryData"]));
        errors
    }

    fn prepare_update(&self, _new: &mut Value, _old: &Value, _version: Version) {}

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = immutable_errors(new, old, &["data", "binaryData"]);
        errors.extend(self.validate(new));
        errors
    }
}

/// `secrets` cannot be emptied of generated tokens here: none are generated since 1.24.
pub struct ServiceAccountStrategy;

impl Strategy for ServiceAccountStrategy {
    fn prepare_update(&self, _new: &mut Value, _old: &Value, _version: Version) {}

    fn returns_deleted(&self) -> bool {
        true
    }
}

/// RoleBindings and ClusterRoleBindings: `roleRef` is immutable (`ValidateRoleBindingUpdate`).
pub struct BindingStrategy;

impl Strategy for BindingStrategy {
    fn default(&self, object: &mut Value) {
        object["roleRef"]["apiGroup"] = json!("rbac.authorization.k8s.io");
        for subject in object.get_mut("subjects").and_then(Value::as_array_mut).into_iter().flatten() {
            if subject["kind"] != "ServiceAccount" && subject["apiGroup"].is_null() {
                subject["apiGroup"] = json!("rbac.authorization.k8s.io");
            }
        }
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let kind = &object["roleRef"]["kind"];
        let mut errors = vec![];
        if !matches!(kind.as_str(), Some("Role" | "ClusterRole")) {
            errors.push(FieldError::unsupported("roleRef.kind", kind, &["ClusterRole", "Role"]));
        }
        if object["roleRef"]["name"].as_str().unwrap_or_default().is_empty() {
            errors.push(FieldError::required("roleRef.name", ""));
        }
        errors
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = self.validate(new);
        if new["roleRef"] != old["roleRef"] {
            let r = &new["roleRef"];
            let go = |field: &str| r[field].as_str().unwrap_or_default().to_owned();
            // Go's own field names: it is the internal type that is printed.
            let value = json!({"APIGroup": go("apiGroup"), "Kind": go("kind"), "Name": go("name")}).to_string();
            let mut error = FieldError::invalid("roleRef", &Value::Null, "cannot change roleRef");
            error.value = value;
            errors.push(error);
        }
        errors
    }
}

/// Core events: `involvedObject` must lie in the event's namespace (`ValidateEventCreate`).
pub struct EventStrategy;

impl Strategy for EventStrategy {
    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let own = object["metadata"]["namespace"].as_str().unwrap_or_default();
        let involved = &object["involvedObject"]["namespace"];
        let agrees = match involved.as_str().unwrap_or_default() {
            "" => own == "default" || own == "kube-system",
            namespace => namespace == own,
        };
        let detail = "does not match event.namespace";
        if agrees { vec![] } else { vec![FieldError::invalid("involvedObject.namespace", involved, detail)] }
    }

    fn prepare_update(&self, _new: &mut Value, _old: &Value, _version: Version) {}
}
