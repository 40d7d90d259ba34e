//! What only sabotage asks of a stage: to break one of its things while labs are played. Knows no labs.

use std::collections::BTreeMap;

use super::error::Error;
use super::parts::{Part, push};
use super::up::Stage;
use crate::docker::{self, BuildRequest, ContextFile};

impl Stage {
    /// Has every node pull `image` with the stage's credentials, past every pod.
    ///
    /// # Errors
    /// Where a node cannot, or is not ours to reach into.
    pub(crate) async fn preload(&self, image: &str) -> Result<(), Error> {
        self.cluster.preload(image, &self.credentials()).await.map_err(Error::Cluster)
    }

    /// Serves under `image` another image than the application: one that does the same and is not the same.
    ///
    /// # Errors
    /// Where it cannot be built or pushed.
    pub(crate) async fn serve_another(&self, image: &str) -> Result<(), Error> {
        let failed = |source: docker::Error| Error::Docker { part: Part::Image, source: source.into() };
        let handle = &self.handle;
        let dockerfile = format!("FROM {}\nENV REHEARSAL_OTHER=1\n", handle.application.named(&handle.session));
        let request = BuildRequest {
            context: vec![ContextFile::new("Dockerfile", dockerfile)],
            dockerfile: "Dockerfile".into(),
            tag: handle.application.named(&format!("{}-other", handle.session)),
            args: BTreeMap::new(),
            labels: handle.labels(),
            network: None,
            no_cache: false,
        };
        let other = self.docker.build(request, &|_| {}).await.map_err(failed)?;
        push(image, &self.docker, &other.id, &handle.registry, &self.credentials()).await.map(drop)
    }

    /// Stops the stage's own registry: nobody listens on its port.
    ///
    /// # Errors
    /// Where Docker does not answer.
    pub(crate) async fn stop_registry(&self) -> Result<(), docker::Error> {
        match &self.handle.registry_container {
            Some(container) => self.docker.stop(container, std::time::Duration::ZERO).await,
            None => Ok(()),
        }
    }

    /// Holds the stage's own registry up, or lets it go on: meanwhile whoever asks it waits.
    ///
    /// # Errors
    /// Where Docker does not answer.
    pub(crate) async fn hold_registry(&self, held: bool) -> Result<(), docker::Error> {
        match &self.handle.registry_container {
            Some(container) if held => self.docker.pause(container).await,
            Some(container) => self.docker.unpause(container).await,
            None => Ok(()),
        }
    }
}
