//! Mini as a whole: certificates, the TLS listener on loopback, first objects, and its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use k8s_openapi::api::core::v1::{Node, ServiceAccount};
use kube::Api;
use kube::runtime::wait::await_condition;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::api::{self, authenticated, router};
use super::auth::{self, Authenticator, Tokens, User};
use super::controllers;
use super::kubelet;
use super::pipeline::{Pipeline, WriteOptions};
use super::runtime::Runtime;
use super::{Version, resources};
use crate::hint::Hint;
use crate::loopback::{self, Listener, kubeconfig};
use crate::secret::Secret;

/// The node's address: containers are reached through the runtime, and listeners stay on loopback.
const NODE_IP: &str = "127.0.0.1";
/// How long a start may take.
const READY: Duration = Duration::from_secs(10);

/// Why mini does not come up.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "what each variant is, its message says")]
pub enum Error {
    #[error("cannot serve mini's API")]
    Listener(#[from] loopback::Error),
    #[error("cannot make a key for tokens")]
    Key(#[from] rcgen::Error),
    #[error("cannot create mini's first objects")]
    Bootstrap(#[from] super::status::ApiError),
    #[error("mini's node and default ServiceAccount were not ready after {seconds} s")]
    NotReady { seconds: u64 },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Listener(error) => error.hint(),
            Self::NotReady { .. } => Some("this machine is very busy: run it again".into()),
            // Nothing but a defect of ours leads here.
            Self::Key(_) | Self::Bootstrap(_) => None,
        }
    }
}

/// What mini is to be.
pub struct MiniOptions {
    /// What its only node is called.
    pub node_name: String,
    /// Switches behaviour that changed between releases.
    pub version: Version,
    /// By how much the kubelet's back-off and sync period are shortened; 1.0 is real time.
    pub timelapse: f64,
    /// What its node runs containers with.
    pub runtime: Arc<dyn Runtime>,
}

/// A running cluster. Ends with [`Mini::close`]; one that is only dropped, or whose start is given up, ends unwaited.
pub struct Mini {
    router: Router,
    /// The same for requests that bring a token of their own.
    guarded: Router,
    address: SocketAddr,
    ca_pem: String,
    token: Secret,
    /// Ends controllers and kubelet.
    stop: DropGuard,
    kubelet: JoinHandle<()>,
    controllers: JoinHandle<()>,
    /// Ends watches and connections.
    shutdown: DropGuard,
    tasks: TaskTracker,
}

impl Mini {
    /// Ready when it returns.
    pub async fn start(options: MiniOptions) -> Result<Mini, Error> {
        let listener = Listener::bind("mini").await?;
        let (address, ca_pem) = (listener.address, listener.ca_pem.clone());
        let shutdown = CancellationToken::new();
        let token = random_token();
        let api = Arc::new(api::Api {
            pipeline: Pipeline { store: Arc::default(), version: options.version },
            runtime: options.runtime.clone(),
            authenticator: Authenticator { admin_token: token.clone(), tokens: Tokens::new()? },
            shutdown: shutdown.clone(),
        });
        bootstrap(&api.pipeline)?;
        let router = router(api.clone());
        let tasks = TaskTracker::new();
        let guarded = authenticated(router.clone(), api);
        listener.serve(guarded.clone(), shutdown.clone(), &tasks);
        let router = router.layer(axum::Extension(User::admin()));
        let (client, stop) = (kube::Client::new(router.clone(), "default"), CancellationToken::new());
        let (version, timelapse) = (options.version, options.timelapse);
        let is_ready = CancellationToken::new();
        let controllers =
            controllers::spawn(client.clone(), version, timelapse, ca_pem.clone(), is_ready.clone(), stop.clone());
        let MiniOptions { node_name, version, timelapse, runtime } = options;
        let (name, ip, scheme) = (node_name.clone(), NODE_IP.to_owned(), runtime.scheme());
        let node = kubelet::Node { name, ip, version, scheme, timelapse };
        let kubelet = kubelet::spawn(client, runtime, node, stop.clone());
        let (stop, shutdown) = (stop.drop_guard(), shutdown.drop_guard());
        let mini = Mini { router, guarded, address, ca_pem, token, stop, kubelet, controllers, shutdown, tasks };
        match tokio::time::timeout(READY, ready(mini.client(), &node_name)).await {
            Ok(Ok(())) => {
                is_ready.cancel();
                Ok(mini)
            }
            Ok(Err(_)) | Err(_) => {
                mini.close().await;
                Err(Error::NotReady { seconds: READY.as_secs() })
            }
        }
    }

    /// A client inside the process, as administrator.
    pub fn client(&self) -> kube::Client {
        kube::Client::new(self.router.clone(), "default")
    }

    /// A client inside the process without credentials: each request brings a token of its own, or is refused.
    pub fn bare_client(&self) -> kube::Client {
        kube::Client::new(self.guarded.clone(), "default")
    }

    /// `https://127.0.0.1:PORT`.
    pub fn server(&self) -> String {
        format!("https://{}", self.address)
    }

    /// A kubeconfig with context `mini`, CA and token inline. It is a credential.
    pub fn kubeconfig(&self) -> String {
        kubeconfig("mini", self.address, &self.ca_pem, &self.token)
    }

    /// Ends controllers and kubelet with all of its containers, then watches and connections, and waits for them.
    pub async fn close(self) {
        drop(self.stop);
        // A task that panicked has ended too.
        let _ = self.kubelet.await;
        let _ = self.controllers.await;
        drop(self.shutdown);
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// A token that nobody guesses.
pub(crate) fn random_token() -> Secret {
    super::pipeline::random_suffix(40).into()
}

/// The objects a new cluster has before anything runs.
pub(super) fn bootstrap(pipeline: &Pipeline) -> Result<(), super::status::ApiError> {
    let create = |resource, value: Value| pipeline.create(resource, "", value, &WriteOptions::default());
    for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
        create(&resources::NAMESPACES, json!({"metadata": {"name": name}}))?;
    }
    for (resource, object) in auth::bootstrap() {
        create(resource, object)?;
    }
    if let Some(services) = resources::find("", "v1", "services") {
        pipeline.create(services, "default", api_service(), &WriteOptions::default())?;
    }
    Ok(())
}

/// The Service by which containers of a real cluster find its API server: every cluster lists it.
fn api_service() -> Value {
    json!({
        "metadata": {
            "name": "kubernetes",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
            "annotations": {"kubernetes.io/description": "stands for mini's API server, which listens on the host's loopback only: nothing answers at this address"},
        },
        "spec": {
            "type": "ClusterIP", "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1"], "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster", "sessionAffinity": "None",
            "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": 6443}],
        },
        "status": {"loadBalancer": {}},
    })
}

/// Returns once the default ServiceAccount exists and the node is Ready.
async fn ready(client: kube::Client, node: &str) -> Result<(), kube::runtime::wait::Error> {
    let accounts = Api::<ServiceAccount>::default_namespaced(client.clone());
    await_condition(accounts, "default", |account: Option<&ServiceAccount>| account.is_some()).await?;
    let is_ready = |node: Option<&Node>| {
        let conditions = node.and_then(|node| node.status.as_ref()?.conditions.as_ref());
        let ready = conditions.into_iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True");
        ready && node.and_then(|node| node.spec.as_ref()?.taints.as_ref()).is_none()
    };
    await_condition(Api::<Node>::all(client), node, is_ready).await.map(drop)
}
