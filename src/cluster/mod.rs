//! The clusters a lab can be played on, behind one enum. Knows nothing of steps.

mod choice;
mod context;
mod kind;
mod mini;
mod plan;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use choice::{Choice, InvalidChoice};
pub use mini::MiniSettings;
pub use plan::{Ground, Plan};

/// What there is to say of a cluster that is up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// `mini`, `kind` or `context:NAME`.
    pub name: String,
    /// The server's version as `kubectl version` prints it, e.g. `v1.36.0`.
    pub server_version: String,
    /// What a reader of the output must know, e.g. that back-off is time-lapsed.
    pub notes: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("mini did not start")]
    Mini(#[source] crate::mini::Error),
    #[error("no HTTP client for the registry")]
    Http(#[source] reqwest::Error),
    #[error("cluster `{name}` cannot be used yet")]
    NotYet { name: String },
    /// Another part of the stage failed first.
    #[error("there is no registry for the cluster to pull from")]
    NoRegistry,
    #[error("the kubeconfig {path} cannot be used")]
    Kubeconfig {
        path: String,
        #[source]
        source: kube::config::KubeconfigError,
    },
    #[error("no client for the cluster")]
    Client(#[source] kube::Error),
    #[error("cannot evict {image} from the node")]
    Evict {
        image: String,
        #[source]
        source: kube::Error,
    },
}

impl Error {
    /// One line that says what to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotYet { .. } => Some("play on `--cluster mini` (or `auto`) instead".into()),
            Self::Kubeconfig { .. } => Some("is the stage still up? `rehearse down` clears what is left of one".into()),
            _ => None,
        }
    }
}

/// A cluster that is up.
pub enum Cluster {
    /// In this process.
    Mini(mini::MiniCluster),
    /// Brought up by another process (`rehearse up`), used here.
    Attached(Attached),
}

/// A cluster known by its kubeconfig only.
pub struct Attached {
    info: Info,
    client: kube::Client,
}

impl Cluster {
    /// Uses a cluster that another process keeps up.
    ///
    /// # Errors
    /// Where the kubeconfig cannot be read.
    pub async fn attach(info: Info, kubeconfig: &Path) -> Result<Self, Error> {
        let unusable = |source| Error::Kubeconfig { path: kubeconfig.display().to_string(), source };
        let file = kube::config::Kubeconfig::read_from(kubeconfig).map_err(unusable)?;
        let config = kube::Config::from_custom_kubeconfig(file, &Default::default()).await.map_err(unusable)?;
        let client = kube::Client::try_from(config).map_err(Error::Client)?;
        Ok(Self::Attached(Attached { info, client }))
    }

    pub fn info(&self) -> &Info {
        match self {
            Self::Mini(mini) => mini.info(),
            Self::Attached(attached) => &attached.info,
        }
    }

    pub fn client(&self) -> kube::Client {
        match self {
            Self::Mini(mini) => mini.client(),
            Self::Attached(attached) => attached.client.clone(),
        }
    }

    /// The kubeconfig's text, for kubectl.
    pub fn kubeconfig(&self) -> Option<String> {
        match self {
            Self::Mini(mini) => Some(mini.kubeconfig()),
            Self::Attached(_) => None,
        }
    }

    /// Takes an image off every node, so that what runs next must pull it.
    ///
    /// # Errors
    /// Where the node cannot be reached.
    pub async fn evict(&self, image: &str) -> Result<(), Error> {
        match self {
            Self::Mini(_) => mini::evict(&self.client(), image).await,
            Self::Attached(attached) if attached.info.name == "mini" => mini::evict(&attached.client, image).await,
            Self::Attached(attached) => Err(Error::NotYet { name: attached.info.name.clone() }),
        }
    }

    /// Ends it, if it is ours.
    pub async fn stop(self) {
        match self {
            Self::Mini(mini) => mini.stop().await,
            Self::Attached(_) => {}
        }
    }
}
