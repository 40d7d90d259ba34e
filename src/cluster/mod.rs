//! The clusters a lab can be played on, behind one enum. Knows nothing of steps.

mod choice;
mod context;
mod kind;
mod mini;
pub(crate) mod namespaces;
mod plan;
mod start;

use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use serde::{Deserialize, Serialize};

pub(crate) use choice::Choice;
pub(crate) use context::reader;
pub(crate) use kind::{
    borrowed as borrowed_nodes, end as end_kind, give_back, name_of as kind_name, sessions as kind_sessions,
};
pub(crate) use mini::MiniSettings;
pub(crate) use namespaces::labels_of as namespace_labels;
pub(crate) use plan::{ClusterSettings, Plan};
pub(crate) use start::{Challenge, StartContext};

use crate::docker::{self, Docker};
use crate::exec;
use crate::hint::Hint;
use crate::registry::{Credentials, Endpoint};

/// What there is to say of a cluster that is up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// `mini`, `kind` or `context:NAME`.
    pub name: String,
    /// The server's version as `kubectl version` prints it, e.g. `v1.36.0`.
    pub server_version: String,
    /// What a reader of the output must know, e.g. that back-off is time-lapsed.
    pub notes: Vec<String>,
    /// kind: the containers that are its nodes.
    pub nodes: Vec<String>,
    /// The user's own, which is given back as it was: a run on it ends when all that it has made there is gone.
    pub is_users: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("mini did not start")]
    Mini(#[source] crate::mini::Error),
    #[error("no HTTP client for the registry")]
    Http(#[source] reqwest::Error),
    #[error(transparent)]
    Context(#[from] context::Error),
    /// Another part of the stage failed first.
    #[error("there is no registry for the cluster to pull from")]
    NoRegistry,
    #[error("the kubeconfig {path} cannot be used")]
    Kubeconfig {
        path: String,
        #[source]
        source: kube::config::KubeconfigError,
    },
    #[error("`kind` is not on PATH")]
    KindMissing,
    #[error("kind is v{found}; v{needed} or newer is needed")]
    KindTooOld { found: String, needed: String },
    #[error("kind failed")]
    Kind(#[source] exec::Error),
    #[error("kind could not create the cluster (exit code {code}): {reason}")]
    Create { code: i32, reason: String, printed: String, logs: PathBuf },
    #[error("there is no kind cluster `{name}` to be reused")]
    NoCluster { name: String, known: Vec<String> },
    #[error("the kind config {} cannot be used: {problem}", path.display())]
    KindConfig { path: PathBuf, problem: String },
    #[error("the node image {image} can be had nowhere: {why}")]
    Image { image: String, why: String },
    #[error("the cluster has no nodes")]
    NoNodes,
    #[error("the nodes were not ready within {after:?}")]
    NotReady { after: Duration },
    #[error("cannot watch the nodes")]
    Watch(#[source] Box<kube::runtime::wait::Error>),
    #[error("session {session} plays on the node {node}")]
    InUse { node: String, session: String },
    #[error("node {node} does not reach the stage's registry as docker.io: {answer}")]
    Wiring { node: String, answer: String },
    #[error("the containerd of node {node} does not read {hosts}: its registry config_path is `{config_path}`")]
    NoHosts { node: String, hosts: &'static str, config_path: String },
    #[error("the cluster has not answered within {after:?}")]
    Silent { after: Duration },
    #[error("cannot write {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("Docker failed the cluster")]
    Docker(#[source] docker::Error),
    #[error("no client for the cluster")]
    Client(#[source] kube::Error),
    #[error("cannot bring {image} to the node: {why}")]
    Preload { image: String, why: String },
    #[error("cannot evict {image} from the node")]
    Evict {
        image: String,
        #[source]
        source: kube::Error,
    },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Context(error) => error.hint(),
            Self::KindMissing | Self::KindTooOld { .. } => {
                Some("install kind (https://kind.sigs.k8s.io), or play on `--cluster mini`".into())
            }
            Self::NoCluster { known, .. } if known.is_empty() => Some("there is none at all; without `--reuse` one is created".into()),
            Self::NoCluster { known, .. } => Some(format!("there are: {}", known.join(", "))),
            Self::Image { .. } => Some(
                "load one (`docker load -i node-image.tar`), name one (`--node-image NAME`), or play on `--cluster mini`"
                    .into(),
            ),
            Self::Create { logs, printed, .. } => Some(match printed {
                _ if printed.contains("too many open files") => "raise fs.inotify.max_user_instances with sysctl".into(),
                _ if printed.contains("no space left") => "make room on Docker's disk: `docker system df`".into(),
                _ if printed.contains("exit status 137") || printed.contains("out of memory") => {
                    "give Docker more memory: a node wants 2 GiB and more".into()
                }
                _ => format!("all that kind printed, and its nodes' logs: {}", logs.display()),
            }),
            Self::InUse { .. } => Some("wait for it, or leave out `--reuse`: runs beside each other need clusters of their own".into()),
            Self::Docker(error) => error.hint(),
            Self::NoHosts { hosts, .. } => Some(format!(
                "create the cluster with kind 0.27 or newer, or with `config_path = \"{hosts}\"` in its \
                 containerdConfigPatches, or leave out `--reuse`"
            )),
            Self::Wiring { .. } => Some("is there a proxy or a firewall between Docker's networks? `docker network inspect kind`".into()),
            Self::Kubeconfig { .. } => Some("is the stage still up? `rehearse down` clears what is left of one".into()),
            Self::Mini(error) => error.hint(),
            Self::Kind(error) => error.hint(),
            // Of what another part failed of, that part tells.
            Self::NoRegistry => None,
            Self::Http(_) => Some("has this machine any certificates to trust? `apt-get install ca-certificates`".into()),
            Self::KindConfig { .. } => Some("kind's own manual has the form: https://kind.sigs.k8s.io/docs/user/configuration".into()),
            Self::NoNodes | Self::NotReady { .. } => {
                Some("`kubectl get nodes` and `kubectl describe nodes` say what they wait for; `--cluster mini` needs none".into())
            }
            Self::Watch(_) | Self::Client(_) => Some("is the cluster still there? `kubectl get --raw /readyz` asks it".into()),
            Self::Silent { .. } => Some("is the cluster still there, and is there no firewall before it?".into()),
            Self::Preload { .. } => Some("does the node reach the stage's registry? `--cluster mini` needs no node".into()),
            Self::Evict { .. } => Some("may this user delete pods and read nodes there? `kubectl auth can-i --list` tells".into()),
            Self::Write { .. } => Some("sessions are written where `--dir DIR` says".into()),
            Self::Read { .. } => Some("the file has to be there and yours to read".into()),
        }
    }
}

/// A cluster that is up.
pub(crate) enum Cluster {
    /// In this process.
    Mini(mini::MiniCluster),
    Kind(kind::KindCluster),
    Context(context::ContextCluster),
    /// Brought up by another process (`rehearse up`), used here.
    Attached(Attached),
}

/// A cluster known by its kubeconfig only.
pub(crate) struct Attached {
    info: Info,
    client: kube::Client,
    bare: kube::Client,
    docker: Docker,
}

/// As [`client_of`], without the credentials.
async fn bare_client_of(kubeconfig: &str) -> Result<kube::Client, Error> {
    let unusable = |source| Error::Kubeconfig { path: "of the cluster".into(), source };
    let mut file = kube::config::Kubeconfig::from_yaml(kubeconfig).map_err(unusable)?;
    file.auth_infos.iter_mut().for_each(|user| user.auth_info = Some(kube::config::AuthInfo::default()));
    kube::Client::try_from(config_of(file).await.map_err(unusable)?).map_err(Error::Client)
}

/// A client for a kubeconfig's current context.
async fn client_of(kubeconfig: &str) -> Result<kube::Client, Error> {
    let unusable = |source| Error::Kubeconfig { path: "of the cluster".into(), source };
    let file = kube::config::Kubeconfig::from_yaml(kubeconfig).map_err(unusable)?;
    kube::Client::try_from(config_of(file).await.map_err(unusable)?).map_err(Error::Client)
}

/// How a kubeconfig's current context is reached: through a proxy of its own or the environment's, but for what is on
/// this machine or named in `NO_PROXY`, as kubectl does it (Go's `http.ProxyFromEnvironment`). kube holds the proxy's own
/// name against `NO_PROXY`.
async fn config_of(file: kube::config::Kubeconfig) -> Result<kube::Config, kube::config::KubeconfigError> {
    let clusters = file.clusters.iter().filter_map(|named| named.cluster.as_ref());
    let own = clusters.filter_map(|cluster| cluster.proxy_url.as_ref()).any(|proxy| !proxy.is_empty());
    let mut config = kube::Config::from_custom_kubeconfig(file, &Default::default()).await?;
    let host = config.cluster_url.authority().map(ToString::to_string).unwrap_or_default();
    let direct = (Endpoint { host }).is_here() || Matcher::from_env().intercept(&config.cluster_url).is_none();
    if direct && !own {
        config.proxy_url = None;
    }
    Ok(config)
}

impl Cluster {
    /// Uses a cluster that another process keeps up.
    ///
    /// # Errors
    /// Where the kubeconfig cannot be read.
    pub(crate) async fn attach(info: Info, kubeconfig: &Path, docker: Docker) -> Result<Self, Error> {
        let text =
            std::fs::read_to_string(kubeconfig).map_err(|source| Error::Read { path: kubeconfig.into(), source })?;
        let (client, bare) = (client_of(&text).await?, bare_client_of(&text).await?);
        Ok(Self::Attached(Attached { info, client, bare, docker }))
    }

    pub(crate) fn info(&self) -> &Info {
        match self {
            Self::Mini(mini) => mini.info(),
            Self::Kind(kind) => kind.info(),
            Self::Context(context) => context.info(),
            Self::Attached(attached) => &attached.info,
        }
    }

    pub(crate) fn client(&self) -> kube::Client {
        match self {
            Self::Mini(mini) => mini.client(),
            Self::Kind(kind) => kind.client(),
            Self::Context(context) => context.client(),
            Self::Attached(attached) => attached.client.clone(),
        }
    }

    /// A client without credentials, for requests that bring a token of their own.
    ///
    /// # Errors
    /// Where the kubeconfig cannot be used.
    pub(crate) async fn bare_client(&self) -> Result<kube::Client, Error> {
        match self {
            Self::Mini(mini) => Ok(mini.bare_client()),
            Self::Kind(kind) => bare_client_of(&kind.kubeconfig()).await,
            Self::Context(context) => bare_client_of(&context.kubeconfig()).await,
            Self::Attached(attached) => Ok(attached.bare.clone()),
        }
    }

    /// Returns once a pod can be scheduled: of a kind cluster the API serves, and images are pulled, before that.
    ///
    /// # Errors
    /// Where that takes too long.
    pub(crate) async fn schedulable(&self) -> Result<(), Error> {
        match self {
            Self::Kind(kind) => kind.schedulable().await,
            // Up is ready; who keeps a stage up has waited.
            Self::Mini(_) | Self::Context(_) | Self::Attached(_) => Ok(()),
        }
    }

    /// The kubeconfig's text, for kubectl.
    pub(crate) fn kubeconfig(&self) -> Option<String> {
        match self {
            Self::Mini(mini) => Some(mini.kubeconfig()),
            Self::Kind(kind) => Some(kind.kubeconfig()),
            Self::Context(context) => Some(context.kubeconfig()),
            Self::Attached(_) => None,
        }
    }

    /// Takes an image off every node, so that what runs next must pull it.
    ///
    /// # Errors
    /// Where a node cannot be reached.
    pub(crate) async fn evict(&self, image: &str) -> Result<(), Error> {
        match self {
            Self::Mini(mini) => mini::evict(&mini.client(), image).await,
            Self::Kind(kind) => kind::evict(kind.docker(), &kind.info().nodes, image).await,
            // Its nodes are not ours to reach into: images get names that no node knows.
            Self::Context(_) => Ok(()),
            Self::Attached(attached) if attached.info.name.starts_with(context::PREFIX) => Ok(()),
            Self::Attached(attached) if attached.info.nodes.is_empty() => mini::evict(&attached.client, image).await,
            Self::Attached(attached) => kind::evict(&attached.docker, &attached.info.nodes, image).await,
        }
    }

    /// Has every node pull an image, past every pod: only sabotage asks for it.
    ///
    /// # Errors
    /// Where a node does not get it, or is not ours to reach into.
    pub(crate) async fn preload(&self, image: &str, credentials: &Credentials) -> Result<(), Error> {
        match self {
            Self::Mini(mini) => mini.preload(image, credentials).await,
            Self::Kind(kind) => kind::preload(kind.docker(), &kind.info().nodes, image, credentials).await,
            Self::Context(_) | Self::Attached(_) => {
                Err(Error::Preload { image: image.into(), why: "its nodes are not this session's".into() })
            }
        }
    }

    /// Whether its pods are mini's, this process's or another's, with a back-off that passes in time-lapse.
    pub(crate) fn is_mini(&self) -> bool {
        self.info().name == mini::NAME
    }

    /// Whether it is there still when [`Cluster::stop`] has been.
    pub(crate) fn stays(&self) -> bool {
        match self {
            Self::Mini(_) => false,
            Self::Kind(kind) => kind.info().is_users,
            Self::Context(_) | Self::Attached(_) => true,
        }
    }

    /// Ends what of it is in this process. What it has outside is in the session's ledger.
    pub(crate) async fn stop(self) {
        match self {
            Self::Mini(mini) => mini.stop().await,
            Self::Kind(_) | Self::Context(_) | Self::Attached(_) => {}
        }
    }
}
