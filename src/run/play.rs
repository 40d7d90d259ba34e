//! Plays a list of labs on a stage and adds up what came of it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::lab::{self, BeforeStep, Error, LabOutcome, PlayedLab};
use crate::event::{Event, Events, Timings, Verdict, covered, millis};
use crate::fence::Fence;
use crate::gateway::{Elsewhere, Faults, Names, Reach, Upstream};
use crate::mask::Masker;
use crate::place::{self, missing_confinement};
use crate::registry::access_log::LogEntry;
use crate::script::{Action, Lab, Need};
use crate::stage::Stage;

/// The programs a lab's fences use.
#[derive(Debug, Clone)]
pub(crate) struct Tools {
    /// `rehearse` itself: the fences' `docker`.
    pub program: PathBuf,
    /// None where the labs to be played need no cluster.
    pub kubectl: Option<PathBuf>,
    /// As it says, e.g. `v1.36.4`.
    pub kubectl_version: Option<String>,
}

/// Plays labs on one stage.
pub(crate) struct LabPlayer<'a> {
    pub stage: &'a Stage,
    pub tools: &'a Tools,
    pub events: &'a Events,
    pub masker: &'a Masker,
    /// The run's own session: what it makes on a stage that others use too is named after it.
    pub session: &'a str,
    /// How many labs are played at once.
    pub jobs: usize,
    /// What of the cluster's answers goes wrong on purpose.
    pub faults: Option<Faults>,
    /// Ends the labs that are being played.
    pub stop: &'a CancellationToken,
    pub before_step: Option<&'a dyn BeforeStep>,
}

/// When a lab begins.
struct Turn<'l> {
    lab: &'l Lab,
    /// It begins when all of these are cancelled.
    after: Vec<CancellationToken>,
    /// Cancelled once it waits for the cluster for the first time, or has ended.
    waits: CancellationToken,
}

impl Turn<'_> {
    async fn begins(&self) {
        for waits in &self.after {
            waits.cancelled().await;
        }
    }
}

impl LabPlayer<'_> {
    /// Plays the labs, whatever comes of each: side by side, and afterwards, one after the other, those that wanted the
    /// cluster to themselves. Returns None if stopped.
    ///
    /// # Errors
    /// The first thing that keeps a lab from being played.
    pub(crate) async fn play(&self, labs: &[&Lab]) -> Result<Option<Vec<PlayedLab>>, Error> {
        self.tell(labs);
        tokio::select! {
            played = self.play_all(labs) => played,
            never = self.tell_answers(labs) => match never {},
        }
    }

    async fn play_all(&self, labs: &[&Lab]) -> Result<Option<Vec<PlayedLab>>, Error> {
        let reach = match self.stage.is_users() {
            true => Reach::Users,
            false => Reach::Ours { alone: self.before_step.is_some_and(BeforeStep::is_one_by_one) },
        };
        let cluster = &self.stage.cluster;
        let upstream = Upstream::new(cluster.client(), cluster.bare_client().await?).with_faults(self.faults.clone());
        let upstream = &upstream;
        let beside =
            stream::iter(in_turn(labs, self.jobs > 1 && !self.stage.cluster.is_mini())).map(|turn| async move {
                turn.begins().await;
                (turn.lab, self.play_lab(turn.lab, reach, upstream, &turn.waits).await)
            });
        // Each comes to its end, so that each puts away what it made, before the first's error is told.
        let beside: Vec<_> = beside.buffer_unordered(self.jobs.max(1)).collect().await;
        let (mut all, mut alone) = (Vec::new(), Vec::new());
        for (lab, outcome) in beside {
            match outcome? {
                LabOutcome::Stopped | LabOutcome::Again => return Ok(None),
                LabOutcome::Played(played) => all.push(*played),
                LabOutcome::NeedsAlone(_) => alone.push(lab),
            }
        }
        for lab in alone {
            match self.play_lab(lab, Reach::Ours { alone: true }, upstream, &CancellationToken::new()).await? {
                LabOutcome::Played(played) => all.push(*played),
                LabOutcome::Stopped | LabOutcome::Again | LabOutcome::NeedsAlone(_) => return Ok(None),
            }
        }
        all.sort_by_key(|played| labs.iter().position(|lab| lab.id == played.lab));
        Ok(Some(all))
    }

    /// Tells what the stage's registry answers to nodes that ask for the labs' images, where its log can be read; for as
    /// long as it is waited for.
    async fn tell_answers(&self, labs: &[&Lab]) -> std::convert::Infallible {
        let known: Vec<_> =
            labs.iter().map(|lab| (lab.id, format!("{}-", id(self.session, lab.id)), self.names(lab))).collect();
        if let (Ok(Some(witness)), Ok(nodes)) = (self.stage.witness().await, self.stage.nodes_mark().await) {
            let (mut changes, mut told) = (witness.changes(), 0);
            loop {
                let answers = witness.look(|entries, _| entries[told..].to_vec());
                told += answers.len();
                // A node asks by the tag first; what follows by digest is the same question.
                let asked =
                    |entry: &&LogEntry| entry.is_manifest && nodes.is_on(entry) && !entry.reference.contains(':');
                for entry in answers.iter().filter(asked) {
                    let of = known.iter().find(|(_, id, _)| entry.repository.contains(id.as_str()));
                    let Some((lab, _, names)) = of else { continue };
                    let image = names.back(&format!("docker.io/{}:{}", entry.repository, entry.reference));
                    let (code, user) = (entry.status, entry.user.clone());
                    self.events.emit(Event::RegistryAnswer { lab: *lab, image, code, user });
                }
                if changes.changed().await.is_err() {
                    break;
                }
            }
        }
        std::future::pending().await
    }

    /// What a lab's own is called on the cluster and in the registry.
    fn names(&self, lab: &Lab) -> Names {
        names(self.session, lab, self.elsewhere())
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

    async fn play_lab(
        &self,
        lab: &Lab,
        reach: Reach,
        upstream: &Upstream,
        waits: &CancellationToken,
    ) -> Result<LabOutcome, Error> {
        // One that comes to its end without waiting holds up nobody, either.
        let _ended = waits.clone().drop_guard();
        let spec = place::SiteSpec {
            stage: self.stage,
            events: self.events,
            masker: self.masker,
            session: self.session,
            lab: lab.id,
            names: self.names(lab),
            reach,
            needs_cluster: lab.needs.contains(&Need::Cluster),
            rotates: lab.rotates(),
            program: &self.tools.program,
            kubectl: self.tools.kubectl.as_deref(),
            upstream,
            on_request: None,
        };
        let mut again = false;
        loop {
            match lab::play(lab, &spec, waits, self.stop, self.before_step, again).await? {
                LabOutcome::Again => again = true,
                outcome => return Ok(outcome),
            }
        }
    }
}

