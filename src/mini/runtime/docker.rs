//! The real runtime: containers in the Docker Engine, images from the stage's registry and from nowhere else.
//!
//! A pull asks the registry itself first, with containerd's handshake and words, and only what was resolved is
//! pulled by the engine, by digest. The node's image store is this runtime's own and starts empty: what the
//! engine happens to have is not on the node. Knows no pods beyond [`ContainerSpec`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::net::TcpStream;

use super::{
    ContainerSpec, Duplex, ExecSession, ExecSpec, Exit, Image, Log, LogOptions, PullError, Runtime, RuntimeError,
    Started, architecture, words,
};
use crate::docker::{self, AuthConfig, ContainerRequest, Docker};
use crate::exec::chain;
use crate::registry::{self, Credentials, Endpoint, ImageRef};

/// How long the engine may take beyond the grace period before a container is killed by removal.
const STOP_SLACK: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Debug)]
pub struct DockerRuntime {
    docker: Docker,
    registry: registry::Client,
    /// The stage's registry, `127.0.0.1:PORT`. It stands in for docker.io, as in containerd's `hosts.toml`.
    host: String,
    /// Put on every container.
    labels: BTreeMap<String, String>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Normalised reference → the image, and the name the engine knows it by.
    images: BTreeMap<String, (Image, String)>,
    /// Container id → IP address.
    containers: BTreeMap<String, String>,
    /// Every name the engine was made to pull, for [`DockerRuntime::close`].
    pulled: BTreeSet<String>,
}

impl DockerRuntime {
    /// # Errors
    /// When the registry client cannot be built.
    pub fn new(docker: Docker, host: String, labels: BTreeMap<String, String>) -> reqwest::Result<Self> {
        let registry = registry::Client::of_node()?;
        Ok(Self { docker, registry, host, labels, state: Mutex::default() })
    }

    /// Removes what this runtime made: its containers, then the images it had the engine pull.
    ///
    /// # Errors
    /// The first of the engine's; everything is tried.
    pub async fn close(&self) -> docker::Result<()> {
        let State { containers, pulled, .. } = std::mem::take(&mut *self.state());
        let removals = containers.keys().map(|id| self.docker.remove(id));
        let mut results = futures::future::join_all(removals).await;
        for name in &pulled {
            results.push(self.docker.remove_image(name).await);
        }
        results.into_iter().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pull_image(&self, image: &str, credentials: Option<Credentials>) -> Result<Image, PullError> {
        let reference = ImageRef::parse(image).map_err(|error| words::unparsed(image, &error))?;
        if ![&self.host, "docker.io"].contains(&reference.registry()) {
            return Err(words::unresolved(&reference, &no_route(&reference)));
        }
        let (host, endpoint) = (self.host.clone(), Endpoint { host: self.host.clone() });
        let session = self.registry.session(endpoint, reference.clone(), credentials.clone());
        let resolved = session.image(architecture()).await.map_err(|error| words::unresolved(&reference, &error))?;
        let name = format!("{host}/{}@{}", reference.repository(), resolved.digest);
        let config = session.config(&resolved.config).await;
        let config = config.map_err(|error| words::unpulled(&reference, &error.chain()))?;
        // Noted before the pull: an interrupted one may have left the image behind.
        self.state().pulled.insert(name.clone());
        let login =
            credentials.map(|login| AuthConfig { username: login.username, password: login.password, server: host });
        let pulled = self.docker.pull(&name, login, &|_| {}).await;
        pulled.map_err(|error| words::unpulled(&reference, &chain(&error)))?;
        let image = Image {
            id: resolved.config,
            repo_digest: format!("{}@{}", reference.name(), resolved.digest),
            size: resolved.size,
            user: config["config"]["User"].as_str().unwrap_or_default().to_owned(),
        };
        self.state().images.insert(reference.canonical(), (image.clone(), name));
        Ok(image)
    }

    async fn start_container(&self, spec: ContainerSpec) -> Result<Started, RuntimeError> {
        let image = self.find(&spec.image).ok_or_else(|| RuntimeError::NotFound(spec.image.clone()))?.1;
        let name = ["k8s", &spec.name, &spec.pod_name, &spec.pod_namespace, &spec.pod_uid].join("_");
        let request = ContainerRequest {
            image,
            // A restart's predecessor keeps the name while its logs are wanted.
            name: Some(format!("{name}_{:08x}", rand::random::<u32>())),
            command: spec.command,
            args: spec.args,
            env: spec.env,
            working_dir: spec.working_dir,
            hostname: Some(spec.pod_name).filter(|name| name.len() <= 63),
            files: spec.files,
            directories: spec.directories,
            user: spec.confinement.user,
            cap_add: spec.confinement.add,
            cap_drop: spec.confinement.drop,
            memory: spec.confinement.memory,
            stdin: spec.stdin,
            stdin_once: spec.stdin_once,
            tty: spec.tty,
            labels: self.labels.clone(),
            ..ContainerRequest::default()
        };
        let container = self.docker.run(request).await.map_err(|error| words::unstarted(&chain(&error)))?;
        self.state().containers.insert(container.id.clone(), container.ip.clone());
        Ok(Started { id: container.id, ip: container.ip })
    }

    async fn halt_container(&self, id: &str, grace: Duration) -> Result<(), RuntimeError> {
        // The engine counts whole seconds; a shorter grace is kept here.
        if !grace.is_zero() {
            let _ = tokio::time::timeout(grace, self.docker.stop(id, grace.saturating_add(STOP_SLACK))).await;
        }
        self.docker.stop(id, Duration::ZERO).await.map_err(failed)
    }

    async fn stop_container(&self, id: &str, grace: Duration) -> Result<(), RuntimeError> {
        // The engine counts whole seconds; a shorter grace is kept here, and the removal kills.
        if !grace.is_zero() {
            let _ = tokio::time::timeout(grace, self.docker.stop(id, grace.saturating_add(STOP_SLACK))).await;
        }
        self.docker.remove(id).await.map_err(failed)?;
        self.state().containers.remove(id);
        Ok(())
    }

    async fn exec_in(&self, id: &str, spec: ExecSpec) -> Result<ExecSession, RuntimeError> {
        self.docker.exec(id, spec).await.map(session).map_err(failed)
    }

    async fn connect(&self, id: &str, port: u16) -> Result<Box<dyn Duplex>, RuntimeError> {
        let ip = self.state().containers.get(id).cloned().ok_or_else(|| RuntimeError::NotFound(id.to_owned()))?;
        let stream = TcpStream::connect((ip.as_str(), port)).await;
        let refused = |error: std::io::Error| RuntimeError::Failed(format!("dial tcp {ip}:{port}: {error}"));
        Ok(Box::new(stream.map_err(refused)?))
    }

    fn find(&self, image: &str) -> Option<(Image, String)> {
        let reference = ImageRef::parse(image).ok()?;
        self.state().images.get(&reference.canonical()).cloned()
    }
}

/// A registry that is not the stage's: the node does not go out to look for it.
fn no_route(reference: &ImageRef) -> registry::Error {
    let (host, repository, object) = (reference.registry(), reference.repository(), reference.object());
    registry::Error::Request {
        method: "Head".to_owned(),
        url: format!("https://{host}/v2/{repository}/manifests/{object}"),
        cause: format!("dial tcp: lookup {host}: no such host (this node reaches only the stage's registry)"),
    }
}

fn session(streams: docker::ExecStreams) -> ExecSession {
    let exit_code = streams.exit_code.map(|code| code.map_err(failed)).boxed();
    ExecSession { stdin: streams.stdin, output: streams.output, exit_code }
}

fn failed(error: docker::Error) -> RuntimeError {
    RuntimeError::Failed(chain(&error))
}

impl Runtime for DockerRuntime {
    fn scheme(&self) -> &'static str {
        "docker"
    }

