//! Bases of images: without a version, or of one that gets no more fixes.

use super::finding::{Finding, Rule};
use crate::script::lecture::{File, LectureItem};

pub(super) fn of_dockerfile(item: &LectureItem, file: &File, findings: &mut Vec<Finding>) {
    let mut stages: Vec<&str> = Vec::new();
    for (line, text) in (item.lines.first..).zip(file.contents.lines()) {
        let mut words = text.split_whitespace();
        if !words.next().is_some_and(|word| word.eq_ignore_ascii_case("from")) {
            continue;
        }
        let Some(base) = words.find(|word| !word.starts_with("--")) else { continue };
        if base != "scratch" && !stages.contains(&base) && !base.contains(['$', '<']) {
            findings.extend(of_base(line, base));
        }
        stages.extend(text.split_whitespace().skip_while(|word| !word.eq_ignore_ascii_case("as")).nth(1));
    }
}

fn of_base(line: usize, base: &str) -> Option<Finding> {
    let (image, tag) = match base.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')) {
        Some((image, tag)) => (image, tag),
        None => (base, ""),
    };
    if base.contains('@') {
        return None;
    }
    let name = image.strip_prefix("docker.io/").unwrap_or(image);
    let name = name.strip_prefix("library/").unwrap_or(name);
    let rows = include_str!("bases.tsv").lines().filter(|row| !row.starts_with('#'));
    for row in rows {
        let cells: Vec<&str> = row.split('\t').collect();
        if cells[0] == name && is_version(tag, cells[1]) {
            let message = format!("`{base}` has had no security fixes since {}", cells[2]);
            return Some(Finding::at(
                Rule::EndOfLifeBase,
                line,
                message,
                Some("take a version that is maintained".into()),
            ));
        }
    }
    let message = format!("`{base}` is another image every time it is built");
    matches!(tag, "" | "latest").then(|| Finding::at(Rule::UnpinnedBase, line, message, Some("name a version".into())))
}

/// `3.9-slim` is 3.9, and `3.90` is not.
fn is_version(tag: &str, version: &str) -> bool {
    version.is_empty() || tag.strip_prefix(version).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_by_version() {
        for (base, rule) in [
            ("python:3.9-slim", Some(Rule::EndOfLifeBase)),
            ("docker.io/library/python:3.9", Some(Rule::EndOfLifeBase)),
            ("python:3.13-slim", None),
            ("node:18.1-alpine", Some(Rule::EndOfLifeBase)),
            ("node", Some(Rule::UnpinnedBase)),
            ("centos:7", Some(Rule::EndOfLifeBase)),
            ("registry.example.com:5000/base", Some(Rule::UnpinnedBase)),
            ("nginx:1.27", None),
            ("nginx@sha256:abc", None),
        ] {
            assert_eq!(of_base(1, base).map(|finding| finding.rule), rule, "{base}");
        }
    }
}
