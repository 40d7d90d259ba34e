//! The roles and bindings every cluster begins with (Kubernetes `bootstrappolicy`), for the kinds mini has.

use serde_json::{Value, json};

use crate::mini::resource::Resource;
use crate::mini::resources::{CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES};

/// Groups (parted by commas), resources (by blanks) and verbs.
type Rule = (&'static str, &'static str, &'static [&'static str]);

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "delete", "deletecollection", "patch", "update"];
const ALL: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const CREATE: &[&str] = &["create"];
/// `viewRules`: no secrets, they would be a way to more rights.
const VIEW: &[Rule] = &[
    (
        "",
        "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers \
         replicationcontrollers/scale serviceaccounts services services/status",
        READ,
    ),
    (
        "",
        "bindings limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas \
         resourcequotas/status",
        READ,
    ),
    ("", "namespaces", READ),
    (",events.k8s.io", "events", READ),
    ("discovery.k8s.io", "endpointslices", READ),
    (
        "apps",
        "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets \
         replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status",
        READ,
    ),
    ("autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status", READ),
    ("batch", "cronjobs cronjobs/status jobs jobs/status", READ),
    (
        "extensions",
        "daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status \
         networkpolicies replicasets replicasets/scale replicasets/status replicationcontrollers/scale",
        READ,
    ),
    ("policy", "poddisruptionbudgets poddisruptionbudgets/status", READ),
    ("networking.k8s.io", "ingresses ingresses/status networkpolicies", READ),
    ("resource.k8s.io", "resourceclaims resourceclaims/status resourceclaimtemplates", READ),
];
/// `editRules`.
const EDIT: &[Rule] = &[
    ("", "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy", READ),
    ("", "serviceaccounts", &["impersonate"]),
    ("", "pods pods/attach pods/exec pods/portforward pods/proxy", WRITE),
    ("", "pods/eviction", CREATE),
    (
        "",
        "configmaps persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts \
         services services/proxy",
        WRITE,
    ),
    ("", "serviceaccounts/token", CREATE),
    (",events.k8s.io", "events", WRITE),
    (
        "apps",
        "daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets \
         statefulsets/scale",
        WRITE,
    ),
    ("autoscaling", "horizontalpodautoscalers", WRITE),
    ("batch", "cronjobs jobs", WRITE),
    (
        "extensions",
        "daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets \
         replicasets/scale replicationcontrollers/scale",
        WRITE,
    ),
    ("policy", "poddisruptionbudgets", WRITE),
    ("networking.k8s.io", "ingresses networkpolicies", WRITE),
    ("coordination.k8s.io", "leases", ALL),
    ("resource.k8s.io", "resourceclaims resourceclaimtemplates", WRITE),
];
const ADMIN: &[Rule] =
    &[("authorization.k8s.io", "localsubjectaccessreviews", CREATE), (RBAC, "rolebindings roles", ALL)];
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

fn rule((groups, resources, verbs): &Rule) -> Value {
    let list = |text: &str, part: char| text.split(part).map(str::to_owned).collect::<Vec<_>>();
    json!({"apiGroups": list(groups, ','), "resources": list(resources, ' '), "verbs": verbs})
}

fn role(name: &str, rules: Vec<Value>) -> (&'static Resource, Value) {
    (&CLUSTER_ROLES, json!({"metadata": initial(name), "rules": rules}))
}

/// A role of the three that others add to, and what it adds to the next (which it holds already here: mini has no
/// controller that would).
fn aggregated(name: &str, parts: &[&[Rule]], next: Option<&str>) -> (&'static Resource, Value) {
    let (resource, mut role) = role(name, parts.iter().copied().flatten().map(rule).collect());
    let label = |name: &str| format!("rbac.authorization.k8s.io/aggregate-to-{name}");
    let mut selected = json!({});
    selected[label(name)] = json!("true");
    role["aggregationRule"] = json!({"clusterRoleSelectors": [{"matchLabels": selected}]});
    if let Some(next) = next {
        role["metadata"]["labels"][label(next)] = json!("true");
    }
    (resource, role)
}

fn initial(name: &str) -> Value {
    json!({
        "name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
        "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
    })
}

fn bound(role: &str, group: &str) -> (&'static Resource, Value) {
    let subject = json!({"apiGroup": RBAC, "kind": "Group", "name": group});
    let role_ref = json!({"apiGroup": RBAC, "kind": "ClusterRole", "name": role});
    (&CLUSTER_ROLE_BINDINGS, json!({"metadata": initial(role), "roleRef": role_ref, "subjects": [subject]}))
}

/// The objects, in the order to create them.
pub(crate) fn objects() -> Vec<(&'static Resource, Value)> {
    let all = json!({"nonResourceURLs": ["*"], "verbs": ["*"]});
    let open = json!({"nonResourceURLs": OPEN_PATHS, "verbs": ["get"]});
    vec![
        role("cluster-admin", vec![rule(&("*", "*", &["*"])), all]),
        aggregated("admin", &[EDIT, VIEW, ADMIN], None),
        aggregated("edit", &[EDIT, VIEW], Some("admin")),
        aggregated("view", &[VIEW], Some("edit")),
        role("system:discovery", vec![open]),
        role(
            "system:basic-user",
            vec![
                rule(&("authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews", CREATE)),
                rule(&("authentication.k8s.io", "selfsubjectreviews", CREATE)),
            ],
        ),
        bound("cluster-admin", super::MASTERS),
        bound("system:discovery", "system:authenticated"),
        bound("system:basic-user", "system:authenticated"),
    ]
}
