//! The stage's registry: `registry:2` in a container on 127.0.0.1, closed to all but its users.
//! Knows no credentials but the hashes or the certificate it is given, and nothing of what is pushed.

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use testcontainers::core::IntoContainerPort;
use testcontainers::runners::AsyncRunner;
use testcontainers::{GenericImage, ImageExt};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::container::{LogOptions, on_loopback};
use super::error::{Error, Result, failed};
use super::reference::split_reference;
use super::{Docker, labels};
use crate::wait::{self, Probe, Wake};

const PORT: u16 = 5000;
pub(super) const HTPASSWD: &str = "/auth/htpasswd";
const CERTIFICATE: &str = "/auth/token.crt";
/// A registry that runs answers within some 50 ms.
const READY: Duration = Duration::from_secs(30);
const TICK: Duration = Duration::from_millis(10);

/// What to start.
#[derive(Debug, Clone)]
pub struct RegistryRequest {
    /// `registry:2` or its stand-in, as it was found.
    pub image: String,
    /// Whom it lets in.
    pub auth: Auth,
    /// By [`super::labels`] the session is found that it belongs to.
    pub labels: BTreeMap<String, String>,
    /// A port on 127.0.0.1; a free one when None.
    pub port: Option<u16>,
    /// A copy of layers to begin with ([`super::layers`]).
    pub layers: Option<PathBuf>,
}

/// How the registry tells its users from others.
#[derive(Debug, Clone)]
pub enum Auth {
    /// By itself, by their passwords.
    Basic {
        /// Lines `user:bcrypt-hash`. Without the file the registry would invent a user and log its password.
        htpasswd: Bytes,
        /// What its challenge calls the registry.
        realm: String,
    },
    /// By tokens of a service, as Docker Hub does: whoever has none is sent to `realm`.
    Token {
        /// A URL that the engine and the nodes reach.
        realm: String,
        /// The audience that tokens are for.
        service: String,
        /// Who has to have signed them.
        issuer: String,
        /// The signer's, in PEM.
        certificate: String,
    },
    /// Not at all: only sabotage asks for it.
    Nobody,
}

/// Where the registry finds a file, and what is in it.
type File = (&'static str, Vec<u8>);

impl Auth {
    /// What `/v2/` answers to a stranger.
    fn challenge(&self) -> u16 {
        if matches!(self, Self::Nobody) { 200 } else { 401 }
    }

    /// The variables of the registry's environment, and the file that one of them names.
    fn settings(self) -> (Vec<(&'static str, String)>, Option<File>) {
        match self {
            Self::Basic { htpasswd, realm } => {
                let variables = vec![
                    ("REGISTRY_AUTH", "htpasswd".to_owned()),
                    ("REGISTRY_AUTH_HTPASSWD_REALM", realm),
                    ("REGISTRY_AUTH_HTPASSWD_PATH", HTPASSWD.to_owned()),
                ];
                (variables, Some((HTPASSWD, htpasswd.to_vec())))
            }
            Self::Token { realm, service, issuer, certificate } => {
                let variables = vec![
                    ("REGISTRY_AUTH", "token".to_owned()),
                    ("REGISTRY_AUTH_TOKEN_REALM", realm),
                    ("REGISTRY_AUTH_TOKEN_SERVICE", service),
                    ("REGISTRY_AUTH_TOKEN_ISSUER", issuer),
                    ("REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE", CERTIFICATE.to_owned()),
                ];
                (variables, Some((CERTIFICATE, certificate.into_bytes())))
            }
            Self::Nobody => (Vec::new(), None),
        }
    }
}

/// A registry that answers; end it with [`RegistryContainer::stop`] or let it live on with
/// [`RegistryContainer::leave`].
pub struct RegistryContainer {
    /// On 127.0.0.1.
    pub addr: SocketAddr,
    /// Of its container.
    pub id: String,
    docker: Docker,
    ended: bool,
}

/// How often a free port may be snatched away between asking for it and publishing it.
const FREE_PORT_TRIES: usize = 5;

/// A port on 127.0.0.1 that nobody listens on.
fn free_port() -> Result<u16> {
    let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0));
    let port = listener.and_then(|listener| Ok(listener.local_addr()?.port()));
    port.map_err(|source| Error::Testcontainers { action: "cannot find a free port".into(), source: source.into() })
}

impl RegistryContainer {
    /// Starts it and returns once `/v2/` asks for credentials. One that does not come up is removed again.
    ///
    /// The port is always named: an engine-chosen one changes when the container joins one network more
    /// (moby publishes anew).
    pub async fn start(docker: &Docker, request: RegistryRequest) -> Result<RegistryContainer> {
        let Some(port) = request.port else { return Self::start_on_free_port(docker, request).await };
        Self::start_on(docker, request, port).await
    }

    async fn start_on_free_port(docker: &Docker, request: RegistryRequest) -> Result<RegistryContainer> {
        for _ in 0..FREE_PORT_TRIES {
            let port = free_port()?;
            match Self::start_on(docker, request.clone(), port).await {
                // Another process has taken the port meanwhile.
                Err(Error::PortTaken { .. }) => {}
                other => return other,
            }
        }
        Err(Error::PortTaken { port: 0 })
    }

