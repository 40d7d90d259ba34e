//! Judging a step: what its directives ask, against what was printed and what was seen.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;
use tokio_util::sync::CancellationToken;

use super::cause::Cause;
use super::evidence::{self, Pull, Testimony};
use crate::cluster::namespace_labels;
use crate::compare::{self, Comparison};
use crate::event::{Events, Verdict};
use crate::exec::chain;
use crate::kubewords::status::{ERR_IMAGE_PULL, IMAGE_PULL_BACK_OFF};
use crate::observe::{Came, PatternProgress, Recorder, Sighting, Trace, is_refusal};
use crate::place::{Printed, Site, Watch};
use crate::registry::access_log::LogEntry;
use crate::registry::{Credentials, ImageRef};
use crate::script::{Check, CheckKind, Lab, Need, ObjectRef, Step, Without};
use crate::stage::{Stage, Witness};
use crate::twin::{Stand, Twin, TwinState, play};
use crate::wait::{Probe, Wake, until};

/// What came of one check.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Judged {
    pub verdict: Verdict,
    /// A few words beside the mark.
    pub detail: String,
    /// What made it so, where the check itself has found that.
    pub cause: Option<Box<Cause>>,
}

impl Judged {
    fn new(verdict: Verdict, detail: impl Into<String>) -> Self {
        Self { verdict, detail: detail.into(), cause: None }
    }

    fn good(detail: impl Into<String>) -> Self {
        Self::new(Verdict::Reproduced, detail)
    }

    fn failed(detail: impl Into<String>) -> Self {
        Self::new(Verdict::Failed, detail)
    }
}

/// What a lab is played on.
pub(super) struct LabContext<'a> {
    pub stage: &'a Stage,
    pub site: &'a Site,
    pub events: &'a Events,
    /// Cancelled once the lab waits for the cluster.
    pub waits: &'a CancellationToken,
    /// The run's own session: twins have namespaces named after it and the lab.
    pub session: &'a str,
    pub lab: &'a Lab,
}

impl LabContext<'_> {
    /// What the registry has answered; None where its log is not ours to read.
    async fn witness(&self) -> Result<Option<Arc<Witness>>, String> {
        if self.site.is_log_cut() {
            return Err("it was cut off".into());
        }
        self.stage.witness().await.map_err(|error| chain(&error))
    }

    /// The digest that the stage has pushed under `image`, which is given as it is called in the registry; None where the
    /// lab pushes it, or where that is not known.
    pub(super) fn pushed(&self, image: &str) -> Option<&str> {
        let names = self.site.gateway.names();
        let is_needed = |need: &Need| matches!(need, Need::Image(needed) if names.image(needed) == image);
        let digest = Some(self.stage.handle.app_digest.as_str()).filter(|digest| !digest.is_empty());
        digest.filter(|_| self.lab.needs.iter().any(is_needed) && !self.site.has_pushed(image))
    }
}

/// What judging needs: the step, its output, when it began and its command ended, and how long is left.
pub(super) struct StepRun<'a> {
    pub step: &'a Step,
    pub printed: &'a Printed,
    pub began: Instant,
    pub ended: Instant,
    pub deadline: Instant,
    /// When the lab began: proofs count from there.
    pub lab_began: Instant,
}

impl StepRun<'_> {
    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// Judges one check; waits, where it must, for the cluster.
