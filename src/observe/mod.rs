//! Pure observation: a Pod → the STATUS `kubectl get pods` would print, traces, matching of expectations.
//! Knows no clients and never sleeps: what a watch delivers is handed in, with the time it came.
//!
//! [`Recorder`] turns watch deliveries into one [`Trace`] per object; a [`Trace`] answers expectations, draws itself
//! as a one-line timeline (`Display`) and gives the [`Redacted`] form that snapshots compare.

mod pattern;
mod pod;
mod pull;
mod recorder;
mod redact;
mod timeline;
mod trace;

pub(crate) use pattern::{PatternProgress, Sighting};
pub(crate) use pod::pod_status;
pub(crate) use pull::Came;
pub(crate) use pull::{WireTrouble, is_refusal, wire_trouble};
pub(crate) use recorder::Recorder;
pub use redact::{Redacted, Redactor};
pub(crate) use redact::{RedactedEvent, RedactedState};
pub(crate) use trace::EventSeen;
pub use trace::Trace;
#[cfg(test)]
pub(crate) use trace::TraceState;
