//! Role-based access control: whether a user may do something, by the roles and bindings in the store
//! (Kubernetes `plugin/pkg/auth/authorizer/rbac`).

use std::sync::Arc;

use serde_json::Value;

use super::{MASTERS, User};
use crate::mini::pipeline::Pipeline;
use crate::mini::request::RequestInfo;
use crate::mini::resource::Resource;
use crate::mini::resources::{CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES};
use crate::mini::store::{Key, Object};

impl RequestInfo {
    /// `pods`, `pods/log`: how messages name it.
    fn full_resource(&self) -> String {
        match self.subresource.as_str() {
            "" => self.resource.clone(),
            sub => format!("{}/{sub}", self.resource),
        }
    }

    /// `User "x" cannot list resource "pods" in API group "" in the namespace "default"`.
    pub(crate) fn denial(&self, user: &User) -> String {
        let scope = match self.namespace.as_str() {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace {namespace:?}"),
        };
        let (verb, resource, group) = (&self.verb, self.full_resource(), &self.group);
        format!("User {:?} cannot {verb} resource {resource:?} in API group {group:?} {scope}", user.name)
    }
}

/// Why `user` may do it; or, where nothing allows it, which roles could not be asked (mostly none: empty).
pub(super) fn authorize(pipeline: &Pipeline, user: &User, wanted: &RequestInfo) -> Result<String, String> {
    if user.groups.iter().any(|g| g == MASTERS) {
        return Ok(String::new());
    }
    let mut missing = vec![];
    for grant in grants(pipeline, user, &wanted.namespace) {
        match grant {
            Ok(grant) if grant.rules.iter().any(|rule| allows(rule, wanted)) => return Ok(grant.reason),
            Err(error) if !missing.contains(&error) => missing.push(error),
            _ => {}
        }
    }
    Err(match &missing[..] {
        [] => String::new(),
        [one] => format!("RBAC: {one}"),
        many => format!("RBAC: [{}]", many.join(", ")),
    })
}

/// Every rule `user` has in `namespace`, those of the cluster among them.
pub(super) fn rules(pipeline: &Pipeline, user: &User, namespace: &str) -> Vec<Value> {
    grants(pipeline, user, namespace).flatten().flat_map(|grant| grant.rules).collect()
}

/// The rules one binding gives to a user.
struct Grant {
    reason: String,
    rules: Vec<Value>,
}

/// What each binding gives to `user`; `clusterrole.rbac.authorization.k8s.io "x" not found` where it has nothing to give.
fn grants<'a>(
    pipeline: &'a Pipeline,
    user: &'a User,
    namespace: &'a str,
) -> impl Iterator<Item = Result<Grant, String>> + 'a {
    let all = |resource: &'static Resource, namespace: Option<&str>| -> Vec<Arc<Object>> {
        pipeline.store.list(resource.shelf(), namespace, None, None).map_or_else(|_| vec![], |s| s.objects)
    };
    let cluster = all(&CLUSTER_ROLE_BINDINGS, None);
    let local = if namespace.is_empty() { vec![] } else { all(&ROLE_BINDINGS, Some(namespace)) };
    cluster.into_iter().chain(local).filter_map(move |binding| {
        let binding = binding.value();
        let subject = binding["subjects"].as_array().into_iter().flatten().find(|s| is_subject(s, user, &binding))?;
        let role = &binding["roleRef"];
        let name = role["name"].as_str().unwrap_or_default();
        let within = binding["metadata"]["namespace"].as_str().unwrap_or_default();
        let (resource, key) = match role["kind"].as_str() {
            Some("Role") => (&ROLES, Key::new(within, name)),
            _ => (&CLUSTER_ROLES, Key::new("", name)),
        };
        Some(match pipeline.get(resource, &key) {
            Ok(found) => {
                let rules = found.value()["rules"].as_array().cloned().unwrap_or_default();
                Ok(Grant { reason: reason(&binding, subject), rules })
            }
            Err(_) => Err(format!("{}.{} {name:?} not found", resource.singular(), resource.group)),
        })
    })
}

