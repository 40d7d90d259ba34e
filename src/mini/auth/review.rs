//! Access reviews: `kubectl auth can-i`, `auth whoami`.

use serde_json::{Value, json};

use super::User;
use super::rbac::{Attributes, authorize, rules};
use crate::mini::registry::Registry;
use crate::mini::resource::Resource;

/// Answers a review of `resource` that `user` sent.
pub fn review(registry: &Registry, resource: &Resource, user: &User, mut review: Value) -> Value {
    let spec = &review["spec"];
    let status = match resource.kind {
        "SelfSubjectReview" => json!({"userInfo": {"username": user.name, "groups": user.groups}}),
        "SelfSubjectRulesReview" => {
            let all = rules(registry, user, spec["namespace"].as_str().unwrap_or_default());
            let masters = user.groups.iter().any(|g| g == super::MASTERS);
            list(if masters { everything() } else { all })
        }
        "SelfSubjectAccessReview" => allowed(registry, user, spec),
        _ => {
            let groups = spec["groups"].as_array().into_iter().flatten();
            let name = spec["user"].as_str().unwrap_or_default().to_owned();
            let groups = groups.filter_map(Value::as_str).map(str::to_owned).collect();
            allowed(registry, &User { name, groups }, spec)
        }
    };
    review["status"] = status;
    review["kind"] = json!(resource.kind);
    review["apiVersion"] = json!(resource.api_version());
    if !review["metadata"].is_object() {
        review["metadata"] = json!({});
    }
    review
}

fn allowed(registry: &Registry, user: &User, spec: &Value) -> Value {
    match authorize(registry, user, &attributes(spec)) {
        Some(reason) if reason.is_empty() => json!({"allowed": true}),
        Some(reason) => json!({"allowed": true, "reason": reason}),
        None => json!({"allowed": false}),
    }
}

fn attributes(spec: &Value) -> Attributes {
    let resource = &spec["resourceAttributes"];
    let text = |key: &str| resource[key].as_str().unwrap_or_default().to_owned();
    if resource.is_object() {
        return Attributes {
            verb: text("verb"),
            group: text("group"),
            resource: text("resource"),
            subresource: text("subresource"),
            namespace: text("namespace"),
            name: text("name"),
            path: String::new(),
        };
    }
    let path = |key: &str| spec["nonResourceAttributes"][key].as_str().unwrap_or_default().to_owned();
    Attributes { verb: path("verb"), path: path("path"), ..Attributes::default() }
}

fn everything() -> Vec<Value> {
    vec![
        json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}),
        json!({"verbs": ["*"], "nonResourceURLs": ["*"]}),
    ]
}

fn list(all: Vec<Value>) -> Value {
    let (paths, resources): (Vec<_>, Vec<_>) = all.into_iter().partition(|rule| rule["nonResourceURLs"].is_array());
    json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false})
}
