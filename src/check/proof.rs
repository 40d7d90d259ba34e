//! What a pass rests on: pods that run, those of workloads too, are held against twins without their pull secrets.

use std::time::Duration;

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use super::Evidence;
use super::player::{ItemResult, LecturePlayer, Played};
use crate::event::Verdict;
use crate::gateway::Request;
use crate::kubewords::status::RUNNING;
use crate::kubewords::{controller, is_controlled_by};
use crate::observe::pod_status;
use crate::script::{ObjectRef, Without};
use crate::twin::{Stand, Twin, play};
use crate::wait::{Probe, Wake, until};

/// How long a controller may take to make the first pod of what a command has created.
const MADE_WITHIN: Duration = Duration::from_secs(10);
/// The annotation by which the newest of a Deployment's ReplicaSets is known (the deployment controller's).
const REVISION: &str = "deployment.kubernetes.io/revision";

impl LecturePlayer<'_> {
    /// Whether pods that run owe that to their pull secrets: their twins without any must be refused. Pods of one owner
    /// are the same pod. What does not run, or has no secret, needs no proof.
    pub(super) async fn prove(&mut self, pods: &[ObjectRef], said: &mut ItemResult) {
        for pod in pods {
            let namespace = (self.setting.namespace_on_cluster)(&pod.namespace);
            let api = Api::<Pod>::namespaced(self.setting.cluster.clone(), &namespace);
            let Ok(Some(live)) = api.get_opt(&pod.name).await else { continue };
            let secrets = live.spec.as_ref().and_then(|spec| spec.image_pull_secrets.as_ref()).map_or(0, Vec::len);
            if secrets == 0 || pod_status(&live).status != RUNNING {
                continue;
            }
            let of = format!("{pod} without its pull secret");
            let unproven = match self.twin(pod, live).await {
                Twin::Refused(words) => {
                    let path = Some(".status.containerStatuses[0].state.waiting.message".into());
                    let evidence = Evidence { of, path, says: (self.setting.in_lectures_names)(&words) };
                    if !said.evidence.contains(&evidence) {
                        said.evidence.push(evidence);
                    }
                    continue;
                }
                Twin::HasImage => "the same pod runs without the pull secret, too".to_owned(),
                Twin::Undecided(why) => format!("the same pod without the pull secret could not be tried: {why}"),
            };
            said.verdict = Verdict::Unproven;
            said.reason = Some(unproven);
            return;
        }
    }

    /// What came of the pod's twin, which is played once.
    async fn twin(&mut self, of: &ObjectRef, live: Pod) -> Twin {
        let owner = controller(&live.metadata).map(|owner| owner.uid.clone());
        let key = owner.or_else(|| live.uid()).unwrap_or_default();
        if let Some(known) = self.twins.get(&key) {
            return known.clone();
        }
        let on_state = |state| (self.setting.on_twin)(of, state);
        let stand = Stand {
            client: &self.setting.cluster,
            namespace: (self.setting.twin_namespace)(),
            labels: &self.setting.labels,
            until_gone: false,
            on_state: &on_state,
        };
        let twin = play(&stand, live, Without::Secret, false, &[]).await.unwrap_or_else(Twin::Undecided);
        self.twins.insert(key, twin.clone());
        twin
    }

    /// The pods that a command made or, where it `looks`, showed, and those of such workloads.
    pub(super) async fn concerned(&self, played: &Played, looks: bool) -> Vec<ObjectRef> {
        let mut pods = named("pods", played, looks);
        for resource in ["deployments", "replicasets", "jobs"] {
            for workload in named(resource, played, looks) {
                let wake = Wake::Changed(self.setting.watch.changes());
                let probe = async || match self.pods_of(resource, &workload).await {
                    pods if pods.is_empty() => Probe::Pending(String::new()),
                    pods => Probe::Done(pods),
                };
                // A workload that makes no pod within the time is taken to have none.
                pods.extend(until("its pods", MADE_WITHIN, wake, probe).await.unwrap_or_default());
            }
        }
        pods.sort();
        pods.dedup();
        pods
    }

    async fn pods_of(&self, resource: &str, workload: &ObjectRef) -> Vec<ObjectRef> {
        let namespace = (self.setting.namespace_on_cluster)(&workload.namespace);
        let (client, all) = (&self.setting.cluster, ListParams::default());
        let pods = Api::<Pod>::namespaced(client.clone(), &namespace).list(&all).await;
        let sets = Api::<ReplicaSet>::namespaced(client.clone(), &namespace).list(&all).await;
        // A cluster that does not answer shows no pods: what is said of the workload rests on other witnesses.
        let (Ok(pods), Ok(sets)) = (pods, sets) else { return Vec::new() };
        let owned = owned(&pods.items, &sets.items, resource, &workload.name);
        owned.map(|pod| of_pod(&workload.namespace, &pod.name_any())).collect()
    }
}

