//! What is said of a lecture's items: records, their sum, the summary for people, the patch, and what changed since
//! another check. All of it is pure: functions of records and of the lecture's text.
//! Knows nothing of who played the items, of terminals, or of which cluster.

mod against;
mod correction;
mod patch;
mod record;
mod roll_up;
mod summary;
mod verdict;

pub use against::{Change, changes};
pub use correction::{command, output};
pub use patch::{Error as PatchError, Source, patch};
pub use record::{Check, Correction, Evidence, Kind, Line, Lines, ReadError, Record, SCHEMA, read, schema};
pub use roll_up::{End, RollUp};
pub use summary::summary;
pub use verdict::{Judgement, judge};

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
