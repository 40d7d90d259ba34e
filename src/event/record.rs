//! What an event says. The form on disk is a line of `events.jsonl`. Knows nothing of who emits or prints it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::item::Item;
use super::verdict::Verdict;

/// The number of the events' form; it grows when a field goes or changes its meaning, not when one comes.
pub(crate) const SCHEMA: u32 = 1;

fn first_schema() -> u32 {
    1
}

/// An event and when it happened, in milliseconds since the session began. One line of `events.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Record {
    pub at_ms: u64,
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Event {
    #[serde(rename = "session.started")]
    SessionStarted {
        session: String,
        /// This program's.
        version: String,
        /// The number of the events' form.
        #[serde(default = "first_schema")]
        schema: u32,
        /// The time of day, as RFC 3339 has it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<String>,
    },
    /// A program that the run rests on: `kubectl`, `Docker Engine`.
    #[serde(rename = "tool")]
    Tool { name: String, version: String },
    /// Something the reader should know: which cluster `auto` took and why, a stand-in, a rewritten name.
    #[serde(rename = "note")]
    Note { text: String },
    /// One part of the stage comes up or goes: `registry`, `image`, `cluster`.
    #[serde(rename = "stage.part")]
    StagePart { part: String, state: PartState, detail: String, ms: u64 },
    #[serde(rename = "stage.ready")]
    StageReady { cluster: String, server_version: String, registry: String, ms: u64 },
    #[serde(rename = "lab.started")]
    LabStarted {
        lab: u32,
        title: String,
        /// As a failure names it.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        file: String,
        steps: usize,
    },
    /// A command is shown and waits until the reader lets it go (`--step`).
    #[serde(rename = "step.waits")]
    StepWaits { lab: u32, line: usize, heading: String, command: String },
    #[serde(rename = "step.started")]
    StepStarted { lab: u32, line: usize, heading: String, command: String },
    /// A step that is a file: it was written into the lab's folder.
    #[serde(rename = "file.written")]
    FileWritten { lab: u32, line: usize, heading: String, name: String },
    #[serde(rename = "step.output")]
    StepOutput { lab: u32, line: usize, text: String },
    /// An object went into a state while `lab` was played; `at_object_ms` counts from the object's creation.
    #[serde(rename = "object.state")]
    ObjectState {
        lab: u32,
        object: String,
        uid: String,
        status: String,
        at_object_ms: u64,
        reason: Option<String>,
        /// What was taken away, where the object is the twin of the one that has this name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        without: Option<String>,
    },
    /// An event of Kubernetes' own came to an object, for the `count`th time.
    #[serde(rename = "object.event")]
    ObjectTold {
        lab: u32,
        object: String,
        uid: String,
        /// `Pulling`, `Failed`, `BackOff` …
        reason: String,
        /// `Normal` or `Warning`.
        class: String,
        message: String,
        count: i32,
        at_object_ms: u64,
    },
    /// The lab's API server answered a request, in the lecture's names; `name` is a path where there is no resource.
    #[serde(rename = "request")]
    Request {
        lab: u32,
        verb: String,
        /// `pods`, `pods/log`, `deployments.apps`.
        resource: String,
        namespace: String,
        name: String,
        code: u16,
        /// From the request's arrival to the head of its answer, in microseconds.
        micros: u64,
    },
    /// The stage's registry answered a node that asked for the manifest of one of the lab's images, in the lecture's names.
    #[serde(rename = "registry.answer")]
    RegistryAnswer {
        lab: u32,
        image: String,
        code: u16,
        /// Who logged in, or tried to; none: nobody in particular.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
    },
    #[serde(rename = "check")]
    Check { lab: u32, line: usize, check: String, verdict: Verdict, detail: String },
    #[serde(rename = "step.finished")]
    StepFinished { lab: u32, line: usize, verdict: Verdict, command_ms: u64, wait_ms: u64 },
    #[serde(rename = "lab.finished")]
    LabFinished { lab: u32, title: String, verdict: Verdict, ms: u64, failure: Option<Failure> },
    /// A lecture that nobody annotated is played; `lab` is its number in this check, from 1.
    #[serde(rename = "lecture.started")]
    LectureStarted {
        lab: u32,
        title: String,
        /// As it was named.
        file: String,
        /// As it was read; its lines are the file's.
        text: String,
    },
    /// What is said of one item of a lecture.
    #[serde(rename = "item")]
    Item(Box<Item>),
    #[serde(rename = "lecture.finished")]
    LectureFinished { lab: u32, verdict: Verdict, ms: u64 },
    /// What commands alone cost in this very run; asked for with `--timings`.
    #[serde(rename = "yardstick")]
    Yardstick(Yardstick),
    /// The run ended before its labs had: what stood in the way. The labs that were left follow as blocked.
    #[serde(rename = "session.failed")]
    SessionFailed { message: String, hint: Option<String> },
    #[serde(rename = "session.finished")]
    SessionFinished { verdict: Verdict, ms: u64, timings: Timings },
}

