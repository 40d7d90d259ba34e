//! The one integration test binary: each module is one ground to stand on.

mod bad_input;
mod conformance;
mod docker_room;
mod docker_runtime;
mod engine;
mod labs;
mod program;
mod readme;
mod secrets;
mod signals;
mod up_down;
