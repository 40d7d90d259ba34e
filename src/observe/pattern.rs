//! Expectations against a trace: an ordered pattern of states, or states that must not be seen.
//! Knows nothing of how long one waits for them.
//!
//! `ErrImagePull` is transient: the level may already read `ImagePullBackOff` when the watch delivers it. So a state
//! counts as seen in three ways: the status says it; the kubelet's event `Error: ErrImagePull` says it; or the message
//! of a later back-off carries it (`Back-off pulling image "X": ErrImagePull: …`, kubelet 1.32 and later).

use std::time::Duration;

use serde::Serialize;

use super::trace::{EventSeen, Trace, TraceState};
use crate::kubewords::status::{cause_of_back_off, is_back_off};

/// How far a pattern has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum PatternProgress {
    /// All of it was seen; the last element at this time.
    Matched { at: Duration },
    /// So many elements were seen; `next` is the one waited for.
    Pending { matched: usize, next: String },
}

/// A state that was seen, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sighting {
    pub at: Duration,
    pub status: String,
}

impl Trace {
    /// Whether the states were seen in this order, others between them allowed, the last of them not before `since`.
    pub fn matching(&self, pattern: &[String], since: Duration) -> PatternProgress {
        let mut cursor = Cursor::default();
        for (matched, status) in pattern.iter().enumerate() {
            if matched + 1 == pattern.len() {
                cursor = Cursor { state: cursor.state.max(self.first_since(since)), at: cursor.at.max(since) };
            }
            match self.next_sighting(status, &cursor) {
                Some(next) => cursor = next,
                None => return PatternProgress::Pending { matched, next: status.clone() },
            }
        }
        PatternProgress::Matched { at: cursor.at }
    }

    /// The first time that the object went into any of these states, not before `since`. To be in one already, or to
    /// tell of one that was seen before, is not to go into it.
    pub fn entered(&self, statuses: &[String], since: Duration) -> Option<Sighting> {
        let first = |status: &String| {
            let into = |index: &usize| {
                let (state, before) = (&self.states[*index], index.checked_sub(1).map(|before| &self.states[before]));
                let told = tells_of(state, status) && before.is_none_or(|before| before.message != state.message);
                (state.status == *status || told) && before.is_none_or(|before| before.status != *status)
            };
            let by_state = (self.first_since(since)..self.states.len()).find(into).map(|index| self.states[index].at);
            let by_event = self.events.iter().find(|event| event.at >= since && reports(event, status));
            let at = by_state.into_iter().chain(by_event.map(|event| event.at)).min()?;
            Some(Sighting { at, status: status.clone() })
        };
        statuses.iter().filter_map(first).min_by_key(|sighting| sighting.at)
    }

    /// Which of these states the object was in at `since`; none if it was told to go from then on.
    pub fn held(&self, statuses: &[String], since: Duration) -> Option<&TraceState> {
        let (before, from) = self.states.split_at(self.first_since(since));
        let stays = !from.iter().any(TraceState::leaves);
        before.last().filter(|state| stays && statuses.contains(&state.status))
    }

    fn next_sighting(&self, status: &str, from: &Cursor) -> Option<Cursor> {
        let states = self.states.iter().enumerate().skip(from.state);
        let by_state = states
            .clone()
            .find(|(_, state)| state.status == status)
            .map(|(index, state)| Cursor { state: index + 1, at: state.at.max(from.at) });
        // The back-off state itself is still there for the next element.
        let by_message = states
            .clone()
            .find(|(_, state)| tells_of(state, status))
            .map(|(index, state)| Cursor { state: index, at: state.at.max(from.at) });
        let by_event = self.events.iter().find(|event| event.at >= from.at && reports(event, status));
        let by_event = by_event.map(|event| Cursor { state: from.state.max(self.holding_at(event.at)), at: event.at });
        [by_state, by_message, by_event].into_iter().flatten().min_by_key(|cursor| cursor.at)
    }

    /// The first state not before a time.
    fn first_since(&self, since: Duration) -> usize {
        self.states.partition_point(|state| state.at < since)
    }

    /// The state that held at a time: the last one seen by then.
    fn holding_at(&self, at: Duration) -> usize {
        self.states.partition_point(|state| state.at <= at).saturating_sub(1)
    }
}

/// The first state that may match next, and the time of the last match.
#[derive(Debug, Default)]
struct Cursor {
    state: usize,
    at: Duration,
}

