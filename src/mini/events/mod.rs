//! Events as client-go's recorders write them: repeated ones counted, floods cut. Who tells what is the callers'.

mod correlator;
mod event;
mod recorder;

#[cfg(test)]
pub use correlator::{Correlator, Write};
pub use event::Event;
pub use recorder::{Recorder, Source, whole};
