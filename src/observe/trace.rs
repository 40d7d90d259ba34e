//! Every state one object went through, and its events, in the order they were seen.
//! Knows nothing of what was expected.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, Pod};
use serde::{Deserialize, Serialize};

use super::pod::pod_status;
use crate::kubewords::status;
use crate::script::ObjectRef;

/// One state of a pod as a watch delivered it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceState {
    /// Since the object's creation, as observed; in seconds when serialised.
    #[serde(with = "seconds")]
    pub at: Duration,
    /// What kubectl's STATUS column says; [`TraceState::DELETED`] when the object is gone.
    pub status: String,
    /// `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`.
    pub phase: String,
    /// Ready and all containers, as kubectl's READY column.
    pub ready: String,
    pub restarts: i32,
    /// What stands beside the reason that STATUS shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

impl TraceState {
    /// The status of an object that is gone.
    pub const DELETED: &str = status::DELETED;
    /// The status of an object that was told to go.
    pub const TERMINATING: &str = status::TERMINATING;

    pub fn new(pod: &Pod, at: Duration) -> Self {
        let row = pod_status(pod);
        TraceState {
            at,
            status: row.status,
            phase: pod.status.as_ref().and_then(|status| status.phase.clone()).unwrap_or_default(),
            ready: row.ready,
            restarts: row.restarts,
            message: row.message,
            node: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
        }
    }

    /// Whether it is a state on the way out.
    pub fn leaves(&self) -> bool {
        [Self::DELETED, Self::TERMINATING].contains(&self.status.as_str())
    }

    fn is_like(&self, other: &TraceState) -> bool {
        TraceState { at: other.at, ..self.clone() } == *other
    }
}

/// One delivery of an Event; the same Event object comes again with each increment of its count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventSeen {
    /// Since the object's creation, as observed; in seconds when serialised.
    #[serde(with = "seconds")]
    pub at: Duration,
    /// `Pulling`, `Failed`, `BackOff` …
    pub reason: String,
    /// `Normal` or `Warning`.
    #[serde(rename = "type")]
    pub type_: String,
    pub message: String,
    pub count: i32,
    /// Who reports it: `kubelet`, `default-scheduler`.
    pub component: String,
}

impl EventSeen {
    pub fn new(event: &Event, at: Duration) -> Self {
        let source = event.source.as_ref().and_then(|source| source.component.clone());
        let component = event.reporting_component.clone().filter(|component| !component.is_empty()).or(source);
        let series = event.series.as_ref().and_then(|series| series.count);
        EventSeen {
            at,
            reason: event.reason.clone().unwrap_or_default(),
            type_: event.type_.clone().unwrap_or_default(),
            message: event.message.clone().unwrap_or_default(),
            count: event.count.or(series).unwrap_or(1),
            component: component.unwrap_or_default(),
        }
    }
}

/// To the millisecond.
mod seconds {
    use super::{Deserialize, Duration};

    pub(super) fn serialize<S: serde::Serializer>(at: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64((at.as_secs_f64() * 1000.0).round() / 1000.0)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// An image that a container of a pod was started from: its status names the image's id then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StartedImage {
    /// Since the pod's creation, as observed; in seconds when serialised.
    #[serde(with = "seconds")]
    pub at: Duration,
    /// As the pod asks for it.
    pub image: String,
    /// The manifest's, where the container's status names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// What one object went through. A recreated object has a new uid and so a trace of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    pub(crate) object: ObjectRef,
    pub(crate) uid: String,
    /// Distinct from one to the next.
    pub(crate) states: Vec<TraceState>,
    pub(crate) events: Vec<EventSeen>,
    /// Images that the pod's containers were started from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) images: Vec<StartedImage>,
    /// What the registry answered about its image, where its pull was looked into: `served cloudwithvarjosh at 172.18.0.3`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) registry: Vec<String>,
}

impl Trace {
    /// The trace of an object of which nothing has been seen yet.
    pub fn new(object: ObjectRef, uid: impl Into<String>) -> Self {
        Trace {
            object,
            uid: uid.into(),
            states: Vec::new(),
            events: Vec::new(),
            images: Vec::new(),
            registry: Vec::new(),
        }
    }

