//! Why a pod cannot have its image: the chain from its image's name to the registry's answer, walked link by link as the
//! kubelet and containerd walk it, to the one that is broken. Reads a cluster and changes nothing there. From the bottom
//! up: `finding` (what is said), `facts` (what a cluster and a registry said), `stuck` and `links` (the chain; pure), `read` (who
//! asks them), `target` (which pods).

mod facts;
mod finding;
mod links;
mod read;
mod stuck;
mod target;

#[cfg(test)]
mod tests;

pub(crate) use finding::Diagnosis;
pub(crate) use read::{Diagnoser, RegistryLocation};
pub(crate) use target::{DiagnosisTarget, Error};
