//! What sessions that were killed have left, paid for them: found by their folders, their locks, their labels on the
//! engine, the locks that are mounted into kind's nodes, and what nodes were told of docker.io.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use futures::future::join_all;

use super::remains::Remains;
use super::settle::{SessionEnd, settle};
use crate::cluster;
use crate::docker::Docker;
use crate::process;
use crate::session::{self, Dead, Debt, Ledger, Life, Payer};
use crate::wait::{Probe, Wake, until};

/// How long another process may take to pay for a session.
const ANOTHERS: Duration = Duration::from_secs(180);
const LOOKS: Duration = Duration::from_millis(100);

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Reaped {
    /// What was removed, a line each.
    pub removed: Vec<String>,
    pub remains: Remains,
    /// What is there of sessions that are not ours to judge, a line each.
    pub others: Vec<String>,
}

/// How thoroughly is looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reaping {
    /// Before something is begun: what another process pays for is left to it.
    InPassing,
    /// Because somebody asks for it: what another process pays for is waited for, nodes are asked, and what is not ours is
    /// told.
    Asked,
}

/// Ends what dead sessions have started, and pays what they owe.
pub(crate) async fn reap(docker: &Docker, root: &Path, reaping: Reaping) -> Reaped {
    // Requests to the engine come to their end below, where their cluster is looked at.
    process::end_orphans(|found| found.name != "docker" && found.name != "podman");
    let mut reaped = Reaped::default();
    let found = find(docker, root, reaping, &mut reaped).await;
    let paid = join_all(found.into_values().map(|found| found.pay(docker, reaping))).await;
    for (removed, remains) in paid {
        reaped.removed.extend(removed);
        reaped.remains = std::mem::take(&mut reaped.remains).and(remains);
    }
    process::end_orphans(|_| true);
    session::trim_reports(root);
    reaped
}

/// A dead session, and what was found of it beside its ledger.
struct Found {
    dead: Dead,
    debts: Vec<Debt>,
}

async fn find(docker: &Docker, root: &Path, reaping: Reaping, reaped: &mut Reaped) -> BTreeMap<String, Found> {
    let host = || docker.host().to_owned();
    let sessions = async {
        let found = docker.sessions().await.unwrap_or_default().into_iter();
        // Without an owner label it is not ours to judge.
        let owned = found
            .filter_map(|found| Some((found.id.clone(), found.owner()?.to_owned(), Debt::Engine { host: host() })));
        owned.collect::<Vec<_>>()
    };
    let clusters = async {
        let cluster = |(session, owner): (String, String)| {
            let name = cluster::kind_name(&session);
            (session, owner, Debt::KindCluster { name, host: host() })
        };
        cluster::kind_sessions(docker).await.into_iter().map(cluster).collect::<Vec<_>>()
    };
    let borrowed = async {
        match reaping {
            Reaping::InPassing => Vec::new(),
            Reaping::Asked => {
                let nodes = |((session, owner), nodes)| (session, owner, Debt::Nodes { nodes, host: host() });
                cluster::borrowed_nodes(docker).await.into_iter().map(nodes).collect()
            }
        }
    };
    let (sessions, clusters, borrowed) = tokio::join!(sessions, clusters, borrowed);
    let known = session::dead(root).into_iter();
    let mut all: BTreeMap<_, _> = known.map(|dead| (dead.id.clone(), Found { dead, debts: Vec::new() })).collect();
    for (id, owner, debt) in [sessions, clusters, borrowed].concat() {
        match session::life(&owner) {
            Life::Alive => {}
            Life::Others if reaping == Reaping::Asked => {
                let line =
                    format!("left alone: session {id}, which is another user's or another host's; its lock is {owner}");
                if !reaped.others.contains(&line) {
                    reaped.others.push(line);
                }
            }
            Life::Others => {}
            Life::Dead => {
                let Some(dead) = Dead::find(&id, &owner) else { continue };
                all.entry(id).or_insert_with(|| Found { dead, debts: Vec::new() }).debts.push(debt);
            }
        }
    }
    all
}

impl Found {
    async fn pay(self, docker: &Docker, reaping: Reaping) -> (Vec<String>, Remains) {
        let Self { dead, debts } = self;
        let Some(_payer) = payer(&dead, reaping).await else { return Default::default() };
        dead.end_processes();
        let (ledger, unread) = match dead.ledger() {
            Ok(Some(ledger)) => (ledger, false),
            Ok(None) => (Ledger::of_found(Vec::new()), false),
            Err(_) => (Ledger::of_found(Vec::new()), true),
        };
        for debt in debts {
            // One that cannot be written down is paid all the same.
            let _ = ledger.owe(debt);
        }
        let owed = ledger.debts();
        let remains = settle(docker, &dead.id, &ledger, SessionEnd::Killed).await;
        let id = dead.id.clone();
        if remains.is_nothing() {
            dead.forget();
        }
        let mut removed = Vec::new();
        if remains.is_nothing() && owed.iter().any(|debt| !matches!(debt, Debt::KindCluster { .. })) {
            removed.push(format!("removed what the dead session {id} had left"));
        }
        if remains.is_nothing() && owed.iter().any(|debt| matches!(debt, Debt::KindCluster { .. })) {
            removed.push(format!("deleted the kind cluster of the dead session {id}"));
        }
        if unread {
            removed.push(format!(
                "what the dead session {id} owed was not to be read: what carries its name was looked for"
            ));
        }
        (removed, remains)
    }
}

/// The right to pay; None where another process pays, or has paid.
async fn payer(dead: &Dead, reaping: Reaping) -> Option<Option<Payer>> {
    if reaping == Reaping::InPassing {
        return dead.payer();
    }
    let free = async || match dead.payer() {
        Some(payer) => Probe::Done(payer),
        None => Probe::Pending("another process pays for it".into()),
    };
    until("the payer of a dead session", ANOTHERS, Wake::Every(LOOKS), free).await.ok()
}
