//! Memory that large objects leave free is given back to the machine. Knows how much was freed, not by whom.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::store::Store;

/// How often it is looked whether there is something to give back.
const EVERY: Duration = Duration::from_secs(15);
/// How much must have been freed, in bytes, to be worth the look at every page.
const WORTH: u64 = 8 << 20;

/// Gives back what the store has freed, for as long as it is polled.
pub(super) async fn give_back(store: Arc<Store>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = store.freed();
    loop {
        ticks.tick().await;
        let freed = store.freed();
        if freed - before >= WORTH {
            before = freed;
            trim();
        }
    }
}

/// glibc keeps free pages that lie between used ones; other allocators have their own ways.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn trim() {
    // SAFETY: it takes no pointer and may be called at any time by any thread (malloc_trim(3)).
    unsafe { libc::malloc_trim(0) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}
