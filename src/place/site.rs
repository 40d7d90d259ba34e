//! Everything that one lab stands on, opened before its first step and put away after its last. Knows no steps.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::cleanup::{self, Before};
use super::namespaces;
use super::shell::{self, Shell, docker_config};
use super::watch::{NotWatching, Watch};
use crate::cluster::namespace_labels;
use crate::event::Events;
use crate::gateway::{self, Gateway, Names, Reach, Request, Upstream};
use crate::hint::Hint;
use crate::mask::Masker;
use crate::registry::Credentials;
use crate::stage::{self, Stage};
use crate::tools::docker;

/// Why a lab has nothing to stand on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Stage(#[from] stage::Error),
    #[error(transparent)]
    Cluster(#[from] crate::cluster::Error),
    #[error(transparent)]
    Gateway(#[from] gateway::Error),
    #[error("no port of 127.0.0.1 is free for the lab's docker")]
    Docker(#[source] std::io::Error),
    #[error(transparent)]
    Watch(#[from] NotWatching),
    #[error(transparent)]
    Shell(#[from] shell::Error),
    #[error(transparent)]
    Namespaces(#[from] namespaces::Error),
    #[error(transparent)]
    Cleanup(#[from] cleanup::Error),
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Stage(error) => error.hint(),
            Self::Cluster(error) => error.hint(),
            Self::Gateway(error) => error.hint(),
            Self::Docker(_) => Some("is the loopback interface up? `ip addr show lo` tells".into()),
            Self::Watch(error) => error.hint(),
            Self::Shell(error) => error.hint(),
            Self::Namespaces(error) => error.hint(),
            Self::Cleanup(error) => error.hint(),
        }
    }
}

/// What a lab's site stands on.
pub(crate) struct SiteSpec<'a> {
    pub stage: &'a Stage,
    pub events: &'a Events,
    pub masker: &'a Masker,
    /// The run's own session.
    pub session: &'a str,
    /// The lab's number.
    pub lab: u32,
    /// The lab's names on the cluster.
    pub names: Names,
    /// What it may beyond its own namespaces.
    pub reach: Reach,
    /// Whether it has a namespace from the beginning.
    pub needs_cluster: bool,
    /// Whether it changes a password, and so has a user of its own where the registry's users are ours.
    pub rotates: bool,
    /// The `rehearse` program, which is `docker` in fences.
    pub program: &'a Path,
    pub kubectl: Option<&'a Path>,
    /// The cluster; labs that are played on one share what is known of it.
    pub upstream: &'a Upstream,
    /// Told of each request that the lab's API server has answered, besides the events.
    pub on_request: Option<OnRequest>,
}

/// Told of a request.
pub(crate) type OnRequest = Arc<dyn Fn(&Request) + Send + Sync>;

/// Where one lab's fences stand.
pub(crate) struct Site {
    pub shell: Shell,
    pub watch: Watch,
    pub gateway: Arc<Gateway>,
    docker: docker::Server,
    login: Mutex<Login>,
    masker: Masker,
    /// Whether the registry's log is kept from this lab.
    deaf: AtomicBool,
    /// What was there before a lab that has the cluster to itself.
    before: Option<Box<Before>>,
}

/// Who pulls in a lab.
struct Login {
    credentials: Credentials,
    /// Whether it is the lab's alone.
    is_own: bool,
    /// When its password was changed last.
    rotated: Option<Instant>,
}

impl Login {
    /// The stage's user, or one that the lab has to itself.
    async fn new(spec: &SiteSpec<'_>) -> Result<Self, Error> {
        let is_own = spec.rotates && spec.stage.has_users();
        let credentials = match is_own {
            true => Credentials::fresh(format!("{}-puller", spec.names.id())),
            false => spec.stage.credentials(),
        };
        if is_own {
            spec.masker.add(credentials.password.expose());
            spec.stage.admit(&credentials).await?;
        }
        Ok(Self { credentials, is_own, rotated: None })
    }
}

impl Site {
    /// From now on the lab cannot read the registry's log.
    pub(crate) fn cut_log(&self) {
        self.deaf.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_log_cut(&self) -> bool {
        self.deaf.load(Ordering::Relaxed)
    }

    /// Returns once pods can be created, and are seen.
    ///
    /// # Errors
    /// Where the cluster does not answer or refuses, or something cannot be written here.
    pub(crate) async fn open(spec: &SiteSpec<'_>) -> Result<Self, Error> {
        let (stage, handle) = (spec.stage, &spec.stage.handle);
        let client = stage.cluster.client();
        let (upstream, events, lab) = (spec.upstream.clone(), spec.events.clone(), spec.lab);
        let on_request = spec.on_request.clone();
        let told = move |request: Request| {
            if let Some(tell) = &on_request {
                tell(&request);
            }
            events.emit(request.event(lab));
        };
        let gateway = Arc::new(Gateway::start(upstream, spec.names.clone(), spec.reach, told).await?);
        spec.masker.add(gateway.token());
        let scope = scope(spec.session, spec.lab);
        let folder = handle.private.join(&scope);
        let learning = Arc::downgrade(&gateway);
        let docker = docker::Server::start(docker::LabDocker {
            handle: handle.for_lab(&scope),
            docker: stage.docker.clone(),
            folder: folder.clone(),
            config: docker_config(&folder),
            pushes: Box::new(move |image| {
                if let Some(gateway) = learning.upgrade() {
                    gateway.learn_image(image);
                }
            }),
        });
        let docker = docker.await.map_err(Error::Docker)?;
        spec.masker.add(docker.token());
        let sources = handle.application.context().map_err(stage::Error::Application)?;
        let kubeconfig = gateway.kubeconfig();
        let login = Login::new(spec).await?;
        let mut shell = Shell::prepare(&shell::ShellSpec {
            folder: &folder,
            name: &format!("lab-{}", spec.lab),
            cache: None,
            sessions: &handle.sessions(),
            program: spec.program,
            kubectl: spec.kubectl,
            kubeconfig: &kubeconfig,
            docker: Some(&docker.place()),
            credentials: &login.credentials,
            sources: &sources,
        })?;
        let (shown_by, id) = (Arc::downgrade(&gateway), spec.names.id().to_owned());
        shell.show_in(move |line| {
            let gateway = shown_by.upgrade().filter(|_| line.contains(&id))?;
            Some(gateway.names().back(line))
        });
        let labels = namespace_labels(spec.session);
        let before = async {
            match spec.reach {
                Reach::Ours { alone: true } => Ok(Some(Box::new(Before::look(&client).await?))),
                Reach::Ours { alone: false } | Reach::Users => Ok::<_, Error>(None),
            }
        };
        let before = before.await?;
        let view = gateway.client();
        let (made, watch) = tokio::join!(
            async {
                match spec.needs_cluster {
                    true => namespaces::make(&client, spec.names.id(), &labels).await,
                    false => Ok(()),
                }
            },
            Watch::open(&view, spec.events.clone(), spec.lab)
        );
        made?;
        let (login, masker) = (Mutex::new(login), spec.masker.clone());
        Ok(Self { shell, watch: watch?, gateway, docker, login, masker, deaf: AtomicBool::new(false), before })
    }

    fn login(&self) -> MutexGuard<'_, Login> {
        self.login.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The login that the lab's fences find.
    pub(crate) fn credentials(&self) -> Credentials {
        self.login().credentials.clone()
    }

    /// Whether nobody else pulls with it.
    pub(crate) fn has_own_user(&self) -> bool {
        self.login().is_own
    }

    /// When the login's password was changed last.
    pub(crate) fn rotated(&self) -> Option<Instant> {
        self.login().rotated
    }

    /// Gives the lab's own user another password, which the fences to come find.
    ///
    /// # Errors
    /// Where the registry does not take it, or it cannot be handed to the fences.
    pub(crate) async fn rotate(&self, stage: &Stage) -> Result<(), Error> {
        let fresh = Credentials::fresh(self.credentials().username);
        self.masker.add(fresh.password.expose());
        self.shell.set_again(shell::PASSWORD, &fresh.password)?;
        stage.admit(&fresh).await?;
        let mut login = self.login();
        (login.credentials, login.rotated) = (fresh, Some(Instant::now()));
        Ok(())
    }

    /// Whether the lab's fences have pushed an image, which is given as it is called in the registry.
    pub(crate) fn has_pushed(&self, image: &str) -> bool {
        self.docker.has_pushed(image)
    }

    /// Ends what fences have left, and puts the cluster, the Engine and the registry back as `leaving` says. Returns what
    /// the registry or the Engine did not let go of, in words for people.
    ///
    /// # Errors
    /// Where the cluster does not answer or something does not go.
    pub(crate) async fn close(self, spec: &SiteSpec<'_>, leaving: Leaving) -> Result<Vec<String>, Error> {
        let stage = spec.stage;
        self.shell.end_processes();
        self.watch.close().await;
        let mut images = self.gateway.names().images();
        images.extend(self.docker.take_pushed());
        self.docker.close().await;
        let made = self.gateway.made();
        let own = self.login.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Ok(gateway) = Arc::try_unwrap(self.gateway) {
            gateway.close().await;
        }
        if leaving == Leaving::WithStage {
            return Ok(Vec::new());
        }
        if own.is_own {
            stage.dismiss(&own.credentials.username).await?;
        }
        let stays = withdraw(stage, &scope(spec.session, spec.lab), images).await;
        leave(&stage.cluster.client(), spec.names.id(), leaving, &made, self.before.as_deref()).await?;
        Ok(stays)
    }
}

/// How a lab leaves what it stood on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// As it is: all of it goes with its stage.
    WithStage,
    /// Going: namespaces are not waited for.
    Going,
    /// Gone: another lab, or the cluster's owner, finds nothing of it.
    Gone,
}

/// What a killed or a stopped lab may have left on the cluster.
///
/// # Errors
/// Where the cluster does not answer or something does not go.
pub(crate) async fn clear(stage: &Stage, names: &Names) -> Result<(), Error> {
    Ok(namespaces::clear(&stage.cluster.client(), names.id()).await?)
}

async fn leave(
    client: &kube::Client,
    id: &str,
    leaving: Leaving,
    made: &[String],
    before: Option<&Before>,
) -> Result<(), Error> {
    for path in made {
        let request = http::Request::delete(path).body(Vec::new());
        if let Ok(request) = request {
            // What is gone already is what is wanted; what stays bears the lab's name, and the next run finds it.
            let _ = client.request_text(request).await;
        }
    }
    match (before, leaving) {
        (Some(before), _) => before.restore(client).await?,
        (None, Leaving::Going) => drop(namespaces::let_go(client, id).await?),
        (None, Leaving::Gone | Leaving::WithStage) => namespaces::clear(client, id).await?,
    }
    Ok(())
}

/// Takes a lab's containers and images off an Engine and out of a registry that stay.
async fn withdraw(stage: &Stage, scope: &str, mut images: Vec<String>) -> Vec<String> {
    let mut stays = Vec::new();
    if let Err(error) = stage.remove_lab(scope).await {
        stays.push(format!("a container or an image of the lab stays until the stage goes: {error}"));
    }
    images.sort();
    images.dedup();
    for image in images {
        if let Err(error) = stage.withdraw(&image).await {
            stays.push(format!("{image} stays in its registry, which does not let go of it: {error}"));
        }
    }
    stays
}

/// Where a lab's names on the Engine, its files and its processes are its own.
fn scope(session: &str, lab: u32) -> String {
    format!("{session}-lab{lab}")
}
