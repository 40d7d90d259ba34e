//! One sync of one ReplicaSet (`syncReplicaSet`): which pods it takes, lets go, makes and deletes, and its status. Pure.

use std::cmp::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetCondition, ReplicaSetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::mini::Version;
use crate::mini::controllers::pod::Pod;
use crate::mini::label_selector::LabelSelector;

const FAILURE: &str = "ReplicaFailure";

/// What a sync came to.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct ReplicaSetDecision<'a> {
    /// Pods of nobody that the selector asks for.
    pub adopt: Vec<&'a Pod>,
    /// Own pods that the selector does not ask for any more.
    pub release: Vec<&'a Pod>,
    /// How many pods are to be made.
    pub create: usize,
    pub delete: Vec<&'a Pod>,
    /// Pods that count: the status is of them.
    counted: Vec<&'a Pod>,
    terminating: i32,
    /// When to look again though nothing has changed.
    pub again: Option<Duration>,
}

/// What kept a ReplicaSet from making or deleting pods: `FailedCreate` or `FailedDelete`, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReplicaFailure {
    pub reason: &'static str,
    pub message: String,
}

/// Decides what a ReplicaSet does now. `pods` are its own and those of nobody in its namespace.
pub(crate) fn decide<'a>(set: &ReplicaSet, pods: &[&'a Pod], now: Timestamp) -> ReplicaSetDecision<'a> {
    let selector = LabelSelector::from(Some(&set.spec.selector));
    let going = set.metadata.deletion_timestamp.is_some();
    let mut decision = ReplicaSetDecision::default();
    for pod in pods {
        let owned = crate::kubewords::controller(&pod.metadata).is_some();
        let wanted = selector.matches(&pod.metadata.labels.clone().unwrap_or_default());
        match (owned, wanted) {
            (true, true) if pod.active() => decision.counted.push(pod),
            (true, true) => decision.terminating += i32::from(pod.terminating()),
            (true, false) if pod.active() && !going => decision.release.push(pod),
            (false, true) if pod.active() && !going => {
                decision.adopt.push(pod);
                decision.counted.push(pod);
            }
            _ => {}
        }
    }
    if going {
        return decision;
    }
    let wanted = usize::try_from(set.spec.replicas.unwrap_or(1)).unwrap_or(0);
    decision.create = wanted.saturating_sub(decision.counted.len());
    let surplus = decision.counted.len().saturating_sub(wanted);
    if surplus > 0 {
        let mut sorted = decision.counted.clone();
        sorted.sort_by(|a, b| first_to_go(a, b, now));
        sorted.truncate(surplus);
        decision.delete = sorted;
    }
    let seconds = set.spec.min_ready_seconds.unwrap_or(0);
    let ready = |pod: &&&Pod| pod.ready_since().is_some() && !pod.available(seconds, now);
    if decision.counted.iter().any(|pod| ready(&pod)) {
        decision.again = Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0) + 1));
    }
    decision
}

/// Of two pods the one that is less of a loss (`controller.ActivePodsWithRanks`).
fn first_to_go(a: &Pod, b: &Pod, now: Timestamp) -> Ordering {
    let phase = |pod: &Pod| match pod.status.phase.as_str() {
        "Running" => 2,
        "Unknown" => 1,
        _ => 0,
    };
    let cost = |pod: &Pod| -> i32 {
        let annotations = pod.metadata.annotations.as_ref();
        let text = annotations.and_then(|all| all.get("controller.kubernetes.io/pod-deletion-cost"));
        text.and_then(|text| text.parse().ok()).unwrap_or(0)
    };
    let uid = |pod: &Pod| pod.metadata.uid.clone();
    // What is about as old as another goes by chance, so that no one lives longest for ever.
    let age = |pod: &Pod, since: Option<Timestamp>| since.map(|since| (magnitude(since, now), uid(pod)));
    let created = |pod: &Pod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let assigned = |pod: &Pod| !pod.spec.node_name.is_empty();
    let ready = |pod: &Pod| pod.ready_since().is_some();
    assigned(a)
        .cmp(&assigned(b))
        .then_with(|| phase(a).cmp(&phase(b)))
        .then_with(|| ready(a).cmp(&ready(b)))
        .then_with(|| cost(a).cmp(&cost(b)))
        .then_with(|| match (a.ready_since(), b.ready_since()) {
            (Some(x), Some(y)) if x != y => age(a, Some(x)).cmp(&age(b, Some(y))),
            _ => Ordering::Equal,
        })
        .then_with(|| b.restarts().cmp(&a.restarts()))
        .then_with(|| match (created(a), created(b)) {
            (x, y) if x != y => age(a, x).cmp(&age(b, y)),
            _ => Ordering::Equal,
        })
}

/// The power of two of nanoseconds that have passed.
fn magnitude(since: Timestamp, now: Timestamp) -> i64 {
    let nanoseconds = now.duration_since(since).as_nanos();
    if nanoseconds > 0 { i64::from(nanoseconds.ilog2()) } else { -1 }
}

/// The status as of the pods that there were when the sync began (`calculateStatus`).
pub(crate) fn status(
    set: &ReplicaSet,
    decision: &ReplicaSetDecision<'_>,
    failure: Option<ReplicaFailure>,
    now: Timestamp,
    version: Version,
) -> ReplicaSetStatus {
    let count = |fits: &dyn Fn(&Pod) -> bool| {
        i32::try_from(decision.counted.iter().filter(|pod| fits(pod)).count()).unwrap_or(i32::MAX)
    };
    let some = |count: i32| Some(count).filter(|count| *count != 0);
    let template = set.spec.template.as_ref().and_then(|template| template.metadata.as_ref()?.labels.clone());
    let template = template.unwrap_or_default();
    let labelled = |pod: &Pod| {
        let labels = pod.metadata.labels.clone().unwrap_or_default();
        template.iter().all(|(key, value)| labels.get(key) == Some(value))
    };
    let seconds = set.spec.min_ready_seconds.unwrap_or(0);
    let before = set.status.clone().unwrap_or_default();
    ReplicaSetStatus {
        replicas: count(&|_| true),
        fully_labeled_replicas: some(count(&labelled)),
        ready_replicas: some(count(&|pod| pod.ready_since().is_some())),
        available_replicas: some(count(&|pod| pod.available(seconds, now))),
        terminating_replicas: (version.minor >= 35).then_some(decision.terminating),
        observed_generation: set.metadata.generation,
        conditions: conditions(before.conditions, failure, now),
    }
}

/// The condition `ReplicaFailure` stays as it came until it is over.
fn conditions(
    before: Option<Vec<ReplicaSetCondition>>,
    failure: Option<ReplicaFailure>,
    now: Timestamp,
) -> Option<Vec<ReplicaSetCondition>> {
    let mut all = before.unwrap_or_default();
    let is = |condition: &ReplicaSetCondition| condition.type_.as_deref() == Some(FAILURE);
    let Some(ReplicaFailure { reason, message }) = failure else {
        all.retain(|condition| !is(condition));
        return Some(all).filter(|all| !all.is_empty());
    };
    if !all.iter().any(is) {
        all.push(ReplicaSetCondition {
            type_: Some(FAILURE.to_owned()),
            status: Some("True".to_owned()),
            reason: Some(reason.to_owned()),
            message: Some(message),
            last_transition_time: Some(Time(now)),
        });
    }
    Some(all)
}