impl Event {
    /// The lab it tells of; labs that are played side by side share the stream.
    pub fn lab(&self) -> Option<u32> {
        match self {
            Self::LabStarted { lab, .. }
            | Self::StepWaits { lab, .. }
            | Self::StepStarted { lab, .. }
            | Self::FileWritten { lab, .. }
            | Self::StepOutput { lab, .. }
            | Self::ObjectState { lab, .. }
            | Self::ObjectTold { lab, .. }
            | Self::LectureStarted { lab, .. }
            | Self::LectureFinished { lab, .. }
            | Self::Request { lab, .. }
            | Self::RegistryAnswer { lab, .. }
            | Self::Check { lab, .. }
            | Self::StepFinished { lab, .. }
            | Self::LabFinished { lab, .. } => Some(*lab),
            Self::Item(item) => Some(item.lab),
            Self::SessionStarted { .. }
            | Self::Tool { .. }
            | Self::Note { .. }
            | Self::StagePart { .. }
            | Self::StageReady { .. }
            | Self::Yardstick(_)
            | Self::SessionFailed { .. }
            | Self::SessionFinished { .. } => None,
        }
    }
}

/// Why a lab did not pass: the place in its file, what went wrong, and the evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    pub file: String,
    pub line: usize,
    pub message: String,
    /// What made it go wrong, the likeliest first, as far as the registry, the pods and the watch tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// The last state, the pod's events, the registry's last answers.
    pub evidence: Vec<String>,
    pub hint: Option<String>,
}

impl Failure {
    /// Why, in one sentence: the likeliest cause, or else what came out otherwise.
    pub fn cause(&self) -> &str {
        let likeliest = self.causes.first().map(String::as_str).filter(|cause| !cause.is_empty());
        likeliest.unwrap_or_else(|| self.message.lines().next().unwrap_or_default())
    }
}

/// Where the wall-clock time of a run went, in milliseconds; the parts do not overlap: while labs are played side
/// by side, a moment in which any command runs is the commands'.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Timings {
    /// Bringing the stage up and down: Docker's, the registry's and the cluster's time.
    pub stage_ms: u64,
    /// Fences: kubectl, docker and the shell around them.
    pub commands_ms: u64,
    /// Waiting for the cluster: the kubelet (on mini: time-lapsed), and what a lab created to go.
    pub cluster_ms: u64,
    /// All the rest: our own.
    pub own_ms: u64,
    /// Of the lab that took longest, its waiting for the cluster: less than this no run takes.
    #[serde(default)]
    pub longest_wait_ms: u64,
    /// The CPU time that telling all this took up to here, in microseconds; a part of whatever went on meanwhile.
    #[serde(default)]
    pub telling_us: u64,
}

/// How far a part of the stage has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PartState {
    Started,
    Progress,
    Ready,
    Failed,
    Gone,
}

/// The bare commands' time beside what labs took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Yardstick {
    /// One `kubectl get namespaces`, started without a shell, in microseconds.
    pub kubectl_us: u64,
    /// How many times fences called kubectl.
    pub kubectl_calls: u64,
    /// One container of the application started and removed, in microseconds; 0 where pods do not run in Docker.
    pub docker_us: u64,
    /// How many containers the labs started in Docker.
    pub containers: u64,
}

impl Yardstick {
    /// What the calls alone, and the containers alone, would have taken one after the other.
    pub fn bare(self) -> [Duration; 2] {
        [(self.kubectl_us, self.kubectl_calls), (self.docker_us, self.containers)]
            .map(|(one, times)| Duration::from_micros(one.saturating_mul(times)))
    }
}

/// The schema of a [`Record`].
#[cfg(test)]
pub(super) fn schema() -> schemars::Schema {
    schemars::schema_for!(Record)
}
