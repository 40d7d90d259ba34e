//! Markdown that nobody annotated → a [`Lecture`]: its commands, manifests, files, printed outputs and manual steps, in
//! the order of the file and with the lines they stand on. Pure but for [`read`], which reads one file.
//! Knows nothing of clusters, nor of how an item is played or judged.
//!
//! bytes → [`source`] text → [`dialect`] plain Markdown → [`markdown`] blocks → [`nature`] of each block of code →
//! [`reading`] items. The words that people use are in `words.tsv`, in the languages of lectures.

mod claim;
mod command;
mod dialect;
mod error;
mod file_name;
mod habit;
mod item;
mod manifest;
mod markdown;
mod nature;
mod outline;
mod placeholder;
mod prompt;
mod reading;
mod shell;
mod source;
mod statement;
mod words;

pub(crate) use claim::{Claim, claims};
pub use command::{Habit, LectureCommand, Mend, Placeholder};
pub use error::ReadError;
pub(crate) use habit::fate;
pub use item::{
    Alternative, Attachment, Cue, File, FileName, Fragment, Illustration, ItemId, ItemKind, Lecture, LectureItem,
    Lines, Manual, NamedBy, Note, NoteKind, Phase, ShownOutput,
};
pub use manifest::{Document, Manifest};
pub use markdown::{Anchor, Reference, ReferenceKind};
pub(crate) use placeholder::{is_to_be_replaced, of_manifest};
pub use reading::{read, read_text};
pub use shell::Invocation;
