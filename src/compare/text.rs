//! Output without structure: shown lines must occur, in their order.
//! Knows nothing of tables.

use similar::TextDiff;

use super::{Comparison, Difference, Fidelity};
use crate::observe::Redactor;

/// Lines of a diff that are worth reading.
const DIFF_LINES: usize = 12;

/// Without what differs from run to run: times, ids, addresses, and runs of spaces.
pub(super) fn normalised(text: &str) -> String {
    let redacted = Redactor::default().text(text);
    redacted.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join("\n")
}

/// A unified diff without its headers, cut short.
pub(super) fn diff(shown: &str, printed: &str) -> String {
    // The last line is a line like any other.
    let whole = |text: &str| if text.is_empty() { String::new() } else { format!("{text}\n") };
    let (shown, printed) = (whole(shown), whole(printed));
    let diff = TextDiff::from_lines(&shown, &printed);
    let hunks = diff.unified_diff().context_radius(1).to_string();
    let lines: Vec<&str> = hunks.lines().filter(|line| !line.starts_with("@@")).collect();
    match lines.len() > DIFF_LINES {
        true => format!("{}\n… {} more lines", lines[..DIFF_LINES].join("\n"), lines.len() - DIFF_LINES),
        false => lines.join("\n"),
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
        (None, _) => Comparison::Drifted(Difference::new("the lines come in another order", diff)),
        (Some(line), true) => Comparison::Drifted(Difference::new(format!("new words in `{line}`"), diff)),
        (Some(line), false) => Comparison::Contradicted(Difference::new(format!("no line `{line}`"), diff)),
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
