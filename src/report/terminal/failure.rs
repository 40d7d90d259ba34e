//! A failure for people: first the cause in one sentence, then what to do, then where it shows and the evidence. Pure.

use super::super::asked::Asked;
use super::line::{BOLD, DIM, RED, YELLOW, folded};
use crate::event::{Failure, Verdict};

/// The widest line shown of what was printed.
pub(super) const SHOWN_COLUMNS: usize = 400;
/// The most lines of evidence; all of it stands in the report.
const SHOWN_LINES: usize = 40;
/// The most lines of what the step printed, the last of them.
const SHOWN_OUTPUT: usize = 12;

/// The lines of a failure in as many columns, or with None each as wide as it is. `printed` is what the step has printed, where
/// no line above shows it, `asked` what others have answered meanwhile.
pub(super) fn lines(
    name: &str,
    verdict: Verdict,
    failure: &Failure,
    printed: &str,
    asked: &Asked,
    columns: Option<usize>,
) -> Vec<String> {
    let mut lines = Vec::new();
    let mut tell = |style: anstyle::Style, first: &str, indent: usize, text: &str| {
        let cut: String = text.lines().map(|line| cut(line) + "\n").collect();
        lines.extend(folded(first, indent, cut.trim_end_matches('\n'), columns).into_iter().map(|line| {
            let blank = line.len() - line.trim_start().len();
            format!("{}{style}{}{style:#}", &line[..blank], &line[blank..])
        }));
    };
    tell(RED.bold(), "✗ ", 2, &format!("{name}: {verdict}"));
    let cause = failure.cause();
    tell(BOLD, "  ", 4, cause);
    if let Some(hint) = &failure.hint {
        tell(YELLOW, "  hint: ", 4, hint);
    }
    let mut message = failure.message.lines();
    let first = message.next().unwrap_or_default();
    let place = format!("{}:{}", failure.file, failure.line);
    match first == cause {
        true => tell(DIM, "  ", 4, &place),
        false => tell(anstyle::Style::new(), "  ", 4, &format!("{place}  {first}")),
    }
    for other in failure.causes.iter().skip(1) {
        tell(anstyle::Style::new(), "  also: ", 4, other);
    }
    let output: Vec<&str> = printed.lines().collect();
    let left_out = output.len().saturating_sub(SHOWN_OUTPUT);
    if left_out > 0 {
        tell(DIM, "    > ", 8, &format!("… {left_out} lines more in the report"));
    }
    output[left_out..].iter().for_each(|line| tell(anstyle::Style::new(), "    > ", 8, line));
    let asked = asked.lines();
    let evidence = message.chain(failure.evidence.iter().chain(&asked).flat_map(|evidence| evidence.lines()));
    let evidence: Vec<&str> = evidence.collect();
    for line in evidence.iter().take(SHOWN_LINES) {
        tell(anstyle::Style::new(), "    ", 8, if line.is_empty() { " " } else { line });
    }
    if evidence.len() > SHOWN_LINES {
        tell(DIM, "    ", 4, &format!("… {} lines more in the report", evidence.len() - SHOWN_LINES));
    }
    lines
}

/// A line without what no screen shows.
pub(super) fn cut(line: &str) -> String {
    match line.char_indices().nth(SHOWN_COLUMNS) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line.into(),
    }
}
