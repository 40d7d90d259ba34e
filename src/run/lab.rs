//! Plays one lab from its needs to its clean-up.

use std::time::{Duration, Instant};

use futures::future::{BoxFuture, join_all};
use tokio_util::sync::CancellationToken;

use super::cause::{Cause, causes};
use super::check::{self, Judged, LabContext, StepRun};
use super::hint;
use super::trouble;
use crate::clock::SteadyClock;
use crate::event::{Event, Failure, Span, Verdict, covered, millis};
use crate::exec;
use crate::gateway::Reach;
use crate::hint::Hint;
use crate::kubewords::status::RUNNING;
use crate::observe::Trace;
use crate::place::{self, Leaving, Printed, ShellError, Site};
use crate::script::{Action, Check, CheckKind, Lab, Need, ObjectRef, Step};
use crate::stage::{self, Stage};

/// What came of a lab.
#[derive(Debug)]
pub(crate) struct PlayedLab {
    pub lab: u32,
    pub verdict: Verdict,
    /// Why it did not pass.
    pub failure: Option<Failure>,
    /// What made it come out otherwise, the likeliest first, once for each step that did.
    pub causes: Vec<Cause>,
    /// What came out right and proves nothing: a check and why, a line each.
    pub doubts: Vec<String>,
    /// Everything that happened to every pod, in order.
    pub traces: Vec<Trace>,
    pub commands: Vec<Span>,
    /// Waiting for the cluster, clean-up included.
    pub waits: Vec<Span>,
}

impl PlayedLab {
    /// What commands and the cluster took together.
    pub(crate) fn spent(&self) -> Duration {
        covered(self.commands.iter().chain(&self.waits).copied())
    }

    /// What the cluster took of it: what was waited for, and the ends of pods that commands waited for.
    pub(crate) fn waited(&self) -> Duration {
        let endings: Duration = self.traces.iter().map(Trace::ending).sum();
        self.spent().min(covered(self.waits.iter().copied()) + endings)
    }

    /// Pods whose container was started.
    pub(crate) fn started(&self) -> u64 {
        let started = |trace: &&Trace| trace.events.iter().any(|event| event.reason == "Started");
        self.traces.iter().filter(started).count() as u64
    }
}

/// Why a lab could not be played at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Stage(#[from] stage::Error),
    #[error(transparent)]
    Cluster(#[from] crate::cluster::Error),
    #[error(transparent)]
    Place(#[from] place::Error),
    #[error(transparent)]
    Shell(#[from] ShellError),
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Stage(error) => error.hint(),
            Self::Cluster(error) => error.hint(),
            Self::Place(error) => error.hint(),
            Self::Shell(error) => error.hint(),
        }
    }
}

/// One step's outcome.
pub(super) struct Stepped {
    pub verdict: Verdict,
    pub failure: Option<Failure>,
    pub causes: Vec<Cause>,
    doubts: Vec<String>,
    command: Duration,
    wait: Duration,
    /// Whether the disk was full when the command had ended: what others put away may make room until it is judged.
    pub is_full: bool,
}

/// What is to become of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Play,
    Skip,
    /// The lab is put back and played again from its beginning.
    Back,
}

/// Told of each step before it is played, and waited for: sabotage breaks things then, and a reader who goes step by step
/// is asked. Neither the step's time nor its lab's windows have begun.
pub(crate) trait BeforeStep: Sync {
    fn before_step<'a>(&'a self, lab: &'a Lab, step: &'a Step, site: &'a Site) -> BoxFuture<'a, Next>;

    /// Whether each lab has the cluster to itself from its beginning, so that no request takes anybody back to it.
    fn is_one_by_one(&self) -> bool {
        false
    }
}

/// What came of playing a lab.
pub(super) enum LabOutcome {
    Played(Box<PlayedLab>),
    /// It was put back: this request wants the cluster to itself.
    NeedsAlone(String),
    /// It was put back: the reader wants it from its beginning.
    Again,
    Stopped,
}

