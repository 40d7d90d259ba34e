//! The log of the stage's own registry, followed as it is written: who asked for what, and what was answered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt as _;
use tokio::sync::{OnceCell, watch};
use tokio_util::task::AbortOnDropHandle;

use super::up::Stage;
use crate::docker::{self, LogOptions};
use crate::registry::access_log::{Entry, Reader};

/// What the registry has answered so far. It is followed from the first question on, from its beginning.
#[derive(Default)]
pub(super) struct Log(OnceCell<Witness>);

/// See the module.
pub(crate) struct Witness {
    entries: Arc<Mutex<Vec<Entry>>>,
    changes: watch::Receiver<u64>,
    _follows: AbortOnDropHandle<()>,
}

impl Witness {
    /// All answers so far, the oldest first; keep it short, further ones wait.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&[Entry]) -> T) -> T {
        at(&self.entries())
    }

    /// Wakes at each answer.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
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
            let mut log = self.docker.logs(container, LogOptions { follow: true, ..LogOptions::default() }).await?;
            // An engine that keeps no log says so with its first answer.
            let first = match log.next().await {
                Some(Err(_)) | None => return Err(docker::Error::Missing { what: "log", name: container.clone() }),
                Some(Ok(first)) => first,
            };
            let (changed, changes) = watch::channel(0);
            let entries = Arc::<Mutex<Vec<Entry>>>::default();
            let kept = entries.clone();
            let follows = tokio::spawn(async move {
                let (mut reader, mut next) = (Reader::default(), Some(Ok(first)));
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
        self.log.0.get_or_try_init(|| follow).await.map(Some)
    }
}
