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
        self.text(&format!("{text}\n"));
    }

    /// In one piece: a recording has it as one event, and a terminal draws it at once.
    pub(super) fn text(&mut self, text: &str) {
        if self.failed.is_none() {
            self.failed = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()).err();
        }
    }

    /// The first error; a reader that has gone away has read what it wanted.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        self.failed.take().filter(|error| error.kind() != ErrorKind::BrokenPipe).map_or(Ok(()), Err)
    }

    /// As [`Self::finish`], where the writer is a terminal: one that was closed answers with EIO.
    pub(super) fn finish_on_terminal(&mut self) -> Result<(), Error> {
        self.finish().or_else(|error| match error.raw_os_error() == Some(nix::errno::Errno::EIO as i32) {
            true => Ok(()),
            false => Err(error),
        })
    }
}
