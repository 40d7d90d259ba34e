//! The kubelet of mini's one node: pulls, starts, watches and reports as the real one does. Decisions are pure
//! (`pass`, `image`, `status`, `correlator`); `worker` carries them out. Speaks to the API through
//! [`kube::Client`] and to containers through [`Runtime`](super::runtime::Runtime); knows no labs.

pub mod backoff;
pub mod correlator;
pub mod event;
pub mod image;
pub mod pass;
pub mod records;
pub mod state;
pub mod status;

#[cfg(test)]
mod golden;
