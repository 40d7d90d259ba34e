//! Output without structure: shown lines must occur, in their order.
//! Knows nothing of tables.

use similar::TextDiff;

use super::comparison::{Comparison, Summary};
use crate::compare::Fidelity;
use crate::observe::Redactor;

/// Lines of a diff that are worth reading.
const DIFF_LINES: usize = 12;
/// Printed lines that a diff is made of: its time grows with their square.
const DIFFED_LINES: usize = 1000;

/// Without what differs from run to run: times, ages, ids, digests, addresses, and runs of spaces.
pub(super) fn normalised(text: &str) -> String {
    let redacted = Redactor::default().output(text);
    redacted.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join("\n")
}

/// A unified diff without its headers, cut short.
pub(super) fn diff(shown: &str, printed: &str) -> String {
    // The last line is a line like any other.
    let whole = |text: &str| if text.is_empty() { String::new() } else { format!("{text}\n") };
    let end = printed.match_indices('\n').nth(DIFFED_LINES - 1).map_or(printed.len(), |(at, _)| at);
    let (printed, rest) = printed.split_at(end);
    let (shown, printed, rest) = (whole(shown), whole(printed), rest.trim_start_matches('\n').lines().count());
    let diff = TextDiff::from_lines(&shown, &printed);
    let hunks = diff.unified_diff().context_radius(1).to_string();
    let lines: Vec<&str> = hunks.lines().filter(|line| !line.starts_with("@@")).collect();
    let (told, more) = lines.split_at(lines.len().min(DIFF_LINES));
    match more.len() + rest {
        0 => told.join("\n"),
        more => format!("{}\n… {more} more lines", told.join("\n")),
    }
}

pub(super) fn compare(shown: &str, printed: &str) -> Comparison {
    let (shown, printed) = (normalised(shown), normalised(printed));
    let wanted: Vec<&str> = shown.lines().filter(|line| !line.is_empty() && !is_ellipsis(line)).collect();
    let mut rest = printed.lines();
    if wanted.iter().all(|line| rest.any(|printed| printed.contains(line))) {
        return Comparison::Reproduced(Fidelity::Fragments);
    }
    let missing: Vec<&&str> = wanted.iter().filter(|line| !printed.lines().any(|p| p.contains(**line))).collect();
    let reworded = missing.iter().all(|line| printed.lines().any(|printed| has_words_of(printed, line)));
    let diff = diff(&shown, &printed);
    match (missing.first(), reworded) {
        (None, _) => Comparison::Drifted(Summary::new("the lines come in another order", diff)),
        (Some(line), true) => Comparison::Drifted(Summary::new(format!("new words in `{line}`"), diff)),
        (Some(line), false) => Comparison::Contradicted(Summary::new(format!("no line `{line}`"), diff)),
    }
}

fn is_ellipsis(line: &str) -> bool {
    matches!(line, "..." | "…" | "[...]")
}

/// All words of the shown line, in order, with others among them.
fn has_words_of(printed: &str, shown: &str) -> bool {
    let mut words = printed.split(' ');
    shown.split(' ').all(|word| words.any(|printed| printed == word))
}
