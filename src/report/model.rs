//! Records → what a run came to, in the shape that reports have: sessions, their labs and lectures, steps and items, pods.
//! Pure.

use crate::event::{Event, Failure, Item, PartState, Record, Timings, Verdict};

use super::asked::Asked;
use super::read::RecordedEvents;

/// One session.
#[derive(Debug, Default)]
pub(super) struct SessionReport {
    pub id: String,
    /// Of the program.
    pub version: String,
    /// The time of day when it began.
    pub at: Option<String>,
    /// Programs that it rests on, with their versions.
    pub tools: Vec<(String, String)>,
    pub parts: Vec<PartReport>,
    /// The cluster, its version and the registry, where the stage came up.
    pub stage: Option<StageReport>,
    pub notes: Vec<String>,
    /// In the order of their numbers.
    pub suites: Vec<SuiteReport>,
    /// Why it ended before its labs had, and what to do.
    pub failed: Option<(String, Option<String>)>,
    /// None where it was cut off.
    pub end: Option<RunEnd>,
    /// Lines that could not be read.
    pub unread: usize,
}

/// How a session ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunEnd {
    pub verdict: Verdict,
    pub ms: u64,
    pub timings: Timings,
}

/// What labs stand on.
#[derive(Debug)]
pub(super) struct StageReport {
    pub cluster: String,
    pub server_version: String,
    pub registry: String,
}

/// A part of the stage that came up, or did not.
#[derive(Debug)]
pub(super) struct PartReport {
    pub name: String,
    pub detail: String,
    pub ms: u64,
    pub failed: bool,
}

/// A lab or a lecture.
#[derive(Debug, Default)]
pub(super) struct SuiteReport {
    pub number: u32,
    pub title: String,
    pub file: String,
    /// A lecture's Markdown; None of a lab.
    pub text: Option<String>,
    /// None where it had not come to its end.
    pub verdict: Option<Verdict>,
    pub ms: u64,
    pub failure: Option<Failure>,
    pub cases: Vec<CaseReport>,
    pub pods: Vec<PodReport>,
    /// From when to when anything is told of it, since the session began.
    pub span_ms: (u64, u64),
    pub requests: usize,
    pub answers: Vec<AnswerReport>,
}

/// A step of a lab or an item of a lecture.
#[derive(Debug, Default)]
pub(super) struct CaseReport {
    pub line: usize,
    pub heading: String,
    /// What was typed, or what the lecture says.
    pub text: String,
    pub output: String,
    pub checks: Vec<CheckReport>,
    /// None where it had not come to its end.
    pub verdict: Option<Verdict>,
    /// When it began.
    pub at_ms: Option<u64>,
    /// The command's time and the waiting after it.
    pub ms: Option<u64>,
    /// Why the lab failed, where it did so here.
    pub failure: Option<Failure>,
    /// What was asked of others while it was played.
    pub asked: Asked,
    pub item: Option<Item>,
}

/// An answer of the registry to a node; the time is since the session began.
#[derive(Debug)]
pub(super) struct AnswerReport {
    pub at_ms: u64,
    pub code: u16,
    pub user: Option<String>,
}

/// What was looked at in a step.
#[derive(Debug)]
pub(super) struct CheckReport {
    pub what: String,
    pub verdict: Verdict,
    pub detail: String,
}

/// A pod, or its twin. Times are since the session began.
#[derive(Debug)]
pub(super) struct PodReport {
    pub object: String,
    pub uid: String,
    /// What the twin lacks.
    pub without: Option<String>,
    pub states: Vec<StateReport>,
    pub events: Vec<EventReport>,
}

#[derive(Debug)]
pub(super) struct StateReport {
    pub at_ms: u64,
    /// Since the pod was first heard of.
    pub age_ms: u64,
    pub status: String,
    pub reason: Option<String>,
}

#[derive(Debug)]
pub(super) struct EventReport {
    pub at_ms: u64,
    pub reason: String,
    pub warning: bool,
    pub message: String,
    pub count: i32,
}

impl SessionReport {
    pub(super) fn new(stream: RecordedEvents) -> Self {
        let mut session = Self { unread: stream.unread, ..Self::default() };
        stream.records.into_iter().for_each(|record| session.take(record));
        for suite in &mut session.suites {
            suite.place_failure();
            // What is not a pod has events only; so has a pod that was there before.
            suite.pods.retain(|pod| !pod.states.is_empty());
        }
        session.suites.sort_by_key(|suite| suite.number);
        session
    }

    /// Whether it is told to its end.
    pub(super) fn is_complete(&self) -> bool {
        self.end.is_some() && self.unread == 0
    }

