//! The task: news in, whose workloads they concern, and one sync after the other.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt as _;
use kube::api::Api;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::cache::{Pods, Shelf};
use super::queue::{Queue, WorkloadKey, WorkloadKind};
use crate::kubewords::controller;
use crate::mini::Version;
use crate::mini::controllers::pod::Pod;
use crate::mini::events::{EventRecorder, EventSource};
use crate::mini::label_selector::LabelSelector;
use crate::mini::watching::{Change, changes};

/// Kinds that are watched.
const WATCHED: usize = 4;
/// How long news of a Job's pods are gathered before it is synced (`syncJobBatchPeriod`).
const GATHERED: Duration = Duration::from_secs(1);

enum News {
    Deployment(Box<Change<Deployment>>),
    Set(Box<Change<ReplicaSet>>),
    Job(Box<Change<Job>>),
    Pod(Box<Change<Pod>>),
}

/// What the controllers know and are to do.
pub(super) struct Workloads {
    pub client: kube::Client,
    pub version: Version,
    /// Divides the pauses of Jobs, as it does the kubelet's.
    pub timelapse: f64,
    pub deployments: Shelf<Deployment>,
    pub sets: Shelf<ReplicaSet>,
    pub jobs: Shelf<Job>,
    pub pods: Pods,
    pub queue: Queue,
    pub tell_of_deployments: EventRecorder,
    pub tell_of_sets: EventRecorder,
    pub tell_of_jobs: EventRecorder,
    /// How many kinds' listings are not complete yet.
    unlisted: usize,
}

/// Runs until the token is cancelled.
pub(crate) async fn run(
    client: kube::Client,
    version: Version,
    timelapse: f64,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    // Unbounded, for the watches must not fall behind their history while something is synced.
    let (sender, mut receiver) = mpsc::unbounded_channel();
    watch(&client, &sender, News::Deployment, &stop, &tasks);
    watch(&client, &sender, News::Set, &stop, &tasks);
    watch(&client, &sender, News::Job, &stop, &tasks);
    let recorder = |component| {
        let source = EventSource { component, host: String::new(), timelapse };
        let (recorder, writing) = EventRecorder::new(client.clone(), source);
        tasks.spawn(writing);
        recorder
    };
    let mut workloads = Workloads {
        version,
        timelapse,
        deployments: Shelf::default(),
        sets: Shelf::default(),
        jobs: Shelf::default(),
        pods: Pods::default(),
        queue: Queue::default(),
        tell_of_deployments: recorder("deployment-controller"),
        tell_of_sets: recorder("replicaset-controller"),
        tell_of_jobs: recorder("job-controller"),
        unlisted: WATCHED,
        client: client.clone(),
    };
    let work = async {
        let mut for_pods = Some(sender);
        loop {
            while let Ok(news) = receiver.try_recv() {
                workloads.heed(news);
            }
            // Pods are nobody's before there is a workload, and nothing is synced before they are listed.
            if let Some(sender) = for_pods.take_if(|_| !workloads.queue.is_empty()) {
                watch(&client, &sender, News::Pod, &stop, &tasks);
            }
            if workloads.sync_next().await {
                continue;
            }
            let due = workloads.queue.due();
            let wake = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                news = receiver.recv() => match news {
                    Some(news) => workloads.heed(news),
                    None => return,
                },
                () = wake => {}
            }
        }
    };
    stop.run_until_cancelled(work).await;
}

fn watch<K>(
    client: &kube::Client,
    sender: &mpsc::UnboundedSender<News>,
    news: fn(Box<Change<K>>) -> News,
    stop: &CancellationToken,
    tasks: &TaskTracker,
) where
    K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned
        + Send
        + 'static,
{
    let (mut changes, sender) = (changes::<K>(Api::all(client.clone()), ""), sender.clone());
    let forward = async move {
        while let Some(change) = changes.next().await {
            if sender.send(news(Box::new(change))).is_err() {
                return;
            }
        }
    };
    tasks.spawn(stop.clone().run_until_cancelled_owned(forward));
}

pub(super) fn key(kind: WorkloadKind, object: &impl kube::Resource) -> WorkloadKey {
    WorkloadKey { kind, namespace: object.meta().namespace.clone().unwrap_or_default(), name: object.name_any() }
}

impl Workloads {
    fn heed(&mut self, news: News) {
        let listed = match news {
            News::Deployment(change) => self.heed_deployment(*change),
            News::Set(change) => self.heed_set(*change),
            News::Job(change) => self.heed_job(*change),
            News::Pod(change) => self.heed_pod(*change),
        };
        self.unlisted = self.unlisted.saturating_sub(usize::from(listed));
    }

    // Each says whether that was the end of the listing.

    fn heed_deployment(&mut self, change: Change<Deployment>) -> bool {
        match change {
            Change::Applied(deployment) => self.seen_deployment(deployment),
            Change::Deleted(gone) => {
                self.deployments.remove(&gone.uid);
                self.tell_of_deployments.forget(&gone.uid);
            }
            Change::Listed => return true,
        }
        false
    }

    fn heed_set(&mut self, change: Change<ReplicaSet>) -> bool {
        match change {
            Change::Applied(set) => self.seen_set(set),
            Change::Deleted(gone) => {
                self.tell_of_sets.forget(&gone.uid);
                if let Some(set) = self.sets.remove(&gone.uid) {
                    self.ask_for_deployments_of(&set);
                }
            }
            Change::Listed => return true,
        }
        false
    }

    fn heed_job(&mut self, change: Change<Job>) -> bool {
        match change {
            Change::Applied(job) => self.seen_job(job),
            Change::Deleted(gone) => {
                self.tell_of_jobs.forget(&gone.uid);
                self.jobs.remove(&gone.uid);
                self.queue.add(WorkloadKey { kind: WorkloadKind::Orphans, namespace: gone.namespace, name: gone.uid });
            }
            Change::Listed => return true,
        }
        false
    }