fn reason(binding: &Value, subject: &Value) -> String {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let placed = |name: &Value, namespace: &Value| match namespace.as_str() {
        Some(namespace) => format!("{}/{namespace}", text(name)),
        None => text(name),
    };
    let (metadata, role) = (&binding["metadata"], &binding["roleRef"]);
    let kind = text(&binding["kind"]);
    let name = placed(&metadata["name"], &metadata["namespace"]);
    let subject_name = placed(&subject["name"], &subject["namespace"]);
    format!(
        "RBAC: allowed by {kind} {name:?} of {} {:?} to {} {subject_name:?}",
        text(&role["kind"]),
        text(&role["name"]),
        text(&subject["kind"])
    )
}

fn is_subject(subject: &Value, user: &User, binding: &Value) -> bool {
    let name = subject["name"].as_str().unwrap_or_default();
    match subject["kind"].as_str() {
        Some("User") => name == user.name,
        Some("Group") => user.groups.iter().any(|g| g == name),
        Some("ServiceAccount") => {
            let namespace =
                subject["namespace"].as_str().or(binding["metadata"]["namespace"].as_str()).unwrap_or_default();
            user.name == format!("system:serviceaccount:{namespace}:{name}")
        }
        _ => false,
    }
}

fn lists(rule: &Value, field: &str, wanted: &str) -> bool {
    rule[field].as_array().into_iter().flatten().any(|v| v == "*" || v == wanted)
}

/// Whether a rule covers what is wanted (`rbac.RulesAllow`).
fn allows(rule: &Value, wanted: &RequestInfo) -> bool {
    if !lists(rule, "verbs", &wanted.verb) {
        return false;
    }
    if !wanted.is_resource {
        let urls = rule["nonResourceURLs"].as_array().into_iter().flatten().filter_map(Value::as_str);
        return urls.into_iter().any(|url| match url.strip_suffix('*') {
            Some(prefix) => wanted.path.starts_with(prefix),
            None => url == wanted.path,
        });
    }
    let any_of = format!("*/{}", wanted.subresource);
    let resource = lists(rule, "resources", &wanted.full_resource())
        || (!wanted.subresource.is_empty() && rule["resources"].as_array().into_iter().flatten().any(|r| *r == any_of));
    let names = rule["resourceNames"].as_array().filter(|n| !n.is_empty());
    resource && lists(rule, "apiGroups", &wanted.group) && names.is_none_or(|n| n.iter().any(|n| *n == wanted.name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wanted(verb: &str, resource: &str, subresource: &str, name: &str) -> RequestInfo {
        let [verb, resource, subresource, name] = [verb, resource, subresource, name].map(str::to_owned);
        RequestInfo { verb, resource, subresource, name, is_resource: true, ..RequestInfo::default() }
    }

    #[test]
    fn rules_cover_verbs_resources_and_names() {
        let rule = json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods", "*/status"]});
        assert!(allows(&rule, &wanted("get", "pods", "", "a")));
        assert!(allows(&rule, &wanted("get", "nodes", "status", "a")));
        assert!(!allows(&rule, &wanted("get", "pods", "log", "a")));
        assert!(!allows(&rule, &wanted("list", "pods", "", "")));
        let named = json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "resourceNames": ["a"]});
        assert!(allows(&named, &wanted("get", "pods", "", "a")) && !allows(&named, &wanted("get", "pods", "", "b")));
    }

    #[test]
    fn denials_are_worded_as_kubernetes_does() {
        let user = User { name: "x".to_owned(), ..User::default() };
        let mut pods = wanted("list", "pods", "", "");
        assert_eq!(pods.denial(&user), r#"User "x" cannot list resource "pods" in API group "" at the cluster scope"#);
        pods.namespace = "default".to_owned();
        assert!(pods.denial(&user).ends_with(r#"in API group "" in the namespace "default""#));
    }
}
