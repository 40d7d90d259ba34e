//! Markdown → steps. Owns the directive grammar, fences and their file names; errors carry file and line.
//! Knows nothing of Docker, Kubernetes clients or terminals.

mod model;

pub use model::*;