    async fn start_on(docker: &Docker, request: RegistryRequest, port: u16) -> Result<RegistryContainer> {
        let request = RegistryRequest { port: Some(port), ..request };
        // testcontainers gives no id for a container it could create but not start; the name finds it.
        let name = format!("rehearsal-registry-{:016x}", rand::random::<u64>());
        match Self::start_named(docker, request, &name).await {
            Ok(registry) => Ok(registry),
            Err(error) => {
                let _ = docker.remove(&name).await;
                Err(error)
            }
        }
    }

    async fn start_named(docker: &Docker, request: RegistryRequest, name: &str) -> Result<RegistryContainer> {
        let (repository, tag) = split_reference(&request.image);
        let port = request.port;
        let challenge = request.auth.challenge();
        let (variables, file) = request.auth.settings();
        let container = GenericImage::new(repository, tag)
            .with_exposed_port(PORT.tcp())
            .with_container_name(name)
            .with_labels(request.labels)
            .with_env_var("REGISTRY_STORAGE_DELETE_ENABLED", "true")
            .with_env_var("REGISTRY_LOG_ACCESSLOG_DISABLED", "false")
            // Only lines of this level name the user of a served request.
            .with_env_var("REGISTRY_LOG_LEVEL", "debug");
        let container = match file {
            Some((path, contents)) => container.with_copy_to(path, contents),
            None => container,
        };
        let container =
            variables.into_iter().fold(container, |container, (name, value)| container.with_env_var(name, value));
        let container = match request.layers.as_ref().filter(|layers| layers.is_dir()) {
            Some(layers) => container.with_copy_to(super::layers::DATA, layers.clone()),
            None => container,
        };
        let container = container.with_host_config_modifier(move |host| {
            host.port_bindings = Some(HashMap::from([on_loopback(PORT, port)]));
            host.publish_all_ports = Some(false);
        });
        let started = docker.whole(async move {
            let container = container.start().await?;
            let id = container.id().to_owned();
            // Its Drop would remove the container and block the runtime meanwhile; removal is explicit here.
            std::mem::forget(container);
            Ok(id)
        });
        let id = started.await.map_err(|error| start_failed(&request.image, error))?;
        let missing = || Error::Missing { what: "published port", name: request.image.clone() };
        let port = *docker.ports(&id).await?.get(&PORT).ok_or_else(missing)?;
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        ready(docker, &id, addr, challenge).await?;
        Ok(RegistryContainer { addr, id, docker: docker.clone(), ended: false })
    }

    /// The registry's output as raw lines, its access log among them.
    pub async fn logs(&self, follow: bool) -> Result<BoxStream<'static, std::io::Result<Bytes>>> {
        self.docker.logs(&self.id, LogOptions { follow, ..LogOptions::default() }).await
    }

    /// Removes it, with all that was pushed to it.
    pub async fn stop(mut self) -> Result<()> {
        self.ended = true;
        self.docker.remove(&self.id).await
    }

    /// Lets it run on after this process; its labels find it again.
    pub fn leave(mut self) -> (String, SocketAddr) {
        self.ended = true;
        (self.id.clone(), self.addr)
    }
}

impl Drop for RegistryContainer {
    fn drop(&mut self) {
        if !self.ended {
            let session = format!("label `{}`", labels::SESSION);
            anstream::eprintln!("warning: registry container {} was not stopped; {session} still finds it", self.id);
        }
    }
}

fn start_failed(image: &str, error: testcontainers::TestcontainersError) -> Error {
    use testcontainers::core::client::ClientError;
    let action = format!("starting a container of {image}");
    match error {
        testcontainers::TestcontainersError::Client(
            ClientError::CreateContainer(source) | ClientError::StartContainer(source),
        ) => failed(action)(source),
        other => Error::Testcontainers { action, source: other.into() },
    }
}

/// Starts a registry again that was stopped, and returns once it answers on its port as before.
///
/// # Errors
/// Where it does not come back.
pub async fn restart(docker: &Docker, id: &str, addr: SocketAddr) -> Result<()> {
    docker.start_again(id).await?;
    ready(docker, id, addr, 401).await
}

/// Waits until the registry itself answers an anonymous client as it is to; the engine's port proxy accepts before that.
async fn ready(docker: &Docker, id: &str, addr: SocketAddr, challenge: u16) -> Result<()> {
    let probe = async || match status_of_v2(addr).await {
        Ok(status) if status == challenge => Probe::Done(Ok(())),
        Ok(status) => Probe::Pending(format!("/v2/ answered {status}")),
        Err(error) => match docker.inspect(id).await.map(|c| c.state.and_then(|s| s.running)) {
            Ok(Some(false)) => Probe::Done(Err("the container ended".to_owned())),
            _ => Probe::Pending(error.to_string()),
        },
    };
    let outcome = wait::until("the registry", READY, Wake::Every(TICK), probe).await;
    let last = match outcome {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(ended)) => ended,
        Err(timed_out) => timed_out.last,
    };
    Err(Error::RegistryNotReady { addr, last })
}

async fn status_of_v2(addr: SocketAddr) -> std::io::Result<u16> {
    let mut stream = TcpStream::connect(addr).await?;
    stream.write_all(format!("GET /v2/ HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n").as_bytes()).await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.ok_or_else(|| std::io::Error::other(format!("no HTTP answer: {:?}", line.trim_end())))
}
