//! Plays a list of labs on a stage and adds up what came of it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::lab::{self, Played};
use super::rewrite::{Elsewhere, Names, Scope, Unconfinable};
use super::shell::{self, Shell};
use crate::docker_cli;
use crate::event::{Event, Events, Failure, Timings, Verdict, covered, millis};
use crate::fence::Fence;
use crate::hint::Hint;
use crate::registry::ImageRef;
use crate::script::{Action, Lab, Need};
use crate::stage::{self, Stage};

pub use super::lab::Error;

/// The programs a lab's fences use.
#[derive(Debug, Clone)]
pub struct Tools {
    /// `rehearse` itself: the fences' `docker`.
    pub program: PathBuf,
    /// None where the labs to be played need no cluster.
    pub kubectl: Option<PathBuf>,
}

/// Plays labs on one stage.
pub struct Player<'a> {
    pub stage: &'a Stage,
    pub tools: &'a Tools,
    pub events: &'a Events,
    /// The run's own session: what it makes on a stage that others use too is named after it.
    pub session: &'a str,
    /// How many labs are played at once.
    pub jobs: usize,
    /// Ends the labs that are being played.
    pub stop: &'a CancellationToken,
}

/// How one lab is played.
enum Way {
    /// In namespaces and a repository of its own, beside others.
    Beside(Names),
    /// As it is written, with the cluster to itself.
    Alone,
}

