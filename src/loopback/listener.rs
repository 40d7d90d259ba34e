//! The accept loop: TLS, HTTP/1.1 and 2, upgrades; bounded, and ended by a token.

use std::future::{pending, ready};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::map_request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::HOST;
use http::{StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::pki::Pki;
use crate::hint::Hint;
use crate::secret::Secret;

/// Connections served at once; more wait to be accepted.
const MAX_CONNECTIONS: usize = 512;
/// Requests in flight on one HTTP/2 connection: a client may hold hundreds of watches on one.
const MAX_STREAMS: u32 = 1024;
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const HANDSHAKE: Duration = Duration::from_secs(10);
/// As long as a real API server waits for a request's header.
const HEADER: Duration = Duration::from_secs(30);
const NO_HOST: &str = "400 Bad Request: missing required Host header";

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot make the server's certificates")]
    Certificates(#[from] rcgen::Error),
    #[error("cannot set up TLS")]
    Tls(#[from] rustls::Error),
    #[error("cannot listen on 127.0.0.1")]
    Listen(#[source] io::Error),
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Listen(_) => Some("is loopback up, and are there ports left? `ss -s` tells".into()),
            // Nothing but a defect of ours leads here.
            Self::Certificates(_) | Self::Tls(_) => None,
        }
    }
}

/// A port that is bound and not served yet.
pub(crate) struct Listener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    /// How long a client may take for a request's header, and for its first request.
    patience: Duration,
    pub(crate) address: SocketAddr,
    /// The CA that clients are to trust.
    pub(crate) ca_pem: String,
}

impl Listener {
    /// A free port, and a certificate in `name`.
    ///
    /// # Errors
    /// Where certificates cannot be made or no port is free.
    pub(crate) async fn bind(name: &str) -> Result<Self, Error> {
        let pki = Pki::new(name)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(Error::Listen)?;
        let address = listener.local_addr().map_err(Error::Listen)?;
        let acceptor = TlsAcceptor::from(Arc::new(pki.server_config()?));
        Ok(Self { listener, acceptor, patience: HEADER, address, ca_pem: pki.ca_pem })
    }

    /// Serves `router` until `shutdown`; connections are tasks of `tasks`.
    pub(crate) fn serve(self, router: Router, shutdown: CancellationToken, tasks: &TaskTracker) {
        tasks.spawn(serve(self, router, shutdown, tasks.clone()));
    }
}

/// A kubeconfig with one context, CA and token inline. It is a credential.
pub(crate) fn kubeconfig(name: &str, address: SocketAddr, ca_pem: &str, token: &Secret) -> String {
    let (ca, token) = (STANDARD.encode(ca_pem), token.expose());
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: {name}\nclusters:\n- name: {name}\n  cluster:\n    server: https://{address}\n    certificate-authority-data: {ca}\nusers:\n- name: {name}\n  user:\n    token: {token}\ncontexts:\n- name: {name}\n  context:\n    cluster: {name}\n    user: {name}\n"
    )
}

/// HTTP/1.1 requires it (RFC 9112, 3.2).
fn names_its_host(request: &Request) -> bool {
    request.version() != Version::HTTP_11 || request.headers().contains_key(HOST) || request.uri().authority().is_some()
}

async fn serve(own: Listener, router: Router, shutdown: CancellationToken, tasks: TaskTracker) {
    let Listener { listener, acceptor, patience, .. } = own;
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
        let Ok((stream, _)) = accepted else {
            // The shortage is not over at once, and must not cost a processor meanwhile.
            let _ = tokio::time::timeout(ACCEPT_PAUSE, shutdown.cancelled()).await;
            continue;
        };
        let (acceptor, router, shutdown) = (acceptor.clone(), router.clone(), shutdown.clone());
        tasks.spawn(async move {
            let _slot = slot;
            let _ = stream.set_nodelay(true);
            let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await else {
                return;
            };
            // The client has said which it speaks: nothing is read to find that out, without a limit in time.
            let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder.http1().timer(TokioTimer::new()).header_read_timeout(patience);
            builder.http2().max_concurrent_streams(MAX_STREAMS);
            let builder = if is_http2 { builder.http2_only() } else { builder.http1_only() };
            let asked = Arc::new(AtomicBool::new(false));
            let noted = asked.clone();
            let router = router.layer(map_request(move |request: Request| {
                noted.store(true, Ordering::Relaxed);
                ready(if names_its_host(&request) { Ok(request) } else { Err((StatusCode::BAD_REQUEST, NO_HOST)) })
            }));
            let connection =
                builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(router));
            tokio::pin!(connection);
            let silent = async {
                let _ = tokio::time::timeout(patience, pending::<()>()).await;
                if asked.load(Ordering::Relaxed) {
                    pending::<()>().await;
                }
            };
            tokio::select! {
                _ = connection.as_mut() => {}
                () = silent => {}
                () = shutdown.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    // Streams end by the same token; a client that does not read is not waited for.
                    let _ = tokio::time::timeout(Duration::from_millis(500), connection).await;
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;

    use super::*;

    /// Far more than the patience of the server under test.
    const PATIENCE: Duration = Duration::from_secs(10);

    async fn connected(address: SocketAddr, ca_pem: &str, protocol: &str) -> TlsStream<TcpStream> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, TcpStream::connect(address).await.unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn a_client_names_its_host_and_takes_its_time_only_so_long() {
        let mut listener = Listener::bind("test").await.unwrap();
        listener.patience = Duration::from_millis(200);
        let (address, ca_pem) = (listener.address, listener.ca_pem.clone());
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        listener.serve(Router::new().fallback(async || "served"), shutdown.clone(), &tasks);
        for (protocol, sent, answered) in [
            ("http/1.1", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "served"),
            ("http/1.1", "GET / HTTP/1.1\r\n\r\n", NO_HOST),
            ("http/1.1", "GET / HTTP/1.1\r\nHost: x\r\n", ""),
            ("http/1.1", "", ""),
            ("h2", "PRI * HTTP/2.0\r\n", ""),
        ] {
            let mut stream = connected(address, &ca_pem, protocol).await;
            stream.write_all(sent.as_bytes()).await.unwrap();
            let mut answer = vec![];
            // How it is cut does not matter.
            let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
            assert!(read.is_ok(), "{protocol} {sent:?} stands open");
            assert!(String::from_utf8_lossy(&answer).ends_with(answered), "{protocol} {sent:?}");
        }
        shutdown.cancel();
    }
}
