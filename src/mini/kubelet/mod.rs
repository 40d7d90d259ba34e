//! The kubelet of mini's one node: pulls, starts, watches and reports as the real one does. Decisions are pure
//! (`pass`, `image`, `status`); `worker` carries them out. Speaks to the API through
//! [`kube::Client`] and to containers through [`Runtime`](super::runtime::Runtime); knows no labs.

mod backoff;
mod environment;
mod fields;
mod image;
mod images;
mod manager;
mod node;
mod pass;
mod records;
mod security;
mod sources;
mod state;
mod status;
mod volumes;
mod worker;

pub(crate) use manager::spawn;
pub(crate) use state::Node;

#[cfg(test)]
pub(in crate::mini) mod cluster_tests;
#[cfg(test)]
mod golden;
