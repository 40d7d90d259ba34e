//! Labs over Kubernetes versions: what came of each, and where what the pods went through first differs from one
//! version to the next. Pure; knows no cluster.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::lab::PlayedLab;
use crate::event::Verdict;
use crate::observe::{Redacted, Redactor};

/// One version's run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct VersionColumn {
    /// As it was asked for.
    pub version: String,
    /// As the server tells it; None where there was none.
    pub server_version: Option<String>,
    /// Why it could not be had.
    pub blocked: Option<String>,
    pub verdicts: BTreeMap<u32, Verdict>,
    /// Why labs did not pass: line and message.
    pub failures: BTreeMap<u32, String>,
    #[serde(skip)]
    traces: BTreeMap<u32, Vec<Redacted>>,
}

/// The first place in a lab where one version's pods went another way than the one's before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct VersionDifference {
    pub lab: u32,
    pub from: String,
    pub to: String,
    pub object: String,
    /// `state` or `event`, or `pod` where only one has it.
    pub what: &'static str,
    pub left: Option<String>,
    pub right: Option<String>,
}

impl VersionColumn {
    /// `masked` takes secrets out of messages.
    pub(crate) fn new(
        version: &str,
        server_version: &str,
        played: &[PlayedLab],
        masked: &dyn Fn(&str) -> String,
    ) -> Self {
        let redactor = Redactor::default();
        let redacted = |played: &PlayedLab| {
            let mut traces: Vec<Redacted> = played.traces.iter().map(|trace| redactor.trace(trace)).collect();
            for trace in &mut traces {
                trace.states.iter_mut().flat_map(|state| &mut state.message).for_each(|said| *said = masked(said));
                trace.events.iter_mut().for_each(|event| event.message = masked(&event.message));
            }
            traces
        };
        let failures = played.iter().filter_map(|played| {
            let failure = played.failure.as_ref()?;
            Some((played.lab, masked(&format!("line {}: {}", failure.line, failure.message))))
        });
        Self {
            version: version.into(),
            server_version: Some(server_version.into()),
            blocked: None,
            verdicts: played.iter().map(|played| (played.lab, played.verdict)).collect(),
            failures: failures.collect(),
            traces: played.iter().map(|played| (played.lab, redacted(played))).collect(),
        }
    }

    /// A version that cannot be had blocks every lab.
    pub(crate) fn blocked(version: &str, why: String, labs: &[u32]) -> Self {
        Self {
            version: version.into(),
            server_version: None,
            blocked: Some(why),
            verdicts: labs.iter().map(|lab| (*lab, Verdict::Blocked)).collect(),
            failures: BTreeMap::new(),
            traces: BTreeMap::new(),
        }
    }
}

/// For each lab, the first difference between each version that was played and the one before it.
pub(crate) fn differences(columns: &[VersionColumn]) -> Vec<VersionDifference> {
    let played: Vec<&VersionColumn> = columns.iter().filter(|column| column.blocked.is_none()).collect();
    let pairs = played.windows(2).map(|pair| (pair[0], pair[1]));
    pairs
        .flat_map(|(from, to)| {
            let labs = from.traces.iter().filter_map(|(lab, traces)| Some((*lab, traces, to.traces.get(lab)?)));
            labs.filter_map(|(lab, left, right)| {
                let (object, what, left, right) = first_difference(left, right)?;
                Some(VersionDifference {
                    lab,
                    from: from.version.clone(),
                    to: to.version.clone(),
                    object,
                    what,
                    left,
                    right,
                })
            })
        })
        .collect()
}

type FirstDifference = (String, &'static str, Option<String>, Option<String>);

fn first_difference(left: &[Redacted], right: &[Redacted]) -> Option<FirstDifference> {
    let (left, right) = (numbered(left), numbered(right));
    for (key, (_, trace)) in &left {
        let object = trace.object.to_string();
        let Some((_, other)) = right.get(key) else { return Some((object.clone(), "pod", Some(object), None)) };
        if let Some((left, right)) = states(trace, other) {
            return Some((object, "state", Some(left), Some(right)));
        }
        if let Some((left, right)) = events(trace, other) {
            return Some((object, "event", left, right));
        }
    }
    let new = right.iter().find(|(key, _)| !left.contains_key(*key));
    new.map(|(_, (_, trace))| (trace.object.to_string(), "pod", None, Some(trace.object.to_string())))
}

/// By object and how many of its name came before it: a recreated pod is another.
fn numbered(traces: &[Redacted]) -> BTreeMap<(String, usize), (usize, &Redacted)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let keyed = traces.iter().enumerate().map(|(index, trace)| {
        let count = counts.entry(trace.object.to_string()).or_default();
        *count += 1;
        ((trace.object.to_string(), *count), (index, trace))
    });
    keyed.collect()
}

