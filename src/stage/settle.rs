//! The paying of what a session owes: each debt is paid, looked at until it is quiet, and then crossed off. The same for
//! a session that ends, is interrupted, or was killed.

use std::path::Path;
use std::time::Duration;

use futures::future::{join_all, try_join_all};

use super::remains::Remains;
use crate::cluster::{self, namespaces};
use crate::docker::{self, Docker};
use crate::exec::chain;
use crate::hint::Hint;
use crate::session::{self, Debt, Ledger, Life};
use crate::wait::{Probe, Wake, until};

/// How the session came to its end, and so what the engine may be about still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionEnd {
    /// Whatever was asked of the engine has been answered.
    Finished,
    /// Requests were dropped.
    Interrupted,
    /// Requests were dropped by somebody else, and nobody knows which.
    Killed,
}

/// How often the engine is looked at, and for how long at most.
const LOOKS: Duration = Duration::from_millis(150);
const LAST_LOOK: Duration = Duration::from_secs(15);
/// How often in a row it may refuse.
const REFUSALS: usize = 20;
/// How long the engine may take to answer what it was asked before.
const LAST_ANSWERS: Duration = Duration::from_secs(30);
/// How long the look of somebody in a hurry may take.
const GLANCE: Duration = Duration::from_secs(2);

impl SessionEnd {
    /// So many looks in a row must find nothing: the engine goes on with what it has begun for a request that was dropped.
    fn quiet_looks(self) -> usize {
        match self {
            Self::Finished => 1,
            Self::Interrupted => 3,
            Self::Killed => 7,
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Docker(#[from] docker::Error),
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    #[error("cannot remove {path}")]
    File {
        path: String,
        #[source]
        source: std::io::Error,
    },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Docker(error) => error.hint(),
            Self::Cluster(error) => error.hint(),
            Self::File { .. } => Some("files that a container has made may be root's: `sudo` removes them".into()),
        }
    }
}

/// Pays all that is owed, and gives what is there still. Namespaces go before docker.io comes back to their nodes: pods
/// that wait would ask the real one, with the lab's credentials. What the registry is in goes last.
pub(crate) async fn settle(docker: &Docker, session: &str, ledger: &Ledger, end: SessionEnd) -> Remains {
    docker.at_rest(LAST_ANSWERS).await;
    let debts = ledger.debts();
    let (clusters, others): (Vec<_>, Vec<_>) =
        debts.into_iter().partition(|debt| matches!(debt, Debt::KindCluster { .. }));
    let pay = async |debt: Debt| Payment { docker, session, ledger, end }.settle(&debt).await;
    let others = async {
        let mut remains = Remains::default();
        for turn in 0..ORDER {
            let now = others.iter().filter(|debt| order(debt) == turn).cloned();
            for left in join_all(now.map(pay)).await {
                remains = remains.and(left);
            }
        }
        remains
    };
    let (clusters, others) = tokio::join!(join_all(clusters.into_iter().map(pay)), others);
    clusters.into_iter().fold(others, Remains::and)
}

const ORDER: usize = 4;

fn order(debt: &Debt) -> usize {
    match debt {
        Debt::Namespaces { .. } => 0,
        Debt::Nodes { .. } => 1,
        Debt::Labs { .. } => 2,
        Debt::Engine { .. } | Debt::KindCluster { .. } => 3,
    }
}

/// What is owed for people.
fn what(debt: &Debt, session: &str) -> String {
    match debt {
        Debt::KindCluster { name, .. } => format!("the kind cluster {name}"),
        Debt::Namespaces { .. } => format!("namespaces rehearsal-{session}-…"),
        Debt::Nodes { nodes, .. } => format!("docker.io of {}", nodes.join(", ")),
        Debt::Labs { .. } => format!("containers and images of labs of session {session}"),
        Debt::Engine { .. } => format!("containers and images of session {session}"),
    }
}

struct Payment<'a> {
    docker: &'a Docker,
    session: &'a str,
    ledger: &'a Ledger,
    end: SessionEnd,
}

