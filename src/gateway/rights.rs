//! What a lab may: everything within namespaces of its own, and as much beyond them as the cluster's owner allows. Pure.

use serde_json::Value;

use super::names::{DEFAULT, Names};
use super::path::Target;
use crate::kubewords::{KINDS, is_system_namespace};

/// How far a lab reaches beyond its own namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// A cluster of ours: everything is read, and what is cluster-scoped is made under a name of the lab's where that
    /// can be. Whatever else changes the cluster needs the lab to be `alone` there.
    Ours {
        /// Whether no other lab is played there meanwhile.
        alone: bool,
    },
    /// A user's cluster: nothing but the lab's own namespaces is read or changed.
    Users,
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Right {
    Given,
    /// Never given; why.
    Refused(&'static str),
    /// Given to a lab that has the cluster to itself; why.
    Alone(&'static str),
}

const USERS: &str = "on a cluster of the user's a lab reads and changes its own namespaces and nothing else";
const BEYOND: &str = "it changes the cluster beyond the lab's own namespaces, which a lab does that is played alone";
/// Paths that say what the server serves.
const DISCOVERY: &[&str] = &["/", "/api", "/apis", "/version", "/healthz", "/livez", "/readyz"];

/// Cluster-scoped kinds that get a name of the lab's own: nothing happens to others because they are there.
const RENAMED: &[(&str, &str)] = &[
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
    ("scheduling.k8s.io", "priorityclasses"),
    ("storage.k8s.io", "storageclasses"),
    ("networking.k8s.io", "ingressclasses"),
    ("node.k8s.io", "runtimeclasses"),
    ("certificates.k8s.io", "certificatesigningrequests"),
];
impl Reach {
    /// The right to what `target` asks for.
    pub(crate) fn right(self, target: &Target, names: &Names) -> Right {
        if names.is_verbatim() {
            return Right::Given;
        }
        let info = &target.info;
        let reads = matches!(info.verb.as_str(), "get" | "list" | "watch" | "head") && !target.is_connection();
        if !info.is_resource {
            return match (self, reads) {
                (Self::Ours { .. }, true) => Right::Given,
                (Self::Users, true) if is_discovery(&info.path) => Right::Given,
                _ => self.beyond(),
            };
        }
        let is_given = if target.is_namespaces() {
            match info.name.as_str() {
                "" => info.verb != "deletecollection",
                name => reads || !is_system_namespace(name),
            }
        } else if target.is_cluster_wide() {
            match info.verb.as_str() {
                "list" | "watch" => self != Self::Users || !is_cluster_scoped(&info.group, &info.resource),
                "create" if is_review(&info.group, &info.resource) => true,
                _ if reads => self != Self::Users,
                "deletecollection" => false,
                _ => self != Self::Users && is_renamed(&info.group, &info.resource),
            }
        } else {
            !is_system_namespace(&info.namespace) || reads && self != Self::Users
        };
        if is_given { Right::Given } else { self.beyond() }
    }

    /// The right to change something beyond the lab's namespaces.
    pub(crate) fn beyond(self) -> Right {
        match self {
            Self::Ours { alone: true } => Right::Given,
            Self::Ours { alone: false } => Right::Alone(BEYOND),
            Self::Users => Right::Refused(USERS),
        }
    }
}

fn is_discovery(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let path = if path.is_empty() { "/" } else { path };
    DISCOVERY.contains(&path) || ["/apis/", "/openapi/", "/api/"].iter().any(|folder| path.starts_with(folder))
}

fn is_review(group: &str, plural: &str) -> bool {
    matches!(group, "authorization.k8s.io" | "authentication.k8s.io") && plural.ends_with("reviews")
}

/// Whether objects of the kind get a name of the lab's own.
pub(crate) fn is_renamed(group: &str, plural: &str) -> bool {
    RENAMED.contains(&(group, plural))
}

fn is_cluster_scoped(group: &str, plural: &str) -> bool {
    // Of custom resources it cannot be told: those that have no namespace are not shown.
    KINDS.iter().any(|kind| !kind.namespaced && kind.group == group && kind.plural == plural)
}

/// Whether an object of a renamed kind acts on what is not the lab's, whatever it is called.
pub(crate) fn acts_on_others(object: &Value) -> bool {
    let is_default = |key: &String, value: &Value| key.contains("is-default-class") && value == "true";
    let labels = object["metadata"]["labels"].as_object();
    let annotations = object["metadata"]["annotations"].as_object();
    object["globalDefault"] == true
        || labels.is_some_and(|labels| labels.keys().any(|key| key.contains("/aggregate-to-")))
        || annotations.is_some_and(|annotations| annotations.iter().any(|(key, value)| is_default(key, value)))
}

/// The namespace that Kubernetes lets nobody delete.
pub(crate) fn is_immortal(target: &Target) -> bool {
    target.is_namespaces() && target.info.verb == "delete" && target.info.name == DEFAULT
}
