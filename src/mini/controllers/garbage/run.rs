//! Watches everything that can be deleted, and carries out what follows.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt as _;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, Preconditions, PropagationPolicy};
use kube::core::{ApiResource, PartialObjectMeta};
use kube::discovery::{Discovery, Scope, verbs};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::graph::{FOREGROUND, Fate, Graph, GraphNode, ORPHAN, Owner, Task, fate};
use crate::mini::watching::{Change, changes};

/// How long a task that failed rests.
const RETRY: Duration = Duration::from_millis(100);

type Metadata = PartialObjectMeta<DynamicObject>;

/// A kind, and whether its objects lie in namespaces.
type Kind = (ApiResource, Scope);

struct Collector {
    client: kube::Client,
    kinds: Vec<Kind>,
    graph: Graph,
    queue: VecDeque<Task>,
    queued: BTreeSet<Task>,
    /// Failed tasks, tried again at once when something changes.
    failed: Vec<Task>,
    unlisted: usize,
}

/// Runs until the token is cancelled.
pub(crate) async fn run(client: kube::Client, stop: CancellationToken, tasks: TaskTracker) {
    let Some(Ok(kinds)) = stop.run_until_cancelled(kinds(&client)).await else { return };
    // Unbounded, for the watches must not fall behind their history while something is looked into.
    let (sender, mut receiver) = mpsc::unbounded_channel();
    for (number, (resource, _)) in kinds.iter().enumerate() {
        let mut changes = changes::<Metadata>(Api::all_with(client.clone(), resource), "");
        let sender = sender.clone();
        let forward = async move {
            while let Some(change) = changes.next().await {
                if sender.send((number, change)).is_err() {
                    return;
                }
            }
        };
        tasks.spawn(stop.clone().run_until_cancelled_owned(forward));
    }
    drop(sender);
    let mut collector = Collector {
        client,
        unlisted: kinds.len(),
        kinds,
        graph: Graph::default(),
        queue: VecDeque::new(),
        queued: BTreeSet::new(),
        failed: vec![],
    };
    let work = async {
        loop {
            while let Ok(news) = receiver.try_recv() {
                collector.heed(news);
            }
            if collector.next().await {
                continue;
            }
            let retry = Instant::now() + RETRY;
            let rest = async {
                match collector.failed.is_empty() {
                    true => std::future::pending().await,
                    false => sleep_until(retry).await,
                }
            };
            tokio::select! {
                news = receiver.recv() => match news {
                    Some(news) => collector.heed(news),
                    None => return,
                },
                () = rest => {}
            }
            for task in std::mem::take(&mut collector.failed) {
                collector.add(task);
            }
        }
    };
    stop.run_until_cancelled(work).await;
}

/// Everything that can be listed, watched and deleted, events excepted.
async fn kinds(client: &kube::Client) -> kube::Result<Vec<Kind>> {
    let discovery = Discovery::new(client.clone()).run().await?;
    let all = discovery.groups().flat_map(kube::discovery::ApiGroup::recommended_resources);
    let needed = [verbs::DELETE, verbs::LIST, verbs::WATCH];
    let wanted = all.filter(|(resource, capabilities)| {
        needed.iter().all(|verb| capabilities.supports_operation(verb)) && resource.kind != "Event"
    });
    Ok(wanted.map(|(resource, capabilities)| (resource, capabilities.scope)).collect())
}

impl Collector {
    fn heed(&mut self, (kind, change): (usize, Change<Metadata>)) {
        let tasks = match change {
            Change::Applied(object) => self.graph.put(GraphNode::new(kind, &object.metadata)),
            Change::Deleted(gone) => self.graph.remove(&gone.uid),
            Change::Listed => {
                self.unlisted = self.unlisted.saturating_sub(1);
                return;
            }
        };
        tasks.into_iter().for_each(|task| self.add(task));
    }

    fn add(&mut self, task: Task) {
        if self.queued.insert(task.clone()) {
            self.queue.push_back(task);
        }
    }

    async fn next(&mut self) -> bool {
        if self.unlisted > 0 {
            return false;
        }
        let Some(task) = self.queue.pop_front() else { return false };
        self.queued.remove(&task);
        let done = match &task {
            Task::Check(uid) => self.check(uid).await,
            Task::Orphan(uid) => self.orphan(uid).await,
            Task::Wait(uid) => self.wait(uid).await,
        };
        if done.is_err() {
            self.failed.push(task);
        }
        true
    }

    fn api(&self, kind: usize, namespace: &str) -> Api<Metadata> {
        let (resource, scope) = &self.kinds[kind];
        match scope {
            Scope::Namespaced => Api::namespaced_with(self.client.clone(), namespace, resource),
            Scope::Cluster => Api::all_with(self.client.clone(), resource),
        }
    }

