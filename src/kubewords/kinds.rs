//! The one table of Kubernetes' kinds (`kubectl api-resources`).

/// A kind of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    /// `ServiceAccount`
    pub kind: &'static str,
    /// `serviceaccounts`
    pub plural: &'static str,
    /// `sa`
    pub short: &'static [&'static str],
    /// Empty for the core group.
    pub group: &'static str,
    /// Whether its objects live in a namespace.
    pub namespaced: bool,
}

impl Kind {
    /// `serviceaccount`
    pub(crate) fn singular(&self) -> String {
        self.kind.to_ascii_lowercase()
    }

    /// Every way to write it before a name: singular, plural, short names.
    pub(crate) fn spellings(&self) -> impl Iterator<Item = String> {
        [self.singular(), self.plural.to_owned()].into_iter().chain(self.short.iter().map(ToString::to_string))
    }
}

const AUTHENTICATION: &str = "authentication.k8s.io";
const AUTHORIZATION: &str = "authorization.k8s.io";
const EXTENSIONS: &str = "apiextensions.k8s.io";
const NETWORKING: &str = "networking.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";
const STORAGE: &str = "storage.k8s.io";

const fn within(group: &'static str, kind: &'static str, plural: &'static str, short: &'static [&'static str]) -> Kind {
    Kind { kind, plural, short, group, namespaced: true }
}

const fn whole(group: &'static str, kind: &'static str, plural: &'static str, short: &'static [&'static str]) -> Kind {
    Kind { kind, plural, short, group, namespaced: false }
}

/// What a cluster of today serves of its own, but for what only its own components write. Of two kinds with the same
/// spelling the first is meant.
pub(crate) const KINDS: &[Kind] = &[
    within("", "ConfigMap", "configmaps", &["cm"]),
    within("", "Endpoints", "endpoints", &["ep"]),
    within("", "Event", "events", &["ev"]),
    within("", "LimitRange", "limitranges", &["limits"]),
    whole("", "Namespace", "namespaces", &["ns"]),
    whole("", "Node", "nodes", &["no"]),
    whole("", "PersistentVolume", "persistentvolumes", &["pv"]),
    within("", "PersistentVolumeClaim", "persistentvolumeclaims", &["pvc"]),
    within("", "Pod", "pods", &["po"]),
    within("", "PodTemplate", "podtemplates", &[]),
    within("", "ReplicationController", "replicationcontrollers", &["rc"]),
    within("", "ResourceQuota", "resourcequotas", &["quota"]),
    within("", "Secret", "secrets", &[]),
    within("", "Service", "services", &["svc"]),
    within("", "ServiceAccount", "serviceaccounts", &["sa"]),
    whole("admissionregistration.k8s.io", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", &[]),
    whole("admissionregistration.k8s.io", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", &[]),
    whole("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", &[]),
    whole("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", &[]),
    whole(EXTENSIONS, "CustomResourceDefinition", "customresourcedefinitions", &["crd", "crds"]),
    whole("apiregistration.k8s.io", "APIService", "apiservices", &[]),
    within("apps", "ControllerRevision", "controllerrevisions", &[]),
    within("apps", "DaemonSet", "daemonsets", &["ds"]),
    within("apps", "Deployment", "deployments", &["deploy"]),
    within("apps", "ReplicaSet", "replicasets", &["rs"]),
    within("apps", "StatefulSet", "statefulsets", &["sts"]),
    whole(AUTHENTICATION, "SelfSubjectReview", "selfsubjectreviews", &[]),
    whole(AUTHENTICATION, "TokenReview", "tokenreviews", &[]),
    within(AUTHORIZATION, "LocalSubjectAccessReview", "localsubjectaccessreviews", &[]),
    whole(AUTHORIZATION, "SelfSubjectAccessReview", "selfsubjectaccessreviews", &[]),
    whole(AUTHORIZATION, "SelfSubjectRulesReview", "selfsubjectrulesreviews", &[]),
    whole(AUTHORIZATION, "SubjectAccessReview", "subjectaccessreviews", &[]),
    within("autoscaling", "HorizontalPodAutoscaler", "horizontalpodautoscalers", &["hpa"]),
    within("batch", "CronJob", "cronjobs", &["cj"]),
    within("batch", "Job", "jobs", &[]),
    whole("certificates.k8s.io", "CertificateSigningRequest", "certificatesigningrequests", &["csr"]),
    within("coordination.k8s.io", "Lease", "leases", &[]),
    within("discovery.k8s.io", "EndpointSlice", "endpointslices", &[]),
    within("events.k8s.io", "Event", "events", &["ev"]),
    whole("flowcontrol.apiserver.k8s.io", "FlowSchema", "flowschemas", &[]),
    whole("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration", "prioritylevelconfigurations", &[]),
    within(NETWORKING, "Ingress", "ingresses", &["ing"]),
    whole(NETWORKING, "IngressClass", "ingressclasses", &[]),
    whole(NETWORKING, "IPAddress", "ipaddresses", &["ip"]),
    within(NETWORKING, "NetworkPolicy", "networkpolicies", &["netpol"]),
    whole("node.k8s.io", "RuntimeClass", "runtimeclasses", &[]),
    within("policy", "PodDisruptionBudget", "poddisruptionbudgets", &["pdb"]),
    whole(RBAC, "ClusterRole", "clusterroles", &[]),
    whole(RBAC, "ClusterRoleBinding", "clusterrolebindings", &[]),
    within(RBAC, "Role", "roles", &[]),
    within(RBAC, "RoleBinding", "rolebindings", &[]),
    whole("scheduling.k8s.io", "PriorityClass", "priorityclasses", &["pc"]),
    whole(STORAGE, "CSIDriver", "csidrivers", &[]),
    whole(STORAGE, "CSINode", "csinodes", &[]),
    within(STORAGE, "CSIStorageCapacity", "csistoragecapacities", &[]),
    whole(STORAGE, "StorageClass", "storageclasses", &["sc"]),
    whole(STORAGE, "VolumeAttachment", "volumeattachments", &[]),
];

/// The kind of a group, by the words of a manifest.
pub(crate) const fn kind(group: &str, kind: &str) -> Option<&'static Kind> {
    let mut at = 0;
    while at < KINDS.len() {
        if equal(KINDS[at].kind, kind) && equal(KINDS[at].group, group) {
            return Some(&KINDS[at]);
        }
        at += 1;
    }
    None
}

/// `==` of strings, which is not const yet.
const fn equal(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

/// The kind that a word before a name means to kubectl: `po`, `pods`, `Pod`, `deployments.apps`, `deployment.v1.apps`.
pub(crate) fn spelled(word: &str) -> Option<&'static Kind> {
    let word = word.to_ascii_lowercase();
    let (name, group) = word.split_once('.').map_or((word.as_str(), None), |(name, group)| (name, Some(group)));
    let in_group = |kind: &Kind| group.is_none_or(|group| kind.group == group || unversioned(group) == kind.group);
    KINDS.iter().find(|kind| in_group(kind) && kind.spellings().any(|spelling| spelling == name))
}

/// `v1.apps` → `apps`
fn unversioned(group: &str) -> &str {
    let version =
        |word: &str| word.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    match group.split_once('.') {
        Some((first, rest)) if version(first) => rest,
        None if version(group) => "",
        _ => group,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_their_spellings() {
        let named = |word: &str| spelled(word).map(|kind| (kind.kind, kind.group));
        for word in ["po", "pod", "pods", "Pod", "pods.v1", "pods.v1."] {
            assert_eq!(named(word), Some(("Pod", "")), "{word}");
        }
        assert_eq!(named("deploy.apps"), Some(("Deployment", "apps")));
        assert_eq!(named("deployments.v1.apps"), Some(("Deployment", "apps")));
        assert_eq!(
            (named("ev"), named("events.events.k8s.io")),
            (Some(("Event", "")), Some(("Event", "events.k8s.io")))
        );
        assert_eq!(named("ns").and_then(|(name, group)| kind(group, name)).map(|kind| kind.namespaced), Some(false));
        for word in ["pdo", "", ".", "pods.apps", "deployments.v1"] {
            assert_eq!(named(word), None, "{word}");
        }
    }

    #[test]
    fn rows_are_in_order_and_name_their_kind() {
        for pair in KINDS.windows(2) {
            let key = |kind: &Kind| (kind.group, kind.kind.to_ascii_lowercase());
            assert!(key(&pair[0]) < key(&pair[1]), "{:?}", pair[1]);
        }
        for row in KINDS {
            assert_eq!(kind(row.group, row.kind), Some(row));
            assert!(row.plural.starts_with(&row.singular()[..3]) && row.plural.ends_with('s'), "{row:?}");
        }
        assert_eq!(kind("apps", "Pod"), None);
    }
}
