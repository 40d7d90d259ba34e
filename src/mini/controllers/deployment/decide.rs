//! One sync of one Deployment (`syncDeployment`): what is there in, writes and events out, in order. Pure.
//!
//! A sync is Kubernetes' own step for step, with what it knows when: objects as they were when it began. A second
//! write to one of them would be refused there, so here it ends the sync ([`Stale`]); the first one brings the next.

mod status;

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentStatus, ReplicaSet, ReplicaSetSpec, ReplicaSetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::{Resource as _, ResourceExt as _};

use super::conditions::{self, PROGRESSING, condition};
use super::sets::{self, DESIRED, DeploymentExt as _, HASH_LABEL, MAX, REVISION, SetExt as _, same_template};
use super::template_hash::pod_template_hash;
use crate::mini::Version;
use crate::mini::events::ObjectEvent;

/// What is to be written. Objects are whole and name the version they were read at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum DeploymentAction {
    CreateSet(Box<ReplicaSet>),
    UpdateSet(Box<ReplicaSet>),
    DeleteSet(String),
    /// Status and annotations.
    UpdateStatus(Box<Deployment>),
    Tell(ObjectEvent),
}

/// What a sync came to.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct DeploymentDecision {
    pub actions: Vec<DeploymentAction>,
    /// When to look again though nothing has changed.
    pub again: Option<Duration>,
}

/// What one sync looks at.
pub(crate) struct SyncInput<'a> {
    pub deployment: &'a Deployment,
    /// Those that are the Deployment's.
    pub sets: Vec<ReplicaSet>,
    /// ReplicaSets, by UID, whose pods have not all ended.
    pub running: &'a BTreeSet<String>,
    pub now: Timestamp,
    pub version: Version,
}

/// The object was written in this sync already.
struct Stale;

type Step<T = ()> = Result<T, Stale>;

struct Sync<'a> {
    input: SyncInput<'a>,
    /// The Deployment as this sync has it.
    deployment: Deployment,
    status_written: bool,
    sets_written: BTreeSet<String>,
    decision: DeploymentDecision,
}

/// The newest ReplicaSet and the others.
struct Sets {
    newest: Option<ReplicaSet>,
    old: Vec<ReplicaSet>,
}

impl Sets {
    fn all(&self) -> impl Iterator<Item = &ReplicaSet> {
        self.old.iter().chain(&self.newest)
    }
}

fn active(sets: impl IntoIterator<Item = ReplicaSet>) -> Vec<ReplicaSet> {
    sets.into_iter().filter(|set| set.size() > 0).collect()
}

/// Decides what a Deployment needs now.
pub(crate) fn decide(input: SyncInput<'_>) -> DeploymentDecision {
    let deployment = input.deployment.clone();
    let mut sync = Sync {
        input,
        deployment,
        status_written: false,
        sets_written: BTreeSet::new(),
        decision: DeploymentDecision::default(),
    };
    // Whoever is stale is brought again by its own write.
    let _ = sync.run();
    sync.decision
}

