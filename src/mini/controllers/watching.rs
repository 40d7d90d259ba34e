//! Objects as they come and go: a watch that lists again by itself, flattened.

use std::fmt::Debug;

use futures::{Stream, StreamExt as _};
use kube::api::Api;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use serde::de::DeserializeOwned;

/// One object's news.
pub(super) enum Change<K> {
    /// It is there, or differs from before.
    Applied(K),
    Deleted(K),
    /// The listing that began the watch is complete.
    Listed,
}

/// Lists and watches; connection errors are retried with a back-off.
pub(super) fn changes<K>(api: Api<K>, fields: &str) -> impl Stream<Item = Change<K>> + Send + Unpin + 'static
where
    K: kube::Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let config = watcher::Config::default().fields(fields);
    let change = |event| async {
        match event {
            Ok(Event::Apply(object) | Event::InitApply(object)) => Some(Change::Applied(object)),
            Ok(Event::Delete(object)) => Some(Change::Deleted(object)),
            Ok(Event::InitDone) => Some(Change::Listed),
            Ok(Event::Init) | Err(_) => None,
        }
    };
    watcher(api, config).default_backoff().filter_map(change).boxed()
}
