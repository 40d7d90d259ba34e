//! The namespaces that sessions have made on clusters that stay: found by their names and labels, removed, and looked for
//! until they have gone. Knows no lab.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{DeleteParams, ListParams};
use kube::{Api, Client, ResourceExt};
use sha2::{Digest as _, Sha256};

use super::{Error, client_of};
use crate::docker::labels;
use crate::process::Process;
use crate::session::{self, Life};
use crate::wait::{Probe, Wake, until};

/// How long namespaces may take to go: Kubernetes takes some seconds for each.
const GOING: Duration = Duration::from_secs(120);
const LOOKS: Duration = Duration::from_millis(200);
/// How long a cluster may take to answer at all.
const ANSWERS: Duration = Duration::from_secs(15);

/// The labels of a namespace that a run makes.
pub(crate) fn labels_of(session: &str) -> BTreeMap<String, String> {
    let process = Process::current().map(|process| (labels::PROCESS.to_owned(), process.to_string()));
    [(labels::SESSION.to_owned(), session.to_owned()), host_label()].into_iter().chain(process).collect()
}

/// The label that tells this user's sessions on this host from others on the same cluster.
fn host_label() -> (String, String) {
    let host = nix::unistd::gethostname().unwrap_or_default();
    let whole = format!("{}:{}", host.to_string_lossy(), session::lock_dir().display());
    let digest = Sha256::digest(whole.as_bytes());
    (labels::HOST.into(), digest[..8].iter().map(|byte| format!("{byte:02x}")).collect())
}

fn is_of(namespace: &Namespace, session: &str) -> bool {
    let name = namespace.metadata.name.as_deref().unwrap_or_default();
    let labelled = namespace.labels().get(labels::SESSION).is_some_and(|label| label == session);
    labelled
        || name
            .strip_prefix("rehearsal-")
            .and_then(|name| name.strip_prefix(session))
            .is_some_and(|rest| rest.starts_with('-'))
}

/// Removes a session's namespaces, their pods at once, and gives the names of those that are there still: after waiting
/// for them to go where they are `awaited`.
///
/// # Errors
/// Where the cluster does not answer, or does not let its namespaces be listed.
pub(crate) async fn remove(client: &Client, session: &str, awaited: bool) -> kube::Result<Vec<String>> {
    let all = Api::<Namespace>::all(client.clone());
    let names = async || {
        let found = all.list(&ListParams::default()).await?;
        Ok::<_, kube::Error>(
            found.iter().filter(|found| is_of(found, session)).map(ResourceExt::name_any).collect::<Vec<_>>(),
        )
    };
    let found = names().await?;
    let now = &DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
    join_all(found.iter().map(|name| async {
        // Pods first and at once: the namespace would give each its whole grace period. What refuses is there below.
        let pods = Api::<Pod>::namespaced(client.clone(), name);
        let _ = pods.delete_collection(now, &ListParams::default()).await;
        let _ = all.delete(name, now).await;
    }))
    .await;
    if !awaited || found.is_empty() {
        return Ok(Vec::new());
    }
    let gone = async || match names().await {
        Ok(left) if left.is_empty() => Probe::Done(Ok(())),
        Ok(left) => Probe::Pending(left.join(", ")),
        Err(error) => Probe::Done(Err(error)),
    };
    match until("the namespaces to go", GOING, Wake::Every(LOOKS), gone).await {
        Ok(gone) => gone.map(|()| Vec::new()),
        Err(_) => names().await,
    }
}

/// As [`remove`], through a kubeconfig file.
///
/// # Errors
/// As [`remove`], and where the kubeconfig cannot be used or the cluster is silent.
pub(crate) async fn remove_through(kubeconfig: &Path, session: &str, awaited: bool) -> Result<Vec<String>, Error> {
    let text = std::fs::read_to_string(kubeconfig).map_err(|source| Error::Read { path: kubeconfig.into(), source })?;
    let client = client_of(&text).await?;
    match tokio::time::timeout(ANSWERS, client.apiserver_version()).await {
        Ok(answer) => answer.map_err(Error::Client)?,
        Err(_) => return Err(Error::Silent { after: ANSWERS }),
    };
    remove(&client, session, awaited).await.map_err(Error::Client)
}

/// Removes namespaces of sessions that were started here and are dead, and says what. One who may not list namespaces has
/// nothing to be told.
///
/// # Errors
/// Where the cluster does not answer.
pub(crate) async fn reap(client: &Client) -> kube::Result<Vec<String>> {
    let namespaces = match Api::<Namespace>::all(client.clone()).list(&ListParams::default()).await {
        Ok(list) => list.items,
        Err(kube::Error::Api(status)) if status.code == 403 => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let (label, ours) = host_label();
    let ours = namespaces.iter().filter(|namespace| namespace.labels().get(&label) == Some(&ours));
    let dead: BTreeSet<&String> =
        ours.filter(|namespace| is_dead(namespace)).filter_map(|found| found.labels().get(labels::SESSION)).collect();
    let mut reaped = Vec::new();
    for session in dead {
        reaped.push(match remove(client, session, true).await?[..] {
            [] => format!("removed the namespaces that the dead session {session} had left"),
            ref left => format!("of the dead session {session} there is left: {}", left.join(", ")),
        });
    }
    Ok(reaped)
}

fn is_dead(namespace: &Namespace) -> bool {
    let label = |name: &str| namespace.labels().get(name);
    if let Some(exists) = label(labels::PROCESS).and_then(|process| process.parse::<Process>().ok()?.exists()) {
        return !exists;
    }
    let lock = label(labels::SESSION).and_then(|session| session::lock_of(session));
    lock.is_none_or(|lock| session::life(&lock.display().to_string()) == Life::Dead)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    use super::*;

    fn namespace(name: &str, labels: BTreeMap<String, String>) -> Namespace {
        let metadata = ObjectMeta { name: Some(name.into()), labels: Some(labels), ..ObjectMeta::default() };
        Namespace { metadata, ..Namespace::default() }
    }

    #[test]
    fn a_sessions_namespaces_are_known_by_name_or_label_and_no_others() {
        let session = "20260101-000000-0000";
        let labelled = labels_of(session);
        for (name, labels, is) in [
            ("rehearsal-20260101-000000-0000-lab1", BTreeMap::new(), true),
            ("rehearsal-20260101-000000-0000", BTreeMap::new(), false),
            ("rehearsal-20260101-000000-00001-lab1", BTreeMap::new(), false),
            ("anything", labelled, true),
            ("default", BTreeMap::new(), false),
        ] {
            assert_eq!(is_of(&namespace(name, labels), session), is, "{name}");
        }
    }

    #[test]
    fn a_namespace_is_as_dead_as_the_process_that_made_it() {
        let mut labels = labels_of("20260101-000000-0000");
        assert!(!is_dead(&namespace("n", labels.clone())), "its lock may have been tidied away");
        let process = labels[labels::PROCESS].split_once('-').map(|(_, rest)| format!("4194999-{rest}")).unwrap();
        labels.insert(labels::PROCESS.into(), process);
        assert!(is_dead(&namespace("n", labels.clone())));
        labels.remove(labels::PROCESS);
        assert!(is_dead(&namespace("n", labels)), "no process and no lock");
    }
}
