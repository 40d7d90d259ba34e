//! The words of Kubernetes that more than one room speaks: its kinds, what the STATUS column says, quantities, and the
//! namespaces that are a cluster's own. Pure; knows no clients.

mod kinds;
mod names;
mod owner;
pub(crate) mod quantity;
pub(crate) mod status;

pub(crate) use kinds::{KINDS, Kind, kind, spelled};
pub(crate) use names::{has_label_form, is_subdomain, is_system_namespace};
pub(crate) use owner::{controller, is_controlled_by};
