//! Starts the controllers and waits for their end.

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{defaults, namespaces, scheduler};

/// What the controllers need to know.
#[derive(Debug, Clone)]
pub struct ControllerOptions {
    /// The API server's CA, for each namespace's `kube-root-ca.crt`.
    pub ca_pem: String,
}

/// Starts all controllers. The task ends soon after the token is cancelled.
#[must_use]
pub fn spawn(client: kube::Client, options: ControllerOptions, stop: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(async move {
        let tasks = TaskTracker::new();
        tasks.spawn(stop.clone().run_until_cancelled_owned(defaults::run(client.clone(), options.ca_pem)));
        tasks.spawn(namespaces::run(client.clone(), stop.clone(), tasks.clone()));
        tasks.spawn(stop.run_until_cancelled_owned(scheduler::run(client)));
        tasks.close();
        tasks.wait().await;
    })
}