/// Plays `lab`; whatever comes of it, what it created is removed before this returns. Cancels `waits` when the lab waits
/// for the cluster for the first time. `again`: it was played and put back in this very run.
///
/// # Errors
/// Only for what keeps the lab from being played; a lab that fails is [`PlayedLab`].
pub(super) async fn play(
    lab: &Lab,
    place: &place::SiteSpec<'_>,
    waits: &CancellationToken,
    stop: &CancellationToken,
    before_step: Option<&dyn BeforeStep>,
    again: bool,
) -> Result<LabOutcome, Error> {
    if stop.is_cancelled() {
        return Ok(LabOutcome::Stopped);
    }
    let (begun, stage, events) = (Instant::now(), place.stage, place.events);
    let (title, file) = (lab.title.clone(), lab.path.display().to_string());
    events.emit(Event::LabStarted { lab: lab.id, title, file, steps: lab.steps.len() });
    let nodes = async || {
        if lab.needs.contains(&Need::Cluster) {
            stage.cluster.schedulable().await?;
        }
        Ok::<_, Error>((begun, Instant::now()))
    };
    let readied = async {
        let (site, needs, nodes) = tokio::join!(Site::open(place), bring_about(&lab.needs, place, again), nodes());
        let site = site?;
        match needs.and(nodes) {
            Ok(span) => Ok((site, span)),
            Err(error) => {
                site.close(place, Leaving::Gone).await?;
                Err(error)
            }
        }
    };
    let readied = tokio::select! {
        readied = readied => readied.map(Some),
        () = stop.cancelled() => Ok(None),
    };
    let (site, readying) = match readied {
        Ok(Some(ready)) => ready,
        other => {
            place::clear(stage, &place.names).await?;
            return other.map(|_| LabOutcome::Stopped);
        }
    };
    let context = LabContext { stage, site: &site, events, waits, session: place.session, lab };
    let outcome = tokio::select! {
        outcome = play_steps(lab, &context, before_step) => outcome,
        () = stop.cancelled() => Ok(LabOutcome::Stopped),
    };
    match &outcome {
        Ok(LabOutcome::Played(played)) => {
            let (title, verdict, failure) = (lab.title.clone(), played.verdict, played.failure.clone());
            events.emit(Event::LabFinished { lab: lab.id, title, verdict, ms: millis(begun.elapsed()), failure });
        }
        Ok(LabOutcome::NeedsAlone(request)) => {
            events.note(format!("lab {} is put back and played again alone: it wants to {request}", lab.id));
        }
        Ok(LabOutcome::Again | LabOutcome::Stopped) | Err(_) => {}
    }
    let leaving = Instant::now();
    let stays = site.close(place, how_to_leave(stage, place.reach, &outcome)).await;
    let mut outcome = outcome?;
    for stays in stays? {
        events.note(format!("lab {}: {stays}", lab.id));
    }
    if let LabOutcome::Played(played) = &mut outcome {
        played.waits.extend([readying, (leaving, Instant::now())]);
    }
    Ok(outcome)
}

/// A stopped run takes its own stage down as a whole, and namespaces go with their cluster; one that stays must be as it
/// was, and so must one on which the next lab is alone.
fn how_to_leave(stage: &Stage, reach: Reach, outcome: &Result<LabOutcome, Error>) -> Leaving {
    match (outcome, reach) {
        (Ok(LabOutcome::NeedsAlone(_) | LabOutcome::Again), _) | (_, Reach::Users) => Leaving::Gone,
        (Ok(LabOutcome::Stopped), _) if !stage.outlives_run() => Leaving::WithStage,
        (_, Reach::Ours { alone: true }) => Leaving::Gone,
        _ if stage.cluster.info().is_users => Leaving::Gone,
        (_, Reach::Ours { alone: false }) if stage.outlives_run() => Leaving::Going,
        (_, Reach::Ours { alone: false }) => Leaving::WithStage,
    }
}