pub(super) async fn judge(check: &Check, step_run: &StepRun<'_>, context: &LabContext<'_>) -> Judged {
    match &check.kind {
        CheckKind::Expect { object, states } => expect(object, states, step_run, context).await,
        CheckKind::Never { object, states, window } => {
            let window = window.unwrap_or_else(|| step_run.step.never_window(object));
            never(object, states, window.saturating_sub(step_run.ended.elapsed()), step_run, context).await
        }
        CheckKind::Event { object, reason, contains } => {
            let what = format!("event {reason} of {object}");
            let seen = |trace: &Trace, since: Duration| {
                let mut events = trace.events_because(reason).filter(|event| event.at >= since);
                events.any(|event| contains.found_in(&event.message)).then_some(())
            };
            match wait_for(&what, object, step_run, context, seen).await {
                Ok(()) => Judged::good(""),
                Err(failed)
                    if context
                        .site
                        .watch
                        .look(|r| r.latest(object, step_run.began).is_some_and(Trace::is_saturated)) =>
                {
                    Judged { detail: format!("{}; {SATURATED}", failed.detail), ..failed }
                }
                Err(failed) => failed,
            }
        }
        CheckKind::Pulled { object } => pulled(object, step_run, context).await,
        CheckKind::Without { what, object, states } => {
            without(*what, (object, states), check.line, step_run, context).await
        }
        CheckKind::Fails { contains } if step_run.printed.code == 0 => {
            Judged::new(Verdict::Contradicted, format!("it exited with 0; it should have failed {contains}"))
        }
        CheckKind::Fails { contains } | CheckKind::Prints { contains } => {
            if !contains.found_in(&step_run.printed.all) {
                return Judged::new(Verdict::Contradicted, format!("its output does not contain {contains}"));
            }
            let fails = matches!(check.kind, CheckKind::Fails { .. });
            Judged::new(if fails { Verdict::ExpectedFailure } else { Verdict::Reproduced }, "")
        }
        CheckKind::PrintsCredentials => credentials(&step_run.printed.stdout, &context.site.credentials()),
        CheckKind::Output { expected } => printed(expected, &step_run.printed.all),
    }
}

async fn expect(object: &ObjectRef, states: &[String], step_run: &StepRun<'_>, context: &LabContext<'_>) -> Judged {
    let what = format!("{object} to go through {}", states.join(", "));
    let seen = |trace: &Trace, since| match trace.matching(states, since) {
        PatternProgress::Matched { at } => Some(Judged::good(format!("{:.2} s", at.as_secs_f64()))),
        PatternProgress::Pending { .. } => None,
    };
    wait_for(&what, object, step_run, context, seen).await.unwrap_or_else(|failed| failed)
}

/// Plays the twin of a pod that the step has made. A twin that gets the image shows that the step proves nothing, and so
/// does one that cannot be had.
async fn without(
    what: Without,
    (object, states): (&ObjectRef, &[String]),
    line: usize,
    step_run: &StepRun<'_>,
    context: &LabContext<'_>,
) -> Judged {
    let name = match made(object, step_run, context).await {
        Ok(name) => name,
        Err(failed) => return failed,
    };
    let client = &context.stage.cluster.client();
    let (names, (session, lab)) = (context.site.gateway.names(), (context.session, context.lab.id));
    let on_state = |state: TwinState| context.events.emit(state.event(lab, object, what, &names));
    let stand = Stand {
        client,
        namespace: format!("rehearsal-{session}-twin{lab}-{line}"),
        labels: &namespace_labels(session),
        until_gone: context.stage.cluster.info().is_users,
        on_state: &on_state,
    };
    let pods = Api::<Pod>::namespaced(client.clone(), &names.namespace(&object.namespace));
    let twin = match pods.get(&name).await {
        // The pod may have brought the image to the node meanwhile: its twin asks the registry, as it did.
        Ok(pod) => play(&stand, pod, what, true, states).await,
        Err(error) => Err(error.to_string()),
    };
    match twin {
        // Anything may keep an image from coming: a registry that is down says nothing of what was taken away.
        Ok(Twin::Refused(words)) if is_of_pull(states) && !is_refusal(&words) => {
            Judged::new(Verdict::Unproven, format!("its twin failed, but was refused by no registry: {words}"))
        }
        // The end of the kubelet's sentence says why.
        Ok(Twin::Refused(words)) => Judged::good(words.rsplit(": ").next().unwrap_or(&words)),
        Ok(Twin::HasImage) => Judged {
            cause: Some(Cause::TwinRuns { pod: object.clone(), without: what.to_string() }.into()),
            ..Judged::new(Verdict::Unproven, format!("{object} gets its image without that, too"))
        },
        Ok(Twin::Undecided(why)) => Judged::new(Verdict::Unproven, format!("its twin could not be tried: {why}")),
        Err(why) => Judged::new(Verdict::Unproven, why),
    }
}

