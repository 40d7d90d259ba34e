//! Objects as they come and go: a watch that lists again by itself, flattened. What was lost between two listings is
//! reported as gone.

use std::collections::BTreeMap;
use std::fmt::Debug;

use futures::{Stream, StreamExt as _, stream};
use kube::ResourceExt as _;
use kube::api::Api;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use serde::de::DeserializeOwned;

/// One object's news.
#[derive(Debug, PartialEq)]
pub(super) enum Change<K> {
    /// It is there, or differs from before.
    Applied(K),
    Deleted(Gone),
    /// The listing that began the watch is complete.
    Listed,
}

/// What is kept of an object for the case that it is missing from a later listing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Gone {
    pub uid: String,
    pub namespace: String,
}

/// Lists and watches; connection errors are retried with a back-off.
pub(super) fn changes<K>(api: Api<K>, fields: &str) -> impl Stream<Item = Change<K>> + Send + Unpin + use<K>
where
    K: kube::Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let events = watcher(api, watcher::Config::default().fields(fields)).default_backoff();
    let mut known = Known::default();
    events.map(move |event| stream::iter(event.map_or_else(|_| vec![], |event| known.heed(event)))).flatten().boxed()
}

/// Namespaces of the objects that are there, by UID.
#[derive(Default)]
struct Known {
    present: BTreeMap<String, String>,
    /// Not seen yet in the listing that is under way.
    missing: BTreeMap<String, String>,
}

impl Known {
    fn heed<K: kube::Resource>(&mut self, event: Event<K>) -> Vec<Change<K>> {
        let gone = |(uid, namespace)| Change::Deleted(Gone { uid, namespace });
        match event {
            Event::Apply(object) | Event::InitApply(object) => {
                let uid = object.uid().unwrap_or_default();
                self.missing.remove(&uid);
                self.present.insert(uid, object.namespace().unwrap_or_default());
                vec![Change::Applied(object)]
            }
            Event::Delete(object) => {
                let uid = object.uid().unwrap_or_default();
                self.present.remove(&uid);
                vec![gone((uid, object.namespace().unwrap_or_default()))]
            }
            Event::Init => {
                self.missing.append(&mut self.present);
                vec![]
            }
            Event::InitDone => {
                let missed = std::mem::take(&mut self.missing).into_iter().map(gone);
                missed.chain([Change::Listed]).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    #[test]
    fn what_a_later_listing_lacks_is_gone() {
        let map = |uid: &str| {
            let mut map = ConfigMap::default();
            (map.metadata.uid, map.metadata.namespace) = (Some(uid.to_owned()), Some("ns".to_owned()));
            map
        };
        let mut known = Known::default();
        // A listing that breaks off begins anew.
        for event in [
            Event::Init,
            Event::InitApply(map("a")),
            Event::InitApply(map("b")),
            Event::Init,
            Event::InitApply(map("b")),
        ] {
            known.heed(event);
        }
        let gone = |uid: &str| Change::Deleted(Gone { uid: uid.to_owned(), namespace: "ns".to_owned() });
        assert_eq!(known.heed(Event::InitDone), [gone("a"), Change::Listed]);
        assert_eq!(known.heed(Event::Delete(map("b"))), [gone("b")]);
        for event in [Event::Apply(map("c")), Event::Init] {
            known.heed(event);
        }
        assert_eq!(known.heed(Event::<ConfigMap>::InitDone), [gone("c"), Change::Listed]);
    }
}
