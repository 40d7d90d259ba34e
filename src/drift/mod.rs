//! What newer Kubernetes, kubectl, containerd and Docker print otherwise than older ones did: a table of rules, and
//! which of them explain differences that were seen. A rule never makes a difference.
//! Knows nothing of lectures, of verdicts, or of who compared.

mod command;
mod explain;
mod page;
mod rule;

pub use command::words;
pub use explain::{Explanation, Output, Versions, explain, mended};
pub use page::page;
pub use rule::{Component, Rule, Verified, Version, rules};

#[cfg(test)]
mod tests;