/// The name of the pod, once it is there. Where only its beginning is known, a pod of an earlier step may have the same.
async fn made(object: &ObjectRef, step_run: &StepRun<'_>, context: &LabContext<'_>) -> Result<String, Judged> {
    let probe = async || {
        context.site.watch.look(|recorder| {
            let came = |trace: &&Trace| recorder.age(&trace.uid, step_run.began).is_some_and(|age| age.is_zero());
            let is_meant = |trace: &&Trace| trace.last().is_some() && (trace.object == *object || came(trace));
            match recorder.latest(object, step_run.began).filter(is_meant) {
                Some(trace) => Probe::Done(trace.object.name.clone()),
                None => Probe::Pending(format!("{object} never appeared")),
            }
        })
    };
    let wake = Wake::Changed(context.site.watch.changes());
    let found = until(&object.to_string(), step_run.left(), wake, probe).await;
    found.map_err(|timeout| Judged::failed(timeout.to_string()))
}

/// Whether these are states of a pod whose image does not come.
fn is_of_pull(states: &[String]) -> bool {
    states.iter().any(|state| [ERR_IMAGE_PULL, IMAGE_PULL_BACK_OFF].contains(&state.as_str()))
}

/// Waits for something to show in the newest trace of `object`; `seen` is also told from when on it has to.
///
/// # Errors
/// What to say when it does not.
async fn wait_for<T>(
    what: &str,
    object: &ObjectRef,
    step_run: &StepRun<'_>,
    context: &LabContext<'_>,
    seen: impl Fn(&Trace, Duration) -> Option<T>,
) -> Result<T, Judged> {
    context.waits.cancel();
    let wake = Wake::Changed(context.site.watch.changes());
    let probe = async || {
        if let Some(why) = context.site.watch.cut(BLIND) {
            return Probe::Done(Err(Judged::failed(format!("{what} cannot be seen: the watch is cut: {why}"))));
        }
        context.site.watch.look(|recorder| match recorder.latest(object, step_run.began) {
            Some(trace) => {
                let began = recorder.age(&trace.uid, step_run.began).unwrap_or_default();
                let seen = seen(trace, trace.proves_from(began));
                seen.map_or_else(|| Probe::Pending(standing(trace)), |seen| Probe::Done(Ok(seen)))
            }
            None => Probe::Pending(format!("{object} never appeared")),
        })
    };
    until(what, step_run.left(), wake, probe).await.unwrap_or_else(|timeout| Err(Judged::failed(timeout.to_string())))
}

/// How long a watch may be cut before nothing more is hoped for from it: it opens anew by itself.
const BLIND: Duration = Duration::from_secs(5);

fn standing(trace: &Trace) -> String {
    let Some(state) = trace.last() else { return format!("{} has no status", trace.object) };
    // The evidence says why it is so.
    format!("{} is {}", trace.object, state.status)
}

/// Holds unless an object of that name goes into one of the states, or went into one since the step began, until what
/// is left of the window has passed. The state that an object was in at first counts when the window closes: by then
/// the step may have removed that object, and its successor is meant.
async fn never(
    object: &ObjectRef,
    states: &[String],
    window: Duration,
    step_run: &StepRun<'_>,
    context: &LabContext<'_>,
) -> Judged {
    let probe = async || match context.site.watch.look(|recorder| entered(recorder, object, states, step_run.began)) {
        Some(sighting) => Probe::Done(sighting),
        None => Probe::Pending(String::new()),
    };
    let contradicted = |detail: String| Judged::new(Verdict::Contradicted, detail);
    if let Ok(seen) = until("nothing", window, Wake::Changed(context.site.watch.changes()), probe).await {
        return contradicted(format!("{object} was {} at {:.2} s", seen.status, seen.at.as_secs_f64()));
    }
    match context.site.watch.look(|recorder| held(recorder, object, states, step_run.began)) {
        Some(status) => contradicted(format!("{object} was {status} already when the step began")),
        // A watch that is cut would not have seen it.
        None => match context.site.watch.cut(Duration::ZERO) {
            Some(why) => Judged::new(Verdict::Unproven, format!("nothing is seen: the watch is cut: {why}")),
            None => Judged::good(""),
        },
    }
}

