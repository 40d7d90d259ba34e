//! Exponential back-off as `k8s.io/client-go/util/flowcontrol` does it: 10 s doubling to 300 s.
//! Pure; keys are the caller's, and so is the clock.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::mini::timelapse::elapsed;

const FIRST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(300);

#[derive(Debug, Clone, Copy)]
struct Entry {
    delay: Duration,
    updated: Timestamp,
}

/// Delays by key. With a time-lapse the delays keep their nominal length and time runs faster.
#[derive(Debug, Clone)]
pub(super) struct Backoff {
    entries: BTreeMap<String, Entry>,
    timelapse: f64,
}

impl Backoff {
    #[must_use]
    pub(super) fn new(timelapse: f64) -> Self {
        Self { entries: BTreeMap::new(), timelapse }
    }

    /// Notes another failure at `at`. A key left alone for twice the longest delay starts afresh.
    pub(super) fn next(&mut self, key: &str, at: Timestamp) {
        let delay = match self.entries.get(key) {
            Some(entry) if self.elapsed(entry.updated, at) <= LONGEST * 2 => (entry.delay * 2).min(LONGEST),
            _ => FIRST,
        };
        self.entries.insert(key.to_owned(), Entry { delay, updated: at });
    }

    /// Is `now` still within the delay that began with the last failure?
    #[must_use]
    pub(super) fn waits(&self, key: &str, now: Timestamp) -> bool {
        self.entries.get(key).is_some_and(|entry| self.elapsed(entry.updated, now) < entry.delay)
    }

    /// Is `now` still within the delay, counted from `event`?
    #[must_use]
    pub(super) fn waits_since(&self, key: &str, event: Timestamp, now: Timestamp) -> bool {
        self.entries.get(key).is_some_and(|entry| {
            self.elapsed(entry.updated, event) <= LONGEST * 2 && self.elapsed(event, now) < entry.delay
        })
    }

    /// The nominal delay of a key; zero when it has not failed.
    #[must_use]
    pub(super) fn delay(&self, key: &str) -> Duration {
        self.entries.get(key).map_or(Duration::ZERO, |entry| entry.delay)
    }

    fn elapsed(&self, from: Timestamp, to: Timestamp) -> Duration {
        elapsed(from, to, self.timelapse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn delays_double_to_the_longest_and_start_afresh_when_left_alone() {
        let mut backoff = Backoff::new(1.0);
        assert!(!backoff.waits("a", at(0)));
        let mut delays = Vec::new();
        let mut now = 0;
        for _ in 0..7 {
            backoff.next("a", at(now));
            let delay = backoff.delay("a").as_secs();
            delays.push(delay);
            assert!(backoff.waits("a", at(now + delay.cast_signed() - 1)));
            now += delay.cast_signed();
            assert!(!backoff.waits("a", at(now)) && !backoff.waits("b", at(now)));
        }
        assert_eq!(delays, [10, 20, 40, 80, 160, 300, 300]);
        backoff.next("a", at(now + 601));
        assert_eq!(backoff.delay("a").as_secs(), 10);
    }

    #[test]
    fn a_timelapse_shortens_the_wait_but_not_the_name_of_the_delay() {
        let mut backoff = Backoff::new(10.0);
        backoff.next("a", at(0));
        assert!(backoff.waits_since("a", at(0), at(0)) && !backoff.waits_since("a", at(0), at(1)));
        assert_eq!(backoff.delay("a").as_secs(), 10);
    }
}
