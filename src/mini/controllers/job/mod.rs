//! Jobs (Kubernetes `pkg/controller/job`, `pkg/controller/ttlafterfinished`): decisions only; `workloads` carries them
//! out.

mod decide;
#[cfg(test)]
mod golden;

pub use decide::{TRACKING, counted, decide, noted, tracked};
