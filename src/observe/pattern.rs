//! Expectations against a trace: an ordered pattern of states, or states that must not be seen.
//! Knows nothing of how long one waits for them.
//!
//! `ErrImagePull` is transient: the level may already read `ImagePullBackOff` when the watch delivers it. So a state
//! counts as seen in three ways: the status says it; the kubelet's event `Error: ErrImagePull` says it; or the message
//! of a later back-off carries it (`Back-off pulling image "X": ErrImagePull: …`, kubelet 1.32 and later).

use std::time::Duration;

use serde::Serialize;

use super::trace::{EventSeen, State, Trace};

/// How far a pattern has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Progress {
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
    /// Whether the states were seen in this order, others between them allowed.
    pub fn matching(&self, pattern: &[String]) -> Progress {
        let mut cursor = Cursor::default();
        for (matched, status) in pattern.iter().enumerate() {
            match self.next_sighting(status, &cursor) {
                Some(next) => cursor = next,
                None => return Progress::Pending { matched, next: status.clone() },
            }
        }
        Progress::Matched { at: cursor.at }
    }

    /// The first sighting of any of these states.
    pub fn never(&self, statuses: &[String]) -> Option<Sighting> {
        let first = |status: &String| {
            let found = self.next_sighting(status, &Cursor::default())?;
            Some(Sighting { at: found.at, status: status.clone() })
        };
        statuses.iter().filter_map(first).min_by_key(|sighting| sighting.at)
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

fn tells_of(state: &State, status: &str) -> bool {
    is_back_off(&state.status)
        && state.message.as_ref().is_some_and(|message| message.contains(&format!(": {status}: ")))
}

fn is_back_off(status: &str) -> bool {
    status.ends_with("BackOff")
}

#[cfg(test)]
mod tests {
    use super::super::trace::tests::{at, event, state, trace};
    use super::*;

    fn pattern(text: &str) -> Vec<String> {
        text.split(", ").map(String::from).collect()
    }

    fn shown(trace: &Trace, text: &str) -> String {
        match trace.matching(&pattern(text)) {
            Progress::Matched { at } => format!("at {}", at.as_secs_f64()),
            Progress::Pending { matched, next } => format!("{matched}, then {next}"),
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
            assert_eq!(shown(&seen, text), expected, "{text}");
        }
        assert_eq!(shown(&trace(&[]), "Pending"), "0, then Pending");
    }

    #[test]
    fn the_failed_event_proves_what_the_level_has_passed() {
        let mut seen = trace(&[(0.0, "ContainerCreating"), (0.83, "ImagePullBackOff")]);
        let both = "ErrImagePull, ImagePullBackOff";
        assert_eq!(shown(&seen, both), "0, then ErrImagePull");
        seen.record_event(event(0.84, "Failed", "Error: ErrImagePull", 1));
        assert_eq!(shown(&seen, both), "at 0.84", "the back-off still held when the event came");
        assert_eq!(shown(&seen, "ErrImagePull, ContainerCreating"), "1, then ContainerCreating");
        seen.record(state(20.0, "Running"));
        assert_eq!(shown(&seen, &format!("{both}, Running")), "at 20");
        assert_eq!(shown(&seen, "Running, ErrImagePull"), "1, then ErrImagePull", "the event came before");
        seen.record_event(event(21.0, "Failed", "Error: ErrImagePull", 2));
        assert_eq!(shown(&seen, "Running, ErrImagePull"), "at 21");
    }

    #[test]
    fn an_event_does_not_prove_a_back_off() {
        let mut seen = trace(&[(0.0, "ContainerCreating"), (0.8, "ErrImagePull")]);
        seen.record_event(event(0.8, "Failed", "Error: ImagePullBackOff", 1));
        seen.record_event(event(0.8, "Failed", "Failed to pull image \"Running\"", 1));
        assert_eq!(shown(&seen, "ErrImagePull, ImagePullBackOff"), "1, then ImagePullBackOff");
        assert_eq!(shown(&seen, "ErrImagePull, Running"), "1, then Running");
    }

    #[test]
    fn the_message_of_a_back_off_tells_of_the_error_before() {
        let mut seen = trace(&[(0.0, "ContainerCreating")]);
        let mut back_off = state(0.02, "ImagePullBackOff");
        back_off.message = Some("Back-off pulling image \"x\": ErrImagePull: failed to pull".into());
        seen.record(back_off);
        seen.record(state(0.03, "Running"));
        seen.record_event(event(0.04, "Failed", "Error: ErrImagePull", 1));
        assert_eq!(shown(&seen, "ErrImagePull, ImagePullBackOff, Running"), "at 0.03");
    }

    #[test]
    fn never_finds_the_first_of_its_states() {
        let mut seen = trace(&[(0.0, "Pending"), (3.0, "Running"), (5.0, "Completed")]);
        seen.record_event(event(2.0, "Failed", "Error: ErrImagePull", 1));
        let sighting = |seconds: f64, status: &str| Some(Sighting { at: at(seconds), status: status.into() });
        assert_eq!(seen.never(&pattern("Completed, Running")), sighting(3.0, "Running"));
        assert_eq!(seen.never(&pattern("ErrImagePull, Running")), sighting(2.0, "ErrImagePull"));
        assert_eq!(seen.never(&pattern("Failed, ImagePullBackOff")), None);
    }
}
