//! The log of the stage's own registry, followed as it is written: who asked for what, and what was answered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use jiff::Timestamp;
use tokio::sync::{OnceCell, watch};
use tokio_util::task::AbortOnDropHandle;

use super::up::Stage;
use crate::docker::{self, LogOptions};
use crate::registry::access_log::{LogEntry, LogReader};

/// What the registry has answered since the value was made, the log of a stage that is kept up being long. It is followed
/// from the first question on.
pub(super) struct Log {
    since: Timestamp,
    witness: OnceCell<Witness>,
}

impl Default for Log {
    fn default() -> Self {
        Self { since: Timestamp::now(), witness: OnceCell::new() }
    }
}

/// How long an engine that keeps no log may take to say so; one that has nothing to tell yet says nothing.
const REFUSES_WITHIN: Duration = Duration::from_millis(500);

/// See the module.
pub(crate) struct Witness {
    entries: Arc<Mutex<Vec<LogEntry>>>,
    changes: watch::Receiver<u64>,
    _follows: AbortOnDropHandle<()>,
}

impl Witness {
    /// All answers so far, the oldest first; keep it short, further ones wait.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&[LogEntry]) -> T) -> T {
        at(&self.entries())
    }

    /// Wakes at each answer.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    fn entries(&self) -> MutexGuard<'_, Vec<LogEntry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stage {
    /// What the registry has answered; None where its log is not ours to read.
    ///
    /// # Errors
    /// Where the Engine does not hand the log out: its logging driver may keep none.
    pub(crate) async fn witness(&self) -> Result<Option<&Witness>, docker::Error> {
        let Some(container) = &self.handle.registry_container else { return Ok(None) };
        let follow = async {
            let options = LogOptions {
                follow: true,
                // Whole seconds, and one more for what they leave out.
                since_seconds: Some(Timestamp::now().as_second() - self.log.since.as_second() + 1),
                ..LogOptions::default()
            };
            let mut log = self.docker.logs(container, options).await?;
            let first = match tokio::time::timeout(REFUSES_WITHIN, log.next()).await {
                Ok(Some(Err(_)) | None) => {
                    return Err(docker::Error::Missing { what: "log", name: container.clone() });
                }
                Ok(Some(Ok(first))) => first,
                Err(_) => Bytes::new(),
            };
            let (changed, changes) = watch::channel(0);
            let entries = Arc::<Mutex<Vec<LogEntry>>>::default();
            let kept = entries.clone();
            let follows = tokio::spawn(async move {
                let (mut reader, mut next) = (LogReader::default(), Some(Ok(first)));
                while let Some(Ok(bytes)) = next {
                    let read = reader.read(&String::from_utf8_lossy(&bytes));
                    if !read.is_empty() {
                        kept.lock().unwrap_or_else(PoisonError::into_inner).extend(read);
                        changed.send_modify(|n| *n += 1);
                    }
                    next = log.next().await;
                }
            });
            Ok(Witness { entries, changes, _follows: AbortOnDropHandle::new(follows) })
        };
        self.log.witness.get_or_try_init(|| follow).await.map(Some)
    }
}
