//! What is particular to each kind, as small pure strategies.

pub(super) mod job;
pub(super) mod pod;
mod pod_defaults;
mod pod_ephemeral;
mod pod_template;
mod pod_update;
mod pod_validation;
pub(super) mod secret;
pub(super) mod small;
pub(super) mod workload;
