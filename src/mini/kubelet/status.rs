//! The pod status the kubelet writes (`pkg/kubelet/kubelet_pods.go`, `status/generate.go`). Pure.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus,
    EphemeralContainer, HostIP, Pod, PodCondition, PodIP, PodStatus, VolumeMountStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::state::{ContainerRecord, Node, PodExt as _, PodState, as_container};
use crate::kubewords::status::{CONTAINER_CREATING, POD_INITIALIZING};

/// Which part of a pod's life the status is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Syncing,
    /// Being deleted; containers that never ran are not explained any more.
    Terminating,
    /// All containers are gone: what never ran is reported as lost.
    Terminated,
}

/// The status as of now, from what the last sync left behind. Notes the conditions for their transition times.
pub(super) fn generate(node: &Node, pod: &Pod, state: &mut PodState, life: Life, now: Timestamp) -> PodStatus {
    let inits: Vec<_> = pod.init_containers().iter().map(|c| container(node, pod, state, c, life, true)).collect();
    let mains: Vec<_> = pod.containers().iter().map(|c| container(node, pod, state, c, life, false)).collect();
    let ephemeral = ephemeral(node, pod, state, life);
    let phase = phase(pod, &inits, &mains, life);
    let generation = pod.metadata.generation.filter(|_| node.observes_generation());
    state.conditions = conditions(pod, state, (&inits, &mains), (phase, life), generation, now);
    PodStatus {
        phase: Some(phase.to_owned()),
        conditions: Some(state.conditions.clone()),
        container_statuses: Some(mains),
        init_container_statuses: (!inits.is_empty()).then_some(inits),
        ephemeral_container_statuses: (!ephemeral.is_empty()).then_some(ephemeral),
        host_ip: Some(node.ip.clone()),
        host_ips: Some(vec![HostIP { ip: node.ip.clone() }]),
        pod_ip: state.ip.clone(),
        pod_ips: state.ip.clone().map(|ip| vec![PodIP { ip }]),
        start_time: Some(Time(state.started)),
        observed_generation: generation,
        ..PodStatus::default()
    }
}

/// Will the next sync start this container again?
#[must_use]
pub(super) fn restarts(pod: &Pod, record: &ContainerRecord, init: bool) -> bool {
    match (&record.ended, pod.restart_policy()) {
        (None, _) => false,
        (Some(ended), _) if init && ended.exit.code == 0 => false,
        (Some(_), "Never") => false,
        (Some(ended), "OnFailure") => ended.exit.code != 0,
        (Some(ended), _) => !init || ended.exit.code != 0,
    }
}

fn container(node: &Node, pod: &Pod, state: &PodState, spec: &Container, life: Life, init: bool) -> ContainerStatus {
    let record = state.containers.get(&spec.name);
    let failure = state.failures.get(&spec.name).filter(|_| life == Life::Syncing);
    let mut status = ContainerStatus {
        name: spec.name.clone(),
        image: record.map_or_else(|| spec.image.clone().unwrap_or_default(), |record| record.image.clone()),
        image_id: record.map(|record| record.image_id.clone()).unwrap_or_default(),
        container_id: record.and_then(|record| record.full_id(node.scheme)),
        restart_count: record.map_or(0, |record| record.restarts),
        last_state: Some(terminated_state(record.and_then(|record| record.last.clone()))),
        started: Some(false),
        volume_mounts: volume_mounts(spec),
        ..ContainerStatus::default()
    };
    let waiting = |reason: &str, message: Option<String>| ContainerState {
        waiting: Some(ContainerStateWaiting { reason: Some(reason.to_owned()), message }),
        ..ContainerState::default()
    };
    let explained = failure.map(|failure| waiting(&failure.reason, Some(failure.message.clone())));
    status.state = Some(match (record, record.and_then(|record| record.terminated(node.scheme))) {
        (None, _) if life == Life::Terminated => terminated_state(Some(lost())),
        (None, _) => explained.unwrap_or_else(|| {
            let initializing = !init && !initialized(pod, state);
            waiting(if initializing { POD_INITIALIZING } else { CONTAINER_CREATING }, None)
        }),
        (Some(record), None) => {
            (status.ready, status.started) = (!init, Some(true));
            let running = ContainerStateRunning { started_at: Some(Time(record.started)) };
            ContainerState { running: Some(running), ..ContainerState::default() }
        }
        (Some(record), Some(terminated)) => {
            status.ready = init && terminated.exit_code == 0;
            match explained.filter(|_| restarts(pod, record, init)) {
                Some(waiting) => {
                    status.last_state = Some(terminated_state(Some(terminated)));
                    waiting
                }
                None => terminated_state(Some(terminated)),
            }
        }
    });
    status
}

