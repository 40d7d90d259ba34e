//! Which file a block is: said by the block, by the text before it, by the heading, or by a command.

use super::{Reading, text_of};
use crate::script::lecture::file_name;
use crate::script::lecture::item::{File, FileName, ItemId, ItemKind, Lines, NamedBy};
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
            let saves = Cues::of(sentence).has(Concept::Save) || sentence.split_whitespace().count() <= 4;
            if let Some(file) = said(sentence, NamedBy::Sentence).filter(|_| saves) {
                return Some(file);
            }
            // The sentence before: `Create pod.yaml. It has one container:`.
            let first = cue.text.lines().next().unwrap_or_default();
            if let Some(file) = said(first, NamedBy::Sentence).filter(|_| Cues::of(first).has(Concept::Save)) {
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

    /// What a command tells of files: those it takes name the manifests before it, one that it opens names what follows.
    pub(super) fn files_of(&mut self, at: usize, invocations: &[Invocation]) {
        let id = self.items[at].id.clone();
        let opened = invocations.iter().find_map(opened);
        if let Some(name) = opened {
            self.opened = Some(name.to_owned());
        } else {
            self.opened = None;
        }
        for invocation in invocations {
            if invocation.here_document.is_some() || !invocation.writes.is_empty() {
                for name in &invocation.writes {
                    self.files.insert(name.clone(), id.clone());
                }
            }
            let taken: Vec<&str> = taken(invocation).collect();
            self.name_unnamed(&taken);
        }
    }

    /// Gives the last manifests without a name those that a command takes, the last to the last.
    fn name_unnamed(&mut self, taken: &[&str]) {
        let section = self.outline.current();
        for name in taken.iter().rev() {
            let Some(at) = self.unnamed.last().copied() else { break };
            let near = self.places[at].section == section || self.items.len() <= at + 3;
            // A file that the text gave contents since is not meant to have this manifest's.
            let newer = self.files.get(*name).and_then(|id| self.items.iter().position(|item| item.id == *id));
            if !near || newer.is_some_and(|newer| newer > at) {
                break;
            }
            self.unnamed.pop();
            self.give_name(at, name);
        }
        if !taken.is_empty() {
            self.unnamed.clear();
        }
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
