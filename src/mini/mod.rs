//! A small Kubernetes in this process: store → resource table → registry pipeline and strategies → api →
//! controllers and kubelet → server. Each layer knows only the one before it; controllers and kubelet speak
//! to the API through [`kube::Client`] alone.

pub mod kubelet;
pub mod runtime;
mod version;

pub use version::{InvalidVersion, Version};

// TEMP
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct Error;
pub struct MiniOptions {
    pub node_name: String,
    pub version: Version,
    pub timelapse: f64,
    pub runtime: std::sync::Arc<runtime::DockerRuntime>,
}
pub struct Mini;
impl Mini {
    pub async fn start(_: MiniOptions) -> Result<Mini, Error> {
        Err(Error)
    }
    pub fn client(&self) -> kube::Client {
        todo!()
    }
    pub fn kubeconfig(&self) -> String {
        todo!()
    }
    pub async fn close(self) {}
}
