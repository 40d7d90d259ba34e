//! What newer Kubernetes, kubectl, containerd and Docker print otherwise than older ones did: a table of rules, and
//! which of them explain differences that were seen. A rule never makes a difference.
//! Knows nothing of lectures, of verdicts, or of who compared.

mod command;
mod explain;
mod page;
mod rule;

pub(crate) use command::words;
pub(crate) use explain::{CommandOutput, Explanation, Versions, explain, mended};
#[cfg(test)]
pub(crate) use page::page;
pub(crate) use page::sentence;
#[cfg(test)]
pub(crate) use rule::{MinorVersion, rules};

#[cfg(test)]
mod tests;
