//! The line of a field within a document. Pure.

use crate::script::lecture::Document;

/// The line of `spec.containers[0].image` in the lecture; the document's first where it is not found.
/// `text` is the whole lecture's.
pub(super) fn line_of(document: &Document, path: &str, lecture: &str) -> usize {
    let span = document.lines;
    let lines: Vec<&str> = lecture.lines().skip(span.first - 1).take(span.last + 1 - span.first).collect();
    let mut at = 0;
    let mut found = 0;
    for step in path.split('.') {
        let (name, index) = match step.split_once('[') {
            Some((name, index)) => (name, index.trim_end_matches(']').parse::<usize>().ok()),
            None => (step, None),
        };
        let Some(here) = (at..lines.len()).find(|line| is_key(lines[*line], name)) else { break };
        (found, at) = (here, here + 1);
        if let Some(index) = index {
            let is_item = |line: &usize| lines[*line].trim_start().starts_with('-');
            let width = |line: usize| lines[line].len() - lines[line].trim_start().len();
            if let Some(first) = (at..lines.len()).find(is_item) {
                let items = (first..lines.len()).filter(|line| is_item(line) && width(*line) == width(first));
                at = items.into_iter().nth(index).unwrap_or(at);
                found = at;
            }
        }
    }
    span.first + found
}

fn is_key(line: &str, name: &str) -> bool {
    let line = line.trim_start().trim_start_matches(['>', ' ']).trim_start_matches("- ").trim_start();
    let bare = line.trim_start_matches(['"', '\'']);
    bare.strip_prefix(name).is_some_and(|rest| rest.trim_start_matches(['"', '\'']).trim_start().starts_with(':'))
}
