//! The kind config of a cluster: what the user brought, with our nodes, mounts and patches put on top. Pure but for
//! reading the user's file.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::cluster::Error;

/// What a config must bring about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Config {
    pub workers: u32,
    /// The host has cgroup v1: from 1.35 on the kubelet refuses that unless told not to.
    pub cgroup_v1: bool,
    /// A folder of this machine with [`CNI`] in it.
    pub cni: PathBuf,
    /// The session's lock, mounted into every node: who finds a node asks it whether the cluster is anybody's still.
    pub owner: PathBuf,
}

/// Where a node has its session's lock.
pub(super) const OWNER: &str = "/var/lib/rehearsal/owner";

/// The node's CNI configuration as kindnet will write it, over this one and under this name, for the first node of
/// kind's own pod subnet. With it the node is ready when the kubelet registers it; without, once kindnet's pod runs and
/// the kubelet looks again, ten seconds and more later.
pub(super) const CNI: (&str, &str) = (
    "10-kindnet.conflist",
    r#"{
  "cniVersion": "0.3.1",
  "name": "kindnet",
  "plugins": [
    {
      "type": "ptp",
      "ipMasq": false,
      "ipam": {
        "type": "host-local",
        "dataDir": "/run/cni-ipam-state",
        "routes": [{ "dst": "0.0.0.0/0" }],
        "ranges": [[{ "subnet": "10.244.0.0/24" }]]
      }
    },
    { "type": "portmap", "capabilities": { "portMappings": true } }
  ]
}
"#,
);

/// What lets a cluster's controllers and scheduler begin seconds sooner, as arguments of each: both ask to lead before
/// they may, and again after two seconds and more; kube-controller-manager makes an account and a token for each of its
/// fifty controllers before it starts any, by its own will twenty requests a second.
const SCHEDULER_SOONER: [(&str, &str); 1] = [("leader-elect-retry-period", "500ms")];
const CONTROLLERS_SOONER: [(&str, &str); 3] =
    [("kube-api-burst", "300"), ("kube-api-qps", "200"), ("leader-elect-retry-period", "500ms")];

/// Both in each version of kubeadm's configuration; kind applies what fits. kind itself has put arguments there for the
/// controller manager, and none for the scheduler.
fn sooner() -> [Value; 2] {
    let patch = |version: &str, mut add: Vec<(String, Value)>, all: Value| {
        add.push(("/scheduler/extraArgs".into(), all));
        let add: Vec<_> =
            add.into_iter().map(|(path, value)| json!({ "op": "add", "path": path, "value": value })).collect();
        // JSON is YAML, and kind wants text.
        let patch = json!(add).to_string();
        json!({ "group": "kubeadm.k8s.io", "version": version, "kind": "ClusterConfiguration", "patch": patch })
    };
    let named = |(name, value): (&str, &str)| json!({ "name": name, "value": value });
    let by_name = |(name, value)| (format!("/controllerManager/extraArgs/{name}"), json!(value));
    let appended = |argument| ("/controllerManager/extraArgs/-".to_owned(), named(argument));
    [
        patch("v1beta3", CONTROLLERS_SOONER.map(by_name).into(), SCHEDULER_SOONER.into_iter().collect()),
        patch("v1beta4", CONTROLLERS_SOONER.map(appended).into(), SCHEDULER_SOONER.map(named).into_iter().collect()),
    ]
}

const KUBELET_ON_CGROUP_V1: &str = "kind: KubeletConfiguration\nfailCgroupV1: false\n";

/// Does it leave to kind all that [`CNI`] and [`sooner`] build on? kind itself gives the scheduler arguments for feature
/// gates and for other networks than its own.
fn is_plain(config: &Map<String, Value>) -> bool {
    let patched = |map: &Map<String, Value>| map.keys().any(|key| key.starts_with("kubeadmConfigPatches"));
    let mut nodes = config.get("nodes").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
    let spoken = ["networking", "featureGates"].iter().any(|key| config.contains_key(*key));
    !(spoken || patched(config) || nodes.any(patched))
}

