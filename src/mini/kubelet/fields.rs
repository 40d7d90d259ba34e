//! Pod fields by path, for the downward API (`pkg/fieldpath`). Pure.

use k8s_openapi::api::core::v1::Pod;

use super::state::{Node, PodExt as _};

/// The value of `metadata.name`, `metadata.labels['key']`, `spec.nodeName` and their like. `ips` are the pod's
/// and the node's, known only when a container starts.
///
/// # Errors
/// Kubernetes' message for a path it does not know.
pub(super) fn value(pod: &Pod, path: &str, ips: Option<(&str, &Node)>) -> Result<String, String> {
    let metadata = &pod.metadata;
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    if let Some((map, key)) = path.strip_suffix("']").and_then(|path| path.split_once("['")) {
        let map = match map {
            "metadata.labels" => &metadata.labels,
            "metadata.annotations" => &metadata.annotations,
            _ => return Err(format!("fieldPath {path:?} does not support subscript")),
        };
        return Ok(map
            .iter()
            .flatten()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value.clone())
            .unwrap_or_default());
    }
    let lines = |map: &Option<std::collections::BTreeMap<String, String>>| {
        map.iter().flatten().map(|(key, value)| format!("{key}={value:?}")).collect::<Vec<_>>().join("\n")
    };
    Ok(match (path, ips) {
        ("metadata.name", _) => text(&metadata.name),
        ("metadata.namespace", _) => text(&metadata.namespace),
        ("metadata.uid", _) => text(&metadata.uid),
        ("metadata.labels", _) => lines(&metadata.labels),
        ("metadata.annotations", _) => lines(&metadata.annotations),
        ("spec.nodeName", _) => text(&pod.pod_spec().node_name),
        ("spec.serviceAccountName", _) => text(&pod.pod_spec().service_account_name),
        ("status.podIP" | "status.podIPs", Some((ip, _))) => ip.to_owned(),
        ("status.hostIP" | "status.hostIPs", Some((_, node))) => node.ip.clone(),
        _ => return Err(format!("unsupported fieldPath: {path}")),
    })
}
