//! Subresources that are connections to a container: `log`, `exec`, `attach`, `portforward`, through the [`Runtime`].
//!
//! [`Runtime`]: crate::mini::runtime::Runtime

mod channels;
mod container;
mod exec;
mod log;
mod portforward;
mod spdy;

pub(super) use exec::{attach, exec};
pub(super) use log::log;
pub(super) use portforward::portforward;
