//! A stage that is up: brought up side by side, used, and let go. What goes with it is in the session's ledger.

use std::future::Future;
use std::net::Ipv4Addr;
use std::sync::PoisonError;

use super::error::Error;
use super::handle::{Handle, Remote};
use super::parts::{OnPart, Part, Raising, Slot, ask, push};
use super::witness::Log;
use crate::cluster::{Cluster, Plan};
use crate::docker::{self, Docker};
use crate::images::Application;
use crate::registry::{self, Credentials, Grants, TokenService};
use crate::session::{Debt, Session};

/// How the stage's own registry tells its user from others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum RegistryAuth {
    /// By itself, by the password: a refusal says `no basic auth credentials`.
    #[default]
    Basic,
    /// By tokens, as Docker Hub does: a refusal says `insufficient_scope: authorization failed`.
    Token,
}

/// How the stage's own registry fails to tell its user from others: only sabotage asks for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Defect {
    /// It asks nobody for a login.
    OpenRegistry,
    /// It takes any password.
    AnyPassword,
    /// Its token service grants everybody everything.
    GrantsEverything,
}

impl Defect {
    fn grants(self) -> Grants {
        match self {
            Self::OpenRegistry => Grants::User,
            Self::AnyPassword => Grants::AnyPassword,
            Self::GrantsEverything => Grants::Everybody,
        }
    }
}

/// What to bring up.
#[derive(Debug, Clone)]
pub(crate) struct StageSettings {
    pub plan: Plan,
    /// The registry's port on 127.0.0.1; a free one when None.
    pub registry_port: Option<u16>,
    pub registry_auth: RegistryAuth,
    /// Stays up for later runs, and what was asked of it, as options.
    pub kept: Option<Vec<String>>,
    /// What its labs build, push and pull.
    pub application: Application,
    /// More names under which a registry of the stage's own serves the application, before there is a cluster.
    pub served: Vec<String>,
    /// A registry that is there already, and its login, in place of one of the stage's own.
    pub remote: Option<(Remote, Credentials)>,
    pub defect: Option<Defect>,
}

impl StageSettings {
    /// The login at the registry: the user's, or a fresh one.
    pub(crate) fn credentials(&self) -> Credentials {
        match &self.remote {
            Some((_, credentials)) => credentials.clone(),
            None => Credentials::fresh(&self.application.user),
        }
    }
}

/// A stage that is up.
pub(crate) struct Stage {
    pub handle: Handle,
    pub cluster: Cluster,
    pub docker: Docker,
    /// What the reader should know: stand-ins and why, time-lapse.
    pub notes: Vec<String>,
    /// Gives the registry's tokens, where this process brought it up with such.
    tokens: Option<TokenService>,
    pub(super) log: Log,
}

impl Stage {
    /// Brings everything up; `Ok(None)` where `stop` fires first. What was begun is in the session's ledger, also where
    /// this fails: whoever closes the session settles it.
    ///
    /// # Errors
    /// The first part's error.
    pub(crate) async fn up(
        settings: &StageSettings,
        docker: Docker,
        session: &Session,
        credentials: &Credentials,
        on_part: OnPart<'_>,
        stop: impl Future<Output = ()>,
    ) -> Result<Option<Self>, Error> {
        session.owe(Debt::Engine { host: docker.host().into() })?;
        let slot = Slot::default();
        let tokens = token_service(settings, &docker, credentials).await?;
        let raising = Raising { settings, docker: &docker, session, credentials, on_part, tokens: tokens.as_ref() };
        let raised = tokio::select! {
            raised = raising.all(&slot) => raised.map(Some),
            () = stop => Ok(None),
        };
        let cluster = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        let ((registry, image, raised), cluster) = match (raised, cluster) {
            (Ok(Some(raised)), Some(cluster)) => (raised, cluster),
            (other, cluster) => {
                if let Some(cluster) = cluster {
                    cluster.stop().await;
                }
                return other.map(|_| None);
            }
        };
        let notes = registry.note.into_iter().chain(image.note).chain(raised.info.notes.clone()).collect();
        let handle = Handle::new(
            session,
            (registry.host, registry.container),
            credentials,
            (raised.info, raised.kubeconfig),
            &settings.application,
            (image.id, image.digest),
            (settings.kept.clone(), settings.remote.as_ref().map(|(remote, _)| remote.clone())),
        );
        session.write_private("stage.json", &handle.to_json())?;
        Ok(Some(Self { handle, cluster, docker, notes, tokens, log: Log::default() }))
    }

