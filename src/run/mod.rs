//! Plays labs: executes steps, records what the cluster did, judges it, and tells it as one linear stream of
//! events. Knows no terminals and not which cluster it plays on.

mod event;
mod verdict;

pub use event::*;
pub use verdict::Verdict;