    /// Keeps the state if it differs from the last in anything but its time; says whether it did.
    pub fn record(&mut self, state: TraceState) -> bool {
        let new = self.states.last().is_none_or(|last| !last.is_like(&state));
        if new {
            self.states.push(state);
        }
        new
    }

    /// Keeps the event unless the very same increment was delivered before; says whether it did.
    pub fn record_event(&mut self, event: EventSeen) -> bool {
        let new = !self.events.iter().any(|seen| EventSeen { at: event.at, ..seen.clone() } == event);
        if new {
            self.events.push(event);
        }
        new
    }

    /// Keeps the images that containers of `pod` have been started from.
    pub fn record_images(&mut self, pod: &Pod, at: Duration) {
        let (Some(spec), Some(status)) = (&pod.spec, &pod.status) else { return };
        let asked = spec.init_containers.iter().flatten().chain(&spec.containers);
        let statuses = [&status.init_container_statuses, &status.container_statuses];
        let came = statuses.into_iter().flatten().flatten().filter(|status| {
            let state = status.state.as_ref();
            !status.image_id.is_empty() && state.is_some_and(|s| s.running.is_some() || s.terminated.is_some())
        });
        let came: Vec<_> = came.map(|status| (&status.name, &status.image_id)).collect();
        for container in asked {
            let (Some((_, id)), Some(image)) =
                (came.iter().find(|(name, _)| **name == container.name), &container.image)
            else {
                continue;
            };
            if !self.images.iter().any(|started| started.image == *image) {
                let digest = id.rsplit_once('@').map(|(_, digest)| digest.to_owned());
                self.images.push(StartedImage { at, image: image.clone(), digest });
            }
        }
    }

    /// The state the object is in, as far as has been seen.
    pub fn last(&self) -> Option<&TraceState> {
        self.states.last()
    }

    /// The node that the pod is on, or was last.
    pub fn node(&self) -> Option<&str> {
        self.states.iter().rev().find_map(|state| state.node.as_deref())
    }

    /// Whether the object is gone.
    pub fn ended(&self) -> bool {
        self.last().is_some_and(|state| state.status == TraceState::DELETED)
    }

    /// Whether the object has gone or was told to go.
    pub fn is_leaving(&self) -> bool {
        self.states.iter().any(TraceState::leaves)
    }

    /// From when on this trace proves anything to a step that began at `began`. What is there proves all that led to
    /// it; what has gone, or is going, only what it still went through in the step, and what it is.
    pub fn proves_from(&self, began: Duration) -> Duration {
        let last = self.last().filter(|_| self.is_leaving());
        last.map_or(Duration::ZERO, |last| last.at.min(began))
    }

    /// How long the object took to go, from the first it was seen to be going.
    pub fn ending(&self) -> Duration {
        let going = self.states.iter().find(|state| state.status == TraceState::TERMINATING);
        let gone = self.last().filter(|_| self.ended());
        going.zip(gone).map_or(Duration::ZERO, |(going, gone)| gone.at.saturating_sub(going.at))
    }

