//! What people see while a run goes on: by default what matters on one screen (`calm`, with the moving `board` below it
//! on a terminal), with `--verbose` every line (`human`). Both are made of events alone.

mod bars;
mod board;
mod calm;
mod cast;
mod failure;
mod harmless;
mod human;
mod line;
mod notes;
mod place;
mod screen;
mod spent;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use super::text::plain;
use super::{Consumer, LabByLab};
use bars::Bars;
use calm::Calm;
pub(crate) use cast::Cast;
use harmless::Harmless;
use human::Human;
use place::Surface;

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    /// What failed, and the table at the end.
    Quiet,
    /// What matters, on one screen.
    Calm,
    /// Every command, its output, every check.
    Verbose,
}

/// The columns and lines of a terminal; asked anew for each frame, a window being resized at any time.
pub(crate) type Size = Arc<dyn Fn() -> Option<(usize, usize)> + Send + Sync>;

/// What a reader is shown, and where.
pub(crate) struct View {
    pub voice: Voice,
    /// The terminal's size, where something may move on it. With None there are only lines, as wide as they are.
    pub live: Option<Size>,
    /// Whether there are colours on the terminal; of mere lines their writer decides.
    pub colours: bool,
    /// Where the time went is told at the end.
    pub timings: bool,
    /// Whether labs are told one by one and summed up in a table; a check has a summary of its own.
    pub table: bool,
    /// Where the reader finds more.
    pub report: String,
}

/// The consumer for a reader.
pub(crate) fn people(out: Box<dyn Write + Send>, view: View) -> Box<dyn Consumer> {
    match view.voice {
        Voice::Verbose => {
            let human = Human::new(Surface::new(out, &view), view.timings, view.report);
            Box::new(Harmless(LabByLab::new(human)))
        }
        Voice::Calm | Voice::Quiet => Box::new(Harmless(Calm::new(out, view))),
    }
}

/// Lines of which each tells how far one piece of work has come, where something may move; they go with the value.
pub(crate) struct Moves(Mutex<Surface<Bars>>);

impl Moves {
    /// Call inside a tokio runtime where something may move.
    pub(crate) fn new(out: Box<dyn Write + Send>, view: &View) -> Self {
        Self(Mutex::new(Surface::new(out, view)))
    }

    /// Shows how far the work of this name has come; false where nothing moves.
    pub(crate) fn show(&self, name: &str, text: &str) -> bool {
        let place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        place.change(|bars| bars.set(name, format!("{name:<16} {}", plain(text)), None));
        place.moves()
    }
}

impl Drop for Moves {
    fn drop(&mut self) {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
