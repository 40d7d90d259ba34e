//! The table of every resource mini serves. A new kind is a row here and, where needed, a strategy and a printer.

use k8s_openapi::api::apps::v1 as apps;
use k8s_openapi::api::authentication::v1 as authentication;
use k8s_openapi::api::authorization::v1 as authorization;
use k8s_openapi::api::autoscaling::v2 as autoscaling;
use k8s_openapi::api::batch::v1 as batch;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::rbac::v1 as rbac;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::registry::strategy::{pod::PodStrategy, secret::SecretStrategy, small};
use super::resource::{NameRule, Plain, Resource, Serving, Subresource};
use super::store::Shelf;
use super::table;

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

const fn shelf(name: &'static str, fields: &'static [&'static str]) -> Shelf {
    Shelf { name, fields }
}

const ALL: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const ONE_BY_ONE: &[&str] = &["create", "delete", "get", "list", "patch", "update", "watch"];
const READ: &[&str] = &["get", "list", "watch"];
const PART: &[&str] = &["get", "patch", "update"];
const CREATE: &[&str] = &["create"];
const CONNECT: &[&str] = &["create", "get"];

const CORE: Resource = Resource {
    group: "",
    version: "v1",
    plural: "",
    singular: "",
    kind: "",
    short: &[],
    categories: &[],
    namespaced: true,
    verbs: ALL,
    subresources: &[],
    serving: Serving::Stored,
    shelf: shelf("", &[]),
    names: NameRule::Subdomain,
    strategy: &Plain,
    printer: table::PLAIN,
    schema: schema::<core::Pod>,
};

const RBAC: Resource = Resource { group: "rbac.authorization.k8s.io", names: NameRule::PathSegment, ..CORE };
const REVIEW: Resource =
    Resource { group: "authorization.k8s.io", namespaced: false, verbs: CREATE, serving: Serving::Review, ..CORE };
/// Kinds that `kubectl get all` asks for and mini has no controllers for.
const EMPTY: Resource = Resource { verbs: READ, serving: Serving::Empty, categories: &["all"], ..CORE };
const APPS: Resource = Resource { group: "apps", ..EMPTY };
const BATCH: Resource = Resource { group: "batch", ..EMPTY };

const fn sub(name: &'static str, kind: &'static str, verbs: &'static [&'static str]) -> Subresource {
    Subresource { name, kind, group: "", version: "v1", verbs }
}

/// Used by admission.
pub static NAMESPACES: Resource = Resource {
    plural: "namespaces",
    singular: "namespace",
    kind: "Namespace",
    short: &["ns"],
    namespaced: false,
    verbs: ONE_BY_ONE,
    subresources: &[sub("finalize", "Namespace", &["update"]), sub("status", "Namespace", PART)],
    shelf: shelf("namespaces", &["status.phase"]),
    names: NameRule::Label,
    strategy: &small::NamespaceStrategy,
    printer: table::NAMESPACES,
    schema: schema::<core::Namespace>,
    ..CORE
};

/// Used by admission and by tokens.
pub static SERVICE_ACCOUNTS: Resource = Resource {
    plural: "serviceaccounts",
    singular: "serviceaccount",
    kind: "ServiceAccount",
    short: &["sa"],
    subresources: &[Subresource {
        name: "token",
        kind: "TokenRequest",
        group: "authentication.k8s.io",
        version: "v1",
        verbs: CREATE,
    }],
    shelf: shelf("serviceaccounts", &[]),
    strategy: &small::ServiceAccountStrategy,
    printer: table::SERVICE_ACCOUNTS,
    schema: schema::<core::ServiceAccount>,
    ..CORE
};