    fn heed_pod(&mut self, change: Change<Pod>) -> bool {
        match change {
            Change::Applied(pod) => self.seen_pod(pod),
            Change::Deleted(gone) => {
                if let Some(pod) = self.pods.remove(&gone.uid) {
                    self.ask_for_owners_of(&pod);
                    self.ask_for_recreation(&pod);
                }
            }
            Change::Listed => return true,
        }
        false
    }

    pub(super) fn seen_deployment(&mut self, deployment: Deployment) {
        let key = key(WorkloadKind::Deployment, &deployment);
        if self.deployments.put(deployment).is_some() {
            self.queue.add(key);
        }
    }

    pub(super) fn seen_set(&mut self, set: ReplicaSet) {
        let (key, copy) = (key(WorkloadKind::ReplicaSet, &set), set.clone());
        let Some(before) = self.sets.put(set) else { return };
        self.queue.add(key);
        if let Some(before) = before.filter(|before| controller(&before.metadata) != controller(&copy.metadata)) {
            self.ask_for_deployments_of(&before);
        }
        self.ask_for_deployments_of(&copy);
    }

    pub(super) fn seen_job(&mut self, job: Job) {
        let key = key(WorkloadKind::Job, &job);
        if self.jobs.put(job).is_some() {
            self.queue.add(key);
        }
    }

    pub(super) fn seen_pod(&mut self, pod: Pod) {
        let copy = Arc::new(pod.clone());
        let Some(before) = self.pods.put(pod) else { return };
        if let Some(before) = before.filter(|before| controller(&before.metadata) != controller(&copy.metadata)) {
            self.ask_for_owners_of(&before);
        }
        self.ask_for_owners_of(&copy);
    }

    /// The Deployment that controls the ReplicaSet, or those that would adopt it.
    fn ask_for_deployments_of(&mut self, set: &ReplicaSet) {
        let namespace = set.namespace().unwrap_or_default();
        if let Some(owner) = controller(&set.metadata) {
            if let Some(deployment) = self.deployments.get(&owner.uid) {
                self.queue.add(key(WorkloadKind::Deployment, deployment.as_ref()));
            }
            return;
        }
        let would = |deployment: &&Arc<Deployment>| {
            LabelSelector::from(Some(&deployment.spec.selector))
                .matches(&set.metadata.labels.clone().unwrap_or_default())
        };
        for deployment in self.deployments.within(&namespace).filter(would) {
            self.queue.add(key(WorkloadKind::Deployment, deployment.as_ref()));
        }
    }

    /// The ReplicaSet or Job that controls the pod, or the ReplicaSets that would adopt it.
    fn ask_for_owners_of(&mut self, pod: &Pod) {
        if let Some(owner) = controller(&pod.metadata) {
            if let Some(set) = self.sets.get(&owner.uid) {
                self.queue.add(key(WorkloadKind::ReplicaSet, set.as_ref()));
            } else if let Some(job) = self.jobs.get(&owner.uid) {
                let due = Instant::now() + GATHERED.div_f64(self.timelapse);
                self.queue.add_at(key(WorkloadKind::Job, job.as_ref()), due);
            } else if owner.kind == "Job" {
                let namespace = pod.namespace().unwrap_or_default();
                self.queue.add(WorkloadKey { kind: WorkloadKind::Orphans, namespace, name: owner.uid.clone() });
            }
            return;
        }
        let Some(labels) = pod.metadata.labels.as_ref() else { return };
        let namespace = pod.namespace().unwrap_or_default();
        let would = |set: &&Arc<ReplicaSet>| LabelSelector::from(Some(&set.spec.selector)).matches(labels);
        for set in self.sets.within(&namespace).filter(would) {
            self.queue.add(key(WorkloadKind::ReplicaSet, set.as_ref()));
        }
    }

    /// A Deployment that recreates waits for the last old pod to be gone.
    fn ask_for_recreation(&mut self, pod: &Pod) {
        let set = controller(&pod.metadata).and_then(|owner| self.sets.get(&owner.uid));
        let owner = set.and_then(|set| controller(&set.metadata));
        if let Some(deployment) = owner.and_then(|owner| self.deployments.get(&owner.uid)) {
            let strategy = deployment.spec.strategy.as_ref().and_then(|strategy| strategy.type_.as_deref());
            if strategy == Some("Recreate") {
                self.queue.add(key(WorkloadKind::Deployment, deployment.as_ref()));
            }
        }
    }

    /// Syncs what is next in the queue; false if there is nothing.
    async fn sync_next(&mut self) -> bool {
        if self.unlisted > 0 {
            return false;
        }
        let Some(key) = self.queue.next(Instant::now()) else { return false };
        let synced = match key.kind {
            WorkloadKind::Deployment => self.sync_deployment(&key).await,
            WorkloadKind::ReplicaSet => self.sync_set(&key).await,
            WorkloadKind::Job => self.sync_job(&key).await,
            WorkloadKind::Orphans => self.sync_orphans(&key).await,
        };
        match synced {
            Ok(()) => self.queue.succeeded(&key),
            Err(_) => self.queue.failed(key, Instant::now()),
        }
        true
    }

    pub(super) fn now() -> Timestamp {
        // As times are written: a status that was read back equals the one that was written.
        let now = Timestamp::now();
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    }
}

/// The words of a refusal; a failure of the connection has its own.
pub(super) fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

pub(super) fn has_reason(error: &kube::Error, reason: &str) -> bool {
    matches!(error, kube::Error::Api(status) if status.reason == reason)
}
