//! From what is asked for to what is started.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use futures::future::BoxFuture;

use super::mini::{MiniCluster, MiniSettings};
use super::{Choice, Cluster, Error};
use crate::docker::Docker;

/// A cluster that was chosen and can be started.
#[derive(Debug, Clone)]
pub enum Plan {
    Mini(MiniSettings),
}

/// What a cluster is started on.
pub struct Ground<'a> {
    pub docker: Docker,
    pub session: String,
    pub labels: BTreeMap<String, String>,
    /// The stage's registry, once it is up; None when it never comes up.
    pub registry: BoxFuture<'a, Option<SocketAddr>>,
}

impl Plan {
    /// What `choice` comes to on this machine, and what the reader should know of it.
    ///
    /// # Errors
    /// Where the cluster asked for cannot be had.
    pub fn of(choice: &Choice, mini: &MiniSettings) -> Result<(Self, Vec<String>), Error> {
        match choice {
            Choice::Mini => Ok((Self::Mini(mini.clone()), Vec::new())),
            Choice::Auto => {
                let why = "auto took mini: kind clusters cannot be used yet".to_owned();
                Ok((Self::Mini(mini.clone()), vec![why]))
            }
            other => Err(Error::NotYet { name: other.to_string() }),
        }
    }

    /// Starts it; `tell` is given a line for each step that takes a while.
    ///
    /// # Errors
    /// As the cluster's own `start`.
    pub async fn start(&self, ground: Ground<'_>, tell: &(dyn Fn(&str) + Sync)) -> Result<Cluster, Error> {
        match self {
            Self::Mini(settings) => {
                tell("waiting for the registry");
                let registry = ground.registry.await.ok_or(Error::NoRegistry)?;
                let mini = MiniCluster::start(settings, ground.docker, registry, ground.labels).await?;
                Ok(Cluster::Mini(mini))
            }
        }
    }
}
