//! Plays labs: executes steps, records what the cluster did, judges it, and tells it as events.
//! Knows no terminals and not which cluster it plays on.

mod cause;
mod check;
mod evidence;
mod hint;
mod lab;
mod matrix;
mod play;
mod trouble;
mod yardstick;

#[cfg(test)]
pub(crate) use cause::Cause;
pub(crate) use lab::{BeforeStep, Error, Next, PlayedLab};
pub(crate) use matrix::{VersionColumn, differences};
pub(crate) use play::{LabPlayer, Tools, finish, served};
pub(crate) use yardstick::measure;
