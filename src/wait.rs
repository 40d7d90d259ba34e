//! The one wait of the program: wakes on a change (or, where nothing can be watched, on a tick), probes,
//! and on timeout tells the last status it saw. Knows nothing of what is waited for.

use std::fmt;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout_at};

use crate::hint::Hint;

/// What one probe found.
#[derive(Debug)]
pub enum Probe<T> {
    /// It has come about.
    Done(T),
    /// Not yet; the text is what a timeout prints.
    Pending(String),
}

/// What makes the next probe worth while.
pub enum Wake {
    /// Something counts its changes: no polling.
    Changed(watch::Receiver<u64>),
    /// Nothing can be watched (a foreign process, a port that opens).
    Every(Duration),
}

/// The time ran out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct TimedOut {
    /// What was waited for, as a noun.
    pub what: String,
    /// How long it was waited for.
    pub after: Duration,
    /// The last status seen; empty when no probe ever answered.
    pub last: String,
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "timed out after {:.1?} waiting for {}", self.after, self.what)?;
        if !self.last.is_empty() {
            write!(f, "; last seen: {}", self.last)?;
        }
        Ok(())
    }
}

impl Hint for TimedOut {
    /// What it waited for and saw last is all there is to say.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// Probes until it is done or `timeout` has passed since the call.
///
/// # Errors
/// [`TimedOut`] with the last status seen. A closed [`Wake::Changed`] channel is no error: the probe is asked
/// once more and then only the deadline is waited for.
pub async fn until<T>(
    what: &str,
    timeout: Duration,
    mut wake: Wake,
    mut probe: impl AsyncFnMut() -> Probe<T>,
) -> Result<T, TimedOut> {
    let deadline = Instant::now() + timeout;
    let mut last = String::new();
    let mut ticks = match &wake {
        Wake::Every(period) => Some(interval_at(Instant::now() + *period, *period)),
        Wake::Changed(_) => None,
    };
    if let Some(ticks) = &mut ticks {
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    loop {
        if let Wake::Changed(changes) = &mut wake {
            // Seen before the probe, so that a change during it wakes us at once.
            changes.borrow_and_update();
        }
        match timeout_at(deadline, probe()).await {
            Ok(Probe::Done(value)) => return Ok(value),
            Ok(Probe::Pending(status)) => last = status,
            Err(_) => return Err(TimedOut { what: what.into(), after: timeout, last }),
        }
        let woken = async {
            match (&mut wake, &mut ticks) {
                (Wake::Changed(changes), _) => {
                    if changes.changed().await.is_err() {
                        std::future::pending::<()>().await;
                    }
                }
                (Wake::Every(_), Some(ticks)) => {
                    ticks.tick().await;
                }
                (Wake::Every(_), None) => {}
            }
        };
        if timeout_at(deadline, woken).await.is_err() {
            return Err(TimedOut { what: what.into(), after: timeout, last });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_timeout_tells_the_last_status() {
        let mut n = 0;
        let failed =
            until::<()>("the port", Duration::from_secs(1), Wake::Every(Duration::from_millis(100)), async || {
                n += 1;
                Probe::Pending(format!("refused {n} times"))
            })
            .await
            .unwrap_err();
        assert_eq!(failed.to_string(), "timed out after 1.0s waiting for the port; last seen: refused 11 times");
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_during_the_probe_is_not_lost() {
        let (tx, rx) = watch::channel(0u64);
        let found = until("five", Duration::from_secs(1), Wake::Changed(rx), async || {
            tx.send_modify(|n| *n += 1);
            let now = *tx.borrow();
            if now == 5 { Probe::Done(now) } else { Probe::Pending(now.to_string()) }
        })
        .await;
        assert_eq!(found, Ok(5));
    }
}
