//! Carries out a Deployment's sync.

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::{Resource as _, ResourceExt as _};
use serde_json::json;
use tokio::time::Instant;

use super::queue::WorkloadKey;
use super::run::{Workloads, has_reason, words};
use crate::kubewords::controller;
use crate::mini::controllers::deployment::{DeploymentAction, SyncInput, collided, create_failed, decide};
use crate::mini::label_selector::LabelSelector;

impl Workloads {
    pub(super) async fn sync_deployment(&mut self, key: &WorkloadKey) -> kube::Result<()> {
        let Some(deployment) = self.deployments.named(&key.namespace, &key.name).cloned() else { return Ok(()) };
        let sets = self.claim_sets(&deployment).await?;
        let running = self.running(&sets);
        let (now, version) = (Self::now(), self.version);
        let decision = decide(SyncInput { deployment: &deployment, sets, running: &running, now, version });
        if let Some(again) = decision.again {
            self.queue.add_at(key.clone(), Instant::now() + again);
        }
        for action in decision.actions {
            self.perform(&deployment, action).await?;
        }
        Ok(())
    }

    async fn perform(&mut self, deployment: &Deployment, action: DeploymentAction) -> kube::Result<()> {
        let namespace = deployment.namespace().unwrap_or_default();
        let api: Api<ReplicaSet> = Api::namespaced(self.client.clone(), &namespace);
        match action {
            DeploymentAction::CreateSet(set) => match api.create(&PostParams::default(), &set).await {
                Ok(made) => self.seen_set(made),
                Err(error) => return self.not_created(deployment, &set, error).await,
            },
            DeploymentAction::UpdateSet(set) => {
                let written = api.replace(&set.name_any(), &PostParams::default(), &set).await?;
                self.seen_set(written);
            }
            DeploymentAction::DeleteSet(name) => match api.delete(&name, &DeleteParams::default()).await {
                Err(error) if !has_reason(&error, "NotFound") => return Err(error),
                _ => {}
            },
            DeploymentAction::UpdateStatus(new) => self.write_deployment(&new).await?,
            DeploymentAction::Tell(event) => self.tell_of_deployments.tell(deployment, vec![event]),
        }
        Ok(())
    }

    async fn write_deployment(&mut self, deployment: &Deployment) -> kube::Result<()> {
        let api: Api<Deployment> = Api::namespaced(self.client.clone(), &deployment.namespace().unwrap_or_default());
        let options = PostParams::default();
        let written = api.replace_subresource("status", &deployment.name_any(), &options, deployment).await?;
        self.seen_deployment(written);
        Ok(())
    }

    /// A name that is taken is by a ReplicaSet of ours that was not seen yet, or by another's; any other refusal is told.
    async fn not_created(&mut self, deployment: &Deployment, set: &ReplicaSet, error: kube::Error) -> kube::Result<()> {
        if has_reason(&error, "AlreadyExists") {
            let api: Api<ReplicaSet> =
                Api::namespaced(self.client.clone(), &deployment.namespace().unwrap_or_default());
            let there = api.get(&set.name_any()).await?;
            let ours = controller(&there.metadata).is_some_and(|owner| Some(&owner.uid) == deployment.uid().as_ref());
            if ours {
                self.seen_set(there);
            } else {
                self.write_deployment(&collided(deployment)).await?;
            }
            return Err(error);
        }
        let (failed, event) = create_failed(deployment, &set.name_any(), &words(&error), Self::now());
        self.write_deployment(&failed).await?;
        self.tell_of_deployments.tell(deployment, vec![event]);
        Err(error)
    }

    /// The Deployment's ReplicaSets: those of nobody that its selector asks for are adopted, others are let go.
    async fn claim_sets(&mut self, deployment: &Deployment) -> kube::Result<Vec<ReplicaSet>> {
        let (uid, namespace) = (deployment.uid().unwrap_or_default(), deployment.namespace().unwrap_or_default());
        let selector = LabelSelector::from(Some(&deployment.spec.selector));
        let going = deployment.metadata.deletion_timestamp.is_some();
        let all: Vec<Arc<ReplicaSet>> = self.sets.within(&namespace).cloned().collect();
        let mut claimed = vec![];
        for set in all {
            let wanted = selector.matches(&set.metadata.labels.clone().unwrap_or_default());
            let owner = controller(&set.metadata).map(|owner| owner.uid == uid);
            let owners = || set.metadata.owner_references.iter().flatten().cloned();
            match (owner, wanted) {
                (Some(true), true) => claimed.push(set.as_ref().clone()),
                (Some(true), false) if !going => {
                    self.set_set_owners(&set, owners().filter(|owner| owner.uid != uid).collect()).await?;
                }
                (None, true) if !going && set.metadata.deletion_timestamp.is_none() => {
                    let owner = deployment.controller_owner_ref(&());
                    let owner = owner.map(|owner| OwnerReference { block_owner_deletion: Some(true), ..owner });
                    claimed.push(self.set_set_owners(&set, owners().chain(owner).collect()).await?);
                }
                _ => {}
            }
        }
        Ok(claimed)
    }

    async fn set_set_owners(&mut self, set: &ReplicaSet, owners: Vec<OwnerReference>) -> kube::Result<ReplicaSet> {
        let api: Api<ReplicaSet> = Api::namespaced(self.client.clone(), &set.namespace().unwrap_or_default());
        let owners = Some(owners).filter(|owners| !owners.is_empty());
        let patch = json!({"metadata": {"uid": set.uid(), "ownerReferences": owners}});
        let patched = api.patch(&set.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await?;
        self.seen_set(patched.clone());
        Ok(patched)
    }

    /// UIDs of ReplicaSets whose pods have not all ended.
    fn running(&self, sets: &[ReplicaSet]) -> BTreeSet<String> {
        let uids = sets.iter().filter_map(kube::ResourceExt::uid);
        uids.filter(|uid| self.pods.controlled_by(uid).any(|pod| !pod.ended())).collect()
    }
}
