//! After a lab: what it created goes. Namespaces that were not there before, and in those that were, every
//! object that was not. Found by comparing, not by remembering what the fences said.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Secret, ServiceAccount};
use k8s_openapi::serde::de::DeserializeOwned;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, Client, Resource, ResourceExt};
use std::fmt::Debug;

/// What was there before a lab: uids of namespaces, pods and the objects in `default`.
#[derive(Debug, Default)]
pub struct Before {
    uids: BTreeSet<String>,
    service_account: Option<ServiceAccount>,
}

const DEFAULT: &str = "default";

impl Before {
    /// # Errors
    /// Where the cluster does not answer.
    pub async fn look(client: &Client) -> kube::Result<Self> {
        let accounts = Api::<ServiceAccount>::namespaced(client.clone(), DEFAULT);
        let (namespaces, pods, secrets, service_accounts, maps, service_account) = tokio::try_join!(
            uids::<Namespace>(Api::all(client.clone())),
            uids::<Pod>(Api::all(client.clone())),
            uids::<Secret>(Api::namespaced(client.clone(), DEFAULT)),
            uids(accounts.clone()),
            uids::<ConfigMap>(Api::namespaced(client.clone(), DEFAULT)),
            accounts.get_opt(DEFAULT),
        )?;
        let uids = [namespaces, pods, secrets, service_accounts, maps].into_iter().flatten().collect();
        Ok(Self { uids, service_account })
    }

    /// Removes what is new since, and does not return before it has gone.
    ///
    /// # Errors
    /// Where the cluster does not answer or something does not go.
    pub async fn restore(&self, client: &Client) -> kube::Result<()> {
        // Pods first and at once: a namespace would give each its whole grace period.
        self.remove_new::<Pod>(Api::all(client.clone()), client).await?;
        tokio::try_join!(
            self.remove_new::<Namespace>(Api::all(client.clone()), client),
            self.remove_new::<Secret>(Api::namespaced(client.clone(), DEFAULT), client),
            self.remove_new::<ConfigMap>(Api::namespaced(client.clone(), DEFAULT), client),
            self.restore_service_accounts(client),
        )?;
        Ok(())
    }

    async fn remove_new<K: Removable>(&self, all: Api<K>, client: &Client) -> kube::Result<()> {
        let new = all.list(&ListParams::default()).await?.items.into_iter().filter(|object| self.is_new(object));
        let removals = new.map(|object| async move {
            let api = K::api(client, object.namespace().as_deref());
            remove(api, &object.name_any()).await
        });
        futures::future::try_join_all(removals).await.map(drop)
    }

    fn is_new<K: ResourceExt>(&self, object: &K) -> bool {
        let system = |ns: String| ns.starts_with("kube-");
        object.uid().is_some_and(|uid| !self.uids.contains(&uid)) && !object.namespace().is_some_and(system)
    }

    /// The `default` ServiceAccount is put back as it was: a lab may have patched it.
    async fn restore_service_accounts(&self, client: &Client) -> kube::Result<()> {
        let api = Api::<ServiceAccount>::namespaced(client.clone(), DEFAULT);
        self.remove_new::<ServiceAccount>(api.clone(), client).await?;
        let (Some(before), Some(now)) = (&self.service_account, api.get_opt(DEFAULT).await?) else { return Ok(()) };
        if now.image_pull_secrets != before.image_pull_secrets {
            let patched = ServiceAccount { image_pull_secrets: before.image_pull_secrets.clone(), ..now };
            api.replace(DEFAULT, &Default::default(), &patched).await?;
        }
        Ok(())
    }
}

/// Kinds a lab leaves behind.
pub trait Removable: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static {
    fn api(client: &Client, namespace: Option<&str>) -> Api<Self>;
}

macro_rules! namespaced {
    ($($kind:ty),*) => {$(
        impl Removable for $kind {
            fn api(client: &Client, namespace: Option<&str>) -> Api<Self> {
                Api::namespaced(client.clone(), namespace.unwrap_or(DEFAULT))
            }
        }
    )*};
}
namespaced!(Pod, Secret, ServiceAccount, ConfigMap);

impl Removable for Namespace {
    fn api(client: &Client, _: Option<&str>) -> Api<Self> {
        Api::all(client.clone())
    }
}

async fn uids<K: Removable>(api: Api<K>) -> kube::Result<Vec<String>> {
    Ok(api.list(&ListParams::default()).await?.items.iter().filter_map(ResourceExt::uid).collect())
}

/// Deletes with no grace and waits, by watching, until it has gone.
pub async fn remove<K: Removable>(api: Api<K>, name: &str) -> kube::Result<()> {
    use kube::runtime::wait::delete::{Error, delete_and_finalize};
    let now = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
    match delete_and_finalize(api, name, &now).await {
        Ok(()) | Err(Error::NoUid) => Ok(()),
        Err(Error::Delete(kube::Error::Api(status))) if status.code == 404 => Ok(()),
        Err(Error::Delete(error)) => Err(error),
        Err(Error::Await(error)) => Err(kube::Error::Service(Box::new(error))),
    }
}
