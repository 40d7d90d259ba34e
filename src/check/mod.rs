//! Lectures that nobody annotated: how each item is played (`player`), and what is said of it: records, their sum, the
//! summary for people, the patch, and what changed since another check. What plays is `player` with
//! `commands`, `outputs`, `states`, `proof` and `files`; all else is pure.
//! Knows nothing of terminals, or of which cluster.

mod action;
mod adapt;
mod against;
mod commands;
mod correction;
mod edit;
mod files;
mod hindrance;
mod images;
mod outputs;
mod patch;
mod player;
mod programs;
mod proof;
mod record;
mod requests;
mod roll_up;
mod selection;
mod states;
mod summary;
mod verdict;

pub(crate) use against::{RecordChange, changes};
pub(crate) use images::{hub_images, is_pushed};
pub(crate) use patch::{Error as PatchError, PatchSource, patch};
pub(crate) use player::{LecturePlayer, Requests, Setting};
#[cfg(test)]
pub(crate) use record::schema;
pub(crate) use record::{CheckHeader, Correction, Evidence, ItemRecord, Line, RecordKind, RecordsError, SCHEMA, read};
pub(crate) use roll_up::{CheckEnd, RollUp};
pub(crate) use selection::Selection;
pub(crate) use summary::summary;
pub(crate) use verdict::judge;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
