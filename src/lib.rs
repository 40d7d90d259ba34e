//! `rehearsal`: rehearse a Kubernetes lecture before the class does.
//!
//! A module uses only the modules listed above it; ARCHITECTURE.md says why.

pub mod wait;

pub mod hint;

pub mod process;

pub mod exec;

pub mod signal;

pub mod mask;

pub mod session;

pub mod kubewords;

pub mod event;

pub mod fence;

pub mod script;

pub mod observe;

pub mod compare;

pub mod registry;

pub mod docker;

pub mod images;

pub mod mini;

pub mod lint;

pub mod cluster;

pub mod stage;

pub mod docker_cli;

pub mod run;

pub mod conformance;

pub mod report;

pub mod cli;
