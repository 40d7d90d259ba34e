//! Tests of the pure Job controller: a Job and its pods in, what it does and its status out, on a fixed clock.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, json};

use super::decide::{TRACKING, counted, decide, noted};
use crate::mini::controllers::pod::Pod;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn job(extra: Value) -> Job {
    let mut spec = json!({"parallelism": 1, "completions": 1, "backoffLimit": 6, "template": {"spec": {"restartPolicy": "Never", "containers": []}}});
    spec.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    serde_json::from_value(json!({"metadata": {"name": "print1", "uid": "j"}, "spec": spec, "status": {}})).unwrap()
}

/// A pod of the Job's, ended at a second.
fn pod(uid: &str, phase: &str, ended: Option<i64>) -> Pod {
    let mut terminated = json!({"exitCode": 0});
    if let Some(second) = ended {
        terminated["finishedAt"] = json!(at(second).to_string());
    }
    let state = if matches!(phase, "Failed" | "Succeeded") { json!({"terminated": terminated}) } else { json!({}) };
    let metadata = json!({"name": uid, "uid": uid, "finalizers": [TRACKING]});
    serde_json::from_value(
        json!({"metadata": metadata, "status": {"phase": phase, "containerStatuses": [{"state": state}]}}),
    )
    .unwrap()
}

/// One sync; the statuses it writes, and what it makes and tells.
fn sync(job: &mut Job, pods: &[Pod], second: i64) -> (usize, Vec<Value>, Option<&'static str>) {
    let pods: Vec<&Pod> = pods.iter().collect();
    let decision = decide(job, &pods, at(second), 1.0);
    let first = noted(job, &decision, (decision.create, decision.delete.len()), at(second));
    let (last, told) = counted(&first, &decision, at(second));
    let mut written = vec![];
    for status in [first, last] {
        if job.status.as_ref() != Some(&status) {
            written.push(serde_json::to_value(&status).unwrap());
            job.status = Some(status);
        }
    }
    (decision.create, written, told.map(|(_, reason, _)| reason))
}

fn time(second: i64) -> Value {
    json!(at(second).to_string())
}

/// Status by status as a real cluster has written them.
#[test]
fn a_job_completes_as_recorded() {
    let mut job = job(json!({}));
    let (made, written, _) = sync(&mut job, &[], 1);
    assert_eq!(made, 1);
    assert_eq!(
        written,
        [json!({"startTime": time(1), "active": 1, "terminating": 0, "uncountedTerminatedPods": {}, "ready": 0})]
    );
    // A pod that was deleted while it was stuck has ended who knows when: it is replaced at once.
    let (made, written, _) = sync(&mut job, &[pod("a", "Failed", None)], 33);
    assert_eq!(made, 1);
    assert_eq!(
        written,
        [
            json!({"startTime": time(1), "active": 1, "terminating": 0, "uncountedTerminatedPods": {"failed": ["a"]}, "ready": 0}),
            json!({"startTime": time(1), "active": 1, "failed": 1, "terminating": 0, "uncountedTerminatedPods": {}, "ready": 0}),
        ]
    );
    let (_, written, told) = sync(&mut job, &[pod("b", "Succeeded", Some(36))], 38);
    let condition = |kind: &str| json!({"type": kind, "status": "True", "lastProbeTime": time(38), "lastTransitionTime": time(38), "reason": "CompletionsReached", "message": "Reached expected number of succeeded pods"});
    assert_eq!(
        written,
        [
            json!({"conditions": [condition("SuccessCriteriaMet")], "startTime": time(1), "failed": 1, "terminating": 0, "uncountedTerminatedPods": {"succeeded": ["b"]}, "ready": 0}),
            json!({"conditions": [condition("SuccessCriteriaMet"), condition("Complete")], "startTime": time(1), "completionTime": time(38), "succeeded": 1, "failed": 1, "terminating": 0, "uncountedTerminatedPods": {}, "ready": 0}),
        ]
    );
    assert_eq!(told, Some("Completed"));
    assert_eq!(sync(&mut job, &[pod("b", "Succeeded", Some(36))], 39).1, Vec::<Value>::new());
}

#[test]
fn failures_pause_and_are_counted_to_the_limit() {
    let mut job = job(json!({"backoffLimit": 1}));
    sync(&mut job, &[], 0);
    let mut first = pod("a", "Failed", Some(5));
    let decision = decide(&job, &[&first], at(6), 1.0);
    assert_eq!((decision.create, decision.again), (0, Some(Duration::from_secs(9))));
    assert_eq!(decide(&job, &[&first], at(6), 100.0).create, 1, "in time-lapse the pause is over");
    sync(&mut job, std::slice::from_ref(&first), 6);
    // It was let go before it was counted.
    first.metadata.finalizers = None;
    assert_eq!(decide(&job, &[&first], at(15), 1.0).create, 1);
    let (made, written, told) = sync(&mut job, &[first, pod("b", "Failed", Some(17))], 18);
    assert_eq!((made, told), (0, Some("BackoffLimitExceeded")));
    let kinds: Vec<_> = written[1]["conditions"].as_array().unwrap().iter().map(|c| c["type"].clone()).collect();
    assert_eq!(kinds, ["FailureTarget", "Failed"]);
    assert_eq!(written[1]["failed"], 2);
}

#[test]
fn parallelism_suspension_deadline_and_time_to_live() {
    let running = pod("a", "Running", None);
    assert_eq!(decide(&job(json!({"parallelism": 3, "completions": 5})), &[&running], at(0), 1.0).create, 2);
    assert_eq!(decide(&job(json!({"parallelism": 3, "completions": 2})), &[&running], at(0), 1.0).create, 1);
    let suspended = job(json!({"suspend": true}));
    let decision = decide(&suspended, &[&running], at(0), 1.0);
    assert_eq!((decision.create, decision.delete.len()), (0, 1));
    let mut late = job(json!({"activeDeadlineSeconds": 10}));
    sync(&mut late, &[], 0);
    assert_eq!(decide(&late, &[&running], at(4), 1.0).again, Some(Duration::from_secs(6)));
    let decision = decide(&late, &[&running], at(10), 1.0);
    assert_eq!((decision.create, decision.delete.len()), (0, 1));
    let mut brief = job(json!({"ttlSecondsAfterFinished": 30}));
    sync(&mut brief, &[pod("b", "Succeeded", Some(1))], 2);
    assert_eq!(decide(&brief, &[], at(10), 1.0).again, Some(Duration::from_secs(22)));
    assert!(decide(&brief, &[], at(32), 1.0).expired);
}

#[test]
fn an_end_waits_for_the_last_pod() {
    let mut job = job(json!({"parallelism": 2, "completions": 1}));
    let mut going = pod("b", "Running", None);
    going.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(5)));
    let (_, written, told) = sync(&mut job, &[pod("a", "Succeeded", Some(5)), going.clone()], 5);
    assert_eq!(told, None);
    assert_eq!(written.last().unwrap()["conditions"].as_array().unwrap().len(), 1);
    let (_, _, told) = sync(&mut job, &[pod("a", "Succeeded", Some(5))], 6);
    assert_eq!(told, Some("Completed"));
}
