//! The Docker Engine: the one room that speaks to it. Owns the client, images, containers, the stage's registry
//! container, a build's context. Knows nothing of labs or of Kubernetes.
//!
//! Everything made here carries labels ([`labels`]); removal goes by them. Cleanup is always an explicit call.

pub mod context;
pub mod labels;
pub mod layers;
pub mod registry;

mod build;
mod client;
mod container;
mod error;
mod exec;
mod image;
mod inspect;
mod lab;
mod login;
mod progress;
mod reference;
mod session;
mod transfer;

pub(crate) use build::pack;
pub use build::{BuildRequest, ContextFile};
pub use client::{DOCKER_HOST, Docker, EngineInfo, host_elsewhere};
pub use container::{Container, ContainerRequest, ContainerSummary, Exit, LogOptions};
pub use error::{Error, Result};
pub use exec::{ExecSpec, ExecStreams};
pub use image::{ImageInfo, Pushed};
pub use lab::ImageSummary;
pub use login::AuthConfig;
pub use progress::{OnProgress, Progress};
pub use session::FoundSession;
