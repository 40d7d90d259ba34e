//! Decides the streams: results to stdout, everything else to stderr; colours only where they are wanted. Nothing is
//! written unmasked.

use std::io::{IsTerminal, LineWriter, Write};
use std::sync::{Arc, Mutex, PoisonError};

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use terminal_size::{Height, Width, terminal_size_of};

use super::exit::ExitCode;
use crate::docker;
use crate::mask::Masker;
use crate::report::{self, Consumer, Moves, Size, View, Voice, WithoutCommands};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Yellow.on_default();

/// On a terminal one moving line; elsewhere a line for each new step, not for each sign of life.
pub(super) struct Progress<'a> {
    name: String,
    moves: &'a Moves,
    last: Mutex<String>,
    masker: Masker,
}

impl Progress<'_> {
    pub(super) fn tell(&self, progress: &docker::Progress) {
        if self.moves.show(&self.name, &self.masker.mask(&progress.to_string())) {
            return;
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != progress.step {
            last.clone_from(&progress.step);
            let _ = writeln!(anstream::stderr(), "  {:<16} {}", self.name, self.masker.mask(&progress.step));
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

/// One of the program's streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Out,
    Err,
}

/// Where the program's own words go.
#[derive(Debug, Clone)]
pub(super) struct Printer {
    /// stdout carries JSON and nothing else.
    pub json: bool,
    /// What it knows is masked in every word; the session tells it its secrets.
    pub masker: Masker,
    pub voice: Voice,
    /// GitHub's runner reads the streams: what looks like a command to it is none.
    pub on_github: bool,
}

/// Whether this runs in a GitHub Actions job.
pub(super) fn on_github() -> bool {
    std::env::var("GITHUB_ACTIONS").is_ok_and(|set| set == "true")
}

impl Printer {
    pub(super) fn new(json: bool, color: Color, voice: Voice) -> Self {
        match color {
            // NO_COLOR, CLICOLOR and terminals are anstream's to judge.
            Color::Auto => {}
            Color::Always => anstream::ColorChoice::Always.write_global(),
            Color::Never => anstream::ColorChoice::Never.write_global(),
        }
        Self { json, masker: Masker::default(), voice, on_github: on_github() }
    }

    /// One that tells everything.
    pub(super) fn verbose(&self) -> Self {
        Self { voice: Voice::Verbose, ..self.clone() }
    }

    /// One line of result.
    pub(super) fn result(&self, text: &str) {
        // A closed pipe is the reader's choice.
        let _ = writeln!(self.out(Box::new(anstream::stdout())), "{}", self.masker.mask(text));
    }

    /// One line on the side.
    pub(super) fn note(&self, text: &str) {
        let _ = writeln!(self.err(), "{}", self.masker.mask(text));
    }

    /// A command to GitHub's runner, one line. It reads both streams; stdout may be JSON's alone.
    pub(super) fn command(&self, line: &str) {
        let _ = writeln!(anstream::stderr(), "{}", self.masker.mask(line));
    }

    /// A reader of a run on one of the streams.
    pub(super) fn reader(&self, stream: Stream, table: bool, timings: bool, report: String) -> Box<dyn Consumer> {
        let view = self.view(stream, table, timings, report);
        // A screen is written to as it is: what strips colours would take the cursor's movements, too.
        let raw = view.live.is_some() && view.voice != Voice::Quiet;
        let out: Box<dyn Write + Send> = match (stream, raw) {
            (Stream::Out, true) => Box::new(std::io::stdout()),
            (Stream::Err, true) => Box::new(std::io::stderr()),
            (Stream::Out, false) => self.out(Box::new(anstream::stdout())),
            (Stream::Err, false) => self.err(),
        };
        report::people(out, view)
    }

    /// The stream with which nothing commands GitHub's runner; lines are written in one piece each.
    pub(super) fn out(&self, out: Box<dyn Write + Send>) -> Box<dyn Write + Send> {
        let json = self.json;
        if self.on_github { Box::new(LineWriter::new(WithoutCommands { out, json })) } else { out }
    }

    /// What stands on the side, for people.
    pub(super) fn err(&self) -> Box<dyn Write + Send> {
        let out = anstream::stderr();
        if self.on_github { Box::new(LineWriter::new(WithoutCommands { out, json: false })) } else { Box::new(out) }
    }

    /// How a run is shown to a reader.
    fn view(&self, stream: Stream, table: bool, timings: bool, report: String) -> View {
        let size = || terminal_size_of(std::io::stderr()).map(|(Width(w), Height(h))| (usize::from(w), usize::from(h)));
        let live: Option<Size> = self.live().then(|| Arc::new(size) as Size);
        let choice = match stream {
            Stream::Out => anstream::AutoStream::choice(&std::io::stdout()),
            Stream::Err => anstream::AutoStream::choice(&std::io::stderr()),
        };
        let colours = choice != anstream::ColorChoice::Never;
        View { voice: self.voice, live, colours, timings, table, report }
    }

    /// Whether moving progress may be drawn.
    pub(super) fn live(&self) -> bool {
        let set = |name| std::env::var(name).is_ok_and(|value: String| !matches!(value.as_str(), "" | "0" | "false"));
        let is_dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let is_terminal = std::io::stderr().is_terminal() && std::io::stdout().is_terminal();
        !self.json && !is_dumb && !set("CI") && is_terminal
    }

    /// A place for the progress of several pieces of work; call inside a tokio runtime.
    pub(super) fn moves(&self) -> Moves {
        let view = View { voice: Voice::Calm, ..self.view(Stream::Err, false, false, String::new()) };
        Moves::new(Box::new(std::io::stderr()), &view)
    }

    /// A place for the progress of one long piece of work.
    pub(super) fn progress<'a>(&self, moves: &'a Moves, name: &str) -> Progress<'a> {
        Progress { name: name.to_owned(), moves, last: Mutex::default(), masker: self.masker.clone() }
    }

    /// Prints an error with its causes and its hint; returns the code for convenience.
    pub(super) fn error(&self, error: &dyn std::error::Error, hint: Option<String>, code: ExitCode) -> ExitCode {
        let mut text = format!("{ERROR}error:{ERROR:#} {error}");
        let mut next = error.source();
        while let Some(source) = next {
            text.push_str(&format!("\n  caused by: {source}"));
            next = source.source();
        }
        if let Some(hint) = hint {
            text.push_str(&format!("\n{HINT}hint:{HINT:#} {hint}"));
        }
        self.note(&text);
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_printer_learns_late_is_masked_in_its_copies_too() {
        let printer = Printer::new(false, Color::Auto, Voice::Calm);
        let moves = printer.moves();
        let progress = printer.progress(&moves, "x");
        printer.clone().masker.add("s3cret-Pass!");
        for masker in [&printer.masker, &progress.masker] {
            assert_eq!(masker.mask("cannot log in as u:s3cret-Pass!"), "cannot log in as u:•••");
        }
    }
}
