//! What is particular to each kind, as small pure strategies.

pub mod job;
pub mod pod;
mod pod_defaults;
mod pod_ephemeral;
mod pod_template;
mod pod_update;
mod pod_validation;
pub mod secret;
pub mod small;
pub mod workload;
