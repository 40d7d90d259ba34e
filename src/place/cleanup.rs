//! After a lab: what it created goes. Namespaces and other objects of the whole cluster that were not there before, and
//! in the namespace `default` every object that was not. Found by comparing, not by remembering what the fences said.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

use futures::future::{join_all, try_join_all};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::serde::de::DeserializeOwned;
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, PartialObjectMeta, PropagationPolicy};
use kube::discovery::{ApiGroup, Discovery, Scope, verbs};
use kube::runtime::wait::delete::{self, delete_and_finalize};
use kube::{Api, Client, Resource, ResourceExt};

use crate::hint::Hint;
use crate::kubewords::controller;

const DEFAULT: &str = "default";
/// How long an object may take to go. A pod takes its grace, a namespace some seconds.
const GOING: Duration = Duration::from_secs(120);
/// Kinds that the cluster makes by itself, of its own accord or for objects that go.
const THE_CLUSTERS: [&str; 12] = [
    "APIService",
    "CertificateSigningRequest",
    "CSINode",
    "Endpoints",
    "EndpointSlice",
    "Event",
    "FlowSchema",
    "IPAddress",
    "Lease",
    "Node",
    "PriorityLevelConfiguration",
    "VolumeAttachment",
];

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the cluster does not answer")]
    Kube(#[from] kube::Error),
    #[error("{object} was deleted and has not gone within {GOING:?}{}", held_by(.finalizers))]
    Stays { object: String, finalizers: Vec<String> },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Kube(_) => Some("is the cluster still there? `kubectl get --raw /readyz` asks it".into()),
            Self::Stays { object, finalizers } if finalizers.is_empty() => {
                Some(format!("`kubectl get {object} -o yaml` says what holds it"))
            }
            Self::Stays { .. } => {
                Some("who put the finalizer there has to take it away: does that controller run?".into())
            }
        }
    }
}

fn held_by(finalizers: &[String]) -> String {
    match finalizers {
        [] => String::new(),
        names => format!("; its finalizers: {}", names.join(", ")),
    }
}

/// What was there before a lab.
pub(crate) struct Before {
    /// What could be listed: of other kinds nothing is known to be new.
    kinds: Vec<(ApiResource, Scope)>,
    uids: BTreeSet<String>,
    service_account: Option<ServiceAccount>,
}

impl Before {
    /// # Errors
    /// Where the cluster does not answer.
    pub(crate) async fn look(client: &Client) -> Result<Self, Error> {
        let all = Discovery::new(client.clone()).run().await?;
        let listed = all.groups().flat_map(ApiGroup::recommended_resources).filter_map(|(kind, can)| {
            let kept = can.supports_operation(verbs::LIST) && can.supports_operation(verbs::DELETE);
            (kept && !THE_CLUSTERS.contains(&kind.kind.as_str())).then_some((kind, can.scope))
        });
        let listed = listed.map(async |kind| {
            // An API that another server stands for may not answer.
            let found = list(client, &kind).await.ok()?;
            Some((kind, found))
        });
        let accounts = Api::<ServiceAccount>::namespaced(client.clone(), DEFAULT);
        let (listed, service_account) = tokio::join!(join_all(listed), accounts.get_opt(DEFAULT));
        let (kinds, found): (Vec<_>, Vec<_>) = listed.into_iter().flatten().unzip();
        let uids = found.iter().flatten().filter_map(ResourceExt::uid).collect();
        Ok(Self { kinds, uids, service_account: service_account? })
    }

    /// Removes what is new since, and does not return before it has gone.
    ///
    /// # Errors
    /// Where the cluster does not answer or something does not go.
    pub(crate) async fn restore(&self, client: &Client) -> Result<(), Error> {
        try_join_all(self.kinds.iter().map(|kind| self.remove_new(client, kind))).await?;
        self.restore_service_account(client).await
    }

    async fn remove_new(&self, client: &Client, kind: &(ApiResource, Scope)) -> Result<(), Error> {
        // Pods at once, owned ones too: their owners would give each its whole grace period.
        let pods = kind.0.kind == "Pod";
        let now = DeleteParams {
            grace_period_seconds: Some(0),
            propagation_policy: (!pods).then_some(PropagationPolicy::Foreground),
            ..DeleteParams::default()
        };
        let owned = |object: &PartialObjectMeta<DynamicObject>| controller(&object.metadata).is_some();
        let found = list(client, kind).await?;
        let new = found.iter().filter(|object| object.uid().is_some_and(|uid| !self.uids.contains(&uid)));
        let removals = new.filter(|object| pods || !owned(object)).map(|object| {
            let (api, now) = (api(client, kind), &now);
            async move { remove(api, &object.name_any(), now).await }
        });
        try_join_all(removals).await.map(drop)
    }

    /// The `default` ServiceAccount is put back as it was: a lab may have patched it.
    async fn restore_service_account(&self, client: &Client) -> Result<(), Error> {
        let api = Api::<ServiceAccount>::namespaced(client.clone(), DEFAULT);
        let (Some(before), Some(now)) = (&self.service_account, api.get_opt(DEFAULT).await?) else { return Ok(()) };
        if now.image_pull_secrets != before.image_pull_secrets {
            let patched = ServiceAccount { image_pull_secrets: before.image_pull_secrets.clone(), ..now };
            api.replace(DEFAULT, &Default::default(), &patched).await?;
        }
        Ok(())
    }
}

/// All of a kind, or all of it in `default`.
fn api(client: &Client, (kind, scope): &(ApiResource, Scope)) -> Api<DynamicObject> {
    match scope {
        Scope::Cluster => Api::all_with(client.clone(), kind),
        Scope::Namespaced => Api::namespaced_with(client.clone(), DEFAULT, kind),
    }
}

async fn list(client: &Client, kind: &(ApiResource, Scope)) -> kube::Result<Vec<PartialObjectMeta<DynamicObject>>> {
    Ok(api(client, kind).list_metadata(&ListParams::default()).await?.items)
}

/// Deletes and waits, by watching, until it has gone.
///
/// # Errors
/// Where the cluster refuses, and [`Error::Stays`].
pub(crate) async fn remove<K>(api: Api<K>, name: &str, how: &DeleteParams) -> Result<(), Error>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    match tokio::time::timeout(GOING, delete_and_finalize(api.clone(), name, how)).await {
        Ok(Ok(()) | Err(delete::Error::NoUid)) => Ok(()),
        Ok(Err(delete::Error::Delete(kube::Error::Api(status)))) if status.code == 404 => Ok(()),
        Ok(Err(delete::Error::Delete(error))) => Err(error.into()),
        Ok(Err(delete::Error::Await(error))) => Err(kube::Error::Service(Box::new(error)).into()),
        Err(_) => {
            let kind = api.resource_url().rsplit('/').next().unwrap_or_default();
            let left = api.get_metadata(name).await.map(|object| object.finalizers().to_vec());
            Err(Error::Stays { object: format!("{kind}/{name}"), finalizers: left.unwrap_or_default() })
        }
    }
}
