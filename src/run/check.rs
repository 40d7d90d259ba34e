//! Judging a step: what its directives ask, against what was printed and what was seen.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::event::Events;
use super::evidence::{self, Proof};
use super::rewrite::Names;
use super::shell::{Printed, Shell};
use super::verdict::Verdict;
use super::watch::Watch;
use crate::compare::{self, Comparison};
use crate::observe::{Progress, Trace};
use crate::registry::{Credentials, ImageRef, access_log};
use crate::script::{Check, CheckKind, ObjectRef, Step};
use crate::stage::Stage;
use crate::wait::{Probe, Wake, until};

/// What came of one check.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    pub verdict: Verdict,
    /// A few words beside the mark.
    pub detail: String,
}

impl Judged {
    fn new(verdict: Verdict, detail: impl Into<String>) -> Self {
        Self { verdict, detail: detail.into() }
    }

    fn good(detail: impl Into<String>) -> Self {
        Self::new(Verdict::Reproduced, detail)
    }

    fn failed(detail: impl Into<String>) -> Self {
        Self::new(Verdict::Failed, detail)
    }
}

/// What a lab is played on.
pub struct Ground<'a> {
    pub stage: &'a Stage,
    pub watch: &'a Watch,
    pub shell: &'a Shell,
    pub names: &'a Names,
    pub events: &'a Events,
}

/// What judging needs: the step, its output, when it began and its command ended, and how long is left.
pub struct Scene<'a> {
    pub step: &'a Step,
    pub printed: &'a Printed,
    pub began: Instant,
    pub ended: Instant,
    pub deadline: Instant,
    /// When the lab began: proofs count from there.
    pub lab_began: jiff::Timestamp,
}

impl Scene<'_> {
    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// Judges one check; waits, where it must, for the cluster.
pub async fn judge(check: &Check, scene: &Scene<'_>, ground: &Ground<'_>) -> Judged {
    match &check.kind {
        CheckKind::Expect { object, states } => expect(object, states, scene, ground).await,
        CheckKind::Never { object, states, window } => {
            let window = window.unwrap_or_else(|| scene.step.never_window(object));
            never(object, states, window.saturating_sub(scene.ended.elapsed()), scene, ground).await
        }
        CheckKind::Event { object, reason, contains } => {
            let what = format!("event {reason} of {object}");
            let seen = |trace: &Trace| {
                trace.events_because(reason).find(|event| contains.found_in(&event.message)).map(|_| String::new())
            };
            wait_for(&what, object, scene, ground, seen).await
        }
        CheckKind::Pulled { object } => pulled(object, scene, ground).await,
        CheckKind::Fails { contains } if scene.printed.code == 0 => {
            Judged::new(Verdict::Contradicted, format!("it exited with 0; it should have failed {contains}"))
        }
        CheckKind::Fails { contains } | CheckKind::Prints { contains } => {
            if !contains.found_in(&scene.printed.all) {
                return Judged::new(Verdict::Contradicted, format!("its output does not contain {contains}"));
            }
            let fails = matches!(check.kind, CheckKind::Fails { .. });
            Judged::new(if fails { Verdict::ExpectedFailure } else { Verdict::Reproduced }, "")
        }
        CheckKind::PrintsCredentials => credentials(&scene.printed.stdout, &ground.stage.credentials()),
        CheckKind::Output { expected } => printed(expected, &scene.printed.all),
    }
}

async fn expect(object: &ObjectRef, states: &[String], scene: &Scene<'_>, ground: &Ground<'_>) -> Judged {
    let what = format!("{object} to go through {}", states.join(", "));
    let seen = |trace: &Trace| match trace.matching(states) {
        Progress::Matched { at } => Some(format!("{:.2} s", at.as_secs_f64())),
        Progress::Pending { .. } => None,
    };
    wait_for(&what, object, scene, ground, seen).await
}

/// Waits for something to show in the newest trace of `object`.
async fn wait_for(
    what: &str,
    object: &ObjectRef,
    scene: &Scene<'_>,
    ground: &Ground<'_>,
    seen: impl Fn(&Trace) -> Option<String>,
) -> Judged {
    let wake = Wake::Changed(ground.watch.changes());
    let probe = async || {
        ground.watch.look(|recorder| match recorder.latest(object, scene.began) {
            Some(trace) => match seen(trace) {
                Some(detail) => Probe::Done(detail),
                None => Probe::Pending(standing(trace)),
            },
            None => Probe::Pending(format!("{object} never appeared")),
        })
    };
    match until(what, scene.left(), wake, probe).await {
        Ok(detail) => Judged::good(detail),
        Err(timeout) => Judged::failed(timeout.to_string()),
    }
}