impl Config {
    /// The config as YAML.
    ///
    /// # Errors
    /// Where the user's file cannot be read or is no kind config.
    pub(super) fn render(&self, users: Option<&Path>) -> Result<String, Error> {
        let base = match users {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.into(), source })?;
                let unfit = |problem: String| Error::KindConfig { path: path.into(), problem };
                serde_saphyr::from_str(&text).map_err(|error| unfit(error.to_string()))?
            }
            None => json!({}),
        };
        let merged = self
            .merge(base)
            .map_err(|problem| Error::KindConfig { path: users.map(Into::into).unwrap_or_default(), problem })?;
        serde_saphyr::to_string(&merged)
            .map_err(|error| Error::KindConfig { path: Default::default(), problem: error.to_string() })
    }

    fn merge(&self, mut config: Value) -> Result<Value, String> {
        let map = config.as_object_mut().ok_or("it is not a mapping")?;
        match map.get("kind").and_then(Value::as_str) {
            None | Some("Cluster") => {}
            Some(other) => return Err(format!("its kind is `{other}`, not `Cluster`")),
        }
        map.insert("kind".into(), json!("Cluster"));
        map.insert("apiVersion".into(), json!("kind.x-k8s.io/v1alpha4"));
        let plain = is_plain(map);
        let nodes = map.entry("nodes").or_insert_with(|| json!([{ "role": "control-plane" }]));
        let nodes = nodes.as_array_mut().ok_or("its `nodes` is not a list")?;
        nodes.extend((0..self.workers).map(|_| json!({ "role": "worker" })));
        let alone = nodes.len() == 1;
        for node in nodes {
            let node = node.as_object_mut().ok_or("one of its `nodes` is not a mapping")?;
            let mounts = node.entry("extraMounts").or_insert_with(|| json!([]));
            let mounts = mounts.as_array_mut().ok_or("a node's `extraMounts` is not a list")?;
            mounts.push(json!({ "hostPath": self.owner, "containerPath": OWNER, "readOnly": true }));
            if plain && alone {
                mounts.push(json!({ "hostPath": self.cni, "containerPath": "/etc/cni/net.d" }));
            }
        }
        if plain {
            map.insert("kubeadmConfigPatchesJSON6902".into(), json!(sooner()));
        }
        if self.cgroup_v1 {
            let patches = map.entry("kubeadmConfigPatches").or_insert_with(|| json!([]));
            patches.as_array_mut().ok_or("its `kubeadmConfigPatches` is not a list")?.push(json!(KUBELET_ON_CGROUP_V1));
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(workers: u32, cgroup_v1: bool) -> Config {
        Config { workers, cgroup_v1, cni: "/p/cni".into(), owner: "/l".into() }
    }

    fn owner() -> Value {
        json!({"hostPath": "/l", "containerPath": OWNER, "readOnly": true})
    }

    fn cni() -> Value {
        json!({"hostPath": "/p/cni", "containerPath": "/etc/cni/net.d"})
    }

    #[test]
    fn nothing_asked_is_one_node() {
        let config = config(0, false).merge(json!({})).unwrap();
        assert_eq!((&config["kind"], &config["apiVersion"]), (&json!("Cluster"), &json!("kind.x-k8s.io/v1alpha4")));
        assert_eq!(config["nodes"], json!([{"role": "control-plane", "extraMounts": [owner(), cni()]}]));
    }

    #[test]
    fn what_makes_a_cluster_of_ours_quick() {
        let workers = config(1, false).merge(json!({})).unwrap();
        assert_eq!(
            workers["nodes"],
            json!([
                {"role": "control-plane", "extraMounts": [owner()]}, {"role": "worker", "extraMounts": [owner()]},
            ])
        );
        let patches = workers["kubeadmConfigPatchesJSON6902"].as_array().unwrap().clone();
        let versions: Vec<_> = patches.iter().map(|patch| patch["version"].as_str().unwrap()).collect();
        assert_eq!(versions, ["v1beta3", "v1beta4"]);
        for patch in &patches {
            let operations: Vec<Value> = serde_json::from_str(patch["patch"].as_str().unwrap()).unwrap();
            let (manager, scheduler) = operations.split_at(CONTROLLERS_SOONER.len());
            let say = |operation: &Value, (name, value): &(&str, &str)| {
                let operation = operation.to_string();
                assert!(operation.contains(name) && operation.contains(value), "{name} {value}: {operation}");
            };
            manager.iter().zip(&CONTROLLERS_SOONER).for_each(|(operation, argument)| say(operation, argument));
            SCHEDULER_SOONER.iter().for_each(|argument| say(&scheduler[0], argument));
        }
        assert!(serde_json::from_str::<Value>(CNI.1).is_ok());
    }

    #[test]
    fn the_users_config_is_kept_and_ours_added() {
        let users = json!({
            "kind": "Cluster",
            "nodes": [{"role": "control-plane", "extraPortMappings": []}],
            "kubeadmConfigPatches": ["theirs"],
            "networking": {"disableDefaultCNI": false},
        });
        let merged = config(2, true).merge(users).unwrap();
        assert_eq!(merged["nodes"].as_array().unwrap().len(), 3);
        assert_eq!(merged["nodes"][0]["extraPortMappings"], json!([]));
        assert_eq!(merged["kubeadmConfigPatches"], json!(["theirs", KUBELET_ON_CGROUP_V1]));
        assert_eq!(merged["networking"]["disableDefaultCNI"], json!(false));
        assert_eq!(merged.get("kubeadmConfigPatchesJSON6902"), None);
    }

    #[test]
    fn a_users_config_that_leaves_it_to_kind_is_as_quick() {
        let theirs = json!({"hostPath": "/data", "containerPath": "/data"});
        let node = json!({"role": "control-plane", "extraMounts": [theirs]});
        let merged = config(0, true).merge(json!({"nodes": [node]})).unwrap();
        assert_eq!(merged["nodes"][0]["extraMounts"], json!([theirs, owner(), cni()]));
        assert_eq!(merged["kubeadmConfigPatchesJSON6902"], json!(sooner()));
        for theirs in [
            json!({"featureGates": {"ImageVolume": true}}),
            json!({"networking": {"ipFamily": "ipv6"}}),
            json!({"kubeadmConfigPatches": []}),
            json!({"nodes": [{"role": "control-plane", "kubeadmConfigPatchesJSON6902": []}]}),
        ] {
            let merged = config(0, false).merge(theirs.clone()).unwrap();
            assert_eq!(merged.get("kubeadmConfigPatchesJSON6902"), None, "{theirs}");
            assert_eq!(merged["nodes"][0]["extraMounts"], json!([owner()]), "{theirs}");
        }
    }

    #[test]
    fn what_is_no_kind_config_is_refused() {
        for (bad, why) in [
            (json!([]), "it is not a mapping"),
            (json!({"kind": "Pod"}), "its kind is `Pod`, not `Cluster`"),
            (json!({"nodes": 3}), "its `nodes` is not a list"),
            (json!({"nodes": [3]}), "one of its `nodes` is not a mapping"),
            (json!({"nodes": [{"extraMounts": "/x"}]}), "a node's `extraMounts` is not a list"),
        ] {
            assert_eq!(config(0, false).merge(bad).unwrap_err(), why);
        }
    }
}
