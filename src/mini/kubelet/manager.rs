//! The kubelet as a task: registers the node, watches the node's pods and gives each a worker.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watcher};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::images::Images;
use super::recorder::Recorder;
use super::state::{Node, PodExt as _};
use super::worker::{Shared, Wanted, Worker};
use crate::mini::runtime::Runtime;

/// Starts the kubelet of one node. The task ends when the token is cancelled and the last container is gone.
#[must_use]
pub fn spawn(client: kube::Client, runtime: Arc<dyn Runtime>, node: Node, stop: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(run(client, runtime, node, stop))
}

async fn run(client: kube::Client, runtime: Arc<dyn Runtime>, node: Node, stop: CancellationToken) {
    let images = Arc::new(Images::new(runtime.clone()));
    let tasks = TaskTracker::new();
    let (recorder, writing) = Recorder::new(client.clone(), node.clone());
    tasks.spawn(writing);
    // A node that cannot be registered still runs its pods, as the real one does.
    let _ = super::node::register(&client, &node).await;
    let config = watcher::Config::default().fields(&format!("spec.nodeName={}", node.name));
    let mut events = watcher(Api::<Pod>::all(client.clone()), config).default_backoff().boxed();
    let shared = Arc::new(Shared { client, node, runtime, images, recorder, stop: stop.clone() });
    let mut pods = Pods { shared, tasks: tasks.clone(), workers: BTreeMap::new(), relisted: None };
    loop {
        let event = tokio::select! {
            () = stop.cancelled() => break,
            event = events.next() => event,
        };
        match event {
            Some(Ok(event)) => pods.heed(event),
            // The stream backs off and lists again.
            Some(Err(_)) => {}
            None => break,
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
    /// UIDs seen in the listing that is under way.
    relisted: Option<Vec<String>>,
}

impl Pods {
    fn heed(&mut self, event: watcher::Event<Pod>) {
        match event {
            watcher::Event::Apply(pod) => self.apply(pod),
            watcher::Event::Delete(pod) => self.gone(pod.uid()),
            watcher::Event::Init => self.relisted = Some(Vec::new()),
            watcher::Event::InitApply(pod) => {
                self.relisted.get_or_insert_default().push(pod.uid().to_owned());
                self.apply(pod);
            }
            watcher::Event::InitDone => {
                let seen = self.relisted.take().unwrap_or_default();
                let missed: Vec<_> = self.workers.keys().filter(|uid| !seen.contains(uid)).cloned().collect();
                missed.iter().for_each(|uid| self.gone(uid));
            }
        }
    }

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
