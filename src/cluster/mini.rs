//! Mini as a cluster to play on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Error, Info};
use crate::docker::Docker;
use crate::mini::runtime::Runtime as _;
use crate::mini::runtime::docker::DockerRuntime;
use crate::mini::{Mini, MiniOptions, Version};
use crate::registry::Credentials;

/// What [`Info::name`] says of it.
pub(super) const NAME: &str = "mini";

/// How mini is to behave.
#[derive(Debug, Clone)]
pub(crate) struct MiniSettings {
    /// The Kubernetes version whose behaviour it shows.
    pub version: Version,
    /// How many times faster than in Kubernetes the kubelet's syncs and back-offs pass; 1 is real time.
    pub timelapse: f64,
}

impl Default for MiniSettings {
    fn default() -> Self {
        Self { version: Version::LATEST, timelapse: 100.0 }
    }
}

pub(crate) struct MiniCluster {
    mini: Mini,
    runtime: Arc<DockerRuntime>,
    info: Info,
    /// How long it took from nothing to a node that takes pods.
    pub ready_in: Duration,
}

impl MiniCluster {
    /// Starts mini; its node pulls docker.io from the registry at `registry` and runs containers on `docker`.
    ///
    /// # Errors
    /// [`Error::Mini`].
    pub(crate) async fn start(
        settings: &MiniSettings,
        docker: Docker,
        registry: SocketAddr,
        labels: BTreeMap<String, String>,
    ) -> Result<Self, Error> {
        let runtime = Arc::new(DockerRuntime::new(docker, registry.to_string(), labels).map_err(Error::Http)?);
        let options = MiniOptions {
            node_name: "mini-control-plane".into(),
            version: settings.version,
            timelapse: settings.timelapse,
            runtime: runtime.clone(),
        };
        let begun = Instant::now();
        let mini = Mini::start(options).await.map_err(Error::Mini)?;
        let ready_in = begun.elapsed();
        let mut notes = Vec::new();
        if settings.timelapse != 1.0 {
            notes.push(format!(
                "mini passes the kubelet's back-off ×{} faster than Kubernetes does (`--timelapse 1` for real time)",
                settings.timelapse
            ));
        }
        let info = Info {
            name: NAME.into(),
            server_version: format!("v{}.0", settings.version),
            notes,
            nodes: Vec::new(),
            is_users: false,
        };
        Ok(Self { mini, runtime, info, ready_in })
    }

    pub(crate) fn info(&self) -> &Info {
        &self.info
    }

    pub(crate) fn client(&self) -> kube::Client {
        self.mini.client()
    }

    pub(crate) fn bare_client(&self) -> kube::Client {
        self.mini.bare_client()
    }

    pub(crate) fn kubeconfig(&self) -> String {
        self.mini.kubeconfig()
    }

    /// Brings an image to the node.
    ///
    /// # Errors
    /// [`Error::Preload`], in the runtime's words.
    pub(super) async fn preload(&self, image: &str, credentials: &Credentials) -> Result<(), Error> {
        let pulled = self.runtime.pull(image, Some(credentials.clone())).await;
        pulled.map(drop).map_err(|error| Error::Preload { image: image.into(), why: error.message })
    }

    pub(crate) async fn stop(self) {
        self.mini.close().await;
        // What does not go now goes by its label.
        let _ = self.runtime.close().await;
    }
}

/// Mini's kubelet takes `DELETE …/nodes/NAME/proxy/images/REFERENCE` for `crictl rmi`.
pub(super) async fn evict(client: &kube::Client, image: &str) -> Result<(), Error> {
    let failed = |source| Error::Evict { image: image.into(), source };
    let path = format!("/api/v1/nodes/mini-control-plane/proxy/images/{image}");
    let request = http::Request::delete(path).body(Vec::new()).map_err(|e| failed(kube::Error::HttpError(e)))?;
    client.request_text(request).await.map(drop).map_err(failed)
}
