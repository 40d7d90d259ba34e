//! Objects as they were last seen, in a watch or in the answer to a write; what is older than that is ignored. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kube::ResourceExt as _;

use crate::kubewords::controller;
use crate::mini::controllers::pod::Pod;

/// Objects of one kind by UID and by name.
pub(super) struct Shelf<K> {
    objects: BTreeMap<String, Arc<K>>,
    names: BTreeMap<(String, String), String>,
    /// UIDs of objects that are known to be gone before the watch says so.
    gone: BTreeSet<String>,
}

impl<K> Default for Shelf<K> {
    fn default() -> Self {
        Self { objects: BTreeMap::new(), names: BTreeMap::new(), gone: BTreeSet::new() }
    }
}

/// What an object was before; the outer None says that nothing is new.
pub(super) type News<K> = Option<Option<Arc<K>>>;

impl<K: kube::Resource> Shelf<K> {
    pub(super) fn put(&mut self, object: K) -> News<K> {
        let (uid, version) = (object.uid()?, revision(&object));
        let known = self.objects.get(&uid);
        if self.gone.contains(&uid) || known.is_some_and(|known| revision(known.as_ref()) >= version) {
            return None;
        }
        self.names.insert((object.namespace().unwrap_or_default(), object.name_any()), uid.clone());
        Some(self.objects.insert(uid, Arc::new(object)))
    }

    /// The watch says that the object is gone.
    pub(super) fn remove(&mut self, uid: &str) -> Option<Arc<K>> {
        self.gone.remove(uid);
        self.forget(uid)
    }

    /// An answer says that the object is gone; the watch will say so, too.
    pub(super) fn mark_gone(&mut self, uid: &str) -> Option<Arc<K>> {
        let object = self.forget(uid)?;
        self.gone.insert(uid.to_owned());
        Some(object)
    }

    fn forget(&mut self, uid: &str) -> Option<Arc<K>> {
        let object = self.objects.remove(uid)?;
        let key = (object.namespace().unwrap_or_default(), object.name_any());
        // Another object may have the name by now.
        if self.names.get(&key).is_some_and(|known| known == uid) {
            self.names.remove(&key);
        }
        Some(object)
    }

    pub(super) fn get(&self, uid: &str) -> Option<&Arc<K>> {
        self.objects.get(uid)
    }

    pub(super) fn named(&self, namespace: &str, name: &str) -> Option<&Arc<K>> {
        self.objects.get(self.names.get(&(namespace.to_owned(), name.to_owned()))?)
    }

    pub(super) fn within<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a Arc<K>> {
        let from = (namespace.to_owned(), String::new());
        let names = self.names.range(from..).take_while(move |((of, _), _)| of == namespace);
        names.filter_map(|(_, uid)| self.objects.get(uid))
    }
}

fn revision(object: &impl kube::Resource) -> u64 {
    object.meta().resource_version.as_deref().and_then(|version| version.parse().ok()).unwrap_or(0)
}

/// Pods, and whose they are.
#[derive(Default)]
pub(super) struct Pods {
    shelf: Shelf<Pod>,
    /// By the UID of the controller.
    owned: BTreeMap<String, BTreeSet<String>>,
    /// Without a controller, by namespace.
    orphans: BTreeMap<String, BTreeSet<String>>,
}

impl Pods {
    pub(super) fn put(&mut self, pod: Pod) -> News<Pod> {
        let uid = pod.uid()?;
        let place = self.place(&pod);
        let before = self.shelf.put(pod)?;
        if let Some(before) = &before {
            self.displace(before, &uid);
        }
        let (index, key) = match place {
            Ok(owner) => (&mut self.owned, owner),
            Err(namespace) => (&mut self.orphans, namespace),
        };
        index.entry(key).or_default().insert(uid);
        Some(before)
    }

    pub(super) fn remove(&mut self, uid: &str) -> Option<Arc<Pod>> {
        let gone = self.shelf.remove(uid)?;
        self.displace(&gone, uid);
        Some(gone)
    }

    pub(super) fn mark_gone(&mut self, uid: &str) -> Option<Arc<Pod>> {
        let gone = self.shelf.mark_gone(uid)?;
        self.displace(&gone, uid);
        Some(gone)
    }

    /// The pods of a controller.
    pub(super) fn controlled_by<'a>(&'a self, owner: &str) -> impl Iterator<Item = &'a Arc<Pod>> {
        self.owned.get(owner).into_iter().flatten().filter_map(|uid| self.shelf.get(uid))
    }

    /// The pods of nobody in a namespace.
    pub(super) fn orphans<'a>(&'a self, namespace: &str) -> impl Iterator<Item = &'a Arc<Pod>> {
        self.orphans.get(namespace).into_iter().flatten().filter_map(|uid| self.shelf.get(uid))
    }

    fn place(&self, pod: &Pod) -> Result<String, String> {
        let owner = controller(&pod.metadata).map(|owner| owner.uid.clone());
        owner.ok_or_else(|| pod.namespace().unwrap_or_default())
    }

    fn displace(&mut self, pod: &Pod, uid: &str) {
        let (index, key) = match self.place(pod) {
            Ok(owner) => (&mut self.owned, owner),
            Err(namespace) => (&mut self.orphans, namespace),
        };
        if let Some(uids) = index.get_mut(&key) {
            uids.remove(uid);
            if uids.is_empty() {
                index.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(version: u32, owner: Option<&str>) -> Pod {
        let owners: Vec<_> = owner
            .map(|uid| json!({"apiVersion": "v1", "kind": "K", "name": "k", "uid": uid, "controller": true}))
            .into_iter()
            .collect();
        let metadata = json!({"name": "p", "namespace": "n", "uid": "u", "resourceVersion": version.to_string(), "ownerReferences": owners});
        serde_json::from_value(json!({"metadata": metadata})).unwrap()
    }

    #[test]
    fn older_news_and_news_of_the_dead_are_none() {
        let mut pods = Pods::default();
        assert!(pods.put(pod(5, None)).is_some());
        assert!(pods.put(pod(5, Some("o"))).is_none());
        assert_eq!((pods.controlled_by("o").count(), pods.orphans("n").count()), (0, 1));
        assert!(pods.put(pod(6, Some("o"))).is_some());
        assert_eq!((pods.controlled_by("o").count(), pods.orphans("n").count()), (1, 0));
        pods.mark_gone("u");
        assert!(pods.put(pod(7, Some("o"))).is_none());
        assert_eq!(pods.controlled_by("o").count(), 0);
        assert!(pods.remove("u").is_none());
        assert!(pods.put(pod(8, None)).is_some(), "the watch has said that the first is gone");
    }
}
