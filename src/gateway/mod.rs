//! The API server that a lab sees: a reverse proxy on loopback in front of the cluster's. Any client in any fence speaks
//! to it and to nothing else. Names are mapped at their places on the way there (`path`, `body`) and wherever they stand
//! on the way back (`back`); what is another lab's is not shown (`filter`); what a lab has no right to is refused in
//! Kubernetes' own words (`rights`, `error`). Knows nothing of shells and checks.

mod back;
mod body;
mod discovery;
mod dockerconfig;
mod error;
mod faults;
mod filter;
mod media;
mod names;
mod path;
mod proxy;
mod record;
mod rights;
mod server;
mod shared;
mod stream;

pub use error::Error;
pub(crate) use faults::Faults;
pub(crate) use names::Elsewhere;
pub use names::Names;
pub use record::Request;
pub use rights::Reach;
pub use server::{Gateway, Upstream};

#[cfg(test)]
mod tests;
