//! What a lecture is once it has been read. Knows nothing of Markdown.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::LectureCommand;
use super::manifest::Manifest;
use super::markdown::{Anchor, Reference};

/// A third party's Markdown, read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lecture {
    pub(crate) path: PathBuf,
    /// The front matter's title or the first heading; the file's name where there is neither.
    pub(crate) title: String,
    /// What the reader mended or could not take as it stands, in the order of lines.
    pub(crate) notes: Vec<Note>,
    /// In the order of the file.
    pub items: Vec<LectureItem>,
    /// Links, images and included files.
    #[serde(skip)]
    pub(crate) references: Vec<Reference>,
    /// What a link of this file may point to.
    #[serde(skip)]
    pub(crate) anchors: Vec<Anchor>,
    /// The text as it was read: repaired, with `\n` at line ends. Lines are those of the file.
    #[serde(skip)]
    pub text: String,
}

/// Lines of the file, from 1, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Lines {
    /// From 1.
    pub first: usize,
    /// Included.
    pub last: usize,
}

/// `ANCHOR:N`: the N-th item under the heading with that anchor, as GitHub makes anchors; `top:N` before any heading.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ItemId(pub(super) String);

/// One thing that can hold or not hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LectureItem {
    pub(crate) id: ItemId,
    /// What the item takes of the file, its fences or marks included.
    pub lines: Lines,
    /// From the outermost heading to the nearest.
    pub(crate) headings: Vec<String>,
    pub(crate) phase: Phase,
    /// One of several ways to the same end, of which a reader takes one.
    pub(crate) alternative: Option<Alternative>,
    /// The words that make the item depend on the reader: `If you use Linux, …`.
    pub(crate) condition: Option<Cue>,
    pub(crate) kind: ItemKind,
}

/// Where in a lecture an item stands, told by the stems of its headings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Phase {
    Setup,
    Main,
    Verify,
    CleanUp,
    /// What readers of an exercise are to find out themselves.
    Solution,
}

/// `Option 2` is the second of its group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Alternative {
    /// The id of the group's first item.
    pub group: ItemId,
    /// 1-based.
    pub number: usize,
}

/// The words of the text that the reader went by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cue {
    pub line: usize,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ItemKind {
    Command(Box<LectureCommand>),
    /// Kubernetes objects in YAML or JSON.
    Manifest(Box<Manifest>),
    /// A file that is no manifest: an application's source, a Dockerfile, a configuration.
    File(File),
    /// Fields that a reader puts into an object that is there already.
    Fragment(Fragment),
    Output(ShownOutput),
    Manual(Manual),
    Illustration(Illustration),
}

/// A file's name and how the text gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileName {
    pub name: String,
    pub by: NamedBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NamedBy {
    /// The first line of the file: `# pod.yaml`.
    Comment,
    /// The fence's info string: `yaml title="pod.yaml"`.
    Fence,
    /// The text right before the fence.
    Sentence,
    Heading,
    /// The command that writes, opens, shows or applies it.
    Command,
    /// What kind of file it is: a Dockerfile is `Dockerfile`.
    Kind,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct File {
    pub name: FileName,
    pub language: String,
    pub contents: String,
    /// The earlier item that gave this file other contents.
    pub replaces: Option<ItemId>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Fragment {
    pub text: String,
    /// The interactive command (`kubectl edit`) that it is typed into, or the manifest that it changes.
    pub into: Option<ItemId>,
    /// `Add under spec`: the field that the text says it belongs under, as a path; empty at the top.
    pub under: Option<Attachment>,
    /// The fields, where they are YAML or JSON.
    pub fields: Option<serde_json::Value>,
}

/// Where the text says that a fragment belongs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Attachment {
    pub path: String,
    pub cue: Cue,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ShownOutput {
    pub text: String,
    /// The command that is to print it.
    pub of: ItemId,
    /// The words that announce it; none where only its position tells.
    pub cue: Option<Cue>,
}

/// Something that a person does elsewhere than in a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Manual {
    pub text: String,
    /// The word that tells: `Click`.
    pub cue: String,
}

/// Code that is shown and means nothing to a rehearsal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Illustration {
    pub language: String,
    /// Why it is not played.
    pub reason: &'static str,
    pub text: String,
}

/// Something the reader says about the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Note {
    pub line: usize,
    pub kind: NoteKind,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum NoteKind {
    /// The file's encoding, where it is not UTF-8.
    Encoding { name: &'static str },
    /// Text that was UTF-8, was read as another encoding and saved so; `count` places were repaired.
    Mojibake { read_as: &'static str, count: usize },
    /// Bytes that are no text at all were replaced.
    Replaced { count: usize },
    /// Lines end in carriage returns; no command is played with one.
    CarriageReturns,
    /// No-break or other odd blanks in commands or manifests; they are played as blanks.
    OddBlanks { count: usize },
    /// Nothing in it is played.
    OpenFence,
    /// Another file's text belongs here; it is not read.
    Include { target: String },
}

impl Lines {
    pub(super) fn one(line: usize) -> Self {
        Self { first: line, last: line }
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { write!(f, "{}", self.first) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for NoteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding { name } => write!(f, "the file is {name}, not UTF-8; it was read as that"),
            Self::Mojibake { read_as, count } => {
                write!(f, "UTF-8 that was once read as {read_as} was repaired in {count} places")
            }
            Self::Replaced { count } => write!(f, "{count} bytes that are no text were replaced"),
            Self::CarriageReturns => write!(f, "lines end in carriage returns; commands are played without them"),
            Self::OddBlanks { count } => {
                write!(f, "{count} no-break or odd blanks stand in code; they are played as blanks")
            }
            Self::OpenFence => write!(f, "the fence is never closed; nothing in it is played"),
            Self::Include { target } => write!(f, "`{target}` is included here; it is not read"),
        }
    }
}

impl LectureItem {
    pub fn command(&self) -> Option<&LectureCommand> {
        match &self.kind {
            ItemKind::Command(command) => Some(command),
            _ => None,
        }
    }

    pub fn manifest(&self) -> Option<&Manifest> {
        match &self.kind {
            ItemKind::Manifest(manifest) => Some(manifest),
            _ => None,
        }
    }
}