pub static PODS: Resource = Resource {
    plural: "pods",
    singular: "pod",
    kind: "Pod",
    short: &["po"],
    categories: &["all"],
    subresources: &[
        sub("binding", "Binding", CREATE),
        Subresource { name: "eviction", kind: "Eviction", group: "policy", version: "v1", verbs: CREATE },
        sub("exec", "PodExecOptions", CONNECT),
        sub("log", "Pod", &["get"]),
        sub("portforward", "PodPortForwardOptions", CONNECT),
        sub("status", "Pod", PART),
    ],
    shelf: shelf(
        "pods",
        &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
            "status.podIP",
        ],
    ),
    strategy: &PodStrategy,
    printer: table::PODS,
    ..CORE
};

/// Mini is ready when its node is.
pub static NODES: Resource = Resource {
    plural: "nodes",
    singular: "node",
    kind: "Node",
    short: &["no"],
    namespaced: false,
    subresources: &[sub("status", "Node", PART)],
    shelf: shelf("nodes", &["spec.unschedulable"]),
    printer: table::NODES,
    schema: schema::<core::Node>,
    ..CORE
};

const EVENT_FIELDS: &[&str] = &[
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "type",
];

/// Used by the authorizer.
pub static ROLES: Resource = Resource {
    plural: "roles",
    singular: "role",
    kind: "Role",
    shelf: shelf("roles", &[]),
    printer: table::ROLES,
    schema: schema::<rbac::Role>,
    ..RBAC
};

/// Used by the authorizer.
pub static CLUSTER_ROLES: Resource = Resource {
    plural: "clusterroles",
    singular: "clusterrole",
    kind: "ClusterRole",
    namespaced: false,
    shelf: shelf("clusterroles", &[]),
    printer: table::ROLES,
    schema: schema::<rbac::ClusterRole>,
    ..RBAC
};

/// Used by the authorizer.
pub static ROLE_BINDINGS: Resource = Resource {
    plural: "rolebindings",
    singular: "rolebinding",
    kind: "RoleBinding",
    shelf: shelf("rolebindings", &[]),
    strategy: &small::BindingStrategy,
    printer: table::BINDINGS,
    schema: schema::<rbac::RoleBinding>,
    ..RBAC
};

/// Used by the authorizer.
pub static CLUSTER_ROLE_BINDINGS: Resource = Resource {
    plural: "clusterrolebindings",
    singular: "clusterrolebinding",
    kind: "ClusterRoleBinding",
    namespaced: false,
    shelf: shelf("clusterrolebindings", &[]),
    strategy: &small::BindingStrategy,
    printer: table::BINDINGS,
    schema: schema::<rbac::ClusterRoleBinding>,
    ..RBAC
};

