//! One sync of one Job (`syncJob`): which pods it makes, deletes and counts, and its status. Pure.
//!
//! A pod that has ended is counted once: it is noted as uncounted, its finalizer is taken away, and then the count
//! grows; so a sync that breaks off loses none and counts none twice.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{Job, JobCondition, JobSpec, JobStatus, UncountedTerminatedPods};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::mini::controllers::pod::Pod;

/// Keeps a pod until it is counted.
pub(crate) const TRACKING: &str = "batch.kubernetes.io/job-tracking";
/// The pause before a failed pod is replaced, doubled by each further failure.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// How a Job ends: the interim condition, and the one that follows when no pod is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End {
    interim: &'static str,
    last: &'static str,
    reason: &'static str,
    message: &'static str,
}

const COMPLETE: End = End {
    interim: "SuccessCriteriaMet",
    last: "Complete",
    reason: "CompletionsReached",
    message: "Reached expected number of succeeded pods",
};
const TOO_MANY_FAILURES: End = End {
    interim: "FailureTarget",
    last: "Failed",
    reason: "BackoffLimitExceeded",
    message: "Job has reached the specified backoff limit",
};
const TOO_LATE: End = End {
    interim: "FailureTarget",
    last: "Failed",
    reason: "DeadlineExceeded",
    message: "Job was active longer than specified deadline",
};

/// What a sync came to.
#[derive(Debug, Default)]
pub(crate) struct JobDecision<'a> {
    pub create: usize,
    pub delete: Vec<&'a Pod>,
    /// Pods that have ended and are to be counted.
    pub count: Vec<&'a Pod>,
    /// When to look again though nothing has changed.
    pub again: Option<Duration>,
    /// The Job has been over for its time, and is to be deleted.
    pub expired: bool,
    end: Option<End>,
    active: i32,
    ready: i32,
    terminating: i32,
}

fn count<'a>(pods: impl Iterator<Item = &'a &'a Pod>) -> i32 {
    i32::try_from(pods.count()).unwrap_or(i32::MAX)
}

pub(crate) fn tracked(pod: &Pod) -> bool {
    pod.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == TRACKING)
}

fn succeeded(pod: &Pod) -> bool {
    pod.status.phase == "Succeeded"
}

/// A pod that is deleted is a failure: it may never come to say so.
fn failed(pod: &Pod) -> bool {
    pod.status.phase == "Failed" || pod.metadata.deletion_timestamp.is_some() && !succeeded(pod)
}

fn has(status: &JobStatus, kind: &str) -> bool {
    status.conditions.iter().flatten().any(|condition| condition.type_ == kind && condition.status == "True")
}

/// When the Job was over.
fn finished(status: &JobStatus) -> Option<Timestamp> {
    let over = |condition: &&JobCondition| {
        matches!(condition.type_.as_str(), "Complete" | "Failed") && condition.status == "True"
    };
    let condition = status.conditions.iter().flatten().find(over)?;
    condition.last_transition_time.as_ref().map(|time| time.0)
}

