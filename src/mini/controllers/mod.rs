//! The controllers a namespace and a pod cannot do without: default objects of a namespace, the end of a
//! namespace, and scheduling onto the one node. They speak to the API through [`kube::Client`] alone.

mod defaults;
mod namespaces;
mod scheduler;
mod tasks;

pub use tasks::spawn;
