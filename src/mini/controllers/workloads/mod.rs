//! Carries out what the controllers of workloads decide: one task watches Deployments, ReplicaSets, Jobs and pods, keeps
//! what it has seen, and syncs what may need it, one after the other. Decides nothing itself.

mod cache;
mod deployment;
mod job;
mod queue;
mod replicaset;
mod run;

pub(super) use run::run;