/// Whether a shown text says that pods run: by STATUS, or with as many ready as there shall be.
pub(super) fn shows_running(shown: &str) -> bool {
    let is_full = |word: &str| {
        let counts = word.split_once('/').map(|(ready, all)| (ready.parse::<u32>(), all.parse::<u32>()));
        matches!(counts, Some((Ok(ready), Ok(all))) if ready == all && all > 0)
    };
    shown.split_whitespace().any(|word| word == RUNNING || is_full(word))
}

fn of_pod(namespace: &str, name: &str) -> ObjectRef {
    ObjectRef { kind: "pod".into(), namespace: namespace.into(), name: name.into() }
}

/// The objects of a kind that a command made or changed or, where it `looks`, showed.
fn named(resource: &str, played: &Played, looks: bool) -> Vec<ObjectRef> {
    let object = |request: &Request, name: &str| of_pod(&request.namespace, name);
    let of_kind = || played.requests.iter().filter(|request| request.resource == resource);
    let changed = of_kind().filter(|request| {
        let changes = matches!((request.verb.as_str(), request.code), ("patch" | "update", 200) | (_, 201));
        changes && request.subresource.is_empty() && !request.name.is_empty()
    });
    let mut objects: Vec<_> = changed.map(|request| object(request, &request.name)).collect();
    for request in of_kind().filter(|request| looks && matches!(request.verb.as_str(), "get" | "list")) {
        match request.name.as_str() {
            "" => objects.extend(rows(&played.printed.stdout).map(|name| object(request, name))),
            name => objects.push(object(request, name)),
        }
    }
    objects
}

/// The names in a table of pods or of what owns pods.
fn rows(printed: &str) -> impl Iterator<Item = &str> {
    let mut table = printed.lines();
    let is_table = table.next().is_some_and(|header| header.starts_with("NAME ") && header.contains("READY"));
    table.filter(move |_| is_table).filter_map(|row| row.split_whitespace().next())
}

/// The pods of a workload; of a Deployment those of its newest template.
fn owned<'a>(pods: &'a [Pod], sets: &'a [ReplicaSet], resource: &str, name: &str) -> impl Iterator<Item = &'a Pod> {
    let revision =
        |set: &&ReplicaSet| set.annotations().get(REVISION).and_then(|revision| revision.parse::<u64>().ok());
    let (kind, name) = match resource {
        "deployments" => {
            let newest =
                sets.iter().filter(|set| is_controlled_by(&set.metadata, "Deployment", name)).max_by_key(revision);
            ("ReplicaSet", newest.map(ResourceExt::name_any).unwrap_or_default())
        }
        "replicasets" => ("ReplicaSet", name.to_owned()),
        _ => ("Job", name.to_owned()),
    };
    pods.iter().filter(move |pod| is_controlled_by(&pod.metadata, kind, &name))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_says_that_pods_run() {
        for runs in ["p  1/1  Running  0  1s", "web  2/2  2  2  5s", "Status:  Running"] {
            assert!(shows_running(runs), "{runs}");
        }
        for does_not in ["p  0/1  ImagePullBackOff  0  1s", "web  0/0  0  0  5s", "web  1/2  2  1  5s", "2026/11/28"] {
            assert!(!shows_running(does_not), "{does_not}");
        }
    }

    #[test]
    fn a_deployments_pods_are_those_of_its_newest_template() {
        let owner = |kind: &str, name: &str| json!([{"apiVersion": "v1", "kind": kind, "name": name, "uid": "u", "controller": true}]);
        let set = |name: &str, revision: &str| -> ReplicaSet {
            let metadata = json!({"name": name, "ownerReferences": owner("Deployment", "web"),
                                  "annotations": {REVISION: revision}});
            serde_json::from_value(json!({"metadata": metadata})).unwrap()
        };
        let pod = |name: &str, owners: Value| -> Pod {
            serde_json::from_value(json!({"metadata": {"name": name, "ownerReferences": owners}})).unwrap()
        };
        let sets = [set("web-a", "9"), set("web-b", "10")];
        let pods = [
            pod("web-a-1", owner("ReplicaSet", "web-a")),
            pod("web-b-1", owner("ReplicaSet", "web-b")),
            pod("web-b-2", owner("ReplicaSet", "web-b")),
            pod("web", json!([])),
            pod("once-1", owner("Job", "once")),
        ];
        let names = |resource, name| owned(&pods, &sets, resource, name).map(|pod| pod.name_any()).collect::<Vec<_>>();
        assert_eq!(names("deployments", "web"), ["web-b-1", "web-b-2"]);
        assert_eq!(names("replicasets", "web-a"), ["web-a-1"]);
        assert_eq!(names("jobs", "once"), ["once-1"]);
        assert!(names("deployments", "other").is_empty());
    }

    #[test]
    fn names_are_read_off_tables_of_pods_only() {
        let read = |printed| rows(printed).collect::<Vec<_>>();
        assert_eq!(read("NAME   READY   STATUS\np   1/1   Running\n"), ["p"]);
        assert_eq!(read("NAME   READY   UP-TO-DATE\nweb   1/1   1\n"), ["web"]);
        assert!(read("NAME   TYPE   DATA\ns   Opaque   1\n").is_empty());
        assert!(read("").is_empty());
    }
}