    /// Deletes an object that no owner keeps.
    async fn check(&mut self, uid: &str) -> kube::Result<()> {
        let Some(known) = self.graph.get(uid).cloned() else { return Ok(()) };
        let api = self.api(known.kind, &known.namespace);
        let Some(latest) = api.get_opt(&known.name).await?.filter(|latest| latest.uid().as_deref() == Some(uid)) else {
            return Ok(());
        };
        let node = GraphNode::new(known.kind, &latest.metadata);
        let mut owners = vec![];
        for reference in &node.owners {
            owners.push((reference.clone(), self.owner(reference, &node.namespace).await?));
        }
        let dependents = self.graph.dependents(uid).next().is_some();
        match fate(&node, &owners, dependents) {
            Fate::Stays => Ok(()),
            Fate::Keeps(owners) => self.set_owners(&node, owners).await,
            Fate::Goes { foreground, orphan } => {
                let policy = match (foreground, orphan) {
                    (true, _) => PropagationPolicy::Foreground,
                    (_, true) => PropagationPolicy::Orphan,
                    _ => PropagationPolicy::Background,
                };
                let options = DeleteParams {
                    propagation_policy: Some(policy),
                    preconditions: Some(Preconditions { uid: Some(uid.to_owned()), ..Preconditions::default() }),
                    ..DeleteParams::default()
                };
                tolerant(api.delete(&node.name, &options).await.map(drop))
            }
        }
    }

    /// Looks whether an owner is there.
    async fn owner(&self, reference: &OwnerReference, namespace: &str) -> kube::Result<Owner> {
        if let Some(known) = self.graph.get(&reference.uid) {
            return Ok(if known.waits() && reference.block_owner_deletion == Some(true) {
                Owner::Waiting
            } else {
                Owner::Solid
            });
        }
        let kind = self
            .kinds
            .iter()
            .position(|(resource, _)| resource.api_version == reference.api_version && resource.kind == reference.kind);
        // Of a kind that is not served nobody knows.
        let Some(kind) = kind else { return Ok(Owner::Solid) };
        let found = self.api(kind, namespace).get_opt(&reference.name).await?;
        let there = found.is_some_and(|found| found.uid().as_ref() == Some(&reference.uid));
        Ok(if there { Owner::Solid } else { Owner::Absent })
    }

    /// Takes an object that is to go out of its dependents' owners, and lets it go.
    async fn orphan(&mut self, uid: &str) -> kube::Result<()> {
        let Some(node) = self.graph.get(uid).cloned() else { return Ok(()) };
        let dependents: Vec<_> = self.graph.dependents(uid).cloned().collect();
        for dependent in dependents {
            let left = dependent.owners.iter().filter(|owner| owner.uid != uid).cloned().collect();
            self.set_owners(&dependent, left).await?;
        }
        self.let_go(&node, ORPHAN).await
    }

    /// Lets an object go whose dependents are gone; else sees to them.
    async fn wait(&mut self, uid: &str) -> kube::Result<()> {
        let Some(node) = self.graph.get(uid).cloned().filter(GraphNode::waits) else { return Ok(()) };
        let blocking: Vec<_> = self.graph.blocking(uid).map(|node| node.uid.clone()).collect();
        if blocking.is_empty() {
            return self.let_go(&node, FOREGROUND).await;
        }
        blocking.into_iter().for_each(|uid| self.add(Task::Check(uid)));
        Ok(())
    }

    async fn set_owners(&self, node: &GraphNode, owners: Vec<OwnerReference>) -> kube::Result<()> {
        let owners = Some(owners).filter(|owners| !owners.is_empty());
        self.patch(node, json!({"uid": node.uid, "ownerReferences": owners})).await
    }

    async fn let_go(&self, node: &GraphNode, finalizer: &str) -> kube::Result<()> {
        let api = self.api(node.kind, &node.namespace);
        let Some(latest) = api.get_opt(&node.name).await?.filter(|latest| latest.uid().as_ref() == Some(&node.uid))
        else {
            return Ok(());
        };
        let left: Vec<_> = latest.finalizers().iter().filter(|own| *own != finalizer).cloned().collect();
        let left = Some(left).filter(|left| !left.is_empty());
        let version = latest.resource_version();
        self.patch(node, json!({"uid": node.uid, "resourceVersion": version, "finalizers": left})).await
    }

    async fn patch(&self, node: &GraphNode, metadata: serde_json::Value) -> kube::Result<()> {
        let (resource, _) = &self.kinds[node.kind];
        let patch = json!({"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata});
        let api = self.api(node.kind, &node.namespace);
        tolerant(api.patch(&node.name, &PatchParams::default(), &Patch::Merge(patch)).await.map(drop))
    }
}

/// What is gone, or another by now, needs nothing.
fn tolerant(done: kube::Result<()>) -> kube::Result<()> {
    match done {
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 422) => Ok(()),
        done => done,
    }
}
