//! Jobs (Kubernetes `pkg/controller/job`, `pkg/controller/ttlafterfinished`): decisions only; `workloads` carries them
//! out.

mod decide;
#[cfg(test)]
mod golden;

pub(super) use decide::{TRACKING, counted, decide, noted, tracked};
