//! The kubelet as a task: registers the node, watches the node's pods and gives each a worker.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::images::Images;
use super::state::{Node, PodExt as _};
use super::worker::{Shared, Wanted, Worker};
use crate::mini::events::{EventRecorder, EventSource};
use crate::mini::runtime::Runtime;
use crate::mini::watching::{Change, changes};

/// Starts the kubelet of one node. The task ends when the token is cancelled and the last container is gone.
#[must_use]
pub(crate) fn spawn(
    client: kube::Client,
    runtime: Arc<dyn Runtime>,
    node: Node,
    stop: CancellationToken,
) -> JoinHandle<()> {
    tokio::spawn(run(client, runtime, node, stop))
}

async fn run(client: kube::Client, runtime: Arc<dyn Runtime>, node: Node, stop: CancellationToken) {
    let images = Arc::new(Images::new(runtime.clone()));
    let tasks = TaskTracker::new();
    let source = EventSource { component: "kubelet", host: node.name.clone(), timelapse: node.timelapse };
    let (recorder, writing) = EventRecorder::new(client.clone(), source);
    tasks.spawn(writing);
    // A node that cannot be registered still runs its pods, as the real one does.
    let _ = super::node::register(&client, &node).await;
    let mut changes = changes::<Pod>(Api::all(client.clone()), &format!("spec.nodeName={}", node.name));
    let shared = Arc::new(Shared { client, node, runtime, images, recorder, stop: stop.clone() });
    let mut pods = Pods { shared, tasks: tasks.clone(), workers: BTreeMap::new() };
    while let Some(Some(change)) = stop.run_until_cancelled(changes.next()).await {
        match change {
            Change::Applied(pod) => pods.apply(pod),
            Change::Deleted(pod) => pods.gone(&pod.uid),
            Change::Listed => {}
        }
    }
    drop(pods);
    tasks.close();
    tasks.wait().await;
}

/// The workers by pod UID.
struct Pods {
    shared: Arc<Shared>,
    tasks: TaskTracker,
    workers: BTreeMap<String, watch::Sender<Wanted>>,
}

impl Pods {
    fn apply(&mut self, pod: Pod) {
        // Kept as a copy: decoding leaves room for more in every list, kilobytes for each pod.
        let kept = |pod: &Pod| Arc::new(pod.clone());
        match self.workers.entry(pod.uid().to_owned()) {
            Entry::Vacant(vacant) => {
                let pod = kept(&pod);
                let (sender, receiver) = watch::channel(Wanted::Pod(pod.clone()));
                vacant.insert(sender);
                self.tasks.spawn(Worker::new(self.shared.clone(), pod, receiver).run());
            }
            Entry::Occupied(worker) => {
                // A status, most often our own, is no cause to sync.
                worker.get().send_if_modified(|wanted| {
                    let changed = !matches!(wanted, Wanted::Pod(known) if same(known, &pod));
                    if changed {
                        *wanted = Wanted::Pod(kept(&pod));
                    }
                    changed
                });
            }
        }
    }

    fn gone(&mut self, uid: &str) {
        if let Some(worker) = self.workers.remove(uid) {
            worker.send_replace(Wanted::Gone);
        }
    }
}

fn same(known: &Pod, pod: &Pod) -> bool {
    let (old, new) = (&known.metadata, &pod.metadata);
    known.spec == pod.spec
        && (&old.deletion_timestamp, old.deletion_grace_period_seconds, &old.labels, &old.annotations)
            == (&new.deletion_timestamp, new.deletion_grace_period_seconds, &new.labels, &new.annotations)
}
