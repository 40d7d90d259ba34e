//! A lab's place on the cluster: the cluster as it stands, put back afterwards, or namespaces of the lab's own,
//! removed afterwards. Knows no steps.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::{Namespace, Pod, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::runtime::wait::await_condition;
use kube::{Api, Client};

use super::cleanup::{self, Before, remove};
use super::rewrite::Names;
use crate::hint::Hint;

/// A namespace's default ServiceAccount comes within milliseconds, and on a cluster that has just begun once its
/// controllers run.
const ACCOUNT: Duration = Duration::from_secs(120);

pub enum Room {
    /// Everything: what is new afterwards goes.
    Whole(Box<Before>),
    /// The namespaces in the lab's table of names.
    Own,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
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

impl Room {
    /// Returns once pods can be created.
    ///
    /// # Errors
    /// Where the cluster does not answer, or refuses the namespace.
    pub async fn enter(client: &Client, names: &Names, labels: &BTreeMap<String, String>) -> Result<Self, Error> {
        if names.is_verbatim() {
            return Ok(Self::Whole(Box::new(Before::look(client).await?)));
        }
        if let Some(namespace) = names.default_namespace() {
            create(client, namespace, labels).await?;
        }
        Ok(Self::Own)
    }

    /// On a cluster of our own (`ours`) the lab's own namespaces, which nobody else uses, are let go without waiting:
    /// a namespace takes Kubernetes seconds.
    ///
    /// # Errors
    /// Where the cluster does not answer or something does not go.
    pub async fn leave(&self, client: &Client, names: &Names, ours: bool) -> Result<(), Error> {
        match self {
            Self::Whole(before) => Ok(before.restore(client).await?),
            Self::Own if ours => let_go(client, names).await,
            Self::Own => clear(client, names).await,
        }
    }
}

async fn create(client: &Client, name: &str, labels: &BTreeMap<String, String>) -> Result<(), Error> {
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

/// Has a lab's own namespaces removed.
async fn let_go(client: &Client, names: &Names) -> Result<(), Error> {
    let removals = names.namespaces().unwrap_or_default().into_iter().map(|namespace| async move {
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
    Ok(())
}

/// Removes a lab's own namespaces, and does not return before they have gone.
///
/// # Errors
/// Where the cluster does not answer or something does not go.
pub async fn clear(client: &Client, names: &Names) -> Result<(), Error> {
    let_go(client, names).await?;
    let namespaces = names.namespaces().unwrap_or_default().into_iter();
    let how = DeleteParams::default();
    try_join_all(namespaces.map(|namespace| remove(Api::<Namespace>::all(client.clone()), namespace, &how))).await?;
    Ok(())
}
