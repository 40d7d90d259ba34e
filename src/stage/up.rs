//! Bringing a stage up, side by side, and taking it down, in order.

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::handle::{Handle, Remote};
use crate::cluster::{self, Cluster, Plan};
use crate::docker::registry::{RegistryContainer, RegistryRequest};
use crate::docker::{self, Docker, Login, labels, layers};
use crate::event::PartState;
use crate::hint::Hint;
use crate::images::{self, Application, Base};
use crate::registry::{self, Client, Credentials, Endpoint, ImageRef};
use crate::session::{self, Session};
use crate::wait::{Probe, Wake, until};

/// How often, and how long, a stage that did not come up is looked for what the Engine still makes of it; so many looks
/// in a row must find nothing.
const LOOKS: Duration = Duration::from_millis(150);
const LAST_LOOK: Duration = Duration::from_secs(5);
const QUIET_LOOKS: usize = 3;

/// A part of the stage, each with its line of progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Registry,
    Image,
    Cluster,
}

impl Part {
    pub fn name(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Image => "image",
            Self::Cluster => "cluster",
        }
    }
}

/// Told of every step a part makes: the part, its state, a line for people, milliseconds since the part began.
pub type OnPart<'a> = &'a (dyn Fn(Part, PartState, &str, u64) + Sync);

/// What to bring up.
#[derive(Debug, Clone)]
pub struct Settings {
    pub plan: Plan,
    /// The registry's port on 127.0.0.1; a free one when None.
    pub registry_port: Option<u16>,
    /// Stays up for later runs, and what was asked of it, as options.
    pub kept: Option<Vec<String>>,
    /// What its labs build, push and pull.
    pub application: Application,
    /// A registry that is there already, and its login, in place of one of the stage's own.
    pub remote: Option<(Remote, Credentials)>,
}

