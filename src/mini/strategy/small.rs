//! Kinds whose strategy is a few lines: namespaces, configmaps, service accounts, nodes, bindings of roles, events.

use serde_json::{Value, json};

use super::secret::{decoded_size, immutable_errors, key_errors, size_error};
use crate::mini::Version;
use crate::mini::names;
use crate::mini::resource::{Strategy, carry};
use crate::mini::status::FieldError;

/// Kubernetes `pkg/registry/core/namespace`.
pub(crate) struct NamespaceStrategy;

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

pub(crate) struct ConfigMapStrategy;

impl Strategy for ConfigMapStrategy {
    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = key_errors("data", &object["data"]);
        errors.extend(key_errors("binaryData", &object["binaryData"]));
        let both =
            object["data"].as_object().into_iter().flatten().filter(|(key, _)| !object["binaryData"][*key].is_null());
        errors.extend(both.map(|(key, _)| {
            FieldError::invalid(format!("data[{key}]"), &json!(key), "duplicate of key present in binaryData")
        }));
        let plain =
            object["data"].as_object().into_iter().flatten().filter_map(|(_, text)| text.as_str()).map(str::len);
        // The size is the whole object's: Kubernetes names a path of no name.
        errors.extend(size_error("[]", plain.sum::<usize>() + decoded_size(&object["binaryData"])));
        errors
    }

    fn prepare_update(&self, _new: &mut Value, _old: &Value, _version: Version) {}

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = immutable_errors(new, old, &["data", "binaryData"]);
        errors.extend(self.validate(new));
        errors
    }
}

/// A node that begins takes no pods until somebody finds it ready (admission plugin TaintNodesByCondition).
pub(crate) struct NodeStrategy;

