//! One sync of one pod (`syncPod` and `kuberuntime`'s `SyncPod`), without any I/O: every [`Pass::step`] says
//! what to tell and what to find out or do next, and takes the answer. Pure; the worker performs the asks.
//!
//! A pull's way, with what each leaves in [`PodState`]:
//!
//! ```text
//! worker                      Pass                                    PodState
//! sync ──── begin ──────────▶ plan: Start(c) ───────────────────────▶ sandbox, conditions
//!      ──── Begin ──────────▶ name and crash back-off ──────────────▶ crash_backoff
//! look ◀─── Ask::Image ─────┘
//!      ──── Answer::Image ──▶ image::decide: use, refuse, or pull ──▶ failures (refused: ImagePullBackOff, …)
//! pull ◀─── Ask::Pull ──────┘
//!      ──── Answer::Pulled ─▶ Ok: go on; Err: settle ───────────────▶ image_backoff, pull_errors, failures
//! start◀─── Ask::Start ─────┘
//!      ──── Answer::Started ▶ settle ───────────────────────────────▶ containers, ip; failures without c
//! wait ◀─── Ask::Done ──────┘ Failed: again after 10 s; Changed: at once, and the status is written then
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, PodStatus, Secret};

use super::image::{self, Decision, TrackedAuthConfig};
use super::records::PullRecords;
use super::security;
use super::state::{ContainerRecord, Ended, Failure, Node, PodExt as _, PodState};
use super::status::{self, Life};
use crate::kubewords::status::{CRASH_LOOP_BACK_OFF, CREATE_CONTAINER_CONFIG_ERROR, RUN_CONTAINER_ERROR};
use crate::mini::Version;
use crate::mini::events::ObjectEvent;
use crate::mini::runtime::{Exit, Image, PullError, Started};

/// What the worker is to do before the next step.
#[derive(Debug)]
pub(super) enum Ask {
    /// Look an image up on the node; answered by [`Answer::Image`].
    Image { image: String },
    /// Pull with each login in turn; answered by [`Answer::Pulled`].
    Pull { image: String, logins: Vec<TrackedAuthConfig> },
    /// Create and start; answered by [`Answer::Started`].
    Start { container: String },
    /// Stop a running container; answered by [`Answer::Stopped`].
    Stop { id: String },
    /// Nothing more in this sync.
    Done(SyncOutcome),
}

/// What came of an ask.
#[derive(Debug)]
pub(super) enum Answer {
    /// To the first step: nothing was asked yet.
    Begin,
    Image(Option<Image>),
    Pulled {
        result: Result<(Image, Option<TrackedAuthConfig>), PullError>,
        took: Duration,
        waited: Duration,
    },
    Started(Result<Started, StartError>),
    Stopped(Exit),
}

/// Why a container did not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StartError {
    /// Its environment or files cannot be put together (`CreateContainerConfigError`).
    Config(String),
    /// The runtime refused.
    Runtime(String),
}

/// How a sync ended, and with it when the next one is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SyncOutcome {
    /// Something came up or went down: the runtime's events cause the next sync at once.
    Changed,
    /// Some container could not be started: again after the back-off period.
    Failed,
    Settled,
}

/// Events to post, in order, and the next ask.
#[derive(Debug)]
pub(super) struct Step {
    pub events: Vec<ObjectEvent>,
    pub ask: Ask,
}

#[derive(Debug)]
enum Action {
    Start { container: String },
    Kill { container: String },
}

/// A sync under way. No Debug: it holds Secrets.
pub(super) struct Pass {
    secrets: Vec<Secret>,
    /// Names of pull secrets that do not exist.
    missing: Vec<String>,
    actions: VecDeque<Action>,
    image: Option<Image>,
    changed: bool,
    failed: bool,
}

/// What a step looks at and changes, and what it has to tell.
struct Context<'a> {
    node: &'a Node,
    pod: &'a Pod,
    state: &'a mut PodState,
    records: &'a mut PullRecords,
    now: Timestamp,
    events: Vec<ObjectEvent>,
}

