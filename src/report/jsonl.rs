//! Events as JSON lines.

use std::io::{Error, ErrorKind, Write};

use super::Consumer;
use crate::run::Record;

pub struct JsonLines {
    out: Box<dyn Write + Send>,
    /// The first write that failed; nothing is written after it.
    failed: Option<Error>,
}

impl JsonLines {
    pub fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out, failed: None }
    }
}

impl Consumer for JsonLines {
    fn record(&mut self, record: &Record) {
        if self.failed.is_none()
            && let Ok(line) = serde_json::to_string(record)
        {
            self.failed = writeln!(self.out, "{line}").err();
        }
    }

    fn finish(&mut self) -> Result<(), Error> {
        match self.failed.take().or_else(|| self.out.flush().err()) {
            // A reader that has gone away has read what it wanted.
            Some(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Events;

    fn written(out: impl Write + Send + 'static) -> Result<(), Error> {
        let (events, mut records) = Events::channel();
        events.note("a note");
        let mut lines = JsonLines::new(Box::new(out));
        lines.record(&records.try_recv().unwrap());
        lines.finish()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_and_a_reader_that_left_is_not() {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        assert_eq!(written(full).unwrap_err().kind(), ErrorKind::StorageFull);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        assert!(written(writer).is_ok());
    }
}
