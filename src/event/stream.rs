//! The one stream of a run's events. Consumers in `report` know nothing of execution, and the executor nothing of them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::record::{Event, Failure, Record, Timings};
use super::verdict::Verdict;

/// A lab that a run was asked to play.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub lab: u32,
    pub title: String,
    /// Its file, as a failure names it.
    pub file: String,
}

/// The sending end of the stream; clones share it. Sending never blocks and never fails: a run does not
/// depend on anybody listening.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    start: Instant,
    tx: mpsc::UnboundedSender<Record>,
    /// Labs that have been finished.
    finished: Arc<Mutex<BTreeSet<u32>>>,
}

impl Events {
    pub(crate) fn channel() -> (Self, mpsc::UnboundedReceiver<Record>) {
        let (tx, rx) = mpsc::unbounded_channel();
        (Self { start: Instant::now(), tx, finished: Arc::default() }, rx)
    }

    pub(crate) fn emit(&self, event: Event) {
        if let Event::LabFinished { lab, .. } = event {
            self.finished().insert(lab);
        }
        let _ = self.tx.send(Record { at_ms: self.elapsed_ms(), event });
    }

    pub(crate) fn note(&self, text: impl Into<String>) {
        self.emit(Event::Note { text: text.into() });
    }

    /// The run ends here, for this reason: each of `labs` that was not finished is blocked by it.
    pub(crate) fn fail(&self, labs: Vec<Chosen>, message: &str, hint: Option<String>) {
        self.emit(Event::SessionFailed { message: message.into(), hint: hint.clone() });
        for Chosen { lab, title, file } in labs {
            if self.finished().contains(&lab) {
                continue;
            }
            let failure = Failure {
                file,
                line: 1,
                message: message.into(),
                causes: Vec::new(),
                evidence: Vec::new(),
                hint: hint.clone(),
            };
            let verdict = Verdict::Blocked;
            self.emit(Event::LabFinished { lab, title, verdict, ms: 0, failure: Some(failure) });
        }
        let (verdict, ms) = (Verdict::Blocked, self.elapsed_ms());
        self.emit(Event::SessionFinished { verdict, ms, timings: Timings::default() });
    }

    fn finished(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds since the session began.
    pub(crate) fn elapsed_ms(&self) -> u64 {
        millis(self.start.elapsed())
    }
}

/// Whole milliseconds, saturating.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