/// Events are ahead of the level by a sync, so they prove only what the level may never show: errors, not back-offs.
fn reports(event: &EventSeen, status: &str) -> bool {
    event.reason == "Failed" && !is_back_off(status) && event.message.strip_prefix("Error: ") == Some(status)
}

fn tells_of(state: &TraceState, status: &str) -> bool {
    is_back_off(&state.status)
        && state.message.as_ref().is_some_and(|message| cause_of_back_off(message, status).is_some())
}

#[cfg(test)]
mod tests {
    use super::super::trace::tests::{at, event, state, trace};
    use super::*;

    fn pattern(text: &str) -> Vec<String> {
        text.split(", ").map(String::from).collect()
    }

    fn progress(trace: &Trace, text: &str) -> String {
        shown_since(trace, text, 0.0)
    }

    fn shown_since(trace: &Trace, text: &str, since: f64) -> String {
        match trace.matching(&pattern(text), at(since)) {
            PatternProgress::Matched { at } => format!("at {}", at.as_secs_f64()),
            PatternProgress::Pending { matched, next } => format!("{matched}, then {next}"),
        }
    }

    #[test]
    fn a_pattern_is_a_subsequence_of_the_states() {
        let seen = trace(&[
            (0.0, "Pending"),
            (0.1, "ContainerCreating"),
            (0.8, "ErrImagePull"),
            (12.0, "ImagePullBackOff"),
            (26.0, "ErrImagePull"),
            (38.0, "Running"),
        ]);
        for (text, expected) in [
            ("Pending", "at 0"),
            ("ErrImagePull, ImagePullBackOff", "at 12"),
            ("ErrImagePull, ImagePullBackOff, Running", "at 38"),
            ("ErrImagePull, ErrImagePull, Running", "at 38"),
            ("Running, Pending", "1, then Pending"),
            ("ErrImagePull, ErrImagePull, ErrImagePull", "2, then ErrImagePull"),
            ("Completed", "0, then Completed"),
        ] {
            assert_eq!(progress(&seen, text), expected, "{text}");
        }
        assert_eq!(progress(&trace(&[]), "Pending"), "0, then Pending");
    }

    #[test]
    fn the_failed_event_proves_what_the_level_has_passed() {
        let mut seen = trace(&[(0.0, "ContainerCreating"), (0.83, "ImagePullBackOff")]);
        let both = "ErrImagePull, ImagePullBackOff";
        assert_eq!(progress(&seen, both), "0, then ErrImagePull");
        seen.record_event(event(0.84, "Failed", "Error: ErrImagePull", 1));
        assert_eq!(progress(&seen, both), "at 0.84", "the back-off still held when the event came");
        assert_eq!(progress(&seen, "ErrImagePull, ContainerCreating"), "1, then ContainerCreating");
        seen.record(state(20.0, "Running"));
        assert_eq!(progress(&seen, &format!("{both}, Running")), "at 20");
        assert_eq!(progress(&seen, "Running, ErrImagePull"), "1, then ErrImagePull", "the event came before");
        seen.record_event(event(21.0, "Failed", "Error: ErrImagePull", 2));
        assert_eq!(progress(&seen, "Running, ErrImagePull"), "at 21");
    }

    #[test]
    fn an_event_does_not_prove_a_back_off() {
        let mut seen = trace(&[(0.0, "ContainerCreating"), (0.8, "ErrImagePull")]);
        seen.record_event(event(0.8, "Failed", "Error: ImagePullBackOff", 1));
        seen.record_event(event(0.8, "Failed", "Failed to pull image \"Running\"", 1));
        assert_eq!(progress(&seen, "ErrImagePull, ImagePullBackOff"), "1, then ImagePullBackOff");
        assert_eq!(progress(&seen, "ErrImagePull, Running"), "1, then Running");
    }

    #[test]
    fn the_message_of_a_back_off_tells_of_the_error_before() {
        let mut seen = trace(&[(0.0, "ContainerCreating")]);
        let mut back_off = state(0.02, "ImagePullBackOff");
        back_off.message = Some("Back-off pulling image \"x\": ErrImagePull: failed to pull".into());
        seen.record(back_off);
        seen.record(state(0.03, "Running"));
        seen.record_event(event(0.04, "Failed", "Error: ErrImagePull", 1));
        assert_eq!(progress(&seen, "ErrImagePull, ImagePullBackOff, Running"), "at 0.03");
    }

