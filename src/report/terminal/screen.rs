//! A terminal on which settled lines go up and something moves below them. Each frame is one write: it goes back to where
//! the last one began and writes over it, so that nothing is blank in between.

use std::io::Write;
use std::time::Instant;

use unicode_width::UnicodeWidthStr as _;

use super::super::Sink;
use super::Size;
use crate::event::millis;

/// Terminals that know it show a frame whole (<https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036>);
/// others pass over it.
const FRAME: (&str, &str) = ("\u{1b}[?2026h", "\u{1b}[?2026l");
/// What a terminal is taken for that does not say.
const USUAL: (usize, usize) = (80, 24);

/// What moves below the lines that stay, in the size of the terminal and at a time since it began, in milliseconds: no more
/// than the terminal's lines but one, no line wider than its columns.
pub(super) trait Moving: Default + Send + 'static {
    fn lines(&self, size: (usize, usize), now_ms: u64) -> Vec<String>;
}

/// How long one picture of the spinner stands, in milliseconds.
const TURN_MS: u64 = 120;
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// The picture of the spinner at this time.
pub(super) fn spinner(now_ms: u64) -> &'static str {
    SPINNER[usize::try_from(now_ms / TURN_MS).unwrap_or(0) % SPINNER.len()]
}

pub(super) struct Screen<M> {
    out: Sink,
    size: Size,
    colours: bool,
    moving: M,
    /// The columns of each moving line as it stands there.
    drawn: Vec<usize>,
    began: Instant,
}

impl<M: Moving> Screen<M> {
    /// `colours`: whether lines keep their own.
    pub(super) fn new(out: Box<dyn Write + Send>, size: Size, colours: bool) -> Self {
        let (moving, drawn) = (M::default(), Vec::new());
        Self { out: Sink::new(out), size, colours, moving, drawn, began: Instant::now() }
    }

    /// It is drawn at the next frame.
    pub(super) fn moving(&mut self) -> &mut M {
        &mut self.moving
    }

    pub(super) fn columns(&self) -> usize {
        self.size().0
    }

    fn size(&self) -> (usize, usize) {
        (self.size)().filter(|(columns, rows)| *columns > 0 && *rows > 0).unwrap_or(USUAL)
    }

    /// Draws what moves as it is now.
    pub(super) fn draw(&mut self) {
        self.draw_at(millis(self.began.elapsed()));
    }

    pub(super) fn draw_at(&mut self, now_ms: u64) {
        self.frame(&[], &self.moving.lines(self.size(), now_ms));
    }

    /// Writes lines that stay, above what moves.
    pub(super) fn settle(&mut self, lines: &[String]) {
        self.frame(lines, &self.moving.lines(self.size(), millis(self.began.elapsed())));
    }

    /// Takes away what moves.
    pub(super) fn clear(&mut self) {
        self.moving = M::default();
        self.frame(&[], &[]);
    }

    fn frame(&mut self, settled: &[String], moving: &[String]) {
        if settled.is_empty() && moving.is_empty() && self.drawn.is_empty() {
            return;
        }
        let columns = self.columns();
        // Lines of a wider window have been folded by the terminal.
        let above: usize = self.drawn.iter().map(|width| width.div_ceil(columns).max(1)).sum();
        let mut text = FRAME.0.to_owned();
        if above > 0 {
            text += &format!("\u{1b}[{above}A");
        }
        text.push('\r');
        for line in settled.iter().chain(moving) {
            // First: after a line that fills the row, the row's last character would go.
            text += "\u{1b}[K";
            match self.colours {
                true => text += line,
                false => text += &anstream::adapter::strip_str(line).to_string(),
            }
            text += "\r\n";
        }
        text += "\u{1b}[J";
        text += FRAME.1;
        self.out.text(&text);
        self.drawn = moving.iter().map(|line| anstream::adapter::strip_str(line).to_string().width()).collect();
    }

    /// The first write that failed; a terminal that was closed is none.
    pub(super) fn finish(&mut self) -> std::io::Result<()> {
        self.out.finish_on_terminal()
    }
}
