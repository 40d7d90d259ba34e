//! The stage's cluster, and where others find its kubeconfig.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use super::part::{Part, timed};
use super::raising::Raising;
use super::registry::{Address, address_of};
use crate::cluster::{Challenge, Cluster, Info, StartContext};
use crate::session::Debt;
use crate::stage::{Defect, Error};

/// A cluster that is up: what there is to say of it.
pub(in crate::stage) struct Raised {
    pub info: Info,
    /// Empty where it has none.
    pub kubeconfig: PathBuf,
}

/// A cluster that came up, for whoever stops it.
pub(in crate::stage) type Slot = Mutex<Option<Cluster>>;

/// How the registry receives strangers.
fn challenge(raising: &Raising<'_>) -> Challenge {
    match (raising.settings.defect, raising.tokens) {
        (Some(Defect::OpenRegistry | Defect::AnyPassword | Defect::GrantsEverything), _) => Challenge::None,
        (_, Some(tokens)) => Challenge::Token(tokens.realm()),
        (_, None) => Challenge::Password,
    }
}

/// Brings the cluster up and leaves it in `slot`; what the session's labs will make on one that stays is owed from then
/// on.
///
/// # Errors
/// As the cluster's own start.
pub(super) async fn raise(
    raising: &Raising<'_>,
    address: watch::Receiver<Option<Address>>,
    at_rest: watch::Receiver<bool>,
    slot: &Slot,
) -> Result<Raised, Error> {
    let Raising { settings, docker, session, .. } = raising;
    timed(Part::Cluster, raising.on_part, async |tell| {
        let mut at_rest = at_rest;
        let context = StartContext {
            docker: (*docker).clone(),
            session: session.id().into(),
            owner: session.owner(),
            private: session.private(),
            logs: session.dir().into(),
            labels: raising.labels(),
            ledger: session.ledger().clone(),
            challenge: challenge(raising),
            registry: Box::pin(async { address_of(address).await.ok() }),
            registry_at_rest: Box::pin(async { drop(at_rest.wait_for(|rest| *rest).await) }),
        };
        let cluster = settings.plan.start(context, tell).await.map_err(Error::Cluster)?;
        let info = cluster.info().clone();
        let kubeconfig = match cluster.kubeconfig() {
            Some(text) => session.write_private("kubeconfig", text.as_bytes())?,
            None => PathBuf::new(),
        };
        if info.is_users {
            session.owe(Debt::Namespaces { kubeconfig: kubeconfig.clone(), stage: None })?;
        }
        if settings.kept.is_some() {
            tell("waiting for the nodes to be ready");
            cluster.schedulable().await.map_err(Error::Cluster)?;
        }
        let line = match &cluster {
            Cluster::Mini(mini) => format!("mini {}, ready in {} ms", info.server_version, mini.ready_in.as_millis()),
            _ => format!("{} {}", info.name, info.server_version),
        };
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(cluster);
        Ok((Raised { info, kubeconfig }, line))
    })
    .await
}
