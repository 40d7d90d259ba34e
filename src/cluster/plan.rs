//! From what is asked for to what is started.

use std::path::PathBuf;

use super::context::{ContextCluster, Fit};
use super::kind::{self, ClusterSource, KindCluster, KindSettings, WantedNodeImage};
use super::mini::{MiniCluster, MiniSettings};
use super::start::StartContext;
use super::{Choice, Cluster, Error};
use crate::docker::Docker;

/// What the user said of clusters.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClusterSettings {
    pub choice: Choice,
    pub mini: MiniSettings,
    pub node_image: Option<String>,
    /// `1.36` or `1.36.2`.
    pub kubernetes_version: Option<String>,
    pub workers: u32,
    pub kind_config: Option<PathBuf>,
    pub reuse: Option<String>,
    /// A context that looks like production is meant.
    pub allow_production: bool,
}

/// A cluster that was chosen and can be started.
#[derive(Debug, Clone)]
pub(crate) enum Plan {
    Mini(MiniSettings),
    Kind(Box<KindSettings>),
    Context(Box<Fit>),
}

impl Plan {
    /// What the settings come to on this machine, and what the reader should know of it. `auto` takes kind where the
    /// CLI is there and a node image is at hand or its hub answers, else mini.
    ///
    /// # Errors
    /// Where the cluster asked for cannot be had.
    pub(crate) async fn choose(settings: &ClusterSettings, docker: &Docker) -> Result<(Self, Vec<String>), Error> {
        let mini = || Self::Mini(settings.mini.clone());
        match &settings.choice {
            Choice::Mini => Ok((mini(), Vec::new())),
            Choice::Kind => Ok((Self::kind(settings, docker).await?, Vec::new())),
            Choice::Context(name) => {
                let fit = Fit::check(name, settings.allow_production).await?;
                Ok((Self::Context(Box::new(fit)), Vec::new()))
            }
            Choice::Auto => match Self::kind(settings, docker).await {
                Ok(kind) => Ok((kind, vec!["auto took kind: the CLI and a node image are at hand".into()])),
                Err(why) => Ok((mini(), vec![format!("auto took mini: {why}")])),
            },
        }
    }

    async fn kind(settings: &ClusterSettings, docker: &Docker) -> Result<Self, Error> {
        let cli = kind::KindCli::find(docker).await?;
        let source = match &settings.reuse {
            Some(name) => {
                let known = cli.clusters().await?;
                if !known.contains(name) {
                    return Err(Error::NoCluster { name: name.clone(), known });
                }
                ClusterSource::Reuse(name.clone())
            }
            None => {
                let (image, version) = (settings.node_image.clone(), settings.kubernetes_version.clone());
                ClusterSource::Create(kind::find_image(docker, &WantedNodeImage { image, version }).await?)
            }
        };
        Ok(Self::Kind(Box::new(KindSettings {
            cli,
            source,
            workers: settings.workers,
            config: settings.kind_config.clone(),
        })))
    }

    /// Starts it; `tell` is given a line for each step that takes a while.
    ///
    /// # Errors
    /// As the cluster's own `start`.
    pub(crate) async fn start(
        &self,
        context: StartContext<'_>,
        tell: &(dyn Fn(&str) + Sync),
    ) -> Result<Cluster, Error> {
        match self {
            Self::Mini(settings) => {
                tell("waiting for the registry");
                let (registry, _) = context.registry.await.ok_or(Error::NoRegistry)?;
                let mini = MiniCluster::start(settings, context.docker, registry, context.labels).await?;
                Ok(Cluster::Mini(mini))
            }
            Self::Context(fit) => Ok(Cluster::Context(ContextCluster::start(fit).await?)),
            Self::Kind(settings) => Ok(Cluster::Kind(KindCluster::start(settings, context, tell).await?)),
        }
    }
}
