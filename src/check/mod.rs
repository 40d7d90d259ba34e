//! Lectures that nobody annotated: how each item is played (`player`), and what is said of it: records, their sum, the
//! summary for people, the patch, and what changed since another check. What plays is `player` with
//! `commands`, `outputs`, `states` and `files`, and `twin`; all else is pure.
//! Knows nothing of terminals, or of which cluster.

mod action;
mod adapt;
mod against;
mod claim;
mod commands;
mod correction;
mod edit;
mod files;
mod hindrance;
mod outputs;
mod patch;
mod player;
mod programs;
mod record;
mod requests;
mod roll_up;
mod states;
mod summary;
mod twin;
mod verdict;

pub use against::{Change, changes};
pub use correction::{command, output};
pub use patch::{Error as PatchError, Source, patch};
pub use player::{Player, Requests, Setting};
pub use record::{Check, Correction, Evidence, Kind, Line, Lines, ReadError, Record, SCHEMA, read, schema};
pub use roll_up::{End, RollUp};
pub use summary::summary;
pub use verdict::{Judgement, judge};

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
