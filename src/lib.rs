//! `rehearsal`: rehearse a Kubernetes lecture before the class does.
//!
//! A module uses only the modules listed above it; ARCHITECTURE.md says why.

use tikv_jemallocator::Jemalloc;

/// mini's objects are made by one thread and freed by another, for which glibc's threads wait for each other: a thousand pods
/// run in three quarters of the time with this one. Its own threads give back to the machine what large objects leave free.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

pub mod hint;

pub mod wait;

mod clock;

mod noun;

mod secret;

pub mod process;

pub mod exec;

mod files;

mod signal;

mod mask;

pub mod session;

mod kubewords;

mod event;

mod fence;

pub mod script;

pub mod observe;

mod compare;

mod drift;

pub mod registry;

pub mod docker;

pub mod images;

mod loopback;

pub mod mini;

pub mod lint;

mod cluster;

mod why;

pub mod gateway;

mod stage;

pub mod tools;

mod place;

mod twin;

mod run;

mod sabotage;

mod check;

pub mod conformance;

mod report;

pub mod cli;