async fn play_steps(
    lab: &Lab,
    context: &LabContext<'_>,
    before_step: Option<&dyn BeforeStep>,
) -> Result<LabOutcome, Error> {
    let mut verdicts = Vec::new();
    let mut played = PlayedLab {
        lab: lab.id,
        verdict: Verdict::Skipped,
        failure: None,
        causes: Vec::new(),
        doubts: Vec::new(),
        traces: Vec::new(),
        commands: Vec::new(),
        waits: Vec::new(),
    };
    let (mut lab_began, clock) = (Instant::now(), SteadyClock::default());
    let is_hub = context.stage.handle.remote.as_ref().is_none_or(|remote| remote.host == "docker.io");
    let mut out_of_reach = None;
    for (index, step) in lab.steps.iter().enumerate() {
        if step.rotates && !context.site.has_own_user() {
            out_of_reach = Some(NOT_OURS);
        }
        let why = out_of_reach.or_else(|| (step.hub_only && !is_hub).then_some(NOT_THE_HUB));
        let unplayed = why.filter(|_| step.skip.is_none()).map(|why| Step { skip: Some(why.into()), ..step.clone() });
        let step = unplayed.as_ref().unwrap_or(step);
        if let Some(before) = before_step.filter(|_| played.failure.is_none()) {
            let next = before.before_step(lab, step, context.site).await;
            // What was done before the first step, the lab has not done.
            lab_began = if index == 0 { Instant::now() } else { lab_began };
            match next {
                Next::Play => {}
                Next::Back => return Ok(LabOutcome::Again),
                Next::Skip => {
                    let (lab, line, verdict) = (lab.id, step.line, Verdict::Skipped);
                    let (check, detail) = ("not played".into(), "the reader skipped it".into());
                    context.events.emit(Event::Check { lab, line, check, verdict, detail });
                    context.events.emit(Event::StepFinished { lab, line, verdict, command_ms: 0, wait_ms: 0 });
                    verdicts.push(verdict);
                    continue;
                }
            }
        }
        let step_began = Instant::now();
        let stepped = match &played.failure {
            None => {
                let stepped = play_step(lab, step, context, lab_began).await?;
                trouble::judged(stepped, step, context, clock).await
            }
            Some(_) => stepped(Verdict::FailedInSequence),
        };
        if played.failure.is_none() {
            played.failure = stepped.failure;
        }
        played.causes.extend(stepped.causes);
        played.doubts.extend(stepped.doubts);
        let (began, waiting) = (step_began, step_began + stepped.command);
        played.commands.push((began, waiting));
        played.waits.push((waiting, waiting + stepped.wait));
        verdicts.push(stepped.verdict);
        context.events.emit(Event::StepFinished {
            lab: lab.id,
            line: step.line,
            verdict: stepped.verdict,
            command_ms: millis(stepped.command),
            wait_ms: millis(stepped.wait),
        });
        if let Some(request) = context.site.gateway.needs_alone() {
            return Ok(LabOutcome::NeedsAlone(request));
        }
    }
    played.verdict = of_lab(&verdicts);
    played.traces = context.site.watch.traces();
    Ok(LabOutcome::Played(Box::new(played)))
}

/// Why a password is not changed.
const NOT_OURS: &str = "from here on another password is needed, and on a registry of yours only you can change it";
/// Why something of docker.io's names is not shown.
const NOT_THE_HUB: &str = "it is about docker.io, and your registry has a name of its own";

/// A lab's verdict from its steps'. Steps that were not played say nothing of it, and a failure that the text asks for
/// reproduces it.
fn of_lab(steps: &[Verdict]) -> Verdict {
    let played = steps.iter().filter(|verdict| !matches!(verdict, Verdict::Skipped | Verdict::FailedInSequence));
    match played.copied().reduce(Verdict::and) {
        None => Verdict::Skipped,
        Some(Verdict::ExpectedFailure) => Verdict::Reproduced,
        Some(worst) => worst,
    }
}

/// The registry and the nodes as the lab needs them.
async fn bring_about(needs: &[Need], place: &place::SiteSpec<'_>, again: bool) -> Result<(), Error> {
    let stage = place.stage;
    // The lab's images have names that occur nowhere else: no node can have them, but one that an earlier run, or this
    // lab's first playing, has used.
    let used = again || stage.outlives_run() || place.reach != Reach::Ours { alone: false };
    for need in needs {
        match need {
            Need::Image(image) => {
                let image = &place.names.image(image);
                tokio::try_join!(async { stage.serve(image).await.map_err(Error::from) }, async {
                    match used {
                        true => stage.cluster.evict(image).await.map_err(Error::from),
                        false => Ok(()),
                    }
                })?;
            }
            Need::NoImage(image) => stage.withdraw(&place.names.image(image)).await?,
            Need::Cluster => {}
        }
    }
    Ok(())
}