    /// Events with this reason, in order.
    pub fn events_because<'a>(&'a self, reason: &'a str) -> impl Iterator<Item = &'a EventSeen> {
        self.events.iter().filter(move |event| event.reason == reason)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn pod(name: &str) -> ObjectRef {
        ObjectRef { kind: "pod".into(), namespace: "default".into(), name: name.into() }
    }

    pub(crate) fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    pub(crate) fn state(seconds: f64, status: &str) -> TraceState {
        let running = status == "Running";
        TraceState {
            at: at(seconds),
            status: status.into(),
            phase: if running { "Running" } else { "Pending" }.into(),
            ready: if running { "1/1" } else { "0/1" }.into(),
            restarts: 0,
            message: None,
            node: None,
        }
    }

    #[test]
    fn an_ending_is_as_long_as_it_was_seen() {
        let mut trace = Trace::new(pod("a"), "u");
        for (at, status) in [(0.1, "Running"), (2.0, "Terminating"), (2.5, "Completed")] {
            trace.record(state(at, status));
        }
        assert_eq!(trace.ending(), Duration::ZERO, "it is there");
        trace.record(state(3.0, TraceState::DELETED));
        assert_eq!(trace.ending(), at(1.0));
    }

    pub(crate) fn event(seconds: f64, reason: &str, message: &str, count: i32) -> EventSeen {
        let normal = ["Scheduled", "Pulling", "Pulled", "BackOff"].contains(&reason);
        EventSeen {
            at: at(seconds),
            reason: reason.into(),
            type_: if normal { "Normal" } else { "Warning" }.into(),
            message: message.into(),
            count,
            component: "kubelet".into(),
        }
    }

    /// A trace of states given as (seconds, status).
    pub(crate) fn trace(states: &[(f64, &str)]) -> Trace {
        let mut trace = Trace::new(pod("mypod"), "u1");
        for (seconds, status) in states {
            trace.record(state(*seconds, status));
        }
        trace
    }

    #[test]
    fn what_is_going_proves_no_more_than_the_step_saw() {
        let mut trace = trace(&[(0.0, "Pending"), (1.0, "Running")]);
        assert_eq!(trace.proves_from(at(5.0)), Duration::ZERO, "it is there");
        trace.record(state(6.0, TraceState::TERMINATING));
        assert_eq!(trace.proves_from(at(5.0)), at(5.0));
        assert_eq!(trace.proves_from(at(7.0)), at(6.0), "that is how it stands");
        trace.record(state(8.0, TraceState::DELETED));
        assert_eq!(trace.proves_from(at(7.0)), at(7.0));
        assert_eq!(trace.proves_from(Duration::ZERO), Duration::ZERO, "it came within the step");
    }

    #[test]
    fn only_what_differs_is_kept() {
        let mut trace = trace(&[(0.0, "Pending"), (0.1, "Pending"), (0.2, "Running"), (0.3, "Pending")]);
        assert_eq!(trace.states.iter().map(|s| s.at).collect::<Vec<_>>(), [at(0.0), at(0.2), at(0.3)]);
        let mut moved = state(0.4, "Pending");
        moved.node = Some("n1".into());
        assert!(trace.record(moved));
        assert!(trace.record_event(event(0.1, "Pulling", "m", 1)));
        assert!(!trace.record_event(event(0.2, "Pulling", "m", 1)), "a relist delivers it again");
        assert!(trace.record_event(event(0.3, "Pulling", "m", 2)));
        assert_eq!(trace.events_because("Pulling").count(), 2);
        assert!(!trace.ended());
        let written = serde_json::to_value(&trace).unwrap();
        assert_eq!(written["states"][1]["at"], 0.2);
        assert_eq!(serde_json::from_value::<Trace>(written).unwrap(), trace);
    }

    #[test]
    fn an_event_names_its_reporter() {
        let seen = |event: serde_json::Value| EventSeen::new(&serde_json::from_value(event).unwrap(), at(1.0));
        let old = seen(serde_json::json!({
            "metadata": {}, "involvedObject": {}, "reason": "Pulling", "message": "m", "type": "Normal",
            "count": 3, "source": {"component": "kubelet"}, "reportingComponent": "",
        }));
        assert_eq!(old, EventSeen { at: at(1.0), ..event(0.0, "Pulling", "m", 3) });
        let new = seen(serde_json::json!({
            "metadata": {}, "involvedObject": {}, "reason": "Pulling", "message": "m", "type": "Normal",
            "series": {"count": 4}, "reportingComponent": "kubelet",
        }));
        assert_eq!(new, EventSeen { at: at(1.0), ..event(0.0, "Pulling", "m", 4) });
    }
}
