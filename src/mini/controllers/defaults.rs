//! Every active namespace has a ServiceAccount `default` and a ConfigMap `kube-root-ca.crt`; deleted ones come back
//! (`serviceaccount` and `rootcacertpublisher` controllers).

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use kube::api::{Api, PostParams};
use kube::{Resource, ResourceExt as _};
use serde_json::json;

use crate::mini::watching::{Change, changes};

const ACCOUNT: &str = "default";
const ROOT_CA: &str = "kube-root-ca.crt";
const DESCRIPTION: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

pub(super) async fn run(client: kube::Client, ca_pem: String) {
    let mut namespaces = changes::<Namespace>(Api::all(client.clone()), "");
    let mut accounts = changes::<ServiceAccount>(Api::all(client.clone()), &format!("metadata.name={ACCOUNT}"));
    let mut maps = changes::<ConfigMap>(Api::all(client.clone()), &format!("metadata.name={ROOT_CA}"));
    loop {
        tokio::select! {
            Some(change) = namespaces.next() => match change {
                Change::Applied(namespace) if namespace.meta().deletion_timestamp.is_none() => {
                    account(&client, &namespace.name_any()).await;
                    root_ca(&client, &namespace.name_any(), &ca_pem).await;
                }
                Change::Applied(_) | Change::Deleted(_) | Change::Listed => {}
            },
            Some(change) = accounts.next() => if let Change::Deleted(gone) = change {
                account(&client, &gone.namespace).await;
            },
            Some(change) = maps.next() => match change {
                Change::Deleted(gone) => root_ca(&client, &gone.namespace, &ca_pem).await,
                Change::Applied(map) if map.data.iter().flatten().all(|(_, pem)| *pem != ca_pem) => {
                    restore(&client, map, &ca_pem).await;
                }
                Change::Applied(_) | Change::Listed => {}
            },
            else => return,
        }
    }
}

// A refusal means that the object is there already, or that its namespace is going: both are as it should be.

async fn account(client: &kube::Client, namespace: &str) {
    let mut object = ServiceAccount::default();
    object.metadata.name = Some(ACCOUNT.to_owned());
    let _ = Api::namespaced(client.clone(), namespace).create(&PostParams::default(), &object).await;
}

async fn root_ca(client: &kube::Client, namespace: &str, ca_pem: &str) {
    let mut object =
        ConfigMap { data: Some([("ca.crt".to_owned(), ca_pem.to_owned())].into()), ..ConfigMap::default() };
    object.metadata.name = Some(ROOT_CA.to_owned());
    object.metadata.annotations = Some([("kubernetes.io/description".to_owned(), DESCRIPTION.to_owned())].into());
    let _ = Api::namespaced(client.clone(), namespace).create(&PostParams::default(), &object).await;
}

async fn restore(client: &kube::Client, map: ConfigMap, ca_pem: &str) {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), &map.namespace().unwrap_or_default());
    let patch = kube::api::Patch::Merge(json!({ "data": { "ca.crt": ca_pem } }));
    let _ = api.patch(ROOT_CA, &kube::api::PatchParams::default(), &patch).await;
}
