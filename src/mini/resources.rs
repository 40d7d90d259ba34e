//! The table of every resource mini serves. A new kind is a row here and, where needed, a strategy and a printer.

use k8s_openapi::api::apps::v1 as apps;
use k8s_openapi::api::authentication::v1 as authentication;
use k8s_openapi::api::authorization::v1 as authorization;
use k8s_openapi::api::autoscaling::v2 as autoscaling;
use k8s_openapi::api::batch::v1 as batch;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::networking::v1 as networking;
use k8s_openapi::api::rbac::v1 as rbac;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::resource::{NameRule, Plain, Resource, Serving, Subresource};
use super::strategy::{job::JobStrategy, pod::PodStrategy, secret::SecretStrategy, small, workload};
use super::table;
use crate::kubewords::{self, Kind};

const ALL: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const ONE_BY_ONE: &[&str] = &["create", "delete", "get", "list", "patch", "update", "watch"];
const READ: &[&str] = &["get", "list", "watch"];
const PART: &[&str] = &["get", "patch", "update"];
const CREATE: &[&str] = &["create"];
const CONNECT: &[&str] = &["create", "get"];
const SCALE: Subresource =
    Subresource { name: "scale", kind: "Scale", group: "autoscaling", version: "v1", verbs: PART };

/// What rows begin from; [`of`] adds what the kind's type and the table of kinds say of it.
const STORED: Resource = Resource {
    group: "",
    version: "",
    plural: "",
    kind: "",
    short: &[],
    categories: &[],
    namespaced: true,
    verbs: ALL,
    subresources: &[],
    serving: Serving::Stored,
    fields: &[],
    names: NameRule::Subdomain,
    strategy: &Plain,
    printer: table::PLAIN,
    schema: schema::<core::Pod>,
    reads: reads::<core::Pod>,
};
const RBAC: Resource = Resource { names: NameRule::PathSegment, ..STORED };
const ROLE: Resource = Resource { strategy: &small::RoleStrategy, printer: table::ROLES, ..RBAC };
const BINDING: Resource = Resource { strategy: &small::BindingStrategy, printer: table::BINDINGS, ..RBAC };
const REVIEW: Resource = Resource { verbs: CREATE, serving: Serving::Review, ..STORED };
/// Kinds that `kubectl get all`, `apply --prune` and their like ask for and mini has no controllers for.
const EMPTY: Resource = Resource { verbs: READ, serving: Serving::Empty, ..STORED };
const WORKLOAD: Resource = Resource { categories: &["all"], ..EMPTY };

const fn typed<T: k8s_openapi::Resource + JsonSchema + DeserializeOwned>(base: Resource) -> Resource {
    let Some(&Kind { kind, plural, short, group, namespaced }) = kubewords::kind(T::GROUP, T::KIND) else {
        panic!("a kind that the table of kinds does not have");
    };
    let version = T::VERSION;
    Resource { group, version, plural, kind, short, namespaced, schema: schema::<T>, reads: reads::<T>, ..base }
}

fn reads<T: DeserializeOwned>(object: &Value) -> Result<(), String> {
    T::deserialize(object).map(drop).map_err(|wrong| wrong.to_string())
}

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

const fn sub(name: &'static str, kind: &'static str, verbs: &'static [&'static str]) -> Subresource {
    Subresource { name, kind, group: "", version: "v1", verbs }
}

/// Used by admission.
pub(crate) static NAMESPACES: Resource = Resource {
    verbs: ONE_BY_ONE,
    subresources: &[sub("finalize", "Namespace", &["update"]), sub("status", "Namespace", PART)],
    fields: &["status.phase"],
    names: NameRule::Label,
    strategy: &small::NamespaceStrategy,
    printer: table::NAMESPACES,
    ..typed::<core::Namespace>(STORED)
};

/// Used by admission and by tokens.
pub(crate) static SERVICE_ACCOUNTS: Resource = Resource {
    subresources: &[Subresource {
        name: "token",
        kind: "TokenRequest",
        group: "authentication.k8s.io",
        version: "v1",
        verbs: CREATE,
    }],
    strategy: &small::ServiceAccountStrategy,
    printer: table::SERVICE_ACCOUNTS,
    ..typed::<core::ServiceAccount>(STORED)
};

pub(crate) static PODS: Resource = Resource {
    categories: &["all"],
    subresources: &[
        sub("attach", "PodAttachOptions", CONNECT),
        sub("binding", "Binding", CREATE),
        Subresource { name: "eviction", kind: "Eviction", group: "policy", version: "v1", verbs: CREATE },
        sub("ephemeralcontainers", "Pod", PART),
        sub("exec", "PodExecOptions", CONNECT),
        sub("log", "Pod", &["get"]),
        sub("portforward", "PodPortForwardOptions", CONNECT),
        sub("status", "Pod", PART),
    ],
    fields: &[
        "spec.hostNetwork",
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "status.nominatedNodeName",
        "status.phase",
        "status.podIP",
        "status.podIPs",
    ],
    strategy: &PodStrategy,
    printer: table::PODS,
    ..typed::<core::Pod>(STORED)
};

