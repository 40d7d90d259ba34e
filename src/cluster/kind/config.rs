//! The kind config of a cluster: what the user brought, with our nodes, mounts and patches put on top. Pure but for
//! reading the user's file.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cluster::Error;

/// What a config must bring about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub workers: u32,
    /// The host has cgroup v1: from 1.35 on the kubelet refuses that unless told not to.
    pub cgroup_v1: bool,
    /// A folder of this machine with [`CNI`] in it, for a cluster of one node; None where the user has a config of their
    /// own.
    pub cni: Option<PathBuf>,
}

/// The node's CNI configuration as kindnet will write it, over this one and under this name, for the first node of
/// kind's own pod subnet. With it the node is ready when the kubelet registers it; without, once kindnet's pod runs and
/// the kubelet looks again, ten seconds and more later.
pub const CNI: (&str, &str) = (
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

/// A cluster's scheduler and controller manager ask to lead before they may, and again two seconds and more later; alone,
/// they may as well ask sooner (kube-controller-manager's and kube-scheduler's `--leader-elect-retry-period`).
const RETRY: (&str, &str) = ("leader-elect-retry-period", "500ms");

/// [`RETRY`] in each version of kubeadm's configuration; kind applies what fits.
fn lead_soon() -> [Value; 2] {
    let (name, value) = RETRY;
    let patch = |version: &str, add: [(&str, Value); 2]| {
        let add = add.map(|(path, value)| json!({ "op": "add", "path": path, "value": value }));
        // JSON is YAML, and kind wants text.
        let patch = json!(add).to_string();
        json!({ "group": "kubeadm.k8s.io", "version": version, "kind": "ClusterConfiguration", "patch": patch })
    };
    let argument = json!({ "name": name, "value": value });
    [
        patch(
            "v1beta3",
            [
                ("/controllerManager/extraArgs/leader-elect-retry-period", json!(value)),
                ("/scheduler/extraArgs", json!({ name: value })),
            ],
        ),
        patch(
            "v1beta4",
            [("/controllerManager/extraArgs/-", argument.clone()), ("/scheduler/extraArgs", json!([argument]))],
        ),
    ]
}

const KUBELET_ON_CGROUP_V1: &str = "kind: KubeletConfiguration\nfailCgroupV1: false\n";

impl Config {
    /// The config as YAML.
    ///
    /// # Errors
    /// Where the user's file cannot be read or is no kind config.
    pub fn render(&self, users: Option<&Path>) -> Result<String, Error> {
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
        let nodes = map.entry("nodes").or_insert_with(|| json!([{ "role": "control-plane" }]));
        let nodes = nodes.as_array_mut().ok_or("its `nodes` is not a list")?;
        nodes.extend((0..self.workers).map(|_| json!({ "role": "worker" })));
        if let (Some(cni), [node]) = (&self.cni, nodes.as_mut_slice()) {
            node["extraMounts"] = json!([{ "hostPath": cni, "containerPath": "/etc/cni/net.d" }]);
        }
        if self.cni.is_some() {
            map.insert("kubeadmConfigPatchesJSON6902".into(), json!(lead_soon()));
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

    #[test]
    fn nothing_asked_is_one_node() {
        let config = Config { workers: 0, cgroup_v1: false, cni: None }.merge(json!({})).unwrap();
        assert_eq!(
            config,
            json!({"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [{"role": "control-plane"}]})
        );
    }

    #[test]
    fn what_makes_a_cluster_of_ours_quick() {
        let with = |workers| Config { workers, cgroup_v1: false, cni: Some("/p/cni".into()) }.merge(json!({})).unwrap();
        let mounts = json!([{"hostPath": "/p/cni", "containerPath": "/etc/cni/net.d"}]);
        assert_eq!(with(0)["nodes"], json!([{"role": "control-plane", "extraMounts": mounts}]));
        let patches = with(0)["kubeadmConfigPatchesJSON6902"].as_array().unwrap().clone();
        let versions: Vec<_> = patches.iter().map(|patch| patch["version"].as_str().unwrap()).collect();
        assert_eq!(versions, ["v1beta3", "v1beta4"]);
        for patch in &patches {
            let operations: Vec<Value> = serde_json::from_str(patch["patch"].as_str().unwrap()).unwrap();
            assert!(operations.iter().all(|operation| operation.to_string().contains(RETRY.1)), "{operations:?}");
        }
        assert_eq!(with(1)["nodes"], json!([{"role": "control-plane"}, {"role": "worker"}]));
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
        let merged = Config { workers: 2, cgroup_v1: true, cni: None }.merge(users).unwrap();
        assert_eq!(merged["nodes"].as_array().unwrap().len(), 3);
        assert_eq!(merged["nodes"][0]["extraPortMappings"], json!([]));
        assert_eq!(merged["kubeadmConfigPatches"], json!(["theirs", KUBELET_ON_CGROUP_V1]));
        assert_eq!(merged["networking"]["disableDefaultCNI"], json!(false));
    }

    #[test]
    fn what_is_no_kind_config_is_refused() {
        let config = Config { workers: 0, cgroup_v1: false, cni: None };
        for (bad, why) in [
            (json!([]), "it is not a mapping"),
            (json!({"kind": "Pod"}), "its kind is `Pod`, not `Cluster`"),
            (json!({"nodes": 3}), "its `nodes` is not a list"),
        ] {
            assert_eq!(config.merge(bad).unwrap_err(), why);
        }
    }
}
