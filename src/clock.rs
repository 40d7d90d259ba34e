//! A time that was told once, and what has passed since by a clock that nobody sets. Knows not whose time it is.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SteadyClock {
    told: Timestamp,
    at: Instant,
}

/// The wall's time, as it is now.
impl Default for SteadyClock {
    fn default() -> Self {
        Self::starting_at(Timestamp::now())
    }
}

impl SteadyClock {
    /// It is `told` now.
    pub(crate) fn starting_at(told: Timestamp) -> Self {
        Self { told, at: Instant::now() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.told.saturating_add(self.elapsed()).unwrap_or(self.told)
    }

    /// How long ago the time was told.
    pub(crate) fn elapsed(&self) -> Duration {
        self.at.elapsed()
    }
}
