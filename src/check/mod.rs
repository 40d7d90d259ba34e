//! Lectures that nobody annotated: how each item is played (`player`), and what is said of it: records, their sum, the
//! summary for people, the patch, and what changed since another check. All but `player` and `twin` is pure.
//! Knows nothing of terminals, or of which cluster.

mod action;
mod adapt;
mod against;
mod claim;
mod correction;
mod edit;
mod patch;
mod player;
mod programs;
mod record;
mod requests;
mod roll_up;
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