async fn play_step(lab: &Lab, step: &Step, context: &LabContext<'_>, lab_began: Instant) -> Result<Stepped, Error> {
    let (command, script) = match &step.action {
        Action::File { name, contents } => {
            context.site.shell.write(name, contents)?;
            let (line, heading, name) = (step.line, step.heading.clone(), name.clone());
            context.events.emit(Event::FileWritten { lab: lab.id, line, heading, name });
            return Ok(stepped(Verdict::Reproduced));
        }
        Action::Shell(script) => (script.trim_end().to_owned(), script),
    };
    context.events.emit(Event::StepStarted { lab: lab.id, line: step.line, heading: step.heading.clone(), command });
    if let Some(reason) = &step.skip {
        context.events.emit(Event::Check {
            lab: lab.id,
            line: step.line,
            check: "not played".into(),
            verdict: Verdict::Skipped,
            detail: reason.clone(),
        });
        return Ok(stepped(Verdict::Skipped));
    }
    if step.rotates {
        context.site.rotate(context.stage).await?;
        let user = context.site.gateway.names().back(&context.site.credentials().username);
        context.events.emit(Event::Check {
            lab: lab.id,
            line: step.line,
            check: "rotate-password".into(),
            verdict: Verdict::Reproduced,
            detail: format!(
                "the registry lets {user} in by another password, now in $DOCKER_PASSWORD, and by no other"
            ),
        });
    }
    let began = Instant::now();
    let played = context.site.shell.play(script, step.timeout).await;
    let is_full = trouble::is_full(context.site.shell.dir());
    let printed = match played {
        Ok(printed) => printed,
        Err(ShellError::Exec(error)) => {
            let step_run = StepRun {
                step,
                printed: &Printed::default(),
                began,
                ended: Instant::now(),
                deadline: began,
                lab_began,
            };
            let mut stepped = failed(lab, step.line, error.to_string(), &step_run, context).await;
            if let (Some(failure), exec::Error::TimedOut { .. }) = (&mut stepped.failure, &error) {
                failure.hint.get_or_insert_with(|| hint::ENDLESS.into());
            }
            return Ok(Stepped { command: began.elapsed(), is_full, ..stepped });
        }
        Err(error) => return Err(error.into()),
    };
    let waiting = Instant::now();
    if !printed.all.is_empty() {
        context.events.emit(Event::StepOutput { lab: lab.id, line: step.line, text: printed.all.clone() });
    }
    let judged = judge(lab, step, &printed, (began, waiting), context, lab_began).await;
    Ok(Stepped { command: waiting - began, wait: waiting.elapsed(), is_full, ..judged })
}

/// Judges all checks of a step, the windows of `never` last, so that they cover the whole step, and twins beside them.
async fn judge(
    lab: &Lab,
    step: &Step,
    printed: &Printed,
    (began, ended): Span,
    context: &LabContext<'_>,
    lab_began: Instant,
) -> Stepped {
    let step_run = StepRun { step, printed, began, ended, deadline: began + step.timeout, lab_began };
    let expects_failure = step.checks.iter().any(|c| matches!(c.kind, CheckKind::Fails { .. }));
    if printed.code != 0 && !expects_failure {
        // A fence's first line stands below its opening one.
        let (line, command) = match (printed.failed_at, &step.action) {
            (Some(at), Action::Shell(script)) => (step.line + at, script.lines().nth(at - 1)),
            _ => (step.line, None),
        };
        let command =
            command.map_or("the command".to_owned(), |command| format!("`{}`", command.trim().trim_end_matches(" \\")));
        return failed(lab, line, format!("{command} exited with {}", printed.code), &step_run, context).await;
    }
    let is_twin = |check: &&Check| matches!(check.kind, CheckKind::Without { .. });
    let (twins, others): (Vec<_>, Vec<_>) = step.checks.iter().partition(is_twin);
    let (last, first): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|check| matches!(check.kind, CheckKind::Never { .. }));
    // Twins are played beside the step; what is wrong with the step itself is told first, and of a step that has failed
    // a twin has nothing to say.
    let has_failed = CancellationToken::new();
    let twins = join_all(twins.into_iter().map(async |check| (check, check::judge(check, &step_run, context).await)));
    let twins = has_failed.run_until_cancelled(twins);
    let in_order = async {
        let mut judged = Vec::new();
        for check in first.into_iter().chain(last) {
            let of_check = check::judge(check, &step_run, context).await;
            // Of what proves nothing it is told below why that is so.
            if of_check.verdict != Verdict::Unproven {
                tell(lab, check, &of_check, context);
            }
            judged.push((check, of_check));
            if judged.last().is_some_and(|(_, judged)| judged.verdict.fails()) {
                has_failed.cancel();
                break;
            }
        }
        judged
    };
    let (mut judged, twins) = tokio::join!(in_order, twins);
    let twins = twins.unwrap_or_default();
    twins
        .iter()
        .filter(|(_, judged)| !is_doubt(judged))
        .for_each(|(check, of_twin)| tell(lab, check, of_twin, context));
    judged.extend(twins);
    if let Some((check, Judged { verdict, detail, .. })) = judged.iter().find(|(_, judged)| judged.verdict.fails()) {
        let stepped = failed(lab, check.line, format!("{}: {detail}", name(check)), &step_run, context).await;
        return Stepped { verdict: *verdict, ..stepped };
    }
    let is_doubtful = judged.iter().any(|(_, judged)| is_doubt(judged));
    let mut causes = if is_doubtful { causes(&step_run, context).await } else { Vec::new() };
    causes.extend(judged.iter().filter_map(|(_, judged)| judged.cause.as_deref().cloned()));
    let mut doubts = Vec::new();
    for (check, judged) in judged.iter_mut().filter(|(_, judged)| is_doubt(judged)) {
        judged.detail = with_cause(&judged.detail, &causes);
        tell(lab, check, judged, context);
        doubts.push(format!("{}: {}", name(check), judged.detail));
    }
    let verdict = judged.into_iter().fold(Verdict::Reproduced, |whole, (_, judged)| whole.and(judged.verdict));
    Stepped { causes, doubts, ..stepped(verdict) }
}

