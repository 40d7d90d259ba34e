//! The conformance suite: named scenarios of pulling images and of talking to the API server, played on any cluster
//! and compared with what a real one did. Knows nothing of which cluster it plays on, nor of who reads the outcome.
//!
//! A case is a title and an async function over a [`World`]: a namespace, an image name and a shell of its own. What
//! happened there is its [`CaseRecord`], without what differs from run to run. The records under `expected/` are those of
//! a real cluster (kind, Kubernetes 1.36); a record that a run wrote is accepted by copying it there.

mod cases;
mod diff;
mod error;
mod outage;
mod pod;
mod record;
mod suite;
mod testbed;
mod words;
mod world;

pub(crate) use cases::chosen;
pub use cases::{Case, all};
pub(crate) use diff::diff;
pub(crate) use error::Error;
pub(crate) use suite::{CaseOutcome, CaseResult, Suite};
pub(crate) use testbed::Testbed;
