//! The one integration test binary: each module is one ground to stand on.

// `writeln!` to stderr gets past the harness, which keeps `eprintln!` of passing tests to itself.
#![expect(clippy::explicit_write)]
// Helpers of tests stand outside of them, where the lint does not know that it is a test that panics.
#![expect(clippy::unwrap_used)]

mod bad_input;
mod check;
mod clients;
mod conformance;
mod context;
mod docker_room;
mod docker_runtime;
mod engine;
mod escapes;
mod faults;
mod labs;
mod lectures;
mod post;
mod program;
mod readme;
mod reports;
mod rooms;
mod sabotage;
mod secrets;
mod signals;
mod streams;
mod terminal;
mod trouble;
mod unsteady;
mod up_down;
mod why;
