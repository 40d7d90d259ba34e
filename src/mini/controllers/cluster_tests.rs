//! Deployments, ReplicaSets, Jobs and the garbage collector against mini's own API, over a runtime that runs nothing.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod, ServiceAccount};
use kube::ResourceExt as _;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::mini::kubelet::cluster_tests::{Cluster, IMAGE};

fn deployment(replicas: i32, extra: Value) -> Value {
    let container = json!({"name": "app1", "image": IMAGE});
    let mut template = json!({"metadata": {"labels": {"app": "app1"}}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 0}});
    template["spec"].as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    json!({"metadata": {"name": "app1"}, "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "app1"}}, "template": template}})
}

fn with_secret() -> Value {
    json!({"imagePullSecrets": [{"name": "regcred"}]})
}

fn condition<'a>(deployment: Option<&'a Deployment>, kind: &str) -> Option<&'a str> {
    let conditions = deployment?.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_.as_deref() == Some(kind))?.reason.as_deref()
}

fn rolled_out(deployment: Option<&Deployment>) -> bool {
    let Some(Deployment { metadata, spec, status: Some(status) }) = deployment else { return false };
    status.observed_generation == metadata.generation
        && [status.replicas, status.updated_replicas, status.available_replicas]
            .iter()
            .all(|count| *count == spec.replicas)
        && status.terminating_replicas == Some(0)
        && condition(deployment, "Progressing") == Some("NewReplicaSetAvailable")
}

async fn patch(cluster: &Cluster, patch: Value) {
    let api: Api<Deployment> = cluster.api("default");
    api.patch("app1", &PatchParams::default(), &Patch::Strategic(patch)).await.unwrap();
}

async fn sets(cluster: &Cluster) -> Vec<ReplicaSet> {
    cluster.api::<ReplicaSet>("default").list(&ListParams::default()).await.unwrap().items
}

async fn pods(cluster: &Cluster) -> Vec<Pod> {
    cluster.api::<Pod>("default").list(&ListParams::default()).await.unwrap().items
}

async fn messages(cluster: &Cluster, kind: &str) -> Vec<String> {
    let events = cluster.api::<Event>("default").list(&ListParams::default()).await.unwrap().items;
    let mut of: Vec<_> =
        events.into_iter().filter(|event| event.involved_object.kind.as_deref() == Some(kind)).collect();
    of.sort_by_key(|event| event.metadata.resource_version.as_ref().and_then(|version| version.parse::<u64>().ok()));
    of.into_iter().filter_map(|event| event.message).collect()
}

#[tokio::test]
async fn a_deployment_heals_when_its_secret_arrives() {
    let cluster = Cluster::start(50.0).await;
    cluster.create::<Deployment>("default", deployment(2, with_secret())).await;
    let found = cluster
        .until::<Deployment>("default", "app1", |d| condition(d, "Available") == Some("MinimumReplicasUnavailable"))
        .await;
    assert_eq!(found.unwrap().annotations()["deployment.kubernetes.io/revision"], "1");
    cluster.secret("regcred", "right").await;
    cluster.until::<Deployment>("default", "app1", rolled_out).await;
    let set = sets(&cluster).await.remove(0);
    assert_eq!(
        messages(&cluster, "Deployment").await,
        [format!("Scaled up replica set {} from 0 to 2", set.name_any())]
    );
    let created = messages(&cluster, "ReplicaSet").await;
    assert!(
        created.len() == 2 && created.iter().all(|m| m.starts_with(&format!("Created pod: {}-", set.name_any()))),
        "{created:?}"
    );
    // A pod that somebody deletes is made anew.
    let first = pods(&cluster).await.remove(0);
    cluster.api::<Pod>("default").delete(&first.name_any(), &DeleteParams::default()).await.unwrap();
    cluster.until::<Pod>("default", &first.name_any(), |pod| pod.is_none()).await;
    cluster.until::<Deployment>("default", "app1", rolled_out).await;
    assert_eq!(pods(&cluster).await.len(), 2);
    cluster.mini.close().await;
}

#[tokio::test]
async fn rollouts_go_forth_and_back() {
    let cluster = Cluster::start(50.0).await;
    cluster.secret("regcred", "right").await;
    cluster.runtime.serve("docker.io/cloudwithvarjosh/app1:2.0.0", None);
    cluster.create::<Deployment>("default", deployment(3, with_secret())).await;
    cluster.until::<Deployment>("default", "app1", rolled_out).await;
    let image =
        |image: &str| json!({"spec": {"template": {"spec": {"containers": [{"name": "app1", "image": image}]}}}});
    patch(&cluster, image("docker.io/cloudwithvarjosh/app1:2.0.0")).await;
    cluster.until::<Deployment>("default", "app1", rolled_out).await;
    patch(&cluster, image(IMAGE)).await;
    cluster.until::<Deployment>("default", "app1", rolled_out).await;
    let mut revisions: Vec<_> = sets(&cluster)
        .await
        .iter()
        .map(|set| (set.annotations()["deployment.kubernetes.io/revision"].clone(), set.spec.replicas))
        .collect();
    revisions.sort();
    assert_eq!(revisions, [("2".to_owned(), Some(0)), ("3".to_owned(), Some(3))]);
    patch(&cluster, json!({"spec": {"replicas": 1}})).await;
    cluster.until::<Deployment>("default", "app1", rolled_out).await;
    assert_eq!(pods(&cluster).await.len(), 1);
    cluster.mini.close().await;
}

