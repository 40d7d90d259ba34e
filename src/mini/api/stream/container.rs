//! Which container of a pod a connection means, and the kubelet's words when there is none. Pure.

use serde_json::Value;

use crate::kubewords::status::{ERR_IMAGE_PULL, IMAGE_PULL_BACK_OFF};
use crate::mini::status::ApiError;

fn list<'a>(value: &'a Value, keys: &[&str]) -> impl Iterator<Item = &'a Value> {
    keys.iter().filter_map(|k| value[*k].as_array()).flatten()
}

/// The container a client names, or the pod's only one (Kubernetes `LogLocation`, `streamLocation`).
pub(super) fn choose(pod: &Value, asked: Option<&str>) -> Result<String, ApiError> {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let spec = &pod["spec"];
    let names = |key| -> Vec<&str> { list(spec, key).filter_map(|c| c["name"].as_str()).collect() };
    let main = names(&["containers"]);
    let chosen = match (asked, main.as_slice()) {
        (Some(asked), _) if names(&["containers", "initContainers", "ephemeralContainers"]).contains(&asked) => asked,
        (Some(asked), _) => {
            return Err(ApiError::BadRequest(format!("container {asked} is not valid for pod {name}")));
        }
        (None, [only]) => only,
        (None, many) => {
            let choices = many.join(" ");
            return Err(ApiError::BadRequest(format!(
                "a container name must be specified for pod {name}, choose one of: [{choices}]"
            )));
        }
    };
    Ok(chosen.to_owned())
}

/// Refuses a connection to a pod that is nowhere.
pub(super) fn placed(pod: &Value) -> Result<(), ApiError> {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let nowhere = pod["spec"]["nodeName"].as_str().unwrap_or_default().is_empty();
    if nowhere { Err(ApiError::BadRequest(format!("pod {name} does not have a host assigned"))) } else { Ok(()) }
}

fn status_of<'a>(pod: &'a Value, container: &str) -> &'a Value {
    let keys = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"];
    list(&pod["status"], &keys).find(|c| c["name"] == container).unwrap_or(&Value::Null)
}

/// The runtime's id in `scheme://ID`.
fn bare(id: &Value) -> Option<String> {
    let text = id.as_str().filter(|t| !t.is_empty())?;
    Some(text.split_once("://").map_or(text, |(_, id)| id).to_owned())
}

/// The id of a running container.
pub(super) fn running(pod: &Value, container: &str) -> Option<String> {
    let status = status_of(pod, container);
    status["state"]["running"].as_object().and_then(|_| bare(&status["containerID"]))
}

/// The id of the container whose log is meant (kubelet `validateContainerLogStatus`).
pub(super) fn logged(pod: &Value, container: &str, previous: bool) -> Result<String, ApiError> {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let refuse = |why: String| ApiError::BadRequest(why);
    let place = format!("container {container:?} in pod {name:?}");
    let status = status_of(pod, container);
    let last = bare(&status["lastState"]["terminated"]["containerID"]);
    if previous {
        return last.ok_or_else(|| refuse(format!("previous terminated {place} not found")));
    }
    let state = &status["state"];
    if state["running"].is_object() {
        return bare(&status["containerID"]).ok_or_else(|| refuse(format!("{place} is not available")));
    }
    if let Some(id) = bare(&state["terminated"]["containerID"]).or(last) {
        return Ok(id);
    }
    if state["terminated"].is_object() {
        return Err(refuse(format!("{place} is terminated")));
    }
    Err(refuse(match state["waiting"]["reason"].as_str() {
        Some(ERR_IMAGE_PULL) => format!("{place} is waiting to start: image can't be pulled"),
        Some(IMAGE_PULL_BACK_OFF) => {
            format!("{place} is waiting to start: trying and failing to pull image")
        }
        Some(reason) => format!("{place} is waiting to start: {reason}"),
        None if status.is_null() => format!("{place} is not available"),
        None => format!("{place} is waiting to start - no logs yet"),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(state: Value) -> Value {
        json!({
            "metadata": {"name": "p"},
            "spec": {"nodeName": "n", "containers": [{"name": "a"}]},
            "status": {"containerStatuses": [{"name": "a", "containerID": "docker://abc", "state": state}]},
        })
    }

    #[test]
    fn the_only_container_is_meant() {
        assert_eq!(choose(&pod(json!({})), None).unwrap(), "a");
        let error = choose(&pod(json!({})), Some("b")).unwrap_err();
        assert_eq!(error.to_string(), "container b is not valid for pod p");
        let two = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a"}, {"name": "b"}]}});
        let error = choose(&two, None).unwrap_err();
        assert_eq!(error.to_string(), "a container name must be specified for pod p, choose one of: [a b]");
    }

    #[test]
    fn a_log_needs_a_container_that_has_run() {
        assert_eq!(logged(&pod(json!({"running": {}})), "a", false).unwrap(), "abc");
        for (reason, words) in [
            ("ImagePullBackOff", "trying and failing to pull image"),
            ("ErrImagePull", "image can't be pulled"),
            ("ContainerCreating", "ContainerCreating"),
        ] {
            let error = logged(&pod(json!({"waiting": {"reason": reason}})), "a", false).unwrap_err();
            assert_eq!(error.to_string(), format!("container \"a\" in pod \"p\" is waiting to start: {words}"));
        }
        let error = logged(&pod(json!({"running": {}})), "a", true).unwrap_err();
        assert_eq!(error.to_string(), "previous terminated container \"a\" in pod \"p\" not found");
    }
}