/// When each lab begins: all at once, in the order given. With `built_last` one that needs no cluster begins once the
/// others wait for the kubelet's back-off: what it builds would hold up all of them.
fn in_turn<'l>(labs: &[&'l Lab], built_last: bool) -> Vec<Turn<'l>> {
    let turn = |lab: &&'l Lab| Turn { lab, after: Vec::new(), waits: CancellationToken::new() };
    let mut turns: Vec<_> = labs.iter().map(turn).collect();
    if built_last {
        let needs_cluster = |turn: &Turn<'_>| turn.lab.needs.contains(&Need::Cluster);
        turns.sort_by_key(|turn| !needs_cluster(turn));
        let first: Vec<_> = turns.iter().filter(|turn| needs_cluster(turn)).map(|turn| turn.waits.clone()).collect();
        turns.iter_mut().skip(first.len()).for_each(|turn| turn.after.clone_from(&first));
    }
    turns
}

/// The images that labs need, as a registry of the stage's own serves them to the labs that `session` plays.
pub(crate) fn served(labs: &[&Lab], session: &str) -> Vec<String> {
    let needed = |lab: &&Lab| {
        let names = names(session, lab, None);
        let images = lab.needs.iter().filter_map(|need| match need {
            Need::Image(image) => Some(names.image(image)),
            Need::NoImage(_) | Need::Cluster => None,
        });
        images.collect::<Vec<_>>()
    };
    labs.iter().flat_map(needed).collect()
}

/// What a lab's own is called on the cluster and in the registry.
fn names(session: &str, lab: &Lab, elsewhere: Option<Elsewhere>) -> Names {
    let mut names = Names::new(id(session, lab.id)).in_registry(elsewhere);
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

/// What a lab's names on a cluster begin with; it occurs nowhere else.
fn id(session: &str, lab: u32) -> String {
    format!("rehearsal-{session}-lab{lab}")
}

/// The verdict on a whole run and where its time went; `began` is the session's beginning, `stage` the time
/// for bringing the stage up and down.
pub(crate) fn finish(events: &Events, played: &[PlayedLab], began: Instant, stage: Duration) -> Verdict {
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
        telling_us: 0,
    };
    events.emit(Event::SessionFinished { verdict, ms: millis(total), timings });
    verdict
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;

    fn lab(id: u32, needs: Vec<Need>) -> Lab {
        let (slug, title, path) = ("x".into(), "x".into(), "x".into());
        Lab { id, slug, title, path, needs, steps: Vec::new() }
    }

    #[test]
    fn a_lab_without_a_cluster_begins_once_the_others_wait() {
        let (builds, one, two) = (lab(0, Vec::new()), lab(1, vec![Need::Cluster]), lab(2, vec![Need::Cluster]));
        let labs = [&builds, &one, &two];
        let ids = |turns: &[Turn<'_>]| turns.iter().map(|turn| turn.lab.id).collect::<Vec<_>>();
        let begins = |turn: &Turn<'_>| {
            let mut task = std::task::Context::from_waker(std::task::Waker::noop());
            matches!(std::pin::pin!(turn.begins()).poll(&mut task), Poll::Ready(()))
        };
        let turns = in_turn(&labs, false);
        assert_eq!(ids(&turns), [0, 1, 2]);
        assert!(turns.iter().all(begins));
        let turns = in_turn(&labs, true);
        assert_eq!(ids(&turns), [1, 2, 0]);
        assert_eq!(turns.iter().map(begins).collect::<Vec<_>>(), [true, true, false]);
        turns[1].waits.cancel();
        assert!(!begins(&turns[2]), "one of two waits");
        turns[0].waits.cancel();
        assert!(begins(&turns[2]));
        assert!(in_turn(&[&builds], true).iter().all(begins), "there is nobody to let go first");
    }

    #[test]
    fn labs_are_served_their_images_under_names_of_their_own() {
        let image = || Need::Image("docker.io/cloudwithvarjosh/app1:1.0.0".into());
        let (one, two) = (lab(1, vec![Need::Cluster, image()]), lab(2, vec![image()]));
        let served = served(&[&one, &two, &lab(3, vec![Need::Cluster])], "s");
        assert_eq!(served.len(), 2);
        for (served, id) in served.iter().zip(["rehearsal-s-lab1", "rehearsal-s-lab2"]) {
            assert!(
                served.contains(id) && served.ends_with("app1:1.0.0") && served.starts_with("docker.io/"),
                "{served}"
            );
        }
    }
}
