//! Versioned storage in memory, etcd's part: objects by shelf, namespace and name, one global revision, optimistic
//! concurrency, lists at a revision and watches over a bounded history. Must not know resources, kinds or HTTP.

mod object;
mod watch;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

pub(crate) use object::{Key, Object};
pub(crate) use watch::{StoreWatch, StoredChange};

/// Changes remembered per shelf, and how much their objects may weigh; an older resourceVersion is answered with
/// [`Error::Expired`].
const HISTORY: usize = 1024;
const HISTORY_BYTES: usize = 16 << 20;

/// Where objects of one resource lie, and which of their fields selectors may ask for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shelf {
    pub name: &'static str,
    /// Dotted paths beside `metadata.name` and `metadata.namespace`, e.g. `status.phase`.
    pub fields: &'static [&'static str],
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("no such object")]
    NotFound,
    #[error("object exists")]
    Exists,
    /// The object changed since it was read.
    #[error("object is at revision {current}")]
    Conflict { current: u64 },
    /// The history no longer reaches back so far.
    #[error("revision {asked} is older than {oldest}")]
    Expired { asked: u64, oldest: u64 },
    #[error("revision {asked} is newer than {current}")]
    Future { asked: u64, current: u64 },
}

/// A list as of one revision.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub revision: u64,
    pub objects: Vec<Arc<Object>>,
}

#[derive(Default)]
struct Inner {
    revision: u64,
    shelves: HashMap<&'static str, ShelfState>,
}

struct ShelfState {
    objects: BTreeMap<Key, Arc<Object>>,
    history: VecDeque<Arc<StoredChange>>,
    /// What the history's changes weigh.
    bytes: usize,
    /// Changes up to and including this revision are forgotten.
    floor: u64,
    changed: tokio::sync::watch::Sender<u64>,
}

impl ShelfState {
    fn new() -> Self {
        let changed = tokio::sync::watch::Sender::new(0);
        ShelfState { objects: BTreeMap::new(), history: VecDeque::new(), bytes: 0, floor: 0, changed }
    }

    fn record(&mut self, change: StoredChange) {
        self.bytes += change.weight();
        while (self.history.len() == HISTORY || self.bytes > HISTORY_BYTES)
            && let Some(gone) = self.history.pop_front()
        {
            self.floor = gone.revision;
            self.bytes -= gone.weight();
        }
        let revision = change.revision;
        self.history.push_back(Arc::new(change));
        self.changed.send_replace(revision);
    }

    /// Changes after `revision`, oldest first.
    fn since(&self, revision: u64) -> Result<impl DoubleEndedIterator<Item = &Arc<StoredChange>>, Error> {
        if revision < self.floor {
            return Err(Error::Expired { asked: revision, oldest: self.floor });
        }
        let start = self.history.partition_point(|c| c.revision <= revision);
        Ok(self.history.range(start..))
    }
}

/// See the module. Cheap to share behind an [`Arc`].
#[derive(Default)]
pub(crate) struct Store {
    inner: Mutex<Inner>,
}

impl Store {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic cannot leave the maps half-written: every mutation below is a single insert or remove.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest revision.
    pub(crate) fn revision(&self) -> u64 {
        self.lock().revision
    }

    pub(crate) fn get(&self, shelf: Shelf, key: &Key) -> Result<Arc<Object>, Error> {
        self.lock().shelves.get(shelf.name).and_then(|s| s.objects.get(key).cloned()).ok_or(Error::NotFound)
    }

    /// Stores a new object; its `metadata.resourceVersion` is set here.
    pub(crate) fn create(&self, shelf: Shelf, key: Key, value: Value) -> Result<Arc<Object>, Error> {
        let mut inner = self.lock();
        if inner.shelves.get(shelf.name).is_some_and(|s| s.objects.contains_key(&key)) {
            return Err(Error::Exists);
        }
        Ok(inner.put(shelf, key, value))
    }

    /// Replaces the object if it is still at revision `expected`. A write that changes nothing is none: the
    /// stored object comes back as it is (etcd3 store `GuaranteedUpdate` does the same).
    pub(crate) fn update(&self, shelf: Shelf, key: &Key, expected: u64, value: Value) -> Result<Arc<Object>, Error> {
        let mut inner = self.lock();
        let current = inner.current(shelf, key, expected)?;
        if current.same_as(&value) {
            return Ok(current);
        }
        Ok(inner.put(shelf, key.clone(), value))
    }