/// Ephemeral containers by name: they are never ready, and count for nothing else.
fn ephemeral(node: &Node, pod: &Pod, state: &PodState, life: Life) -> Vec<ContainerStatus> {
    let status = |spec: &EphemeralContainer| {
        // No init container is waited for.
        let status = container(node, pod, state, &as_container(spec), life, true);
        ContainerStatus { ready: false, started: None, ..status }
    };
    let mut all: Vec<_> = pod.ephemeral_containers().iter().map(status).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn terminated_state(terminated: Option<ContainerStateTerminated>) -> ContainerState {
    ContainerState { terminated, ..ContainerState::default() }
}

fn lost() -> ContainerStateTerminated {
    ContainerStateTerminated {
        exit_code: 137,
        reason: Some("ContainerStatusUnknown".to_owned()),
        message: Some("The container could not be located when the pod was terminated".to_owned()),
        ..ContainerStateTerminated::default()
    }
}

fn volume_mounts(spec: &Container) -> Option<Vec<VolumeMountStatus>> {
    let status = |mount: &k8s_openapi::api::core::v1::VolumeMount| VolumeMountStatus {
        mount_path: mount.mount_path.clone(),
        name: mount.name.clone(),
        read_only: mount.read_only,
        recursive_read_only: mount.read_only.filter(|only| *only).map(|_| "Disabled".to_owned()),
        ..VolumeMountStatus::default()
    };
    spec.volume_mounts.as_ref().map(|mounts| mounts.iter().map(status).collect())
}

/// Have all init containers succeeded (or has the pod moved on to its own containers)?
#[must_use]
pub(super) fn initialized(pod: &Pod, state: &PodState) -> bool {
    let done = |name: &str| {
        state.containers.get(name).and_then(|record| record.ended.as_ref()).is_some_and(|e| e.exit.code == 0)
    };
    pod.containers().iter().any(|container| state.containers.contains_key(&container.name))
        || pod.init_containers().iter().all(|init| done(&init.name))
}

/// `getPhase`: what the containers' states amount to.
fn phase(pod: &Pod, inits: &[ContainerStatus], mains: &[ContainerStatus], life: Life) -> &'static str {
    let exit =
        |status: &ContainerStatus| status.state.as_ref().and_then(|s| s.terminated.as_ref()).map(|t| t.exit_code);
    let last_exit = |status: &ContainerStatus| status.last_state.as_ref().and_then(|s| s.terminated.as_ref()).is_some();
    let running = |status: &ContainerStatus| status.state.as_ref().is_some_and(|state| state.running.is_some());
    let all_succeeded = mains.iter().all(|status| exit(status) == Some(0));
    if life == Life::Terminated {
        return if all_succeeded { "Succeeded" } else { "Failed" };
    }
    if inits.iter().any(|status| exit(status) != Some(0)) && !mains.iter().any(|s| running(s) || exit(s).is_some()) {
        let failed = inits.iter().any(|status| exit(status).is_some_and(|code| code != 0));
        return if failed && pod.restart_policy() == "Never" { "Failed" } else { "Pending" };
    }
    if mains.iter().any(|status| !running(status) && exit(status).is_none() && !last_exit(status)) {
        return "Pending";
    }
    match pod.restart_policy() {
        _ if mains.iter().any(running) => "Running",
        "Always" => "Running",
        _ if all_succeeded => "Succeeded",
        "Never" => "Failed",
        _ => "Running",
    }
}

type Statuses<'a> = (&'a [ContainerStatus], &'a [ContainerStatus]);

fn conditions(
    pod: &Pod,
    state: &PodState,
    (inits, mains): Statuses<'_>,
    (phase, life): (&str, Life),
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<PodCondition> {
    let names = |statuses: &[ContainerStatus]| {
        let unready: Vec<_> =
            statuses.iter().filter(|status| !status.ready).map(|status| status.name.as_str()).collect();
        (!unready.is_empty()).then(|| format!("[{}]", unready.join(" ")))
    };
    let unready = match (phase, names(mains)) {
        ("Succeeded", _) => Some(("PodCompleted", None)),
        ("Failed", _) => Some(("PodFailed", None)),
        (_, None) => None,
        (_, Some(names)) => Some(("ContainersNotReady", Some(format!("containers with unready status: {names}")))),
    };
    let uninitialized = names(inits)
        .filter(|_| !initialized(pod, state))
        .map(|names| ("ContainersNotInitialized", Some(format!("containers with incomplete status: {names}"))));
    let condition = |kind: &str, ok: bool, why: Option<(&str, Option<String>)>| {
        let before = state.conditions.iter().chain(pod.status.iter().flat_map(|s| s.conditions.iter().flatten()));
        let status = if ok { "True" } else { "False" };
        let since = before
            .into_iter()
            .find(|before| before.type_ == kind && before.status == status)
            .and_then(|before| before.last_transition_time.clone());
        let (reason, message) = why.map_or((None, None), |(reason, message)| (Some(reason.to_owned()), message));
        PodCondition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason,
            message,
            last_transition_time: Some(since.unwrap_or(Time(now))),
            observed_generation: generation,
            ..PodCondition::default()
        }
    };
    // Its sandbox is stopped.
    let over = life == Life::Terminated || matches!(phase, "Succeeded" | "Failed");
    vec![
        condition("PodReadyToStartContainers", state.sandbox && !over, None),
        condition("Initialized", uninitialized.is_none(), uninitialized.clone()),
        condition("Ready", unready.is_none(), unready.clone()),
        condition("ContainersReady", unready.is_none(), unready),
        condition("PodScheduled", true, None),
    ]
}