/// The form that a real kind cluster's scheduler gives it (1.36.2).
#[tokio::test]
async fn scheduled_is_told_as_a_real_scheduler_tells_it() {
    let cluster = Cluster::start(50.0).await;
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": IMAGE}]}});
    cluster.create::<Pod>("default", pod).await;
    cluster.events_until("p", "Scheduled").await;
    let path = "/api/v1/namespaces/default/events?fieldSelector=reason%3DScheduled";
    let request = http::Request::get(path).body(Vec::new()).unwrap();
    let mut list: Value = cluster.mini.client().request(request).await.unwrap();
    let event = &mut list["items"][0];
    let times = [event["firstTimestamp"].take(), event["lastTimestamp"].take()];
    assert!(times[0] == times[1] && times[0].as_str().is_some_and(|time| time.len() == "2026-01-01T00:00:00Z".len()));
    event["involvedObject"]
        .as_object_mut()
        .unwrap()
        .retain(|key, _| !["uid", "resourceVersion"].contains(&key.as_str()));
    event["metadata"].take();
    let node = &cluster.api::<Pod>("default").get("p").await.unwrap().spec.unwrap().node_name.unwrap();
    let expected = json!({
        "metadata": null, "firstTimestamp": null, "lastTimestamp": null, "eventTime": null, "count": 1,
        "type": "Normal", "reason": "Scheduled", "message": format!("Successfully assigned default/p to {node}"),
        "involvedObject": {"apiVersion": "v1", "kind": "Pod", "namespace": "default", "name": "p"},
        "source": {"component": "default-scheduler"},
        "reportingComponent": "default-scheduler", "reportingInstance": "",
    });
    assert_eq!(*event, expected);
    cluster.mini.close().await;
}

#[tokio::test]
async fn an_account_that_is_missing_is_told_and_healed() {
    let cluster = Cluster::start(50.0).await;
    cluster.runtime.serve(IMAGE, None);
    cluster.create::<Deployment>("default", deployment(1, json!({"serviceAccountName": "app1-sa"}))).await;
    let found =
        cluster.until::<Deployment>("default", "app1", |d| condition(d, "ReplicaFailure").is_some()).await.unwrap();
    let failure = found
        .status
        .unwrap()
        .conditions
        .unwrap()
        .into_iter()
        .find(|c| c.type_.as_deref() == Some("ReplicaFailure"))
        .unwrap();
    let message = failure.message.unwrap();
    assert!(
        message.ends_with("error looking up service account default/app1-sa: serviceaccount \"app1-sa\" not found"),
        "{message}"
    );
    cluster.create::<ServiceAccount>("default", json!({"metadata": {"name": "app1-sa"}})).await;
    cluster.until::<Deployment>("default", "app1", rolled_out).await;
    cluster.mini.close().await;
}

/// Deletes with a policy and waits until the Deployment is gone.
async fn delete(cluster: &Cluster, options: &DeleteParams) {
    cluster.api::<Deployment>("default").delete("app1", options).await.unwrap();
    cluster.until::<Deployment>("default", "app1", |deployment| deployment.is_none()).await;
}

#[tokio::test]
async fn dependents_go_or_stay_as_the_deletion_says() {
    let cluster = Cluster::start(50.0).await;
    cluster.runtime.serve(IMAGE, None);
    let start = || async {
        cluster.create::<Deployment>("default", deployment(2, json!({}))).await;
        cluster.until::<Deployment>("default", "app1", rolled_out).await;
        sets(&cluster).await.remove(0)
    };
    start().await;
    delete(&cluster, &DeleteParams::foreground()).await;
    assert_eq!((sets(&cluster).await.len(), pods(&cluster).await.len()), (0, 0), "gone before their owner");
    let set = start().await;
    delete(&cluster, &DeleteParams::background()).await;
    cluster.until::<ReplicaSet>("default", &set.name_any(), |set| set.is_none()).await;
    for pod in pods(&cluster).await {
        cluster.until::<Pod>("default", &pod.name_any(), |pod| pod.is_none()).await;
    }
    let set = start().await;
    delete(
        &cluster,
        &DeleteParams { propagation_policy: Some(kube::api::PropagationPolicy::Orphan), ..DeleteParams::default() },
    )
    .await;
    let orphan = cluster.until::<ReplicaSet>("default", &set.name_any(), |set| set.is_some()).await.unwrap();
    assert_eq!((orphan.owner_references().len(), pods(&cluster).await.len()), (0, 2));
    // The same Deployment again takes it in.
    let adopter = cluster.create::<Deployment>("default", deployment(2, json!({}))).await;
    cluster.until::<Deployment>("default", "app1", rolled_out).await;
    let adopted = sets(&cluster).await.remove(0);
    assert_eq!((adopted.uid(), &adopted.owner_references()[0].uid), (set.uid(), &adopter.uid().unwrap()));
    // An owner that never was takes its dependents with it.
    let owner = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "nobody", "uid": "nobody"});
    cluster
        .create::<ServiceAccount>("default", json!({"metadata": {"name": "lost", "ownerReferences": [owner]}}))
        .await;
    cluster.until::<ServiceAccount>("default", "lost", |account| account.is_none()).await;
    cluster.mini.close().await;
}