impl Context<'_> {
    fn tell(&mut self, container: &str, event: ObjectEvent) {
        self.events.push(event.about(&self.pod.field_path(container)));
    }
}

impl Pass {
    /// Begins a sync: the status is that of the sync before. `secrets` are the pod's pull secrets that exist,
    /// `missing` the names of those that do not.
    pub(super) fn begin(
        node: &Node,
        pod: &Pod,
        state: &mut PodState,
        (secrets, missing): (Vec<Secret>, &[String]),
        now: Timestamp,
    ) -> (Self, PodStatus, Vec<ObjectEvent>) {
        let status = status::generate(node, pod, state, Life::Syncing, now);
        let actions = plan(pod, state);
        let events = unretrieved(missing).filter(|_| tells_always(node)).into_iter().collect();
        (
            Self { secrets, missing: missing.to_vec(), actions, image: None, changed: false, failed: false },
            status,
            events,
        )
    }

    /// Will this sync start a container, and so need the pod's volumes?
    #[must_use]
    pub(super) fn needs_volumes(&self) -> bool {
        self.actions.iter().any(|action| matches!(action, Action::Start { .. }))
    }

    /// Takes the answer to the last ask.
    pub(super) fn step(
        &mut self,
        node: &Node,
        pod: &Pod,
        state: &mut PodState,
        records: &mut PullRecords,
        answer: Answer,
        now: Timestamp,
    ) -> Step {
        let mut on = Context { node, pod, state, records, now, events: Vec::new() };
        let ask = match (answer, self.actions.front()) {
            (Answer::Begin, _) => {
                // The volumes are mounted; the sandbox comes next.
                self.changed |= !std::mem::replace(&mut on.state.sandbox, true);
                None
            }
            (_, None) => None,
            (Answer::Stopped(exit), Some(Action::Kill { container })) => {
                ended(on.state, container, exit, now);
                self.changed = true;
                self.actions.pop_front();
                None
            }
            (_, Some(Action::Kill { .. })) => None,
            (answer, Some(Action::Start { container })) => {
                let container = container.clone();
                let started = self.start(&mut on, &container, answer);
                self.settle(&mut on, &container, started)
            }
        };
        let ask = ask.unwrap_or_else(|| self.next(&mut on));
        Step { events: on.events, ask }
    }

    /// Begins the next action; what fails before anything must be asked is settled here.
    fn next(&mut self, on: &mut Context<'_>) -> Ask {
        while let Some(action) = self.actions.front() {
            match action {
                Action::Kill { container } => {
                    let Some(record) = on.state.containers.get(container) else {
                        self.actions.pop_front();
                        continue;
                    };
                    let id = record.id.clone();
                    let message = format!("Container {container} definition changed, will be restarted");
                    on.tell(container, ObjectEvent::normal("Killing", message));
                    return Ask::Stop { id };
                }
                Action::Start { container } => {
                    let container = container.clone();
                    let begun = begin_start(on, &container);
                    if let Some(ask) = self.settle(on, &container, begun) {
                        return ask;
                    }
                }
            }
        }
        Ask::Done(match (self.changed, self.failed) {
            (true, _) => SyncOutcome::Changed,
            (false, true) => SyncOutcome::Failed,
            (false, false) => SyncOutcome::Settled,
        })
    }

    /// Goes on with starting a container: an ask, or None when it runs.
    fn start(&mut self, on: &mut Context<'_>, container: &str, answer: Answer) -> Result<Option<Ask>, Failure> {
        let spec = on.pod.container(container);
        let image = spec.as_ref().and_then(|spec| spec.image.clone()).unwrap_or_default();
        let policy = spec.as_ref().and_then(|spec| spec.image_pull_policy.as_deref()).unwrap_or("IfNotPresent");
        match answer {
            Answer::Image(present) => {
                let names = (image.as_str(), policy);
                match image::decide(on.node, on.state, on.records, names, present.as_ref(), &self.secrets, on.now) {
                    Decision::Use { event } => {
                        on.tell(container, event);
                        self.image = present;
                        self.create(on.pod, container)
                    }
                    Decision::Pull { logins, event } => {
                        on.tell(container, event);
                        Ok(Some(Ask::Pull { image, logins }))
                    }
                    Decision::Broken { message, event } => {
                        on.tell(container, event);
                        self.pull_failed(on, container, &image, &PullError { message })
                    }
                    Decision::Refuse { failure, event } => {
                        event.into_iter().for_each(|event| on.tell(container, event));
                        Err(failure)
                    }
                }
            }
            Answer::Pulled { result: Ok((pulled, login)), took, waited } => {
                let event = image::pull_succeeded(on.records, &image, &pulled, login, (took, waited));
                on.tell(container, event);
                self.image = Some(pulled);
                self.create(on.pod, container)
            }
            Answer::Pulled { result: Err(error), .. } => self.pull_failed(on, container, &image, &error),
            Answer::Started(result) => self.started(on, container, result).map(|()| None),
            Answer::Begin | Answer::Stopped(_) => Ok(None),
        }
    }

