//! The gateway as a whole: its listener, its kubeconfig, its end.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::discovery::{Discovery, WARM};
use super::error::Error;
use super::faults::Faults;
use super::names::Names;
use super::proxy::{self, Inside};
use super::record::Request;
use super::rights::Reach;
use super::shared::Shared;
use crate::loopback::{Listener, kubeconfig};
use crate::mini::random_token;

/// The cluster that a gateway stands before: in this process or behind TLS.
#[derive(Clone)]
pub struct Upstream {
    /// With the cluster's own credentials.
    pub(crate) client: kube::Client,
    /// Without any, for requests that bring a ServiceAccount's token of their own.
    pub(crate) bare: kube::Client,
    /// What is the same for all gateways before this cluster.
    pub(crate) discovery: Arc<Discovery>,
    /// What goes wrong on purpose.
    pub(crate) faults: Option<Faults>,
}

impl Upstream {
    /// `client` has the cluster's own credentials, `bare` none. Clones share what they learn of the cluster's kinds.
    #[must_use]
    pub fn new(client: kube::Client, bare: kube::Client) -> Self {
        Self { client, bare, discovery: Arc::default(), faults: None }
    }

    /// The same cluster, some of whose answers go wrong.
    #[must_use]
    pub fn with_faults(self, faults: Option<Faults>) -> Self {
        Self { faults, ..self }
    }
}

/// A running gateway. Ends with [`Gateway::close`]; one that is only dropped ends unwaited.
pub struct Gateway {
    shared: Arc<Shared>,
    router: Router,
    address: SocketAddr,
    ca_pem: String,
    /// Ends everything when the gateway is dropped unclosed.
    _end: DropGuard,
}

impl Gateway {
    /// Serves one lab's API. `told` hears of each request that came over the wire, after it was answered.
    ///
    /// # Errors
    /// Where no port is free on loopback or no certificate can be made.
    pub async fn start(
        upstream: Upstream,
        names: Names,
        reach: Reach,
        told: impl Fn(Request) + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let listener = Listener::bind("rehearsal").await?;
        let (address, ca_pem) = (listener.address, listener.ca_pem.clone());
        let shared = Arc::new(Shared::new(upstream, names, reach, random_token(), Box::new(told)));
        let router = Router::new().fallback(proxy::serve).with_state(shared.clone());
        listener.serve(router.clone(), shared.shutdown.clone(), &shared.tasks);
        shared.tasks.spawn(warm(router.clone(), shared.shutdown.clone()));
        let _end = shared.shutdown.clone().drop_guard();
        Ok(Self { shared, router, address, ca_pem, _end })
    }

    /// A kubeconfig with one context: the gateway, its CA and its token inline. It is a credential, of this lab only.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        kubeconfig("rehearsal", self.address, &self.ca_pem, &self.shared.token)
    }

    /// The token in [`Gateway::kubeconfig`]: a secret to be masked.
    #[must_use]
    pub fn token(&self) -> &str {
        self.shared.token.expose()
    }

    /// The lab's view in process: objects come in the lecture's names. Its requests are not recorded.
    #[must_use]
    pub fn client(&self) -> kube::Client {
        kube::Client::new(self.router.clone().layer(axum::Extension(Inside)), "default")
    }

    /// The names as they are known by now.
    #[must_use]
    pub fn names(&self) -> Arc<Names> {
        self.shared.known().names
    }

    /// From now on the lab has the image `written` to itself, as when it has pushed it.
    pub fn learn_image(&self, written: &str) {
        self.shared.learn(|names| names.learn_image(written));
    }

    /// The first request that wants the cluster to itself, as `create customresourcedefinitions`.
    #[must_use]
    pub fn needs_alone(&self) -> Option<String> {
        self.shared.needs_alone()
    }

    /// The first request that got no answer, or one that says that the cluster failed, as `get pods mypod: 500`.
    #[must_use]
    pub fn unsteady(&self) -> Option<String> {
        self.shared.unsteady()
    }

    /// The paths on the cluster of the cluster-scoped objects that the lab made: they outlive its namespaces.
    #[must_use]
    pub fn made(&self) -> Vec<String> {
        self.shared.made()
    }

    /// Ends open answers and connections, and waits for them.
    pub async fn close(self) {
        self.shared.shutdown.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

/// Asks what the first kubectl will ask.
async fn warm(router: Router, shutdown: CancellationToken) {
    let client = kube::Client::new(router.layer(axum::Extension(Inside)), "default");
    let asked = WARM.iter().map(async |(path, accept)| {
        let request = http::Request::get(*path).header(http::header::ACCEPT, *accept).body(kube::client::Body::empty());
        // Whoever asks next is told what is wrong.
        if let Ok(request) = request {
            let _ = client.send(request).await;
        }
    });
    let _ = shutdown.run_until_cancelled(futures::future::join_all(asked)).await;
}
