//! Blocks in the order of the file → items that know each other: which command prints this, which file that is, what
//! is typed into which session. Owns the state of the walk; what single blocks become is in the files beside it.

mod commands;
mod naming;
mod objects;
mod prose;
mod ways;

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;

use super::dialect;
use super::error::ReadError;
use super::item::{Cue, Illustration, ItemId, ItemKind, Lecture, LectureItem, Lines, Note, NoteKind, ShownOutput};
use super::markdown::{self, Block, BlockKind, Code, CodeStyle};
use super::nature::{Nature, commands_below_objects, nature};
use super::outline::Outline;
use super::source::{self, Fault};
use super::words::{Concept, Cues, last_sentence};

/// More than ten times the longest lecture known.
const LARGEST: u64 = 8 << 20;

/// Reads a file as a lecture.
///
/// # Errors
/// When the file cannot be read, is larger than 8 MiB, is empty, or is no Markdown.
pub fn read(path: &Path) -> Result<Lecture, ReadError> {
    let failed = |source| ReadError::Io { path: path.into(), source };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    read_text(path, &bytes)
}

/// Reads a file's bytes as a lecture; `path` only names it.
///
/// # Errors
/// When they are more than 8 MiB, empty, or no Markdown.
pub fn read_text(path: &Path, bytes: &[u8]) -> Result<Lecture, ReadError> {
    if bytes.len() as u64 > LARGEST {
        return Err(ReadError::TooLarge { path: path.into(), limit: LARGEST });
    }
    let source = source::decode(bytes).map_err(|fault| match fault {
        Fault::Empty => ReadError::Empty { path: path.into() },
        Fault::NotText(what) => ReadError::NotText { path: path.into(), what },
        Fault::NotMarkdown(what) => ReadError::NotMarkdown { path: path.into(), what },
    })?;
    let plain = dialect::plain(&source.text);
    let page = markdown::page(&plain.text);
    let mut reading = Reading::new(source.notes);
    reading.notes.extend(plain.notes);
    for (index, block) in page.blocks.iter().enumerate() {
        reading.block(block, page.blocks.get(index + 1));
    }
    ways::mark(&mut reading);
    keys_are_no_placeholders(&mut reading.items, &source.text);
    let heading = page.blocks.iter().find_map(|block| match &block.kind {
        BlockKind::Heading { text, .. } => Some(text.clone()),
        _ => None,
    });
    let stem = || path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    reading.notes.sort_by_key(|note| note.line);
    Ok(Lecture {
        path: path.into(),
        title: plain.title.or(heading).unwrap_or_else(stem),
        notes: reading.notes,
        items: reading.items,
        references: page.references,
        anchors: page.anchors,
        text: source.text,
    })
}

/// `API_TOKEN` is nothing to be replaced where the text gives it a value: as a key or as a variable.
fn keys_are_no_placeholders(items: &mut [LectureItem], text: &str) {
    let is_key = |name: &str| [":", "=", "}"].iter().any(|mark| text.contains(&format!("{name}{mark}")));
    for item in items {
        if let ItemKind::Command(command) = &mut item.kind {
            command.placeholders.retain(|found| found.text.starts_with(['<', '[', '{']) || !is_key(&found.text));
        }
    }
}

/// Where the walk stands.
struct Reading {
    outline: Outline,
    items: Vec<LectureItem>,
    /// By item: its section, and the lead-in it began with.
    places: Vec<Place>,
    notes: Vec<Note>,
    /// The paragraphs since the last code of this section.
    lead: Vec<Cue>,
    /// The last command, by its index among the items.
    last_command: Option<usize>,
    /// Whether other code stood between the last command and here.
    code_since: bool,
    /// Which item gave a file its contents last.
    files: HashMap<String, ItemId>,
    /// Manifests without a name, by their indexes, since the last command that took files.
    unnamed: Vec<usize>,
    /// The file that the last command opened, showed or made.
    opened: Option<String>,
    session: Option<Session>,
}

#[derive(Default)]
struct Place {
    section: usize,
    /// `Alternatively, …`: another way than the code before.
    instead: bool,
}

/// Where commands are typed that are not typed into the reader's own shell.
struct Session {
    id: ItemId,
    /// On another machine kubectl may be called, too.
    machine: bool,
}

impl Reading {
    fn new(notes: Vec<Note>) -> Self {
        Self {
            outline: Outline::new(),
            items: Vec::new(),
            places: Vec::new(),
            notes,
            lead: Vec::new(),
            last_command: None,
            code_since: false,
            files: HashMap::new(),
            unnamed: Vec::new(),
            opened: None,
            session: None,
        }
    }

