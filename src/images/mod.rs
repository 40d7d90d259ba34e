//! How the images of a lecture are come by: the ladder on which an image of a hub is found, stand-ins, and the lecture's own
//! application. Which images these are, the labs' `lecture.toml` says. Knows no steps.

mod application;
mod error;
mod ladder;
mod lecture;
mod pip;
mod stand_in;

pub use application::Base;
pub use error::{Error, Result};
pub use ladder::{FoundImage, How, Outlook, ensure, inspect};
pub use lecture::Application;

/// The image of a stage's own registry.
pub const REGISTRY: &str = "registry:2";
