//! The controllers: default objects of a namespace, the end of a namespace, scheduling onto the one node, Deployments,
//! ReplicaSets and Jobs, garbage collection. They speak to the API through [`kube::Client`] alone.

#[cfg(test)]
mod cluster_tests;
mod defaults;
mod deployment;
mod garbage;
mod job;
mod namespaces;
mod pod;
mod replicaset;
mod scheduler;
mod tasks;
mod workloads;

pub(crate) use tasks::spawn;