    fn pull_failed(
        &mut self,
        on: &mut Context<'_>,
        container: &str,
        image: &str,
        error: &PullError,
    ) -> Result<Option<Ask>, Failure> {
        let (failure, event) = image::pull_failed(on.state, image, error, on.now);
        on.tell(container, event);
        // Since 1.37 missing secrets are told of where they may be the cause, until then at every sync.
        if !tells_always(on.node) {
            on.events.extend(unretrieved(&self.missing));
        }
        Err(failure)
    }

    /// The image is there: the container may be made of it, unless it would run as a user it must not run as.
    fn create(&self, pod: &Pod, container: &str) -> Result<Option<Ask>, Failure> {
        let user = self.image.as_ref().map(|image| image.user.as_str()).unwrap_or_default();
        let verified = pod.container(container).map_or(Ok(()), |spec| security::verify_non_root(pod, &spec, user));
        verified.map_err(|message| Failure { reason: CREATE_CONTAINER_CONFIG_ERROR.into(), message })?;
        Ok(Some(Ask::Start { container: container.to_owned() }))
    }

    fn started(
        &mut self,
        on: &mut Context<'_>,
        container: &str,
        result: Result<Started, StartError>,
    ) -> Result<(), Failure> {
        let (created, started) = if on.node.verifies_present_images() {
            ("Container created".to_owned(), "Container started".to_owned())
        } else {
            (format!("Created container: {container}"), format!("Started container {container}"))
        };
        let before = on.state.containers.get(container);
        let mut record = ContainerRecord {
            id: String::new(),
            image: on.pod.container(container).and_then(|spec| spec.image.clone()).unwrap_or_default(),
            image_id: self.image.take().map(|image| image.repo_digest).unwrap_or_default(),
            started: on.now,
            ended: None,
            restarts: before.map_or(0, |before| before.restarts + 1),
            last: before.and_then(|before| before.terminated(on.node.scheme)),
        };
        match result {
            Ok(Started { id, ip }) => {
                on.tell(container, ObjectEvent::normal("Created", created));
                on.tell(container, ObjectEvent::normal("Started", started));
                on.state.ip = Some(ip).filter(|ip| !ip.is_empty()).or(on.state.ip.take());
                on.state.containers.insert(container.to_owned(), Box::new(ContainerRecord { id, ..record }));
                self.changed = true;
                Ok(())
            }
            Err(StartError::Config(message)) => Err(Failure { reason: CREATE_CONTAINER_CONFIG_ERROR.into(), message }),
            Err(StartError::Runtime(message)) => {
                on.tell(container, ObjectEvent::normal("Created", created));
                let exit = Exit { code: 128, oom_killed: false };
                record.ended = Some(Ended { exit, at: on.now, start_error: Some(message.clone()) });
                on.state.containers.insert(container.to_owned(), Box::new(record));
                Err(Failure { reason: RUN_CONTAINER_ERROR.into(), message })
            }
        }
    }

