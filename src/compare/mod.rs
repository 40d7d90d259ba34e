//! Pure comparison of printed output with shown output: tables by column and row, JSON and YAML as data, other text
//! by line. [`compare`] judges a lab, whose author knows that it is rehearsed; [`typed`] lists what differs from a
//! lecture that was written for readers, so that states can be waited for and drift be explained.
//! Knows nothing of where either text came from. Differences quote both sides as they are; masking is the writer's.

mod difference;
mod elision;
mod grid;
mod lab;
mod lines;
mod same;
mod table;
#[cfg(test)]
mod tests;
mod tree;
mod typed;
mod volatile;

pub(crate) use difference::{Class, Difference, Fidelity, Path};
pub(crate) use elision::left_out;
pub(crate) use lab::{Comparison, compare};
pub(crate) use same::{Sameness, sameness};
pub(crate) use typed::{OutputForm, TypedComparison, typed};
pub(crate) use volatile::put_back;