/// Decides what a Job does now; `pods` are its own. With a time-lapse the pauses after failures are shorter.
pub(crate) fn decide<'a>(job: &Job, pods: &[&'a Pod], now: Timestamp, timelapse: f64) -> JobDecision<'a> {
    let (spec, status) = (job.spec.clone().unwrap_or_default(), job.status.clone().unwrap_or_default());
    if let Some(since) = finished(&status) {
        return over(&spec, since, now);
    }
    let uncounted = status.uncounted_terminated_pods.clone().unwrap_or_default();
    let noted: BTreeSet<_> = [uncounted.succeeded, uncounted.failed].into_iter().flatten().flatten().collect();
    let pending: Vec<&Pod> = pods.iter().copied().filter(|pod| tracked(pod)).collect();
    let new = |ended: fn(&Pod) -> bool| {
        let unnoted = |pod: &&&Pod| !noted.contains(pod.metadata.uid.as_deref().unwrap_or_default());
        count(pending.iter().filter(|pod| ended(pod)).filter(unnoted))
    };
    let known = |list: Option<i32>, of: fn(&UncountedTerminatedPods) -> usize| {
        let uncounted = status.uncounted_terminated_pods.as_ref().map_or(0, of);
        list.unwrap_or(0) + i32::try_from(uncounted).unwrap_or(0)
    };
    let successes = known(status.succeeded, |pods| pods.succeeded.as_ref().map_or(0, Vec::len)) + new(succeeded);
    let new_failures = new(failed);
    let failures = known(status.failed, |pods| pods.failed.as_ref().map_or(0, Vec::len)) + new_failures;
    let active: Vec<&Pod> = pods.iter().copied().filter(|pod| pod.active()).collect();
    let mut decision = JobDecision {
        count: pending.iter().copied().filter(|pod| pod.ended() || pod.metadata.deletion_timestamp.is_some()).collect(),
        active: count(active.iter()),
        ready: count(active.iter().filter(|pod| pod.ready_since().is_some())),
        terminating: count(pods.iter().filter(|pod| pod.terminating())),
        ..JobDecision::default()
    };
    let limit = spec.backoff_limit.unwrap_or(6);
    let deadline = deadline(&spec, &status, now);
    decision.end = if has(&status, COMPLETE.interim) || enough(&spec, successes, decision.active) {
        Some(COMPLETE)
    } else if let Some(end) = failing(&status) {
        Some(end)
    } else if new_failures > 0 && failures > limit || restarted_too_often(&spec, &active, limit) {
        Some(TOO_MANY_FAILURES)
    } else if deadline == Some(Duration::ZERO) {
        Some(TOO_LATE)
    } else {
        None
    };
    if job.metadata.deletion_timestamp.is_some() {
        return decision;
    }
    let suspended = spec.suspend == Some(true);
    if !suspended {
        decision.again = deadline;
    }
    let wanted = match decision.end {
        Some(_) => 0,
        None if suspended => 0,
        None => wanted(&spec, successes, decision.active),
    };
    let surplus = usize::try_from(decision.active - wanted).unwrap_or(0);
    decision.delete = active.into_iter().take(surplus).collect();
    let lack = usize::try_from(wanted - decision.active).unwrap_or(0);
    if lack > 0 {
        match pause(pods, now, timelapse) {
            Some(left) => decision.again = Some(decision.again.map_or(left, |again| again.min(left))),
            None => decision.create = lack,
        }
    }
    decision
}

/// A Job that is over stays for its time to live.
fn over<'a>(spec: &JobSpec, since: Timestamp, now: Timestamp) -> JobDecision<'a> {
    let Some(seconds) = spec.ttl_seconds_after_finished else { return JobDecision::default() };
    let life = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    let left = life.saturating_sub(Duration::try_from(now.duration_since(since)).unwrap_or_default());
    JobDecision { expired: left.is_zero(), again: Some(left).filter(|left| !left.is_zero()), ..JobDecision::default() }
}

/// What the Job fails of, when that is known already.
fn failing(status: &JobStatus) -> Option<End> {
    let found = status.conditions.iter().flatten().find(|condition| condition.type_ == TOO_LATE.interim)?;
    let late = found.reason.as_deref() == Some(TOO_LATE.reason);
    Some(if late { TOO_LATE } else { TOO_MANY_FAILURES })
}

fn enough(spec: &JobSpec, successes: i32, active: i32) -> bool {
    match spec.completions {
        Some(completions) => successes >= completions,
        // Without a number, one success says that the work is done; the others may end theirs.
        None => successes > 0 && active == 0,
    }
}

fn wanted(spec: &JobSpec, successes: i32, active: i32) -> i32 {
    let parallelism = spec.parallelism.unwrap_or(1);
    match spec.completions {
        Some(completions) => (completions - successes).clamp(0, parallelism.max(0)),
        None if successes > 0 => active,
        None => parallelism,
    }
}

/// Pods that restart their containers fail by their restarts.
fn restarted_too_often(spec: &JobSpec, active: &[&Pod], limit: i32) -> bool {
    let policy = spec.template.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref());
    let restarts: i32 = active.iter().map(|pod| pod.restarts()).sum();
    policy == Some("OnFailure") && restarts > 0 && restarts >= limit
}

