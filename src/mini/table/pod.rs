//! The pod's row (Kubernetes `printPod`).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::age::{age, human, parse_time};

fn list<'a>(value: &'a Value, key: &str) -> impl DoubleEndedIterator<Item = &'a Value> + use<'a> {
    value[key].as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value[key].as_str().filter(|s| !s.is_empty())
}

/// STATUS: the reason of the first container that is in the way, else the phase.
fn status(pod: &Value) -> String {
    let status = &pod["status"];
    let mut reason = text(status, "reason").or(text(status, "phase")).unwrap_or_default().to_owned();
    let condition = |kind: &str| list(status, "conditions").find(|c| c["type"] == kind);
    if condition("PodScheduled").is_some_and(|c| c["reason"] == "SchedulingGated") {
        reason = "SchedulingGated".to_owned();
    }
    let initializing = initializing(pod);
    if let Some(init) = &initializing {
        reason.clone_from(init);
    }
    if initializing.is_none() || condition("Initialized").is_some_and(|c| c["status"] == "True") {
        let mut running = false;
        for container in list(status, "containerStatuses").rev() {
            let state = &container["state"];
            if let Some(waiting) = text(&state["waiting"], "reason") {
                reason = waiting.to_owned();
            } else if state["terminated"].is_object() {
                reason = terminated(&state["terminated"], "");
            } else if container["ready"] == true && state["running"].is_object() {
                running = true;
            }
        }
        if reason == "Completed" && running {
            let ready = condition("Ready").is_some_and(|c| c["status"] == "True");
            reason = if ready { "Running" } else { "NotReady" }.to_owned();
        }
    }
    let ended = matches!(text(status, "phase"), Some("Succeeded" | "Failed"));
    match (pod["metadata"]["deletionTimestamp"].is_string(), text(status, "reason")) {
        (true, Some("NodeLost")) => "Unknown".to_owned(),
        (true, _) if !ended => "Terminating".to_owned(),
        _ => reason,
    }
}

/// `Init:…` while init containers are not through.
fn initializing(pod: &Value) -> Option<String> {
    let total = list(&pod["spec"], "initContainers").count();
    for (i, container) in list(&pod["status"], "initContainerStatuses").enumerate() {
        let state = &container["state"];
        if state["terminated"].is_object() {
            if state["terminated"]["exitCode"] == 0 {
                continue;
            }
            return Some(terminated(&state["terminated"], "Init:"));
        }
        if let Some(waiting) = text(&state["waiting"], "reason").filter(|r| *r != "PodInitializing") {
            return Some(format!("Init:{waiting}"));
        }
        return Some(format!("Init:{i}/{total}"));
    }
    None
}

fn terminated(state: &Value, prefix: &str) -> String {
    match (text(state, "reason"), state["signal"].as_i64().unwrap_or(0)) {
        (Some(reason), _) => format!("{prefix}{reason}"),
        (None, 0) => format!("{prefix}ExitCode:{}", state["exitCode"].as_i64().unwrap_or(0)),
        (None, signal) => format!("{prefix}Signal:{signal}"),
    }
}

/// `1 (5s ago)`, or the bare number.
fn restarts(pod: &Value, now: Timestamp) -> String {
    let statuses = || list(&pod["status"], "containerStatuses");
    let count: i64 = statuses().filter_map(|c| c["restartCount"].as_i64()).sum();
    let last = statuses().filter_map(|c| parse_time(&c["lastState"]["terminated"]["finishedAt"])).max();
    match last {
        Some(last) if count > 0 => format!("{count} ({} ago)", human(now.as_second() - last.as_second())),
        _ => count.to_string(),
    }
}

pub fn cells(pod: &Value, now: Timestamp) -> Vec<Value> {
    let ready = list(&pod["status"], "containerStatuses")
        .filter(|c| c["ready"] == true && c["state"]["running"].is_object())
        .count();
    let total = list(&pod["spec"], "containers").count();
    let or_none = |value: Option<&str>| json!(value.unwrap_or("<none>"));
    vec![
        pod["metadata"]["name"].clone(),
        json!(format!("{ready}/{total}")),
        json!(status(pod)),
        json!(restarts(pod, now)),
        json!(age(&pod["metadata"]["creationTimestamp"], now)),
        or_none(text(&pod["status"], "podIP")),
        or_none(text(&pod["spec"], "nodeName")),
        or_none(text(&pod["status"], "nominatedNodeName")),
        json!("<none>"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_names_what_is_in_the_way() {
        let pod = |state: Value| json!({"status": {"phase": "Pending", "containerStatuses": [{"state": state}]}});
        assert_eq!(status(&json!({"status": {"phase": "Pending"}})), "Pending");
        assert_eq!(status(&pod(json!({"waiting": {"reason": "ErrImagePull"}}))), "ErrImagePull");
        assert_eq!(status(&pod(json!({"terminated": {"exitCode": 3}}))), "ExitCode:3");
        assert_eq!(status(&pod(json!({"terminated": {"exitCode": 0, "reason": "Completed"}}))), "Completed");
        let mut going = pod(json!({"running": {}}));
        going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert_eq!(status(&going), "Terminating");
    }

    #[test]
    fn restarts_say_how_long_ago() {
        let pod = json!({"status": {"containerStatuses": [{"restartCount": 2, "lastState": {"terminated": {"finishedAt": "2026-01-01T00:00:00Z"}}}]}});
        assert_eq!(restarts(&pod, "2026-01-01T00:00:05Z".parse().unwrap()), "2 (5s ago)");
    }
}
