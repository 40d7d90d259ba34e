//! Subresources that are connections to a container: `log`, `exec`, `portforward`, through the [`Runtime`].
//!
//! [`Runtime`]: crate::mini::runtime::Runtime

mod channels;
mod container;
mod exec;
mod log;
mod portforward;
mod spdy;

pub use exec::exec;
pub use log::log;
pub use portforward::portforward;