    fn block(&mut self, block: &Block, next: Option<&Block>) {
        match &block.kind {
            BlockKind::Heading { level, text, anchor } => {
                self.outline.enter(*level, text.clone(), anchor.clone());
                self.lead.clear();
                self.opened = None;
                self.session = None;
            }
            BlockKind::Prose(text) => self.prose(block.lines, text),
            BlockKind::Code(code) if code.style == CodeStyle::Open => {
                self.notes.push(Note { line: block.lines.first, kind: NoteKind::OpenFence });
                self.illustrate(block.lines, code, "the fence is never closed");
            }
            BlockKind::Code(code) => self.code(block.lines, code, next),
        }
    }

    fn code(&mut self, lines: Lines, code: &Code, next: Option<&Block>) {
        if code.lines.iter().all(|(_, line)| line.trim().is_empty()) {
            return;
        }
        let code = &self.blanks(code);
        if let Some(at) = commands_below_objects(&code.lines) {
            let part =
                |lines: &[(usize, String)]| Code { lines: lines.to_vec(), language: String::new(), ..code.clone() };
            self.code(lines, &part(&code.lines[..at]), None);
            return self.code(lines, &part(&code.lines[at..]), next);
        }
        let nature = nature(code);
        if code.style == CodeStyle::Inline && !matches!(nature, Nature::Shell(_)) {
            let text = code.lines.iter().map(|(_, line)| format!("`{line}`")).collect::<Vec<_>>().join("\n");
            return self.prose(lines, &text);
        }
        // What HTML around it indents is prose, not code.
        if code.style == CodeStyle::Indented && nature == Nature::Text {
            return self.prose(lines, &text_of(code));
        }
        let inside = Lines {
            first: code.lines.first().map_or(lines.first, |(line, _)| *line),
            last: code.lines.last().map_or(lines.last, |(line, _)| *line),
        };
        if self.is_output(code, &nature) {
            self.output(inside, code);
        } else {
            match nature {
                Nature::Shell(_) if self.for_windows() => self.illustrate(inside, code, "it is for Windows"),
                Nature::Shell(segments) => self.shell(code, &segments, next),
                Nature::Objects => self.objects(inside, code),
                Nature::Yaml | Nature::Json => self.fields(inside, code, &nature),
                Nature::Dockerfile | Nature::Source => self.file(inside, code, &nature),
                Nature::Windows => self.illustrate(inside, code, "no bash plays it"),
                Nature::Diff => self.illustrate(inside, code, "it shows a change"),
                Nature::Printed => self.illustrate(inside, code, "no command before it prints it"),
                Nature::Text => self.text(inside, code),
            }
        }
        self.lead.clear();
    }

    /// Text in no language is the file that a command opened, a file that a sentence names, or only shown.
    fn text(&mut self, lines: Lines, code: &Code) {
        match self.name(code, "") {
            Some(name) if !code.lines.is_empty() => self.named_file(lines, code, name, ""),
            _ => self.illustrate(lines, code, "it is no command and no file, and no command before it prints it"),
        }
    }

    /// No-break spaces and their like become blanks: to bash and YAML they are letters.
    fn blanks(&mut self, code: &Code) -> Code {
        let mut code = code.clone();
        let (mut count, mut first) = (0, 0);
        for (line, text) in &mut code.lines {
            if text.contains(ODD_BLANKS) {
                first = if count == 0 { *line } else { first };
                count += text.matches(ODD_BLANKS).count();
                *text = text.replace(['\u{200b}', '\u{feff}'], "").replace(ODD_BLANKS, " ");
            }
        }
        if count > 0 {
            self.notes.push(Note { line: first, kind: NoteKind::OddBlanks { count } });
        }
        code
    }