/// Mini is ready when its node is.
pub(crate) static NODES: Resource = Resource {
    subresources: &[sub("status", "Node", PART)],
    fields: &["spec.unschedulable"],
    strategy: &small::NodeStrategy,
    printer: table::NODES,
    ..typed::<core::Node>(STORED)
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
pub(crate) static ROLES: Resource = typed::<rbac::Role>(ROLE);

/// Used by the authorizer.
pub(crate) static CLUSTER_ROLES: Resource = Resource { ..typed::<rbac::ClusterRole>(ROLE) };

/// Used by the authorizer.
pub(crate) static ROLE_BINDINGS: Resource = typed::<rbac::RoleBinding>(BINDING);

/// Used by the authorizer.
pub(crate) static CLUSTER_ROLE_BINDINGS: Resource = Resource { ..typed::<rbac::ClusterRoleBinding>(BINDING) };

static OTHERS: [Resource; 24] = [
    Resource { strategy: &small::ConfigMapStrategy, printer: table::CONFIG_MAPS, ..typed::<core::ConfigMap>(STORED) },
    Resource { ..typed::<core::Endpoints>(EMPTY) },
    Resource { ..typed::<core::LimitRange>(EMPTY) },
    Resource { ..typed::<core::PersistentVolumeClaim>(EMPTY) },
    Resource { ..typed::<core::PersistentVolume>(EMPTY) },
    Resource { ..typed::<core::ResourceQuota>(EMPTY) },
    Resource {
        fields: EVENT_FIELDS,
        strategy: &small::EventStrategy,
        printer: table::EVENTS,
        ..typed::<core::Event>(STORED)
    },
    Resource { ..typed::<core::ReplicationController>(WORKLOAD) },
    Resource { fields: &["type"], strategy: &SecretStrategy, printer: table::SECRETS, ..typed::<core::Secret>(STORED) },
    Resource { printer: table::SERVICES, ..typed::<core::Service>(WORKLOAD) },
    Resource { ..typed::<apps::DaemonSet>(WORKLOAD) },
    Resource {
        categories: &["all"],
        subresources: &[SCALE, sub("status", "Deployment", PART)],
        strategy: &workload::DeploymentStrategy,
        printer: table::DEPLOYMENTS,
        ..typed::<apps::Deployment>(STORED)
    },
    Resource {
        categories: &["all"],
        subresources: &[SCALE, sub("status", "ReplicaSet", PART)],
        fields: &["status.replicas"],
        strategy: &workload::ReplicaSetStrategy,
        printer: table::REPLICA_SETS,
        ..typed::<apps::ReplicaSet>(STORED)
    },
    Resource { ..typed::<apps::StatefulSet>(WORKLOAD) },
    typed::<authentication::SelfSubjectReview>(REVIEW),
    typed::<authentication::TokenReview>(REVIEW),
    typed::<authorization::LocalSubjectAccessReview>(REVIEW),
    typed::<authorization::SelfSubjectAccessReview>(REVIEW),
    typed::<authorization::SelfSubjectRulesReview>(REVIEW),
    typed::<authorization::SubjectAccessReview>(REVIEW),
    Resource { ..typed::<autoscaling::HorizontalPodAutoscaler>(WORKLOAD) },
    Resource { ..typed::<batch::CronJob>(WORKLOAD) },
    Resource {
        categories: &["all"],
        subresources: &[sub("status", "Job", PART)],
        fields: &["status.successful"],
        strategy: &JobStrategy,
        printer: table::JOBS,
        ..typed::<batch::Job>(STORED)
    },
    Resource { ..typed::<networking::Ingress>(EMPTY) },
];

/// Every resource, in discovery's order of groups.
pub(crate) fn all() -> impl Iterator<Item = &'static Resource> {
    let named =
        [&NAMESPACES, &NODES, &PODS, &SERVICE_ACCOUNTS, &ROLES, &CLUSTER_ROLES, &ROLE_BINDINGS, &CLUSTER_ROLE_BINDINGS];
    named.into_iter().chain(&OTHERS)
}

/// The resource at `/apis/GROUP/VERSION/PLURAL`.
pub(crate) fn find(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    all().find(|r| (r.group, r.version, r.plural) == (group, version, plural))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_whole_and_unique() {
        let mut seen = std::collections::HashSet::new();
        for resource in all() {
            // The plural alone names its shelf.
            assert!(seen.insert(resource.plural), "{resource:?} twice");
            assert!(!resource.plural.is_empty() && !resource.kind.is_empty(), "{resource:?}");
        }
    }
}
