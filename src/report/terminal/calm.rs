//! Events for people who want what matters on one screen: the stage, a line for each lab, what failed and why, a table.
//! What is still moving is drawn below it on a terminal only.

use std::collections::BTreeMap;
use std::io::Write;

use super::super::Consumer;
use super::super::asked::Asked;
use super::board::Board;
use super::line::{BOLD, DIM, GREEN, Line, PLAIN, RED, YELLOW, folded, mark, named, seconds};
use super::notes::Notes;
use super::place::Surface;
use super::{View, Voice, failure, spent};
use crate::event::{Event, PartState, Record, Timings, Verdict, Yardstick};

pub(super) struct Calm {
    place: Surface<Board>,
    view: View,
    notes: Notes,
    /// Of labs that are being played, what came out otherwise or proves nothing.
    wrong: BTreeMap<u32, Vec<String>>,
    /// What their steps have printed, and what others have answered meanwhile.
    steps: BTreeMap<u32, (String, Asked)>,
    rows: Vec<Row>,
    yardstick: Option<Yardstick>,
    /// The run is over: what follows is for programs.
    is_over: bool,
}

/// A lab in the table.
struct Row {
    lab: u32,
    name: String,
    verdict: Verdict,
    ms: u64,
    /// The first thing that went wrong.
    wrong: Option<String>,
}

impl Calm {
    pub(super) fn new(out: Box<dyn Write + Send>, view: View) -> Self {
        let place = Surface::new(out, &view);
        Self::at(place, view)
    }

    pub(super) fn at(place: Surface<Board>, view: View) -> Self {
        let (notes, wrong, steps, rows) = Default::default();
        Self { place, view, notes, wrong, steps, rows, yardstick: None, is_over: false }
    }

    /// A line that is cut, not folded; `right` stands at the right edge of a terminal.
    fn line(&mut self, left: Line, right: Line) {
        let line = left.beside(right, self.place.columns());
        self.place.lines(&[line.text()]);
    }

    fn print_note(&mut self, note: Option<String>) {
        if let Some(note) = note
            && self.view.voice == Voice::Calm
        {
            let lines = folded("  • ", 4, &note, self.place.columns());
            let lines: Vec<_> =
                lines.iter().map(|line| line.replacen('•', &format!("{YELLOW}•{YELLOW:#}"), 1)).collect();
            self.place.lines(&lines);
        }
    }

    fn part(&mut self, part: &str, state: PartState, detail: &str, ms: u64) {
        let left = |style, mark: &str| Line::new(style, format!("  {mark}")).and(PLAIN, format!(" {part:<9} {detail}"));
        match state {
            PartState::Ready if self.view.voice == Voice::Calm => {
                self.line(left(GREEN, "✓"), Line::new(DIM, seconds(ms)))
            }
            PartState::Failed => {
                let lines = folded(&format!("  ✗ {part:<9} "), 4, detail, self.place.columns());
                let lines: Vec<_> = lines.iter().map(|line| line.replacen('✗', &format!("{RED}✗{RED:#}"), 1)).collect();
                self.place.lines(&lines);
            }
            _ => {}
        }
    }

    fn lab_finished(&mut self, row: Row, told: &[String]) {
        if !told.is_empty() {
            self.place.lines(told);
        }
        // On a terminal it stands on the board.
        if !self.place.moves() && self.view.voice == Voice::Calm && told.is_empty() {
            let (left, right) = row.columns(row.name.chars().count());
            self.line(left, right);
        }
        self.rows.push(row);
    }

    /// The labs that have been finished, by number, and beside each that did not pass what went wrong first.
    fn table(&mut self) {
        let mut rows = std::mem::take(&mut self.rows);
        rows.sort_by_key(|row| row.lab);
        let columns = self.place.columns();
        // What stands at a terminal's right edge needs no blanks before it.
        let names = rows.iter().filter(|_| columns.is_none()).map(|row| row.name.chars().count());
        let widest = names.max().unwrap_or(0);
        let mut lines = vec![String::new()];
        for row in rows {
            let (left, right) = row.columns(widest);
            lines.push(left.beside(right, columns).text());
            if let Some(wrong) = row.wrong {
                let wrong = Line::new(DIM, format!("      {wrong}"));
                lines.push(columns.map_or(wrong.clone(), |columns| wrong.within(columns)).text());
            }
        }
        if lines.len() > 1 {
            self.place.lines(&lines);
        }
    }

