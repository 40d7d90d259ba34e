//! How much of the wall clock several pieces of work cover that may run at once. Pure.

use std::time::{Duration, Instant};

/// When one piece of work began and ended.
pub(crate) type Span = (Instant, Instant);

/// The time in which at least one of the spans was running.
pub(crate) fn covered(spans: impl IntoIterator<Item = Span>) -> Duration {
    let mut spans: Vec<Span> = spans.into_iter().collect();
    spans.sort();
    let mut until: Option<Instant> = None;
    let mut whole = Duration::ZERO;
    for (from, to) in spans {
        let from = until.map_or(from, |until| until.max(from));
        whole += to.saturating_duration_since(from);
        until = Some(until.map_or(to, |until| until.max(to)));
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_overlaps_counts_once() {
        let start = Instant::now();
        let span = |from: u64, to: u64| (start + Duration::from_secs(from), start + Duration::from_secs(to));
        assert_eq!(covered([]), Duration::ZERO);
        assert_eq!(covered([span(0, 2), span(5, 6)]), Duration::from_secs(3));
        assert_eq!(covered([span(4, 6), span(0, 5), span(1, 2)]), Duration::from_secs(6));
    }
}
