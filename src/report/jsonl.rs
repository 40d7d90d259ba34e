//! Events as JSON lines.

use std::io::Write;

use super::Consumer;
use crate::run::Record;

pub struct JsonLines {
    out: Box<dyn Write + Send>,
}

impl JsonLines {
    pub fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out }
    }
}

impl Consumer for JsonLines {
    fn record(&mut self, record: &Record) {
        // A reader that has gone away (a closed pipe) does not end the run.
        if let Ok(line) = serde_json::to_string(record) {
            let _ = writeln!(self.out, "{line}");
        }
    }

    fn finish(&mut self) {
        let _ = self.out.flush();
    }
}
