//! Events → people and programs: masking first, then each consumer. Knows nothing of execution.

mod human;
mod jsonl;
mod lab_by_lab;
mod traces;

use std::io::Write;
use std::path::Path;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::mask::Masker;
use crate::run::Record;

pub use human::Human;
pub use jsonl::JsonLines;
pub use lab_by_lab::LabByLab;
pub use traces::write_traces;

/// Something that is told every event, in order, already masked.
pub trait Consumer: Send {
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
pub fn spawn(
    mut records: mpsc::UnboundedReceiver<Record>,
    masker: Masker,
    mut consumers: Vec<Box<dyn Consumer>>,
) -> JoinHandle<std::io::Result<()>> {
    tokio::spawn(async move {
        while let Some(record) = records.recv().await {
            let record = masked(&masker, record);
            consumers.iter_mut().for_each(|c| c.record(&record));
        }
        consumers.iter_mut().map(|c| c.finish()).fold(Ok(()), Result::and)
    })
}

fn masked(masker: &Masker, record: Record) -> Record {
    let Ok(mut value) = serde_json::to_value(&record) else { return record };
    masker.mask_json(&mut value);
    // Masking changes strings inside, never the shape; the tag has no secret in it.
    serde_json::from_value(value).unwrap_or(record)
}

/// Events as JSON lines in a file of the session's folder.
///
/// # Errors
/// Where the file cannot be created.
pub fn events_file(dir: &Path) -> std::io::Result<Box<dyn Consumer>> {
    let file = std::fs::File::create(dir.join("events.jsonl"))?;
    Ok(Box::new(JsonLines::new(Box::new(std::io::LineWriter::new(file)) as Box<dyn Write + Send>)))
}
