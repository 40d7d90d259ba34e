//! The roles and bindings every cluster begins with (Kubernetes `bootstrappolicy`), for the kinds mini has.

use serde_json::{Value, json};

use crate::mini::resource::Resource;
use crate::mini::resources::{CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES};

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "delete", "deletecollection", "patch", "update"];
/// What `view` shows: no secrets, they would be a way to more rights.
const VIEWED: &[&str] = &[
    "bindings",
    "configmaps",
    "events",
    "namespaces",
    "namespaces/status",
    "pods",
    "pods/log",
    "pods/status",
    "serviceaccounts",
    "services",
    "replicationcontrollers",
];
const WRITTEN: &[&str] =
    &["configmaps", "events", "pods", "secrets", "serviceaccounts", "services", "replicationcontrollers"];
const CONNECTED: &[&str] = &["pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets"];
const WORKLOADS: &[&str] =
    &["cronjobs", "daemonsets", "deployments", "horizontalpodautoscalers", "jobs", "replicasets", "statefulsets"];
const WORKLOAD_GROUPS: &[&str] = &["apps", "autoscaling", "batch"];
const RBAC: &str = "rbac.authorization.k8s.io";
const OPEN_PATHS: &[&str] = &[
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
    "/healthz",
    "/livez",
    "/openapi",
    "/openapi/*",
    "/readyz",
    "/version",
    "/version/",
];

fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> Value {
    json!({"apiGroups": groups, "resources": resources, "verbs": verbs})
}

fn role(name: &str, rules: Vec<Value>) -> (&'static Resource, Value) {
    (&CLUSTER_ROLES, json!({"metadata": labelled(name), "rules": rules}))
}

fn labelled(name: &str) -> Value {
    json!({"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}})
}

fn bound(role: &str, group: &str) -> (&'static Resource, Value) {
    let subject = json!({"apiGroup": RBAC, "kind": "Group", "name": group});
    let role_ref = json!({"apiGroup": RBAC, "kind": "ClusterRole", "name": role});
    (&CLUSTER_ROLE_BINDINGS, json!({"metadata": labelled(role), "roleRef": role_ref, "subjects": [subject]}))
}

/// The objects, in the order to create them.
pub fn objects() -> Vec<(&'static Resource, Value)> {
    let view = || vec![rule(&[""], VIEWED, READ), rule(WORKLOAD_GROUPS, WORKLOADS, READ)];
    let edit = || {
        let mut rules = view();
        rules.extend([
            rule(&[""], CONNECTED, READ),
            rule(&[""], WRITTEN, WRITE),
            rule(
                &[""],
                &[
                    "pods/attach",
                    "pods/exec",
                    "pods/portforward",
                    "pods/proxy",
                    "pods/eviction",
                    "serviceaccounts/token",
                ],
                &["create"],
            ),
            rule(&[""], &["serviceaccounts"], &["impersonate"]),
            rule(WORKLOAD_GROUPS, WORKLOADS, WRITE),
        ]);
        rules
    };
    let admin = || {
        let mut rules = edit();
        rules.push(rule(&[RBAC], &["rolebindings", "roles"], &[READ, WRITE].concat()));
        rules.push(rule(&["authorization.k8s.io"], &["localsubjectaccessreviews"], &["create"]));
        rules
    };
    let all = json!({"nonResourceURLs": ["*"], "verbs": ["*"]});
    let open = json!({"nonResourceURLs": OPEN_PATHS, "verbs": ["get"]});
    let reviews = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"];
    vec![
        role("cluster-admin", vec![rule(&["*"], &["*"], &["*"]), all]),
        role("admin", admin()),
        role("edit", edit()),
        role("view", view()),
        role("system:discovery", vec![open]),
        role(
            "system:basic-user",
            vec![
                rule(&["authorization.k8s.io"], &reviews, &["create"]),
                rule(&["authentication.k8s.io"], &["selfsubjectreviews"], &["create"]),
            ],
        ),
        bound("cluster-admin", super::MASTERS),
        bound("system:discovery", "system:authenticated"),
        bound("system:basic-user", "system:authenticated"),
    ]
}
