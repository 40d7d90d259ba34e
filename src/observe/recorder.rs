//! Watch deliveries → traces, one per uid.
//! Knows no watch: deliveries are handed in with the time they came.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Event, Pod};

use super::trace::{EventSeen, Trace, TraceState};
use crate::script::ObjectRef;

/// All traces of a run, in the order their objects were first heard of.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    trace: Trace,
    /// When the object, or an event about it, was first delivered: the zero of the trace.
    since: Instant,
    ended: Option<Instant>,
}

impl Entry {
    fn lasts_into(&self, step_began: Instant) -> bool {
        self.ended.is_none_or(|ended| ended >= step_began)
    }
}

impl Recorder {
    /// A pod was added or modified. The trace, if its state is new.
    pub(crate) fn pod(&mut self, pod: &Pod, now: Instant) -> Option<&Trace> {
        let entry = self.entry(pod_ref(pod), pod.metadata.uid.as_deref()?, now);
        let state = TraceState::new(pod, now - entry.since);
        entry.trace.record_images(pod, now - entry.since);
        entry.trace.record(state).then_some(&entry.trace)
    }

    /// A pod was deleted. The trace, if it was not known.
    pub(crate) fn pod_deleted(&mut self, pod: &Pod, now: Instant) -> Option<&Trace> {
        let entry = self.entry(pod_ref(pod), pod.metadata.uid.as_deref()?, now);
        entry.ended.get_or_insert(now);
        let state =
            TraceState { status: TraceState::DELETED.into(), message: None, ..TraceState::new(pod, now - entry.since) };
        entry.trace.record(state).then_some(&entry.trace)
    }

    /// An Event was added or modified. The trace of its object, if it is news. Events may outrun their object.
    pub(crate) fn event(&mut self, event: &Event, now: Instant) -> Option<&Trace> {
        let about = &event.involved_object;
        let object = ObjectRef {
            kind: about.kind.as_deref()?.to_lowercase(),
            namespace: about.namespace.clone().unwrap_or_else(|| "default".into()),
            name: about.name.clone()?,
        };
        let entry = self.entry(object, about.uid.as_deref()?, now);
        let seen = EventSeen::new(event, now - entry.since);
        entry.trace.record_event(seen).then_some(&entry.trace)
    }

    /// Keeps what a registry has answered about the image of the object `uid`.
    pub(crate) fn testify(&mut self, uid: &str, lane: &[String]) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.trace.uid == uid) {
            entry.trace.registry = lane.to_vec();
        }
    }

    /// The newest trace of an object by its name, unless that object was gone before `step_began`. One without states
    /// gives way to one with: a late event of a former object may be the first that is heard of that object.
    pub(crate) fn latest(&self, object: &ObjectRef, step_began: Instant) -> Option<&Trace> {
        let named = || self.entries.iter().rev().filter(|entry| object.means(&entry.trace.object));
        let newest = named().find(|entry| !entry.trace.states.is_empty()).or_else(|| named().next())?;
        newest.lasts_into(step_began).then_some(&newest.trace)
    }

    /// Every trace with states of an object by its name, oldest first, but for those that were over before `step_began`.
    pub(crate) fn during<'a>(&'a self, object: &'a ObjectRef, step_began: Instant) -> impl Iterator<Item = &'a Trace> {
        let named = self.entries.iter().filter(|entry| object.means(&entry.trace.object));
        named.filter(move |entry| entry.lasts_into(step_began) && !entry.trace.states.is_empty()).map(|e| &e.trace)
    }

    /// `now` in the trace's own time: since its object was first heard of, zero before.
    pub(crate) fn age(&self, uid: &str, now: Instant) -> Option<Duration> {
        let entry = self.entries.iter().find(|entry| entry.trace.uid == uid)?;
        Some(now.saturating_duration_since(entry.since))
    }

    /// Whether a registry had refused `image` to any pod by the time `at` of the trace `uid`.
    pub(crate) fn refused_before(&self, image: &str, uid: &str, at: Duration) -> bool {
        let Some(pulled) = self.entries.iter().find(|entry| entry.trace.uid == uid) else { return false };
        let before = pulled.since + at;
        self.entries.iter().any(|entry| {
            let refusals = entry.trace.events.iter().filter(|event| event.refused() == Some(image));
            refusals.map(|event| entry.since + event.at).any(|refused| refused < before)
        })
    }

    /// Whether another pod than that of the trace `uid` got `image` from the time that this one was first heard of.
    pub(crate) fn came_to_others(&self, image: &str, uid: &str) -> bool {
        let Some(since) = self.entries.iter().find(|entry| entry.trace.uid == uid).map(|entry| entry.since) else {
            return false;
        };
        let others = self.entries.iter().filter(|entry| entry.trace.uid != uid);
        let mut came = others.flat_map(|entry| {
            let told = entry.trace.events.iter().filter(|e| e.pulled() == Some(image)).map(|e| e.at);
            let started = entry.trace.images.iter().filter(|started| started.image == image).map(|s| s.at);
            told.chain(started).map(|at| entry.since + at)
        });
        came.any(|at| at >= since)
    }

    pub(crate) fn traces(&self) -> impl Iterator<Item = &Trace> {
        self.entries.iter().map(|entry| &entry.trace)
    }

    fn entry(&mut self, object: ObjectRef, uid: &str, now: Instant) -> &mut Entry {
        let known = self.entries.iter().position(|entry| entry.trace.uid == uid);
        let index = known.unwrap_or(self.entries.len());
        if known.is_none() {
            self.entries.push(Entry { trace: Trace::new(object, uid), since: now, ended: None });
        }
        &mut self.entries[index]
    }
}

