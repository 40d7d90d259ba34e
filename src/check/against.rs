//! What changed between two checks of the same lectures.

use std::collections::BTreeMap;
use std::fmt;

use super::{CheckHeader, ItemRecord, Line};
use crate::event::Verdict;

/// A change between an earlier check and this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RecordChange {
    /// The checks were made with something else: `cluster`, `server`, `kubectl`, `rehearsal`.
    With { what: &'static str, before: String, now: String },
    /// An item has another verdict.
    Verdict { file: String, id: String, line: usize, before: Verdict, now: Verdict, reason: Option<String> },
    /// An item is new.
    Added { file: String, id: String, line: usize, now: Verdict },
    /// An item is gone.
    Removed { file: String, id: String, before: Verdict },
}

impl RecordChange {
    /// Whether what held does not hold any more.
    pub(crate) fn is_worse(&self) -> bool {
        match self {
            Self::Verdict { before, now, .. } => now > before,
            Self::Added { now, .. } => !now.passed(),
            Self::With { .. } | Self::Removed { .. } => false,
        }
    }
}

/// The changes in the order of this check; what is gone last. An item is the same where its file and id are, and where
/// its id is gone but its text stands under another.
pub(crate) fn changes(before: &[Line], now: &[Line]) -> Vec<RecordChange> {
    let (old, new) = (records(before), records(now));
    let mut left: BTreeMap<(&str, &str), &ItemRecord> =
        old.iter().map(|r| ((r.file.as_str(), r.id.as_str()), *r)).collect();
    let mut changes = with(before, now);
    let mut added = Vec::new();
    for record in &new {
        match left.remove(&(record.file.as_str(), record.id.as_str())) {
            Some(earlier) => changes.extend(changed(earlier, record)),
            None => added.push(*record),
        }
    }
    for record in added {
        let moved = left.values().find(|other| is_moved(other, record)).copied();
        match moved {
            Some(earlier) => {
                left.remove(&(earlier.file.as_str(), earlier.id.as_str()));
                changes.extend(changed(earlier, record));
            }
            None => changes.push(RecordChange::Added {
                file: record.file.clone(),
                id: record.id.clone(),
                line: record.lines.first,
                now: record.verdict,
            }),
        }
    }
    let gone = old.into_iter().filter(|record| left.contains_key(&(record.file.as_str(), record.id.as_str())));
    changes.extend(gone.map(|r| RecordChange::Removed { file: r.file.clone(), id: r.id.clone(), before: r.verdict }));
    changes
}

fn is_moved(one: &ItemRecord, other: &ItemRecord) -> bool {
    one.file == other.file && one.kind == other.kind && one.text == other.text
}

fn changed(before: &ItemRecord, now: &ItemRecord) -> Option<RecordChange> {
    (before.verdict != now.verdict).then(|| RecordChange::Verdict {
        file: now.file.clone(),
        id: now.id.clone(),
        line: now.lines.first,
        before: before.verdict,
        now: now.verdict,
        reason: now.reason.clone(),
    })
}

fn with(before: &[Line], now: &[Line]) -> Vec<RecordChange> {
    let (Some(before), Some(now)) = (check(before), check(now)) else { return Vec::new() };
    let of = |check: &CheckHeader| {
        [
            ("cluster", check.cluster.clone()),
            ("server", check.server_version.clone()),
            ("kubectl", check.kubectl_version.clone()),
            ("rehearsal", check.version.clone()),
        ]
    };
    let pairs = of(before).into_iter().zip(of(now)).filter(|(before, now)| before != now);
    pairs.map(|((what, before), (_, now))| RecordChange::With { what, before, now }).collect()
}

fn check(lines: &[Line]) -> Option<&CheckHeader> {
    lines.iter().find_map(|line| if let Line::Check(check) = line { Some(check) } else { None })
}

fn records(lines: &[Line]) -> Vec<&ItemRecord> {
    lines.iter().filter_map(|line| if let Line::Item(record) = line { Some(&**record) } else { None }).collect()
}

impl fmt::Display for RecordChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::With { what, before, now } => write!(f, "{what} is {now}, was {before}"),
            Self::Verdict { file, line, before, now, reason, .. } => {
                write!(f, "{file}:{line} is {now}, was {before}")?;
                reason.as_ref().map_or(Ok(()), |reason| write!(f, ": {reason}"))
            }
            Self::Added { file, line, now, .. } => write!(f, "{file}:{line} is new: {now}"),
            Self::Removed { file, id, before } => write!(f, "{file} has no {id} any more; it was {before}"),
        }
    }
}
