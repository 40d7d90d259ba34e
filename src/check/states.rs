//! States of pods that the prose promises, waited for; and pods whose image the stage does not have.

use std::time::Instant;

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use super::Evidence;
use super::commands::lacks;
use super::hindrance::wanted;
use super::outputs::only_looks;
use super::player::{COMMAND_WITHIN, ItemResult, LecturePlayer, Played};
use crate::event::Verdict;
use crate::kubewords::status::{
    CONTAINER_CREATING, ERR_IMAGE_NEVER_PULL, ERR_IMAGE_PULL, IMAGE_PULL_BACK_OFF, PENDING, POD_INITIALIZING, RUNNING,
};
use crate::observe::Trace;
use crate::place::ShellError;
use crate::script::ObjectRef;
use crate::script::lecture::{Claim, LectureCommand, claims};
use crate::wait::{Probe, Wake, until};

impl LecturePlayer<'_> {
    /// What the prose claims of the pods that a command made or showed.
    pub(super) async fn claims(&mut self, at: usize, played: &Played, said: &mut ItemResult) {
        let item = &self.lecture.items[at];
        let until = self.lecture.items.get(at + 1).map_or(usize::MAX, |next| next.lines.first);
        let claims = claims(&self.lecture.text, item.lines, until);
        let command = self.lecture.items[at].command();
        let looks = command.is_some_and(|command| only_looks(command) || wanted(command).is_some_and(|pod| pod.waits));
        if claims.is_empty() && !command.and_then(wanted).is_some_and(|pod| pod.waits) {
            return;
        }
        let pods = self.concerned(played, looks).await;
        if claims.is_empty() {
            self.prove(&pods, said).await;
        }
        for claim in &claims {
            for pod in &pods {
                self.claim(claim, pod, played.began, said).await;
                if said.verdict != Verdict::Reproduced {
                    return;
                }
            }
        }
    }

    async fn claim(&mut self, claim: &Claim, pod: &ObjectRef, began: Instant, said: &mut ItemResult) {
        let trace = self.reached(pod, claim.state, began).await;
        match trace {
            Ok(trace) => {
                said.evidence.push(Evidence { of: pod.to_string(), path: None, says: trace });
                if claim.state == RUNNING {
                    self.prove(std::slice::from_ref(pod), said).await;
                }
            }
            Err((trace, lacking)) => {
                let line = claim.line;
                let evidence = std::mem::take(&mut said.evidence);
                *said = match lacking.filter(|_| claim.state == RUNNING) {
                    Some(image) => lacks(&image),
                    None => {
                        let reason = format!("line {line} says {}; {trace}", claim.state);
                        ItemResult::new(Verdict::Contradicted, Some(reason))
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
        command: &LectureCommand,
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
}

/// The images of a pod that the kubelet could not pull.
fn not_pulled(pod: &Pod) -> Vec<String> {
    let Some(status) = &pod.status else { return Vec::new() };
    let statuses = [&status.init_container_statuses, &status.container_statuses, &status.ephemeral_container_statuses];
    let waiting = statuses.into_iter().flatten().flatten().filter(|status| {
        let waiting = status.state.as_ref().and_then(|state| state.waiting.as_ref());
        let reason = waiting.and_then(|waiting| waiting.reason.as_deref());
        matches!(reason, Some(ERR_IMAGE_PULL | IMAGE_PULL_BACK_OFF | ERR_IMAGE_NEVER_PULL))
    });
    waiting.map(|status| status.image.clone()).collect()
}