    fn image_status<'a>(&'a self, image: &'a str) -> BoxFuture<'a, Option<Image>> {
        async { self.find(image).map(|(image, _)| image) }.boxed()
    }

    fn pull<'a>(&'a self, image: &'a str, auth: Option<Credentials>) -> BoxFuture<'a, Result<Image, PullError>> {
        self.pull_image(image, auth).boxed()
    }

    fn remove_image<'a>(&'a self, image: &'a str) -> BoxFuture<'a, ()> {
        // The engine keeps the layers until the runtime is closed: the node has forgotten them.
        if let Ok(reference) = ImageRef::parse(image) {
            self.state().images.remove(&reference.canonical());
        }
        async {}.boxed()
    }

    fn start(&self, spec: ContainerSpec) -> BoxFuture<'_, Result<Started, RuntimeError>> {
        self.start_container(spec).boxed()
    }

    fn wait<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Exit, RuntimeError>> {
        async move { self.docker.wait(id).await.map_err(failed) }.boxed()
    }

    fn stop<'a>(&'a self, id: &'a str, grace: Duration) -> BoxFuture<'a, Result<(), RuntimeError>> {
        self.stop_container(id, grace).boxed()
    }

    fn halt<'a>(&'a self, id: &'a str, grace: Duration) -> BoxFuture<'a, Result<(), RuntimeError>> {
        self.halt_container(id, grace).boxed()
    }

    fn logs<'a>(&'a self, id: &'a str, options: LogOptions) -> BoxFuture<'a, Result<Log, RuntimeError>> {
        async move { self.docker.logs(id, options).await.map_err(failed) }.boxed()
    }

    fn exec<'a>(&'a self, id: &'a str, spec: ExecSpec) -> BoxFuture<'a, Result<ExecSession, RuntimeError>> {
        self.exec_in(id, spec).boxed()
    }

    fn attach<'a>(&'a self, id: &'a str, stdin: bool) -> BoxFuture<'a, Result<ExecSession, RuntimeError>> {
        async move { self.docker.attach(id, stdin).await.map(session).map_err(failed) }.boxed()
    }

    fn dial<'a>(&'a self, id: &'a str, port: u16) -> BoxFuture<'a, Result<Box<dyn Duplex>, RuntimeError>> {
        self.connect(id, port).boxed()
    }
}
