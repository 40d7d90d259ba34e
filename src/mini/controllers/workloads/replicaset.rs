//! Carries out a ReplicaSet's sync.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Resource as _, ResourceExt as _};
use serde_json::json;
use tokio::time::Instant;

use super::queue::WorkloadKey;
use super::run::{Workloads, has_reason, words};
use crate::mini::controllers::pod::Pod;
use crate::mini::controllers::replicaset::{ReplicaFailure, decide, status};
use crate::mini::events::ObjectEvent;

/// What stopped a sync: the reason that the status is to tell, and the error that brings the next sync.
type Stopped = (&'static str, kube::Error);

impl Workloads {
    pub(super) async fn sync_set(&mut self, key: &WorkloadKey) -> kube::Result<()> {
        let Some(set) = self.sets.named(&key.namespace, &key.name).cloned() else { return Ok(()) };
        let uid = set.uid().unwrap_or_default();
        let pods: Vec<Arc<Pod>> =
            self.pods.controlled_by(&uid).chain(self.pods.orphans(&key.namespace)).cloned().collect();
        let pods: Vec<&Pod> = pods.iter().map(AsRef::as_ref).collect();
        let now = Self::now();
        let decision = decide(&set, &pods, now);
        for pod in &decision.adopt {
            let owners = pod.metadata.owner_references.iter().flatten().cloned().chain(owner(&set));
            self.set_owners(pod, owners.collect()).await?;
        }
        for pod in &decision.release {
            let owners = pod.metadata.owner_references.iter().flatten().filter(|owner| owner.uid != uid);
            self.set_owners(pod, owners.cloned().collect()).await?;
        }
        let managed = self.manage(&set, decision.create, &decision.delete).await;
        let stopped = managed.as_ref().err();
        let failure = stopped.map(|(reason, error)| ReplicaFailure { reason, message: words(error) });
        let status = status(&set, &decision, failure, now, self.version);
        if let Some(again) = decision.again {
            self.queue.add_at(key.clone(), Instant::now() + again);
        }
        if set.status.as_ref() != Some(&status) {
            let api: Api<ReplicaSet> = Api::namespaced(self.client.clone(), &key.namespace);
            let new = ReplicaSet { status: Some(status), ..set.as_ref().clone() };
            let written = api.replace_subresource("status", &key.name, &PostParams::default(), &new).await?;
            self.seen_set(written);
        }
        managed.map_err(|(_, error)| error)
    }

    /// Makes and deletes pods until one cannot be.
    async fn manage(&mut self, set: &ReplicaSet, create: usize, delete: &[&Pod]) -> Result<(), Stopped> {
        for _ in 0..create {
            match self.create_pod(set).await {
                Ok(()) => {}
                // Nothing is made in a namespace that is going, and nobody needs to be told.
                Err(error) if is_terminating(&error) => return Ok(()),
                Err(error) => {
                    let message = format!("Error creating: {}", words(&error));
                    self.tell_of_sets.tell(set, vec![ObjectEvent::warning("FailedCreate", message)]);
                    return Err(("FailedCreate", error));
                }
            }
        }
        for pod in delete {
            match self.delete_pod(pod).await {
                Ok(()) => {
                    let message = format!("Deleted pod: {}", pod.name_any());
                    self.tell_of_sets.tell(set, vec![ObjectEvent::normal("SuccessfulDelete", message)]);
                }
                Err(error) if has_reason(&error, "NotFound") => {}
                Err(error) => {
                    let message = format!("Error deleting: {}", words(&error));
                    self.tell_of_sets.tell(set, vec![ObjectEvent::warning("FailedDelete", message)]);
                    return Err(("FailedDelete", error));
                }
            }
        }
        Ok(())
    }

    async fn create_pod(&mut self, set: &ReplicaSet) -> kube::Result<()> {
        let template = set.spec.template.clone().unwrap_or_default();
        let of = template.metadata.unwrap_or_default();
        let pod = core::Pod {
            metadata: ObjectMeta {
                generate_name: Some(format!("{}-", set.name_any())),
                labels: of.labels,
                annotations: of.annotations,
                finalizers: of.finalizers,
                owner_references: Some(owner(set).into_iter().collect()),
                ..ObjectMeta::default()
            },
            spec: template.spec,
            status: None,
        };
        let api: Api<core::Pod> = Api::namespaced(self.client.clone(), &set.namespace().unwrap_or_default());
        let made = api.create(&PostParams::default(), &pod).await?;
        let message = format!("Created pod: {}", made.name_any());
        self.tell_of_sets.tell(set, vec![ObjectEvent::normal("SuccessfulCreate", message)]);
        self.seen_pod(Pod::from(made));
        Ok(())
    }

    pub(super) async fn delete_pod(&mut self, pod: &Pod) -> kube::Result<()> {
        let api: Api<core::Pod> = Api::namespaced(self.client.clone(), &pod.namespace().unwrap_or_default());
        let preconditions = Some(Preconditions { uid: pod.uid(), ..Preconditions::default() });
        let options = DeleteParams { preconditions, ..DeleteParams::default() };
        match api.delete(&pod.name_any(), &options).await?.left() {
            Some(marked) if lingers(&marked.metadata) => self.seen_pod(Pod::from(marked)),
            _ => {
                self.pods.mark_gone(&pod.uid().unwrap_or_default());
            }
        }
        Ok(())
    }

    pub(super) async fn set_owners(&mut self, pod: &Pod, owners: Vec<OwnerReference>) -> kube::Result<()> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &pod.namespace().unwrap_or_default());
        let owners = Some(owners).filter(|owners| !owners.is_empty());
        let patch = json!({"metadata": {"uid": pod.uid(), "ownerReferences": owners}});
        let patched = api.patch(&pod.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await?;
        self.seen_pod(patched);
        Ok(())
    }
}

fn owner(set: &ReplicaSet) -> Option<OwnerReference> {
    set.controller_owner_ref(&()).map(blocking)
}

/// A controller's reference that holds back its object's foreground deletion.
pub(super) fn blocking(owner: OwnerReference) -> OwnerReference {
    OwnerReference { block_owner_deletion: Some(true), ..owner }
}

/// A deleted object that is still there.
fn lingers(metadata: &ObjectMeta) -> bool {
    let held = metadata.finalizers.as_ref().is_some_and(|finalizers| !finalizers.is_empty());
    held || metadata.deletion_grace_period_seconds.unwrap_or(0) > 0
}

pub(super) fn is_terminating(error: &kube::Error) -> bool {
    let causes = match error {
        kube::Error::Api(status) => status.details.as_ref().map(|details| details.causes.as_slice()),
        _ => None,
    };
    causes.into_iter().flatten().any(|cause| cause.reason == "NamespaceTerminating")
}
