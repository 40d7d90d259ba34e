//! Lines of a terminal: coloured pieces that are cut to a width in columns, and text that is folded to it. Pure.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::event::Verdict;

pub(super) const PLAIN: Style = Style::new();
pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const GREEN: Style = AnsiColor::Green.on_default();
pub(super) const RED: Style = AnsiColor::Red.on_default();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(super) const CYAN: Style = AnsiColor::Cyan.on_default();

/// A line that is being put together.
#[derive(Debug, Default, Clone)]
pub(super) struct Line(Vec<(Style, String)>);

impl Line {
    pub(super) fn new(style: Style, text: impl Into<String>) -> Self {
        Self::default().and(style, text)
    }

    pub(super) fn and(mut self, style: Style, text: impl Into<String>) -> Self {
        self.0.push((style, text.into()));
        self
    }

    pub(super) fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| text.width()).sum()
    }

    /// The line in as many columns; what is too long ends with an ellipsis.
    pub(super) fn within(self, columns: usize) -> Self {
        if self.width() <= columns {
            return self;
        }
        let mut left = columns.saturating_sub(1);
        let mut kept = Vec::new();
        for (style, text) in self.0 {
            let taken = head(&text, left);
            left -= taken.width();
            let is_whole = taken.len() == text.len();
            kept.push((style, taken.to_owned()));
            if !is_whole {
                break;
            }
        }
        if columns > 0 {
            kept.push((DIM, "…".into()));
        }
        Self(kept)
    }

    /// This line, and `right` at the right edge of as many columns, which is the last thing to be cut. With None two blanks
    /// between them.
    pub(super) fn beside(self, right: Self, columns: Option<usize>) -> Self {
        let Some(columns) = columns else { return self.joined(2, right) };
        let right = right.within(columns);
        let left = self.within(columns.saturating_sub(right.width() + 2));
        let blanks = columns.saturating_sub(left.width() + right.width());
        left.joined(blanks, right)
    }

    fn joined(mut self, blanks: usize, right: Self) -> Self {
        self.0.push((PLAIN, " ".repeat(blanks)));
        self.0.extend(right.0);
        self
    }

    /// With its colours.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        for (style, text) in &self.0 {
            let _ = write!(out, "{style}{text}{style:#}");
        }
        out
    }
}

/// The beginning of a text in as many columns.
fn head(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > columns {
            return &text[..at];
        }
    }
    text
}

/// A text in lines of as many columns, each after the first indented by `indent`; with None it stays as it is.
pub(super) fn folded(first: &str, indent: usize, text: &str, columns: Option<usize>) -> Vec<String> {
    let blanks = " ".repeat(indent);
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let before = if number == 0 { first } else { &blanks };
        match columns {
            None => lines.push(format!("{before}{line}")),
            Some(columns) => {
                // An indentation of the text's own stays.
                let own = line.len() - line.trim_start().len();
                let after = " ".repeat((indent + own).min(columns / 2));
                let before = format!("{before}{}", " ".repeat(own));
                let options = textwrap::Options::new(columns.max(8))
                    .initial_indent(&before)
                    .subsequent_indent(&after)
                    .word_separator(textwrap::WordSeparator::AsciiSpace)
                    .word_splitter(textwrap::WordSplitter::NoHyphenation);
                lines.extend(textwrap::wrap(line.trim_start(), options).into_iter().map(std::borrow::Cow::into_owned));
            }
        }
    }
    lines
}

/// How a verdict is marked.
pub(super) fn mark(verdict: Verdict) -> (Style, &'static str) {
    match verdict {
        Verdict::Reproduced | Verdict::ExpectedFailure => (GREEN, "✓"),
        Verdict::Drifted
        | Verdict::Manual
        | Verdict::Skipped
        | Verdict::NotChecked
        | Verdict::Unproven
        | Verdict::Unstable => (YELLOW, "~"),
        Verdict::Contradicted | Verdict::Failed | Verdict::FailedInSequence | Verdict::Blocked => (RED, "✗"),
    }
}

/// The lab's heading, with its number once.
pub(super) fn named(lab: u32, title: &str) -> String {
    if title.starts_with("Lab ") { title.to_owned() } else { format!("Lab {lab}: {title}") }
}

pub(super) fn seconds(ms: u64) -> String {
    format!("{:.1} s", std::time::Duration::from_millis(ms).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(line: &Line) -> String {
        anstream::adapter::strip_str(&line.text()).to_string()
    }

    #[test]
    fn a_line_is_never_wider_than_its_columns() {
        let line = || Line::new(BOLD, "Läb 1: 漢字 of ").and(CYAN, "pods");
        for columns in 0..30 {
            let cut = line().within(columns);
            assert!(cut.width() <= columns, "{columns}: {}", plain(&cut));
            let beside = line().beside(Line::new(DIM, "12.3 s"), Some(columns));
            assert!(beside.width() <= columns, "{columns}: {}", plain(&beside));
        }
        assert_eq!(plain(&line().within(11)), "Läb 1: 漢…");
        assert_eq!(plain(&line().beside(Line::new(DIM, "2 s"), Some(24))), "Läb 1: 漢字 of pods  2 s");
        assert_eq!(plain(&line().beside(Line::new(DIM, "2 s"), Some(16))), "Läb 1: 漢…   2 s");
    }

    #[test]
    fn a_text_is_folded_and_keeps_its_own_indentation() {
        let text = "one two three four\n  five six seven";
        assert_eq!(
            folded("  - ", 4, text, Some(14)),
            ["  - one two", "    three four", "      five six", "      seven"]
        );
        assert_eq!(folded("  - ", 4, text, None), ["  - one two three four", "      five six seven"]);
        let long = "x".repeat(50);
        assert!(folded("", 4, &long, Some(20)).iter().all(|line| line.width() <= 20), "a word that no line holds");
    }
}
