//! The READY, STATUS and RESTARTS cells of `kubectl get pods` for a Pod: the API server's `printPod`
//! (kubernetes `pkg/printers/internalversion/printers.go`).
//! Knows nothing of traces or time.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod, PodSpec, PodStatus};

use crate::kubewords::status::{
    COMPLETED, NOT_READY, POD_INITIALIZING, RUNNING, SCHEDULING_GATED, TERMINATING, UNKNOWN,
};

/// Cells of one row, and what the STATUS is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PodRow {
    /// Ready containers and all containers, restartable init containers among them: `0/1`.
    pub ready: String,
    /// `Running`, `ImagePullBackOff`, `Init:0/1`, `Terminating` …
    pub status: String,
    pub restarts: i32,
    /// When the last restart ended; the RESTARTS cell shows it as `3 (5m ago)`.
    pub last_restart: Option<Timestamp>,
    /// The message beside the reason that STATUS shows, if there is one. Not a cell of the table.
    pub message: Option<String>,
}

/// What `kubectl get pods` prints for this pod.
pub(crate) fn pod_status(pod: &Pod) -> PodRow {
    let (no_spec, no_status) = (PodSpec::default(), PodStatus::default());
    let (spec, status) = (pod.spec.as_ref().unwrap_or(&no_spec), pod.status.as_ref().unwrap_or(&no_status));
    let phase = status.phase.clone().unwrap_or_default();
    let restartable = spec.init_containers.iter().flatten().filter(|container| is_restartable(container)).count();
    let mut tally = Tally {
        reason: status.reason.clone().filter(|reason| !reason.is_empty()).unwrap_or_else(|| phase.clone()),
        message: status.message.clone(),
        total: spec.containers.len() + restartable,
        ..Tally::default()
    };
    if condition(status, "PodScheduled").is_some_and(|c| c.reason.as_deref() == Some(SCHEDULING_GATED)) {
        tally.reason = SCHEDULING_GATED.into();
    }
    let initializing = tally.init_containers(spec, status);
    if !initializing || is_true(status, "Initialized") {
        tally.containers(status);
    }
    if pod.metadata.deletion_timestamp.is_some() {
        let terminal = matches!(phase.as_str(), "Succeeded" | "Failed");
        if status.reason.as_deref() == Some("NodeLost") {
            tally.reason = UNKNOWN.into();
        } else if !terminal {
            tally.reason = TERMINATING.into();
        }
    }
    PodRow {
        ready: format!("{}/{}", tally.ready, tally.total),
        status: tally.reason,
        restarts: tally.restarts.count,
        last_restart: tally.restarts.last,
        message: tally.message.filter(|message| !message.is_empty()),
    }
}

#[derive(Debug, Default)]
struct Restarts {
    count: i32,
    last: Option<Timestamp>,
}

impl Restarts {
    fn add(&mut self, container: &ContainerStatus) {
        self.count += container.restart_count;
        let ended = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
        self.last = self.last.max(ended.and_then(|ended| ended.finished_at.as_ref()).map(|time| time.0));
    }
}

#[derive(Debug, Default)]
struct Tally {
    reason: String,
    message: Option<String>,
    ready: usize,
    total: usize,
    restarts: Restarts,
    /// Only of restartable init containers (sidecars): those go on counting once the pod is initialised.
    sidecar_restarts: Restarts,
}

impl Tally {
    /// Whether an init container is still at work or has failed.
    fn init_containers(&mut self, spec: &PodSpec, status: &PodStatus) -> bool {
        let inits = spec.init_containers.as_deref().unwrap_or_default();
        for (index, container) in status.init_container_statuses.iter().flatten().enumerate() {
            let sidecar = inits.iter().any(|init| init.name == container.name && is_restartable(init));
            self.restarts.add(container);
            if sidecar {
                self.sidecar_restarts.add(container);
            }
            let ended = container.state.as_ref().and_then(|state| state.terminated.as_ref());
            if ended.is_some_and(|ended| ended.exit_code == 0) {
                continue;
            }
            if sidecar && container.started == Some(true) {
                self.ready += usize::from(container.ready);
                continue;
            }
            let (reason, message) = match reason_of(container) {
                Some((reason, message)) if reason != POD_INITIALIZING => (reason, message),
                _ => (format!("{index}/{}", inits.len()), None),
            };
            self.reason = format!("Init:{reason}");
            self.message = message;
            return true;
        }
        false
    }

