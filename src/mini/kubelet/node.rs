//! Registers the Node object. Knows what this machine has; decides nothing.

use k8s_openapi::api::core::v1::Node as NodeObject;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::state::Node;
use crate::mini::runtime::architecture;

/// Pods a kubelet takes by default.
const MAX_PODS: &str = "110";

/// Creates the Node, ready from the start, and takes off the taint that new ones have.
///
/// # Errors
/// What the API says.
pub(super) async fn register(client: &kube::Client, node: &Node) -> kube::Result<()> {
    let object = serde_json::from_value(object(node)).map_err(kube::Error::SerdeError)?;
    let nodes = Api::<NodeObject>::all(client.clone());
    nodes.create(&PostParams::default(), &object).await?;
    let untainted = Patch::Merge(json!({"spec": {"taints": null}}));
    nodes.patch(&node.name, &PatchParams::default(), &untainted).await.map(drop)
}

fn object(node: &Node) -> Value {
    let architecture = architecture();
    let cpus = std::thread::available_parallelism().map_or(1, usize::from).to_string();
    let resources = json!({ "cpu": cpus, "memory": memory(), "pods": MAX_PODS });
    let now = Time(jiff::Timestamp::now());
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": now, "lastTransitionTime": now,
        })
    };
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": node.name,
            "labels": {
                "kubernetes.io/arch": architecture,
                "kubernetes.io/hostname": node.name,
                "kubernetes.io/os": "linux",
                "node-role.kubernetes.io/control-plane": "",
            },
        },
        "spec": {},
        "status": {
            "addresses": [
                { "type": "InternalIP", "address": node.ip },
                { "type": "Hostname", "address": node.name },
            ],
            "capacity": resources,
            "allocatable": resources,
            "conditions": [
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
                condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
            ],
            "nodeInfo": {
                "architecture": architecture,
                "bootID": "",
                "containerRuntimeVersion": format!("{}://mini", node.scheme),
                "kernelVersion": kernel(),
                "kubeProxyVersion": "",
                "kubeletVersion": format!("v{}.0", node.version),
                "machineID": "",
                "operatingSystem": "linux",
                "osImage": concat!("rehearsal mini ", env!("CARGO_PKG_VERSION")),
                "systemUUID": "",
            },
        },
    })
}

/// As a quantity in `Ki`, as the kubelet reports it.
fn memory() -> String {
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));
    total.map_or_else(|| "0".to_owned(), |kib| format!("{kib}Ki"))
}

fn kernel() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()
}
