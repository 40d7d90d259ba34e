//! States of pods that the prose promises: waited for, and proved; and pods whose image the stage does not have.

use std::time::Instant;

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use super::Evidence;
use super::claim::{Claim, claims};
use super::commands::lacks;
use super::hindrance::wanted;
use super::outputs::only_looks;
use super::player::{COMMAND_WITHIN, Played, Player, Said};
use super::requests::made;
use super::twin::{self, Twin};
use crate::event::Verdict;
use crate::kubewords::status::{
    CONTAINER_CREATING, ERR_IMAGE_NEVER_PULL, ERR_IMAGE_PULL, IMAGE_PULL_BACK_OFF, PENDING, POD_INITIALIZING, RUNNING,
};
use crate::observe::Trace;
use crate::place::ShellError;
use crate::script::ObjectRef;
use crate::script::lecture::Command;
use crate::wait::{Probe, Wake, until};

impl Player<'_> {
    /// What the prose claims of the pods that a command made or showed.
    pub(super) async fn claims(&mut self, at: usize, played: &Played, said: &mut Said) {
        let item = &self.lecture.items[at];
        let until = self.lecture.items.get(at + 1).map_or(usize::MAX, |next| next.lines.first);
        let claims = claims(&self.lecture.text, item.lines, until);
        let looks = self.lecture.items[at].command().is_some_and(only_looks);
        let pods = concerned(played, looks);
        for claim in &claims {
            for pod in &pods {
                self.claim(claim, pod, played.began, said).await;
                if said.verdict != Verdict::Reproduced {
                    return;
                }
            }
        }
    }

    async fn claim(&mut self, claim: &Claim, pod: &ObjectRef, began: Instant, said: &mut Said) {
        let trace = self.reached(pod, claim.state, began).await;
        match trace {
            Ok(trace) => {
                said.evidence.push(Evidence { of: pod.to_string(), path: None, says: trace });
                if claim.state == RUNNING {
                    self.prove(pod, said).await;
                }
            }
            Err((trace, lacking)) => {
                let line = claim.line;
                let evidence = std::mem::take(&mut said.evidence);
                *said = match lacking.filter(|_| claim.state == RUNNING) {
                    Some(image) => lacks(&image),
                    None => {
                        let reason = format!("line {line} says {}; {trace}", claim.state);
                        Said::new(Verdict::Contradicted, Some(reason))
                    }
                };
                said.evidence = evidence;
                said.evidence.push(Evidence { of: pod.to_string(), path: None, says: trace });
            }
        }
    }

    /// Waits until a pod has been in a state. Its timeline; else that, and the image that the stage lacks for it.
    async fn reached(&self, pod: &ObjectRef, state: &str, began: Instant) -> Result<String, (String, Option<String>)> {
        let seen = |trace: &Trace| trace.states.iter().any(|seen| seen.status == state);
        let probe = async || {
            let found = self.setting.watch.look(|recorder| match recorder.latest(pod, began) {
                Some(trace) if seen(trace) => Ok(trace.to_string()),
                Some(trace) => Err(trace.to_string()),
                None => Err(format!("{pod} was never seen")),
            });
            match found {
                Ok(trace) => Probe::Done(Ok(trace)),
                Err(trace) => match self.lacking(&pod.name).await {
                    Some(image) => Probe::Done(Err((trace, Some(image)))),
                    None => Probe::Pending(trace),
                },
            }
        };
        let wake = Wake::Changed(self.setting.watch.changes());
        match until("a state", self.setting.state_within, wake, probe).await {
            Ok(found) => found,
            Err(timeout) => Err((timeout.last, None)),
        }
    }

    /// Plays a command, once the pod that it needs is past its beginning: a reader types slower than a program. The
    /// image that the stage lacks, where the command could only wait for it.
    pub(super) async fn played_unless_lacking(
        &self,
        command: &Command,
        script: &str,
    ) -> Result<Result<Played, String>, ShellError> {
        let Some(wanted) = wanted(command) else { return Ok(Ok(self.run(script).await?)) };
        let lacking = async || match self.lacking(&wanted.pod).await {
            Some(image) => Probe::Done(image),
            None => Probe::Pending(String::new()),
        };
        if wanted.waits {
            let wake = Wake::Changed(self.setting.watch.changes());
            return tokio::select! {
                played = self.run(script) => Ok(Ok(played?)),
                Ok(image) = until("an image", COMMAND_WITHIN, wake, lacking) => Ok(Err(image)),
            };
        }
        self.begun(&wanted.pod).await;
        Ok(match self.lacking(&wanted.pod).await {
            Some(image) => Err(image),
            None => Ok(self.run(script).await?),
        })
    }

    /// Waits until no pod whose name begins so is still at its beginning.
    async fn begun(&self, pod: &str) {
        let begins = |trace: &&Trace| {
            let last = trace.states.last().map(|state| state.status.as_str());
            trace.object.name.starts_with(pod) && matches!(last, Some(PENDING | CONTAINER_CREATING | POD_INITIALIZING))
        };
        let probe = async || match self.setting.watch.look(|recorder| recorder.traces().any(|trace| begins(&trace))) {
            true => Probe::Pending(String::new()),
            false => Probe::Done(()),
        };
        let wake = Wake::Changed(self.setting.watch.changes());
        // What never comes is told by the command.
        let _ = until("pods that have begun", self.setting.state_within, wake, probe).await;
    }

    /// The image that a pod whose name begins so cannot get because the stage does not have it.
    pub(super) async fn lacking(&self, pod: &str) -> Option<String> {
        for namespace in self.namespaces() {
            let on_cluster = (self.setting.namespace_on_cluster)(&namespace);
            let api = Api::<Pod>::namespaced(self.setting.cluster.clone(), &on_cluster);
            let Ok(pods) = api.list(&ListParams::default()).await else { continue };
            for image in pods.iter().filter(|found| found.name_any().starts_with(pod)).flat_map(not_pulled) {
                if !(self.setting.is_served)(image.clone()).await {
                    return Some((self.setting.in_lectures_names)(&image));
                }
            }
        }
        None
    }

    /// Whether a pod that runs owes that to its pull secret: its twin without one must be refused.
    async fn prove(&mut self, pod: &ObjectRef, said: &mut Said) {
        let namespace = (self.setting.namespace_on_cluster)(&pod.namespace);
        let api = Api::<Pod>::namespaced(self.setting.cluster.clone(), &namespace);
        let Ok(Some(live)) = api.get_opt(&pod.name).await else { return };
        let secrets = live.spec.as_ref().and_then(|spec| spec.image_pull_secrets.as_ref()).map_or(0, Vec::len);
        if secrets == 0 {
            return;
        }
        self.twins += 1;
        let name = (self.setting.twin_namespace)(self.twins);
        let twin = twin::play(&self.setting.cluster, &live, &name, &self.setting.labels).await;
        let of = format!("{pod} without its pull secret");
        let unproven = match twin {
            Twin::Refused(words) => {
                said.evidence.push(Evidence {
                    of,
                    path: Some(".status.containerStatuses[0].state.waiting.message".into()),
                    says: (self.setting.in_lectures_names)(&words),
                });
                return;
            }
            Twin::HasImage => "the same pod runs without the pull secret, too".to_owned(),
            Twin::Undecided(why) => format!("the same pod without the pull secret could not be tried: {why}"),
        };
        said.verdict = Verdict::Unproven;
        said.reason = Some(unproven);
    }
}

