//! What faults have to know of a lab, read off its steps and directives. Pure.

use serde_json::Value;

use crate::fence::{Command, Fence};
use crate::kubewords::status::{ERR_IMAGE_PULL, IMAGE_PULL_BACK_OFF, RUNNING};
use crate::script::{Action, Check, CheckKind, Lab, Need, ObjectRef, Step, Without};

/// A lab's steps that are played, each with its place in the lab.
fn played(lab: &Lab) -> impl DoubleEndedIterator<Item = (usize, &Step)> {
    lab.steps.iter().enumerate().filter(|(_, step)| step.skip.is_none())
}

/// Whether the step has a command that begins with these words.
fn has_command(step: &Step, words: &[&str]) -> bool {
    matches!(&step.action, Action::Shell(script) if Fence::parse(script).is_ok_and(|fence| fence.calls(words) > 0))
}

fn fails(step: &Step) -> bool {
    step.checks.iter().any(|check| matches!(check.kind, CheckKind::Fails { .. }))
}

/// The first step with a pod of which `is` holds.
fn step_with(lab: &Lab, is: impl Fn(&CheckKind) -> Option<&ObjectRef>) -> Option<(usize, &ObjectRef)> {
    played(lab).find_map(|(at, step)| Some((at, step.checks.iter().find_map(|check: &Check| is(&check.kind))?)))
}

/// The first step with a pull that the registry's log has to show, and the pod.
pub(super) fn witnessed(lab: &Lab) -> Option<(usize, &ObjectRef)> {
    step_with(lab, |kind| match kind {
        CheckKind::Pulled { object } => Some(object),
        _ => None,
    })
}

/// The first step with a twin, and its pod.
pub(super) fn with_twin(lab: &Lab) -> Option<(usize, &ObjectRef)> {
    step_with(lab, |kind| match kind {
        CheckKind::Without { object, .. } => Some(object),
        _ => None,
    })
}

/// The step by which a pod is to get its image, and the pod.
pub(super) fn pulling(lab: &Lab) -> Option<(usize, &ObjectRef)> {
    witnessed(lab).or_else(|| {
        step_with(lab, |kind| match kind {
            CheckKind::Expect { object, states } if states.iter().any(|state| state == RUNNING) => Some(object),
            _ => None,
        })
    })
}

/// The step by which somebody is to get the image: a pod, or `docker pull`.
pub(super) fn fetching(lab: &Lab) -> Option<usize> {
    let docker = || played(lab).find(|(_, step)| has_command(step, &["docker", "pull"]) && !fails(step));
    pulling(lab).map(|(at, _)| at).or_else(|| docker().map(|(at, _)| at))
}

/// The first step by which a pod is to be refused its image, and the pod.
pub(super) fn refused(lab: &Lab) -> Option<(usize, &ObjectRef)> {
    step_with(lab, is_refused)
}

/// All steps by which pods are to be refused their images.
pub(super) fn refusals(lab: &Lab) -> impl Iterator<Item = usize> {
    played(lab).filter(|(_, step)| step.checks.iter().any(|check| is_refused(&check.kind).is_some())).map(|(at, _)| at)
}

/// The pod that is to be refused its image.
fn is_refused(kind: &CheckKind) -> Option<&ObjectRef> {
    let CheckKind::Expect { object, states } = kind else { return None };
    let is_trouble = |state: &String| [ERR_IMAGE_PULL, IMAGE_PULL_BACK_OFF].contains(&state.as_str());
    let refused = states.iter().any(is_trouble) && !states.iter().any(|state| state == RUNNING);
    refused.then_some(object)
}

/// Whether anybody is to be turned away who brings no login.
pub(super) fn turns_strangers_away(lab: &Lab) -> bool {
    refused(lab).is_some() || played(lab).any(|(_, step)| fails(step) && has_command(step, &["docker", "pull"]))
}

/// Whether anybody is to be turned away who brings a wrong password.
pub(super) fn tries_wrong_password(lab: &Lab) -> bool {
    let twin = |check: &Check| matches!(check.kind, CheckKind::Without { what: Without::RightPassword, .. });
    played(lab).any(|(_, step)| step.checks.iter().any(twin) || fails(step) && has_command(step, &["docker", "login"]))
}