fn job(extra: Value) -> Value {
    let container = json!({"name": "app1", "image": IMAGE});
    let mut spec = json!({"template": {"spec": {"containers": [container], "restartPolicy": "Never", "imagePullSecrets": [{"name": "regcred"}]}}});
    spec.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    json!({"metadata": {"name": "print1"}, "spec": spec})
}

fn ended(job: Option<&Job>, kind: &str) -> bool {
    let conditions = job.and_then(|job| job.status.as_ref()?.conditions.as_ref());
    conditions.is_some_and(|all| all.iter().any(|condition| condition.type_ == kind && condition.status == "True"))
}

/// The pod of the Job that is not over yet, once it runs.
async fn running(cluster: &Cluster) -> Pod {
    let phase = |pod: Option<&Pod>| pod.and_then(|pod| pod.status.as_ref()?.phase.clone());
    loop {
        let all = pods(cluster).await;
        let open = all.iter().find(|pod| !matches!(phase(Some(pod)).as_deref(), Some("Succeeded" | "Failed")));
        if let Some(pod) = open {
            let name = pod.name_any();
            return cluster
                .until::<Pod>("default", &name, |pod| phase(pod).as_deref() == Some("Running"))
                .await
                .unwrap();
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_job_heals_fails_once_completes_and_is_deleted() {
    let cluster = Cluster::start(50.0).await;
    cluster.create::<Job>("default", job(json!({"ttlSecondsAfterFinished": 1}))).await;
    cluster
        .until::<Job>("default", "print1", |job| {
            job.is_some_and(|job| job.status.as_ref().is_some_and(|status| status.active == Some(1)))
        })
        .await;
    cluster.secret("regcred", "right").await;
    let first = running(&cluster).await;
    assert_eq!(first.labels()["batch.kubernetes.io/job-name"], "print1");
    cluster.runtime.exit("app1", 1);
    cluster
        .until::<Job>("default", "print1", |job| {
            job.is_some_and(|job| job.status.as_ref().is_some_and(|status| status.failed == Some(1)))
        })
        .await;
    let second = running(&cluster).await;
    assert_ne!(first.uid(), second.uid());
    cluster.runtime.exit("app1", 0);
    cluster.until::<Job>("default", "print1", |job| ended(job, "Complete")).await;
    let told = messages(&cluster, "Job").await;
    assert_eq!(told.last().unwrap(), "Job completed", "{told:?}");
    assert_eq!(told.len(), 3, "{told:?}");
    // A second after it ended it goes, and its pods with it.
    cluster.until::<Job>("default", "print1", |job| job.is_none()).await;
    for pod in pods(&cluster).await {
        cluster.until::<Pod>("default", &pod.name_any(), |pod| pod.is_none()).await;
    }
    cluster.mini.close().await;
}

#[tokio::test]
async fn a_job_that_fails_too_often_is_over_and_its_pods_go_with_it() {
    let cluster = Cluster::start(50.0).await;
    cluster.runtime.serve(IMAGE, None);
    cluster.create::<Job>("default", job(json!({"backoffLimit": 0}))).await;
    running(&cluster).await;
    cluster.runtime.exit("app1", 3);
    cluster.until::<Job>("default", "print1", |job| ended(job, "Failed")).await;
    assert_eq!(messages(&cluster, "Job").await.last().unwrap(), "Job has reached the specified backoff limit");
    cluster.api::<Job>("default").delete("print1", &DeleteParams::background()).await.unwrap();
    for pod in pods(&cluster).await {
        cluster.until::<Pod>("default", &pod.name_any(), |pod| pod.is_none()).await;
    }
    // One that is deleted while its pod runs leaves none behind, though nobody has counted it.
    cluster.create::<Job>("default", job(json!({}))).await;
    let pod = running(&cluster).await;
    cluster.api::<Job>("default").delete("print1", &DeleteParams::background()).await.unwrap();
    cluster.until::<Pod>("default", &pod.name_any(), |pod| pod.is_none()).await;
    cluster.mini.close().await;
}