fn pod_ref(pod: &Pod) -> ObjectRef {
    ObjectRef {
        kind: "pod".into(),
        namespace: pod.metadata.namespace.clone().unwrap_or_else(|| "default".into()),
        name: pod.metadata.name.clone().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::trace::tests::pod as named;
    use super::*;

    fn pod(uid: &str, phase: &str) -> Pod {
        let metadata = json!({"name": "mypod", "namespace": "default", "uid": uid});
        serde_json::from_value(json!({"metadata": metadata, "status": {"phase": phase}})).unwrap()
    }

    fn event(uid: &str, reason: &str) -> Event {
        let about = json!({"kind": "Pod", "namespace": "default", "name": "mypod", "uid": uid});
        serde_json::from_value(json!({"metadata": {}, "involvedObject": about, "reason": reason})).unwrap()
    }

    #[test]
    fn a_recreated_pod_has_a_trace_of_its_own() {
        let start = Instant::now();
        let now = |ms: u64| start + Duration::from_millis(ms);
        let mut recorder = Recorder::default();
        assert!(recorder.event(&event("u1", "Scheduled"), now(0)).is_some(), "before its pod");
        assert!(recorder.pod(&pod("u1", "Pending"), now(10)).is_some());
        assert!(recorder.pod(&pod("u1", "Pending"), now(20)).is_none());
        assert!(recorder.pod(&pod("u1", "Running"), now(30)).is_some());
        assert!(recorder.pod_deleted(&pod("u1", "Running"), now(40)).unwrap().ended());
        assert!(recorder.pod_deleted(&pod("u1", "Running"), now(50)).is_none());
        let mypod = named("mypod");
        assert_eq!(recorder.latest(&mypod, now(35)).unwrap().uid, "u1");
        assert_eq!(recorder.latest(&mypod, now(60)), None, "gone before the step");
        recorder.pod(&pod("u2", "Pending"), now(100));
        assert_eq!(recorder.latest(&mypod, now(60)).unwrap().uid, "u2");
        assert_eq!(recorder.latest(&named("other"), now(0)), None);
        let during = |step: u64| recorder.during(&mypod, now(step)).map(|t| t.uid.as_str()).collect::<Vec<_>>();
        assert_eq!((during(35), during(60)), (vec!["u1", "u2"], vec!["u2"]));
        let times: Vec<_> =
            recorder.traces().map(|t| t.states.iter().map(|s| s.at.as_millis()).collect::<Vec<_>>()).collect();
        assert_eq!(times, [vec![10, 30, 40], vec![0]]);
        assert_eq!(recorder.age("u2", now(150)), Some(Duration::from_millis(50)));
    }

    #[test]
    fn a_late_event_of_a_former_pod_hides_nothing() {
        let now = Instant::now();
        let mut recorder = Recorder::default();
        let mypod = named("mypod");
        recorder.event(&event("u0", "Scheduled"), now);
        assert_eq!(recorder.latest(&mypod, now).unwrap().uid, "u0", "it is all there is");
        assert_eq!(recorder.during(&mypod, now).count(), 0);
        recorder.pod(&pod("u1", "Running"), now);
        recorder.event(&event("unheard-of", "Killing"), now);
        assert_eq!(recorder.latest(&mypod, now).unwrap().uid, "u1");
    }

    #[test]
    fn an_image_that_came_to_another_pod_meanwhile_is_known() {
        let start = Instant::now();
        let now = |ms: u64| start + Duration::from_millis(ms);
        let started = |uid: &str| -> Pod {
            serde_json::from_value(json!({
                "metadata": {"name": uid, "namespace": "default", "uid": uid},
                "spec": {"containers": [{"name": "a", "image": "x"}]},
                "status": {"containerStatuses": [{
                    "name": "a", "image": "docker.io/x", "imageID": "sha256:1", "ready": true, "restartCount": 0,
                    "state": {"running": {}},
                }]},
            }))
            .unwrap()
        };
        let mut recorder = Recorder::default();
        recorder.pod(&started("early"), now(0));
        recorder.pod(&pod("u1", "Pending"), now(100));
        recorder.pod(&started("early"), now(200));
        assert!(!recorder.came_to_others("x", "u1"), "it came before");
        recorder.pod(&started("late"), now(300));
        assert!(recorder.came_to_others("x", "u1"));
        assert!(!recorder.came_to_others("y", "u1"));
        assert!(!recorder.came_to_others("x", "unheard-of"));
    }

    #[test]
    fn a_refusal_counts_for_its_image_and_for_what_came_after() {
        let start = Instant::now();
        let now = |ms: u64| start + Duration::from_millis(ms);
        let failed =
            |why: &str| Event { message: Some(format!("Failed to pull image \"x\": {why}")), ..event("u1", "Failed") };
        let mut recorder = Recorder::default();
        recorder.event(&failed("not found"), now(100));
        recorder.pod(&pod("u2", "Pending"), now(200));
        let refused = |recorder: &Recorder, at: u64| recorder.refused_before("x", "u2", Duration::from_millis(at));
        assert!(!refused(&recorder, 500), "what is not there was not refused");
        recorder.event(&failed("401 Unauthorized"), now(400));
        assert!(refused(&recorder, 500));
        assert!(!refused(&recorder, 150), "at 350 ms nothing had been refused");
        assert!(!recorder.refused_before("y", "u2", Duration::from_millis(500)));
        assert!(!recorder.refused_before("x", "unheard-of", Duration::from_millis(500)));
    }
}
