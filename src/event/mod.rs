//! The vocabulary of a run: its events, its verdicts, and where its time went. Pure: knows neither who emits an event nor
//! who prints it.

mod item;
mod record;
#[cfg(test)]
mod schema_tests;
mod spans;
mod stream;
mod verdict;

pub(crate) use item::{Differing, Exhibit, Item, Suggestion};
#[cfg(test)]
use record::schema;
pub(crate) use record::{Event, Failure, PartState, Record, SCHEMA, Timings, Yardstick};
pub(crate) use spans::{Span, covered};
pub(crate) use stream::{Chosen, Events, millis};
pub(crate) use verdict::Verdict;
