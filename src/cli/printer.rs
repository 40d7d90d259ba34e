//! Decides the streams: results to stdout, everything else to stderr; colours only where they are wanted. Nothing is
//! written unmasked.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::exit::ExitCode;
use crate::docker;
use crate::mask::Masker;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Yellow.on_default();

/// On a terminal one moving line; elsewhere a line for each new step, not for each sign of life.
pub(super) struct Progress {
    name: String,
    bar: Option<ProgressBar>,
    last: Mutex<String>,
    masker: Masker,
}

impl Progress {
    pub(super) fn tell(&self, progress: &docker::Progress) {
        if let Some(bar) = &self.bar {
            bar.set_message(self.masker.mask(&progress.to_string()).into_owned());
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

/// Where the program's own words go.
#[derive(Debug, Clone)]
pub(super) struct Printer {
    /// stdout carries JSON and nothing else.
    pub json: bool,
    /// What it knows is masked in every word; the session tells it its secrets.
    pub masker: Masker,
}

impl Printer {
    pub(super) fn new(json: bool, color: Color) -> Self {
        match color {
            // NO_COLOR, CLICOLOR and terminals are anstream's to judge.
            Color::Auto => {}
            Color::Always => anstream::ColorChoice::Always.write_global(),
            Color::Never => anstream::ColorChoice::Never.write_global(),
        }
        Self { json, masker: Masker::default() }
    }

    /// One line of result.
    pub(super) fn result(&self, text: &str) {
        // A closed pipe is the reader's choice.
        let _ = writeln!(anstream::stdout(), "{}", self.masker.mask(text));
    }

    /// One line on the side.
    pub(super) fn note(&self, text: &str) {
        let _ = writeln!(anstream::stderr(), "{}", self.masker.mask(text));
    }

    /// Whether moving progress may be drawn.
    pub(super) fn live(&self) -> bool {
        !self.json && std::io::stderr().is_terminal() && std::io::stdout().is_terminal()
    }

    /// A place for the progress of one long piece of work.
    pub(super) fn progress(&self, board: &MultiProgress, name: &str) -> Progress {
        let bar = self.live().then(|| {
            let bar = board.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("  {spinner} {prefix:<16} {wide_msg}") {
                bar.set_style(style);
            }
            bar.set_prefix(name.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Progress { name: name.to_owned(), bar, last: Mutex::default(), masker: self.masker.clone() }
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

    #[test]
    fn what_a_printer_learns_late_is_masked_in_its_copies_too() {
        let printer = Printer::new(false, Color::Auto);
        let progress = printer.progress(&MultiProgress::new(), "x");
        printer.clone().masker.add("s3cret-Pass!");
        for masker in [&printer.masker, &progress.masker] {
            assert_eq!(masker.mask("cannot log in as u:s3cret-Pass!"), "cannot log in as u:•••");
        }
    }
}