/// The state that any object of that name went into since the step began.
fn entered(recorder: &Recorder, object: &ObjectRef, states: &[String], began: Instant) -> Option<Sighting> {
    let mut traces = recorder.during(object, began);
    traces.find_map(|trace| trace.entered(states, recorder.age(&trace.uid, began)?))
}

/// The state that an object of that name was in when the step began, if the step lets it stay.
fn held(recorder: &Recorder, object: &ObjectRef, states: &[String], began: Instant) -> Option<String> {
    let mut traces = recorder.during(object, began);
    traces.find_map(|trace| trace.held(states, recorder.age(&trace.uid, began)?).map(|state| state.status.clone()))
}

/// The witnesses of a pull: the registry's log (a refusal, then the user served), the container that was started from
/// the image, and the kubelet's event, which a kubelet keeps to itself where a pod has had many; a pod must have been
/// refused before.
async fn pulled(object: &ObjectRef, step_run: &StepRun<'_>, context: &LabContext<'_>) -> Judged {
    let what = format!("{object}'s image to be pulled");
    let seen = |trace: &Trace, since| Some((trace.came(since)?, trace.uid.clone(), trace.node().map(str::to_owned)));
    let (mut came, uid, node) = match wait_for(&what, object, step_run, context, seen).await {
        Ok(found) => found,
        Err(failed) => return failed,
    };
    if !came.told {
        let told = |trace: &Trace, since| trace.came(since).filter(|came| came.told);
        let late = StepRun { deadline: step_run.deadline.min(Instant::now() + EVENT_LAG), ..*step_run };
        came = wait_for(&what, object, &late, context, told).await.unwrap_or(came);
    }
    let Came { image, at, told } = came;
    let Ok(reference) = ImageRef::parse(&context.site.gateway.names().image(&image)) else {
        return Judged::failed(format!("`{image}` is no image reference"));
    };
    // A pull that began after the pod did, or, where the pod came with the step, after the step did: what is first heard
    // of a pod may be late.
    let age = context.site.watch.look(|recorder| recorder.age(&uid, Instant::now()));
    let began = Instant::now().checked_sub(age.unwrap_or_default()).unwrap_or(step_run.began).min(step_run.began);
    let user = context.site.credentials().username;
    let testimony = match testimony(reference.repository(), (&user, node.as_deref()), began, step_run, context).await {
        Ok(testimony) => testimony,
        Err(judged) => return judged,
    };
    if let Some(pushed) = context.pushed(&context.site.gateway.names().image(&image)) {
        let started = |trace: &Trace, _| trace.images.iter().find(|started| started.image == image)?.digest.clone();
        let soon = StepRun { deadline: step_run.deadline.min(Instant::now() + EVENT_LAG), ..*step_run };
        // A container that does not start has its image all the same.
        let runs = wait_for(&what, object, &soon, context, started).await.ok();
        if let Some(other) = runs.filter(|digest| digest != pushed) {
            return Judged::new(Verdict::Contradicted, format!("it runs {other}, and {pushed} was pushed"));
        }
    }
    let unproven = |why: &str| Judged::new(Verdict::Unproven, why);
    let lane = testimony.as_ref().map(Testimony::lane).unwrap_or_default();
    let lane: Vec<_> = lane.iter().map(|told| context.site.gateway.names().back(told)).collect();
    context.site.watch.testify(&uid, &lane);
    if testimony.is_none() && !context.stage.is_users() {
        return Judged::new(Verdict::Unproven, "the registry is the stage's own, and its log was not read");
    }
    let refused = testimony.as_ref().is_none_or(Testimony::is_after_refusal);
    // Every pull begins with an anonymous 401, so the log's refusal alone proves little: a pod must have been refused.
    if !refused || !context.site.watch.look(|recorder| recorder.refused_before(&image, &uid, at)) {
        return unproven("nothing was refused in this lab before: it might pass without credentials");
    }
    match (told, context.stage.is_users()) {
        (true, true) => Judged::good("event, the registry's log is not ours, refused before"),
        (true, false) => {
            let gap = gap(context, reference.repository(), &user).await;
            Judged::good(format!("event, registry: {}{gap}", without_addresses(&lane)))
        }
        (false, true) => unproven("no event tells of the pull, and the registry's log is not ours"),
        (false, false) if context.site.watch.look(|recorder| recorder.came_to_others(&image, &uid)) => {
            unproven("no event tells of the pull, and another pod may have brought the image to the node")
        }
        (false, false) => {
            Judged::good(format!("imageID, registry: {}; no event tells of it", without_addresses(&lane)))
        }
    }
}