    /// Uses a stage that another process keeps up; what labs of `session` leave there is owed from then on.
    ///
    /// # Errors
    /// Where the cluster's kubeconfig cannot be used, or the stage is none any more.
    pub(crate) async fn attach(handle: Handle, docker: Docker, session: &Session) -> Result<Self, Error> {
        let cluster = Cluster::attach(handle.cluster.clone(), &handle.kubeconfig, docker.clone())
            .await
            .map_err(Error::Cluster)?;
        let notes = handle.cluster.notes.clone();
        let stage = Self { handle, cluster, docker, notes, tokens: None, log: Log::default() };
        let application = stage.ask(&stage.handle.application.image)?;
        application.resolve().await.map_err(|error| Error::Gone { answer: error.chain() })?;
        session.owe(Debt::Labs { private: stage.handle.private.clone(), host: stage.docker.host().into() })?;
        if stage.handle.cluster.is_users && !stage.handle.cluster.nodes.is_empty() {
            // What this session's labs have the user's nodes pull is theirs to take off again.
            let nodes = stage.handle.cluster.nodes.clone();
            session.owe(Debt::Nodes { nodes, host: stage.docker.host().into() })?;
        }
        let owner = (!stage.handle.cluster.is_users).then(|| stage.handle.owner.clone());
        session.owe(Debt::Namespaces { kubeconfig: stage.handle.kubeconfig.clone(), stage: owner })?;
        Ok(stage)
    }

    /// Whether what a run creates would stay when it ends.
    pub(crate) fn outlives_run(&self) -> bool {
        !self.is_own() || self.cluster.stays()
    }

    /// Brought up by this process.
    fn is_own(&self) -> bool {
        self.handle.pid == std::process::id()
    }

    /// Whether cluster and registry are the user's own, on which nothing is touched but what a run makes.
    pub(crate) fn is_users(&self) -> bool {
        self.handle.remote.is_some()
    }

    pub(crate) fn credentials(&self) -> Credentials {
        self.handle.credentials()
    }

    /// A question to the registry about `image`, as the stage's user.
    pub(crate) fn ask(&self, image: &str) -> Result<registry::ImageSession, Error> {
        ask(image, &self.handle.registry, Some(self.credentials()))
    }

    /// Makes sure the registry serves the application under `image`.
    ///
    /// # Errors
    /// Where the push fails or another digest is served.
    pub(crate) async fn serve(&self, image: &str) -> Result<(), Error> {
        let session = self.ask(image)?;
        let served = match session.resolve().await {
            Ok(found) => found.digest == self.handle.app_digest,
            Err(_) => false,
        };
        // Within the stage's registry nothing need be moved; what cannot be mounted is pushed.
        let built = self.ask(&self.handle.application.image)?;
        if !served && (self.is_users() || session.mount(&built, &self.handle.app_digest).await.is_err()) {
            push(image, &self.docker, &self.handle.app_image, &self.handle.registry, &self.credentials()).await?;
        }
        if self.is_users() && ask(image, &self.handle.registry, None)?.resolve().await.is_ok() {
            return Err(Error::Public { image: image.into() });
        }
        Ok(())
    }

    /// Whether the registry serves `image` to the stage's user.
    pub(crate) async fn serves(&self, image: &str) -> bool {
        match self.ask(image) {
            Ok(session) => session.resolve().await.is_ok(),
            Err(_) => false,
        }
    }

    /// Removes the containers and images that a lab has made in `scope`.
    ///
    /// # Errors
    /// Where Docker does not answer or refuses.
    pub(crate) async fn remove_lab(&self, scope: &str) -> Result<(), docker::Error> {
        self.docker.remove_lab(scope).await
    }

    /// Makes sure the registry does not serve `image`.
    ///
    /// # Errors
    /// Where the registry refuses.
    pub(crate) async fn withdraw(&self, image: &str) -> Result<(), Error> {
        let session = self.ask(image)?;
        let not_served = |answer: String| Error::NotServed { image: image.into(), answer };
        match session.resolve().await {
            Ok(found) => session.delete(&found.digest).await.map_err(|error| not_served(error.chain())),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(not_served(error.chain())),
        }
    }

    /// Ends what of it is in this process; the rest is the session's ledger's.
    pub(crate) async fn down(self) {
        self.cluster.stop().await;
        if let Some(tokens) = self.tokens {
            tokens.close().await;
        }
    }
}

/// The service of a registry with tokens, where the Engine and the cluster's nodes reach it: mini is in this process;
/// nodes in containers reach this machine at the Engine's gateway, an address that is not known outside the machine.
async fn token_service(
    settings: &StageSettings,
    docker: &Docker,
    credentials: &Credentials,
) -> Result<Option<TokenService>, Error> {
    let grants = settings.defect.map_or(Grants::User, Defect::grants);
    let needs_none = settings.registry_auth == RegistryAuth::Basic && grants == Grants::User;
    if needs_none || settings.remote.is_some() || settings.defect == Some(Defect::OpenRegistry) {
        return Ok(None);
    }
    let address = match settings.plan {
        Plan::Mini(_) => Ipv4Addr::LOCALHOST.into(),
        _ => docker.gateway().await.map_err(|source| Error::Docker { part: Part::Registry, source: source.into() })?,
    };
    TokenService::start(address, credentials.clone(), grants).await.map(Some).map_err(Error::Tokens)
}
