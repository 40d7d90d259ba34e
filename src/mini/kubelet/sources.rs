//! The Secrets and ConfigMaps that a pod takes files and variables from, and the kubelet's words where one is missing.

use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use kube::api::Api;
use serde::de::DeserializeOwned;

/// The object; an empty one where it is missing and may be.
///
/// # Errors
/// `secret "x" not found`, or the API's own message.
pub(super) async fn get<K>(
    client: &kube::Client,
    namespace: &str,
    name: &str,
    optional: Option<bool>,
) -> Result<K, String>
where
    K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug + Default,
{
    match Api::<K>::namespaced(client.clone(), namespace).get_opt(name).await.map_err(words)? {
        None if optional != Some(true) => Err(format!("{} {name:?} not found", K::kind(&()).to_lowercase())),
        found => Ok(found.unwrap_or_default()),
    }
}

/// The API's own message.
pub(super) fn words(error: kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}