    fn containers(&mut self, status: &PodStatus) {
        self.restarts = std::mem::take(&mut self.sidecar_restarts);
        let mut has_running = false;
        for container in status.container_statuses.iter().flatten().rev() {
            self.restarts.add(container);
            if let Some((reason, message)) = reason_of(container) {
                self.reason = reason;
                self.message = message;
            } else if container.ready && container.state.as_ref().is_some_and(|state| state.running.is_some()) {
                has_running = true;
                self.ready += 1;
            }
        }
        if self.reason == COMPLETED && has_running {
            let ready = is_true(status, "Ready");
            self.reason = if ready { RUNNING } else { NOT_READY }.into();
        }
    }
}

/// The reason a waiting or terminated container gives, with its message; `ExitCode:1` or `Signal:9` for want of one.
fn reason_of(container: &ContainerStatus) -> Option<(String, Option<String>)> {
    let state = container.state.as_ref()?;
    let given = |reason: &Option<String>| reason.clone().filter(|reason| !reason.is_empty());
    if let Some((waiting, reason)) = state.waiting.as_ref().and_then(|w| Some((w, given(&w.reason)?))) {
        return Some((reason, waiting.message.clone()));
    }
    let ended = state.terminated.as_ref()?;
    let reason = given(&ended.reason).unwrap_or_else(|| match ended.signal {
        Some(signal) if signal != 0 => format!("Signal:{signal}"),
        _ => format!("ExitCode:{}", ended.exit_code),
    });
    Some((reason, ended.message.clone()))
}

/// A restartable init container (a sidecar) counts and is counted as a container.
fn is_restartable(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

fn condition<'a>(status: &'a PodStatus, kind: &str) -> Option<&'a k8s_openapi::api::core::v1::PodCondition> {
    status.conditions.iter().flatten().find(|condition| condition.type_ == kind)
}

