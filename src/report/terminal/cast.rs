//! A recording of a run as asciinema plays it, version 2: a head, then what came to the terminal and when
//! (<https://docs.asciinema.org/manual/asciicast/v2/>). What is recorded is what `--verbose` says, without the moving part.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use super::super::{Consumer, LabByLab};
use super::harmless::Harmless;
use super::human::Human;
use super::place::Surface;
use crate::event::Record;

/// The size of the recorded terminal.
const COLUMNS: u16 = 100;
const ROWS: u16 = 30;

/// Records what a reader is told.
pub(crate) struct Cast {
    reader: Harmless<LabByLab<Human>>,
    now: Arc<AtomicU64>,
}

/// What is written, as an event of the recording.
struct Recorded<W> {
    into: W,
    now: Arc<AtomicU64>,
}

impl Cast {
    /// A recording of a run that begins at `timestamp`, in seconds since 1970.
    ///
    /// # Errors
    /// Where the head cannot be written.
    pub(crate) fn new(mut into: impl Write + Send + 'static, timestamp: i64) -> std::io::Result<Self> {
        let head = json!({"version": 2, "width": COLUMNS, "height": ROWS, "timestamp": timestamp, "title": "rehearse"});
        writeln!(into, "{head}")?;
        let now = Arc::<AtomicU64>::default();
        let out = Recorded { into, now: Arc::clone(&now) };
        let human = Human::new(Surface::lines_to(Box::new(out)), false, String::new());
        Ok(Self { reader: Harmless(LabByLab::new(human)), now })
    }
}

impl<W: Write> Write for Recorded<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let at = std::time::Duration::from_millis(self.now.load(Ordering::Relaxed)).as_secs_f64();
        let text = String::from_utf8_lossy(bytes).replace('\n', "\r\n");
        writeln!(self.into, "{}", json!([at, "o", text]))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.into.flush()
    }
}

impl Consumer for Cast {
    fn record(&mut self, record: &Record) {
        self.now.store(record.at_ms, Ordering::Relaxed);
        self.reader.record(record);
    }

    fn finish(&mut self) -> std::io::Result<()> {
        self.reader.finish()
    }
}