impl Strategy for NodeStrategy {
    fn prepare_create(&self, object: &mut Value, _version: Version) {
        let taint = json!({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"});
        let mut taints = object["spec"]["taints"].as_array().cloned().unwrap_or_default();
        if !taints.contains(&taint) {
            taints.push(taint);
        }
        object["spec"]["taints"] = Value::Array(taints);
        let status = &mut object["status"];
        if status["daemonEndpoints"].is_null() {
            status["daemonEndpoints"] = json!({"kubeletEndpoint": {"Port": 0}});
        }
        if status["nodeInfo"].is_null() {
            let info = [
                "machineID",
                "systemUUID",
                "bootID",
                "kernelVersion",
                "osImage",
                "containerRuntimeVersion",
                "kubeletVersion",
                "kubeProxyVersion",
                "operatingSystem",
                "architecture",
            ];
            status["nodeInfo"] = info.into_iter().map(|field| (field.to_owned(), json!(""))).collect();
        }
    }
}

/// `secrets` cannot be emptied of generated tokens here: none are generated since 1.24.
pub(crate) struct ServiceAccountStrategy;

impl Strategy for ServiceAccountStrategy {
    fn prepare_update(&self, _new: &mut Value, _old: &Value, _version: Version) {}

    fn returns_deleted(&self) -> bool {
        true
    }
}

/// Roles and ClusterRoles (`ValidatePolicyRule`).
pub(crate) struct RoleStrategy;

impl Strategy for RoleStrategy {
    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let rules = object["rules"].as_array().into_iter().flatten().enumerate();
        rules.flat_map(|(i, rule)| rule_errors(&format!("rules[{i}]"), rule, object["kind"] == "Role")).collect()
    }
}

fn rule_errors(at: &str, rule: &Value, namespaced: bool) -> Vec<FieldError> {
    let given = |field: &str| rule[field].as_array().is_some_and(|list| !list.is_empty());
    let require =
        |field: &str, detail: &str| (!given(field)).then(|| FieldError::required(format!("{at}.{field}"), detail));
    let mut errors: Vec<_> = require("verbs", "verbs must contain at least one value").into_iter().collect();
    if !given("nonResourceURLs") {
        errors.extend(require("apiGroups", "resource rules must supply at least one api group"));
        errors.extend(require("resources", "resource rules must supply at least one resource"));
        return errors;
    }
    let both = ["apiGroups", "resources", "resourceNames"].iter().any(|field| given(field));
    for (wrong, detail) in [
        (namespaced, "namespaced rules cannot apply to non-resource URLs"),
        (both, "rules cannot apply to both regular resources and non-resource URLs"),
    ] {
        let error = || FieldError::invalid(format!("{at}.nonResourceURLs"), &rule["nonResourceURLs"], detail);
        errors.extend(wrong.then(error));
    }
    errors
}

/// RoleBindings and ClusterRoleBindings: `roleRef` is immutable (`ValidateRoleBindingUpdate`).
pub(crate) struct BindingStrategy;

const RBAC: &str = "rbac.authorization.k8s.io";

impl Strategy for BindingStrategy {
    fn default(&self, object: &mut Value) {
        if object["roleRef"]["apiGroup"].as_str().unwrap_or_default().is_empty() {
            object["roleRef"]["apiGroup"] = json!(RBAC);
        }
        for subject in object.get_mut("subjects").and_then(Value::as_array_mut).into_iter().flatten() {
            if subject["kind"] != "ServiceAccount" && subject["apiGroup"].is_null() {
                subject["apiGroup"] = json!("rbac.authorization.k8s.io");
            }
        }
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let (kind, namespaced) = (&object["roleRef"]["kind"], object["kind"] == "RoleBinding");
        let mut errors = vec![];
        let group = &object["roleRef"]["apiGroup"];
        if group.as_str().is_some_and(|group| group != RBAC) {
            errors.push(FieldError::unsupported("roleRef.apiGroup", group, &[RBAC]));
        }
        let kinds: &[_] = if namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
        if !kinds.iter().any(|known| kind == known) {
            errors.push(FieldError::unsupported("roleRef.kind", text(kind), kinds));
        }
        if object["roleRef"]["name"].as_str().unwrap_or_default().is_empty() {
            errors.push(FieldError::required("roleRef.name", ""));
        }
        for (i, subject) in object["subjects"].as_array().into_iter().flatten().enumerate() {
            subject_errors(&format!("subjects[{i}]"), subject, namespaced, &mut errors);
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

/// `ValidateRoleBindingSubject`.
fn subject_errors(at: &str, subject: &Value, namespaced: bool, errors: &mut Vec<FieldError>) {
    let (name, kind) = (&subject["name"], &subject["kind"]);
    let empty = |value: &Value| value.as_str().unwrap_or_default().is_empty();
    if empty(name) {
        errors.push(FieldError::required(format!("{at}.name"), ""));
    }
    match kind.as_str().unwrap_or_default() {
        "User" | "Group" if subject["apiGroup"] != RBAC => {
            errors.push(FieldError::unsupported(format!("{at}.apiGroup"), text(&subject["apiGroup"]), &[RBAC]));
        }
        "User" | "Group" => {}
        "ServiceAccount" => {
            let wrong = name.as_str().filter(|name| !name.is_empty()).and_then(names::subdomain);
            errors.extend(wrong.map(|wrong| FieldError::invalid(format!("{at}.name"), name, wrong)));
            if !namespaced && empty(&subject["namespace"]) {
                errors.push(FieldError::required(format!("{at}.namespace"), ""));
            }
        }
        _ => {
            let kinds = ["ServiceAccount", "User", "Group"];
            errors.push(FieldError::unsupported(format!("{at}.kind"), text(kind), &kinds));
        }
    }
}

/// A string that is not set is printed as an empty one.
fn text(value: &Value) -> &Value {
    static EMPTY: Value = Value::String(String::new());
    if value.is_null() { &EMPTY } else { value }
}

/// Core events: `involvedObject` must lie in the event's namespace (`ValidateEventCreate`).
pub(crate) struct EventStrategy;

impl Strategy for EventStrategy {
    /// Go writes these where they are nothing, too.
    fn default(&self, object: &mut Value) {
        for (field, nothing) in
            [("eventTime", Value::Null), ("reportingComponent", json!("")), ("reportingInstance", json!(""))]
        {
            if object[field].is_null() {
                object[field] = nothing;
            }
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(strategy: &dyn Strategy, object: Value) -> Vec<String> {
        strategy.validate(&object).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_rule_says_what_may_be_done_with_what() {
        let rules = json!([{}, {"nonResourceURLs": ["/x"], "verbs": ["get"], "resources": ["pods"]}]);
        let at_cluster = messages(&RoleStrategy, json!({"kind": "ClusterRole", "rules": rules}));
        assert_eq!(
            at_cluster,
            [
                "rules[0].verbs: Required value: verbs must contain at least one value",
                "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
                "rules[0].resources: Required value: resource rules must supply at least one resource",
                r#"rules[1].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs"#,
            ]
        );
        let within = messages(&RoleStrategy, json!({"kind": "Role", "rules": rules}));
        assert_eq!(
            within[3],
            r#"rules[1].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs"#
        );
    }

    #[test]
    fn a_key_is_in_one_of_both_maps_and_a_role_in_its_group() {
        let twice = json!({"data": {"a": "1", "b": "2"}, "binaryData": {"b": "Mg=="}});
        assert_eq!(
            messages(&ConfigMapStrategy, twice),
            [r#"data[b]: Invalid value: "b": duplicate of key present in binaryData"#]
        );
        let foreign = json!({"kind": "RoleBinding", "roleRef": {"apiGroup": "apps", "kind": "Role", "name": "r"}});
        assert_eq!(
            messages(&BindingStrategy, foreign),
            [r#"roleRef.apiGroup: Unsupported value: "apps": supported values: "rbac.authorization.k8s.io""#]
        );
    }

    #[test]
    fn a_binding_names_a_role_and_subjects() {
        let binding = |kind: &str| {
            let subjects = json!([{"kind": "user", "name": "a"}, {"kind": "User", "apiGroup": RBAC}, {"kind": "ServiceAccount", "name": "A"}]);
            json!({"kind": kind, "roleRef": {"kind": "role", "name": "r"}, "subjects": subjects})
        };
        let within = messages(&BindingStrategy, binding("RoleBinding"));
        assert_eq!(within[0], r#"roleRef.kind: Unsupported value: "role": supported values: "Role", "ClusterRole""#);
        assert_eq!(
            within[1],
            r#"subjects[0].kind: Unsupported value: "user": supported values: "ServiceAccount", "User", "Group""#
        );
        assert_eq!(within[2], "subjects[1].name: Required value");
        assert!(within[3].starts_with(r#"subjects[2].name: Invalid value: "A": a lowercase RFC 1123 subdomain"#));
        let at_cluster = messages(&BindingStrategy, binding("ClusterRoleBinding"));
        assert_eq!(at_cluster[0], r#"roleRef.kind: Unsupported value: "role": supported values: "ClusterRole""#);
        assert_eq!(at_cluster[4], "subjects[2].namespace: Required value");
    }
}
