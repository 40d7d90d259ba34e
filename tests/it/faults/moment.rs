//! A boundary in a session's life, seen in its own folder.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rehearsal::wait::{Probe, Wake, until};
use serde_json::{Value, json};

/// No stage takes this long to any boundary, not even kind's on a busy machine.
const LIMIT: Duration = Duration::from_secs(300);

#[derive(Debug, Clone)]
pub(super) enum Moment {
    /// The first event that has all of this.
    Event(Value),
    /// A debt of this kind has been written down.
    Owed(&'static str),
}

impl Moment {
    pub(super) fn event(text: &str) -> Self {
        Self::Event(serde_json::from_str(text).unwrap())
    }

    pub(super) fn part(part: &str, state: &str, detail: &str) -> Self {
        let mut event = json!({"type": "stage.part", "part": part, "state": state});
        if !detail.is_empty() {
            event["detail"] = detail.into();
        }
        Self::Event(event)
    }

    pub(super) fn owed(kind: &'static str) -> Self {
        Self::Owed(kind)
    }

    /// Whether it has come in one of the sessions of `root`; `ended` tells that none will any more.
    pub(super) async fn come(&self, root: &Path, ended: impl Fn() -> bool) {
        let probe = async || {
            if sessions(root).iter().any(|session| self.is_in(session)) {
                return Probe::Done(true);
            }
            if ended() { Probe::Done(false) } else { Probe::Pending(format!("{:?}", sessions(root))) }
        };
        let every = Wake::Every(Duration::from_millis(5));
        let came = until(&format!("{self}"), LIMIT, every, probe).await.unwrap_or_else(|error| panic!("{error}"));
        assert!(came, "it ended before {self}");
    }

    fn is_in(&self, session: &Path) -> bool {
        match self {
            Self::Event(wanted) => events(session).iter().any(|event| {
                wanted.as_object().unwrap().iter().all(|(key, value)| match (key.as_str(), value) {
                    ("detail", Value::String(begins)) => event[key].as_str().is_some_and(|it| it.starts_with(begins)),
                    _ => event[key] == *value,
                })
            }),
            Self::Owed(kind) => {
                let ledger = std::fs::read_to_string(session.join("private/ledger.json")).unwrap_or_default();
                ledger.contains(&format!("\"{kind}\""))
            }
        }
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Owed(kind) => write!(f, "{kind} owed"),
            Self::Event(event) => {
                let words = ["type", "part", "state", "status", "detail"].iter().filter_map(|key| event[*key].as_str());
                f.write_str(&words.collect::<Vec<_>>().join(" "))
            }
        }
    }
}

/// The folders of the sessions of `root`.
pub(super) fn sessions(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path());
    // An id begins with its date.
    let mut found: Vec<_> = folders.filter(|dir| name(dir).starts_with(|c: char| c.is_ascii_digit())).collect();
    found.sort();
    found
}

pub(super) fn name(dir: &Path) -> String {
    dir.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The events of a session that have been written so far.
pub(super) fn events(session: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(session.join("events.jsonl")).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}
