//! Events → people and programs: masking first, then each consumer; what is rendered of a whole run (`html`, `junit`,
//! `github`) is made from its events' file and from nothing else. Knows nothing of execution.

mod asked;
mod cost;
#[cfg(test)]
mod fixture;
mod github;
mod html;
mod jsonl;
mod junit;
mod lab_by_lab;
mod model;
#[cfg(test)]
pub(crate) mod pictures;
mod read;
mod rendered;
mod sink;
mod terminal;
mod text;
mod traces;

use std::io::Write;
use std::path::Path;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::event::{Event, Record};
use crate::mask::Masker;
use crate::secret::private_file;

pub(crate) use cost::timed;
pub(crate) use github::WithoutCommands;
pub(crate) use jsonl::JsonLines;
use lab_by_lab::LabByLab;
pub(crate) use read::Error as ReadError;
pub(crate) use rendered::{NotWritten, Rendered};
use sink::Sink;
pub(crate) use terminal::{Cast, Moves, Size, View, Voice, people};
pub(crate) use traces::write_traces;

/// Something that is told every event, in order, already masked.
pub(crate) trait Consumer: Send {
    fn record(&mut self, record: &Record);
    /// The stream has ended.
    ///
    /// # Errors
    /// The first of its writes that failed.
    fn finish(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Feeds `consumers` until the sending ends are dropped; gives the first error of a consumer.
pub(crate) fn spawn(
    mut records: mpsc::UnboundedReceiver<Record>,
    masker: Masker,
    mut consumers: Vec<Box<dyn Consumer>>,
) -> JoinHandle<std::io::Result<()>> {
    let before = cost::spent_us();
    tokio::spawn(async move {
        while let Some(mut record) = records.recv().await {
            if let Event::SessionFinished { timings, .. } = &mut record.event {
                timings.telling_us = cost::spent_us() - before;
            }
            cost::counted(|| {
                let record = masked(&masker, record);
                consumers.iter_mut().for_each(|c| c.record(&record));
            });
        }
        consumers.iter_mut().map(|c| c.finish()).fold(Ok(()), Result::and)
    })
}

/// The events' file in a session's folder.
pub(crate) const EVENTS: &str = "events.jsonl";

/// Words of our own in an event: a password may be one of them, and an event without them would be none.
const OWN_WORDS: [&str; 3] = ["type", "verdict", "state"];

fn masked(masker: &Masker, record: Record) -> Record {
    let at_ms = record.at_ms;
    // Nothing passes that could not be masked.
    let lost = |error: serde_json::Error| Record {
        at_ms,
        event: Event::Note { text: format!("an event cannot be told: {error}") },
    };
    let mut value = match serde_json::to_value(record) {
        Ok(value) => value,
        Err(error) => return lost(error),
    };
    let own = OWN_WORDS.map(|word| value.get(word).cloned());
    masker.mask_json(&mut value);
    for (word, said) in OWN_WORDS.into_iter().zip(own) {
        if let Some(said) = said {
            value[word] = said;
        }
    }
    serde_json::from_value(value).unwrap_or_else(lost)
}

/// Events as JSON lines in a file of the session's folder, which is its owner's alone.
///
/// # Errors
/// Where the file cannot be created.
pub(crate) fn events_file(dir: &Path) -> std::io::Result<Box<dyn Consumer>> {
    let file = private_file(&dir.join(EVENTS))?;
    Ok(Box::new(JsonLines::new(Box::new(std::io::LineWriter::new(file)) as Box<dyn Write + Send>)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Verdict;

    #[test]
    fn a_password_that_is_one_of_our_own_words_is_masked_in_texts_only() {
        for password in ["check", "failed", "step"] {
            let masker = Masker::default();
            masker.add(password);
            let event = |detail: &str| Event::Check {
                lab: 1,
                line: 1,
                check: "prints".into(),
                verdict: Verdict::Failed,
                detail: detail.into(),
            };
            let told = masked(&masker, Record { at_ms: 1, event: event(&format!("a {password} b")) });
            assert_eq!(told.event, event("a ••• b"), "{password}");
        }
    }
}
