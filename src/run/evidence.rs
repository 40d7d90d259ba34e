//! What a failed step shows for itself, and what proves a pass. Pure.

use crate::observe::Trace;
use crate::registry::access_log::Entry;

/// What the registry's log says of a pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The user was served; `after_refusal`: somebody had been refused before.
    Served {
        after_refusal: bool,
    },
    Nothing,
}

impl Proof {
    /// Judges the entries of one lab for a repository and the stage's user.
    pub fn of(entries: &[Entry], repository: &str, user: &str) -> Self {
        let of_it: Vec<_> = entries.iter().filter(|entry| entry.repository == repository).collect();
        let served = |entry: &&Entry| entry.status == 200 && entry.user.as_deref() == Some(user);
        match of_it.iter().rposition(served) {
            Some(last) => Self::Served { after_refusal: of_it[..last].iter().any(|entry| entry.status == 401) },
            None => Self::Nothing,
        }
    }
}

/// The timeline and the events of one object, one line each.
pub fn of_trace(trace: &Trace) -> Vec<String> {
    let mut lines = vec![trace.to_string()];
    if let Some(message) = trace.last().and_then(|state| state.message.as_ref()) {
        lines.push(format!("  last message: {message}"));
    }
    lines.extend(trace.events.iter().map(|event| {
        format!(
            "  {:>6.2} {} {} x{}: {}",
            event.at.as_secs_f64(),
            event.type_,
            event.reason,
            event.count,
            event.message
        )
    }));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(status: u16, user: Option<&str>) -> Entry {
        Entry {
            time: jiff::Timestamp::UNIX_EPOCH,
            method: "HEAD".into(),
            repository: "o/app1".into(),
            reference: "1.0.0".into(),
            status,
            user: user.map(str::to_owned),
            user_agent: "x".into(),
        }
    }

    #[test]
    fn a_success_is_proof_only_for_its_user_and_repository() {
        let log = [entry(401, None), entry(200, Some("u"))];
        assert_eq!(Proof::of(&log, "o/app1", "u"), Proof::Served { after_refusal: true });
        assert_eq!(Proof::of(&log[1..], "o/app1", "u"), Proof::Served { after_refusal: false });
        assert_eq!(Proof::of(&log, "o/app1", "v"), Proof::Nothing);
        assert_eq!(Proof::of(&log, "o/other", "u"), Proof::Nothing);
        assert_eq!(
            Proof::of(&[entry(200, Some("u")), entry(401, None)], "o/app1", "u"),
            Proof::Served { after_refusal: false }
        );
    }
}
