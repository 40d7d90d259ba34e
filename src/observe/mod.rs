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

pub use pattern::{PatternProgress, Sighting};
pub use pod::{PodRow, pod_status};
pub use pull::Came;
pub(crate) use pull::{WireTrouble, is_refusal, wire_trouble};
pub use recorder::Recorder;
pub use redact::{Redacted, RedactedEvent, RedactedState, Redactor};
pub use trace::{EventSeen, State, Trace};
