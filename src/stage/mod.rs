//! What labs stand on: a private registry, the application image in it, and a cluster; brought up side by
//! side, and what they owe settled in order. Knows nothing of steps.

mod broken;
mod error;
mod handle;
mod parts;
mod reap;
mod remains;
mod settle;
mod up;
mod users;
mod witness;

pub(crate) use error::Error;
pub(crate) use handle::{Handle, Remote};
pub(crate) use parts::{Part, check};
pub(crate) use reap::{Reaped, Reaping, reap};
pub(crate) use remains::Remains;
pub(crate) use settle::{SessionEnd, glance, settle};
pub(crate) use up::{Defect, RegistryAuth, Stage, StageSettings};
pub(crate) use witness::{NodeMark, Witness};
