//! One task per pod: performs what the pure sync asks, writes status and events, and waits for the next cause to
//! sync. Decides nothing itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, PodStatus, Secret};
use kube::api::{Api, DeleteParams, Patch, PatchParams, Preconditions};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::environment;
use super::images::Images;
use super::pass::{self, Answer, Ask, Pass, StartError, SyncOutcome};
use super::security;
use super::state::{Node, PodExt as _, PodState};
use super::status::{self, Life};
use super::volumes::Volumes;
use crate::mini::events::{EventRecorder, ObjectEvent};
use crate::mini::runtime::{ContainerSpec, Exit, Runtime, Started};

/// The kubelet's period after a failed sync and between syncs of a settled pod, each stretched by up to a half
/// (`backOffOnTransientErrorPeriod`, `resyncInterval`).
const AFTER_FAILURE: Duration = Duration::from_secs(10);
const RESYNC: Duration = Duration::from_secs(60);
const JITTER: std::ops::Range<f64> = 1.0..1.5;
/// How long the runtime may take to say how a stopped container ended.
const EXIT_NEWS: Duration = Duration::from_secs(5);
const DEFAULT_GRACE: i64 = 30;
/// A container that was killed and whose end nobody saw.
const KILLED: Exit = Exit { code: 137, oom_killed: false };

/// What all workers of a node share.
pub(super) struct Shared {
    pub client: kube::Client,
    pub node: Node,
    pub runtime: Arc<dyn Runtime>,
    pub images: Arc<Images>,
    pub recorder: EventRecorder,
    pub stop: CancellationToken,
}

/// What the API last said of the pod.
#[derive(Clone)]
pub(super) enum Wanted {
    Pod(Arc<Pod>),
    /// The object is gone.
    Gone,
}

impl Wanted {
    /// The seconds a pod that is to end may take; `None`: it is to live.
    fn grace(&self) -> Option<i64> {
        match self {
            Self::Pod(pod) => pod.terminating().then(|| {
                let own = pod.pod_spec().termination_grace_period_seconds;
                pod.metadata.deletion_grace_period_seconds.or(own).unwrap_or(DEFAULT_GRACE)
            }),
            Self::Gone => Some(0),
        }
    }
}

struct Ended {
    container: String,
    id: String,
    exit: Exit,
}