    /// Removes the object if it is still at revision `expected`; returns its last state at the deletion's revision.
    pub(crate) fn delete(&self, shelf: Shelf, key: &Key, expected: u64) -> Result<Arc<Object>, Error> {
        let mut inner = self.lock();
        let current = inner.current(shelf, key, expected)?;
        inner.revision += 1;
        let revision = inner.revision;
        let last = Arc::new(Object::new(shelf, key.clone(), revision, current.value()));
        let state = inner.shelf(shelf);
        state.objects.remove(key);
        state.record(StoredChange { revision, object: last.clone(), previous: Some(current), deleted: true });
        Ok(last)
    }

    /// Objects of a shelf in key order after `after`, as of revision `at` (now when `None`); all namespaces when
    /// `namespace` is `None`.
    pub(crate) fn list(
        &self,
        shelf: Shelf,
        namespace: Option<&str>,
        at: Option<u64>,
        after: Option<&Key>,
    ) -> Result<Snapshot, Error> {
        self.lock().list(shelf, namespace, at, after)
    }

    /// A watch of changes after `from`; its first [`StoreWatch::next`] fails when those are forgotten.
    pub(crate) fn watch(self: &Arc<Self>, shelf: Shelf, from: u64) -> Result<StoreWatch, Error> {
        let mut inner = self.lock();
        let current = inner.revision;
        if from > current {
            return Err(Error::Future { asked: from, current });
        }
        let changed = inner.shelf(shelf).changed.subscribe();
        Ok(StoreWatch { store: self.clone(), shelf, position: from, changed })
    }

    /// The current list and a watch of everything after it, taken under one lock so that nothing falls between.
    pub(crate) fn list_and_watch(
        self: &Arc<Self>,
        shelf: Shelf,
        namespace: Option<&str>,
    ) -> Result<(Snapshot, StoreWatch), Error> {
        let mut inner = self.lock();
        let snapshot = inner.list(shelf, namespace, None, None)?;
        let changed = inner.shelf(shelf).changed.subscribe();
        let watch = StoreWatch { store: self.clone(), shelf, position: snapshot.revision, changed };
        Ok((snapshot, watch))
    }
}

impl Inner {
    fn shelf(&mut self, shelf: Shelf) -> &mut ShelfState {
        self.shelves.entry(shelf.name).or_insert_with(ShelfState::new)
    }

    fn current(&self, shelf: Shelf, key: &Key, expected: u64) -> Result<Arc<Object>, Error> {
        let current = self.shelves.get(shelf.name).and_then(|s| s.objects.get(key)).ok_or(Error::NotFound)?;
        if current.revision != expected {
            return Err(Error::Conflict { current: current.revision });
        }
        Ok(current.clone())
    }

    fn put(&mut self, shelf: Shelf, key: Key, value: Value) -> Arc<Object> {
        self.revision += 1;
        let revision = self.revision;
        let object = Arc::new(Object::new(shelf, key.clone(), revision, value));
        let state = self.shelf(shelf);
        let previous = state.objects.insert(key, object.clone());
        state.record(StoredChange { revision, object: object.clone(), previous, deleted: false });
        object
    }

    fn list(
        &self,
        shelf: Shelf,
        namespace: Option<&str>,
        at: Option<u64>,
        after: Option<&Key>,
    ) -> Result<Snapshot, Error> {
        let revision = at.unwrap_or(self.revision);
        if revision > self.revision {
            return Err(Error::Future { asked: revision, current: self.revision });
        }
        let Some(state) = self.shelves.get(shelf.name) else {
            return Ok(Snapshot { revision, objects: vec![] });
        };
        let low = match (after, namespace) {
            (Some(key), _) => Bound::Excluded(key.clone()),
            (None, Some(ns)) => Bound::Included(Key::new(ns, "")),
            (None, None) => Bound::Unbounded,
        };
        let within = |key: &Key| namespace.is_none_or(|ns| key.namespace == ns);
        let live = state.objects.range((low.clone(), Bound::Unbounded)).take_while(|(k, _)| within(k));
        if revision == self.revision {
            return Ok(Snapshot { revision, objects: live.map(|(_, o)| o.clone()).collect() });
        }
        let mut then: BTreeMap<_, _> = live.map(|(k, o)| (k.clone(), o.clone())).collect();
        for change in state.since(revision)?.rev() {
            let key = &change.object.key;
            if !within(key) || after.is_some_and(|a| key <= a) {
                continue;
            }
            match &change.previous {
                Some(previous) => then.insert(key.clone(), previous.clone()),
                None => then.remove(key),
            };
        }
        Ok(Snapshot { revision, objects: then.into_values().collect() })
    }
}

#[cfg(test)]
mod tests;