/// What the registry's log says of a pull by the pod's node, which began not before `began`; None where the log is not ours
/// to read, and the events must do.
///
/// # Errors
/// What the check comes to where the log does not say it.
async fn testimony(
    repository: &str,
    (user, node): (&str, Option<&str>),
    began: Instant,
    step_run: &StepRun<'_>,
    context: &LabContext<'_>,
) -> Result<Option<Testimony>, Judged> {
    let cut = |why: String| {
        let cause = Cause::LogCut { why };
        let said = cause.to_string();
        Judged { cause: Some(cause.into()), ..Judged::new(Verdict::Unproven, said) }
    };
    let Some(witness) = context.witness().await.map_err(cut)? else { return Ok(None) };
    let unknown =
        |why: &str| Judged::new(Verdict::Unproven, format!("which node asked the registry is not known: {why}"));
    let node = node.ok_or_else(|| unknown("no node is seen to have the pod"))?;
    let mark = context.stage.node_mark(node).await.map_err(|error| unknown(&chain(&error)))?;
    let told = |log: &[LogEntry], now: jiff::Timestamp| {
        let by_log = |at: Instant| now.checked_sub(at.elapsed()).unwrap_or(now);
        let times = (by_log(step_run.lab_began), by_log(began));
        let pull = Pull { repository, user, node: &mark };
        pull.testimony(log, times)
    };
    let proof = async || match witness.look(told) {
        Some(testimony) => Probe::Done(testimony),
        None => Probe::Pending(format!("the registry logged no success of {user} for node {node} since then")),
    };
    let wake = Wake::Changed(witness.changes());
    let found = until("the registry's log", step_run.left().min(LOG_LAG), wake, proof).await;
    found.map(Some).map_err(|timeout| Judged::failed(timeout.to_string()))
}

/// How long after its password was changed the user was first served, which is how long nothing new could start.
async fn gap(context: &LabContext<'_>, repository: &str, user: &str) -> String {
    let Some(rotated) = context.site.rotated() else { return String::new() };
    let (Ok(Some(witness)), Ok(nodes)) = (context.witness().await, context.stage.nodes_mark().await) else {
        return String::new();
    };
    let pull = Pull { repository, user, node: &nodes };
    let after = |log: &[LogEntry], now: jiff::Timestamp| {
        let since = now.checked_sub(rotated.elapsed()).unwrap_or(now);
        Some(pull.first_served(log, since)?.duration_since(since).as_secs_f64())
    };
    match witness.look(after) {
        Some(gap) => format!("; the first {gap:.1} s after the password was changed"),
        None => String::new(),
    }
}

/// The lane for readers, to whom a node's address says nothing.
fn without_addresses(lane: &[String]) -> String {
    lane.iter().map(|told| told.split(" at ").next().unwrap_or(told)).collect::<Vec<_>>().join(", then ")
}

/// How far a kubelet's event may lag behind the container that is started after it.
const EVENT_LAG: Duration = Duration::from_secs(3);

