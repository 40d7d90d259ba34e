//! Time as a cluster in time-lapse counts it. Pure.

use std::time::Duration;

use jiff::Timestamp;

/// The nominal time between two moments.
pub(super) fn elapsed(from: Timestamp, to: Timestamp, timelapse: f64) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default().mul_f64(timelapse)
}