impl Player<'_> {
    /// Plays the labs, whatever comes of each: those that can be confined side by side, then the others one after
    /// the other. None: stopped.
    ///
    /// # Errors
    /// The first thing that keeps a lab from being played.
    pub async fn play(&self, labs: &[&Lab]) -> Result<Option<Vec<Played>>, Error> {
        let (mut beside, mut alone, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for lab in labs {
            match self.way(lab, labs.len()) {
                Ok(Way::Beside(names)) => beside.push((*lab, names)),
                Ok(Way::Alone) => alone.push(*lab),
                Err(refused) => all.push(Some(self.blocked(lab, &refused))),
            }
        }
        self.tell(&beside);
        let played = stream::iter(beside).map(|(lab, names)| async move { self.play_lab(lab, &names, false).await });
        // Each comes to its end, so that each puts away what it made, before the first's error is told.
        let played: Vec<_> = played.buffer_unordered(self.jobs.max(1)).collect().await;
        for played in played {
            all.push(played?);
        }
        for (n, lab) in alone.iter().enumerate() {
            all.push(self.play_lab(lab, &Names::default(), n + 1 < alone.len()).await?);
        }
        let mut all: Option<Vec<Played>> = all.into_iter().collect();
        if let Some(all) = &mut all {
            all.sort_by_key(|played| labs.iter().position(|lab| lab.id == played.lab));
        }
        Ok(all)
    }

    fn way(&self, lab: &Lab, labs: usize) -> Result<Way, Unconfinable> {
        // A cluster of the user's is given back as it was, also by whoever pays for a run that was killed: there each
        // lab has namespaces of its own.
        if !self.stage.cluster.info().is_users && (labs < 2 || self.jobs < 2) {
            return Ok(Way::Alone);
        }
        let id = format!("rehearsal-{}-lab{}", self.session, lab.id);
        match Names::of(&with_pushed(lab), &Scope { id, elsewhere: self.elsewhere() }) {
            Ok(names) => Ok(Way::Beside(names)),
            Err(refused) if self.stage.is_users() => Err(refused),
            Err(refused) => {
                self.events.note(format!("lab {} is played alone: {refused}", lab.id));
                Ok(Way::Alone)
            }
        }
    }

    fn elsewhere(&self) -> Option<Elsewhere> {
        self.stage.handle.remote.as_ref().map(|remote| Elsewhere {
            host: remote.host.clone(),
            path: remote.path.clone(),
            username: self.stage.credentials().username,
            lecture_username: self.stage.handle.application.user.clone(),
        })
    }

    /// On the user's own cluster every name, elsewhere only that there are others.
    fn tell(&self, beside: &[(&Lab, Names)]) {
        if self.stage.is_users() {
            for (lab, names) in beside {
                names.notes().into_iter().for_each(|note| self.events.note(format!("lab {}: {note}", lab.id)));
            }
        } else if beside.len() > 1 {
            self.events.note(
                "labs are played side by side, each in namespaces and a repository of its own, shown under the lab's \
                 own names (`--jobs 1`: one after the other, as written)",
            );
        }
    }

    /// None: stopped.
    async fn play_lab(&self, lab: &Lab, names: &Names, followed: bool) -> Result<Option<Played>, Error> {
        let shell = self.shell(lab.id, names)?;
        let run = lab::Run { session: self.session, followed };
        let played = lab::play(lab, self.stage, &shell, names, &run, self.events, self.stop).await;
        // What took itself out of its fence's process group.
        shell.end_processes();
        if self.stage.outlives_run() {
            self.withdraw(lab.id, names).await;
        }
        played
    }

    /// Takes a lab's containers and images off an Engine and out of a registry that stay.
    async fn withdraw(&self, lab: u32, names: &Names) {
        let scope = self.scope(lab);
        if let Err(error) = self.stage.remove_lab(&scope).await {
            self.events.note(format!("a container or an image of lab {lab} stays until the stage goes: {error}"));
        }
        let pushed = docker_cli::take_pushed(&self.stage.handle.private.join(scope));
        for image in names.images().iter().chain(&pushed) {
            if let Err(error) = self.stage.withdraw(image).await {
                self.events.note(format!("{image} stays in its registry, which does not let go of it: {error}"));
            }
        }
        // A lab that had the stage's names to itself may have pushed over the stage's own image.
        if names.is_verbatim()
            && !pushed.is_empty()
            && let Err(error) = self.stage.serve(&self.stage.handle.application.image).await
        {
            let image = &self.stage.handle.application.image;
            self.events.note(format!("{image} is not served any more: {error}"));
        }
    }

    fn blocked(&self, lab: &Lab, refused: &Unconfinable) -> Played {
        self.events.emit(Event::LabStarted { lab: lab.id, title: lab.title.clone(), steps: lab.steps.len() });
        let failure = Failure {
            file: lab.path.display().to_string(),
            line: refused.line().unwrap_or(1),
            message: format!("not played on a cluster of yours: {refused}"),
            evidence: Vec::new(),
            hint: refused.hint(),
        };
        self.events.emit(Event::LabFinished {
            lab: lab.id,
            title: lab.title.clone(),
            verdict: Verdict::Blocked,
            ms: 0,
            failure: Some(failure.clone()),
        });
        Played {
            lab: lab.id,
            verdict: Verdict::Blocked,
            failure: Some(failure),
            traces: Vec::new(),
            commands: Vec::new(),
            waits: Vec::new(),
        }
    }

    /// Where a lab's names on the Engine, its files and its processes are its own.
    fn scope(&self, lab: u32) -> String {
        format!("{}-lab{lab}", self.session)
    }

    fn shell(&self, lab: u32, names: &Names) -> Result<Shell, Error> {
        let stage = &self.stage.handle;
        // A copy: a lab may change its kubeconfig.
        let kubeconfig = match names.is_verbatim() {
            true => std::fs::read_to_string(&stage.kubeconfig).ok(),
            false => stage.kubeconfig_in(names.default_namespace().unwrap_or("default")),
        };
        let handle = stage.for_lab(&self.scope(lab), names.is_verbatim(), kubeconfig.as_deref());
        let handle = handle.map_err(|source| shell::Error::Prepare { path: stage.private.clone(), source })?;
        let sources = stage.application.context().map_err(stage::Error::Application)?;
        Ok(Shell::prepare(&shell::Ground {
            private: &handle.private,
            folder: &format!("lab-{lab}"),
            program: &self.tools.program,
            kubectl: self.tools.kubectl.as_deref(),
            kubeconfig: &handle.kubeconfig,
            stage_file: &handle.private.join("stage.json"),
            credentials: &self.stage.credentials(),
            cache: &stage.private.join("kubectl-cache"),
            sources: &sources,
            names,
        })?)
    }
}

/// The lab as if it had said that it needs what it pushes: its pods are to find that under the lab's own names.
fn with_pushed(lab: &Lab) -> Lab {
    let mut lab = lab.clone();
    for step in lab.steps.iter().filter(|step| step.skip.is_none()) {
        if let Action::Shell(script) = &step.action {
            let fence = Fence::parse(script).unwrap_or_default();
            let on_hub = |name: &&str| ImageRef::parse(name).is_ok_and(|image| image.registry() == "docker.io");
            let pushed = fence.pushed_images().into_iter().filter(on_hub);
            lab.needs.extend(pushed.map(|name| Need::NoImage(name.to_owned())));
        }
    }
    lab
}

/// The verdict on a whole run and where its time went; `began` is the session's beginning, `stage` the time
/// for bringing the stage up and down.
pub fn finish(events: &Events, played: &[Played], began: Instant, stage: Duration) -> Verdict {
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
