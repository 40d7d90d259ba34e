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
pub(crate) use command::{Habit, LectureCommand, Placeholder};
pub use error::ReadError;
pub(crate) use habit::fate;
pub use item::Lecture;
pub(crate) use item::{File, Fragment, ItemId, ItemKind, LectureItem, Lines, NamedBy, NoteKind, Phase, ShownOutput};
pub(crate) use manifest::{Document, Manifest};
pub(crate) use markdown::ReferenceKind;
pub(crate) use placeholder::{is_to_be_replaced, of_manifest};
pub use reading::{read, read_text};
pub(crate) use shell::Invocation;