/// How long the Job may still be active; zero when it may no more.
fn deadline(spec: &JobSpec, status: &JobStatus, now: Timestamp) -> Option<Duration> {
    let seconds = u64::try_from(spec.active_deadline_seconds?).ok()?;
    let since = status.start_time.as_ref().map_or(now, |time| time.0);
    let active = Duration::try_from(now.duration_since(since)).unwrap_or_default();
    Some(Duration::from_secs(seconds).saturating_sub(active))
}

/// What is left of the pause after the last failures, counted since the last success.
fn pause(pods: &[&Pod], now: Timestamp, timelapse: f64) -> Option<Duration> {
    let success = pods.iter().filter(|pod| succeeded(pod)).filter_map(|pod| pod.ended_at()).max();
    let failures: Vec<_> = pods.iter().filter(|pod| failed(pod)).filter_map(|pod| pod.ended_at()).collect();
    let since: Vec<_> = failures.into_iter().filter(|at| success.is_none_or(|success| *at > success)).collect();
    let last = since.iter().max()?;
    let doublings = u32::try_from(since.len() - 1).unwrap_or(u32::MAX).min(16);
    let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE).div_f64(timelapse);
    let left = pause.saturating_sub(Duration::try_from(now.duration_since(*last)).unwrap_or_default());
    Some(left).filter(|left| !left.is_zero())
}

/// The status with the ended pods noted: `made` and `deleted` pods are counted in already.
pub(crate) fn noted(
    job: &Job,
    decision: &JobDecision<'_>,
    (made, deleted): (usize, usize),
    now: Timestamp,
) -> JobStatus {
    let mut status = job.status.clone().unwrap_or_default();
    let some = |count: i32| Some(count).filter(|count| *count > 0);
    let size = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    if status.start_time.is_none() && job.spec.as_ref().and_then(|spec| spec.suspend) != Some(true) {
        status.start_time = Some(Time(now));
    }
    status.active = some(decision.active + size(made) - size(deleted));
    status.ready = Some(decision.ready);
    status.terminating = Some(decision.terminating);
    let uncounted = status.uncounted_terminated_pods.get_or_insert_default();
    for pod in &decision.count {
        let list = if succeeded(pod) { &mut uncounted.succeeded } else { &mut uncounted.failed };
        let (list, uid) = (list.get_or_insert_default(), pod.metadata.uid.clone().unwrap_or_default());
        if !list.contains(&uid) {
            list.push(uid);
        }
    }
    if let Some(end) = decision.end {
        put(&mut status, end.interim, end, now);
    }
    status
}

/// The status with the noted pods counted, and the Job's end if it has come; with it, what there is to tell.
pub(crate) fn counted(
    noted: &JobStatus,
    decision: &JobDecision<'_>,
    now: Timestamp,
) -> (JobStatus, Option<(bool, &'static str, &'static str)>) {
    let mut status = noted.clone();
    let uncounted = status.uncounted_terminated_pods.replace(UncountedTerminatedPods::default()).unwrap_or_default();
    let more = |count: Option<i32>, list: Option<Vec<String>>| {
        let more = list.map_or(0, |list| i32::try_from(list.len()).unwrap_or(i32::MAX));
        Some(count.unwrap_or(0) + more).filter(|count| *count > 0)
    };
    status.succeeded = more(status.succeeded, uncounted.succeeded);
    status.failed = more(status.failed, uncounted.failed);
    let Some(end) = decision.end.filter(|_| status.active.is_none() && decision.terminating == 0) else {
        return (status, None);
    };
    put(&mut status, end.last, end, now);
    let told = if end == COMPLETE {
        status.completion_time = Some(Time(now));
        (false, "Completed", "Job completed")
    } else {
        (true, end.reason, end.message)
    };
    (status, Some(told))
}

fn put(status: &mut JobStatus, kind: &str, end: End, now: Timestamp) {
    if !has(status, kind) {
        status.conditions.get_or_insert_default().push(JobCondition {
            type_: kind.to_owned(),
            status: "True".to_owned(),
            last_probe_time: Some(Time(now)),
            last_transition_time: Some(Time(now)),
            reason: Some(end.reason.to_owned()),
            message: Some(end.message.to_owned()),
        });
    }
}
