//! The one event stream. Everything that a run tells anybody is one of these; consumers in `report` know
//! nothing of execution, and the executor nothing of them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::verdict::Verdict;
use super::yardstick::Yardstick;
use crate::script::Lab;
use crate::stage::PartState;

/// An event and when it happened, in milliseconds since the session began. One line of `events.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub at_ms: u64,
    #[serde(flatten)]
    pub event: Event,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Event {
    #[serde(rename = "session.started")]
    SessionStarted { session: String, version: String },
    /// Something the reader should know: which cluster `auto` took and why, a stand-in, a rewritten name.
    #[serde(rename = "note")]
    Note { text: String },
    /// One part of the stage comes up or goes: `registry`, `image`, `cluster`.
    #[serde(rename = "stage.part")]
    StagePart { part: String, state: PartState, detail: String, ms: u64 },
    #[serde(rename = "stage.ready")]
    StageReady { cluster: String, server_version: String, registry: String, ms: u64 },
    #[serde(rename = "lab.started")]
    LabStarted { lab: u32, title: String, steps: usize },
    #[serde(rename = "step.started")]
    StepStarted { lab: u32, line: usize, heading: String, command: String },
    #[serde(rename = "step.output")]
    StepOutput { lab: u32, line: usize, text: String },
    /// An object went into a state while `lab` was played; `at_object_ms` counts from the object's creation.
    #[serde(rename = "object.state")]
    ObjectState { lab: u32, object: String, uid: String, status: String, at_object_ms: u64, reason: Option<String> },
    #[serde(rename = "check")]
    Check { lab: u32, line: usize, check: String, verdict: Verdict, detail: String },
    #[serde(rename = "step.finished")]
    StepFinished { lab: u32, line: usize, verdict: Verdict, command_ms: u64, wait_ms: u64 },
    #[serde(rename = "lab.finished")]
    LabFinished { lab: u32, title: String, verdict: Verdict, ms: u64, failure: Option<Failure> },
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
            | Self::StepStarted { lab, .. }
            | Self::StepOutput { lab, .. }
            | Self::ObjectState { lab, .. }
            | Self::Check { lab, .. }
            | Self::StepFinished { lab, .. }
            | Self::LabFinished { lab, .. } => Some(*lab),
            Self::SessionStarted { .. }
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    pub file: String,
    pub line: usize,
    pub message: String,
    /// The last state, the pod's events, the registry's last answers.
    pub evidence: Vec<String>,
    pub hint: Option<String>,
}

/// Where the wall-clock time of a run went, in milliseconds; the parts do not overlap: while labs are played side
/// by side, a moment in which any command runs is the commands'.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// The sending end of the stream; clones share it. Sending never blocks and never fails: a run does not
/// depend on anybody listening.
#[derive(Debug, Clone)]
pub struct Events {
    start: Instant,
    tx: mpsc::UnboundedSender<Record>,
    /// Labs that have been finished.
    finished: Arc<Mutex<BTreeSet<u32>>>,
}

impl Events {
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Record>) {
        let (tx, rx) = mpsc::unbounded_channel();
        (Self { start: Instant::now(), tx, finished: Arc::default() }, rx)
    }

    pub fn emit(&self, event: Event) {
        if let Event::LabFinished { lab, .. } = event {
            self.finished().insert(lab);
        }
        let _ = self.tx.send(Record { at_ms: self.elapsed_ms(), event });
    }

    pub fn note(&self, text: impl Into<String>) {
        self.emit(Event::Note { text: text.into() });
    }

    /// The run ends here, for this reason: every lab that was not finished is blocked by it.
    pub fn fail(&self, labs: &[&Lab], message: &str, hint: Option<String>) {
        self.emit(Event::SessionFailed { message: message.into(), hint: hint.clone() });
        let left: Vec<&Lab> = labs.iter().copied().filter(|lab| !self.finished().contains(&lab.id)).collect();
        for lab in left {
            let file = lab.path.display().to_string();
            let failure = Failure { file, line: 1, message: message.into(), evidence: Vec::new(), hint: hint.clone() };
            let (title, verdict) = (lab.title.clone(), Verdict::Blocked);
            self.emit(Event::LabFinished { lab: lab.id, title, verdict, ms: 0, failure: Some(failure) });
        }
        let (verdict, ms) = (Verdict::Blocked, self.elapsed_ms());
        self.emit(Event::SessionFinished { verdict, ms, timings: Timings::default() });
    }

    fn finished(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds since the session began.
    pub fn elapsed_ms(&self) -> u64 {
        millis(self.start.elapsed())
    }
}

/// Whole milliseconds, saturating.
pub fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
