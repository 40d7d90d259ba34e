//! A lab's shown output against what was printed: a lab is written for its rehearsal, so whatever is not spelt out as
//! volatile counts at once and nothing is waited for.
//! Knows nothing of lectures that were written for readers alone.

mod comparison;
mod table;
mod text;
mod tree;

pub(crate) use comparison::{Comparison, compare};

#[cfg(test)]
mod tests;
