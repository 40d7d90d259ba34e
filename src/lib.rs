//! `rehearsal`: rehearse a Kubernetes lecture before the class does.
//!
//! A module uses only the modules listed above it; ARCHITECTURE.md says why.

pub mod hint;

pub mod wait;

pub mod secret;

pub mod process;

pub mod exec;

pub mod files;

pub mod signal;

pub mod mask;

pub mod session;

pub mod kubewords;

pub mod event;

pub mod fence;

pub mod script;

pub mod observe;

pub mod compare;

pub mod drift;

pub mod registry;

pub mod docker;

pub mod images;

pub mod loopback;

pub mod mini;

pub mod lint;

pub mod cluster;

pub mod gateway;

pub mod stage;

pub mod tools;

pub mod place;

pub mod run;

pub mod check;

pub mod conformance;

pub mod report;

pub mod cli;
