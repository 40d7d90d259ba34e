//! Decides the streams: results to stdout, everything else to stderr; colours only where they are wanted.

use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};

use super::args::Color;
use super::exit::ExitCode;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Yellow.on_default();

/// Where the program's own words go.
#[derive(Debug, Clone, Copy)]
pub struct Printer {
    /// stdout carries JSON and nothing else.
    pub json: bool,
}

impl Printer {
    pub fn new(json: bool, color: Color) -> Self {
        match color {
            // NO_COLOR, CLICOLOR and terminals are anstream's to judge.
            Color::Auto => {}
            Color::Always => anstream::ColorChoice::Always.write_global(),
            Color::Never => anstream::ColorChoice::Never.write_global(),
        }
        Self { json }
    }

    /// One line of result.
    pub fn result(&self, text: &str) {
        // A closed pipe is the reader's choice.
        let _ = writeln!(anstream::stdout(), "{text}");
    }

    /// One line on the side.
    pub fn note(&self, text: &str) {
        let _ = writeln!(anstream::stderr(), "{text}");
    }

    /// Whether moving progress may be drawn.
    pub fn live(&self) -> bool {
        !self.json && std::io::stderr().is_terminal() && std::io::stdout().is_terminal()
    }

    /// Prints an error with its causes and its hint; returns the code for convenience.
    pub fn error(&self, error: &dyn std::error::Error, hint: Option<String>, code: ExitCode) -> ExitCode {
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
