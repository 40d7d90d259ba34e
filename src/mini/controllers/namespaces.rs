//! The end of a namespace: everything in it is deleted, pods with their grace, and when the last is gone its
//! finalizer is removed (`pkg/controller/namespace/deletion`).

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, PostParams};
use kube::discovery::{Discovery, Scope, verbs};
use kube::{Resource as _, ResourceExt as _};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::mini::watching::{Change, changes};

/// How long the end of a namespace rests after an error.
const RETRY: Duration = Duration::from_secs(1);

/// Each namespace ends in a task of its own, so that one slow pod delays no other namespace.
pub(super) async fn run(client: kube::Client, stop: CancellationToken, tasks: TaskTracker) {
    let mut namespaces = changes::<Namespace>(Api::all(client.clone()), "");
    let mut ending = BTreeSet::new();
    while let Some(Some(change)) = stop.run_until_cancelled(namespaces.next()).await {
        match change {
            Change::Applied(namespace) if namespace.meta().deletion_timestamp.is_some() => {
                if ending.insert(namespace.uid().unwrap_or_default()) {
                    tasks.spawn(stop.clone().run_until_cancelled_owned(end(client.clone(), namespace)));
                }
            }
            Change::Deleted(namespace) => {
                ending.remove(&namespace.uid);
                restore(&client).await;
            }
            Change::Applied(_) | Change::Listed => {}
        }
    }
}

/// The system's namespace that may be deleted comes back (`pkg/controlplane/controller/systemnamespaces`).
async fn restore(client: &kube::Client) {
    let lease = Namespace {
        metadata: ObjectMeta { name: Some("kube-node-lease".to_owned()), ..ObjectMeta::default() },
        ..Namespace::default()
    };
    // Mostly it is there.
    let _ = Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &lease).await;
}

/// Tried again until it is through: a namespace never goes before its contents.
async fn end(client: kube::Client, namespace: Namespace) {
    while try_end(&client, &namespace).await.is_err() {
        sleep_until(Instant::now() + RETRY).await;
    }
}

async fn try_end(client: &kube::Client, namespace: &Namespace) -> kube::Result<()> {
    let name = namespace.name_any();
    delete_contents(client, &name).await?;
    pods_gone(client, &name).await;
    // What stopping the pods has written (their last events) goes too.
    delete_contents(client, &name).await?;
    let api: Api<Namespace> = Api::all(client.clone());
    let latest = api.get_opt(&name).await?.filter(|latest| latest.uid() == namespace.uid());
    let Some(mut latest) = latest else { return Ok(()) };
    if let Some(spec) = &mut latest.spec {
        spec.finalizers = Some(Vec::new());
    }
    latest.metadata.resource_version = None;
    api.replace_subresource("finalize", &name, &PostParams::default(), &latest).await.map(|_: Namespace| ())
}

/// Deletes every collection that the API lets be deleted.
async fn delete_contents(client: &kube::Client, namespace: &str) -> kube::Result<()> {
    let discovery = Discovery::new(client.clone()).run().await?;
    let kinds = discovery.groups().flat_map(kube::discovery::ApiGroup::recommended_resources);
    for (resource, capabilities) in kinds {
        if capabilities.scope == Scope::Namespaced && capabilities.supports_operation(verbs::DELETE_COLLECTION) {
            let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
            api.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
        }
    }
    Ok(())
}

async fn pods_gone(client: &kube::Client, namespace: &str) {
    let mut pods = changes::<Pod>(Api::namespaced(client.clone(), namespace), "");
    let mut left = BTreeSet::new();
    let mut listed = false;
    while let Some(change) = pods.next().await {
        match change {
            Change::Applied(pod) => _ = left.insert(pod.uid().unwrap_or_default()),
            Change::Deleted(pod) => _ = left.remove(&pod.uid),
            Change::Listed => listed = true,
        }
        if listed && left.is_empty() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::body::Body;
    use http::{Method, Request, Response};
    use k8s_openapi::api::core::v1::ConfigMap;
    use tower::ServiceExt as _;

    use super::*;
    use crate::mini::tests::Server;

    #[tokio::test(start_paused = true)]
    async fn a_namespace_outlives_a_failed_deletion_of_its_contents() {
        let router = Server::new().await.router;
        let client = kube::Client::new(router.clone(), "default");
        let (namespaces, maps) = (Api::<Namespace>::all(client.clone()), Api::<ConfigMap>::namespaced(client, "demo"));
        let (mut demo, mut map) = (Namespace::default(), ConfigMap::default());
        (demo.metadata.name, map.metadata.name) = (Some("demo".to_owned()), Some("c".to_owned()));
        namespaces.create(&PostParams::default(), &demo).await.unwrap();
        maps.create(&PostParams::default(), &map).await.unwrap();
        let going = namespaces.delete("demo", &DeleteParams::default()).await.unwrap().left().unwrap();
        let deletions = std::sync::Arc::new(AtomicUsize::new(0));
        let flaky = tower::service_fn(move |request: Request<kube::client::Body>| {
            let (router, deletions) = (router.clone(), deletions.clone());
            async move {
                let maps = request.method() == Method::DELETE && request.uri().path().ends_with("configmaps");
                if maps && deletions.fetch_add(1, Ordering::Relaxed) < 2 {
                    return Ok(Response::builder().status(500).body(Body::empty()).unwrap());
                }
                router.oneshot(request.map(Body::new)).await
            }
        });
        end(kube::Client::new(flaky, "default"), going).await;
        assert!(namespaces.get_opt("demo").await.unwrap().is_none());
        assert!(maps.get_opt("c").await.unwrap().is_none());
    }
}
