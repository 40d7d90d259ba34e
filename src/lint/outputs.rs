//! Printed outputs that contradict each other, or what was typed before.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use super::finding::{Finding, Rule};
use crate::kubewords;
use crate::script::lecture::{ItemKind, Lecture, LectureCommand, LectureItem, ShownOutput};

/// Columns that no passing of time changes. What a command may change counts until one names the object.
const LASTING: [&str; 5] = ["TYPE", "DATA", "PORT(S)", "ROLES", "CLASS"];
/// Columns that no command of a lecture's changes: since 1.24 nothing adds to a ServiceAccount's `secrets`.
const FIXED: [&str; 1] = ["SECRETS"];

static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z0-9.-]*[A-Za-z]").expect("a pattern of ours")
});

pub(super) fn check(lecture: &Lecture, findings: &mut Vec<Finding>) {
    tables(lecture, findings);
    addresses(lecture, findings);
}

/// A cell as first shown: its value, and the index of its item.
type Seen<'a> = HashMap<(String, String, &'a str, &'a str), (&'a str, usize)>;

fn tables(lecture: &Lecture, findings: &mut Vec<Finding>) {
    let mut seen: Seen<'_> = HashMap::new();
    for (at, item) in lecture.items.iter().enumerate() {
        let ItemKind::Output(output) = &item.kind else { continue };
        let Some((kind, namespace)) = asked(lecture, output) else { continue };
        for (row, name, column, value) in cells(&output.text) {
            let key = (kind.clone(), namespace.clone(), name, column);
            let Some((before, when)) = seen.insert(key, (value, at)) else { continue };
            let touched = lecture.items[when..at]
                .iter()
                .filter_map(LectureItem::command)
                .any(|command| command.script.contains(name));
            if before != value && (FIXED.contains(&column) || !touched) {
                let first = lecture.items[when].lines.first;
                let message = format!(
                    "{column} of `{name}` is {value} here and {before} in the output at line {first}, and nothing between changes it"
                );
                findings.push(Finding::at(Rule::OutputsDisagree, item.lines.first + row, message, None));
            }
        }
    }
}

/// The kind and namespace that the command of an output asks for.
fn asked(lecture: &Lecture, output: &ShownOutput) -> Option<(String, String)> {
    let command = lecture.items.iter().find(|item| item.id == output.of)?.command()?;
    let get = command.invocations.iter().find(|invocation| invocation.arguments().iter().any(|word| word == "get"))?;
    let mut words =
        get.arguments().iter().skip_while(|word| *word != "get").skip(1).filter(|word| !word.starts_with('-'));
    let kind = kubewords::spelled(&words.next()?.split('/').next()?.to_lowercase())?;
    let namespace = get.values(Some('n'), "namespace").first().map_or("default", |name| *name);
    let all = get.has(Some('A'), "all-namespaces");
    (!all).then(|| (kind.kind.to_owned(), namespace.to_owned()))
}

/// Row, name, column and value of each lasting cell of a table with a header.
fn cells(text: &str) -> Vec<(usize, &str, &str, &str)> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let Some((_, header)) = lines.next() else { return Vec::new() };
    let columns: Vec<&str> = header.split_whitespace().collect();
    if columns.first() != Some(&"NAME") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (row, line) in lines {
        let values: Vec<&str> = line.split_whitespace().collect();
        if values.len() != columns.len() {
            continue;
        }
        for (column, value) in columns.iter().zip(&values) {
            if LASTING.contains(column) || FIXED.contains(column) {
                found.push((row, values[0], *column, *value));
            }
        }
    }
    found
}

/// An e-mail address in an output that is a letter off from one that was typed, and was typed nowhere.
fn addresses(lecture: &Lecture, findings: &mut Vec<Finding>) {
    let mut typed: Vec<(&str, usize)> = Vec::new();
    for item in &lecture.items {
        match &item.kind {
            ItemKind::Command(command) => typed.extend(of_command(command, item)),
            ItemKind::Output(output) => {
                for (row, line) in output.text.lines().enumerate() {
                    for address in ADDRESS.find_iter(line).map(|found| found.as_str()) {
                        let near = typed.iter().find(|(other, _)| strsim::osa_distance(other, address) <= 2);
                        let known = typed.iter().any(|(other, _)| *other == address);
                        if let (false, Some((other, when))) = (known, near) {
                            let message = format!("`{address}` is shown, `{other}` was typed at line {when}");
                            let suggestion = Some(format!("write `{other}`"));
                            findings.push(Finding::at(
                                Rule::AlmostTheSame,
                                item.lines.first + row,
                                message,
                                suggestion,
                            ));
                        }
                    }
                }
            }
            _ => {}
        }
    }
}

fn of_command<'a>(command: &'a LectureCommand, item: &'a LectureItem) -> impl Iterator<Item = (&'a str, usize)> {
    let lines = command.script.lines().enumerate();
    lines
        .flat_map(move |(row, line)| ADDRESS.find_iter(line).map(move |found| (found.as_str(), item.lines.first + row)))
}
