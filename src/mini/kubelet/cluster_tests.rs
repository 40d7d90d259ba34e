//! Kubelet and controllers against mini's own API, in this process, over a runtime that runs nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace, Node, Pod, Secret, ServiceAccount};
use kube::ResourceExt as _;
use kube::api::{Api, DeleteParams, LogParams, Patch, PatchParams, PostParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watcher};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::mini::runtime::Runtime as _;
use crate::mini::tests::null::NullRuntime;
use crate::mini::{Mini, MiniOptions, Version};
use crate::registry::Credentials;

pub(crate) const IMAGE: &str = "docker.io/cloudwithvarjosh/app1:1.0.0";
const NODE: &str = "mini-control-plane";
const PATIENCE: Duration = Duration::from_secs(20);
const AT_ONCE: Duration = Duration::from_secs(6);

pub(in crate::mini) struct Cluster {
    pub mini: Mini,
    pub client: kube::Client,
    pub runtime: Arc<NullRuntime>,
}

impl Cluster {
    pub(crate) async fn start(timelapse: f64) -> Self {
        let runtime = Arc::new(NullRuntime::new());
        runtime.serve(IMAGE, Some(Credentials::new("varjosh", "right")));
        let version = Version { major: 1, minor: 36 };
        let options = MiniOptions { node_name: NODE.into(), version, timelapse, runtime: runtime.clone() };
        let mini = Mini::start(options).await.unwrap();
        let client = mini.client();
        let cluster = Self { mini, client, runtime };
        cluster.until::<ServiceAccount>("default", "default", |account| account.is_some()).await;
        // Every pod mounts it; one that finds it missing tries again after ten seconds.
        cluster.until::<ConfigMap>("default", "kube-root-ca.crt", |map| map.is_some()).await;
        cluster
    }

    pub(crate) fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    pub(crate) async fn create<K>(&self, namespace: &str, object: Value) -> K
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>
            + DeserializeOwned
            + serde::Serialize
            + Clone
            + std::fmt::Debug,
        K::DynamicType: Default,
    {
        let object: K = serde_json::from_value(object).unwrap();
        self.api::<K>(namespace).create(&PostParams::default(), &object).await.unwrap()
    }

    async fn pod(&self, name: &str, spec: Value) -> Pod {
        self.create("default", json!({"metadata": {"name": name}, "spec": spec})).await
    }

