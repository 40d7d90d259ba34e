//! Lines to a writer that may fail or go away. Knows nothing of what they say.

use std::io::{Error, ErrorKind, Write};

pub(super) struct Sink {
    out: Box<dyn Write + Send>,
    /// The first write that failed; nothing is written after it.
    failed: Option<Error>,
}

impl Sink {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out, failed: None }
    }

    pub(super) fn line(&mut self, text: &str) {
        if self.failed.is_none() {
            self.failed = writeln!(self.out, "{text}").and_then(|()| self.out.flush()).err();
        }
    }

    /// The first error; a reader that has gone away has read what it wanted.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        self.failed.take().filter(|error| error.kind() != ErrorKind::BrokenPipe).map_or(Ok(()), Err)
    }
}
