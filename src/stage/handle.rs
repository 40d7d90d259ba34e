//! What another process must know to use a stage: written to a private file while the stage is up.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cluster::Info;
use crate::docker::labels;
use crate::images::Application;
use crate::process::Process;
use crate::registry::Credentials;
use crate::secret::Secret;
use crate::session;

/// A folder in a registry that is there already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remote {
    /// `ghcr.io` or `127.0.0.1:5001`.
    pub host: String,
    /// May be empty.
    pub path: String,
}

impl Remote {
    /// As the command line has it.
    pub fn place(&self) -> String {
        [self.host.as_str(), &self.path].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
    }
}

/// A stage as `stage.json` in the session's private folder holds it (mode 0600: it has the password).
#[derive(Clone, Serialize, Deserialize)]
pub struct Handle {
    pub session: String,
    /// The session's lock file: what the owner label says.
    pub owner: String,
    /// The process that keeps the stage up.
    pub pid: u32,
    /// The same, so that no later process is taken for it; None where there is no `/proc`.
    pub process: Option<Process>,
    pub private: PathBuf,
    /// Host and port.
    pub registry: String,
    /// Its container, where it is the stage's own.
    pub registry_container: Option<String>,
    username: String,
    #[serde(with = "crate::secret::in_private_file")]
    password: Secret,
    pub cluster: Info,
    pub kubeconfig: PathBuf,
    /// What the lecture's labs are about.
    pub application: Application,
    /// The application image on the Engine, and the digest under which the registry serves it.
    pub app_image: String,
    pub app_digest: String,
    /// Kept up for later runs, not one run's own.
    pub kept: bool,
    /// What was asked of it beside its cluster, as options.
    pub asked: Vec<String>,
    /// The user's own registry, where that is the stage's.
    pub remote: Option<Remote>,
    /// What the names of containers and images that fences make begin with, after `rehearsal-`.
    pub scope: String,
}

impl Handle {
    pub(super) fn new(
        session: &crate::session::Session,
        (registry, registry_container): (String, Option<String>),
        credentials: &Credentials,
        (cluster, kubeconfig): (Info, PathBuf),
        application: &Application,
        (app_image, app_digest): (String, String),
        (kept, remote): (Option<Vec<String>>, Option<Remote>),
    ) -> Self {
        Self {
            session: session.id().into(),
            owner: session.owner(),
            pid: std::process::id(),
            process: Process::current().cloned(),
            private: session.private(),
            registry,
            registry_container,
            username: credentials.username.clone(),
            password: credentials.password.clone(),
            cluster,
            kubeconfig,
            application: application.clone(),
            app_image,
            app_digest,
            kept: kept.is_some(),
            asked: kept.unwrap_or_default(),
            remote,
            scope: session.id().into(),
        }
    }

    /// The stage's own registry: its container and where it listens; None where it is the user's.
    pub fn own_registry(&self) -> Option<(&str, std::net::SocketAddr)> {
        Some((self.registry_container.as_deref()?, self.registry.parse().ok()?))
    }

    /// Whether somebody keeps the stage up: its session lives, and its process exists.
    pub fn is_kept_up(&self) -> bool {
        let exists = self.process.as_ref().and_then(Process::exists).unwrap_or(true);
        exists && session::is_alive(&self.owner)
    }

    /// The same stage for one lab among others, with containers and images of the lab's own.
    pub fn for_lab(&self, scope: &str) -> Self {
        Self { scope: scope.into(), ..self.clone() }
    }

    /// The folder with all sessions: one's private folder is `SESSIONS/ID/private`.
    pub fn sessions(&self) -> PathBuf {
        self.private.ancestors().nth(2).unwrap_or(&self.private).to_owned()
    }

    /// The labels of everything created on this stage.
    pub fn labels(&self) -> std::collections::BTreeMap<String, String> {
        labels::of_session(&self.session, &self.owner)
    }

    pub fn credentials(&self) -> Credentials {
        Credentials::new(&self.username, self.password.clone())
    }

    /// What nobody may be shown: the registry's password, and the tokens and passwords of the kubeconfig. Private keys
    /// are known by their form.
    pub fn secrets(&self) -> Vec<Secret> {
        let text = std::fs::read_to_string(&self.kubeconfig).unwrap_or_default();
        let config: serde_json::Value = serde_saphyr::from_str(&text).unwrap_or_default();
        let users = config["users"].as_array().into_iter().flatten();
        let named =
            users.flat_map(|user| ["token", "password"].map(|key| user["user"][key].as_str().map(Secret::from)));
        named.flatten().chain([self.password.clone()]).collect()
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