    /// Its own, or the worst that had come until it was cut off.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        self.end.map(|end| end.verdict).or_else(|| self.suites.iter().filter_map(|suite| suite.verdict).max())
    }

    /// The lab or lecture of this number; one that is begun again begins anew.
    fn suite(&mut self, number: u32, anew: bool, at_ms: u64) -> &mut SuiteReport {
        let known = self.suites.iter().position(|suite| suite.number == number);
        let at = known.unwrap_or_else(|| {
            self.suites.push(SuiteReport { number, title: format!("Lab {number}"), ..SuiteReport::default() });
            self.suites.len() - 1
        });
        let suite = &mut self.suites[at];
        if anew || known.is_none() {
            *suite =
                SuiteReport { number, title: suite.title.clone(), span_ms: (at_ms, at_ms), ..SuiteReport::default() };
        }
        suite.span_ms.1 = suite.span_ms.1.max(at_ms);
        suite
    }

    fn take(&mut self, Record { at_ms, event }: Record) {
        if let Some(number) = event.lab() {
            let anew = matches!(event, Event::LabStarted { .. } | Event::LectureStarted { .. });
            return self.suite(number, anew, at_ms).take(at_ms, event);
        }
        match event {
            Event::SessionStarted { session, version, at, .. } => {
                (self.id, self.version, self.at) = (session, version, at);
            }
            Event::Tool { name, version } => self.tools.push((name, version)),
            Event::Note { text } => self.notes.push(text),
            Event::StagePart { part, state: state @ (PartState::Ready | PartState::Failed), detail, ms } => {
                self.parts.push(PartReport { name: part, detail, ms, failed: state == PartState::Failed });
            }
            Event::StageReady { cluster, server_version, registry, .. } => {
                self.stage = Some(StageReport { cluster, server_version, registry });
            }
            Event::SessionFailed { message, hint } => self.failed = Some((message, hint)),
            Event::SessionFinished { verdict, ms, timings } => self.end = Some(RunEnd { verdict, ms, timings }),
            _ => {}
        }
    }
}

impl SuiteReport {
    pub(super) fn is_lecture(&self) -> bool {
        self.text.is_some()
    }

    fn take(&mut self, at_ms: u64, event: Event) {
        if let Some(case) = self.open_case() {
            case.asked.take(&event);
        }
        match event {
            Event::LabStarted { title, file, .. } => (self.title, self.file) = (title, file),
            Event::LectureStarted { title, file, text, .. } => {
                (self.title, self.file, self.text) = (title, file, Some(text));
            }
            // What is said of a lecture is said of its items.
            Event::StepStarted { .. } if self.is_lecture() => {}
            Event::StepStarted { line, heading, command, .. } => {
                self.cases.push(CaseReport {
                    line,
                    heading,
                    text: command,
                    at_ms: Some(at_ms),
                    ..CaseReport::default()
                });
            }
            Event::FileWritten { line, heading, name, .. } => {
                self.cases.push(CaseReport {
                    line,
                    heading,
                    text: format!("{name} is written"),
                    ..CaseReport::default()
                });
            }
            Event::StepOutput { text, .. } => {
                if let Some(case) = self.open_case() {
                    case.output = text;
                }
            }
            Event::Check { check, verdict, detail, .. } => {
                if let Some(case) = self.open_case() {
                    case.checks.push(CheckReport { what: check, verdict, detail });
                }
            }
            Event::StepFinished { line, verdict, command_ms, wait_ms, .. } => {
                // What was not reached is told of at its end only.
                if self.open_case().is_none_or(|case| case.line != line) {
                    self.cases.push(CaseReport { line, ..CaseReport::default() });
                }
                if let Some(case) = self.open_case() {
                    (case.verdict, case.ms) = (Some(verdict), Some(command_ms + wait_ms));
                }
            }
            Event::Item(item) => {
                let heading = item.headings.last().cloned().unwrap_or_default();
                let (line, text, verdict) = (item.line, item.text.clone(), Some(item.verdict));
                self.cases.push(CaseReport {
                    line,
                    heading,
                    text,
                    verdict,
                    item: Some(*item),
                    ..CaseReport::default()
                });
            }
            Event::ObjectState { object, uid, status, at_object_ms, reason, without, .. } => {
                let pod = self.pod(object, uid, without);
                if pod.states.last().is_none_or(|last| last.status != status) {
                    pod.states.push(StateReport { at_ms, age_ms: at_object_ms, status, reason });
                }
            }
            Event::ObjectTold { object, uid, reason, class, message, count, .. } => {
                let warning = class == "Warning";
                self.pod(object, uid, None).events.push(EventReport { at_ms, reason, warning, message, count });
            }
            Event::Request { .. } => self.requests += 1,
            Event::RegistryAnswer { code, user, .. } => self.answers.push(AnswerReport { at_ms, code, user }),
            Event::LabFinished { title, verdict, ms, failure, .. } => {
                (self.title, self.verdict, self.ms, self.failure) = (title, Some(verdict), ms, failure);
            }
            Event::LectureFinished { verdict, ms, .. } => (self.verdict, self.ms) = (Some(verdict), ms),
            _ => {}
        }
    }