    /// Closes an action that has come to its end; hands an ask through.
    fn settle(&mut self, on: &mut Context<'_>, container: &str, result: Result<Option<Ask>, Failure>) -> Option<Ask> {
        match result {
            Ok(Some(ask)) => return Some(ask),
            Ok(None) => {
                on.state.failures.remove(container);
            }
            Err(failure) => {
                self.failed = true;
                if failure.reason != CRASH_LOOP_BACK_OFF {
                    let told = match failure.reason.as_ref() {
                        CREATE_CONTAINER_CONFIG_ERROR | RUN_CONTAINER_ERROR => &failure.message,
                        reason => reason,
                    };
                    on.tell(container, ObjectEvent::warning("Failed", format!("Error: {told}")));
                }
                on.state.failures.insert(container.to_owned(), failure);
            }
        }
        self.actions.pop_front();
        None
    }
}

fn tells_always(node: &Node) -> bool {
    node.version < (Version { major: 1, minor: 37 })
}

/// What there is to tell of pull secrets that do not exist.
fn unretrieved(missing: &[String]) -> Option<ObjectEvent> {
    let names = missing.join(", ");
    let message =
        format!("Unable to retrieve some image pull secrets ({names}); attempting to pull the image may not succeed.");
    (!missing.is_empty()).then(|| ObjectEvent::warning("FailedToRetrieveImagePullSecret", message))
}

/// Notes that a container has ended.
pub(super) fn ended(state: &mut PodState, container: &str, exit: Exit, now: Timestamp) {
    if let Some(record) = state.containers.get_mut(container)
        && record.ended.is_none()
    {
        record.ended = Some(Ended { exit, at: now, start_error: None });
    }
}

/// `computePodActions`: init containers one after the other, then all containers; a changed image restarts.
fn plan(pod: &Pod, state: &PodState) -> VecDeque<Action> {
    let mut actions = VecDeque::new();
    if pod.terminating() {
        return actions;
    }
    // Whatever state the pod is in, and each once.
    let unstarted = pod.ephemeral_containers().iter().filter(|spec| !state.containers.contains_key(&spec.name));
    actions.extend(unstarted.map(|spec| Action::Start { container: spec.name.clone() }));
    if !status::initialized(pod, state) {
        let pending = pod.init_containers().iter().find(|init| {
            let record = state.containers.get(&init.name);
            record.and_then(|record| record.ended.as_ref()).is_none_or(|ended| ended.exit.code != 0)
        });
        if let Some(init) = pending
            && state.containers.get(&init.name).is_none_or(|record| status::restarts(pod, record, true))
        {
            actions.push_back(Action::Start { container: init.name.clone() });
        }
        return actions;
    }
    for spec in pod.containers() {
        let container = spec.name.clone();
        match state.containers.get(&spec.name) {
            Some(record) if record.ended.is_none() => {
                if spec.image.as_ref() != Some(&record.image) {
                    actions.push_back(Action::Kill { container: container.clone() });
                    actions.push_back(Action::Start { container });
                }
            }
            Some(record) if !status::restarts(pod, record, false) => {}
            _ => actions.push_back(Action::Start { container }),
        }
    }
    actions
}

/// The crash back-off and the image's name are judged before anything is asked.
fn begin_start(on: &mut Context<'_>, container: &str) -> Result<Option<Ask>, Failure> {
    let ended = on.state.containers.get(container).and_then(|record| record.ended.as_ref());
    if let Some(at) = ended.map(|ended| ended.at) {
        if on.state.crash_backoff.waits_since(container, at, on.now) {
            let pod = on.pod.formatted();
            let message = format!("Back-off restarting failed container {container} in pod {pod}");
            on.tell(container, ObjectEvent::warning("BackOff", message));
            let delay = image::go_duration(on.state.crash_backoff.delay(container));
            let message = format!("back-off {delay} restarting failed container={container} pod={pod}");
            return Err(Failure { reason: CRASH_LOOP_BACK_OFF.into(), message });
        }
        on.state.crash_backoff.next(container, at);
    }
    let image = on.pod.container(container).and_then(|spec| spec.image.clone()).unwrap_or_default();
    match image::tagged(&image) {
        Ok((image, _)) => Ok(Some(Ask::Image { image })),
        Err(failure) => {
            on.tell(container, ObjectEvent::warning("InspectFailed", failure.message.clone()));
            Err(failure)
        }
    }
}
