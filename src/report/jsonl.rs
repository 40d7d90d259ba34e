//! Events as JSON lines.

use std::io::Write;

use super::{Consumer, Sink};
use crate::event::Record;

pub(crate) struct JsonLines {
    out: Sink,
}

impl JsonLines {
    pub(crate) fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out: Sink::new(out) }
    }
}

impl Consumer for JsonLines {
    fn record(&mut self, record: &Record) {
        if let Ok(line) = serde_json::to_string(record) {
            self.out.line(&line);
        }
    }

    fn finish(&mut self) -> std::io::Result<()> {
        self.out.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;
    use crate::event::Events;

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
