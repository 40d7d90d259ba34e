//! A small Kubernetes in this process: store → resource table → registry pipeline and strategies → api →
//! controllers and kubelet → server. Each layer knows only the one before it; controllers and kubelet speak
//! to the API through [`kube::Client`] alone.

pub mod kubelet;
pub mod runtime;
mod version;

pub use version::Version;
