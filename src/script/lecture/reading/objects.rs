//! YAML and JSON: objects that somebody applies, fields that go into an object, or what a command prints.

use std::sync::LazyLock;

use regex::Regex;

use super::{Reading, text_of};
use crate::script::lecture::command::{Habit, LectureCommand};
use crate::script::lecture::file_name;
use crate::script::lecture::item::{Attachment, Cue, FileName, Fragment, ItemKind, Lines, NamedBy};
use crate::script::lecture::manifest::{self, Manifest};
use crate::script::lecture::markdown::Code;
use crate::script::lecture::nature::Nature;
use crate::script::lecture::words::{Concept, Cues, last_sentence};

static UNDER: LazyLock<Regex> = LazyLock::new(|| {
    let places = "under|beneath|below|inside|within|in|to|into|at|section|unter|in|bajo|dentro de|en|em|sob|sous|dans|под|в|sotto";
    Regex::new(&format!(
        r"(?i)(?:(?:{places})\s+(?:the\s+|dem\s+|la\s+|le\s+|el\s+|o\s+)?|[在到的] ?|\b)`([a-z][A-Za-z]*(?:\.[A-Za-z]+|\[\d+\])*):?`|(?:under|within|beneath|below|bajo|unter|sous|sob|под)\s+(?:the\s+)?(spec|metadata|template|data|containers|subjects|rules)\b|在 ?([a-z]+(?:\.[a-zA-Z]+)*) ?(?:下|中|里)"
    ))
    .expect("a pattern of ours")
});

/// Fields that only a cluster writes.
const WRITTEN_BY_CLUSTERS: [&str; 6] =
    ["resourceVersion", "creationTimestamp: \"2", "uid: ", "status:", "managedFields", "selfLink"];

/// Whether YAML or JSON after a command is what it prints.
pub(super) fn is_printed(
    reading: &Reading,
    command: &LectureCommand,
    code: &Code,
    announced: bool,
    adjacent: bool,
) -> bool {
    if command.habit == Habit::EditsObject || command.habit == Habit::EditsFile {
        return false;
    }
    let prints = prints_objects(command);
    let written = code.lines.iter().any(|(_, line)| WRITTEN_BY_CLUSTERS.iter().any(|field| line.contains(field)));
    let saved = reading.lead.last().is_some_and(|cue| {
        let cues = Cues::new(last_sentence(&cue.text));
        cues.has(Concept::Save) && !cues.has(Concept::Output)
    });
    let objects = manifest::has_objects(&code.lines);
    // A file shown by `cat` is the file, and so is what begins with a file's name.
    if reading.opened.is_some() && !prints || file_name::by_itself(code, "yaml").is_some() {
        return false;
    }
    match (prints, announced) {
        (true, true) => true,
        (true, false) => !saved && (adjacent || written) && !reading.adds(),
        // `You should have this manifest:` announces a file as often as an output.
        (false, true) => (!objects || written) && !saved,
        (false, false) => adjacent && !objects && !reading.adds() && prints_json(command, code),
    }
}

/// `-o yaml`, `docker inspect` and their like.
fn prints_objects(command: &LectureCommand) -> bool {
    command.invocations.iter().any(|invocation| {
        let form = invocation.values(Some('o'), "output");
        let by_option = form.iter().any(|form| form.starts_with("yaml") || form.starts_with("json"));
        let by_verb = invocation.arguments().iter().any(|word| word == "inspect" || word == "view");
        invocation.writes.is_empty() && (by_option || by_verb)
    })
}

/// A block that begins like JSON after a command that prints anything at all.
fn prints_json(command: &LectureCommand, code: &Code) -> bool {
    let json = code.lines.first().is_some_and(|(_, line)| line.trim_start().starts_with(['{', '[']));
    let programs = ["curl", "base64", "jq", "cat", "docker", "http"];
    json && command.invocations.iter().any(|invocation| programs.contains(&invocation.program()))
}

impl Reading {
    pub(super) fn objects(&mut self, lines: Lines, code: &Code) {
        let documents = manifest::documents(&code.lines);
        if manifest::is_partial(&code.lines) {
            return self.illustrate(lines, code, "parts of it are left out or filled in by a template");
        }
        let language = if code.lines.first().is_some_and(|(_, line)| line.trim_start().starts_with('{')) {
            "json"
        } else {
            "yaml"
        };
        let name = self.name(code, language);
        if manifest::are_configurations(&documents) {
            return match name {
                Some(name) => self.named_file(lines, code, name, language),
                None => self.illustrate(lines, code, "it configures a tool, and the text gives it no file name"),
            };
        }
        let replaces = name.as_ref().and_then(|file| self.files.get(&file.name).cloned());
        let text = manifest::outdented(&code.lines);
        let unnamed = name.is_none();
        let manifest = Manifest { text, file: name.clone(), documents, replaces };
        let at = self.push(lines, ItemKind::Manifest(Box::new(manifest)));
        if unnamed {
            self.unnamed.push(at);
        }
        if let Some(FileName { name, .. }) = name {
            self.files.insert(name, self.items[at].id.clone());
        }
        self.opened = None;
        self.code_since = true;
    }

    /// YAML or JSON without an object of its own.
    pub(super) fn fields(&mut self, lines: Lines, code: &Code, nature: &Nature) {
        let language = if *nature == Nature::Json { "json" } else { "yaml" };
        let edited = self.last_command.filter(|at| {
            let habit = self.items[*at].command().map(|command| command.habit);
            habit == Some(Habit::EditsObject) && !self.code_since && self.places[*at].section == self.outline.current()
        });
        if edited.is_none()
            && let Some(name) = self.name(code, language)
            && (name.by != NamedBy::Sentence || !self.adds())
            && (name.by != NamedBy::Sentence || !self.files.contains_key(&name.name))
        {
            return self.named_file(lines, code, name, language);
        }
        let manifest = self.items.iter().rev().find(|item| item.manifest().is_some());
        let into = match edited {
            Some(at) => Some(self.items[at].id.clone()),
            None => manifest.filter(|_| self.adds()).map(|item| item.id.clone()),
        };
        if into.is_none() {
            return self.illustrate(lines, code, "fields without an object");
        }
        let fields = manifest::parsed(&manifest::outdented(&code.lines)).ok();
        let under = self.under(fields.as_ref());
        self.push(lines, ItemKind::Fragment(Fragment { text: text_of(code), into, under, fields }));
        self.code_since = true;
    }

    /// `Add under spec:` is a place; the name of what is to be added is none.
    fn under(&self, fields: Option<&serde_json::Value>) -> Option<Attachment> {
        let cue = self.lead.last()?;
        let sentence = last_sentence(&cue.text);
        if !Cues::new(sentence).has(Concept::Add) {
            return None;
        }
        let own = |path: &str| fields.and_then(|fields| fields.get(path.split(['.', '[']).next()?)).is_some();
        let found = UNDER.captures_iter(sentence).filter_map(|captures| captures.iter().skip(1).flatten().next());
        let path = found.map(|path| path.as_str()).find(|path| !own(path) && is_field(path))?;
        let cue = Cue { line: cue.line, text: sentence.to_owned() };
        Some(Attachment { path: path.to_owned(), cue })
    }
}

/// Fields that objects have at their tops; a path begins with one, everything else in backticks is a name.
fn is_field(path: &str) -> bool {
    let first = path.split(['.', '[']).next().unwrap_or_default();
    ["spec", "metadata", "data", "stringData", "template", "containers", "rules", "subjects", "roleRef", "status"]
        .contains(&first)
}