static OTHERS: [Resource; 18] = [
    Resource {
        plural: "configmaps",
        singular: "configmap",
        kind: "ConfigMap",
        short: &["cm"],
        shelf: shelf("configmaps", &[]),
        strategy: &small::ConfigMapStrategy,
        printer: table::CONFIG_MAPS,
        schema: schema::<core::ConfigMap>,
        ..CORE
    },
    Resource {
        plural: "limitranges",
        singular: "limitrange",
        kind: "LimitRange",
        short: &["limits"],
        categories: &[],
        shelf: shelf("limitranges", &[]),
        schema: schema::<core::LimitRange>,
        ..EMPTY
    },
    Resource {
        plural: "resourcequotas",
        singular: "resourcequota",
        kind: "ResourceQuota",
        short: &["quota"],
        categories: &[],
        shelf: shelf("resourcequotas", &[]),
        schema: schema::<core::ResourceQuota>,
        ..EMPTY
    },
    Resource {
        plural: "events",
        singular: "event",
        kind: "Event",
        short: &["ev"],
        shelf: shelf("events", EVENT_FIELDS),
        strategy: &small::EventStrategy,
        printer: table::EVENTS,
        schema: schema::<core::Event>,
        ..CORE
    },
    Resource {
        plural: "replicationcontrollers",
        singular: "replicationcontroller",
        kind: "ReplicationController",
        short: &["rc"],
        schema: schema::<core::ReplicationController>,
        ..EMPTY
    },
    Resource {
        plural: "secrets",
        singular: "secret",
        kind: "Secret",
        shelf: shelf("secrets", &["type"]),
        strategy: &SecretStrategy,
        printer: table::SECRETS,
        schema: schema::<core::Secret>,
        ..CORE
    },
    Resource {
        plural: "services",
        singular: "service",
        kind: "Service",
        short: &["svc"],
        schema: schema::<core::Service>,
        ..EMPTY
    },
    Resource {
        plural: "daemonsets",
        singular: "daemonset",
        kind: "DaemonSet",
        short: &["ds"],
        schema: schema::<apps::DaemonSet>,
        ..APPS
    },
    Resource {
        plural: "deployments",
        singular: "deployment",
        kind: "Deployment",
        short: &["deploy"],
        schema: schema::<apps::Deployment>,
        ..APPS
    },
    Resource {
        plural: "replicasets",
        singular: "replicaset",
        kind: "ReplicaSet",
        short: &["rs"],
        schema: schema::<apps::ReplicaSet>,
        ..APPS
    },
    Resource {
        plural: "statefulsets",
        singular: "statefulset",
        kind: "StatefulSet",
        short: &["sts"],
        schema: schema::<apps::StatefulSet>,
        ..APPS
    },
    Resource {
        plural: "selfsubjectreviews",
        singular: "selfsubjectreview",
        kind: "SelfSubjectReview",
        group: "authentication.k8s.io",
        schema: schema::<authentication::SelfSubjectReview>,
        ..REVIEW
    },
    Resource {
        plural: "selfsubjectaccessreviews",
        singular: "selfsubjectaccessreview",
        kind: "SelfSubjectAccessReview",
        schema: schema::<authorization::SelfSubjectAccessReview>,
        ..REVIEW
    },
    Resource {
        plural: "selfsubjectrulesreviews",
        singular: "selfsubjectrulesreview",
        kind: "SelfSubjectRulesReview",
        schema: schema::<authorization::SelfSubjectRulesReview>,
        ..REVIEW
    },
    Resource {
        plural: "subjectaccessreviews",
        singular: "subjectaccessreview",
        kind: "SubjectAccessReview",
        schema: schema::<authorization::SubjectAccessReview>,
        ..REVIEW
    },
    Resource {
        group: "autoscaling",
        version: "v2",
        plural: "horizontalpodautoscalers",
        singular: "horizontalpodautoscaler",
        kind: "HorizontalPodAutoscaler",
        short: &["hpa"],
        schema: schema::<autoscaling::HorizontalPodAutoscaler>,
        ..EMPTY
    },
    Resource {
        plural: "cronjobs",
        singular: "cronjob",
        kind: "CronJob",
        short: &["cj"],
        schema: schema::<batch::CronJob>,
        ..BATCH
    },
    Resource { plural: "jobs", singular: "job", kind: "Job", schema: schema::<batch::Job>, ..BATCH },
];

/// Every resource, in discovery's order of groups.
pub fn all() -> impl Iterator<Item = &'static Resource> {
    let named =
        [&NAMESPACES, &NODES, &PODS, &SERVICE_ACCOUNTS, &ROLES, &CLUSTER_ROLES, &ROLE_BINDINGS, &CLUSTER_ROLE_BINDINGS];
    named.into_iter().chain(&OTHERS)
}

/// The resource at `/apis/GROUP/VERSION/PLURAL`.
pub fn find(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    all().find(|r| (r.group, r.version, r.plural) == (group, version, plural))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_whole_and_unique() {
        let mut seen = std::collections::HashSet::new();
        for resource in all() {
            assert!(seen.insert((resource.group, resource.plural)), "{resource:?} twice");
            assert_eq!(resource.kind.to_lowercase(), resource.singular, "{resource:?}");
            assert_eq!(resource.shelf.name.is_empty(), resource.serving != Serving::Stored, "{resource:?}");
        }
    }
}
