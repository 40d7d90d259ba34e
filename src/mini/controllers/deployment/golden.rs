//! Golden tests of the pure Deployment controller: what it writes, line by line as the records of a real cluster have
//! it, on a fixed clock. ReplicaSets are played: they observe, make pods and have them ready when the test says so.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentStatus, ReplicaSet, ReplicaSetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::conditions;
use super::decide::{DeploymentAction, SyncInput, decide};
use super::sets::{DESIRED, MAX, REVISION, SetExt as _};
use crate::mini::Version;
use crate::mini::resource::Strategy as _;
use crate::mini::strategy::workload::DeploymentStrategy;

const START: i64 = 1_800_000_000;

struct World {
    deployment: Deployment,
    sets: Vec<ReplicaSet>,
    running: BTreeSet<String>,
    second: i64,
    log: String,
}

impl World {
    fn new(replicas: i32, extra: Value) -> Self {
        let template = json!({
            "metadata": {"labels": {"app": "app1"}},
            "spec": {"containers": [{"name": "app1", "image": "docker.io/cloudwithvarjosh/app1:w8"}], "imagePullSecrets": [{"name": "regcred"}]},
        });
        let mut object = json!({
            "metadata": {"name": "app1", "namespace": "default", "uid": "d1"},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "app1"}}, "template": template},
        });
        object["spec"].as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        DeploymentStrategy.default(&mut object);
        DeploymentStrategy.prepare_create(&mut object, Version::LATEST);
        let deployment = serde_json::from_value(object).unwrap();
        Self { deployment, sets: vec![], running: BTreeSet::new(), second: 0, log: String::new() }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_second(START + self.second).unwrap()
    }

    /// Changes the spec, as a user does.
    fn edit(&mut self, what: &str, edit: impl Fn(&mut Value)) {
        let old = serde_json::to_value(&self.deployment).unwrap();
        let mut new = old.clone();
        edit(&mut new["spec"]);
        DeploymentStrategy.prepare_update(&mut new, &old, Version::LATEST);
        self.deployment = serde_json::from_value(new).unwrap();
        writeln!(self.log, "\n+{} {what}", self.second).unwrap();
    }

    /// Syncs until nothing is to be done; returns when it is to be looked at again.
    fn sync(&mut self) -> Option<u64> {
        for _ in 0..10 {
            let input = SyncInput {
                deployment: &self.deployment,
                sets: self.sets.clone(),
                running: &self.running,
                now: self.now(),
                version: Version::LATEST,
            };
            let decision = decide(input);
            if decision.actions.is_empty() {
                return decision.again.map(|again| again.as_secs());
            }
            for action in decision.actions {
                self.perform(action);
            }
        }
        panic!("it never rests:\n{}", self.log);
    }

    fn perform(&mut self, action: DeploymentAction) {
        let line = match action {
            DeploymentAction::Tell(event) => format!("event {}: {}", event.reason, event.message),
            DeploymentAction::CreateSet(set) => {
                let mut set = *set;
                set.metadata.uid = Some(format!("u-{}", set.name_any()));
                set.metadata.creation_timestamp = Some(Time(self.now()));
                set.metadata.generation = Some(1);
                set.status = Some(ReplicaSetStatus::default());
                let line = format!("rs {} ADDED{}", set.name_any(), summary(&set));
                self.sets.push(set);
                line
            }
            DeploymentAction::UpdateSet(mut set) => {
                let old = self.sets.iter_mut().find(|old| old.name_any() == set.name_any()).unwrap();
                if old.spec != set.spec {
                    set.metadata.generation = set.metadata.generation.map(|generation| generation + 1);
                }
                let line = format!("rs {}{}", set.name_any(), summary(&set));
                *old = *set;
                line
            }
            DeploymentAction::DeleteSet(name) => {
                self.sets.retain(|set| set.name_any() != name);
                format!("rs {name} DELETED")
            }
            DeploymentAction::UpdateStatus(deployment) => {
                let line = changes(&self.deployment, &deployment);
                self.deployment = *deployment;
                line
            }
        };
        writeln!(self.log, "+{} {line}", self.second).unwrap();
    }

    /// Each ReplicaSet has the pods it is to have; of those of the image, `ready` are.
    fn play(&mut self, second: i64, image: &str, ready: i32) -> Option<u64> {
        self.second = second;
        for set in &mut self.sets {
            let size = set.size();
            let of = |set: &ReplicaSet| {
                serde_json::to_value(&set.spec.template).unwrap()["spec"]["containers"][0]["image"].clone()
            };
            let known = set.status.clone().unwrap_or_default();
            let ready = if of(set).as_str().unwrap().ends_with(image) {
                ready.min(size)
            } else {
                known.ready_replicas.unwrap_or(0).min(size)
            };
            let some = |count: i32| Some(count).filter(|count| *count > 0);
            set.status = Some(ReplicaSetStatus {
                replicas: size,
                fully_labeled_replicas: some(size),
                ready_replicas: some(ready),
                available_replicas: some(ready),
                terminating_replicas: Some(0),
                observed_generation: set.metadata.generation,
                conditions: None,
            });
        }
        self.sync()
    }
}

fn summary(set: &ReplicaSet) -> String {
    let note = |key: &str| set.annotations().get(key).cloned().unwrap_or_default();
    let history = set.annotations().get("deployment.kubernetes.io/revision-history");
    let history = history.map(|text| format!(" revision-history={text}")).unwrap_or_default();
    let generation = set.metadata.generation.unwrap_or_default();
    format!(
        " replicas={} gen={generation} revision={}{history} desired/max={}/{}",
        set.size(),
        note(REVISION),
        note(DESIRED),
        note(MAX)
    )
}

