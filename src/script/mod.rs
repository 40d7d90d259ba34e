//! Markdown → steps. Owns the directive grammar, fences and their file names; errors carry file and line.
//! Knows nothing of Docker, Kubernetes clients or terminals.
//!
//! [`load`], [`load_all`] and [`find`] are the way in; `docs/directives.md` is the grammar for people.

mod assemble;
mod catalog;
mod directive;
mod error;
mod grammar;
pub mod lecture;
mod markdown;
mod model;

pub(crate) use catalog::{find, load, load_all};
pub(crate) use error::ScriptError;
pub(crate) use model::*;
