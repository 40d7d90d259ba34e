//! One lecture of a check on its stage: the place it is played in, the images it takes, what is told of it.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt as _;

use super::check::CheckArgs;
use super::error::Error;
use super::kubectl::Kubectl;
use super::open_session::OpenSession;
use super::step::Stepper;
use crate::check::{ItemRecord, LecturePlayer, Requests, RollUp, Selection, Setting, hub_images, is_pushed};
use crate::cluster::namespace_labels;
use crate::drift::Versions;
use crate::event::{Event, millis};
use crate::gateway::{Names, Reach, Request, Upstream};
use crate::place::{Leaving, Site, SiteSpec};
use crate::registry::Credentials;
use crate::script::lecture::{Lecture, LectureItem};
use crate::script::{ObjectRef, Without};
use crate::stage::Stage;
use crate::twin::TwinState;

/// How long a state that a lecture shows or promises is waited for.
const STATE_WITHIN: Duration = Duration::from_secs(60);

/// That a command is played.
fn begins(lab: u32, item: &LectureItem) -> Option<Event> {
    let command = item.command()?.script.trim_end().to_owned();
    let heading = item.headings.last().cloned().unwrap_or_default();
    Some(Event::StepStarted { lab, line: item.lines.first, heading, command })
}

/// One lecture that is played on a stage.
pub(super) struct Lesson<'a> {
    pub args: &'a CheckArgs,
    pub lecture: &'a Lecture,
    pub before: &'a [Lecture],
    /// Its number among those of this check, from 1.
    pub lab: u32,
    /// Whether there are others.
    pub beside: bool,
    pub stage: &'a Stage,
    pub kubectl: &'a Kubectl,
    pub program: &'a Path,
    pub upstream: &'a Upstream,
    pub opened: &'a OpenSession<'a>,
    pub stepper: Option<&'a Stepper>,
}

impl Lesson<'_> {
    /// The records of its items, in their order.
    ///
    /// # Errors
    /// What keeps it from being played.
    pub(super) async fn play(&self) -> Result<Vec<ItemRecord>, Error> {
        loop {
            if let Some(records) = self.play_once().await? {
                return Ok(records);
            }
        }
    }

    /// Returns None where it was put back, because the reader wants it from its beginning.
    async fn play_once(&self) -> Result<Option<Vec<ItemRecord>>, Error> {
        let (stage, session) = (self.stage, self.opened.session.id());
        let id = format!("rehearsal-{session}-lab{}", self.lab);
        let mut names = Names::new(&id);
        let images = hub_images(self.before.iter().chain([self.lecture]));
        images.iter().for_each(|image| {
            names.learn_image(image);
        });
        let requests = Requests::default();
        let noted = Arc::clone(&requests);
        let spec = SiteSpec {
            stage,
            events: &self.opened.events,
            masker: &self.opened.masker,
            session,
            lab: self.lab,
            names,
            reach: if stage.is_users() { Reach::Users } else { Reach::Ours { alone: false } },
            needs_cluster: true,
            rotates: false,
            program: self.program,
            kubectl: Some(&self.kubectl.path),
            upstream: self.upstream,
            on_request: Some(Arc::new(move |request: &Request| {
                noted.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone())
            })),
        };
        stage.cluster.schedulable().await?;
        let site = Site::open(&spec).await.map_err(Error::Place)?;
        self.serve_private_images(&images, &site).await?;
        let (events, began) = (&self.opened.events, Instant::now());
        events.emit(Event::LectureStarted {
            lab: self.lab,
            title: self.lecture.title.clone(),
            file: self.lecture.path.display().to_string(),
            text: self.lecture.text.clone(),
        });
        let on_item = |item: &LectureItem| begins(self.lab, item).into_iter().for_each(|event| events.emit(event));
        let outcome = self.on(&site, &requests, on_item).await;
        if let Ok(Some(records)) = &outcome {
            records.iter().for_each(|record| events.emit(Event::Item(Box::new(record.item(self.lab)))));
            let (verdict, ms) = (RollUp::new(records, None).verdict(), millis(began.elapsed()));
            events.emit(Event::LectureFinished { lab: self.lab, verdict, ms });
        }
        let leaving = match stage.outlives_run() || matches!(outcome, Ok(None)) {
            true => Leaving::Gone,
            // What one lecture leaves would take the machine from those that are still being played.
            false if self.beside => Leaving::Going,
            false => Leaving::WithStage,
        };
        let stays = site.close(&spec, leaving).await.map_err(Error::Place)?;
        stays.into_iter().for_each(|note| self.opened.events.note(note));
        outcome
    }

    /// Returns None where the reader wants it from its beginning.
    async fn on(
        &self,
        site: &Site,
        requests: &Requests,
        on_item: impl Fn(&LectureItem),
    ) -> Result<Option<Vec<ItemRecord>>, Error> {
        let (stage, session) = (self.stage, self.opened.session.id());
        let names = site.gateway.names();
        let twins = AtomicUsize::new(0);
        let twin_namespace =
            || format!("rehearsal-{session}-twin{}-{}", self.lab, twins.fetch_add(1, Ordering::Relaxed) + 1);
        let is_served = |image: String| async move { stage.serves(&image).await }.boxed();
        let namespace_on_cluster = |name: &str| names.namespace(name);
        let in_lectures_names = |text: &str| names.back(text);
        let (events, lab) = (&self.opened.events, self.lab);
        let on_twin = |of: &ObjectRef, state: TwinState| events.emit(state.event(lab, of, Without::Secret, &names));
        let setting = Setting {
            on_twin: &on_twin,
            shell: &site.shell,
            watch: &site.watch,
            requests,
            cluster: stage.cluster.client(),
            namespace_on_cluster: &namespace_on_cluster,
            twin_namespace: &twin_namespace,
            labels: namespace_labels(session),
            is_served: &is_served,
            username: stage.credentials().username,
            secrets: secrets(&stage.credentials()),
            in_lectures_names: &in_lectures_names,
            versions: Versions::new(&stage.cluster.info().server_version, &self.kubectl.version),
            programs: &self.args.allow,
            on_output: &|item, text| {
                events.emit(Event::StepOutput { lab, line: item.lines.first, text: text.to_owned() });
            },
            state_within: STATE_WITHIN,
        };
        for page in self.before {
            LecturePlayer::new(page, &setting).play(|_| true, &on_item).await.map_err(Error::Shell)?;
        }
        let (only, until) = (self.args.only.as_deref(), self.args.until.as_deref());
        let selection = Selection::new(only, until, self.lecture);
        let ask = self.stepper.map(|stepper| move |item: &LectureItem| stepper.before_item(lab, item));
        let player = LecturePlayer::new(self.lecture, &setting).asking(ask.as_ref().map(|ask| ask as _));
        player.play(|item| selection.has(item), &on_item).await.map_err(Error::Shell)
    }

    /// Of `images` those that the lecture takes from its author's registry and does not build: the stage's application
    /// stands in for them, to its own user only.
    async fn serve_private_images(&self, images: &[String], site: &Site) -> Result<(), Error> {
        for image in images.iter().filter(|image| !is_pushed(image, self.lecture)) {
            let played = site.gateway.names().image(image);
            self.stage.serve(&played).await?;
            self.opened
                .events
                .note(format!("{image}: the stage's application stands in for it, for the stage's user only"));
        }
        Ok(())
    }
}

/// What only this login prints.
fn secrets(credentials: &Credentials) -> Vec<String> {
    vec![credentials.password.expose().to_owned(), credentials.basic()]
}
