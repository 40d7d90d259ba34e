//! Mini as a whole: certificates, the TLS listener on loopback, first objects, and its end.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::api::{Api, router};
use super::auth::{self, Authenticator, Tokens, User};
use super::registry::{Registry, WriteOptions};
use super::runtime::Runtime;
use super::store::Store;
use super::{Version, resources};

/// Connections served at once; more wait to be accepted.
const MAX_CONNECTIONS: usize = 512;
const HANDSHAKE: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot make mini's certificates")]
    Certificates(#[from] rcgen::Error),
    #[error("cannot set up TLS for mini")]
    Tls(#[from] rustls::Error),
    #[error("cannot listen on 127.0.0.1")]
    Listen(#[source] io::Error),
    #[error("cannot create mini's first objects")]
    Bootstrap(#[from] super::status::ApiError),
    #[error("mini's controllers did not get ready: {what}")]
    NotReady { what: &'static str },
}

/// What mini is to be.
pub struct MiniOptions {
    pub node_name: String,
    /// Switches behaviour that changed between releases.
    pub version: Version,
    /// By how much the kubelet's back-off and sync period are shortened; 1.0 is real time.
    pub timelapse: f64,
    pub runtime: Arc<dyn Runtime>,
}

/// A running cluster. Ends with [`Mini::close`].
pub struct Mini {
    router: Router,
    address: SocketAddr,
    ca_pem: String,
    token: String,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Mini {
    /// Ready when it returns.
    pub async fn start(options: MiniOptions) -> Result<Mini, Error> {
        let pki = Pki::new()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(Error::Listen)?;
        let address = listener.local_addr().map_err(Error::Listen)?;
        let shutdown = CancellationToken::new();
        let token = super::registry::random_suffix(40);
        let api = Arc::new(Api {
            registry: Registry { store: Arc::new(Store::default()), version: options.version },
            runtime: options.runtime.clone(),
            authenticator: Authenticator { admin_token: token.clone(), tokens: Tokens::new()? },
            shutdown: shutdown.clone(),
        });
        bootstrap(&api.registry)?;
        let router = router(api.clone());
        let tasks = TaskTracker::new();
        let acceptor = TlsAcceptor::from(Arc::new(pki.server_config()?));
        tasks.spawn(serve(listener, acceptor, auth::layer(router.clone(), api), shutdown.clone(), tasks.clone()));
        let router = router.layer(axum::Extension(User::admin()));
        Ok(Mini { router, address, ca_pem: pki.ca_pem, token, shutdown, tasks })
    }

    /// A client inside the process, as administrator.
    pub fn client(&self) -> kube::Client {
        kube::Client::new(self.router.clone(), "default")
    }

    /// `https://127.0.0.1:PORT`.
    pub fn server(&self) -> String {
        format!("https://{}", self.address)
    }

    /// A kubeconfig with context `mini`, CA and token inline. It is a credential.
    pub fn kubeconfig(&self) -> String {
        let (server, ca, token) = (self.server(), STANDARD.encode(&self.ca_pem), &self.token);
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: mini\nclusters:\n- name: mini\n  cluster:\n    server: {server}\n    certificate-authority-data: {ca}\nusers:\n- name: mini\n  user:\n    token: {token}\ncontexts:\n- name: mini\n  context:\n    cluster: mini\n    user: mini\n"
        )
    }

    /// Ends watches, connections, controllers and kubelet, and waits for them.
    pub async fn close(self) {
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// The objects a new cluster has before anything runs.
fn bootstrap(registry: &Registry) -> Result<(), super::status::ApiError> {
    let create = |resource, value: Value| registry.create(resource, "", value, &WriteOptions::default());
    for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
        create(&resources::NAMESPACES, json!({"metadata": {"name": name}}))?;
    }
    Ok(())
}

async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    router: Router,
    shutdown: CancellationToken,
    tasks: TaskTracker,
) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = async {
            let slot = slots.clone().acquire_owned().await;
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            () = shutdown.cancelled() => return,
            accepted = accepted => accepted,
        };
        // A failed accept is the peer's doing, or a passing shortage of descriptors.
        let Ok((stream, _)) = accepted else { continue };
        let (acceptor, router, shutdown) = (acceptor.clone(), router.clone(), shutdown.clone());
        tasks.spawn(async move {
            let _slot = slot;
            let _ = stream.set_nodelay(true);
            let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await else {
                return;
            };
            let builder = auto::Builder::new(TokioExecutor::new());
            let connection =
                builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(router));
            tokio::pin!(connection);
            tokio::select! {
                _ = connection.as_mut() => {}
                () = shutdown.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    // Streams end by the same token; a client that does not read is not waited for.
                    let _ = tokio::time::timeout(Duration::from_millis(500), connection).await;
                }
            }
        });
    }
}

/// A CA of this process and the server's certificate.
struct Pki {
    ca_pem: String,
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Pki {
    fn new() -> Result<Self, Error> {
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.distinguished_name.push(DnType::CommonName, "mini-ca");
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca_key = KeyPair::generate()?;
        let ca_pem = ca.self_signed(&ca_key)?.pem();
        let issuer = Issuer::new(ca, ca_key);
        let mut server = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()])?;
        server.distinguished_name.push(DnType::CommonName, "mini");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = server.signed_by(&key, &issuer)?;
        Ok(Pki { ca_pem, certificate, key })
    }

    fn server_config(&self) -> Result<rustls::ServerConfig, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.der().clone()], key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}