    fn summary(&mut self, verdict: Verdict, ms: u64, timings: Timings) {
        self.place.clear();
        if self.view.table {
            self.table();
        }
        if self.view.timings {
            self.place.lines(&spent::lines(timings, ms, self.yardstick));
        }
        let (style, mark) = mark(verdict);
        let left = Line::new(style, mark)
            .and(PLAIN, " ")
            .and(BOLD, verdict.to_string())
            .and(PLAIN, format!(" in {}", seconds(ms)));
        let right = Line::new(DIM, std::mem::take(&mut self.view.report));
        // The path is what a reader copies: it is not cut.
        let fits = self.place.columns().is_none_or(|columns| left.width() + right.width() + 2 <= columns);
        let lines = if fits { vec![left.beside(right, None).text()] } else { vec![left.text(), right.text()] };
        self.place.lines(&[String::new()]);
        self.place.lines(&lines);
    }
}

impl Row {
    fn columns(&self, widest: usize) -> (Line, Line) {
        let (style, mark) = mark(self.verdict);
        let left = Line::new(style, format!("  {mark} ")).and(PLAIN, format!("{:<widest$}", self.name));
        let right =
            Line::new(style, format!("{:<12}", self.verdict.to_string())).and(DIM, format!(" {:>7}", seconds(self.ms)));
        (left, right)
    }
}

impl Consumer for Calm {
    fn record(&mut self, record: &Record) {
        if self.is_over {
            return;
        }
        if !matches!(record.event, Event::Note { .. }) {
            let last = self.notes.end();
            self.print_note(last);
        }
        self.place.change(|board| board.take(record));
        match &record.event {
            Event::Note { text } => {
                let before = self.notes.take(text);
                self.print_note(before);
            }
            Event::StagePart { part, state, detail, ms } => self.part(part, *state, detail, *ms),
            Event::LabStarted { lab, .. } => {
                self.wrong.remove(lab);
            }
            Event::StepStarted { lab, .. } => {
                self.steps.remove(lab);
            }
            Event::StepOutput { lab, text, .. } => self.steps.entry(*lab).or_default().0.clone_from(text),
            event @ (Event::Request { lab, .. } | Event::RegistryAnswer { lab, .. }) => {
                self.steps.entry(*lab).or_default().1.take(event);
            }
            Event::Check { lab, check, verdict, detail, .. } if !verdict.passed() => {
                self.wrong.entry(*lab).or_default().push(format!("{check}: {detail}"));
            }
            Event::LabFinished { lab, title, verdict, ms, failure } => {
                let wrong = self.wrong.remove(lab).unwrap_or_default();
                let (printed, asked) = self.steps.remove(lab).unwrap_or_default();
                let name = named(*lab, title);
                let told = match failure {
                    Some(failure) => failure::lines(&name, *verdict, failure, &printed, &asked, self.place.columns()),
                    None if verdict.passed() => Vec::new(),
                    None => doubts(&name, *verdict, &wrong, self.place.columns()),
                };
                let first = wrong.first().and_then(|wrong| wrong.lines().next()).map(str::to_owned);
                let wrong = failure.as_ref().map(|failure| failure.cause().to_owned()).or(first);
                self.lab_finished(Row { lab: *lab, name, verdict: *verdict, ms: *ms, wrong }, &told);
            }
            // The error itself is the last word.
            Event::SessionFailed { .. } => {
                self.place.clear();
                self.table();
                self.is_over = true;
            }
            Event::SessionFinished { verdict, ms, timings } => self.summary(*verdict, *ms, *timings),
            Event::Yardstick(yardstick) => self.yardstick = Some(*yardstick),
            // What else there is moves on the board, or stands in the report.
            _ => {}
        }
    }

    fn finish(&mut self) -> std::io::Result<()> {
        let last = self.notes.end();
        self.print_note(last);
        // A run that was cut off.
        self.place.clear();
        self.table();
        self.place.finish()
    }
}

/// What proves nothing, in lines.
fn doubts(name: &str, verdict: Verdict, wrong: &[String], columns: Option<usize>) -> Vec<String> {
    let (style, mark) = mark(verdict);
    let mut lines = folded(&format!("{mark} "), 2, &format!("{name}: {verdict}"), columns);
    if let Some(first) = lines.first_mut() {
        *first = format!("{style}{first}{style:#}");
    }
    wrong.iter().for_each(|wrong| lines.extend(folded("  ", 4, &failure::cut(wrong), columns)));
    lines
}