/// What explains the absence of an event.
const SATURATED: &str =
    "its events are saturated: a kubelet writes about 25 of a type for a pod, then one in about five minutes";

/// How far the registry's log may lag behind its answers.
const LOG_LAG: Duration = Duration::from_secs(3);

/// The output must be a dockerconfigjson that holds these credentials and no others.
fn credentials(output: &str, credentials: &Credentials) -> Judged {
    let document = output.find('{').and_then(|from| output.rfind('}').map(|to| &output[from..=to])).unwrap_or_default();
    let Ok(config) = serde_json::from_str::<serde_json::Value>(document) else {
        return Judged::new(Verdict::Contradicted, "its output is no dockerconfigjson");
    };
    let entries: Vec<_> = config["auths"].as_object().map(|auths| auths.values().collect()).unwrap_or_default();
    let right = |entry: &&serde_json::Value| {
        entry["username"] == credentials.username
            && entry["password"] == credentials.password.expose()
            && entry["auth"] == credentials.basic()
    };
    match entries[..] {
        [] => Judged::new(Verdict::Contradicted, "it names no registry"),
        _ if entries.iter().all(right) => Judged::good("user, password and auth are the stage's"),
        _ => Judged::new(Verdict::Contradicted, "it holds other credentials than the stage's"),
    }
}

fn printed(expected: &str, actual: &str) -> Judged {
    match compare::compare(expected, actual) {
        Comparison::Reproduced(fidelity) => Judged::good(format!("{fidelity:?}").to_lowercase()),
        Comparison::Drifted(difference) => Judged::new(Verdict::Drifted, difference.what),
        Comparison::Contradicted(difference) => {
            Judged::new(Verdict::Contradicted, format!("{}\n{}", difference.what, difference.diff))
        }
    }
}

/// Evidence for a failed step: states and events of the objects it names.
pub(super) fn evidence(checks: &[Check], watch: &Watch, began: Instant) -> Vec<String> {
    let objects = objects(checks);
    watch.look(|recorder| {
        let traces = objects.iter().filter_map(|object| recorder.latest(object, began));
        let told: Vec<_> = traces.flat_map(evidence::of_trace).collect();
        // What never appeared may have another name or stand in another namespace.
        if told.is_empty() && !objects.is_empty() { recorder.traces().map(Trace::to_string).collect() } else { told }
    })
}

/// How many lines of a pod's log are shown.
const LOG_LINES: i64 = 5;
/// How long a kubelet may think about a log.
const LOG_WITHIN: Duration = Duration::from_secs(2);

/// The last lines that the pods of the checks have logged; none of a pod whose containers have not started, or whose log
/// cannot be had.
pub(super) async fn logs(checks: &[Check], context: &LabContext<'_>, began: Instant) -> Vec<String> {
    let started = |object: &&&ObjectRef| {
        let runs = |trace: &Trace| !trace.images.is_empty() && !trace.ended();
        object.kind == "pod" && context.site.watch.look(|recorder| recorder.latest(object, began).is_some_and(runs))
    };
    let objects = objects(checks);
    let last = LogParams { tail_lines: Some(LOG_LINES), ..LogParams::default() };
    let each = objects.iter().filter(started).map(async |object| {
        let pods = Api::<Pod>::namespaced(context.site.gateway.client(), &object.namespace);
        let log = tokio::time::timeout(LOG_WITHIN, pods.logs(&object.name, &last)).await.ok()?.ok()?;
        let lines = log.lines().map(|line| format!("  {line}"));
        (!log.trim().is_empty())
            .then(|| std::iter::once(format!("{object} has logged:")).chain(lines).collect::<Vec<_>>())
    });
    futures::future::join_all(each).await.into_iter().flatten().flatten().collect()
}

/// What is wrong now with the objects that the checks name.
pub(super) fn troubles(checks: &[Check], watch: &Watch, began: Instant) -> Vec<String> {
    let objects = objects(checks);
    watch.look(|recorder| {
        let traces = objects.iter().filter_map(|object| recorder.latest(object, began));
        traces.flat_map(Trace::troubles).collect()
    })
}