    /// Whether a block is what a command before it prints.
    fn is_output(&self, code: &Code, nature: &Nature) -> bool {
        let Some(command) = self.last_command.and_then(|at| self.items[at].command()) else { return false };
        let announced = self.output_cue().is_some();
        let same_section = self.last_command.is_some_and(|at| self.places[at].section == self.outline.current());
        if !same_section && !announced {
            return false;
        }
        if code.lines.iter().all(|(_, line)| line.trim().is_empty() || line.starts_with("# ")) {
            return false;
        }
        let adjacent = self.lead.is_empty() && !self.code_since;
        let leads = self.lead.last().is_some_and(|cue| cue.text.trim_end().ends_with([':', '：']));
        match nature {
            Nature::Printed => !self.code_since || announced && !self.manifest_since(),
            Nature::Text => {
                announced && !self.manifest_since()
                    || adjacent && self.opened.is_none()
                    || leads
                        && self.name(code, "").is_none()
                        && !self.code_since
                        && self.opened.is_none()
                        && !self.adds()
            }
            Nature::Objects | Nature::Yaml | Nature::Json => {
                objects::is_printed(self, command, code, announced, adjacent)
            }
            Nature::Shell(_) | Nature::Source | Nature::Dockerfile | Nature::Windows | Nature::Diff => false,
        }
    }

    /// Whether what stands before is a label alone that names Windows, of a tab or of one of several shells.
    fn for_windows(&self) -> bool {
        let Some(cue) = self.lead.last() else { return false };
        let label = cue.text.lines().last().unwrap_or_default().to_lowercase();
        let mut words = label.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.clone().count() <= 4
            && words.any(|word| matches!(word, "windows" | "powershell" | "cmd"))
            && !label.contains("linux")
    }

    /// Whether a manifest stands between the last command and here that the command does not take: what follows tells
    /// of that.
    fn manifest_since(&self) -> bool {
        let Some(at) = self.last_command else { return false };
        let script = self.items[at].command().map_or("", |command| command.script.as_str());
        self.items[at + 1..].iter().filter_map(LectureItem::manifest).any(|manifest| {
            manifest
                .file
                .as_ref()
                .is_none_or(|file| !script.contains(file.name.rsplit('/').next().unwrap_or(&file.name)))
        })
    }

    /// Whether the last sentence tells to put something somewhere.
    fn adds(&self) -> bool {
        self.lead.last().is_some_and(|cue| Cues::new(last_sentence(&cue.text)).has(Concept::Add))
    }

    /// The words that say a command prints what follows: in the last sentence before it, or in the heading right above.
    fn output_cue(&self) -> Option<Cue> {
        match self.lead.last() {
            Some(cue) => {
                let sentence = last_sentence(&cue.text);
                Cues::new(sentence).has(Concept::Output).then(|| Cue { line: cue.line, text: sentence.to_owned() })
            }
            None => {
                let heading = self.outline.heading();
                let after_heading =
                    self.last_command.is_some_and(|at| self.places[at].section != self.outline.current());
                let cued = after_heading && Cues::new(heading).has(Concept::Output);
                cued.then(|| Cue { line: 0, text: heading.to_owned() })
            }
        }
    }

    fn output(&mut self, lines: Lines, code: &Code) {
        let Some(last) = self.last_command else { return };
        let cue = self.output_cue().or_else(|| self.lead.last().cloned());
        let text = text_of(code);
        self.push_output(lines, text, last, cue);
    }

    fn push_output(&mut self, lines: Lines, text: String, last: usize, cue: Option<Cue>) {
        let at = commands::printer_of(&self.items, last, &text);
        self.fails_as_shown(at, lines, &text);
        let of = self.items[at].id.clone();
        self.push(lines, ItemKind::Output(ShownOutput { text, of, cue }));
    }

    fn illustrate(&mut self, lines: Lines, code: &Code, reason: &'static str) {
        self.code_since = true;
        let kind = Illustration { language: code.language.clone(), reason, text: text_of(code) };
        self.push(lines, ItemKind::Illustration(kind));
    }

    /// Adds an item where the walk stands.
    fn push(&mut self, lines: Lines, kind: ItemKind) -> usize {
        let condition = self.condition();
        let instead = self.lead.last().is_some_and(|cue| Cues::new(last_sentence(&cue.text)).has(Concept::Instead));
        let (id, headings, phase) = (self.outline.next_id(), self.outline.path(), self.outline.phase());
        self.items.push(LectureItem { id, lines, headings, phase, alternative: None, condition, kind });
        self.places.push(Place { section: self.outline.current(), instead });
        self.items.len() - 1
    }
}

/// Blanks that are letters to bash and YAML.
const ODD_BLANKS: [char; 8] =
    ['\u{a0}', '\u{2002}', '\u{2003}', '\u{2009}', '\u{200b}', '\u{202f}', '\u{3000}', '\u{feff}'];

fn text_of(code: &Code) -> String {
    code.lines.iter().map(|(_, line)| format!("{line}\n")).collect()
}