impl Payment<'_> {
    async fn settle(&self, debt: &Debt) -> Remains {
        match self.pay(debt).await {
            Ok(left) if left.is_empty() => {
                self.ledger.cross_off(debt);
                Remains::default()
            }
            Ok(left) => Remains { left, unseen: Vec::new() },
            Err(error) => {
                // Who may not list namespaces will not be told more later.
                if is_forbidden(&error) {
                    self.ledger.cross_off(debt);
                }
                let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
                let unseen = format!("{}: {}{hint}", what(debt, self.session), chain(&error));
                Remains { left: Vec::new(), unseen: vec![unseen] }
            }
        }
    }

    /// Pays one debt; what is left of it.
    async fn pay(&self, debt: &Debt) -> Result<Vec<String>, Error> {
        match debt {
            Debt::KindCluster { name, host } => {
                let left = cluster::end_kind(&self.at(host).await?, name).await?;
                Ok(left.into_iter().map(|left| format!("{left} of the kind cluster {name}")).collect())
            }
            Debt::Namespaces { kubeconfig, stage } => self.namespaces(kubeconfig, stage.as_deref()).await,
            Debt::Nodes { nodes, host } => Ok(cluster::give_back(&self.at(host).await?, self.session, nodes).await?),
            Debt::Labs { private, host } => self.labs(private, &self.at(host).await?).await,
            Debt::Engine { host } => self.engine(&self.at(host).await?).await,
        }
    }

    /// The engine on which something is owed: another one may be asked for today.
    async fn at(&self, host: &str) -> Result<Docker, docker::Error> {
        match host == self.docker.host() {
            true => Ok(self.docker.clone()),
            false => Docker::connect_to(host).await,
        }
    }

    async fn namespaces(&self, kubeconfig: &Path, stage: Option<&str>) -> Result<Vec<String>, Error> {
        let gone = match stage {
            Some(owner) => session::life(owner) == Life::Dead,
            None => self.nodes_are_gone().await?,
        };
        if gone {
            return Ok(Vec::new());
        }
        let left = namespaces::remove_through(kubeconfig, self.session, stage.is_none()).await?;
        Ok(left.into_iter().map(|name| format!("namespace {name}")).collect())
    }

    /// Whether the cluster is one of nodes on the engine, and none of them is there any more.
    async fn nodes_are_gone(&self) -> Result<bool, Error> {
        let debts = self.ledger.debts();
        let nodes = debts.iter().find_map(|debt| match debt {
            Debt::Nodes { nodes, host } => Some((nodes, host)),
            _ => None,
        });
        let Some((nodes, host)) = nodes else { return Ok(false) };
        let docker = self.at(host).await?;
        let there = try_join_all(nodes.iter().map(|node| docker.is_running(node))).await?;
        Ok(there.iter().all(Option::is_none))
    }

    async fn labs(&self, private: &Path, docker: &Docker) -> Result<Vec<String>, Error> {
        let scope = format!("{}-lab", self.session);
        docker.remove_labs(&scope).await?;
        for entry in std::fs::read_dir(private).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&scope) {
                session::end_processes(&entry.path());
                let cannot = |source| Error::File { path: entry.path().display().to_string(), source };
                std::fs::remove_dir_all(entry.path()).map_err(cannot)?;
            }
        }
        Ok(match docker.remove_labs(&scope).await? {
            0 => Vec::new(),
            left => vec![format!("containers or images of {left} labs")],
        })
    }

    async fn engine(&self, docker: &Docker) -> Result<Vec<String>, Error> {
        let (mut quiet, mut refusals, mut refused) = (0, 0, None);
        let probe = async || {
            (quiet, refusals) = match docker.remove_session(self.session).await {
                Ok(0) => (quiet + 1, 0),
                Ok(_) => (0, 0),
                Err(error) => {
                    refused = Some(error);
                    (0, refusals + 1)
                }
            };
            let done = quiet >= self.end.quiet_looks() || refusals >= REFUSALS;
            if done { Probe::Done(()) } else { Probe::Pending(String::new()) }
        };
        // What has not come to be quiet in time is there, or is not, as it is seen now.
        let _ = until("the engine to be done", LAST_LOOK, Wake::Every(LOOKS), probe).await;
        match (docker.left_of_session(self.session).await?, refused) {
            // What is left is named with the reason for which it could not go.
            (left, Some(error)) if !left.is_empty() => {
                Ok(left.into_iter().chain([format!("({})", chain(&error))]).collect())
            }
            (left, ..) => Ok(left),
        }
    }
}

fn is_forbidden(error: &Error) -> bool {
    matches!(error, Error::Cluster(cluster::Error::Client(kube::Error::Api(status))) if status.code == 403)
}

/// What is there of a session, without paying anything and without patience.
pub(crate) async fn glance(docker: &Docker, session: &str, ledger: &Ledger) -> Remains {
    let mut remains = Remains::default();
    let looks = join_all(ledger.debts().into_iter().map(async |debt| {
        let looked = async {
            match &debt {
                Debt::Engine { host } if host == docker.host() => docker.left_of_session(session).await,
                // Whether these are gone takes more than a glance.
                debt => Ok(vec![what(debt, session)]),
            }
        };
        (tokio::time::timeout(GLANCE, looked).await, what(&debt, session))
    }));
    for (looked, what) in looks.await {
        match looked {
            Ok(Ok(left)) => remains.left.extend(left),
            Ok(Err(error)) => remains.unseen.push(format!("{what}: {}", chain(&error))),
            Err(_) => remains.unseen.push(format!("{what}: the docker engine does not answer")),
        }
    }
    remains
}
