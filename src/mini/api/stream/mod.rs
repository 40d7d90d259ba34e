//! Subresources that are connections to a container: `log`, `exec`, `portforward`, through the [`Runtime`].
//!
//! [`Runtime`]: crate::mini::runtime::Runtime

mod container;
mod exec;
mod log;

pub use exec::exec;
pub use log::log;
