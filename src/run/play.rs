//! Plays a list of labs on a stage and adds up what came of it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::lab::{self, Error, Outcome, Played};
use crate::event::{Event, Events, Timings, Verdict, covered, millis};
use crate::fence::Fence;
use crate::gateway::{Elsewhere, Names, Reach, Upstream};
use crate::mask::Masker;
use crate::place::{self, missing_confinement};
use crate::script::{Action, Lab, Need};
use crate::stage::Stage;

/// The programs a lab's fences use.
#[derive(Debug, Clone)]
pub(crate) struct Tools {
    /// `rehearse` itself: the fences' `docker`.
    pub program: PathBuf,
    /// None where the labs to be played need no cluster.
    pub kubectl: Option<PathBuf>,
}

/// Plays labs on one stage.
pub(crate) struct Player<'a> {
    pub stage: &'a Stage,
    pub tools: &'a Tools,
    pub events: &'a Events,
    pub masker: &'a Masker,
    /// The run's own session: what it makes on a stage that others use too is named after it.
    pub session: &'a str,
    /// How many labs are played at once.
    pub jobs: usize,
    /// Ends the labs that are being played.
    pub stop: &'a CancellationToken,
}

impl Player<'_> {
    /// Plays the labs, whatever comes of each: side by side, and afterwards, one after the other, those that wanted the
    /// cluster to themselves. Returns None if stopped.
    ///
    /// # Errors
    /// The first thing that keeps a lab from being played.
    pub(crate) async fn play(&self, labs: &[&Lab]) -> Result<Option<Vec<Played>>, Error> {
        self.tell(labs);
        let reach = if self.stage.is_users() { Reach::Users } else { Reach::Ours { alone: false } };
        let cluster = &self.stage.cluster;
        let upstream = Upstream::new(cluster.client(), cluster.bare_client().await?);
        let beside = stream::iter(labs).map(|lab| async { (*lab, self.play_lab(lab, reach, &upstream).await) });
        // Each comes to its end, so that each puts away what it made, before the first's error is told.
        let beside: Vec<_> = beside.buffer_unordered(self.jobs.max(1)).collect().await;
        let (mut all, mut alone) = (Vec::new(), Vec::new());
        for (lab, outcome) in beside {
            match outcome? {
                Outcome::Stopped => return Ok(None),
                Outcome::Played(played) => all.push(*played),
                Outcome::NeedsAlone(_) => alone.push(lab),
            }
        }
        for lab in alone {
            match self.play_lab(lab, Reach::Ours { alone: true }, &upstream).await? {
                Outcome::Played(played) => all.push(*played),
                Outcome::Stopped | Outcome::NeedsAlone(_) => return Ok(None),
            }
        }
        all.sort_by_key(|played| labs.iter().position(|lab| lab.id == played.lab));
        Ok(Some(all))
    }

    /// What a lab's own is called on the cluster and in the registry.
    fn names(&self, lab: &Lab) -> Names {
        let mut names = Names::new(id(self.session, lab.id)).in_registry(self.elsewhere());
        for need in &lab.needs {
            if let Need::Image(image) | Need::NoImage(image) = need {
                names.learn_image(image);
            }
        }
        // Before it is pushed, too, its pods are to ask for it under the lab's own name.
        for step in lab.steps.iter().filter(|step| step.skip.is_none()) {
            if let Action::Shell(script) = &step.action {
                let fence = Fence::parse(script).unwrap_or_default();
                fence.pushed_images().into_iter().for_each(|image| names.learn_image(image));
            }
        }
        names
    }

    fn elsewhere(&self) -> Option<Elsewhere> {
        self.stage.handle.remote.as_ref().map(|remote| Elsewhere {
            host: remote.host.clone(),
            path: remote.path.clone(),
            username: self.stage.credentials().username,
            lecture_username: self.stage.handle.application.user.clone(),
        })
    }

    /// On the user's own cluster how everything is called, elsewhere only that there are others.
    fn tell(&self, labs: &[&Lab]) {
        if let Some(missing) = missing_confinement() {
            self.events.note(missing);
        }
        if self.stage.is_users() {
            for lab in labs {
                let (names, id) = (self.names(lab), id(self.session, lab.id));
                let mut note = format!("lab {}: namespace default → {id}, a namespace NAME → {id}-NAME", lab.id);
                for image in names.images() {
                    note = note + ", image " + &names.back(&image) + " → " + &image;
                }
                self.events.note(note);
            }
        } else if labs.len() > 1 && self.jobs > 1 {
            self.events.note(
                "labs are played side by side, each in namespaces and a repository of its own, shown under the lab's \
                 own names (`--jobs 1`: one after the other)",
            );
        }
    }

    async fn play_lab(&self, lab: &Lab, reach: Reach, upstream: &Upstream) -> Result<Outcome, Error> {
        let ground = place::Ground {
            stage: self.stage,
            events: self.events,
            masker: self.masker,
            session: self.session,
            lab: lab.id,
            names: self.names(lab),
            reach,
            needs_cluster: lab.needs.contains(&Need::Cluster),
            program: &self.tools.program,
            kubectl: self.tools.kubectl.as_deref(),
            upstream,
            on_request: None,
        };
        lab::play(lab, &ground, self.stop).await
    }
}

/// What a lab's names on a cluster begin with; it occurs nowhere else.
fn id(session: &str, lab: u32) -> String {
    format!("rehearsal-{session}-lab{lab}")
}

/// The verdict on a whole run and where its time went; `began` is the session's beginning, `stage` the time
/// for bringing the stage up and down.
pub(crate) fn finish(events: &Events, played: &[Played], began: Instant, stage: Duration) -> Verdict {
    let verdict = played.iter().map(|p| p.verdict).reduce(Verdict::and).unwrap_or(Verdict::Blocked);
    let total = began.elapsed();
    let commands = covered(played.iter().flat_map(|p| p.commands.iter().copied()));
    let busy = covered(played.iter().flat_map(|p| p.commands.iter().chain(&p.waits).copied()));
    let cluster = busy.saturating_sub(commands);
    let longest = played.iter().max_by_key(|lab| lab.spent());
    let timings = Timings {
        stage_ms: millis(stage),
        commands_ms: millis(commands),
        cluster_ms: millis(cluster),
        own_ms: millis(total.saturating_sub(stage + busy)),
        longest_wait_ms: longest.map_or(0, |lab| millis(lab.waited())),
    };
    events.emit(Event::SessionFinished { verdict, ms: millis(total), timings });
    verdict
}
