//! The Docker Engine: the one room that speaks to it. Owns the client, images, containers, the stage's registry
//! container, a build's context. Knows nothing of labs or of Kubernetes.
//!
//! Everything made here carries labels ([`labels`]); removal goes by them. Cleanup is always an explicit call.

pub(crate) mod context;
pub mod labels;
pub(crate) mod layers;
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
pub use client::Docker;
pub(crate) use client::{DOCKER_HOST, host_elsewhere};
pub use container::{Container, ContainerRequest, ContainerSummary, Exit, LogOptions};
pub use error::{Error, Result};
pub use exec::{ExecSpec, ExecStreams};
pub use image::{ImageInfo, Pushed};
pub(crate) use lab::ImageSummary;
pub use login::AuthConfig;
pub use progress::{OnProgress, Progress};
