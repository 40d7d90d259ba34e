//! What a failed step shows for itself, and what proves a pass. Pure.

use jiff::Timestamp;

use crate::kubewords::status::{ERR_IMAGE_PULL, cause_of_back_off};
use crate::observe::{EventSeen, Trace};
use crate::registry::access_log::LogEntry;
use crate::stage::NodeMark;

/// What the registry's log says of a pull: who was refused the repository since the lab began, and then that its user was
/// served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Testimony {
    /// None where nobody had been refused before.
    refused: Option<LogEntry>,
    served: LogEntry,
}

/// Whose pulls of what are looked for in the registry's log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pull<'a> {
    pub repository: &'a str,
    pub user: &'a str,
    /// The node, or all nodes; what anybody else has asked proves nothing of them.
    pub node: &'a NodeMark,
}

impl Pull<'_> {
    fn is_success(&self, entry: &LogEntry) -> bool {
        entry.status == 200 && entry.user.as_deref() == Some(self.user)
    }

    fn is_asked_by(&self, entry: &LogEntry) -> bool {
        entry.repository == self.repository && self.node.is_on(entry)
    }

    /// What the log says of the last success, which was not before `since`, and of a refusal since the lab began.
    pub(super) fn testimony(&self, log: &[LogEntry], (lab_began, since): (Timestamp, Timestamp)) -> Option<Testimony> {
        let of_it: Vec<_> = log.iter().filter(|entry| entry.time >= lab_began && self.is_asked_by(entry)).collect();
        let last = of_it.iter().rposition(|entry| entry.time >= since && self.is_success(entry))?;
        let refused = of_it[..last].iter().find(|entry| entry.status == 401);
        Some(Testimony { refused: refused.map(|entry| LogEntry::clone(entry)), served: of_it[last].clone() })
    }

    /// When the user was first served, from `since` on.
    pub(super) fn first_served(&self, log: &[LogEntry], since: Timestamp) -> Option<Timestamp> {
        let served = |entry: &&LogEntry| entry.time >= since && self.is_asked_by(entry) && self.is_success(entry);
        log.iter().find(served).map(|entry| entry.time)
    }
}

impl Testimony {
    pub(super) fn is_after_refusal(&self) -> bool {
        self.refused.is_some()
    }

    /// A trace's lane: the answers in their order, a few words each.
    pub(super) fn lane(&self) -> Vec<String> {
        let told = |what: &str, entry: &LogEntry| {
            let whom = entry.user.as_deref().unwrap_or("nobody in particular");
            let from = entry.remote.map(|remote| format!(" at {remote}")).unwrap_or_default();
            format!("{what} {whom}{from}")
        };
        let refused = self.refused.iter().map(|entry| told("refused", entry));
        refused.chain([told("served", &self.served)]).collect()
    }
}

