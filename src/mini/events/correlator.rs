//! client-go's `EventCorrelator` (`tools/record/events_cache.go`): repeated events become a count on one
//! object, floods are aggregated and then dropped. Pure; the recorder writes what comes out.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::event::ObjectEvent;
use crate::mini::timelapse::elapsed;

/// Tokens per object and event type, and how long one takes to come back.
const BURST: f64 = 25.0;
const REFILL: Duration = Duration::from_secs(300);
/// From so many messages of one reason on, with no longer pause among them, they are combined into one event.
const SIMILAR: usize = 10;
const SIMILAR_INTERVAL: Duration = Duration::from_secs(600);

/// What to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Write {
    Create {
        event: ObjectEvent,
        count: i32,
    },
    /// Patch count, message and last timestamp of the object named here.
    Patch {
        name: String,
        count: i32,
        message: String,
    },
}

#[derive(Debug)]
struct Seen {
    name: Option<String>,
    count: i32,
}

#[derive(Debug)]
struct Similar {
    messages: Vec<String>,
    last: Timestamp,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Timestamp,
}

/// One object's events.
#[derive(Debug, Default)]
pub(crate) struct Correlator {
    seen: BTreeMap<Key, Seen>,
    similar: BTreeMap<(bool, &'static str), Similar>,
    buckets: BTreeMap<bool, Bucket>,
    timelapse: f64,
}

/// Events with an equal key are one object.
type Key = (bool, &'static str, String, Option<String>);

impl Correlator {
    /// With a time-lapse an event takes as much less of the spam filter as more of them come: what has failed for a
    /// minute still has its events when it heals, as at real speed.
    #[must_use]
    pub(crate) fn new(timelapse: f64) -> Self {
        Self { timelapse, ..Self::default() }
    }

    /// What to write for an event, if anything; the key goes back to [`Self::created`].
    pub(crate) fn correlate(&mut self, event: ObjectEvent, now: Timestamp) -> Option<(Key, Write)> {
        let (mut event, key) = self.aggregate(event, now);
        let seen = self.seen.entry(key.clone()).or_insert(Seen { name: None, count: 0 });
        // Counted even when it is then dropped: the next one that is written counts it in.
        seen.count += 1;
        let (count, name) = (seen.count, seen.name.clone());
        if !self.take_token(event.warning, now) {
            return None;
        }
        let message = std::mem::take(&mut event.message);
        let write = match name {
            Some(name) => Write::Patch { name, count, message },
            None => Write::Create { event: ObjectEvent { message, ..event }, count },
        };
        Some((key, write))
    }

    /// Notes the name the object was created under.
    pub(crate) fn created(&mut self, key: &Key, name: String) {
        if let Some(seen) = self.seen.get_mut(key) {
            seen.name = Some(name);
        }
    }

    fn aggregate(&mut self, event: ObjectEvent, now: Timestamp) -> (ObjectEvent, Key) {
        let timelapse = self.timelapse;
        let similar =
            self.similar.entry((event.warning, event.reason)).or_insert(Similar { messages: Vec::new(), last: now });
        if elapsed(similar.last, now, timelapse) > SIMILAR_INTERVAL {
            similar.messages.clear();
        }
        similar.last = now;
        if !similar.messages.contains(&event.message) {
            similar.messages.push(event.message.clone());
        }
        if similar.messages.len() < SIMILAR {
            let key = (event.warning, event.reason, event.message.clone(), event.field_path.clone());
            return (event, key);
        }
        similar.messages.remove(0);
        let key = (event.warning, event.reason, String::new(), event.field_path.clone());
        let message = format!("(combined from similar events): {}", event.message);
        (ObjectEvent { message, ..event }, key)
    }

    fn take_token(&mut self, warning: bool, now: Timestamp) -> bool {
        let price = 1.0 / self.timelapse;
        let bucket = self.buckets.entry(warning).or_insert(Bucket { tokens: BURST, at: now });
        let refilled = elapsed(bucket.at, now, 1.0).as_secs_f64() / REFILL.as_secs_f64();
        bucket.tokens = (bucket.tokens + refilled).min(BURST);
        bucket.at = now;
        // Whole prices add up to whole tokens but for the last bits of their sums.
        let allowed = bucket.tokens >= price - f64::EPSILON * BURST;
        if allowed {
            bucket.tokens -= price;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + (seconds * 1000.0) as i64).unwrap()
    }

    /// Writes an event; returns the count that reached the API, if it did.
    fn write(correlator: &mut Correlator, event: ObjectEvent, seconds: f64) -> Option<i32> {
        match correlator.correlate(event, at(seconds))? {
            (key, Write::Create { count, .. }) => {
                correlator.created(&key, "e".into());
                Some(count)
            }
            (_, Write::Patch { count, .. }) => Some(count),
        }
    }

    /// The record of a pod without credentials: 21 BackOff events beside 5 Pulling ones exhaust a burst of 25
    /// at +320 s, with one token come back; then one passes every five minutes, with the true count.
    #[test]
    fn a_flood_is_cut_as_recorded() {
        let mut correlator = Correlator::new(1.0);
        let mut pulling = vec![0.6, 12.1, 40.1, 92.1, 184.1];
        let mut passed = Vec::new();
        for tick in 0..73 {
            let seconds = 0.8 + 13.0 * f64::from(tick);
            while pulling.first().is_some_and(|due| *due < seconds) {
                write(&mut correlator, ObjectEvent::normal("Pulling", "p"), pulling.remove(0)).unwrap();
            }
            if let Some(count) = write(&mut correlator, ObjectEvent::normal("BackOff", "b"), seconds) {
                passed.push((seconds as i64, count));
            }
        }
        // The first 25 tokens are gone after the twentieth; one is back at 300 s, 600 s and 900 s.
        assert_eq!(passed[..20].iter().map(|(_, count)| *count).collect::<Vec<_>>(), (1..=20).collect::<Vec<_>>());
        let late: Vec<_> = passed[20..].to_vec();
        assert_eq!(late, [(312, 25), (611, 48), (910, 71)]);
        assert_eq!(
            write(&mut correlator, ObjectEvent::warning("Failed", "w"), 951.0),
            Some(1),
            "types are counted apart"
        );
    }

    /// A real pod that has failed for a minute, and one in time-lapse, whose minute has an hour: both still tell how it
    /// ended.
    #[test]
    fn a_time_lapse_spends_no_more_of_the_filter() {
        for timelapse in [1.0, 60.0] {
            let mut correlator = Correlator::new(timelapse);
            for sync in 0..(60.0 * timelapse / 13.0) as i32 {
                write(&mut correlator, ObjectEvent::normal("BackOff", "b"), f64::from(sync) * 13.0 / timelapse);
            }
            assert_eq!(write(&mut correlator, ObjectEvent::normal("Pulled", "p"), 60.0), Some(1), "{timelapse}");
        }
    }

    #[test]
    fn many_messages_of_one_reason_are_combined() {
        let mut correlator = Correlator::new(1.0);
        let mut last = None;
        for number in 0..12 {
            last =
                correlator.correlate(ObjectEvent::warning("Failed", format!("port {number}")), at(f64::from(number)));
            if let Some((key, Write::Create { .. })) = &last {
                correlator.created(&key.clone(), format!("e{number}"));
            }
        }
        let (_, write) = last.unwrap();
        let message = "(combined from similar events): port 11".to_owned();
        assert_eq!(write, Write::Patch { name: "e9".into(), count: 3, message });
    }
}
