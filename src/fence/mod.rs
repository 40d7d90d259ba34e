//! Which commands a shell fence has: pure, read from its text by the parser crate `brush-parser`. What a command means to
//! a lab, a cluster or a checker is not known here.

mod command;
mod parse;
mod questions;

pub(crate) use command::Command;
pub(crate) use parse::Fence;
pub(crate) use questions::uses_kubectl;

#[cfg(test)]
mod tests;
