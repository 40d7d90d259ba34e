//! ReplicaSets (Kubernetes `pkg/controller/replicaset`): decisions only; `workloads` carries them out.

mod decide;
#[cfg(test)]
mod golden;

pub(super) use decide::{ReplicaFailure, decide, status};