impl Settings {
    /// The login at the registry: the user's, or a fresh one.
    pub fn credentials(&self) -> Credentials {
        match &self.remote {
            Some((_, credentials)) => credentials.clone(),
            None => Credentials::fresh(&self.application.user),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the {} did not come up", part.name())]
    Docker {
        part: Part,
        #[source]
        source: images::Error,
    },
    #[error("the application's files cannot be had")]
    Application(#[source] images::Error),
    #[error("the cluster did not come up")]
    Cluster(#[source] cluster::Error),
    #[error(transparent)]
    Session(#[from] session::Error),
    #[error("cannot hash the registry's password")]
    Htpasswd(#[source] bcrypt::BcryptError),
    #[error("the registry does not serve {image} to its own user: {answer}")]
    NotServed { image: String, answer: String },
    #[error("the registry serves {image} as {served}, but {pushed} was pushed")]
    Digest { image: String, pushed: String, served: String },
    #[error("the registry {host} does not take the login of {username}: {answer}")]
    Login { host: String, username: String, answer: String },
    #[error("the registry {host} does not answer: {answer}")]
    Unreachable { host: String, answer: String },
    #[error("the registry serves {image} to anybody")]
    Public { image: String },
    #[error("the stage that is up does not serve its image any more: {answer}")]
    Gone { answer: String },
    /// Another part failed first; its error is the one to tell.
    #[error("the registry never came up")]
    NoRegistry,
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Docker { source, .. } => source.hint(),
            Self::Cluster(source) => source.hint(),
            Self::Login { .. } => Some("check the user name and the password or token, and that it may push".into()),
            Self::Unreachable { .. } => {
                Some("check the host, a proxy, and whether this machine trusts the registry's certificate".into())
            }
            Self::Gone { .. } => Some("`rehearse down` takes it down; then again".into()),
            Self::Public { .. } => {
                Some("labs need a private one: make new repositories private by default there, or take another".into())
            }
            Self::Application(error) => error.hint(),
            Self::Session(error) => error.hint(),
            Self::NotServed { .. } | Self::Digest { .. } => {
                Some("somebody else may push to that registry; `rehearse down`, then again, gives a new one".into())
            }
            // Nothing but a defect of ours leads to the first; of the second another part tells.
            Self::Htpasswd(_) | Self::NoRegistry => None,
        }
    }
}

/// A stage that is up.
pub struct Stage {
    pub handle: Handle,
    pub cluster: Cluster,
    pub docker: Docker,
    /// What the reader should know: stand-ins and why, time-lapse.
    pub notes: Vec<String>,
    registry: Option<RegistryContainer>,
}

/// What has come up so far: undone, last first, when the rest does not follow.
#[derive(Default)]
struct Parts {
    registry: Mutex<Option<RegistryContainer>>,
    cluster: Mutex<Option<Cluster>>,
}

fn lock<T>(slot: &Mutex<Option<T>>) -> std::sync::MutexGuard<'_, Option<T>> {
    slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Stage {
    /// Brings everything up. On failure, and when `stop` fires first, what had come up is undone: then `Ok(None)`
    /// means stopped.
    ///
    /// # Errors
    /// The first part's error.
    pub async fn up(
        settings: &Settings,
        docker: Docker,
        session: &Session,
        credentials: &Credentials,
        on_part: OnPart<'_>,
        stop: impl Future<Output = ()>,
    ) -> Result<Option<Self>, Error> {
        let parts = Parts::default();
        let raised = tokio::select! {
            raised = Self::raise(settings, &docker, session, credentials, on_part, &parts) => raised.map(Some),
            () = stop => Ok(None),
        };
        match raised {
            Ok(Some((handle, notes))) => {
                let (Some(cluster), registry) = (lock(&parts.cluster).take(), lock(&parts.registry).take()) else {
                    return Err(Error::NoRegistry);
                };
                Ok(Some(Self { handle, cluster, docker, notes, registry }))
            }
            other => {
                let (cluster, registry) = (lock(&parts.cluster).take(), lock(&parts.registry).take());
                undo(&docker, session.id(), cluster, registry).await;
                other.map(|_| None)
            }
        }
    }

    async fn raise(
        settings: &Settings,
        docker: &Docker,
        session: &Session,
        credentials: &Credentials,
        on_part: OnPart<'_>,
        parts: &Parts,
    ) -> Result<(Handle, Vec<String>), Error> {
        let labels = labels::of_session(session.id(), &session.owner());
        let (announce, address) = watch::channel(None);
        let (rest, at_rest) = watch::channel(false);
        let registry = timed(Part::Registry, on_part, async |tell| {
            if let Some((remote, credentials)) = &settings.remote {
                tell("logging in");
                check(remote, credentials).await?;
                let line = format!("{} in docker.io's place, user {}", remote.place(), credentials.username);
                return Ok((((remote.host.clone(), None), None), line));
            }
            let found = images::ensure(docker, images::REGISTRY, &|p| tell(&p.to_string())).await;
            let found = found.map_err(|source| Error::Docker { part: Part::Registry, source })?;
            tell("starting");
            let request = RegistryRequest {
                image: found.image.clone(),
                htpasswd: credentials.htpasswd().map_err(Error::Htpasswd)?.into(),
                realm: "rehearsal".into(),
                labels: labels.clone(),
                port: settings.registry_port,
                layers: Some(layers_of(session)),
            };
            let container = RegistryContainer::start(docker, request).await;
            let container =
                container.map_err(|source| Error::Docker { part: Part::Registry, source: source.into() })?;
            let (addr, id) = (container.addr, container.id.clone());
            *lock(&parts.registry) = Some(container);
            let _ = announce.send(Some((addr, id.clone())));
            let line = format!("{} on {addr} in docker.io's place, user {}", found.label(), credentials.username);
            Ok((((addr.to_string(), Some(id)), found.reason()), line))
        });
        let image = timed(Part::Image, on_part, async |tell| {
            let part = |source| Error::Docker { part: Part::Image, source };
            let progress = |p: docker::Progress| tell(&p.to_string());
            let application = &settings.application;
            let found = images::ensure(docker, &application.base, &progress).await.map_err(part)?;
            let base = Base::ensure(docker, &found, &progress).await.map_err(part)?;
            base.build(docker, application, &progress).await.map_err(part)?;
            // The same layers once more, with the session's label: every name it gets goes with the session.
            let name = application.named(session.id());
            let mut request = base.request(application.context().map_err(part)?, "Dockerfile", &name);
            request.labels.clone_from(&labels);
            let built = docker.build(request, &progress).await.map_err(|error| part(error.into()))?;
            if settings.remote.is_some() {
                // Pushed for each lab, to repositories that nobody else uses.
                let line = format!("{} built on {}", application.image, found.label());
                return Ok((((built.id, String::new()), found.reason()), line));
            }
            let (registry, container) = registry_of(address.clone()).await?;
            let registry = &registry.to_string();
            tell("pushing");
            let digest = push_as(&application.image, docker, &built.id, registry, credentials).await?;
            keep_layers(&application.image, docker, &container, registry, credentials, &layers_of(session)).await;
            let _ = rest.send(true);
            let shown = &digest[..19.min(digest.len())];
            let line = format!("{} built on {} and pushed, {shown}", application.image, found.label());
            Ok((((built.id, digest), found.reason()), line))
        });
        let cluster = timed(Part::Cluster, on_part, async |tell| {
            let ground = cluster::Ground {
                docker: docker.clone(),
                session: session.id().into(),
                owner: session.owner(),
                private: session.private(),
                logs: session.dir().into(),
                labels: labels.clone(),
                registry: Box::pin(async { registry_of(address.clone()).await.ok() }),
                registry_at_rest: Box::pin(async { drop(at_rest.clone().wait_for(|rest| *rest).await) }),
            };
            let cluster = settings.plan.start(ground, tell).await.map_err(Error::Cluster)?;
            if settings.kept.is_some() {
                tell("waiting for the nodes to be ready");
                cluster.schedulable().await.map_err(Error::Cluster)?;
            }
            let info = cluster.info().clone();
            let kubeconfig = match cluster.kubeconfig() {
                Some(text) => session.write_private("kubeconfig", text.as_bytes())?,
                None => PathBuf::new(),
            };
            let line = match &cluster {
                Cluster::Mini(mini) => {
                    format!("mini {}, ready in {} ms", info.server_version, mini.ready_in.as_millis())
                }
                _ => format!("{} {}", info.name, info.server_version),
            };
            *lock(&parts.cluster) = Some(cluster);
            Ok(((info, kubeconfig), line))
        });
        let ((registry, from), (app, on), cluster) = tokio::try_join!(registry, image, cluster)?;
        let remote = settings.remote.as_ref().map(|(remote, _)| remote.clone());
        let handle = Handle::new(
            session,
            registry,
            credentials,
            cluster,
            &settings.application,
            app,
            (settings.kept.clone(), remote),
        );
        session.write_private("stage.json", &handle.to_json())?;
        let notes = from.into_iter().chain(on).chain(handle.cluster.notes.clone()).collect();
        Ok((handle, notes))
    }

    /// Uses a stage that another process keeps up.
    ///
    /// # Errors
    /// Where the cluster's kubeconfig cannot be used.
    pub async fn attach(handle: Handle, docker: Docker) -> Result<Self, Error> {
        let cluster = Cluster::attach(handle.cluster.clone(), &handle.kubeconfig, docker.clone())
            .await
            .map_err(Error::Cluster)?;
        let notes = handle.cluster.notes.clone();
        let stage = Self { handle, cluster, docker, notes, registry: None };
        stage
            .ask(&stage.handle.application.image)?
            .resolve()
            .await
            .map_err(|error| Error::Gone { answer: error.chain() })?;
        Ok(stage)
    }

    /// Whether what a run creates would stay when it ends.
    pub fn outlives_run(&self) -> bool {
        self.registry.is_none() || self.cluster.stays()
    }

    /// Whether the cluster is the user's own, on which nothing is touched but what a run makes.
    pub fn is_users(&self) -> bool {
        self.handle.remote.is_some()
    }

    pub fn credentials(&self) -> Credentials {
        self.handle.credentials()
    }

    /// A question to the registry about `image`, as the stage's user.
    pub fn ask(&self, image: &str) -> Result<registry::Session, Error> {
        ask(image, &self.handle.registry, Some(self.credentials()))
    }

    /// Makes sure the registry serves the application under `image`.
    ///
    /// # Errors
    /// Where the push fails or another digest is served.
    pub async fn serve(&self, image: &str) -> Result<(), Error> {
        let session = self.ask(image)?;
        let served = match session.resolve().await {
            Ok(found) => found.digest == self.handle.app_digest,
            Err(_) => false,
        };
        // Within the stage's registry nothing need be moved; what cannot be mounted is pushed.
        let built = self.ask(&self.handle.application.image)?;
        if !served && (self.is_users() || session.mount(&built, &self.handle.app_digest).await.is_err()) {
            push_as(image, &self.docker, &self.handle.app_image, &self.handle.registry, &self.credentials()).await?;
        }
        if self.is_users() && ask(image, &self.handle.registry, None)?.resolve().await.is_ok() {
            return Err(Error::Public { image: image.into() });
        }
        Ok(())
    }

    /// Removes the containers and images that a lab has made in `scope`.
    ///
    /// # Errors
    /// Where Docker does not answer or refuses.
    pub async fn remove_lab(&self, scope: &str) -> Result<(), docker::Error> {
        self.docker.remove_lab(scope).await
    }

    /// Makes sure the registry does not serve `image`.
    ///
    /// # Errors
    /// Where the registry refuses.
    pub async fn withdraw(&self, image: &str) -> Result<(), Error> {
        let session = self.ask(image)?;
        let not_served = |answer: String| Error::NotServed { image: image.into(), answer };
        match session.resolve().await {
            Ok(found) => session.delete(&found.digest).await.map_err(|error| not_served(error.chain())),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(not_served(error.chain())),
        }
    }

    /// What the registry has logged so far; None where its log is not ours to read.
    ///
    /// # Errors
    /// Where Docker does not answer.
    pub async fn registry_log(&self) -> Result<Option<String>, docker::Error> {
        match &self.handle.registry_container {
            Some(container) => self.docker.read_logs(container).await.map(Some),
            None => Ok(None),
        }
    }

    /// Takes everything down that is this process's; an attached stage stays.
    pub async fn down(self) {
        match self.handle.pid == std::process::id() {
            true => undo(&self.docker, &self.handle.session, Some(self.cluster), self.registry).await,
            false => self.cluster.stop().await,
        }
    }
}

/// Undoes what is known, last first, and then whatever else carries the session's label.
async fn undo(docker: &Docker, session: &str, cluster: Option<Cluster>, registry: Option<RegistryContainer>) {
    if let Some(cluster) = cluster {
        cluster.stop().await;
    }
    if let Some(registry) = registry {
        // What does not go now goes by its label below, or at the next start.
        let _ = registry.stop().await;
    }
    // The Engine goes on with what it has begun for a request that was dropped: what comes of it goes, too, and what
    // comes later still goes at the next start.
    let mut quiet = 0;
    let probe = async || {
        let found = docker.remove_session(session).await.unwrap_or(1);
        quiet = if found == 0 { quiet + 1 } else { 0 };
        if quiet < QUIET_LOOKS { Probe::Pending(found.to_string()) } else { Probe::Done(()) }
    };
    let _ = until("the Engine to be done", LAST_LOOK, Wake::Every(LOOKS), probe).await;
}

/// Runs one part with its line of progress.
async fn timed<T>(
    part: Part,
    on_part: OnPart<'_>,
    work: impl AsyncFnOnce(&(dyn Fn(&str) + Sync)) -> Result<(T, String), Error>,
) -> Result<T, Error> {
    let begun = Instant::now();
    let ms = || u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    on_part(part, PartState::Started, "", 0);
    match work(&|detail: &str| on_part(part, PartState::Progress, detail, ms())).await {
        Ok((value, line)) => {
            on_part(part, PartState::Ready, &line, ms());
            Ok(value)
        }
        Err(error) => {
            if !matches!(error, Error::NoRegistry) {
                on_part(part, PartState::Failed, &error.to_string(), ms());
            }
            Err(error)
        }
    }
}

/// Asks a registry that is there whether it takes the login.
///
/// # Errors
/// Where it does not, or does not answer.
pub async fn check(remote: &Remote, credentials: &Credentials) -> Result<(), Error> {
    let (endpoint, host) = (Endpoint { host: remote.host.clone() }, remote.host.clone());
    let unreachable = |answer: String| Error::Unreachable { host: host.clone(), answer };
    let client = Client::reaching(&endpoint).map_err(|error| unreachable(error.to_string()))?;
    match client.login(&endpoint, credentials).await {
        Ok(()) => Ok(()),
        Err(error @ registry::Error::Request { .. }) => Err(unreachable(error.chain())),
        Err(error) => {
            Err(Error::Login { host: host.clone(), username: credentials.username.clone(), answer: error.chain() })
        }
    }
}

/// The registry's address and container, once it is up.
async fn registry_of(
    mut address: watch::Receiver<Option<(SocketAddr, String)>>,
) -> Result<(SocketAddr, String), Error> {
    let found = address.wait_for(Option::is_some).await.map_err(|_| Error::NoRegistry)?;
    found.clone().ok_or(Error::NoRegistry)
}

fn ask(image: &str, registry: &str, credentials: Option<Credentials>) -> Result<registry::Session, Error> {
    let not_served = |answer: String| Error::NotServed { image: image.into(), answer };
    let reference = ImageRef::parse(image).map_err(|error| not_served(error.to_string()))?;
    let endpoint = Endpoint { host: registry.to_owned() };
    let client = Client::reaching(&endpoint).map_err(|error| not_served(error.to_string()))?;
    Ok(client.session(endpoint, reference, credentials))
}

/// The copy of layers stands beside the sessions: `make clean` removes it.
fn layers_of(session: &Session) -> PathBuf {
    session.dir().with_file_name("cache").join("layers")
}

/// Keeps what was pushed for the next session, unless it is kept already. Failing costs only time.
async fn keep_layers(
    image: &str,
    docker: &Docker,
    container: &str,
    registry: &str,
    credentials: &Credentials,
    to: &Path,
) {
    let Ok(session) = ask(image, registry, Some(credentials.clone())) else { return };
    if let Ok(layers) = session.layers().await
        && !layers::has(to, &layers)
    {
        let _ = docker.keep_layers(container, to).await;
    }
}

/// Pushes the image `id` as `image` and checks that the registry serves what was pushed.
async fn push_as(
    image: &str,
    docker: &Docker,
    id: &str,
    registry: &str,
    credentials: &Credentials,
) -> Result<String, Error> {
    let part = |source: docker::Error| Error::Docker { part: Part::Image, source: source.into() };
    let not_served = |answer: String| Error::NotServed { image: image.into(), answer };
    let reference = ImageRef::parse(image).map_err(|error| not_served(error.to_string()))?;
    let name = reference.with_registry(registry).to_string();
    let login = Login {
        username: credentials.username.clone(),
        password: credentials.password.clone(),
        server: registry.to_string(),
    };
    docker.tag(id, &name).await.map_err(part)?;
    let pushed = docker.push(&name, Some(login), &|_| {}).await.map_err(part)?.digest;
    let session = ask(image, registry, Some(credentials.clone()))?;
    let served = session.resolve().await.map_err(|error| not_served(error.chain()))?.digest;
    if served != pushed {
        return Err(Error::Digest { image: image.into(), pushed, served });
    }
    Ok(pushed)
}