impl Sync<'_> {
    fn run(&mut self) -> Step {
        if self.deployment.metadata.deletion_timestamp.is_some() {
            let sets = self.gather(false)?;
            return self.sync_status(&sets);
        }
        self.pause()?;
        if self.deployment.parts().0.paused == Some(true) || self.is_scaling()? {
            return self.scale();
        }
        match self.deployment.rolling() {
            Some(_) => self.roll(),
            None => self.recreate(),
        }
    }

    fn tell(&mut self, event: ObjectEvent) {
        self.decision.actions.push(DeploymentAction::Tell(event));
    }

    fn write_status(&mut self) -> Step {
        if std::mem::replace(&mut self.status_written, true) {
            return Err(Stale);
        }
        self.decision.actions.push(DeploymentAction::UpdateStatus(Box::new(self.deployment.clone())));
        Ok(())
    }

    fn write_set(&mut self, set: ReplicaSet) -> Step {
        if !self.sets_written.insert(set.name_any()) {
            return Err(Stale);
        }
        self.decision.actions.push(DeploymentAction::UpdateSet(Box::new(set)));
        Ok(())
    }

    fn status(&mut self) -> &mut DeploymentStatus {
        self.deployment.status.get_or_insert_default()
    }

    fn progressing(
        &self,
        status: &str,
        reason: &str,
        message: String,
    ) -> k8s_openapi::api::apps::v1::DeploymentCondition {
        condition(PROGRESSING, status, reason, message, self.input.now)
    }

    /// `checkPausedConditions`: a pause is no lack of progress.
    fn pause(&mut self) -> Step {
        if self.deployment.progress_deadline().is_none() {
            return Ok(());
        }
        let paused = self.deployment.parts().0.paused == Some(true);
        let status = self.status();
        let reason = conditions::reason(status, PROGRESSING);
        if reason == Some("ProgressDeadlineExceeded") {
            return Ok(());
        }
        let (reason, message) = match (paused, reason == Some("DeploymentPaused")) {
            (true, false) => ("DeploymentPaused", "Deployment is paused"),
            (false, true) => ("DeploymentResumed", "Deployment is resumed"),
            _ => return Ok(()),
        };
        let condition = self.progressing("Unknown", reason, message.to_owned());
        conditions::set(self.status(), condition);
        self.write_status()
    }

    /// `getAllReplicaSetsAndSyncRevision`.
    fn gather(&mut self, create: bool) -> Step<Sets> {
        let mut sets = self.input.sets.clone();
        sets.sort_by_key(|set| (set.creation_timestamp().map(|time| time.0), set.name_any()));
        let at = sets.iter().position(|set| same_template(set, &self.deployment));
        let found = at.map(|at| sets.remove(at));
        let newest = self.newest(found, &sets, create)?;
        Ok(Sets { newest, old: sets })
    }

    /// `getNewReplicaSet`: the ReplicaSet of the newest template with its annotations, made if it is to be.
    fn newest(&mut self, found: Option<ReplicaSet>, old: &[ReplicaSet], create: bool) -> Step<Option<ReplicaSet>> {
        let revision = old.iter().map(ReplicaSet::revision).max().unwrap_or(0) + 1;
        let deadline = self.deployment.progress_deadline().is_some();
        let Some(mut set) = found else {
            return if create { self.create(old, revision).map(Some) } else { Ok(None) };
        };
        let ready = self.deployment.parts().0.min_ready_seconds;
        let readiness = set.spec.min_ready_seconds != ready;
        if sets::annotate_newest(&self.deployment, &mut set, revision, true) || readiness {
            set.spec.min_ready_seconds = ready;
            self.write_set(set.clone())?;
            return Ok(Some(set));
        }
        let revision = set.annotations().get(REVISION).cloned().unwrap_or_default();
        let mut news = self.set_revision(revision);
        if deadline && conditions::get(self.status(), PROGRESSING).is_none() {
            let message = format!("Found new replica set {:?}", set.name_any());
            let condition = self.progressing("True", "FoundNewReplicaSet", message);
            conditions::set(self.status(), condition);
            news = true;
        }
        if news {
            self.write_status()?;
        }
        Ok(Some(set))
    }

    fn set_revision(&mut self, revision: String) -> bool {
        let annotations = self.deployment.annotations_mut();
        annotations.insert(REVISION.to_owned(), revision.clone()).is_none_or(|before| before != revision)
    }

    fn create(&mut self, old: &[ReplicaSet], revision: i64) -> Step<ReplicaSet> {
        let mut set = self.draft();
        let size = self.newest_size(&set, old.iter());
        set.spec.replicas = Some(size);
        sets::annotate_newest(&self.deployment, &mut set, revision, false);
        self.decision.actions.push(DeploymentAction::CreateSet(Box::new(set.clone())));
        if size > 0 {
            let message = format!("Scaled up replica set {} from 0 to {size}", set.name_any());
            self.tell(ObjectEvent::normal("ScalingReplicaSet", message));
        }
        self.set_revision(revision.to_string());
        if self.deployment.progress_deadline().is_some() {
            let message = format!("Created new replica set {:?}", set.name_any());
            let condition = self.progressing("True", "NewReplicaSetCreated", message);
            conditions::set(self.status(), condition);
        }
        self.write_status()?;
        set.status = Some(ReplicaSetStatus::default());
        Ok(set)
    }

    /// A ReplicaSet of the newest template, of no size yet.
    fn draft(&self) -> ReplicaSet {
        let (spec, status) = self.deployment.parts();
        let mut template = spec.template.clone();
        let json = serde_json::to_value(&template).unwrap_or_default();
        let hash = pod_template_hash(&json, status.collision_count, self.input.version);
        let labels = template.metadata.get_or_insert_default().labels.get_or_insert_default();
        labels.insert(HASH_LABEL.to_owned(), hash.clone());
        let labels = labels.clone();
        let mut selector = spec.selector.clone();
        selector.match_labels.get_or_insert_default().insert(HASH_LABEL.to_owned(), hash.clone());
        ReplicaSet {
            metadata: ObjectMeta {
                name: Some(format!("{}-{hash}", self.deployment.name_any())),
                namespace: self.deployment.namespace(),
                labels: Some(labels),
                owner_references: self.deployment.controller_owner_ref(&()).map(blocking),
                ..ObjectMeta::default()
            },
            spec: ReplicaSetSpec {
                replicas: Some(0),
                min_ready_seconds: spec.min_ready_seconds,
                selector,
                template: Some(template),
            },
            status: None,
        }
    }

    /// `NewRSNewReplicas`: as many as fit below the surge.
    fn newest_size<'b>(&self, newest: &ReplicaSet, old: impl Iterator<Item = &'b ReplicaSet>) -> i32 {
        let replicas = self.deployment.replicas();
        if self.deployment.rolling().is_none() {
            return replicas;
        }
        let room = replicas + self.deployment.max_surge() - old.map(ReplicaSet::size).sum::<i32>() - newest.size();
        if room <= 0 { newest.size() } else { newest.size() + room.min(replicas - newest.size()) }
    }

    /// Writes a ReplicaSet's new size and for which Deployment it has it; false if the size stays.
    fn resize(&mut self, set: &ReplicaSet, size: i32) -> Step<bool> {
        let (mut new, before) = (set.clone(), set.size());
        let sizes = (self.deployment.replicas(), self.deployment.replicas() + self.deployment.max_surge());
        let noted = sets::annotate_sizes(new.annotations_mut(), sizes);
        if before == size && !noted {
            return Ok(false);
        }
        new.spec.replicas = Some(size);
        self.write_set(new)?;
        if before != size {
            let way = if before < size { "up" } else { "down" };
            let message = format!("Scaled {way} replica set {} from {before} to {size}", set.name_any());
            self.tell(ObjectEvent::normal("ScalingReplicaSet", message));
        }
        Ok(before != size)
    }

    /// `scaleReplicaSetAndRecordEvent`: a size that is right needs no note.
    fn resize_if_wrong(&mut self, set: &ReplicaSet, size: i32) -> Step<bool> {
        if set.size() == size { Ok(false) } else { self.resize(set, size) }
    }

    /// `isScalingEvent`: some ReplicaSet has its size of another number of replicas.
    fn is_scaling(&mut self) -> Step<bool> {
        let (sets, replicas) = (self.gather(false)?, self.deployment.replicas());
        let other = |set: &ReplicaSet| set.number(DESIRED).is_some_and(|desired| desired != replicas);
        Ok(sets.all().any(|set| set.size() > 0 && other(set)))
    }

    /// `sync`: sizes only, no rollout.
    fn scale(&mut self) -> Step {
        let sets = self.gather(false)?;
        self.rescale(&sets)?;
        if self.deployment.parts().0.paused == Some(true) {
            self.clean_up(&sets);
        }
        self.sync_status(&sets)
    }

    fn rescale(&mut self, sets: &Sets) -> Step {
        let replicas = self.deployment.replicas();
        let active_sets = active(sets.all().cloned());
        let only = match active_sets.as_slice() {
            [] => sets.newest.as_ref().or_else(|| sets.old.iter().max_by_key(|set| created(set))),
            [one] => Some(one),
            _ => None,
        };
        if let Some(set) = only {
            return self.resize_if_wrong(set, replicas).map(drop);
        }
        if active_sets.is_empty() {
            return Ok(());
        }
        let saturated = sets.newest.as_ref().is_some_and(|set| {
            set.size() == replicas && set.number(DESIRED) == Some(replicas) && set.available() == replicas
        });
        if saturated {
            return active(sets.old.iter().cloned()).iter().try_for_each(|set| self.resize_if_wrong(set, 0).map(drop));
        }
        if self.deployment.rolling().is_some() { self.rescale_in_proportion(active_sets) } else { Ok(()) }
    }

    /// Several ReplicaSets share what there is to add or take, the largest first.
    fn rescale_in_proportion(&mut self, mut sets: Vec<ReplicaSet>) -> Step {
        let replicas = self.deployment.replicas();
        let allowed = if replicas > 0 { replicas + self.deployment.max_surge() } else { 0 };
        let to_add = allowed - sets.iter().map(ReplicaSet::size).sum::<i32>();
        // Of equal ones the newer grows first, and the older shrinks first.
        sets.sort_by(|a, b| {
            let age = created(a).cmp(&created(b));
            b.size().cmp(&a.size()).then(if to_add > 0 { age.reverse() } else { age })
        });
        let mut added = 0;
        let mut sizes = vec![];
        for set in &sets {
            let share = self.share(set, to_add, added);
            added += share;
            sizes.push(set.size() + share);
        }
        if let Some(first) = sizes.first_mut().filter(|_| to_add != 0) {
            *first = (*first + to_add - added).max(0);
        }
        sets.iter().zip(sizes).try_for_each(|(set, size)| self.resize(set, size).map(drop))
    }

    /// `GetReplicaSetProportion`.
    fn share(&self, set: &ReplicaSet, to_add: i32, added: i32) -> i32 {
        let left = to_add - added;
        if set.size() == 0 || to_add == 0 || left == 0 {
            return 0;
        }
        let replicas = self.deployment.replicas();
        let fraction = if replicas == 0 {
            -set.size()
        } else {
            let of = set.number(MAX).unwrap_or(self.deployment.parts().1.replicas.unwrap_or(0));
            let size = f64::from(set.size()) * f64::from(replicas + self.deployment.max_surge()) / f64::from(of);
            size.round() as i32 - set.size()
        };
        if to_add > 0 { fraction.min(left) } else { fraction.max(left) }
    }

    /// `rolloutRolling`.
    fn roll(&mut self) -> Step {
        let sets = self.gather(true)?;
        if self.grow(&sets)? || self.shrink(&sets)? {
            return self.sync_rollout(&sets);
        }
        self.clean_up_when_complete(&sets);
        self.sync_rollout(&sets)
    }

    /// `reconcileNewReplicaSet`.
    fn grow(&mut self, sets: &Sets) -> Step<bool> {
        let Some(newest) = &sets.newest else { return Ok(false) };
        let replicas = self.deployment.replicas();
        let size = if newest.size() > replicas { replicas } else { self.newest_size(newest, sets.old.iter()) };
        self.resize_if_wrong(newest, size)
    }

    /// `reconcileOldReplicaSets`: first what is broken, then what is not needed any more.
    fn shrink(&mut self, sets: &Sets) -> Step<bool> {
        let Some(newest) = &sets.newest else { return Ok(false) };
        let mut old = active(sets.old.iter().cloned());
        if old.is_empty() {
            return Ok(false);
        }
        let least = self.deployment.replicas() - self.deployment.max_unavailable();
        let most = sets.all().map(ReplicaSet::size).sum::<i32>() - least - (newest.size() - newest.available());
        if most <= 0 {
            return Ok(false);
        }
        old.sort_by_key(created);
        let mut cleaned = 0;
        for set in &mut old {
            let broken = set.size() - set.available();
            let take = broken.min(most - cleaned);
            if take > 0 {
                let size = set.size() - take;
                self.resize_if_wrong(set, size)?;
                set.spec.replicas = Some(size);
                cleaned += take;
            }
        }
        let available = old.iter().map(ReplicaSet::available).sum::<i32>() + newest.available();
        let mut left = (available - least).max(0);
        let mut taken = 0;
        for set in &old {
            let take = set.size().min(left);
            if take > 0 {
                self.resize_if_wrong(set, set.size() - take)?;
                (left, taken) = (left - take, taken + take);
            }
        }
        Ok(cleaned + taken > 0)
    }

    /// `rolloutRecreate`: nothing new before the old is gone.
    fn recreate(&mut self) -> Step {
        let mut sets = self.gather(false)?;
        let mut scaled = false;
        for set in active(sets.old.iter().cloned()) {
            scaled |= self.resize_if_wrong(&set, 0)?;
        }
        if scaled || self.old_pods_run(&sets) {
            return self.sync_rollout(&sets);
        }
        if sets.newest.is_none() {
            sets = self.gather(true)?;
        }
        if let Some(newest) = sets.newest.clone() {
            self.resize_if_wrong(&newest, self.deployment.replicas())?;
        }
        self.clean_up_when_complete(&sets);
        self.sync_rollout(&sets)
    }

    fn old_pods_run(&self, sets: &Sets) -> bool {
        let runs = |set: &ReplicaSet| set.uid().is_some_and(|uid| self.input.running.contains(&uid));
        sets.old.iter().any(|set| set.actual() > 0 || runs(set))
    }

    fn clean_up_when_complete(&mut self, sets: &Sets) {
        let (_, status) = self.deployment.parts();
        if self.deployment.complete(&status, self.deployment.metadata.generation) {
            self.clean_up(sets);
        }
    }

    /// `cleanupDeployment`: old ReplicaSets beyond the history's limit go, the oldest revisions first.
    fn clean_up(&mut self, sets: &Sets) {
        let limit = self.deployment.parts().0.revision_history_limit.filter(|limit| *limit != i32::MAX);
        let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()) else { return };
        let mut old: Vec<_> = sets.old.iter().filter(|set| set.metadata.deletion_timestamp.is_none()).collect();
        old.sort_by_key(|set| set.revision());
        let spare = old.len().saturating_sub(limit);
        for set in old.into_iter().take(spare) {
            let seen = set.status.as_ref().and_then(|status| status.observed_generation);
            if set.actual() == 0 && set.size() == 0 && set.metadata.generation <= seen {
                self.decision.actions.push(DeploymentAction::DeleteSet(set.name_any()));
            }
        }
    }
}

