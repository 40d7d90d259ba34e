//! The pod's row: [`crate::observe::pod_status`] and the cells beside it.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::age::{age, human};
use crate::observe::pod_status;

pub(super) fn cells(pod: &Value, now: Timestamp) -> Vec<Value> {
    // What is stored reads back as its type.
    let row = pod_status(&serde_json::from_value::<Pod>(pod.clone()).unwrap_or_default());
    let restarts = match row.last_restart {
        Some(last) if row.restarts > 0 => {
            format!("{} ({} ago)", row.restarts, human(now.as_second() - last.as_second()))
        }
        _ => row.restarts.to_string(),
    };
    let text = |value: &Value| json!(value.as_str().filter(|s| !s.is_empty()).unwrap_or("<none>"));
    vec![
        pod["metadata"]["name"].clone(),
        json!(row.ready),
        json!(row.status),
        json!(restarts),
        json!(age(&pod["metadata"]["creationTimestamp"], now)),
        text(&pod["status"]["podIP"]),
        text(&pod["spec"]["nodeName"]),
        text(&pod["status"]["nominatedNodeName"]),
        json!(readiness_gates(pod)),
    ]
}

/// `1/2`: gates that are open; `<none>` without gates.
fn readiness_gates(pod: &Value) -> String {
    let gates = pod["spec"]["readinessGates"].as_array().map_or(&[][..], Vec::as_slice);
    let conditions = || pod["status"]["conditions"].as_array().into_iter().flatten();
    let open =
        gates.iter().filter(|g| conditions().any(|c| c["type"] == g["conditionType"] && c["status"] == "True")).count();
    if gates.is_empty() { "<none>".to_owned() } else { format!("{open}/{}", gates.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_say_how_long_ago() {
        let last = json!({"terminated": {"exitCode": 1, "finishedAt": "2026-01-01T00:00:00Z"}});
        let status =
            json!({"name": "a", "image": "", "imageID": "", "ready": false, "restartCount": 2, "lastState": last});
        let pod = json!({"spec": {"containers": [{"name": "a"}]}, "status": {"phase": "Running", "containerStatuses": [status]}});
        let cells = cells(&pod, "2026-01-01T00:00:05Z".parse().unwrap());
        assert_eq!((&cells[1], &cells[3], &cells[8]), (&json!("0/1"), &json!("2 (5s ago)"), &json!("<none>")));
    }
}