fn is_doubt(judged: &Judged) -> bool {
    judged.verdict == Verdict::Unproven
}

fn with_cause(said: &str, causes: &[Cause]) -> String {
    causes.first().map_or_else(|| said.to_owned(), |cause| format!("{said}; {cause}"))
}

/// Whether the pod is one that these checks want to have its image.
pub(super) fn is_wanted(checks: &[Check], pod: &ObjectRef) -> bool {
    checks.iter().any(|check| match &check.kind {
        CheckKind::Expect { object, states } => object == pod && states.iter().any(|state| state == RUNNING),
        CheckKind::Pulled { object } => object == pod,
        _ => false,
    })
}

/// A check as the report calls it.
fn name(check: &Check) -> String {
    match &check.kind {
        CheckKind::Output { .. } => "prints as shown".to_owned(),
        kind => kind.to_string(),
    }
}

fn tell(lab: &Lab, check: &Check, judged: &Judged, context: &LabContext<'_>) {
    let (verdict, detail) = (judged.verdict, judged.detail.clone());
    context.events.emit(Event::Check { lab: lab.id, line: check.line, check: name(check), verdict, detail });
}

fn stepped(verdict: Verdict) -> Stepped {
    Stepped {
        verdict,
        failure: None,
        causes: Vec::new(),
        doubts: Vec::new(),
        command: Duration::ZERO,
        wait: Duration::ZERO,
        is_full: false,
    }
}

async fn failed(lab: &Lab, line: usize, message: String, step_run: &StepRun<'_>, context: &LabContext<'_>) -> Stepped {
    let (checks, began) = (&step_run.step.checks, step_run.began);
    let mut evidence = check::evidence(checks, &context.site.watch, began);
    evidence.extend(check::logs(checks, context, began).await);
    let wanted = check::objects(checks).into_iter().any(|object| is_wanted(checks, object));
    let causes = causes(step_run, context).await;
    // What is known to have made it so is nearer than what its signs may mean.
    let of_signs = || hint::against(&check::troubles(checks, &context.site.watch, began), wanted);
    let hint = causes.first().and_then(Hint::hint).or_else(of_signs);
    let told = causes.iter().map(ToString::to_string).collect();
    let failure = Failure { file: lab.path.display().to_string(), line, message, causes: told, evidence, hint };
    Stepped { failure: Some(failure), causes, ..stepped(Verdict::Failed) }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Drifted, ExpectedFailure, Failed, FailedInSequence, Reproduced, Skipped, Unproven};
    use super::*;

    #[test]
    fn a_lab_is_as_good_as_what_was_played_of_it() {
        for (steps, lab) in [
            (&[Skipped][..], Skipped),
            (&[Skipped, Reproduced], Reproduced),
            (&[Reproduced, ExpectedFailure], Reproduced),
            (&[ExpectedFailure, Drifted, Skipped], Drifted),
            (&[Unproven, Reproduced], Unproven),
            (&[Reproduced, Failed, FailedInSequence], Failed),
        ] {
            assert_eq!(of_lab(steps), lab, "{steps:?}");
        }
    }
}