fn is_true(status: &PodStatus, kind: &str) -> bool {
    condition(status, kind).is_some_and(|condition| condition.status == "True")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn cells(spec: Value, status: Value, deleted: bool) -> String {
        let mut metadata = json!({"name": "p"});
        if deleted {
            metadata["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        }
        let pod: Pod = serde_json::from_value(json!({"metadata": metadata, "spec": spec, "status": status})).unwrap();
        let row = pod_status(&pod);
        format!("{} {} {}", row.ready, row.status, row.restarts)
    }

    fn container(name: &str, ready: bool, state: Value) -> Value {
        json!({"name": name, "image": "", "imageID": "", "ready": ready, "restartCount": 1, "state": state})
    }

    fn waiting(reason: &str) -> Value {
        json!({"waiting": {"reason": reason}})
    }

    fn ended(code: i32, reason: &str, signal: i32) -> Value {
        json!({"terminated": {"exitCode": code, "reason": reason, "signal": signal}})
    }

    /// Containers a and b.
    fn two(phase: &str, a: Value, b: Value, ready: &str) -> Value {
        let conditions = json!([{"type": "Ready", "status": ready}]);
        json!({"phase": phase, "containerStatuses": [a, b], "conditions": conditions})
    }

    fn running() -> Value {
        json!({"running": {}})
    }

    #[test]
    fn pods_without_init_containers() {
        let spec = json!({"containers": [{"name": "a"}, {"name": "b"}]});
        let c = container;
        let unready = |state: Value| two("Running", c("a", false, state), c("b", true, running()), "False");
        for (status, deleted, expected) in [
            (json!({}), false, "0/2  0"),
            (json!({"phase": "Pending"}), false, "0/2 Pending 0"),
            (json!({"phase": "Pending"}), true, "0/2 Terminating 0"),
            (json!({"phase": "Failed", "reason": "Evicted"}), false, "0/2 Evicted 0"),
            (json!({"phase": "Failed", "reason": "Evicted"}), true, "0/2 Evicted 0"),
            (json!({"phase": "Running", "reason": "NodeLost"}), true, "0/2 Unknown 0"),
            (json!({"phase": "Running", "reason": "NodeLost"}), false, "0/2 NodeLost 0"),
            (two("Running", c("a", true, running()), c("b", true, running()), "True"), false, "2/2 Running 2"),
            (two("Running", c("a", true, running()), c("b", true, running()), "True"), true, "2/2 Terminating 2"),
            (unready(running()), false, "1/2 Running 2"),
            (unready(waiting("ImagePullBackOff")), false, "1/2 ImagePullBackOff 2"),
            (unready(waiting("")), false, "1/2 Running 2"),
            (unready(ended(137, "", 9)), false, "1/2 Signal:9 2"),
            (unready(ended(3, "", 0)), false, "1/2 ExitCode:3 2"),
            (unready(ended(1, "Error", 0)), false, "1/2 Error 2"),
            (unready(ended(0, "Completed", 0)), false, "1/2 NotReady 2"),
            (
                two("Running", c("a", false, ended(0, "Completed", 0)), c("b", true, running()), "True"),
                false,
                "1/2 Running 2",
            ),
            (
                two(
                    "Succeeded",
                    c("a", false, ended(0, "Completed", 0)),
                    c("b", false, ended(0, "Completed", 0)),
                    "False",
                ),
                false,
                "0/2 Completed 2",
            ),
            (
                two(
                    "Pending",
                    c("a", false, waiting("ErrImagePull")),
                    c("b", false, waiting("ContainerCreating")),
                    "False",
                ),
                false,
                "0/2 ErrImagePull 2",
            ),
            (
                two(
                    "Failed",
                    c("a", false, ended(137, "ContainerStatusUnknown", 0)),
                    c("b", false, running()),
                    "False",
                ),
                true,
                "0/2 ContainerStatusUnknown 2",
            ),
            (
                json!({"phase": "Pending", "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]}),
                false,
                "0/2 SchedulingGated 0",
            ),
        ] {
            assert_eq!(cells(spec.clone(), status.clone(), deleted), expected, "{status}");
        }
    }

    #[test]
    fn pods_with_init_containers() {
        let spec = json!({
            "initContainers": [{"name": "i"}, {"name": "s", "restartPolicy": "Always"}],
            "containers": [{"name": "a"}],
        });
        let with = |i: Value, s: Value, a: Value, initialized: &str| {
            json!({
                "phase": "Pending",
                "initContainerStatuses": [i, s],
                "containerStatuses": [a],
                "conditions": [{"type": "Initialized", "status": initialized}],
            })
        };
        let c = container;
        let done = || c("i", true, ended(0, "Completed", 0));
        let idle = |name: &str| c(name, false, waiting("PodInitializing"));
        let mut sidecar = c("s", true, running());
        sidecar["started"] = json!(true);
        for (status, expected) in [
            (with(c("i", false, running()), idle("s"), idle("a"), "False"), "0/2 Init:0/2 1"),
            (with(idle("i"), idle("s"), idle("a"), "False"), "0/2 Init:0/2 1"),
            (with(c("i", false, waiting("ErrImagePull")), idle("s"), idle("a"), "False"), "0/2 Init:ErrImagePull 1"),
            (with(c("i", false, ended(2, "", 0)), idle("s"), idle("a"), "False"), "0/2 Init:ExitCode:2 1"),
            (with(c("i", false, ended(2, "", 15)), idle("s"), idle("a"), "False"), "0/2 Init:Signal:15 1"),
            (with(c("i", false, ended(2, "Error", 0)), idle("s"), idle("a"), "False"), "0/2 Init:Error 1"),
            (with(done(), idle("s"), idle("a"), "False"), "0/2 Init:1/2 2"),
            (with(done(), sidecar.clone(), idle("a"), "True"), "1/2 PodInitializing 2"),
            (with(done(), sidecar.clone(), c("a", true, running()), "True"), "2/2 Pending 2"),
        ] {
            assert_eq!(cells(spec.clone(), status.clone(), false), expected, "{status}");
        }
    }

    #[test]
    fn restarts_and_messages() {
        let mut crashed =
            container("a", false, json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}));
        crashed["lastState"] = json!({"terminated": {"exitCode": 1, "finishedAt": "2026-01-01T00:00:05Z"}});
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {},
            "spec": {"containers": [{"name": "a"}]},
            "status": {"phase": "Running", "containerStatuses": [crashed]},
        }))
        .unwrap();
        let expected = PodRow {
            ready: "0/1".into(),
            status: "CrashLoopBackOff".into(),
            restarts: 1,
            last_restart: Some("2026-01-01T00:00:05Z".parse().unwrap()),
            message: Some("back-off 10s".into()),
        };
        assert_eq!(pod_status(&pod), expected);
    }
}
