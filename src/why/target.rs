//! Which pods are asked about: one by name, those of a workload, those of a manifest, or all that wait for an image.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use crate::hint::Hint;
use crate::kubewords::is_controlled_by;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DiagnosisTarget {
    Pod(String),
    /// `deploy/web`: the kind as it was written, and the name.
    Workload(String, String),
    All,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("`{0}` is neither a pod nor deploy/NAME, rs/NAME or job/NAME")]
    Unknown(String),
    #[error("there is no {what} in {namespace}")]
    Missing { what: String, namespace: String, near: Vec<String> },
    #[error("{0} has made no pod")]
    NoPod(String),
    #[error("the cluster does not answer")]
    Cluster(#[from] Box<kube::Error>),
    #[error("no manifest with pods")]
    Manifest(#[source] Option<serde_saphyr::Error>),
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unknown(_) => {
                "as in `rehearse why mypod`, `rehearse why deploy/web -n shop`, `rehearse why -A`".into()
            }
            Self::Missing { near, .. } if near.is_empty() => {
                "`-n NAMESPACE` asks in another namespace, `-A` in all".into()
            }
            Self::Missing { near, .. } => format!("there is: {}", near.join(", ")),
            Self::NoPod(_) => {
                "`kubectl describe` on it tells why: a quota, or a ServiceAccount that is not there".into()
            }
            Self::Cluster(_) => "does `kubectl get pods` work? `--cluster context:NAME` takes another context".into(),
            Self::Manifest(_) => "a Pod, or what has a pod template: a Deployment, a Job, …".into(),
        })
    }
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        Self::Cluster(Box::new(error))
    }
}

impl std::str::FromStr for DiagnosisTarget {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let Some((kind, name)) = text.split_once('/') else { return Ok(Self::Pod(text.into())) };
        let kind = kind.split('.').next().unwrap_or(kind).to_ascii_lowercase();
        match kind.as_str() {
            _ if name.is_empty() || name.contains('/') => Err(Error::Unknown(text.into())),
            "pod" | "pods" | "po" => Ok(Self::Pod(name.into())),
            "deploy" | "deployment" | "deployments" => Ok(Self::Workload("Deployment".into(), name.into())),
            "rs" | "replicaset" | "replicasets" => Ok(Self::Workload("ReplicaSet".into(), name.into())),
            "job" | "jobs" => Ok(Self::Workload("Job".into(), name.into())),
            _ => Err(Error::Unknown(text.into())),
        }
    }
}

impl DiagnosisTarget {
    /// The pods, in the order of their names.
    ///
    /// # Errors
    /// Where there is none of that name, or the cluster does not answer.
    pub(crate) async fn pods(&self, client: &Client, namespace: &str) -> Result<Vec<Pod>, Error> {
        let all = ListParams::default();
        let pods = Api::<Pod>::namespaced(client.clone(), namespace);
        match self {
            Self::All => Ok(Api::<Pod>::all(client.clone()).list(&all).await?.items),
            Self::Pod(name) => match pods.get_opt(name).await? {
                Some(pod) => Ok(vec![pod]),
                None => {
                    let names: Vec<String> = pods.list(&all).await?.iter().map(ResourceExt::name_any).collect();
                    let near = super::facts::nearest(name, &names).into_iter().collect();
                    Err(Error::Missing { what: format!("pod `{name}`"), namespace: namespace.into(), near })
                }
            },
            Self::Workload(kind, name) => {
                let what = format!("{}/{name}", kind.to_lowercase());
                let sets = Api::<ReplicaSet>::namespaced(client.clone(), namespace);
                let sets = if kind == "Deployment" { sets.list(&all).await?.items } else { Vec::new() };
                let found: Vec<Pod> = pods.list(&all).await?.items;
                let found: Vec<Pod> = found.into_iter().filter(|pod| belongs(pod, &sets, kind, name)).collect();
                let deployments = Api::<Deployment>::namespaced(client.clone(), namespace);
                if found.is_empty() && kind == "Deployment" && deployments.get_opt(name).await?.is_none() {
                    return Err(Error::Missing { what, namespace: namespace.into(), near: Vec::new() });
                }
                if found.is_empty() { Err(Error::NoPod(what)) } else { Ok(found) }
            }
        }
    }

    /// The pods that a manifest would make, each in the namespace that it names or else in `namespace`.
    ///
    /// # Errors
    /// Where it is no YAML, or has no pod in it.
    pub(crate) fn of_manifest(text: &str, namespace: &str) -> Result<Vec<Pod>, Error> {
        let mut pods = Vec::new();
        for object in serde_saphyr::from_multiple::<Value>(text).map_err(|error| Error::Manifest(Some(error)))? {
            let lists = object["items"].as_array().cloned();
            pods.extend(lists.unwrap_or_else(|| vec![object]).iter().filter_map(|object| pod(object, namespace)));
        }
        if pods.is_empty() { Err(Error::Manifest(None)) } else { Ok(pods) }
    }
}

/// The pod that an object is, or has a template of.
fn pod(object: &Value, namespace: &str) -> Option<Pod> {
    let templates = ["/spec/template/spec", "/spec/jobTemplate/spec/template/spec"];
    let spec = match object["kind"].as_str()? {
        "Pod" => object.get("spec"),
        _ => templates.iter().find_map(|path| object.pointer(path)),
    }?;
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or(namespace);
    let metadata = json!({"name": object["metadata"]["name"], "namespace": namespace});
    serde_json::from_value(json!({"metadata": metadata, "spec": spec})).ok()
}

/// Whether a pod is a workload's, of a Deployment also by way of any of its ReplicaSets.
fn belongs(pod: &Pod, sets: &[ReplicaSet], kind: &str, name: &str) -> bool {
    let mut sets = sets.iter().filter(|set| is_controlled_by(&set.metadata, kind, name));
    is_controlled_by(&pod.metadata, kind, name)
        || sets.any(|set| is_controlled_by(&pod.metadata, "ReplicaSet", &set.name_any()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_as_kubectl_writes_them() {
        let of = |text: &str| text.parse::<DiagnosisTarget>().ok();
        assert_eq!(of("p"), Some(DiagnosisTarget::Pod("p".into())));
        assert_eq!(of("pod/p"), Some(DiagnosisTarget::Pod("p".into())));
        assert_eq!(of("deployment.apps/web"), Some(DiagnosisTarget::Workload("Deployment".into(), "web".into())));
        for wrong in ["svc/x", "deploy/", "a/b/c"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn manifests_have_pods_and_templates_of_such() {
        let text = "kind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: i}]}\n---\nkind: Deployment\n\
                    metadata: {name: b, namespace: shop}\nspec: {template: {spec: {containers: [{name: c, image: j}]}}}\n---\n\
                    kind: Secret\nmetadata: {name: s}\n";
        let pods = DiagnosisTarget::of_manifest(text, "default").unwrap();
        let names: Vec<_> = pods.iter().map(|pod| (pod.name_any(), pod.namespace().unwrap())).collect();
        assert_eq!(names, [("a".into(), "default".into()), ("b".into(), "shop".to_owned())]);
        assert!(matches!(DiagnosisTarget::of_manifest("kind: Secret", "x"), Err(Error::Manifest(None))));
        assert!(matches!(DiagnosisTarget::of_manifest("a: [", "x"), Err(Error::Manifest(Some(_)))));
    }
}
