//! A reader of one shelf's history that sleeps until there is more. It holds a position, not a queue: a slow reader
//! costs nothing and, once the history has moved past it, is told so.

use std::sync::Arc;

use super::{Error, Object, Shelf, Store};

/// One write. `object` is the new state, or the last one when `deleted`.
#[derive(Debug)]
pub(crate) struct StoredChange {
    pub revision: u64,
    pub object: Arc<Object>,
    pub previous: Option<Arc<Object>>,
    pub deleted: bool,
}

impl StoredChange {
    /// How many bytes it keeps: what was there before a deletion is nobody else's any more.
    pub(super) fn weight(&self) -> usize {
        let before = self.previous.iter().filter(|_| self.deleted).map(|object| object.json().len());
        self.object.json().len() + before.sum::<usize>()
    }
}

/// See the module.
pub(crate) struct StoreWatch {
    pub(super) store: Arc<Store>,
    pub(super) shelf: Shelf,
    pub(super) position: u64,
    pub(super) changed: tokio::sync::watch::Receiver<u64>,
}

impl StoreWatch {
    /// The revision up to which everything has been handed out.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The next changes in order, at least one; cancel safe. Fails once the history has moved past this watch.
    pub(crate) async fn next(&mut self) -> Result<Vec<Arc<StoredChange>>, Error> {
        loop {
            self.changed.mark_unchanged();
            let batch = self.pending()?;
            if let Some(last) = batch.last() {
                self.position = last.revision;
                return Ok(batch);
            }
            // The sender lives in the store, which this watch keeps alive.
            let _ = self.changed.changed().await;
        }
    }

    fn pending(&self) -> Result<Vec<Arc<StoredChange>>, Error> {
        let inner = self.store.lock();
        match inner.shelves.get(self.shelf.name) {
            Some(state) => Ok(state.since(self.position)?.cloned().collect()),
            None => Ok(vec![]),
        }
    }

    /// Moves on to the store's newest revision if nothing is pending, so that a bookmark can name it.
    pub(crate) fn catch_up(&mut self) -> u64 {
        let inner = self.store.lock();
        let newest = inner.shelves.get(self.shelf.name).and_then(|s| s.history.back()).map_or(0, |c| c.revision);
        if newest <= self.position {
            self.position = inner.revision;
        }
        self.position
    }
}
