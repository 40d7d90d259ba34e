//! What stands beside the text: anchors, images, pages, and files that commands take and no text gives.

use std::collections::HashSet;
use std::path::Path;

use percent_encoding::percent_decode_str;

use super::finding::{Finding, Rule};
use crate::script::lecture::{ItemKind, Lecture, ReferenceKind};

pub(super) fn check(lecture: &Lecture, exists: &dyn Fn(&Path) -> bool, findings: &mut Vec<Finding>) {
    let folder = lecture.path.parent().unwrap_or(Path::new(""));
    for reference in &lecture.references {
        let target = percent_decode_str(&reference.target).decode_utf8_lossy().into_owned();
        if let Some(name) = target.strip_prefix('#') {
            findings.extend(anchor(lecture, reference.line, name));
            continue;
        }
        let path = target.split(['#', '?']).next().unwrap_or_default();
        // Addresses, paths of a site, and what a site's maker fills in.
        let elsewhere = path.is_empty()
            || path.contains(':')
            || path.starts_with(['/', '{', '<', '@', '~', '$'])
            || path.contains("{{");
        if elsewhere || exists(&folder.join(path)) || exists(&folder.join(format!("{path}.md"))) {
            continue;
        }
        let (rule, what) = match reference.kind {
            ReferenceKind::Image => (Rule::MissingImage, "image"),
            ReferenceKind::Link => (Rule::MissingFile, "page"),
        };
        findings.push(Finding::at(rule, reference.line, format!("the {what} `{path}` is not there"), None));
    }
    files(lecture, folder, exists, findings);
}

fn anchor(lecture: &Lecture, line: usize, name: &str) -> Option<Finding> {
    let same = |known: &str| known == name || known.eq_ignore_ascii_case(name);
    if name.is_empty() || name == "top" || lecture.anchors.iter().any(|anchor| same(&anchor.name)) {
        return None;
    }
    // Anchors of emoji and punctuation are made in more than one way.
    let bare =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let nearly = lecture.anchors.iter().find(|anchor| bare(&anchor.name) == bare(name) && !bare(name).is_empty());
    let near = nearly.or_else(|| lecture.anchors.iter().find(|anchor| strsim::osa_distance(&anchor.name, name) <= 2));
    let suggestion = near.map(|anchor| format!("the heading at line {} is `#{}`", anchor.line, anchor.name));
    Some(Finding::at(Rule::BrokenAnchor, line, format!("no heading here has the anchor `#{name}`"), suggestion))
}

/// Files that kubectl takes and that neither the text nor a command gives, nor the folder has.
fn files(lecture: &Lecture, folder: &Path, exists: &dyn Fn(&Path) -> bool, findings: &mut Vec<Finding>) {
    let mut given: HashSet<&str> = HashSet::new();
    for item in &lecture.items {
        match &item.kind {
            ItemKind::Manifest(manifest) => given.extend(manifest.file.iter().map(|file| last(&file.name))),
            ItemKind::File(file) => drop(given.insert(last(&file.name.name))),
            ItemKind::Command(command) => {
                for invocation in &command.invocations {
                    given.extend(invocation.writes.iter().map(|name| last(name)));
                    // What is fetched, cloned, copied or edited is there, under a name that nobody can tell for sure.
                    if ["curl", "wget", "git", "cp", "mv", "tee", "vi", "vim", "nano", "touch", "sed", "helm", "code"]
                        .contains(&invocation.program())
                    {
                        given.extend(invocation.arguments().iter().map(|word| last(word)));
                    }
                }
            }
            _ => {}
        }
    }
    let cloned =
        lecture.items.iter().filter_map(|item| item.command()).any(|command| {
            command.invocations.iter().any(|invocation| {
                invocation.arguments().iter().any(|word| word == "clone" || word == "-O" || word == "-o")
            }) && command.invocations.iter().any(|invocation| matches!(invocation.program(), "git" | "curl" | "wget"))
        });
    if cloned {
        return;
    }
    for item in &lecture.items {
        let Some(command) = item.command().filter(|command| command.inside.is_none()) else { continue };
        for invocation in
            command.invocations.iter().filter(|invocation| matches!(invocation.program(), "kubectl" | "k" | "oc"))
        {
            for name in invocation.values(Some('f'), "filename").into_iter().flat_map(|value| value.split(',')) {
                let is_file = [".yaml", ".yml", ".json"].iter().any(|extension| name.ends_with(extension))
                    && !name.contains("://")
                    && !name.contains(['$', '<', '*', '{']);
                if is_file && !given.contains(last(name)) && !exists(&folder.join(name)) {
                    findings.push(Finding::new(
                        Rule::MissingFile,
                        item.lines,
                        format!("`{name}` is taken here, and neither the text nor the folder has it"),
                        None,
                    ));
                }
            }
        }
    }
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
