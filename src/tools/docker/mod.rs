//! The `docker` that a lab's fences find first on their PATH: plays what lectures use of it against the stage's registry
//! and the Engine, so that nothing can reach a real hub by accident, and each lab has names of its own there.
//! Prints what docker prints; knows nothing of labs' steps. What a fence starts is a client; the program plays.

mod args;
mod build;
mod client;
mod containers;
mod images;
mod names;
mod play;
mod server;
mod table;
mod wire;

pub(crate) use client::{is_invoked, main};
pub use server::{LabDocker, Server};
pub use wire::VARIABLE;