pub(super) struct Worker {
    shared: Arc<Shared>,
    pod: Arc<Pod>,
    wanted: watch::Receiver<Wanted>,
    state: PodState,
    /// By name: the run before the current one, kept for its logs.
    dead: BTreeMap<String, String>,
    /// The hash of the status last written.
    written: Option<[u8; 32]>,
    // Boxed: a channel has room for 32 messages from the start.
    ended: mpsc::UnboundedReceiver<Box<Ended>>,
    ending: mpsc::UnboundedSender<Box<Ended>>,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, pod: Arc<Pod>, wanted: watch::Receiver<Wanted>) -> Self {
        // One message per container start: bounded by the back-off.
        let (ending, ended) = mpsc::unbounded_channel();
        let state = PodState::new(Timestamp::now(), shared.node.timelapse);
        Self { shared, pod, wanted, state, dead: BTreeMap::new(), written: None, ended, ending }
    }

    /// Runs until the pod is gone or the kubelet stops; no container outlives it.
    pub(super) async fn run(mut self) {
        loop {
            let wanted = self.wanted.borrow_and_update().clone();
            match wanted {
                Wanted::Pod(pod) => self.pod = pod,
                Wanted::Gone => return Box::pin(self.vanish()).await,
            }
            if self.pod.terminating() {
                return Box::pin(self.terminate()).await;
            }
            // Boxed: a pod that rests holds no room for a sync.
            let outcome = Box::pin(self.sync()).await;
            let jitter = rand::random_range(JITTER) / self.shared.node.timelapse;
            let due = match outcome {
                None | Some(SyncOutcome::Changed) => (!self.shared.stop.is_cancelled()).then_some(Duration::ZERO),
                Some(SyncOutcome::Failed) => Some(AFTER_FAILURE.mul_f64(jitter)),
                Some(SyncOutcome::Settled) => Some(RESYNC.mul_f64(jitter)),
            };
            let Some(due) = due.map(|delay| Instant::now() + delay) else { return Box::pin(self.kill_all()).await };
            let stop = self.shared.stop.clone();
            tokio::select! {
                biased;
                () = stop.cancelled() => return Box::pin(self.kill_all()).await,
                Ok(()) = self.wanted.changed() => {}
                Some(ended) = self.ended.recv() => self.note(*ended),
                () = tokio::time::sleep_until(due) => {}
            }
        }
    }

    /// One sync; None when the pod's end or the kubelet's interrupted it.
    async fn sync(&mut self) -> Option<SyncOutcome> {
        let (secrets, missing) = self.pull_secrets().await;
        let (node, pod) = (self.shared.node.clone(), self.pod.clone());
        let (mut pass, status, events) =
            Pass::begin(&node, &pod, &mut self.state, (secrets, &missing), Timestamp::now());
        self.write(status).await;
        self.shared.recorder.tell(pod.as_ref(), events);
        let mut volumes = Volumes::default();
        if pass.needs_volumes() {
            match Volumes::mount(&self.shared.client, &pod).await {
                Ok(mounted) => volumes = mounted,
                Err(message) => {
                    self.shared.recorder.tell(pod.as_ref(), vec![ObjectEvent::warning("FailedMount", message)]);
                    return Some(SyncOutcome::Failed);
                }
            }
        }
        let mut answer = Answer::Begin;
        loop {
            let step = {
                let mut records = self.shared.images.records();
                pass.step(&node, &pod, &mut self.state, &mut records, answer, Timestamp::now())
            };
            self.shared.recorder.tell(pod.as_ref(), step.events);
            answer = match step.ask {
                Ask::Image { image } => Answer::Image(self.shared.images.status(&image).await),
                Ask::Pull { image, logins } => {
                    let images = self.shared.images.clone();
                    let pulling = images.pull(&image, logins);
                    tokio::select! {
                        answer = pulling => answer,
                        () = self.interrupted() => return None,
                    }
                }
                Ask::Start { container } => Answer::Started(self.start(&container, &volumes).await),
                Ask::Stop { id } => {
                    let grace = pod.pod_spec().termination_grace_period_seconds.unwrap_or(DEFAULT_GRACE);
                    Answer::Stopped(self.stop(&id, self.real(grace)).await)
                }
                Ask::Done(outcome) => return Some(outcome),
            };
        }
    }

    /// Resolves when the pod is to end, or the kubelet is.
    async fn interrupted(&self) {
        // A copy, for what is looked at here is still to be heeded.
        let mut wanted = self.wanted.clone();
        tokio::select! {
            () = self.shared.stop.cancelled() => {}
            _ = wanted.wait_for(|wanted| wanted.grace().is_some()) => {}
        }
    }

    /// The pull secrets that exist, and the names of those that do not.
    async fn pull_secrets(&self) -> (Vec<Secret>, Vec<String>) {
        let api: Api<Secret> = Api::namespaced(self.shared.client.clone(), self.pod.namespace());
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for reference in self.pod.pod_spec().image_pull_secrets.iter().flatten().filter(|named| !named.name.is_empty())
        {
            match api.get(&reference.name).await {
                Ok(secret) => found.push(secret),
                Err(_) => missing.push(reference.name.clone()),
            }
        }
        (found, missing)
    }

    async fn start(&mut self, name: &str, volumes: &Volumes) -> Result<Started, StartError> {
        let pod = self.pod.clone();
        let container = pod.container(name).ok_or_else(|| StartError::Config(format!("no container {name}")))?;
        let container = container.as_ref();
        let ip = self.state.ip.clone().unwrap_or_default();
        let (client, node) = (&self.shared.client, &self.shared.node);
        let env = environment::variables(client, node, &pod, &ip, container).await.map_err(StartError::Config)?;
        let expanded = |words: &Option<Vec<String>>| {
            words.iter().flatten().map(|word| environment::expand(word, &env)).collect::<Vec<_>>()
        };
        let spec = ContainerSpec {
            pod_namespace: pod.namespace().to_owned(),
            pod_name: pod.name().to_owned(),
            pod_uid: pod.uid().to_owned(),
            name: name.to_owned(),
            image: container.image.clone().unwrap_or_default(),
            command: expanded(&container.command),
            args: expanded(&container.args),
            working_dir: container.working_dir.clone(),
            files: volumes.files(container),
            directories: volumes.empty_directories(container),
            confinement: security::confinement(&pod, container),
            stdin: container.stdin == Some(true),
            stdin_once: container.stdin_once == Some(true),
            tty: container.tty == Some(true),
            env,
        };
        let before = self.state.containers.get(name).map(|record| record.id.clone());
        let started = self.shared.runtime.start(spec).await.map_err(|error| StartError::Runtime(error.to_string()))?;
        self.watch(name, &started.id);
        // Of the ended runs only the last is kept.
        let superseded = before.and_then(|before| self.dead.insert(name.to_owned(), before));
        if let Some(id) = superseded.filter(|id| !id.is_empty()) {
            let _ = self.shared.runtime.stop(&id, Duration::ZERO).await;
        }
        Ok(started)
    }

    /// Sends the container's end to this worker.
    fn watch(&self, container: &str, id: &str) {
        let (runtime, ending) = (self.shared.runtime.clone(), self.ending.clone());
        let (container, id) = (container.to_owned(), id.to_owned());
        tokio::spawn(async move {
            let exit = runtime.wait(&id).await.unwrap_or(KILLED);
            let _ = ending.send(Box::new(Ended { container, id, exit }));
        });
    }

    fn note(&mut self, ended: Ended) {
        let current = self.state.containers.get(&ended.container).is_some_and(|record| record.id == ended.id);
        if current {
            pass::ended(&mut self.state, &ended.container, ended.exit, Timestamp::now());
        }
    }

    /// Stops a container that another follows, and waits for the news of how it ended.
    async fn stop(&mut self, id: &str, grace: Duration) -> Exit {
        let _ = self.shared.runtime.halt(id, grace).await;
        let deadline = Instant::now() + EXIT_NEWS;
        while let Ok(Some(ended)) = tokio::time::timeout_at(deadline, self.ended.recv()).await {
            if ended.id == id {
                return ended.exit;
            }
            self.note(*ended);
        }
        KILLED
    }

    /// Writes the status where it differs from the last one written.
    async fn write(&mut self, status: PodStatus) {
        let Ok(text) = serde_json::to_vec(&status) else { return };
        let hash = Some(Sha256::digest(text).into());
        if self.written == hash {
            return;
        }
        let Ok(mut status) = serde_json::to_value(status) else { return };
        // In a merge patch a null would take away what others have set; the kubelet takes nothing back.
        if let Some(fields) = status.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
        let api: Api<Pod> = Api::namespaced(self.shared.client.clone(), self.pod.namespace());
        let patch = json!({ "metadata": { "uid": self.pod.uid() }, "status": status });
        if api.patch_status(self.pod.name(), &PatchParams::default(), &Patch::Merge(patch)).await.is_ok() {
            self.written = hash;
        }
    }

    /// How long so many nominal seconds take.
    fn real(&self, seconds: i64) -> Duration {
        Duration::try_from_secs_f64(seconds.max(0) as f64 / self.shared.node.timelapse).unwrap_or(Duration::MAX)
    }

    /// The pod is being deleted: stop what runs, say how it ended, and let the object go.
    async fn terminate(mut self) {
        let (shared, pod) = (self.shared.clone(), self.pod.clone());
        let status = status::generate(&shared.node, &pod, &mut self.state, Life::Terminating, Timestamp::now());
        self.write(status).await;
        self.tell_killing();
        self.kill_running(Wanted::Pod(pod.clone()).grace().unwrap_or_default()).await;
        let status = status::generate(&shared.node, &pod, &mut self.state, Life::Terminated, Timestamp::now());
        self.write(status).await;
        self.remove_all().await;
        let api: Api<Pod> = Api::namespaced(shared.client.clone(), pod.namespace());
        let uid = Preconditions { uid: pod.metadata.uid.clone(), resource_version: None };
        // Not found or another pod of that name: nothing is left to delete.
        let _ = api.delete(pod.name(), &DeleteParams::default().grace_period(0).preconditions(uid)).await;
        shared.recorder.forget(pod.uid());
    }

    /// The object is gone already (deleted with force): only the containers are left.
    async fn vanish(mut self) {
        self.tell_killing();
        self.kill_running(0).await;
        self.remove_all().await;
        self.shared.recorder.forget(self.pod.uid());
    }

    async fn kill_all(mut self) {
        self.kill_running(0).await;
        self.remove_all().await;
    }

    fn running(&self) -> Vec<(String, String)> {
        let running = self.state.containers.iter().filter(|(_, record)| record.ended.is_none());
        running.map(|(name, record)| (name.clone(), record.id.clone())).collect()
    }

    fn tell_killing(&self) {
        let killing = |(name, _): (String, String)| {
            ObjectEvent::normal("Killing", format!("Stopping container {name}")).about(&self.pod.field_path(&name))
        };
        self.shared.recorder.tell(self.pod.as_ref(), self.running().into_iter().map(killing).collect());
    }

    /// Stops all running containers side by side. A deletion that is shortened meanwhile is heeded.
    async fn kill_running(&mut self, mut grace: i64) {
        let (running, runtime, stop) = (self.running(), self.shared.runtime.clone(), self.shared.stop.clone());
        loop {
            let real = self.real(grace);
            let stops = futures::future::join_all(running.iter().map(|(_, id)| runtime.stop(id, real)));
            let mut wanted = self.wanted.clone();
            tokio::select! {
                biased;
                _ = stops => break,
                () = stop.cancelled(), if grace > 0 => grace = 0,
                Ok(shorter) = wanted.wait_for(|wanted| wanted.grace().is_some_and(|asked| asked < grace)) => {
                    grace = shorter.grace().unwrap_or_default();
                }
            }
        }
        let deadline = Instant::now() + EXIT_NEWS;
        while !self.running().is_empty() {
            match tokio::time::timeout_at(deadline, self.ended.recv()).await {
                Ok(Some(ended)) => self.note(*ended),
                _ => break,
            }
        }
        for (name, _) in self.running() {
            pass::ended(&mut self.state, &name, KILLED, Timestamp::now());
        }
    }

    /// Removes the containers that have ended.
    async fn remove_all(&self) {
        let current = self.state.containers.values().map(|record| &record.id);
        for id in current.chain(self.dead.values()).filter(|id| !id.is_empty()) {
            let _ = self.shared.runtime.stop(id, Duration::ZERO).await;
        }
    }
}
