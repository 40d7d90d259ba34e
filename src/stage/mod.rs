//! What labs stand on: a private registry, the application image in it, and a cluster; brought up side by
//! side, and what they owe settled in order. Knows nothing of steps.

mod error;
mod handle;
mod parts;
mod reap;
mod remains;
mod settle;
mod up;

pub use error::Error;
pub use handle::{Handle, Remote};
pub use parts::{OnPart, Part, check};
pub use reap::{Reaped, Reaping, reap};
pub use remains::Remains;
pub use settle::{End, glance, settle};
pub use up::{RegistryAuth, Settings, Stage};
