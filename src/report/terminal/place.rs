//! Where a reader's lines go: to a writer as they are, or to a screen on which something moves below them.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use super::super::{Sink, cost};
use super::screen::{Moving, Screen};
use super::{View, Voice};

/// How often the moving part is drawn.
const FRAME: Duration = Duration::from_millis(120);

pub(super) enum Surface<M> {
    Lines(Sink),
    Screen { screen: Arc<Mutex<Screen<M>>>, _draws: Option<AbortOnDropHandle<()>> },
}

fn lock<M>(screen: &Mutex<Screen<M>>) -> MutexGuard<'_, Screen<M>> {
    screen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<M: Moving> Surface<M> {
    /// Call inside a tokio runtime where something may move.
    pub(super) fn new(out: Box<dyn Write + Send>, view: &View) -> Self {
        match &view.live {
            Some(size) if view.voice != Voice::Quiet => {
                let screen = Arc::new(Mutex::new(Screen::new(out, Arc::clone(size), view.colours)));
                let drawn = Arc::clone(&screen);
                let draws = tokio::spawn(async move {
                    let mut frames = tokio::time::interval(FRAME);
                    loop {
                        frames.tick().await;
                        cost::counted(|| lock(&drawn).draw());
                    }
                });
                Self::Screen { screen, _draws: Some(AbortOnDropHandle::new(draws)) }
            }
            _ => Self::lines_to(out),
        }
    }

    pub(super) fn lines_to(out: Box<dyn Write + Send>) -> Self {
        Self::Lines(Sink::new(out))
    }

    pub(super) fn moves(&self) -> bool {
        matches!(self, Self::Screen { .. })
    }

    /// The columns that a line may have; None where it may have as many as it takes.
    pub(super) fn columns(&self) -> Option<usize> {
        match self {
            Self::Screen { screen, .. } => Some(lock(screen).columns()),
            Self::Lines(_) => None,
        }
    }

    pub(super) fn lines(&mut self, lines: &[String]) {
        match self {
            Self::Screen { screen, .. } => lock(screen).settle(lines),
            Self::Lines(out) => lines.iter().for_each(|line| out.line(line)),
        }
    }

    /// Changes what moves, where anything does.
    pub(super) fn change(&self, change: impl FnOnce(&mut M)) {
        if let Self::Screen { screen, .. } = self {
            change(lock(screen).moving());
        }
    }

    /// Takes away what moves.
    pub(super) fn clear(&self) {
        if let Self::Screen { screen, .. } = self {
            lock(screen).clear();
        }
    }

    /// The first write that failed.
    pub(super) fn finish(&mut self) -> std::io::Result<()> {
        match self {
            Self::Screen { screen, .. } => lock(screen).finish(),
            Self::Lines(out) => out.finish(),
        }
    }
}
