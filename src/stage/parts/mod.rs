//! The parts of a stage, one file each. Whatever a part begins is in the session's ledger before; no part undoes anything.

mod cluster;
mod image;
mod part;
mod raising;
mod registry;

pub(super) use cluster::Slot;
pub(super) use image::push;
pub(crate) use part::{OnPart, Part};
pub(super) use raising::Raising;
pub(super) use registry::ask;
pub(crate) use registry::check;
