//! Starts the controllers and waits for their end.

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{defaults, garbage, namespaces, scheduler, workloads};
use crate::mini::Version;

/// Starts all controllers; the API server's CA is for each namespace's `kube-root-ca.crt`. Those that a new cluster does
/// not need to become ready begin once `ready` is cancelled. The task ends soon after `stop` is.
#[must_use]
pub(crate) fn spawn(
    client: kube::Client,
    version: Version,
    timelapse: f64,
    ca_pem: String,
    ready: CancellationToken,
    stop: CancellationToken,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let tasks = TaskTracker::new();
        tasks.spawn(stop.clone().run_until_cancelled_owned(defaults::run(client.clone(), ca_pem)));
        tasks.spawn(namespaces::run(client.clone(), stop.clone(), tasks.clone()));
        tasks.spawn(stop.clone().run_until_cancelled_owned(scheduler::run(client.clone(), version)));
        if stop.run_until_cancelled(ready.cancelled()).await.is_some() {
            tasks.spawn(garbage::run(client.clone(), stop.clone(), tasks.clone()));
            tasks.spawn(workloads::run(client, version, timelapse, stop, tasks.clone()));
        }
        tasks.close();
        tasks.wait().await;
    })
}
