//! Access reviews (`kubectl auth can-i`, `auth whoami`) and reviews of tokens.

use serde_json::{Value, json};

use super::rbac::{authorize, rules};
use super::token::ISSUER;
use super::{Authenticator, User};
use crate::mini::pipeline::Pipeline;
use crate::mini::request::RequestInfo;
use crate::mini::resource::Resource;
use crate::mini::status::{ApiError, FieldError, Qualified};

/// Answers a review of `resource` that `user` sent.
pub(crate) fn review(
    pipeline: &Pipeline,
    authenticator: &Authenticator,
    resource: &'static Resource,
    user: &User,
    mut review: Value,
) -> Result<Value, ApiError> {
    check(resource, &review)?;
    let spec = &review["spec"];
    let status = match resource.kind {
        "TokenReview" => whose(pipeline, authenticator, spec),
        "SelfSubjectReview" => json!({"userInfo": info(user)}),
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
    Ok(review)
}

/// What a review must ask (`pkg/apis/authorization/validation`).
fn check(resource: &'static Resource, review: &Value) -> Result<(), ApiError> {
    let spec = &review["spec"];
    let text = |field: &str| spec[field].as_str().unwrap_or_default();
    match resource.kind {
        "SelfSubjectReview" => return Ok(()),
        "TokenReview" if text("token").is_empty() => {
            return Err(ApiError::BadRequest("token is required for TokenReview in authentication".to_owned()));
        }
        "SelfSubjectRulesReview" if text("namespace").is_empty() => {
            return Err(ApiError::BadRequest("no namespace on request".to_owned()));
        }
        "TokenReview" | "SelfSubjectRulesReview" => return Ok(()),
        _ => {}
    }
    let (of_resource, other) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    let mut causes = vec![];
    let other_shown =
        json!({"Path": other["path"].as_str().unwrap_or_default(), "Verb": other["verb"].as_str().unwrap_or_default()});
    if of_resource.is_object() && other.is_object() {
        let detail = "cannot be specified in combination with resourceAttributes";
        causes.push(FieldError::invalid("spec.nonResourceAttributes", &other_shown, detail));
    }
    if !of_resource.is_object() && !other.is_object() {
        let detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        let cause = FieldError::invalid("spec.resourceAttributes", &Value::Null, detail);
        causes.push(FieldError { value: "null".to_owned(), ..cause });
    }
    let nobody = text("user").is_empty() && spec["groups"].as_array().is_none_or(Vec::is_empty);
    if matches!(resource.kind, "SubjectAccessReview" | "LocalSubjectAccessReview") && nobody {
        causes.push(FieldError::invalid("spec.user", &json!(""), "at least one of user or group must be specified"));
    }
    if resource.kind == "LocalSubjectAccessReview" {
        let (asked, own) = (&of_resource["namespace"], &review["metadata"]["namespace"]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if of_resource.is_object() && text(asked) != text(own) {
            let field = "spec.resourceAttributes.namespace";
            causes.push(FieldError::invalid(field, &json!(text(asked)), "must match metadata.namespace"));
        }
        if other.is_object() {
            let detail = "disallowed on this kind of request";
            causes.push(FieldError::invalid("spec.nonResourceAttributes", &other_shown, detail));
        }
    }
    if causes.is_empty() {
        return Ok(());
    }
    // The kind is empty there, too.
    let kind = Qualified { name: "", group: resource.group };
    Err(ApiError::Invalid { kind, name: String::new(), causes })
}

/// Whose token it is, and for which of the audiences that are asked for.
fn whose(pipeline: &Pipeline, authenticator: &Authenticator, spec: &Value) -> Value {
    let asked = spec["audiences"].as_array().filter(|all| !all.is_empty());
    let audiences = asked.map_or(vec![ISSUER], |all| all.iter().filter_map(Value::as_str).collect());
    match authenticator.holder(pipeline, spec["token"].as_str().unwrap_or_default(), &audiences) {
        Some((holder, audiences)) => json!({"authenticated": true, "user": info(&holder), "audiences": audiences}),
        None => json!({"user": {}, "error": "invalid bearer token"}),
    }
}

fn info(user: &User) -> Value {
    let mut info = json!({"username": user.name, "groups": user.groups});
    for (key, value) in user.more.as_object().into_iter().flatten() {
        info[key] = value.clone();
    }
    info
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
