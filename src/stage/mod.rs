//! What labs stand on: a private registry, the application image in it, and a cluster; brought up side by
//! side and undone in order. Knows nothing of steps.

mod handle;
mod up;

pub use handle::{Handle, Remote};
pub use up::{Error, OnPart, Part, Settings, Stage, check};