fn standing(trace: &Trace) -> String {
    let Some(state) = trace.last() else { return format!("{} has no status", trace.object) };
    // Why it is so is the evidence's to tell.
    format!("{} is {}", trace.object, state.status)
}

/// Holds unless one of the states shows, or has shown, until what is left of the window has passed.
async fn never(
    object: &ObjectRef,
    states: &[String],
    window: Duration,
    scene: &Scene<'_>,
    ground: &Ground<'_>,
) -> Judged {
    let probe = async || {
        let sighting = ground.watch.look(|r| r.latest(object, scene.began).and_then(|trace| trace.never(states)));
        match sighting {
            Some(sighting) => Probe::Done(sighting),
            None => Probe::Pending(String::new()),
        }
    };
    match until("nothing", window, Wake::Changed(ground.watch.changes()), probe).await {
        Ok(seen) => Judged::new(
            Verdict::Contradicted,
            format!("{object} was {} at {:.2} s", seen.status, seen.at.as_secs_f64()),
        ),
        Err(_) => Judged::good(""),
    }
}

/// The three proofs that a pass is a pass: the kubelet's event, the registry's log, and a refusal before.
async fn pulled(object: &ObjectRef, scene: &Scene<'_>, ground: &Ground<'_>) -> Judged {
    let what = format!("the event that {object}'s image was pulled");
    let image = |trace: &Trace| {
        let event =
            trace.events_because("Pulled").find_map(|e| e.message.strip_prefix("Successfully pulled image \""))?;
        event.split_once('"').map(|(image, _)| image.to_owned())
    };
    let found = wait_for(&what, object, scene, ground, image).await;
    if found.verdict != Verdict::Reproduced {
        return found;
    }
    let Ok(reference) = ImageRef::parse(&ground.names.image(&found.detail)) else {
        return Judged::failed(format!("`{}` is no image reference", found.detail));
    };
    let user = ground.stage.credentials().username;
    let proof = async || match ground.stage.registry_log().await {
        // Not ours to read: the events must do.
        Ok(None) => Probe::Done(true),
        Ok(Some(log)) => {
            let entries: Vec<_> = access_log::parse(&log).into_iter().filter(|e| e.time >= scene.lab_began).collect();
            match Proof::of(&entries, reference.repository(), &user) {
                Proof::Served { after_refusal } => Probe::Done(after_refusal),
                Proof::Nothing => Probe::Pending(format!("the registry logged no success of {user}")),
            }
        }
        Err(error) => Probe::Pending(error.to_string()),
    };
    let every = Wake::Every(Duration::from_millis(20));
    let refused = match until("the registry's log", scene.left().min(LOG_LAG), every, proof).await {
        Ok(refused) => refused,
        Err(timeout) => return Judged::failed(timeout.to_string()),
    };
    // Every pull begins with an anonymous 401, so the log's refusal alone proves little: a pod must have failed.
    let refusal = format!("Failed to pull image \"{}\"", found.detail);
    let failed_before = ground.watch.look(|recorder| {
        recorder.traces().any(|t| t.events_because("Failed").any(|event| event.message.starts_with(&refusal)))
    });
    if failed_before && refused {
        let log =
            if ground.stage.is_users() { "the registry's log is not ours" } else { &format!("registry log ({user})") };
        Judged::good(format!("event, {log}, refused before"))
    } else {
        Judged::new(Verdict::Unproven, "nothing was refused in this lab before: it might pass without credentials")
    }
}

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
            && entry["password"] == credentials.password
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
pub fn evidence(checks: &[Check], watch: &Watch, began: Instant) -> Vec<String> {
    let objects = objects(checks);
    watch.look(|recorder| {
        let traces = objects.iter().filter_map(|object| recorder.latest(object, began));
        let told: Vec<_> = traces.flat_map(evidence::of_trace).collect();
        // What never appeared may have another name or stand in another namespace.
        if told.is_empty() && !objects.is_empty() { recorder.traces().map(Trace::to_string).collect() } else { told }
    })
}

/// What the checks are about, each once, in their order.
fn objects(checks: &[Check]) -> Vec<&ObjectRef> {
    let mut told = BTreeSet::new();
    checks.iter().filter_map(|check| object(&check.kind)).filter(|object| told.insert(*object)).collect()
}

fn object(kind: &CheckKind) -> Option<&ObjectRef> {
    match kind {
        CheckKind::Expect { object, .. }
        | CheckKind::Never { object, .. }
        | CheckKind::Event { object, .. }
        | CheckKind::Pulled { object } => Some(object),
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
