//! What is wrong with a lecture before anything is played: [`lint`] reads its items, asks the schemas that mini carries,
//! and says what it finds, each with a rule's id that `docs/lint.md` explains.
//! Knows no cluster, no client and no terminal; of the file system only whether a companion file is there, and that
//! is the caller's to answer.

mod apis;
mod applied;
mod bases;
mod companions;
mod fields;
mod finding;
mod outputs;
mod place;
mod secrets;

pub(crate) use apis::is_removed;
pub use finding::Finding;
pub(crate) use finding::{RULES, Rule, Severity};

use std::path::Path;

use crate::script::lecture::{ItemKind, Lecture, NoteKind};

/// All findings, in the order of lines. `exists` says whether a path, made from the lecture's folder, is there.
pub fn lint(lecture: &Lecture, exists: &dyn Fn(&Path) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    notes(lecture, &mut findings);
    for item in &lecture.items {
        match &item.kind {
            ItemKind::Manifest(manifest) => fields::of_manifest(lecture, &manifest.documents, &mut findings),
            ItemKind::Fragment(fragment) => fields::of_fragment(lecture, item, fragment, &mut findings),
            ItemKind::File(file) if file.language == "dockerfile" => bases::of_dockerfile(item, file, &mut findings),
            _ => {}
        }
    }
    apis::check(lecture, &mut findings);
    applied::check(lecture, &mut findings);
    outputs::check(lecture, &mut findings);
    secrets::check(lecture, &mut findings);
    companions::check(lecture, exists, &mut findings);
    findings.sort_by_key(|finding| (finding.lines, finding.rule));
    findings.dedup();
    findings
}

/// What the reader had to say that the author can mend.
fn notes(lecture: &Lecture, findings: &mut Vec<Finding>) {
    for note in &lecture.notes {
        let (rule, suggestion) = match &note.kind {
            NoteKind::OpenFence => (Rule::OpenFence, "close it with as many backticks as it begins with"),
            NoteKind::Mojibake { .. } | NoteKind::Replaced { .. } => {
                (Rule::MangledText, "save the text as UTF-8 once more")
            }
            NoteKind::Encoding { .. } => (Rule::MangledText, "save the file as UTF-8"),
            NoteKind::OddBlanks { .. } => (Rule::OddBlanks, "type them anew as plain blanks"),
            NoteKind::CarriageReturns | NoteKind::Include { .. } => continue,
        };
        findings.push(Finding::at(rule, note.line, note.kind.to_string(), Some(suggestion.to_owned())));
    }
}

#[cfg(test)]
mod lectures;
#[cfg(test)]
mod tests;
