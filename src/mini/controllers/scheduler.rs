//! Binds pods to the node whose labels they ask for, unless it is cordoned. Weighs nothing: there is one node, and it
//! is never full.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, ObjectReference, Pod, Taint, Toleration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Resource as _, ResourceExt as _};
use serde_json::{Value, json};

use crate::mini::Version;
use crate::mini::events::{EventSource, ObjectEvent, whole};
use crate::mini::watching::{Change, changes};

const NAME: &str = "default-scheduler";

pub(super) async fn run(client: kube::Client, version: Version) {
    let mut nodes = changes::<Node>(Api::all(client.clone()), "");
    let mut pods = changes::<Pod>(Api::all(client.clone()), "spec.nodeName=");
    let mut scheduler = Scheduler { client, version, nodes: None, waiting: BTreeMap::new() };
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

/// What decides about a node.
#[derive(Clone, PartialEq)]
struct Offer {
    name: String,
    cordoned: bool,
    /// Those that keep pods away.
    taints: Vec<Taint>,
    labels: BTreeMap<String, String>,
}

struct Scheduler {
    client: kube::Client,
    version: Version,
    /// By UID; None until they are listed.
    nodes: Option<BTreeMap<String, Offer>>,
    /// Pods that no node takes, by UID.
    waiting: BTreeMap<String, Pod>,
}

impl Scheduler {
    async fn node(&mut self, change: Change<Node>) {
        let nodes = self.nodes.get_or_insert_default();
        match change {
            Change::Applied(node) => {
                let cordoned = node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or_default();
                let taints = node.spec.as_ref().and_then(|spec| spec.taints.clone()).unwrap_or_default();
                let taints = taints.into_iter().filter(|taint| taint.effect != "PreferNoSchedule").collect();
                let offer = Offer { name: node.name_any(), cordoned, taints, labels: node.labels().clone() };
                if nodes.insert(node.uid().unwrap_or_default(), offer.clone()) == Some(offer) {
                    return;
                }
            }
            Change::Deleted(node) => _ = nodes.remove(&node.uid),
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
        let tolerations = spec.tolerations.unwrap_or_default();
        let tolerated = |taint: &Taint| tolerations.iter().any(|toleration| tolerates(toleration, taint));
        let tolerant = tolerated(&cordon());
        // The first filter that a node does not pass gives its reason.
        let fault = |offer: &Offer| match wanted.iter().all(|(key, value)| offer.labels.get(key) == Some(value)) {
            _ if offer.cordoned && !tolerant => Some("node(s) were unschedulable"),
            _ if !offer.taints.iter().all(tolerated) => Some("node(s) had untolerated taint(s)"),
            false => Some("node(s) didn't match Pod's node affinity/selector"),
            true => None,
        };
        if let Some(fit) = self.nodes.iter().flat_map(BTreeMap::values).find(|offer| fault(offer).is_none()) {
            return self.bind(&pod, &fit.name).await;
        }
        self.waiting.insert(uid, pod.clone());
        if let Some(nodes) = self.nodes.as_ref().filter(|_| !unschedulable(&pod)) {
            let message = unfit(nodes.values().filter_map(fault).collect(), self.version);
            self.refuse(&pod, &message).await;
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
        self.tell(pod, ObjectEvent::normal("Scheduled", message)).await;
        // A refusal means that the pod is gone or going.
        let _: kube::Result<Value> = api.create_subresource("binding", &name, &PostParams::default(), &binding).await;
    }

    async fn refuse(&self, pod: &Pod, message: &str) {
        let condition = json!({
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message,
            "lastTransitionTime": Time(Timestamp::now()),
        });
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &pod.namespace().unwrap_or_default());
        let patch = Patch::Merge(json!({ "status": { "conditions": [condition] } }));
        let _ = api.patch_status(&pod.name_any(), &PatchParams::default(), &patch).await;
        self.tell(pod, ObjectEvent::warning("FailedScheduling", message)).await;
    }

    /// Told at once: what the kubelet tells comes after it.
    async fn tell(&self, pod: &Pod, event: ObjectEvent) {
        let about = ObjectReference { resource_version: pod.resource_version(), ..pod.object_ref(&()) };
        let source = EventSource { component: NAME, host: String::new(), timelapse: 1.0 };
        if let Some(event) = whole(about, event, 1, &source, Timestamp::now()) {
            let api = Api::namespaced(self.client.clone(), &pod.namespace().unwrap_or_default());
            let _ = api.create(&PostParams::default(), &event).await;
        }
    }
}

/// Why no node takes the pod, from each node's fault (`framework.FitError`).
fn unfit(faults: Vec<&str>, version: Version) -> String {
    let count = faults.len();
    if count == 0 {
        return "no nodes available to schedule pods".to_owned();
    }
    let mut reasons = BTreeMap::<&str, usize>::new();
    faults.into_iter().for_each(|fault| *reasons.entry(fault).or_default() += 1);
    let mut reasons: Vec<_> = reasons.into_iter().map(|(fault, nodes)| format!("{nodes} {fault}")).collect();
    reasons.sort();
    // The plugin that says so is on by default since 1.34.
    let claims = if version >= (Version { major: 1, minor: 34 }) { "no new claims to deallocate, " } else { "" };
    format!(
        "0/{count} nodes are available: {}. {claims}preemption: 0/{count} nodes are available: {count} Preemption is \
         not helpful for scheduling.",
        reasons.join(", ")
    )
}

/// What a node that is cordoned counts as.
fn cordon() -> Taint {
    let (key, effect) = ("node.kubernetes.io/unschedulable".to_owned(), "NoSchedule".to_owned());
    Taint { key, effect, ..Taint::default() }
}

/// `Toleration.ToleratesTaint`.
fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let is =
        |field: &Option<String>, wanted: &str| field.as_deref().is_none_or(|text| text.is_empty() || text == wanted);
    let exists = toleration.operator.as_deref() == Some("Exists");
    let same_value = toleration.value.as_deref().unwrap_or_default() == taint.value.as_deref().unwrap_or_default();
    is(&toleration.key, &taint.key) && is(&toleration.effect, &taint.effect) && (exists || same_value)
}

fn unschedulable(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.reason.as_deref() == Some("Unschedulable"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_node_takes_a_pod_in_the_words_of_each_version() {
        let old = Version { major: 1, minor: 33 };
        assert_eq!(unfit(vec![], old), "no nodes available to schedule pods");
        let tail = "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
        let cordoned = "0/1 nodes are available: 1 node(s) were unschedulable. ";
        let faults = || vec!["node(s) were unschedulable"];
        assert_eq!(unfit(faults(), old), format!("{cordoned}{tail}"));
        assert_eq!(unfit(faults(), Version::LATEST), format!("{cordoned}no new claims to deallocate, {tail}"));
    }

    #[test]
    fn a_taint_is_tolerated_by_key_and_value_or_by_all() {
        let toleration = |text: Value| serde_json::from_value::<Toleration>(text).unwrap();
        for yes in [
            json!({"operator": "Exists"}),
            json!({"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"}),
        ] {
            assert!(tolerates(&toleration(yes.clone()), &cordon()), "{yes}");
        }
        for no in [
            json!({"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}),
            json!({"key": "node.kubernetes.io/unschedulable", "operator": "Equal", "value": "x"}),
        ] {
            assert!(!tolerates(&toleration(no.clone()), &cordon()), "{no}");
        }
        let taint = Taint { key: "k".into(), value: Some("v".into()), effect: "NoSchedule".into(), ..Taint::default() };
        for (value, holds) in [("v", true), ("w", false)] {
            assert_eq!(tolerates(&toleration(json!({"key": "k", "value": value})), &taint), holds);
        }
    }
}