/// The first two states that differ. How long a pod was watched says nothing of a version, nor whether the instant
/// before it was scheduled was seen.
fn states(left: &Redacted, right: &Redacted) -> Option<(String, String)> {
    let told = |trace: &Redacted| -> Vec<String> {
        let seen = trace.states.iter().filter(|state| state.status != "Pending");
        let mut told: Vec<String> = seen
            .map(|state| match &state.message {
                Some(message) => format!("{} ({message})", state.status),
                None => state.status.clone(),
            })
            .collect();
        told.dedup();
        told
    };
    told(left).into_iter().zip(told(right)).find(|(left, right)| left != right)
}

/// The first event that only one of them has, and what the other says for the same reason.
fn events(left: &Redacted, right: &Redacted) -> Option<(Option<String>, Option<String>)> {
    let told = |trace: &Redacted| -> Vec<(String, String)> {
        trace
            .events
            .iter()
            .map(|event| (event.reason.clone(), format!("{}: {}", event.reason, event.message)))
            .collect()
    };
    let (left, right) = (told(left), told(right));
    let only = |these: &[(String, String)], those: &[(String, String)]| {
        let one = these.iter().find(|event| !those.contains(event))?.clone();
        let other = those.iter().find(|event| event.0 == one.0 && !these.contains(event));
        Some((one.1, other.map(|event| event.1.clone())))
    };
    match only(&left, &right) {
        Some((one, other)) => Some((Some(one), other)),
        None => only(&right, &left).map(|(one, other)| (other, Some(one))),
    }
}

impl fmt::Display for VersionDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let none = "(none)";
        writeln!(f, "lab {}, {} → {}: {} of {}", self.lab, self.from, self.to, self.what, self.object)?;
        writeln!(f, "  - {}", self.left.as_deref().unwrap_or(none))?;
        write!(f, "  + {}", self.right.as_deref().unwrap_or(none))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{EventSeen, Trace, TraceState};
    use crate::script::ObjectRef;

    fn trace(states: &[&str], events: &[(&str, &str)]) -> Trace {
        let pod = ObjectRef { kind: "pod".into(), namespace: "default".into(), name: "mypod".into() };
        let mut trace = Trace::new(pod, "u");
        for status in states {
            let pod = serde_json::from_value(serde_json::json!({"status": {"phase": "Pending"}})).unwrap();
            trace.record(TraceState { status: (*status).into(), ..TraceState::new(&pod, std::time::Duration::ZERO) });
        }
        for (reason, message) in events {
            let event = serde_json::json!({"metadata": {}, "involvedObject": {}, "reason": reason, "message": message});
            trace.record_event(EventSeen::new(&serde_json::from_value(event).unwrap(), std::time::Duration::ZERO));
        }
        trace
    }

    fn column(version: &str, traces: Vec<Trace>) -> VersionColumn {
        let played = PlayedLab {
            causes: Vec::new(),
            doubts: Vec::new(),
            lab: 1,
            verdict: Verdict::Reproduced,
            failure: None,
            traces,
            commands: Vec::new(),
            waits: Vec::new(),
        };
        VersionColumn::new(version, version, &[played], &str::to_owned)
    }

    fn between(left: Vec<Trace>, right: Vec<Trace>) -> Option<String> {
        differences(&[column("1.34", left), column("1.36", right)]).first().map(ToString::to_string)
    }

    #[test]
    fn how_long_and_how_closely_a_pod_was_watched_is_no_difference() {
        let short = trace(&["Pending", "ContainerCreating", "ErrImagePull"], &[("Pulling", "x")]);
        let long = trace(&["ContainerCreating", "ErrImagePull", "ImagePullBackOff"], &[("Pulling", "x")]);
        assert_eq!(between(vec![short], vec![long]), None);
    }

    #[test]
    fn the_first_difference_is_told_with_both_sides() {
        let old = trace(&["Running"], &[("Pulling", "x"), ("Created", "Created container: c")]);
        let new = trace(&["Running"], &[("Pulling", "x"), ("Created", "Container created")]);
        insta::assert_snapshot!(between(vec![old.clone()], vec![new.clone()]).unwrap(), @r"
        lab 1, 1.34 → 1.36: event of pod/mypod
          - Created: Created container: c
          + Created: Container created
        ");
        let failed = trace(&["ErrImagePull"], &[]);
        insta::assert_snapshot!(between(vec![old.clone()], vec![failed.clone()]).unwrap(), @r"
        lab 1, 1.34 → 1.36: state of pod/mypod
          - Running
          + ErrImagePull
        ");
        insta::assert_snapshot!(between(vec![failed.clone()], vec![failed, new]).unwrap(), @r"
        lab 1, 1.34 → 1.36: pod of pod/mypod
          - (none)
          + pod/mypod
        ");
    }

    #[test]
    fn a_version_that_cannot_be_had_is_not_compared() {
        let (old, new) = (column("1.34", vec![trace(&["Running"], &[])]), column("1.36", vec![]));
        let blocked = VersionColumn::blocked("1.35", "no image".into(), &[1]);
        assert_eq!(blocked.verdicts[&1], Verdict::Blocked);
        assert_eq!(differences(&[old.clone(), blocked, old.clone()]), []);
        assert_eq!(differences(&[old, new]).len(), 1);
    }
}