/// The pods that a command made or showed.
fn concerned(played: &Played, looks: bool) -> Vec<ObjectRef> {
    let pod =
        |namespace: &str, name: &str| ObjectRef { kind: "pod".into(), namespace: namespace.into(), name: name.into() };
    let mut pods: Vec<ObjectRef> = made(&played.requests, "pods").map(|key| pod(&key.namespace, &key.name)).collect();
    let patched = played.requests.iter().filter(|request| {
        request.resource == "pods" && request.verb == "patch" && request.code == 200 && request.subresource.is_empty()
    });
    pods.extend(patched.map(|request| pod(&request.namespace, &request.name)));
    let shown = played
        .requests
        .iter()
        .filter(|request| request.resource == "pods" && matches!(request.verb.as_str(), "get" | "list"));
    for request in shown.filter(|_| looks) {
        match request.name.as_str() {
            "" => {
                let mut table = played.printed.stdout.lines();
                let is_table =
                    table.next().is_some_and(|header| header.starts_with("NAME ") && header.contains("STATUS"));
                let rows = table.filter_map(|row| row.split_whitespace().next());
                pods.extend(rows.filter(|_| is_table).map(|name| pod(&request.namespace, name)));
            }
            name => pods.push(pod(&request.namespace, name)),
        }
    }
    pods.sort();
    pods.dedup();
    pods
}

/// The images of a pod that the kubelet could not pull.
fn not_pulled(pod: &Pod) -> Vec<String> {
    let Some(status) = &pod.status else { return Vec::new() };
    let statuses = [&status.init_container_statuses, &status.container_statuses];
    let waiting = statuses.into_iter().flatten().flatten().filter(|status| {
        let waiting = status.state.as_ref().and_then(|state| state.waiting.as_ref());
        let reason = waiting.and_then(|waiting| waiting.reason.as_deref());
        matches!(reason, Some(ERR_IMAGE_PULL | IMAGE_PULL_BACK_OFF | ERR_IMAGE_NEVER_PULL))
    });
    waiting.map(|status| status.image.clone()).collect()
}
