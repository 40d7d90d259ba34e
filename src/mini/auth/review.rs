//! Access reviews: `kubectl auth can-i`, `auth whoami`.

use serde_json::{Value, json};

use super::User;
use super::rbac::{authorize, rules};
use crate::mini::pipeline::Pipeline;
use crate::mini::request::RequestInfo;
use crate::mini::resource::Resource;

/// Answers a review of `resource` that `user` sent.
pub fn review(pipeline: &Pipeline, resource: &Resource, user: &User, mut review: Value) -> Value {
    let spec = &review["spec"];
    let status = match resource.kind {
        "SelfSubjectReview" => {
            let mut info = json!({"username": user.name, "groups": user.groups});
            for (key, value) in user.more.as_object().into_iter().flatten() {
                info[key] = value.clone();
            }
            json!({"userInfo": info})
        }
        "SelfSubjectRulesReview" => {
            let all = rules(pipeline, user, spec["namespace"].as_str().unwrap_or_default());
            let masters = user.groups.iter().any(|g| g == super::MASTERS);
            list(if masters { everything() } else { all })
        }
        "SelfSubjectAccessReview" => allowed(pipeline, user, spec),
        _ => {
            let groups = spec["groups"].as_array().into_iter().flatten();
            let name = spec["user"].as_str().unwrap_or_default().to_owned();
            let groups = groups.filter_map(Value::as_str).map(str::to_owned).collect();
            allowed(pipeline, &User { name, groups, more: Value::Null }, spec)
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

fn allowed(pipeline: &Pipeline, user: &User, spec: &Value) -> Value {
    let answer = authorize(pipeline, user, &asked(spec));
    let allowed = answer.is_ok();
    match answer {
        Ok(reason) | Err(reason) if reason.is_empty() => json!({"allowed": allowed}),
        Ok(reason) | Err(reason) => json!({"allowed": allowed, "reason": reason}),
    }
}

/// What a review asks about, as the request it would be.
fn asked(spec: &Value) -> RequestInfo {
    let of_resource = spec["resourceAttributes"].is_object();
    let attributes = &spec[if of_resource { "resourceAttributes" } else { "nonResourceAttributes" }];
    let text = |key: &str| attributes[key].as_str().unwrap_or_default().to_owned();
    RequestInfo {
        verb: text("verb"),
        path: text("path"),
        is_resource: of_resource,
        group: text("group"),
        version: text("version"),
        namespace: text("namespace"),
        resource: text("resource"),
        name: text("name"),
        subresource: text("subresource"),
    }
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