fn changes(old: &Deployment, new: &Deployment) -> String {
    let revision = new.annotations().get(REVISION).cloned().unwrap_or_default();
    let status = new.status.clone().unwrap_or_default();
    let numbers = DeploymentStatus { conditions: None, ..status.clone() };
    let mut line = format!("deploy revision={revision} {}", serde_json::to_string(&numbers).unwrap());
    for condition in status.conditions.iter().flatten() {
        let kind = condition.type_.clone().unwrap();
        if old.status.as_ref().and_then(|status| conditions::get(status, &kind)) != Some(condition) {
            let at = |time: &Option<Time>| time.as_ref().unwrap().0.as_second() - START;
            let (status, reason) = (condition.status.clone().unwrap(), condition.reason.clone().unwrap());
            let (updated, transition) = (at(&condition.last_update_time), at(&condition.last_transition_time));
            let message = condition.message.clone().unwrap();
            write!(line, "\n   {kind}={status} {reason} “{message}” updated +{updated} transition +{transition}")
                .unwrap();
        }
    }
    line
}

fn image(tag: &'static str) -> impl Fn(&mut Value) {
    move |spec| {
        spec["template"]["spec"]["containers"][0]["image"] = json!(format!("docker.io/cloudwithvarjosh/app1:{tag}"))
    }
}

#[test]
fn a_rollout_to_a_bad_image_and_back_as_recorded() {
    let mut world = World::new(3, json!({}));
    world.sync();
    world.play(2, "w8", 0);
    for ready in 1..=3 {
        world.play(3 + i64::from(ready), "w8", ready);
    }
    world.edit("to a tag that does not exist", image("9.9.9"));
    world.sync();
    assert_eq!(world.play(7, "9.9.9", 0), Some(601));
    world.second = 20;
    world.edit("undo", image("w8"));
    world.sync();
    world.play(21, "w8", 3);
    insta::assert_snapshot!(world.log);
}

#[test]
fn a_rolling_update_as_recorded() {
    let mut world = World::new(2, json!({}));
    world.sync();
    world.play(1, "w8", 2);
    world.edit("set image", image("w9"));
    world.sync();
    for (second, ready) in [(12, 0), (13, 1), (14, 1), (15, 2), (16, 2)] {
        world.play(second, "w9", ready);
    }
    insta::assert_snapshot!(world.log);
}

#[test]
fn a_pause_stops_the_rollout_and_not_the_scaling() {
    let mut world = World::new(2, json!({}));
    world.sync();
    world.play(1, "w8", 2);
    world.edit("pause", |spec| spec["paused"] = json!(true));
    world.sync();
    world.edit("set image", image("w10"));
    world.sync();
    world.edit("scale", |spec| spec["replicas"] = json!(3));
    world.sync();
    world.play(9, "w8", 3);
    world.edit("resume", |spec| spec["paused"] = Value::Null);
    world.sync();
    insta::assert_snapshot!(world.log);
}

#[test]
fn a_deadline_passes_as_recorded() {
    let mut world = World::new(1, json!({"progressDeadlineSeconds": 10}));
    world.sync();
    assert_eq!(world.play(1, "w8", 0), Some(11));
    assert_eq!(world.play(11, "w8", 0), Some(1), "not before the second is over");
    assert_eq!(world.play(12, "w8", 0), None);
    world.play(13, "w8", 1);
    insta::assert_snapshot!(world.log);
}

#[test]
fn recreate_waits_for_the_last_old_pod() {
    let mut world = World::new(2, json!({"strategy": {"type": "Recreate"}}));
    world.sync();
    world.play(1, "w8", 2);
    world.running = world.sets.iter().filter_map(kube::ResourceExt::uid).collect();
    world.edit("set image", image("w9"));
    world.sync();
    world.play(5, "w8", 0);
    assert_eq!(world.sets.len(), 1, "a pod is still going");
    world.running.clear();
    world.play(6, "w9", 0);
    world.play(7, "w9", 2);
    insta::assert_snapshot!(world.log);
}

#[test]
fn scaling_within_a_rollout_is_shared_in_proportion() {
    let mut world = World::new(10, json!({}));
    world.sync();
    world.play(1, "w8", 10);
    world.edit("set image", image("w9"));
    world.sync();
    world.play(2, "w9", 0);
    world.edit("scale", |spec| spec["replicas"] = json!(20));
    world.sync();
    let sizes: Vec<_> = world.sets.iter().map(ReplicaSet::size).collect();
    // 13 pods of at most 13 become 25 of at most 25.
    assert_eq!(sizes.iter().sum::<i32>(), 25, "{}", world.log);
    assert_eq!(sizes, [15, 10], "{}", world.log);
}

#[test]
fn old_sets_beyond_the_history_go_the_oldest_revision_first() {
    let mut world = World::new(1, json!({"revisionHistoryLimit": 1}));
    world.sync();
    world.play(1, "w8", 1);
    for (second, tag) in [(10, "w9"), (20, "w10"), (30, "w11")] {
        world.edit("set image", image(tag));
        world.sync();
        for later in 1..5 {
            world.play(second + later, tag, 1);
        }
    }
    let revisions: Vec<_> = world.sets.iter().map(ReplicaSet::revision).collect();
    assert_eq!(revisions, [3, 4], "{}", world.log);
}
