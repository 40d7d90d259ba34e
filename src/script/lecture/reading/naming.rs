//! Which file a block is: said by the block, by the text before it, by the heading, or by a command.

use super::{Reading, text_of};
use crate::script::lecture::file_name;
use crate::script::lecture::item::{File, FileName, ItemId, ItemKind, LectureItem, Lines, NamedBy};
use crate::script::lecture::markdown::Code;
use crate::script::lecture::nature::Nature;
use crate::script::lecture::shell::Invocation;
use crate::script::lecture::words::{Concept, Cues, last_sentence};

impl Reading {
    /// The block's name, and how the text gives it.
    pub(super) fn name(&self, code: &Code, language: &str) -> Option<FileName> {
        if let Some(file) = file_name::by_itself(code, language) {
            return Some(file);
        }
        let said =
            |text: &str, by| file_name::in_text(text, language).map(|name| FileName { name: name.to_owned(), by });
        if let Some(name) = self.opened.clone().filter(|name| file_name::fits(name, language)) {
            return Some(FileName { name, by: NamedBy::Command });
        }
        if let Some(cue) = self.lead.last() {
            let sentence = last_sentence(&cue.text);
            // `pod.yaml:` alone says it as well as `Save this as pod.yaml:`.
            let saves = Cues::new(sentence).has(Concept::Save) || sentence.split_whitespace().count() <= 4;
            if let Some(file) = said(sentence, NamedBy::Sentence).filter(|_| saves) {
                return Some(file);
            }
            // The sentence before: `Create pod.yaml. It has one container:`.
            let first = cue.text.lines().next().unwrap_or_default();
            if let Some(file) = said(first, NamedBy::Sentence).filter(|_| Cues::new(first).has(Concept::Save)) {
                return Some(file);
            }
        }
        if !self.code_in_section() {
            return said(self.outline.heading(), NamedBy::Heading);
        }
        None
    }

    /// Whether the section has code already: its heading named that.
    fn code_in_section(&self) -> bool {
        let file = |kind: &ItemKind| matches!(kind, ItemKind::Manifest(_) | ItemKind::File(_));
        let here = self.outline.current();
        self.items
            .iter()
            .zip(&self.places)
            .rev()
            .take_while(|(_, place)| place.section == here)
            .any(|(item, _)| file(&item.kind))
    }

    /// A block that is a file of its own, or nothing to a rehearsal.
    pub(super) fn file(&mut self, lines: Lines, code: &Code, nature: &Nature) {
        let language = if *nature == Nature::Dockerfile { "dockerfile" } else { code.language.as_str() };
        let of_kind =
            || (*nature == Nature::Dockerfile).then(|| FileName { name: "Dockerfile".into(), by: NamedBy::Kind });
        match self.name(code, language).or_else(of_kind) {
            Some(name) => self.named_file(lines, code, name, language),
            None => self.illustrate(lines, code, "the text gives it no file name"),
        }
    }

    pub(super) fn named_file(&mut self, lines: Lines, code: &Code, name: FileName, language: &str) {
        let replaces = self.files.get(&name.name).cloned();
        let file = File { language: language.to_owned(), contents: text_of(code), replaces, name: name.clone() };
        let at = self.push(lines, ItemKind::File(file));
        self.files.insert(name.name, self.items[at].id.clone());
        self.opened = None;
        self.code_since = true;
    }

    /// What a command tells of files: one that it opens names what follows, and what it writes is no manifest's any more.
    /// The files that it takes.
    pub(super) fn files_of(&mut self, at: usize, invocations: &[Invocation]) -> Vec<String> {
        let id = self.items[at].id.clone();
        self.opened = invocations.iter().find_map(opened).map(str::to_owned);
        for invocation in invocations {
            for name in &invocation.writes {
                self.files.insert(name.clone(), id.clone());
            }
        }
        invocations.iter().flat_map(taken).map(str::to_owned).collect()
    }

    /// Gives the last manifests without a name those of the files that a block's commands take, the last to the last:
    /// files that nothing gives yet, else those that get other contents. `first` is the block's first item.
    pub(super) fn name_unnamed(&mut self, taken: &[String], first: usize) {
        let section = self.outline.current();
        let mut names: Vec<&String> = Vec::new();
        taken.iter().for_each(|name| {
            if !names.contains(&name) {
                names.push(name);
            }
        });
        if names.iter().any(|name| !self.files.contains_key(*name)) {
            names.retain(|name| !self.files.contains_key(*name));
        }
        for name in names.into_iter().rev() {
            let Some(at) = self.unnamed.last().copied() else { break };
            let near = self.places[at].section == section || first <= at + 2;
            let giver = self.files.get(name).and_then(|id| self.items.iter().position(|item| item.id == *id));
            // A file that the text gave contents since is not meant to have this manifest's; and what a reader may do
            // replaces nothing, by whatever name.
            let optional = self.items[at].condition.is_some() && (giver.is_some() || self.is_variation(at));
            let kept = optional || giver.is_some_and(|giver| giver > at);
            if !near || kept {
                break;
            }
            self.unnamed.pop();
            self.give_name(at, name);
        }
        if !taken.is_empty() {
            self.unnamed.clear();
        }
    }

    /// Whether an earlier manifest is of the same object.
    fn is_variation(&self, at: usize) -> bool {
        let first = |item: &LectureItem| {
            let document = item.manifest()?.documents.first()?;
            Some((document.kind.clone(), document.namespace.clone(), document.name.clone()))
        };
        let of = first(&self.items[at]);
        of.is_some() && self.items[..at].iter().any(|item| first(item) == of)
    }

    fn give_name(&mut self, at: usize, name: &str) {
        let replaces: Option<ItemId> = self.files.insert(name.to_owned(), self.items[at].id.clone());
        if let ItemKind::Manifest(manifest) = &mut self.items[at].kind {
            manifest.file = Some(FileName { name: name.to_owned(), by: NamedBy::Command });
            manifest.replaces = replaces;
        }
    }
}

/// The local files that kubectl takes: `apply -f pod.yaml`.
fn taken(invocation: &Invocation) -> impl Iterator<Item = &str> {
    let kubectl = matches!(invocation.program(), "kubectl" | "k" | "oc");
    let values = if kubectl { invocation.values(Some('f'), "filename") } else { Vec::new() };
    let file = |name: &&str| {
        *name != "-" && !name.contains("://") && !name.ends_with('/') && !file_name::names(name).is_empty()
    };
    values.into_iter().flat_map(|value| value.split(',')).filter(file)
}

const EDITORS: [&str; 9] = ["vi", "vim", "nvim", "nano", "emacs", "code", "gedit", "touch", "notepad"];

/// The file that a command opens in an editor, makes empty, or shows.
fn opened(invocation: &Invocation) -> Option<&str> {
    let editor = EDITORS.contains(&invocation.program());
    let shows = matches!(invocation.program(), "cat" | "bat")
        && invocation.here_document.is_none()
        && invocation.writes.is_empty()
        && !invocation.piped;
    if !editor && !shows {
        return None;
    }
    let mut names = invocation.arguments().iter().filter(|word| !word.starts_with(['-', '+']));
    names.next().map(String::as_str).filter(|_| names.next().is_none())
}