/// Whether a pull secret is made, by a command or a manifest.
pub(super) fn makes_secret(lab: &Lab) -> bool {
    played(lab).any(|(_, step)| match &step.action {
        Action::Shell(_) => has_command(step, &["kubectl", "create", "secret", "docker-registry"]),
        Action::File { contents, .. } => contents.contains("kubernetes.io/dockerconfigjson"),
    })
}

/// Whether a ServiceAccount gets its pull secrets before the step `at`.
pub(super) fn patches_account(lab: &Lab, at: usize) -> bool {
    let words = ["patch", "edit"].into_iter().flat_map(|verb| ["serviceaccount", "sa"].map(|kind| [verb, kind]));
    let mut words = words.map(|[verb, kind]| ["kubectl", verb, kind]);
    words.any(|words| played(lab).take_while(|(step, _)| *step < at).any(|(_, step)| has_command(step, &words)))
}

/// The lab's manifests of pods.
fn manifests(lab: &Lab) -> impl Iterator<Item = Value> {
    let written = played(lab).filter_map(|(_, step)| match &step.action {
        Action::File { contents, .. } => serde_saphyr::from_multiple::<Value>(contents).ok(),
        Action::Shell(_) => None,
    });
    written.flatten().filter(|value| value["kind"] == "Pod")
}

/// The lab's first manifest of `pod`, where one has its name.
fn manifest(lab: &Lab, pod: &ObjectRef) -> Option<Value> {
    manifests(lab).find(|value| value["metadata"]["name"] == pod.name.as_str())
}

/// The ServiceAccount that the lab's manifest of a pod names; None where it is its namespace's default.
pub(super) fn account_of(lab: &Lab, pod: &ObjectRef) -> Option<String> {
    manifest(lab, pod)?["spec"]["serviceAccountName"].as_str().map(str::to_owned)
}

/// Whether the lab's manifest of a pod names pull secrets: then the ServiceAccount's do not count.
pub(super) fn names_secrets(lab: &Lab, pod: &ObjectRef) -> bool {
    manifest(lab, pod).is_some_and(|manifest| manifest["spec"]["imagePullSecrets"].is_array())
}

/// Whether every pod asks the registry, whatever its node has. A pod whose name no manifest has is made of one.
pub(super) fn always_asks(lab: &Lab) -> bool {
    let asks = |pod: Value| pod["spec"]["containers"][0]["imagePullPolicy"] == "Always";
    let mut policies = manifests(lab).map(asks).peekable();
    policies.peek().is_some() && policies.all(|asks| asks)
}

/// Whether a step does nothing but look at the cluster: what it shows is not needed by a later one.
pub(super) fn only_looks(step: &Step) -> bool {
    let Action::Shell(script) = &step.action else { return false };
    let looks = |command: &Command| {
        let is_kubectl = ["get", "describe"].iter().any(|verb| command.begins_with(&["kubectl", verb]));
        // What is at the other end of a pipe only reads.
        let reads = command.standing.pipe && command.program() == Some("base64");
        (is_kubectl || reads) && command.redirections.is_empty()
    };
    Fence::parse(script).is_ok_and(|fence| !fence.commands().is_empty() && fence.commands().iter().all(looks))
}

/// The images that the stage serves to the lab.
pub(super) fn needed_images(lab: &Lab) -> Vec<&str> {
    let needed = lab.needs.iter().filter_map(|need| match need {
        Need::Image(image) => Some(image.as_str()),
        Need::NoImage(_) | Need::Cluster => None,
    });
    needed.collect()
}

/// A text that the lab wants to be printed and that one of `sources` has.
pub(super) fn printed_text(lab: &Lab, sources: &[String]) -> Option<String> {
    let texts = played(lab).flat_map(|(_, step)| &step.checks).filter_map(|check| match &check.kind {
        CheckKind::Prints { contains } => Some(&contains.0),
        _ => None,
    });
    texts.flatten().find(|text| sources.iter().any(|source| source.contains(text.as_str()))).cloned()
}
