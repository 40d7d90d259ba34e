//! CPU time that telling a run takes: masking, each reader's work, the frames on a terminal. Counted by the thread that does
//! the work, in this process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// In microseconds.
static SPENT: AtomicU64 = AtomicU64::new(0);

/// What comes of the work, and the CPU time that it took. It stays on its thread.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = thread_time();
    let done = work();
    (done, thread_time().saturating_sub(began))
}

/// Does the work, and counts what it takes.
pub(super) fn counted<T>(work: impl FnOnce() -> T) -> T {
    let (done, took) = timed(work);
    SPENT.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    done
}

/// What has been counted so far, in microseconds.
pub(super) fn spent_us() -> u64 {
    SPENT.load(Ordering::Relaxed)
}

fn thread_time() -> Duration {
    // A clock that cannot be read counts nothing.
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted_and_waiting_is_not() {
        let before = spent_us();
        let waits = std::sync::mpsc::channel::<()>().1;
        counted(|| waits.recv_timeout(Duration::from_millis(300)).unwrap_err());
        let waited = spent_us() - before;
        let sum = counted(|| (0..3_000_000_u64).fold(0_u64, |sum, n| std::hint::black_box(sum ^ n)));
        let worked = spent_us() - before - waited;
        assert!(worked > waited && waited < 150_000, "{sum}: {worked} of work, {waited} of waiting");
    }
}
