//! The end of a namespace: everything in it is deleted, pods with their grace, and when the last is gone its
//! finalizer is removed (`pkg/controller/namespace/deletion`).

use std::collections::BTreeSet;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, PostParams};
use kube::discovery::{Discovery, Scope, verbs};
use kube::{Resource as _, ResourceExt as _};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::watching::{Change, changes};

/// Each namespace ends in a task of its own, so that one slow pod delays no other namespace.
pub(super) async fn run(client: kube::Client, stop: CancellationToken, tasks: TaskTracker) {
    let mut namespaces = changes::<Namespace>(Api::all(client.clone()), "");
    let mut ending = BTreeSet::new();
    while let Some(Some(change)) = stop.run_until_cancelled(namespaces.next()).await {
        match change {
            Change::Applied(namespace) if namespace.meta().deletion_timestamp.is_some() => {
                if ending.insert(namespace.uid()) {
                    tasks.spawn(stop.clone().run_until_cancelled_owned(end(client.clone(), namespace)));
                }
            }
            Change::Deleted(namespace) => _ = ending.remove(&namespace.uid()),
            Change::Applied(_) | Change::Listed => {}
        }
    }
}

async fn end(client: kube::Client, namespace: Namespace) {
    let name = namespace.name_any();
    delete_contents(&client, &name).await;
    pods_gone(&client, &name).await;
    // What stopping the pods has written (their last events) goes too.
    delete_contents(&client, &name).await;
    let api: Api<Namespace> = Api::all(client);
    let Ok(mut latest) = api.get(&name).await else { return };
    if let Some(spec) = &mut latest.spec {
        spec.finalizers = Some(Vec::new());
    }
    latest.metadata.resource_version = None;
    let _: kube::Result<Namespace> = api.replace_subresource("finalize", &name, &PostParams::default(), &latest).await;
}

/// Deletes every collection that the API lets be deleted.
async fn delete_contents(client: &kube::Client, namespace: &str) {
    let Ok(discovery) = Discovery::new(client.clone()).run().await else { return };
    let kinds = discovery.groups().flat_map(kube::discovery::ApiGroup::recommended_resources);
    for (resource, capabilities) in kinds {
        if capabilities.scope == Scope::Namespaced && capabilities.supports_operation(verbs::DELETE_COLLECTION) {
            let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
            let _ = api.delete_collection(&DeleteParams::default(), &ListParams::default()).await;
        }
    }
}

async fn pods_gone(client: &kube::Client, namespace: &str) {
    let mut pods = changes::<Pod>(Api::namespaced(client.clone(), namespace), "");
    let mut left = BTreeSet::new();
    let mut listed = false;
    while let Some(change) = pods.next().await {
        match change {
            Change::Applied(pod) => _ = left.insert(pod.uid()),
            Change::Deleted(pod) => _ = left.remove(&pod.uid()),
            Change::Listed => listed = true,
        }
        if listed && left.is_empty() {
            return;
        }
    }
}
