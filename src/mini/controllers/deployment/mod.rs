//! Deployments (Kubernetes `pkg/controller/deployment`): decisions only; `workloads` carries them out.

mod conditions;
mod decide;
#[cfg(test)]
mod golden;
mod sets;
mod template_hash;

pub(super) use decide::{DeploymentAction, SyncInput, collided, create_failed, decide};
