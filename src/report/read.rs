//! Lines of an events' file → records. A file may be cut off, or be a newer program's: what is there is read, and what
//! could not be is counted.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::event::{Record, SCHEMA};
use crate::hint::Hint;

/// What an events' file says.
#[derive(Debug, Default)]
pub(crate) struct RecordedEvents {
    pub records: Vec<Record>,
    /// Lines that are no events, or no events that this program knows.
    pub unread: usize,
}

/// Why a file tells of no run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot read {}", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{} holds no events", path.display())]
    NoEvents { path: PathBuf },
    #[error("the events of {} have form {found}; this program reads form {SCHEMA}", path.display())]
    Schema { path: PathBuf, found: u64 },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { .. } | Self::NoEvents { .. } => {
                Some("name an `events.jsonl`, or a session's folder with one: each run writes it".into())
            }
            Self::Schema { .. } => Some("render it with the program that wrote it, or a newer one".into()),
        }
    }
}

/// Reads the events of one session.
///
/// # Errors
/// Where the file cannot be read, has no event in it, or has events of another form.
pub(crate) fn read(path: &Path) -> Result<RecordedEvents, Error> {
    let bytes = std::fs::read(path).map_err(|source| Error::Unreadable { path: path.into(), source })?;
    let text = String::from_utf8_lossy(&bytes);
    let found = text.lines().next().and_then(|line| serde_json::from_str::<Value>(line).ok()?["schema"].as_u64());
    if let Some(found) = found.filter(|found| *found > u64::from(SCHEMA)) {
        return Err(Error::Schema { path: path.into(), found });
    }
    let stream = stream(&text);
    if stream.records.is_empty() { Err(Error::NoEvents { path: path.into() }) } else { Ok(stream) }
}

pub(super) fn stream(text: &str) -> RecordedEvents {
    let mut stream = RecordedEvents::default();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match serde_json::from_str(line) {
            Ok(record) => stream.records.push(record),
            Err(_) => stream.unread += 1,
        }
    }
    stream
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_read_and_what_is_not_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let old = r#"{"at_ms":0,"type":"session.started","session":"s","version":"0.1.0"}"#;
        let said = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read(&path).map(|stream| (stream.records.len(), stream.unread)).map_err(|error| error.to_string())
        };
        assert_eq!(said(&format!("{old}\n")), Ok((1, 0)), "a file from before forms had numbers");
        assert_eq!(said(&format!("{old}\n{{\"at_ms\":1,\"type\":\"of.tomorrow\"}}\n{{\"at_ms\":2,\"ty")), Ok((1, 2)));
        assert!(said("").unwrap_err().ends_with("holds no events"));
        assert!(said("# A guide\n").unwrap_err().ends_with("holds no events"));
        let newer = old.replace("\"version\"", "\"schema\":9,\"version\"");
        assert!(said(&newer).unwrap_err().ends_with("have form 9; this program reads form 1"));
    }
}
