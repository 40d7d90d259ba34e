//! The garbage collector (Kubernetes `pkg/controller/garbagecollector`): what becomes of an object whose owners are
//! gone, or are to go with or without it. `graph` knows who owns whom and decides; `run` watches, looks and writes.

mod graph;
mod run;

pub(super) use run::run;
