//! What a sync writes of the rollout: the counts, and whether it is available, gets on, or stands still (`progress.go`).

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{DeploymentCondition, DeploymentStatus, ReplicaSet};
use kube::ResourceExt as _;

use super::super::conditions::{self, AVAILABLE, FAILURE, PROGRESSING, condition};
use super::super::sets::{DeploymentExt as _, SetExt as _};
use super::{Sets, Step, Sync};

impl Sync<'_> {
    /// `syncDeploymentStatus`.
    pub(super) fn sync_status(&mut self, sets: &Sets) -> Step {
        let status = self.calculate(sets);
        self.put_status(status)
    }

    fn put_status(&mut self, status: DeploymentStatus) -> Step {
        if self.deployment.status.as_ref() == Some(&status) {
            return Ok(());
        }
        self.deployment.status = Some(status);
        self.write_status()
    }

    /// `syncRolloutStatus`: the status, with how the rollout gets on.
    pub(super) fn sync_rollout(&mut self, sets: &Sets) -> Step {
        let (_, before) = self.deployment.parts();
        let mut status = self.calculate(sets);
        let deadline = self.deployment.progress_deadline();
        if deadline.is_none() {
            conditions::remove(&mut status, PROGRESSING);
        }
        let current = conditions::get(&before, PROGRESSING).cloned();
        let was = current.as_ref().and_then(|condition| condition.reason.as_deref());
        let done = status.replicas == status.updated_replicas && was == Some("NewReplicaSetAvailable");
        if deadline.is_some() && !done {
            let what = sets.newest.as_ref().map_or_else(
                || format!("Deployment {:?}", self.deployment.name_any()),
                |set| format!("ReplicaSet {:?}", set.name_any()),
            );
            if self.deployment.complete(&status, self.deployment.metadata.generation) {
                let message = format!("{what} has successfully progressed.");
                conditions::set(&mut status, self.progressing("True", "NewReplicaSetAvailable", message));
            } else if progressed(&before, &status) {
                let mut new = self.progressing("True", "ReplicaSetUpdated", format!("{what} is progressing."));
                if let Some(current) = current.filter(|current| current.status.as_deref() == Some("True")) {
                    new.last_transition_time = current.last_transition_time;
                }
                // Progress is told though the reason is the same.
                conditions::remove(&mut status, PROGRESSING);
                conditions::set(&mut status, new);
            } else if self.timed_out(&status) {
                let message = format!("{what} has timed out progressing.");
                conditions::set(&mut status, self.progressing("False", "ProgressDeadlineExceeded", message));
            }
        }
        match failure(sets) {
            Some(failure) => conditions::set(&mut status, failure),
            None => conditions::remove(&mut status, FAILURE),
        }
        if self.deployment.status.as_ref() == Some(&status) {
            self.decision.again = self.next_look(&status);
        }
        self.put_status(status)
    }

    /// `calculateStatus`.
    fn calculate(&self, sets: &Sets) -> DeploymentStatus {
        let (_, before) = self.deployment.parts();
        let sum = |of: fn(&ReplicaSet) -> i32| sets.all().map(of).sum::<i32>();
        let some = |count: i32| Some(count).filter(|count| *count != 0);
        let available = sum(|set| set.available());
        let terminating = sum(|set| set.count(|status| status.terminating_replicas));
        let mut status = DeploymentStatus {
            observed_generation: self.deployment.metadata.generation,
            replicas: some(sum(|set| set.actual())),
            updated_replicas: some(sets.newest.as_ref().map_or(0, ReplicaSet::actual)),
            ready_replicas: some(sum(|set| set.count(|status| status.ready_replicas))),
            available_replicas: some(available),
            unavailable_replicas: some((sum(|set| set.size()) - available).max(0)),
            collision_count: before.collision_count,
            terminating_replicas: (self.input.version.minor >= 35).then_some(terminating),
            conditions: before.conditions.clone(),
        };
        let enough = available >= self.deployment.replicas() - self.deployment.max_unavailable();
        let (word, reason, message) = if enough {
            ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        } else {
            ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
        };
        conditions::set(&mut status, condition(AVAILABLE, word, reason, message.to_owned(), self.input.now));
        status
    }

    fn deadline(&self, status: &DeploymentStatus) -> Option<Timestamp> {
        let seconds = self.deployment.progress_deadline()?;
        let since = conditions::get(status, PROGRESSING)?.last_update_time.as_ref()?.0;
        since.checked_add(jiff::SignedDuration::from_secs(seconds.into())).ok()
    }

    fn timed_out(&self, status: &DeploymentStatus) -> bool {
        match conditions::reason(status, PROGRESSING) {
            None | Some("NewReplicaSetAvailable") => false,
            Some("ProgressDeadlineExceeded") => true,
            Some(_) => self.deadline(status).is_some_and(|deadline| deadline < self.input.now),
        }
    }

    /// `requeueStuckDeployment`: when the deadline will have passed.
    fn next_look(&self, status: &DeploymentStatus) -> Option<Duration> {
        let over = conditions::reason(status, PROGRESSING) == Some("ProgressDeadlineExceeded");
        if over || self.deployment.complete(status, self.deployment.metadata.generation) {
            return None;
        }
        let left = self.deadline(status)?.duration_since(self.input.now);
        // Times are whole seconds: only a second later it is surely past.
        Some(Duration::try_from(left).unwrap_or_default() + Duration::from_secs(1))
    }
}

/// `DeploymentProgressing`.
fn progressed(before: &DeploymentStatus, after: &DeploymentStatus) -> bool {
    let count = |value: Option<i32>| value.unwrap_or(0);
    let old = |status: &DeploymentStatus| count(status.replicas) - count(status.updated_replicas);
    count(after.updated_replicas) > count(before.updated_replicas)
        || old(after) < old(before)
        || count(after.ready_replicas) > count(before.ready_replicas)
        || count(after.available_replicas) > count(before.available_replicas)
}

/// What keeps a ReplicaSet from making pods, the newest's first.
fn failure(sets: &Sets) -> Option<DeploymentCondition> {
    let mut all = sets.newest.iter().chain(&sets.old);
    all.find_map(|set| {
        let conditions = set.status.as_ref()?.conditions.as_ref()?;
        let found = conditions.iter().find(|condition| condition.type_.as_deref() == Some(FAILURE))?.clone();
        Some(DeploymentCondition {
            type_: found.type_,
            status: found.status,
            last_update_time: found.last_transition_time.clone(),
            last_transition_time: found.last_transition_time,
            reason: found.reason,
            message: found.message,
        })
    })
}
