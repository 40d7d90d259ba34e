//! The Docker Engine: the one room that speaks to it. Owns the client, images, containers, the stage's registry
//! container and the ladder by which hub images are found. Knows nothing of labs or of Kubernetes.
//!
//! Everything made here carries labels ([`labels`]); removal goes by them. Cleanup is always an explicit call.

pub mod app;
pub mod labels;
pub mod ladder;
pub mod layers;
pub mod registry;

mod build;
mod client;
mod container;
mod error;
mod exec;
mod hub_image;
mod image;
mod inspect;
mod lab;
mod login;
mod pip;
mod progress;
mod reference;
mod session;
mod stand_in;
mod transfer;

pub use build::{BuildRequest, ContextFile};
pub use client::{DOCKER_HOST, Docker, EngineInfo, host_elsewhere};
pub use container::{Container, ContainerRequest, ContainerSummary, Exit, LogOptions};
pub use error::{Error, Result};
pub use exec::{ExecSpec, ExecStreams};
pub use hub_image::HubImage;
pub use image::{ImageInfo, Pushed};
pub use lab::ImageSummary;
pub use login::Login;
pub use progress::{OnProgress, Progress};
pub use session::FoundSession;