/// What the checks are about, each once, in their order.
pub(super) fn objects(checks: &[Check]) -> Vec<&ObjectRef> {
    let mut told = BTreeSet::new();
    checks.iter().filter_map(|check| object(&check.kind)).filter(|object| told.insert(*object)).collect()
}

fn object(kind: &CheckKind) -> Option<&ObjectRef> {
    match kind {
        CheckKind::Expect { object, .. }
        | CheckKind::Never { object, .. }
        | CheckKind::Event { object, .. }
        | CheckKind::Pulled { object }
        | CheckKind::Without { object, .. } => Some(object),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_tells_of_each_object_once() {
        let object = |name: &str| ObjectRef { kind: "pod".into(), namespace: "default".into(), name: name.into() };
        let check = |name| Check { line: 1, kind: CheckKind::Pulled { object: object(name) } };
        let checks = [check("b"), check("a"), check("b"), check("a")];
        assert_eq!(objects(&checks), [&object("b"), &object("a")]);
    }

    /// A recorder of `pod/p`: at each second an object goes into a phase, or is deleted.
    fn recorder(start: Instant, seen: &[(u64, &str, &str)]) -> Recorder {
        let mut recorder = Recorder::default();
        for (at, uid, phase) in seen {
            let metadata = serde_json::json!({"name": "p", "namespace": "default", "uid": uid});
            let pod = serde_json::json!({"metadata": metadata, "status": {"phase": phase}});
            let (pod, now) = (serde_json::from_value(pod).unwrap(), start + Duration::from_secs(*at));
            if *phase == "Deleted" {
                recorder.pod_deleted(&pod, now)
            } else {
                recorder.pod(&pod, now)
            };
        }
        recorder
    }

    #[test]
    fn never_is_about_the_step_and_every_object_of_that_name() {
        let start = Instant::now();
        let pod = ObjectRef { kind: "pod".into(), namespace: "default".into(), name: "p".into() };
        let told = |seen: &[(u64, &str, &str)], began: u64| {
            let (recorder, states) = (recorder(start, seen), ["Running".to_owned()]);
            let began = start + Duration::from_secs(began);
            let entered = entered(&recorder, &pod, &states, began).map(|seen| seen.at.as_secs());
            (entered, held(&recorder, &pod, &states, began))
        };
        let ran = [(0, "u1", "Pending"), (2, "u1", "Running"), (4, "u1", "Failed")];
        assert_eq!(told(&ran, 0), (Some(2), None));
        assert_eq!(told(&ran, 3), (None, Some("Running".into())), "it was running, and nobody removed it");
        assert_eq!(told(&ran, 5), (None, None), "it ran before the step");
        let replaced = [(0, "u1", "Running"), (4, "u1", "Deleted"), (5, "u2", "Pending"), (6, "u2", "Failed")];
        assert_eq!(told(&replaced, 3), (None, None), "the successor is meant");
        let ran_before_it_was_replaced = [(3, "u1", "Running"), (4, "u1", "Deleted"), (5, "u2", "Pending")];
        assert_eq!(told(&ran_before_it_was_replaced, 2), (Some(0), None));
        assert_eq!(told(&ran_before_it_was_replaced, 5), (None, None), "that one was over before the step");
    }

    #[test]
    fn credentials_are_compared_as_a_whole() {
        let ours = Credentials::new("u", "secret-password");
        let right = ours.dockerconfigjson(&["https://index.docker.io/v1/"]);
        assert_eq!(credentials(&format!("$ {right}\n"), &ours).verdict, Verdict::Reproduced);
        let other = Credentials::new("u", "another").dockerconfigjson(&["https://index.docker.io/v1/"]);
        for wrong in [&other, "{}", "", r#"{"auths":{}}"#, "}{"] {
            assert_eq!(credentials(wrong, &ours).verdict, Verdict::Contradicted, "{wrong}");
        }
    }
}
