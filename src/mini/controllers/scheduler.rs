//! Binds pods to the node whose labels they ask for. Weighs nothing: there is one node, and it is never full.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Node, ObjectReference, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Resource as _, ResourceExt as _};
use serde_json::{Value, json};

use crate::mini::watching::{Change, changes};

const NAME: &str = "default-scheduler";

pub(super) async fn run(client: kube::Client) {
    let mut nodes = changes::<Node>(Api::all(client.clone()), "");
    let mut pods = changes::<Pod>(Api::all(client.clone()), "spec.nodeName=");
    let mut scheduler = Scheduler { client, nodes: BTreeMap::new(), waiting: BTreeMap::new() };
    loop {
        tokio::select! {
            Some(change) = nodes.next() => scheduler.node(change).await,
            Some(change) = pods.next() => match change {
                Change::Applied(pod) => scheduler.pod(pod).await,
                Change::Deleted(pod) => _ = scheduler.waiting.remove(&pod.uid),
                Change::Listed => {}
            },
            else => return,
        }
    }
}

type Labels = BTreeMap<String, String>;

struct Scheduler {
    client: kube::Client,
    /// Names and labels of nodes by UID. While there is none, pods wait untold: mini's node is always on its way.
    nodes: BTreeMap<String, (String, Labels)>,
    /// Pods that no node takes, by UID.
    waiting: BTreeMap<String, Pod>,
}

impl Scheduler {
    async fn node(&mut self, change: Change<Node>) {
        match change {
            Change::Applied(node) => {
                let known = (node.name_any(), node.labels().clone());
                if self.nodes.insert(node.uid().unwrap_or_default(), known.clone()) == Some(known) {
                    return;
                }
            }
            Change::Deleted(node) => _ = self.nodes.remove(&node.uid),
            Change::Listed => {}
        }
        for pod in std::mem::take(&mut self.waiting).into_values() {
            self.pod(pod).await;
        }
    }

    async fn pod(&mut self, pod: Pod) {
        let spec = pod.spec.clone().unwrap_or_default();
        let ours = spec.scheduler_name.as_deref().is_none_or(|name| name == NAME);
        if !ours || spec.node_name.is_some() || pod.metadata.deletion_timestamp.is_some() {
            return;
        }
        let uid = pod.uid().unwrap_or_default();
        let wanted = spec.node_selector.unwrap_or_default();
        let fits = |labels: &Labels| wanted.iter().all(|(key, value)| labels.get(key) == Some(value));
        match self.nodes.values().find(|(_, labels)| fits(labels)) {
            Some((node, _)) => self.bind(&pod, node).await,
            None => {
                self.waiting.insert(uid, pod.clone());
                if !self.nodes.is_empty() && !unschedulable(&pod) {
                    self.refuse(&pod).await;
                }
            }
        }
    }

    async fn bind(&self, pod: &Pod, node: &str) {
        let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
        let binding = json!({
            "apiVersion": "v1", "kind": "Binding",
            "metadata": { "name": name, "namespace": namespace, "uid": pod.uid() },
            "target": { "apiVersion": "v1", "kind": "Node", "name": node },
        });
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &namespace);
        // Before the binding: this kubelet is so quick that its first event would come first.
        let message = format!("Successfully assigned {namespace}/{name} to {node}");
        self.tell(pod, ("Normal", "Scheduled", "Binding"), &message).await;
        // A refusal means that the pod is gone or going.
        let _: kube::Result<Value> = api.create_subresource("binding", &name, &PostParams::default(), &binding).await;
    }

    async fn refuse(&self, pod: &Pod) {
        let count = self.nodes.len();
        let message = format!(
            "0/{count} nodes are available: {count} node(s) didn't match Pod's node affinity/selector. \
             preemption: 0/{count} nodes are available: {count} Preemption is not helpful for scheduling."
        );
        let condition = json!({
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message,
            "lastTransitionTime": Time(Timestamp::now()),
        });
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &pod.namespace().unwrap_or_default());
        let patch = Patch::Merge(json!({ "status": { "conditions": [condition] } }));
        let _ = api.patch_status(&pod.name_any(), &PatchParams::default(), &patch).await;
        self.tell(pod, ("Warning", "FailedScheduling", "Scheduling"), &message).await;
    }

    /// The scheduler writes its events through `events.k8s.io`: with an event time and no count.
    async fn tell(&self, pod: &Pod, (kind, reason, action): (&str, &str, &str), message: &str) {
        let now = Timestamp::now();
        let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
        let event = json!({
            "metadata": { "name": format!("{name}.{:x}", now.as_nanosecond()), "namespace": namespace },
            "involvedObject": ObjectReference { resource_version: pod.resource_version(), ..pod.object_ref(&()) },
            "reason": reason, "message": message, "type": kind, "action": action,
            "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
            "reportingComponent": NAME, "reportingInstance": NAME, "source": {},
        });
        if let Ok(event) = serde_json::from_value::<Event>(event) {
            let api = Api::namespaced(self.client.clone(), &namespace);
            let _ = api.create(&PostParams::default(), &event).await;
        }
    }
}

fn unschedulable(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.reason.as_deref() == Some("Unschedulable"))
}
