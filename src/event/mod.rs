//! The vocabulary of a run: its events, its verdicts, and where its time went. Pure: knows neither who emits an event nor
//! who prints it.

mod record;
mod spans;
mod stream;
mod verdict;

pub(crate) use record::{Event, Failure, PartState, Record, Timings, Yardstick};
pub(crate) use spans::{Span, covered};
pub(crate) use stream::{Chosen, Events, millis};
pub(crate) use verdict::Verdict;