    /// The step that is being played.
    fn open_case(&mut self) -> Option<&mut CaseReport> {
        self.cases.last_mut().filter(|case| case.verdict.is_none())
    }

    fn pod(&mut self, object: String, uid: String, without: Option<String>) -> &mut PodReport {
        let at = self.pods.iter().position(|pod| pod.uid == uid).unwrap_or_else(|| {
            self.pods.push(PodReport { object, uid, without, states: Vec::new(), events: Vec::new() });
            self.pods.len() - 1
        });
        &mut self.pods[at]
    }

    /// Puts the lab's failure to the step where it came about.
    fn place_failure(&mut self) {
        let Some(failure) = &self.failure else { return };
        if self.file.is_empty() {
            self.file.clone_from(&failure.file);
        }
        let ends = |verdict: Verdict| verdict.fails() || verdict == Verdict::Unstable;
        if let Some(case) = self.cases.iter_mut().find(|case| case.verdict.is_some_and(ends)) {
            case.failure = Some(failure.clone());
        }
    }

    /// Its failure, where no step has it: the lab could not be played.
    pub(super) fn own_failure(&self) -> Option<&Failure> {
        self.failure.as_ref().filter(|_| self.cases.iter().all(|case| case.failure.is_none()))
    }
}

impl CaseReport {
    /// A line that tells it from others: its first line of text.
    pub(super) fn name(&self) -> &str {
        let first = self.text.lines().map(str::trim).find(|line| !line.is_empty());
        first.unwrap_or("(not reached)")
    }

    /// Why it did not come out as the text says, or was not played, in one sentence.
    pub(super) fn cause(&self) -> Option<String> {
        let is_good = matches!(self.verdict, Some(Verdict::Reproduced | Verdict::ExpectedFailure));
        if is_good && self.item.is_none() {
            return None;
        }
        let of_item = || self.item.as_ref().and_then(|item| item.reason.clone());
        let of_failure = || self.failure.as_ref().map(|failure| failure.cause().to_owned());
        let worst =
            || self.checks.iter().filter(|check| Some(check.verdict) == self.verdict).find(|c| !c.detail.is_empty());
        let of_check = || worst().map(|check| format!("{}: {}", check.what, check.detail));
        let not_reached =
            || (self.verdict == Some(Verdict::FailedInSequence)).then(|| "an earlier step failed".to_owned());
        let whole = of_item().or_else(of_failure).or_else(of_check).or_else(not_reached)?;
        Some(whole.lines().next().unwrap_or_default().to_owned())
    }

    /// What is known beside the cause, a line each.
    pub(super) fn evidence(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        if let Some(failure) = &self.failure {
            lines.extend(beside_cause(failure));
            lines.extend(self.asked.lines());
        }
        if let Some(item) = &self.item {
            for found in &item.differences {
                let told = |text: &Option<String>| text.as_deref().unwrap_or("nothing").to_owned();
                lines.push(format!("{}: shown {}, printed {}", found.place, told(&found.shown), told(&found.printed)));
            }
            lines.extend(item.evidence.iter().map(|seen| format!("{}: {}", seen.of, seen.says)));
            lines.extend(item.drift.iter().cloned());
            lines.extend(item.blamed.iter().map(|id| format!("made by {id}")));
            if let Some(correction) = &item.correction {
                lines.push(format!("write instead:\n{}", correction.text));
            }
        }
        lines
    }
}

/// What is known of a failure beside its cause: what to do, what came out otherwise, the other causes, the evidence.
pub(super) fn beside_cause(failure: &Failure) -> Vec<String> {
    let mut lines: Vec<String> = failure.hint.iter().map(|hint| format!("hint: {hint}")).collect();
    let told = failure.message.lines().next() == Some(failure.cause());
    lines.extend(failure.message.lines().skip(usize::from(told)).map(str::to_owned));
    lines.extend(failure.causes.iter().skip(1).map(|cause| format!("also: {cause}")));
    lines.extend(failure.evidence.iter().cloned());
    lines
}
