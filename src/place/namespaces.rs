//! A lab's namespaces: the one that plays `default`, made before its first step, and whichever others it makes, all of
//! them removed afterwards. Knows no steps.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::{Namespace, Pod, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::runtime::wait::await_condition;
use kube::{Api, Client, ResourceExt};

use super::cleanup::{self, remove};
use crate::hint::Hint;

/// A namespace's default ServiceAccount comes within milliseconds, and on a cluster that has just begun once its
/// controllers run.
const ACCOUNT: Duration = Duration::from_secs(120);

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the cluster does not answer")]
    Kube(#[from] kube::Error),
    #[error(transparent)]
    Cleanup(#[from] cleanup::Error),
    #[error("the namespace {namespace} cannot be created")]
    Namespace {
        namespace: String,
        #[source]
        source: kube::Error,
    },
    #[error("the namespace {namespace} got no default ServiceAccount within {ACCOUNT:?}")]
    NoAccount { namespace: String },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Kube(_) => Some("is the cluster still there? `kubectl get --raw /readyz` asks it".into()),
            Self::Cleanup(error) => error.hint(),
            Self::Namespace { .. } => Some("`kubectl auth can-i create namespaces` tells whether you may".into()),
            Self::NoAccount { .. } => {
                Some("do the cluster's controllers run? `kubectl get pods -n kube-system` tells".into())
            }
        }
    }
}

/// Makes a namespace, the one that plays `default` or one beside it, and returns once pods can be created in it.
///
/// # Errors
/// Where the cluster does not answer, or refuses the namespace.
pub(crate) async fn make(client: &Client, name: &str, labels: &BTreeMap<String, String>) -> Result<(), Error> {
    let metadata = ObjectMeta { name: Some(name.into()), labels: Some(labels.clone()), ..ObjectMeta::default() };
    let namespace = Namespace { metadata, ..Namespace::default() };
    let created = Api::all(client.clone()).create(&PostParams::default(), &namespace).await;
    created.map_err(|source| Error::Namespace { namespace: name.into(), source })?;
    let accounts = Api::<ServiceAccount>::namespaced(client.clone(), name);
    let exists = await_condition(accounts, "default", |account: Option<&ServiceAccount>| account.is_some());
    match tokio::time::timeout(ACCOUNT, exists).await {
        Ok(Ok(_)) => Ok(()),
        _ => Err(Error::NoAccount { namespace: name.into() }),
    }
}

/// The namespaces of the lab `id`: that of this name, and those whose names begin with it and a dash.
async fn all(client: &Client, id: &str) -> Result<Vec<String>, Error> {
    let found = Api::<Namespace>::all(client.clone()).list_metadata(&ListParams::default()).await?;
    let own = |name: &String| name.strip_prefix(id).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    Ok(found.items.iter().map(ResourceExt::name_any).filter(own).collect())
}

/// Has a lab's namespaces removed, without waiting until they have gone: a namespace takes Kubernetes seconds.
///
/// # Errors
/// Where the cluster does not answer.
pub(super) async fn let_go(client: &Client, id: &str) -> Result<Vec<String>, Error> {
    let namespaces = all(client, id).await?;
    let removals = namespaces.iter().map(|namespace| async move {
        // Pods first and at once: the namespace would give each its whole grace period.
        let now = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
        let pods = Api::<Pod>::namespaced(client.clone(), namespace);
        let _ = pods.delete_collection(&now, &ListParams::default()).await;
        match Api::<Namespace>::all(client.clone()).delete(namespace, &now).await {
            Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => Ok(()),
            other => other.map(drop),
        }
    });
    try_join_all(removals).await?;
    Ok(namespaces)
}

/// Removes a lab's namespaces, and does not return before they have gone.
///
/// # Errors
/// Where the cluster does not answer or something does not go.
pub(super) async fn clear(client: &Client, id: &str) -> Result<(), Error> {
    let namespaces = let_go(client, id).await?;
    let how = DeleteParams::default();
    let removals = namespaces.iter().map(|name| remove(Api::<Namespace>::all(client.clone()), name, &how));
    try_join_all(removals).await?;
    Ok(())
}
