//! Records for people: what does not hold in full, the rest as numbers. At most 80 columns, where a word fits.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use textwrap::{Options, WordSeparator, WordSplitter};

use super::{ItemRecord, RollUp};
use crate::drift;
use crate::event::Verdict;

const WIDTH: usize = 80;
/// What of a quoted text is told; all of it stands in the records.
const QUOTED_LINES: usize = 6;
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const RED: Style = AnsiColor::Red.on_default();

/// The summary, with styles that a stream strips where colours are not wanted. `all` tells of what holds, too.
pub(crate) fn summary(records: &[ItemRecord], sum: &RollUp, all: bool) -> String {
    let mut text = String::new();
    let mut file = None;
    let told = records.iter().filter(|record| all || !holds(record.verdict));
    for record in told {
        if file != Some(&record.file) {
            file = Some(&record.file);
            let _ = writeln!(text, "{BOLD}{}{BOLD:#}", record.file);
        }
        item(&mut text, record);
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let sum = sum.to_string();
    for line in sum.lines() {
        wrapped(&mut text, "", line);
    }
    text
}

/// What needs no words of its own.
fn holds(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Reproduced | Verdict::ExpectedFailure)
}

fn item(text: &mut String, record: &ItemRecord) {
    let (mark, style) = mark(record.verdict);
    let fidelity = record.fidelity.map(|fidelity| format!(" ({})", word(&fidelity))).unwrap_or_default();
    let heading = record.headings.last().map(|heading| format!("  {DIM}{heading}{DIM:#}")).unwrap_or_default();
    let verdict = record.verdict;
    let _ = writeln!(
        text,
        "  {style}{mark}{style:#} {:<9}{style}{verdict}{style:#}{fidelity}{heading}",
        record.lines.to_string()
    );
    if holds(verdict) {
        return;
    }
    quote(text, &record.text, "      ");
    if let Some(reason) = &record.reason {
        wrapped(text, "    → ", reason);
    }
    for adapted in &record.adapted {
        wrapped(text, "    adapted: ", adapted);
    }
    if let Some(blamed) = &record.blamed {
        wrapped(text, "    made by: ", blamed);
    }
    for rule in &record.explained_by {
        wrapped(text, "    drift: ", &drift::sentence(rule).unwrap_or_else(|| rule.clone()));
    }
    for evidence in &record.evidence {
        let place = evidence.path.as_deref().map(|path| format!(" {path}")).unwrap_or_default();
        wrapped(text, "    seen: ", &format!("{}{place}: {}", evidence.of, evidence.says));
    }
    if let Some(correction) = &record.correction {
        let _ = writeln!(text, "    write{}:", if correction.safe { "" } else { ", if that is meant" });
        quote(text, &correction.text, "      + ");
    }
}

fn mark(verdict: Verdict) -> (char, Style) {
    match verdict {
        Verdict::Reproduced | Verdict::ExpectedFailure => ('✓', GREEN),
        Verdict::Contradicted | Verdict::Failed | Verdict::FailedInSequence | Verdict::Blocked => ('✗', RED),
        Verdict::Drifted | Verdict::Unproven | Verdict::Unstable => ('~', YELLOW),
        Verdict::Manual | Verdict::Skipped | Verdict::NotChecked => ('-', DIM),
    }
}

/// The first lines as they stand, each cut where it is too wide: wrapped code is other code.
fn quote(text: &mut String, quoted: &str, indent: &str) {
    let lines: Vec<&str> = quoted.lines().collect();
    for line in lines.iter().take(QUOTED_LINES) {
        let line = line.replace('\t', "  ");
        let room = WIDTH - textwrap::core::display_width(indent);
        let _ = writeln!(text, "{indent}{}", cut(&line, room));
    }
    if let Some(more) = lines.len().checked_sub(QUOTED_LINES).filter(|more| *more > 0) {
        let _ = writeln!(text, "{indent}{DIM}… {more} more lines{DIM:#}");
    }
}

fn cut(line: &str, room: usize) -> String {
    if textwrap::core::display_width(line) <= room {
        return line.to_owned();
    }
    let mut kept = String::new();
    for char in line.chars() {
        kept.push(char);
        if textwrap::core::display_width(&kept) >= room {
            kept.pop();
            break;
        }
    }
    kept + "…"
}

fn wrapped(text: &mut String, lead: &str, words: &str) {
    let indent = " ".repeat(textwrap::core::display_width(lead));
    let options = Options::new(WIDTH)
        .initial_indent(lead)
        .subsequent_indent(&indent)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    for line in textwrap::wrap(words, options) {
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// The word that JSON has for it.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
