//! Tests of the pure ReplicaSet controller: pods in, what becomes of them out, on a fixed clock.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ReplicaSet;
use serde_json::{Value, json};

use super::decide::{ReplicaFailure, decide, status};
use crate::mini::Version;
use crate::mini::controllers::pod::Pod;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn set(replicas: i32, extra: Value) -> ReplicaSet {
    let labels = json!({"app": "a"});
    let mut set = json!({
        "metadata": {"name": "s", "namespace": "n", "uid": "s1", "generation": 4},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}},
    });
    set["spec"].as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    serde_json::from_value(set).unwrap()
}

/// A pod of the set: its state is `unassigned`, `pending`, `ready`, `failed` or `going`.
fn pod(name: &str, state: &str, since: i64) -> Pod {
    let owner = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "s", "uid": "s1", "controller": true});
    let phase = match state {
        "ready" | "going" => "Running",
        "failed" => "Failed",
        _ => "Pending",
    };
    let ready = json!([{"type": "Ready", "status": if phase == "Running" { "True" } else { "False" }, "lastTransitionTime": at(since).to_string()}]);
    let mut metadata = json!({"name": name, "namespace": "n", "uid": name, "labels": {"app": "a"}, "ownerReferences": [owner], "creationTimestamp": at(since).to_string()});
    if state == "going" {
        metadata["deletionTimestamp"] = json!(at(since).to_string());
    }
    let node = if state == "unassigned" { "" } else { "node" };
    serde_json::from_value(
        json!({"metadata": metadata, "spec": {"nodeName": node}, "status": {"phase": phase, "conditions": ready}}),
    )
    .unwrap()
}

fn names(pods: &[&Pod]) -> Vec<String> {
    pods.iter().map(|pod| pod.metadata.name.clone().unwrap()).collect()
}

#[test]
fn ended_and_going_pods_are_replaced() {
    let pods = [pod("a", "ready", 0), pod("b", "failed", 0), pod("c", "going", 0)];
    let pods: Vec<_> = pods.iter().collect();
    let set = set(3, json!({}));
    let decision = decide(&set, &pods, at(100));
    assert_eq!((decision.create, decision.delete.len()), (2, 0));
    let status = status(&set, &decision, None, at(100), Version::LATEST);
    let expected = json!({"availableReplicas": 1, "fullyLabeledReplicas": 1, "observedGeneration": 4, "readyReplicas": 1, "replicas": 1, "terminatingReplicas": 1});
    assert_eq!(serde_json::to_value(status).unwrap(), expected);
}

/// The order in which a real one lets pods go: what was never assigned, what is pending, what is ready for the
/// shortest; ages of about the same length by UID.
#[test]
fn the_least_loss_goes_first() {
    let pods = [
        pod("old", "ready", 0),
        pod("b-young", "ready", 99_000),
        pod("a-young", "ready", 99_001),
        pod("pending", "pending", 0),
        pod("unassigned", "unassigned", 0),
    ];
    let pods: Vec<_> = pods.iter().collect();
    let gone = |replicas| names(&decide(&set(replicas, json!({})), &pods, at(100_000)).delete);
    assert_eq!(gone(4), ["unassigned"]);
    assert_eq!(gone(1), ["unassigned", "pending", "a-young", "b-young"]);
    assert_eq!(gone(0).len(), 5);
}

#[test]
fn pods_are_adopted_and_released_by_their_labels() {
    let mut orphan = pod("orphan", "ready", 0);
    orphan.metadata.owner_references = None;
    let mut stray = pod("stray", "ready", 0);
    stray.metadata.labels = Some([("app".to_owned(), "other".to_owned())].into());
    let mut foreign = stray.clone();
    foreign.metadata.owner_references = None;
    let mut set = set(1, json!({}));
    let pods = [&orphan, &stray, &foreign];
    let decision = decide(&set, &pods, at(0));
    assert_eq!((names(&decision.adopt), names(&decision.release)), (vec!["orphan".into()], vec!["stray".into()]));
    assert_eq!((decision.create, decision.delete.len()), (0, 0));
    // One that is going takes nobody, and makes nobody.
    set.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(0)));
    let decision = decide(&set, &pods, at(0));
    assert_eq!((decision.adopt.len(), decision.release.len(), decision.create), (0, 0, 0));
}

#[test]
fn a_pod_is_available_after_its_time() {
    let pods = [pod("a", "ready", 0)];
    let pods: Vec<_> = pods.iter().collect();
    let set = set(1, json!({"minReadySeconds": 5}));
    for (second, available, again) in [(2, None, Some(6)), (5, Some(1), None)] {
        let decision = decide(&set, &pods, at(second));
        assert_eq!(decision.again.map(|again| again.as_secs()), again);
        assert_eq!(status(&set, &decision, None, at(second), Version::LATEST).available_replicas, available);
    }
}

#[test]
fn a_failure_is_told_until_it_is_over() {
    let mut set = set(1, json!({}));
    let failure = |message: &str| Some(ReplicaFailure { reason: "FailedCreate", message: message.to_owned() });
    let told = |set: &ReplicaSet, failure, second| {
        status(set, &decide(set, &[], at(second)), failure, at(second), Version::LATEST)
    };
    set.status = Some(told(&set, failure("pods \"s-\" is forbidden"), 0));
    let first = set.status.clone().unwrap().conditions;
    assert_eq!(first.as_ref().unwrap()[0].reason.as_deref(), Some("FailedCreate"));
    set.status = Some(told(&set, failure("another"), 5));
    assert_eq!(set.status.clone().unwrap().conditions, first, "as it came");
    assert_eq!(told(&set, None, 9).conditions, None);
    let old = status(&set, &decide(&set, &[], at(9)), None, at(9), Version { major: 1, minor: 34 });
    assert_eq!(old.terminating_replicas, None, "since 1.35");
}