    #[test]
    fn the_last_of_a_pattern_is_not_older_than_asked() {
        let mut seen = trace(&[(0.0, "Pending"), (1.0, "Running"), (5.0, "Terminating"), (5.4, "Deleted")]);
        seen.record_event(event(0.5, "Failed", "Error: ErrImagePull", 1));
        for (text, expected) in [
            ("Running, Deleted", "at 5.4"),
            ("Running, Terminating", "at 5"),
            ("Deleted", "at 5.4"),
            ("Pending, Running", "1, then Running"),
            ("Running", "0, then Running"),
            ("ErrImagePull", "0, then ErrImagePull"),
            ("Deleted, Terminating", "1, then Terminating"),
        ] {
            assert_eq!(shown_since(&seen, text, 4.0), expected, "{text}");
        }
        let backing_off = trace(&[(1.0, "ErrImagePull"), (12.0, "ImagePullBackOff"), (26.0, "ErrImagePull")]);
        assert_eq!(shown_since(&backing_off, "ErrImagePull", 12.0), "at 26");
        assert_eq!(shown_since(&backing_off, "ErrImagePull", 26.0), "at 26");
    }

    fn sighting(seconds: f64, status: &str) -> Option<Sighting> {
        Some(Sighting { at: at(seconds), status: status.into() })
    }

    #[test]
    fn what_was_entered_first() {
        let mut seen = trace(&[(0.0, "Pending"), (3.0, "Running"), (5.0, "Completed")]);
        seen.record_event(event(2.0, "Failed", "Error: ErrImagePull", 1));
        let entered = |text: &str, since: f64| seen.entered(&pattern(text), at(since));
        assert_eq!(entered("Completed, Running", 0.0), sighting(3.0, "Running"));
        assert_eq!(entered("ErrImagePull, Running", 0.0), sighting(2.0, "ErrImagePull"));
        assert_eq!(entered("Failed, ImagePullBackOff", 0.0), None);
        assert_eq!(entered("Running", 3.0), sighting(3.0, "Running"));
        assert_eq!(entered("Running, ErrImagePull", 3.5), None, "it was all that before");
    }

    #[test]
    fn to_be_in_a_state_is_not_to_enter_it() {
        let mut seen = trace(&[(1.0, "Running")]);
        seen.record(TraceState { ready: "0/1".into(), ..state(5.0, "Running") });
        assert_eq!(seen.entered(&pattern("Running"), at(4.0)), None, "it is no longer ready, and still running");
        seen.record(state(6.0, "Completed"));
        seen.record(state(7.0, "Running"));
        assert_eq!(seen.entered(&pattern("Running"), at(4.0)), sighting(7.0, "Running"));
    }

    #[test]
    fn a_back_off_tells_of_an_error_that_was_not_seen() {
        let back_off = |at: f64, cause: &str| TraceState {
            message: Some(format!("Back-off pulling image \"x\": ErrImagePull: {cause}")),
            ..state(at, "ImagePullBackOff")
        };
        let mut seen = trace(&[(0.0, "ContainerCreating"), (1.0, "ErrImagePull")]);
        seen.record(back_off(12.0, "denied"));
        assert_eq!(seen.entered(&pattern("ErrImagePull"), at(10.0)), None, "it tells of the one before");
        seen.record(TraceState { node: Some("n".into()), ..back_off(13.0, "denied") });
        assert_eq!(seen.entered(&pattern("ErrImagePull"), at(10.0)), None, "and goes on about it");
        seen.record(back_off(14.0, "not found"));
        assert_eq!(seen.entered(&pattern("ErrImagePull"), at(10.0)), sighting(14.0, "ErrImagePull"));
    }

    #[test]
    fn what_an_object_was_in_when_it_stays() {
        let mut seen = trace(&[(0.0, "Pending"), (1.0, "Running")]);
        let held = |seen: &Trace, text: &str, since: f64| seen.held(&pattern(text), at(since)).map(|s| s.at);
        assert_eq!(held(&seen, "Pending, Running", 5.0), Some(at(1.0)));
        assert_eq!(held(&seen, "Pending", 5.0), None);
        assert_eq!(held(&seen, "Pending", 0.0), None, "it was not there");
        seen.record(state(6.0, "Terminating"));
        assert_eq!(held(&seen, "Running", 5.0), None, "the step removes it");
        assert_eq!(held(&seen, "Terminating", 7.0), Some(at(6.0)));
    }
}