    pub(crate) async fn secret(&self, name: &str, password: &str) {
        let config = Credentials::new("varjosh", password).dockerconfigjson(&["https://index.docker.io/v1/"]);
        let secret = json!({"metadata": {"name": name}, "type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": config}});
        self.create::<Secret>("default", secret).await;
    }

    /// Watches an object until it is as wanted; None is its absence.
    pub(crate) async fn until<K>(&self, namespace: &str, name: &str, wanted: impl Fn(Option<&K>) -> bool) -> Option<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>
            + DeserializeOwned
            + Clone
            + std::fmt::Debug
            + Send
            + 'static,
        K::DynamicType: Default,
    {
        let waiting = kube::runtime::wait::await_condition(self.api::<K>(namespace), name, wanted);
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(found) => found.unwrap(),
            Err(_) => panic!("{name} is {:?}", self.api::<K>(namespace).get_opt(name).await),
        }
    }

    /// Every distinct `phase/reason` a pod goes through from now on, until it reaches `last`. The watch is open
    /// when this returns.
    async fn trace(&self, name: &str, last: &'static str) -> tokio::task::JoinHandle<Vec<String>> {
        let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
        let mut changes = watcher(self.api::<Pod>("default"), config).default_backoff().boxed();
        let mut trace: Vec<String> = Vec::new();
        let mut note = move |event| {
            match event {
                watcher::Event::Apply(pod) | watcher::Event::InitApply(pod) => trace.push(state(&pod)),
                watcher::Event::Delete(_) => trace.push("deleted".to_owned()),
                watcher::Event::Init | watcher::Event::InitDone => {}
            }
            trace.dedup();
            trace.clone()
        };
        loop {
            let event = changes.next().await.unwrap().unwrap();
            let listed = matches!(event, watcher::Event::InitDone);
            note(event);
            if listed {
                break;
            }
        }
        tokio::spawn(async move {
            loop {
                let trace = note(changes.next().await.unwrap().unwrap());
                if trace.last().is_some_and(|state| state == last) {
                    return trace;
                }
            }
        })
    }

    /// The events of a pod once one of `reason` is among them: the kubelet writes them beside the status.
    pub(crate) async fn events_until(&self, pod: &str, reason: &str) -> Vec<String> {
        let every = crate::wait::Wake::Every(Duration::from_millis(5));
        let probe = async || {
            let events = self.events(pod).await;
            match events.iter().any(|event| event.starts_with(reason)) {
                true => crate::wait::Probe::Done(events),
                false => crate::wait::Probe::Pending(format!("{events:?}")),
            }
        };
        crate::wait::until(reason, PATIENCE, every, probe).await.unwrap()
    }

    /// `reason xcount message` of a pod's events, oldest first.
    async fn events(&self, pod: &str) -> Vec<String> {
        let all = self.api::<Event>("default").list(&kube::api::ListParams::default()).await.unwrap();
        let mut events: Vec<_> =
            all.into_iter().filter(|event| event.involved_object.name.as_deref() == Some(pod)).collect();
        events.sort_by_key(|event| event.name_any());
        let text = |event: Event| {
            let (reason, message) = (event.reason.unwrap_or_default(), event.message.unwrap_or_default());
            format!("{reason} x{} {message}", event.count.unwrap_or(1))
        };
        events.into_iter().map(text).collect()
    }

    /// Ends everything; no container may be left.
    async fn close(self) {
        tokio::time::timeout(PATIENCE, self.mini.close()).await.unwrap();
        assert_eq!(self.runtime.running(), 0);
    }
}

fn state(pod: &Pod) -> String {
    let status = pod.status.clone().unwrap_or_default();
    let of = status
        .container_statuses
        .unwrap_or_default()
        .first()
        .and_then(|status| status.state.clone())
        .unwrap_or_default();
    let reason = match (of.waiting, of.running, of.terminated) {
        (Some(waiting), ..) => waiting.reason.unwrap(),
        (_, Some(_), _) => "running".into(),
        (.., Some(ended)) => ended.reason.unwrap(),
        _ => "none".into(),
    };
    let terminating = if pod.metadata.deletion_timestamp.is_some() { "/terminating" } else { "" };
    format!("{}/{reason}{terminating}", status.phase.unwrap_or_default())
}

fn running(pod: Option<&Pod>) -> bool {
    pod.is_some_and(|pod| state(pod) == "Running/running")
}