/// When a ReplicaSet was made; of the same second the name decides.
fn created(set: &ReplicaSet) -> (Option<Timestamp>, String) {
    (set.creation_timestamp().map(|time| time.0), set.name_any())
}

/// A controller's reference that holds back its object's foreground deletion.
fn blocking(owner: OwnerReference) -> Vec<OwnerReference> {
    vec![OwnerReference { block_owner_deletion: Some(true), ..owner }]
}

/// The name of the Deployment's next ReplicaSet is another's: it is made under another name.
pub(crate) fn collided(deployment: &Deployment) -> Deployment {
    let mut deployment = deployment.clone();
    let status = deployment.status.get_or_insert_default();
    status.collision_count = Some(status.collision_count.unwrap_or(0) + 1);
    deployment
}

/// The Deployment's next ReplicaSet cannot be made: the Deployment that says so, and the event.
pub(crate) fn create_failed(
    deployment: &Deployment,
    set: &str,
    why: &str,
    now: Timestamp,
) -> (Deployment, ObjectEvent) {
    let mut deployment = deployment.clone();
    let message = format!("Failed to create new replica set {set:?}: {why}");
    if deployment.progress_deadline().is_some() {
        let new = condition(PROGRESSING, "False", "ReplicaSetCreateError", message.clone(), now);
        conditions::set(deployment.status.get_or_insert_default(), new);
    }
    (deployment, ObjectEvent::warning("ReplicaSetCreateError", message))
}