/// The timeline and the events of one object, one line each: an event that came again is told once, with how often.
pub(super) fn of_trace(trace: &Trace) -> Vec<String> {
    let mut lines = vec![trace.to_string()];
    if let Some(message) = trace.last().and_then(|state| state.message.as_ref()) {
        // A back-off goes on about what an event below has said.
        let cause = cause_of_back_off(message, ERR_IMAGE_PULL).unwrap_or(message);
        if !trace.events.iter().any(|event| event.message.contains(cause)) {
            lines.push(format!("  last message: {message}"));
        }
    }
    let mut told: Vec<&EventSeen> = Vec::new();
    for event in &trace.events {
        let same = |seen: &&mut &EventSeen| seen.reason == event.reason && seen.message == event.message;
        match told.iter_mut().find(same) {
            Some(seen) => *seen = event,
            None => told.push(event),
        }
    }
    lines.extend(told.into_iter().map(|event| {
        let EventSeen { at, reason, type_, message, count, .. } = event;
        format!("  {:>6.2} {type_} {reason} x{count}: {message}", at.as_secs_f64())
    }));
    lines
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    use super::*;
    use crate::observe::TraceState;
    use crate::script::ObjectRef;

    const NODE: IpAddr = IpAddr::V4(Ipv4Addr::new(172, 18, 0, 2));

    fn entry(status: u16, user: Option<&str>) -> LogEntry {
        LogEntry {
            time: jiff::Timestamp::UNIX_EPOCH,
            method: "HEAD".into(),
            repository: "o/app1".into(),
            reference: "1.0.0".into(),
            status,
            user: user.map(str::to_owned),
            user_agent: "containerd/2.1".into(),
            remote: Some(NODE),
            is_manifest: true,
        }
    }

    #[test]
    fn a_success_is_proof_only_for_its_user_and_repository() {
        let since = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        let node = NodeMark::Addresses(vec![NODE]);
        let of =
            |log: &[LogEntry], repository, user, since| Pull { repository, user, node: &node }.testimony(log, since);
        let after_refusal = |log: &[LogEntry]| of(log, "o/app1", "u", since).map(|told| told.is_after_refusal());
        let log = [entry(401, None), entry(200, Some("u"))];
        assert_eq!(after_refusal(&log), Some(true));
        assert_eq!(
            of(&log, "o/app1", "u", since).unwrap().lane(),
            ["refused nobody in particular at 172.18.0.2", "served u at 172.18.0.2"]
        );
        assert_eq!(after_refusal(&log[1..]), Some(false));
        assert_eq!(after_refusal(&[entry(200, Some("u")), entry(401, None)]), Some(false));
        assert_eq!(of(&log, "o/app1", "v", since), None);
        assert_eq!(of(&log, "o/other", "u", since), None);
        let later = (since.0, since.0 + jiff::SignedDuration::from_secs(1));
        assert_eq!(of(&log, "o/app1", "u", later), None, "that was another pull");
        let first =
            |log: &[LogEntry], since| Pull { repository: "o/app1", user: "u", node: &node }.first_served(log, since);
        assert_eq!((first(&log, since.0), first(&log, later.1)), (Some(since.0), None));
        let elsewhere = LogEntry { remote: Some([172, 18, 0, 1].into()), ..entry(200, Some("u")) };
        assert_eq!(after_refusal(&[entry(401, None), elsewhere.clone()]), None, "another node has asked");
        assert_eq!(first(std::slice::from_ref(&elsewhere), since.0), None, "no node has asked");
        assert_eq!(after_refusal(&[elsewhere, entry(200, Some("u"))]), Some(false));
        let mapped =
            LogEntry { remote: Some(Ipv4Addr::new(172, 18, 0, 2).to_ipv6_mapped().into()), ..entry(200, Some("u")) };
        assert!(of(std::slice::from_ref(&mapped), "o/app1", "u", since).is_some());
        assert!(!NodeMark::Mini.is_on(&mapped), "mini's node has no address of its own");
    }

    #[test]
    fn an_event_that_comes_again_is_one_line_with_its_last_count() {
        let pod = ObjectRef { kind: "pod".into(), namespace: "default".into(), name: "mypod".into() };
        let mut trace = Trace::new(pod, "u");
        let event = |at: u64, reason: &str, message: &str, count: i32| EventSeen {
            at: Duration::from_secs(at),
            reason: reason.into(),
            type_: "Warning".into(),
            message: message.into(),
            count,
            component: "kubelet".into(),
        };
        trace.record_event(event(1, "Failed", "no basic auth credentials", 1));
        for count in 1..=66 {
            trace.record_event(event(68, "BackOff", "back-off", count));
        }
        trace.record_event(event(70, "Failed", "Error: ErrImagePull", 1));
        let pod = serde_json::json!({"status": {"phase": "Pending"}});
        let state = TraceState::new(&serde_json::from_value(pod).unwrap(), Duration::ZERO);
        let message = Some("Back-off pulling image \"x\": ErrImagePull: no basic auth credentials".into());
        trace.record(TraceState { message, ..state });
        assert_eq!(
            of_trace(&trace)[1..],
            [
                "    1.00 Warning Failed x1: no basic auth credentials",
                "   68.00 Warning BackOff x66: back-off",
                "   70.00 Warning Failed x1: Error: ErrImagePull",
            ]
        );
        trace.events.clear();
        assert!(of_trace(&trace)[1].starts_with("  last message: Back-off pulling"), "nothing else has said it");
    }
}