fn one_container(secrets: &[&str]) -> Value {
    let secrets: Vec<_> = secrets.iter().map(|name| json!({"name": name})).collect();
    json!({"containers": [{"name": "app", "image": IMAGE}], "imagePullSecrets": secrets})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stuck_pod_heals_when_its_secret_appears_and_is_deleted() {
    let cluster = Cluster::start(200.0).await;
    let trace = cluster.trace("mypod", "Running/running").await;
    cluster.pod("mypod", one_container(&["regcred"])).await;
    cluster
        .until::<Pod>("default", "mypod", |pod| pod.is_some_and(|pod| state(pod) == "Pending/ImagePullBackOff"))
        .await;
    cluster.secret("regcred", "right").await;
    let pod = cluster.until::<Pod>("default", "mypod", running).await.unwrap();
    let trace = trace.await.unwrap();
    let known = ["Pending/none", "Pending/ContainerCreating", "Pending/ErrImagePull", "Pending/ImagePullBackOff"];
    assert_eq!(trace[..4], known);
    assert_eq!(trace.last().unwrap(), "Running/running");
    assert!(trace.iter().all(|state| known.contains(&state.as_str()) || state == "Running/running"), "{trace:?}");

    let status = pod.status.unwrap();
    let container = &status.container_statuses.unwrap()[0];
    assert!(container.container_id.as_deref().unwrap().starts_with("null://app."));
    assert!(container.image_id.starts_with("docker.io/cloudwithvarjosh/app1@sha256:"));
    assert!(status.conditions.unwrap().iter().all(|condition| condition.status == "True"));
    assert_eq!(status.qos_class.as_deref(), Some("BestEffort"));

    let files = cluster.runtime.started()[0].files.clone();
    let mounted = "/var/run/secrets/kubernetes.io/serviceaccount";
    let names: Vec<_> = files.keys().map(|path| path.strip_prefix(mounted).unwrap()).collect();
    assert_eq!(names, ["/ca.crt", "/namespace", "/token"]);
    assert_eq!(files[&format!("{mounted}/namespace")], "default");
    assert!(files[&format!("{mounted}/token")].len() > 100);

    let events = cluster.events_until("mypod", "Started").await;
    let reasons: Vec<_> = events.iter().map(|event| event.split(' ').next().unwrap()).collect();
    // The scheduler and the kubelet write side by side; from the first Pulling on the order is the kubelet's.
    assert!(reasons.contains(&"Scheduled") && reasons.contains(&"FailedToRetrieveImagePullSecret"));
    let pull: Vec<_> =
        reasons.into_iter().filter(|r| !["Scheduled", "FailedToRetrieveImagePullSecret"].contains(r)).collect();
    assert_eq!(pull, ["Pulling", "Failed", "Failed", "BackOff", "Failed", "Pulled", "Created", "Started"]);

    let trace = cluster.trace("mypod", "deleted").await;
    cluster.api::<Pod>("default").delete("mypod", &DeleteParams::default()).await.unwrap();
    let trace = trace.await.unwrap();
    assert_eq!(trace, ["Running/running", "Running/running/terminating", "Failed/Error/terminating", "deleted"]);
    assert_eq!(cluster.runtime.running(), 0);
    cluster.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_never_ran_is_deleted_as_recorded() {
    let cluster = Cluster::start(1.0).await;
    cluster.pod("mypod", one_container(&[])).await;
    cluster.until::<Pod>("default", "mypod", |pod| pod.is_some_and(|pod| state(pod) == "Pending/ErrImagePull")).await;
    let trace = cluster.trace("mypod", "deleted").await;
    cluster.api::<Pod>("default").delete("mypod", &DeleteParams::default()).await.unwrap();
    let recorded = [
        "Pending/ErrImagePull",
        "Pending/ErrImagePull/terminating",
        "Pending/ContainerCreating/terminating",
        "Failed/ContainerStatusUnknown/terminating",
        "deleted",
    ];
    assert_eq!(trace.await.unwrap(), recorded);
    cluster.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_pull_holds_up_the_others_but_not_its_own_deletion() {
    let cluster = Cluster::start(1.0).await;
    cluster.runtime.serve("docker.io/a/free:1", None);
    cluster.runtime.set_latency(Duration::from_secs(60));
    let free = json!({"containers": [{"name": "app", "image": "a/free:1"}]});
    cluster.pod("hanging", free.clone()).await;
    cluster
        .until::<Pod>("default", "hanging", |pod| pod.is_some_and(|pod| state(pod) == "Pending/ContainerCreating"))
        .await;
    while cluster.runtime.pulls().is_empty() {
        tokio::task::yield_now().await;
    }
    cluster.runtime.set_latency(Duration::ZERO);
    cluster.pod("behind", free).await;
    cluster
        .until::<Pod>("default", "behind", |pod| pod.is_some_and(|pod| state(pod) == "Pending/ContainerCreating"))
        .await;
    assert_eq!(cluster.runtime.pulls().len(), 1, "one pull at a time");
    cluster.api::<Pod>("default").delete("hanging", &DeleteParams::default()).await.unwrap();
    cluster.until::<Pod>("default", "behind", running).await;
    cluster.until::<Pod>("default", "hanging", |pod| pod.is_none()).await;
    cluster.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_image_an_exit_and_an_eviction() {
    let cluster = Cluster::start(200.0).await;
    for image in ["docker.io/a/b:1", "docker.io/a/b:2"] {
        cluster.runtime.serve(image, None);
    }
    cluster.pod("p", json!({"containers": [{"name": "c", "image": "a/b:1"}]})).await;
    cluster.until::<Pod>("default", "p", running).await;
    let patch = Patch::Strategic(json!({"spec": {"containers": [{"name": "c", "image": "a/b:2"}]}}));
    cluster.api::<Pod>("default").patch("p", &PatchParams::default(), &patch).await.unwrap();
    let restarted = |count: i32| {
        move |pod: Option<&Pod>| {
            running(pod)
                && pod.unwrap().status.as_ref().unwrap().container_statuses.as_ref().unwrap()[0].restart_count == count
        }
    };
    cluster.until::<Pod>("default", "p", restarted(1)).await;
    assert_eq!(cluster.runtime.running(), 1);
    let previous = LogParams { previous: true, ..LogParams::default() };
    let said = cluster.api::<Pod>("default").logs("p", &previous).await.unwrap();
    assert_eq!(said, "c.00000000 started\n", "what the one before printed");
    cluster.runtime.exit("c", 1);
    cluster.until::<Pod>("default", "p", restarted(2)).await;
    assert!(cluster.runtime.image_status("a/b:2").await.is_some());
    let image = format!("/api/v1/nodes/{NODE}/proxy/images/docker.io/a/b:2");
    cluster.client.request_text(http::Request::delete(image).body(Vec::new()).unwrap()).await.unwrap();
    assert!(cluster.runtime.image_status("a/b:2").await.is_none());
    assert!(cluster.runtime.image_status("a/b:1").await.is_some());
    cluster.close().await;
}

/// In real time: a kubelet that did not heed these would next look after ten seconds, or end after thirty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_during_a_pull_and_a_shortened_grace_are_heeded_at_once() {
    let cluster = Cluster::start(1.0).await;
    cluster.runtime.serve("docker.io/a/b:2", None);
    cluster.runtime.set_latency(Duration::from_millis(300));
    cluster.pod("p", json!({"containers": [{"name": "c", "image": "a/b:1"}]})).await;
    // The first sync is repeated in any case: the change that counts falls into a later one.
    for (image, begun) in [("a/b:3", 1), ("a/b:2", 2)] {
        while cluster.runtime.pulls().len() < begun {
            tokio::task::yield_now().await;
        }
        let patch = Patch::Strategic(json!({"spec": {"containers": [{"name": "c", "image": image}]}}));
        cluster.api::<Pod>("default").patch("p", &PatchParams::default(), &patch).await.unwrap();
    }
    tokio::time::timeout(AT_ONCE, cluster.until::<Pod>("default", "p", running)).await.expect("the other image");
    cluster.runtime.be_stubborn();
    for delete in [DeleteParams::default(), DeleteParams::default().grace_period(1)] {
        cluster.api::<Pod>("default").delete("p", &delete).await.unwrap();
        cluster.events_until("p", "Killing").await;
    }
    let gone = cluster.until("default", "p", |pod: Option<&Pod>| pod.is_none());
    tokio::time::timeout(AT_ONCE, gone).await.expect("the shorter grace");
    cluster.close().await;
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_nothing_running() {
    let runtime = Arc::new(NullRuntime::new());
    let options =
        MiniOptions { node_name: NODE.into(), version: Version::LATEST, timelapse: 1.0, runtime: runtime.clone() };
    let mut start = Box::pin(Mini::start(options));
    assert!(futures::poll!(&mut start).is_pending());
    assert!(Arc::strong_count(&runtime) > 1, "it has begun");
    drop(start);
    let ends = async {
        while Arc::strong_count(&runtime) > 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, ends).await.expect("all tasks end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn environment_and_files_come_from_the_api() {
    let cluster = Cluster::start(200.0).await;
    cluster.runtime.serve("docker.io/a/b:1", None);
    let container = json!({
        "name": "c", "image": "a/b:1", "args": ["--user=$(USER)"],
        "env": [
            {"name": "USER", "valueFrom": {"secretKeyRef": {"name": "s", "key": "user"}}},
            {"name": "GREETING", "value": "hello $(USER)"},
            {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
        "envFrom": [{"prefix": "CM_", "configMapRef": {"name": "m"}}],
        "volumeMounts": [{"name": "v", "mountPath": "/etc/conf"}],
    });
    let volumes = json!([{"name": "v", "configMap": {"name": "m", "items": [{"key": "k", "path": "d/k.txt"}]}}]);
    let spec = json!({"containers": [container], "volumes": volumes, "automountServiceAccountToken": false});
    cluster.create::<ConfigMap>("default", json!({"metadata": {"name": "m"}, "data": {"k": "v"}})).await;
    cluster.pod("p", spec).await;
    cluster
        .until::<Pod>("default", "p", |pod| pod.is_some_and(|pod| state(pod) == "Pending/CreateContainerConfigError"))
        .await;
    cluster.create::<Secret>("default", json!({"metadata": {"name": "s"}, "stringData": {"user": "varjosh"}})).await;
    cluster.until::<Pod>("default", "p", running).await;
    let started = cluster.runtime.started().remove(0);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let expected = [pair("CM_k", "v"), pair("USER", "varjosh"), pair("GREETING", "hello varjosh"), pair("NAME", "p")];
    assert_eq!(started.env, expected);
    assert_eq!(started.args, ["--user=varjosh"]);
    assert_eq!(started.files.keys().collect::<Vec<_>>(), ["/etc/conf/d/k.txt"]);
    cluster.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn namespaces_get_their_defaults_and_end_with_their_contents() {
    let cluster = Cluster::start(200.0).await;
    let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
    let demo: Namespace = serde_json::from_value(json!({"metadata": {"name": "demo"}})).unwrap();
    namespaces.create(&PostParams::default(), &demo).await.unwrap();
    let first = cluster.until::<ServiceAccount>("demo", "default", |account| account.is_some()).await.unwrap();
    cluster.until::<ConfigMap>("demo", "kube-root-ca.crt", |map| map.is_some()).await;
    cluster.api::<ServiceAccount>("demo").delete("default", &DeleteParams::default()).await.unwrap();
    let again = move |account: Option<&ServiceAccount>| account.is_some_and(|account| account.uid() != first.uid());
    cluster.until::<ServiceAccount>("demo", "default", again).await;
    cluster.runtime.serve("docker.io/a/b:1", None);
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "a/b:1"}]}});
    cluster.create::<Pod>("demo", pod).await;
    cluster.until::<Pod>("demo", "p", running).await;
    namespaces.delete("demo", &DeleteParams::default()).await.unwrap();
    let gone = kube::runtime::wait::await_condition(namespaces.clone(), "demo", |namespace: Option<&Namespace>| {
        namespace.is_none()
    });
    tokio::time::timeout(PATIENCE, gone).await.expect("the namespace goes").unwrap();
    let lease = namespaces.get("kube-node-lease").await.unwrap();
    namespaces.delete("kube-node-lease", &DeleteParams::default()).await.unwrap();
    let back =
        kube::runtime::wait::await_condition(namespaces, "kube-node-lease", move |namespace: Option<&Namespace>| {
            namespace.is_some_and(|namespace| namespace.uid() != lease.uid())
        });
    tokio::time::timeout(PATIENCE, back).await.expect("the system's namespace comes back").unwrap();
    assert_eq!(cluster.runtime.running(), 0);
    assert!(cluster.api::<Secret>("demo").list(&Default::default()).await.unwrap().items.is_empty());
    cluster.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_waits_for_a_node_that_it_fits() {
    let cluster = Cluster::start(200.0).await;
    cluster.runtime.serve("docker.io/a/b:1", None);
    let spec = json!({"containers": [{"name": "c", "image": "a/b:1"}], "nodeSelector": {"disk": "ssd"}});
    cluster.pod("p", spec).await;
    let unschedulable = |pod: Option<&Pod>| {
        let conditions = pod.and_then(|pod| pod.status.as_ref()?.conditions.clone()).unwrap_or_default();
        conditions.iter().any(|condition| condition.reason.as_deref() == Some("Unschedulable"))
    };
    cluster.until::<Pod>("default", "p", unschedulable).await;
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    let patch = Patch::Merge(json!({"metadata": {"labels": {"disk": "ssd"}}}));
    nodes.patch(NODE, &PatchParams::default(), &patch).await.unwrap();
    cluster.until::<Pod>("default", "p", running).await;
    let events = cluster.events("p").await;
    assert!(events[0].starts_with("FailedScheduling x1 0/1 nodes are available: 1 node(s) didn't match"), "{events:?}");
    let cordon = async |cordoned: bool| {
        let patch = Patch::Merge(json!({"spec": {"unschedulable": cordoned}}));
        nodes.patch(NODE, &PatchParams::default(), &patch).await.unwrap();
    };
    cordon(true).await;
    let tolerant = json!({"containers": [{"name": "c", "image": "a/b:1"}], "tolerations": [{"operator": "Exists"}]});
    cluster.pod("q", json!({"containers": [{"name": "c", "image": "a/b:1"}]})).await;
    cluster.until::<Pod>("default", "q", unschedulable).await;
    cluster.pod("r", tolerant).await;
    cluster.until::<Pod>("default", "r", running).await;
    cordon(false).await;
    cluster.until::<Pod>("default", "q", running).await;
    let other = json!({"metadata": {"name": "other", "labels": {"disk": "hdd"}}});
    nodes.create(&PostParams::default(), &serde_json::from_value(other).unwrap()).await.unwrap();
    let there = json!({"containers": [{"name": "c", "image": "a/b:1"}], "nodeSelector": {"disk": "hdd"}});
    // Once a pod is bound to it, the scheduler knows the node.
    let mut tolerant = there.clone();
    tolerant["tolerations"] = json!([{"operator": "Exists"}]);
    cluster.pod("t", tolerant).await;
    let bound =
        |pod: Option<&Pod>| pod.is_some_and(|pod| pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some()));
    cluster.until::<Pod>("default", "t", bound).await;
    cluster.pod("s", there).await;
    cluster.until::<Pod>("default", "s", unschedulable).await;
    let events = cluster.events_until("s", "FailedScheduling").await;
    assert!(events[0].contains("1 node(s) had untolerated taint(s)"), "{events:?}");
    cluster.close().await;
}

/// Not a bench: a bound far above what it takes, against a change that makes it quadratic.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_pods_run() {
    let cluster = Cluster::start(200.0).await;
    cluster.runtime.serve("docker.io/a/b:1", None);
    let begun = Instant::now();
    for number in 0..1000 {
        cluster.pod(&format!("p{number}"), json!({"containers": [{"name": "c", "image": "a/b:1"}]})).await;
    }
    let mut changes = watcher(cluster.api::<Pod>("default"), watcher::Config::default()).boxed();
    let mut up = std::collections::BTreeSet::new();
    while up.len() < 1000 {
        let next = tokio::time::timeout(PATIENCE, changes.next()).await.expect("pods come up").unwrap().unwrap();
        if let watcher::Event::Apply(pod) | watcher::Event::InitApply(pod) = next
            && running(Some(&pod))
        {
            up.insert(pod.name_any());
        }
    }
    eprintln!("1000 pods running after {:?}", begun.elapsed());
    cluster.close().await;
}
