//! Events as client-go's recorders write them: repeated ones counted, floods cut. Who tells what is the callers'.

mod correlator;
mod event;
mod recorder;

#[cfg(test)]
pub(super) use correlator::{Correlator, Write};
pub(super) use event::ObjectEvent;
pub(super) use recorder::{EventRecorder, EventSource, whole};
