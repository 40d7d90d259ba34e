//! API versions in manifests and here-documents that no cluster of today serves.

use super::finding::{Finding, Rule};
use crate::script::lecture::{ItemKind, Lecture, Lines};

struct Removed {
    version: &'static str,
    kind: &'static str,
    since: &'static str,
    now: &'static str,
}

fn removed(api_version: &str, kind: &str) -> Option<Removed> {
    let rows = include_str!("apis.tsv").lines().filter(|row| !row.starts_with('#'));
    rows.filter_map(|row| {
        let mut cells = row.split('\t');
        let (version, kind, since) = (cells.next()?, cells.next()?, cells.next()?);
        Some(Removed { version, kind, since, now: cells.next().unwrap_or_default() })
    })
    .find(|row| row.version == api_version && (row.kind == "*" || row.kind == kind))
}

/// Whether Kubernetes has removed an API version of a kind.
pub(crate) fn is_removed(api_version: &str, kind: &str) -> bool {
    removed(api_version, kind).is_some()
}

pub(super) fn check(lecture: &Lecture, findings: &mut Vec<Finding>) {
    for item in &lecture.items {
        match &item.kind {
            ItemKind::Manifest(manifest) => {
                for document in &manifest.documents {
                    found(&document.api_version, &document.kind, document.lines, findings);
                }
            }
            ItemKind::Command(command) => {
                for document in command.invocations.iter().filter_map(|invocation| invocation.here_document.as_deref())
                {
                    let value = |key: &str| {
                        let line = document.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
                        line.unwrap_or_default().trim().to_owned()
                    };
                    found(&value("apiVersion"), &value("kind"), item.lines, findings);
                }
            }
            _ => {}
        }
    }
}

fn found(api_version: &str, kind: &str, lines: Lines, findings: &mut Vec<Finding>) {
    let Some(row) = removed(api_version, kind) else { return };
    let message = format!("Kubernetes {} removed {kind} in {api_version}", row.since);
    let suggestion = (!row.now.is_empty()).then(|| format!("write `apiVersion: {}`", row.now));
    findings.push(Finding::new(Rule::RemovedApi, lines, message, suggestion));
}
