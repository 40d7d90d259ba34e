//! A terminal on which settled lines go up and the board moves below them. Each frame is one write: it goes back to where
//! the last one began and writes over it, so that nothing is blank in between.

use std::io::Write;
use std::time::Instant;

use unicode_width::UnicodeWidthStr as _;

use super::super::Sink;
use super::Size;
use super::board::Board;
use crate::event::{Record, millis};

/// Terminals that know it show a frame whole (<https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036>);
/// others pass over it.
const FRAME: (&str, &str) = ("\u{1b}[?2026h", "\u{1b}[?2026l");
/// What a terminal is taken for that does not say.
const USUAL: (usize, usize) = (80, 24);

pub(super) struct Screen {
    out: Sink,
    size: Size,
    colours: bool,
    board: Board,
    /// The columns of each line of the board as it stands there.
    drawn: Vec<usize>,
    began: Instant,
}

impl Screen {
    /// `colours`: whether lines keep their own.
    pub(super) fn new(out: Box<dyn Write + Send>, size: Size, colours: bool) -> Self {
        let (board, drawn) = (Board::default(), Vec::new());
        Self { out: Sink::new(out), size, colours, board, drawn, began: Instant::now() }
    }

    pub(super) fn take(&mut self, record: &Record) {
        self.board.take(record);
    }

    pub(super) fn columns(&self) -> usize {
        self.size().0
    }

    fn size(&self) -> (usize, usize) {
        (self.size)().filter(|(columns, rows)| *columns > 0 && *rows > 0).unwrap_or(USUAL)
    }

    /// Draws the board as it is now.
    pub(super) fn draw(&mut self) {
        self.draw_at(millis(self.began.elapsed()));
    }

    pub(super) fn draw_at(&mut self, now_ms: u64) {
        self.frame(&[], &self.board.lines(self.size(), now_ms));
    }

    /// Writes lines that stay, above the board.
    pub(super) fn settle(&mut self, lines: &[String]) {
        self.frame(lines, &self.board.lines(self.size(), millis(self.began.elapsed())));
    }

    /// Takes the board away.
    pub(super) fn clear(&mut self) {
        self.board = Board::default();
        self.frame(&[], &[]);
    }

    fn frame(&mut self, settled: &[String], board: &[String]) {
        if settled.is_empty() && board.is_empty() && self.drawn.is_empty() {
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
        for line in settled.iter().chain(board) {
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
        self.drawn = board.iter().map(|line| anstream::adapter::strip_str(line).to_string().width()).collect();
    }

    /// The first write that failed; a terminal that was closed is none.
    pub(super) fn finish(&mut self) -> std::io::Result<()> {
        self.out.finish_on_terminal()
    }
}
