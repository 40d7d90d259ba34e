//! What every command that brings up a stage begins and ends with: the engine, what dead sessions left, a session of its
//! own, masking and events; and at the end what the session owes, settled, and looked at before a word is said of it.

use std::sync::OnceLock;
use std::time::Instant;

use tokio::task::JoinHandle;

use super::error::Error;
use super::origin::Origin;
use super::places::Places;
use super::stage::{StageArgs, mask, tell};
use crate::docker::Docker;
use crate::event::{self, Event, Events, millis};
use crate::mask::Masker;
use crate::report::{self, Consumer};
use crate::session::Session;
use crate::signal::Interrupts;
use crate::stage::{self, Reaping, Remains, SessionEnd, Stage};

/// A session that is going on.
pub(super) struct OpenSession<'a> {
    pub docker: Docker,
    pub origin: Origin,
    pub session: Session,
    pub masker: Masker,
    pub events: Events,
    pub interrupts: &'a Interrupts,
    reporter: JoinHandle<std::io::Result<()>>,
    /// What is left, once it has been looked at.
    remains: OnceLock<Remains>,
    /// The command that removes what is left.
    down: String,
}

/// What is asked of an open session.
pub(super) struct Opening<'a> {
    pub stage: &'a StageArgs,
    pub places: &'a Places,
    /// A stage that is up will do.
    pub on_kept: bool,
    /// Learns the session's secrets.
    pub masker: &'a Masker,
}

impl<'a> OpenSession<'a> {
    /// Opens a session; `consumers` are told its events.
    ///
    /// # Errors
    /// Where the engine or the cluster asked for cannot be had, and where it is interrupted: then nothing was begun.
    pub(super) async fn open(
        opening: Opening<'_>,
        interrupts: &'a Interrupts,
        consumers: impl FnOnce(&Session) -> std::io::Result<Vec<Box<dyn Consumer>>>,
    ) -> Result<Self, Error> {
        let Opening { stage, places, on_kept, masker } = opening;
        let prologue = async {
            let docker = Docker::connect().await?;
            let (origin, engine) = tokio::join!(Origin::choose(stage, places, on_kept, &docker), docker.engine());
            let (origin, notes) = origin?;
            let reaped = stage::reap(&docker, &places.root, Reaping::InPassing).await;
            Ok::<_, Error>((docker, origin, engine.ok(), notes, reaped))
        };
        let begun = interrupts.unless(prologue).await.ok_or(Error::InterruptedBefore)?;
        let (docker, origin, engine, mut notes, reaped) = begun?;
        let session = Session::create(&places.root)?;
        let masker = masker.clone();
        let (events, records) = Events::channel();
        let consumers = match consumers(&session) {
            Ok(consumers) => consumers,
            Err(error) => {
                session.close();
                return Err(Error::Report(error));
            }
        };
        let reporter = report::spawn(records, masker.clone(), consumers);
        events.emit(Event::SessionStarted {
            session: session.id().into(),
            version: env!("CARGO_PKG_VERSION").into(),
            schema: event::SCHEMA,
            at: Some(jiff::Zoned::now().strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()),
        });
        if let Some(engine) = engine {
            let name = if docker.is_podman() { "Podman" } else { "Docker Engine" };
            events.emit(Event::Tool { name: name.into(), version: engine.version });
        }
        notes.extend(reaped.removed);
        let down = places.down.clone();
        if !reaped.remains.is_nothing() {
            notes.push(format!("of sessions that were killed {}; {down} removes it", reaped.remains));
        }
        notes.into_iter().for_each(|text| events.note(text));
        Ok(Self { docker, origin, session, masker, events, interrupts, reporter, remains: OnceLock::new(), down })
    }

    /// The stage, from where it comes. Returns None if interrupted.
    ///
    /// # Errors
    /// Where it does not come up, or the one that is up is none any more.
    pub(super) async fn raise(&self) -> Result<Option<Stage>, Error> {
        let begun = Instant::now();
        let stage = match &self.origin {
            Origin::Kept(turn) => {
                mask(&self.masker, &turn.stage.credentials());
                self.events.note(format!("using the stage that is up: session {}", turn.stage.session));
                Some(Stage::attach(turn.stage.clone(), self.docker.clone(), &self.session).await?)
            }
            Origin::New(settings) => {
                let credentials = settings.credentials();
                mask(&self.masker, &credentials);
                let on_part = tell(self.events.clone());
                let stop = self.interrupts.graceful.cancelled();
                Stage::up(settings, self.docker.clone(), &self.session, &credentials, &on_part, stop).await?
            }
        };
        if let Some(stage) = &stage {
            stage.handle.secrets().iter().for_each(|secret| self.masker.add(secret.expose()));
            let info = stage.cluster.info();
            self.events.emit(Event::StageReady {
                cluster: info.name.clone(),
                server_version: info.server_version.clone(),
                registry: stage.handle.registry.clone(),
                ms: millis(begun.elapsed()),
            });
        }
        Ok(stage)
    }

    /// Pays what is owed and looks what is left; after a second interrupt only looks. Once: what was seen stays said.
    pub(super) async fn settle(&self, end: SessionEnd) -> &Remains {
        if self.remains.get().is_none() {
            let (session, ledger) = (self.session.id(), self.session.ledger());
            let remains = tokio::select! {
                biased;
                () = self.interrupts.forced.cancelled() => stage::glance(&self.docker, session, ledger).await,
                remains = stage::settle(&self.docker, session, ledger, end) => remains,
            };
            let _ = self.remains.set(remains);
        }
        self.remains.get_or_init(Remains::default)
    }

    /// What the command comes to, now that what it leaves has been looked at; None if interrupted.
    ///
    /// # Errors
    /// The command's own, and [`Error::Interrupted`].
    pub(super) async fn conclude<T>(&self, outcome: Result<Option<T>, Error>) -> Result<T, Error> {
        let end = if matches!(outcome, Ok(Some(_))) { SessionEnd::Finished } else { SessionEnd::Interrupted };
        let remains = self.settle(end).await.clone();
        let (twice, down) = (self.interrupts.forced.is_cancelled(), self.down.clone());
        match outcome {
            Ok(None) => Err(Error::Interrupted { twice, remains, down }),
            other => {
                if !remains.is_nothing() {
                    self.events.note(format!("{remains}; {down} removes it"));
                }
                other.and_then(|done| done.ok_or(Error::InterruptedBefore))
            }
        }
    }

    /// Ends the session; gives what its report says of itself.
    pub(super) async fn close(self) -> Result<(), Error> {
        drop(self.events);
        let told = self.reporter.await.unwrap_or(Ok(()));
        self.session.close();
        told.map_err(Error::Report)
    }
}
