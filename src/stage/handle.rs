//! What another process must know to use a stage: written to a private file while the stage is up.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cluster::Info;
use crate::registry::Credentials;

/// A stage as `stage.json` in the session's private folder holds it (mode 0600: it has the password).
#[derive(Clone, Serialize, Deserialize)]
pub struct Handle {
    pub session: String,
    /// The session's lock file: what the owner label says.
    pub owner: String,
    /// The process that keeps the stage up.
    pub pid: u32,
    pub private: PathBuf,
    pub registry: SocketAddr,
    pub registry_container: String,
    username: String,
    password: String,
    pub cluster: Info,
    pub kubeconfig: PathBuf,
    /// The application image on the Engine, and the digest under which the registry serves it.
    pub app_image: String,
    pub app_digest: String,
    /// Kept up for later runs, not one run's own.
    pub kept: bool,
}

impl Handle {
    pub(super) fn new(
        session: &crate::session::Session,
        (registry, registry_container): (SocketAddr, String),
        credentials: &Credentials,
        (cluster, kubeconfig): (Info, PathBuf),
        (app_image, app_digest): (String, String),
        kept: bool,
    ) -> Self {
        Self {
            session: session.id().into(),
            owner: session.owner(),
            pid: std::process::id(),
            private: session.private(),
            registry,
            registry_container,
            username: credentials.username.clone(),
            password: credentials.password.clone(),
            cluster,
            kubeconfig,
            app_image,
            app_digest,
            kept,
        }
    }

    /// The labels of everything created on this stage.
    pub fn labels(&self) -> std::collections::BTreeMap<String, String> {
        super::up::session_labels(&self.session, &self.owner)
    }

    pub fn credentials(&self) -> Credentials {
        Credentials::new(&self.username, &self.password)
    }

    /// # Errors
    /// Where the file is missing or is not a stage's.
    pub fn read(path: &Path) -> std::io::Result<Self> {
        Ok(serde_json::from_slice(&std::fs::read(path)?)?)
    }

    pub fn to_json(&self) -> Vec<u8> {
        // A record of strings and numbers always serializes.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }
}
