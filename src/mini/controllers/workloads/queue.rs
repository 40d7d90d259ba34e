//! Which workloads are to be synced, and when: each once however often it is asked for, failed ones after a growing
//! pause (client-go's `workqueue`). Pure but for the clock, which is the caller's.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// The pause after the first failure; each further one doubles it.
const FIRST: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_secs(1000);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum WorkloadKind {
    Deployment,
    ReplicaSet,
    Job,
    /// The pods of a Job that is gone; the name is its UID.
    Orphans,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WorkloadKey {
    pub kind: WorkloadKind,
    pub namespace: String,
    pub name: String,
}

#[derive(Default)]
pub(super) struct Queue {
    ready: VecDeque<WorkloadKey>,
    queued: BTreeSet<WorkloadKey>,
    due: BTreeMap<WorkloadKey, Instant>,
    failures: BTreeMap<WorkloadKey, u32>,
}

impl Queue {
    pub(super) fn add(&mut self, key: WorkloadKey) {
        if self.queued.insert(key.clone()) {
            self.ready.push_back(key);
        }
    }

    /// Asks for a sync at `due`, or earlier if one is due earlier.
    pub(super) fn add_at(&mut self, key: WorkloadKey, due: Instant) {
        let at = self.due.entry(key).or_insert(due);
        *at = due.min(*at);
    }

    /// What is to be synced now.
    pub(super) fn next(&mut self, now: Instant) -> Option<WorkloadKey> {
        let due: Vec<_> = self.due.iter().filter(|(_, due)| **due <= now).map(|(key, _)| key.clone()).collect();
        for key in due {
            self.due.remove(&key);
            self.add(key);
        }
        let key = self.ready.pop_front()?;
        self.queued.remove(&key);
        Some(key)
    }

    /// Whether nothing is to be synced at once.
    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// When something that waits is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due.values().min().copied()
    }

    pub(super) fn succeeded(&mut self, key: &WorkloadKey) {
        self.failures.remove(key);
    }

    pub(super) fn failed(&mut self, key: WorkloadKey, now: Instant) {
        let failures = self.failures.entry(key.clone()).or_default();
        let pause = FIRST.saturating_mul(1 << (*failures).min(20)).min(LONGEST);
        *failures += 1;
        self.add_at(key, now + pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_synced_once_and_failures_wait() {
        let key = |name: &str| WorkloadKey { kind: WorkloadKind::ReplicaSet, namespace: "n".into(), name: name.into() };
        let (mut queue, now) = (Queue::default(), Instant::now());
        for name in ["a", "b", "a"] {
            queue.add(key(name));
        }
        assert_eq!([queue.next(now), queue.next(now), queue.next(now)], [Some(key("a")), Some(key("b")), None]);
        queue.failed(key("a"), now);
        queue.failed(key("a"), now);
        assert_eq!(queue.due(), Some(now + FIRST));
        assert_eq!(queue.next(now + FIRST), Some(key("a")));
        queue.failed(key("a"), now);
        assert_eq!(queue.due(), Some(now + FIRST * 4));
        queue.succeeded(&key("a"));
        queue.failed(key("b"), now);
        assert_eq!(queue.due(), Some(now + FIRST));
    }
}
