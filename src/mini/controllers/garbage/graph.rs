//! Objects and their owners, by UID, and what follows from a change. Pure.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

pub(super) const ORPHAN: &str = "orphan";
pub(super) const FOREGROUND: &str = "foregroundDeletion";

/// An object, as far as ownership goes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GraphNode {
    /// Which watch told of it.
    pub kind: usize,
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub owners: Vec<OwnerReference>,
    pub finalizers: Vec<String>,
    pub deleting: bool,
}

impl GraphNode {
    pub(super) fn new(kind: usize, metadata: &ObjectMeta) -> Self {
        Self {
            kind,
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
            uid: metadata.uid.clone().unwrap_or_default(),
            owners: metadata.owner_references.clone().unwrap_or_default(),
            finalizers: metadata.finalizers.clone().unwrap_or_default(),
            deleting: metadata.deletion_timestamp.is_some(),
        }
    }

    pub(super) fn has(&self, finalizer: &str) -> bool {
        self.finalizers.iter().any(|own| own == finalizer)
    }

    /// It stays until its dependents are gone.
    pub(super) fn waits(&self) -> bool {
        self.deleting && self.has(FOREGROUND)
    }
}

/// What is to be looked into.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Task {
    /// Its owners may be gone, or wait for it: by UID.
    Check(String),
    /// Its dependents are to stay without it: by UID.
    Orphan(String),
    /// Its dependents are to go before it: by UID.
    Wait(String),
}

#[derive(Default)]
pub(super) struct Graph {
    nodes: BTreeMap<String, GraphNode>,
    /// Dependents by the UID of their owner, which need not be known.
    dependents: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    pub(super) fn get(&self, uid: &str) -> Option<&GraphNode> {
        self.nodes.get(uid)
    }

    pub(super) fn dependents<'a>(&'a self, uid: &str) -> impl Iterator<Item = &'a GraphNode> {
        self.dependents.get(uid).into_iter().flatten().filter_map(|uid| self.nodes.get(uid))
    }

    /// Dependents that hold back a foreground deletion.
    pub(super) fn blocking<'a>(&'a self, uid: &'a str) -> impl Iterator<Item = &'a GraphNode> {
        self.dependents(uid).filter(move |node| {
            node.owners.iter().any(|owner| owner.uid == uid && owner.block_owner_deletion == Some(true))
        })
    }

    /// An object is there, or has changed.
    pub(super) fn put(&mut self, node: GraphNode) -> Vec<Task> {
        let uid = node.uid.clone();
        let before = self.nodes.insert(uid.clone(), node.clone());
        let owners = |node: &GraphNode| node.owners.iter().map(|owner| owner.uid.clone()).collect::<BTreeSet<_>>();
        let (old, new) = (before.as_ref().map(owners).unwrap_or_default(), owners(&node));
        let mut tasks = vec![];
        for owner in old.difference(&new) {
            self.part(owner, &uid);
            // The former owner may have waited for this one alone.
            tasks.extend(self.nodes.get(owner).filter(|owner| owner.waits()).map(|_| Task::Wait(owner.clone())));
        }
        for owner in &new {
            self.dependents.entry(owner.clone()).or_default().insert(uid.clone());
        }
        let waiting = |owner: &String| self.nodes.get(owner).is_none_or(|owner| owner.waits());
        if before.as_ref().is_none_or(|before| before.owners != node.owners) && new.iter().any(waiting) {
            tasks.push(Task::Check(uid.clone()));
        }
        if node.deleting && node.has(ORPHAN) {
            tasks.push(Task::Orphan(uid));
        } else if node.waits() {
            tasks.push(Task::Wait(uid));
        }
        tasks
    }

    /// An object is gone.
    pub(super) fn remove(&mut self, uid: &str) -> Vec<Task> {
        let Some(gone) = self.nodes.remove(uid) else { return vec![] };
        let mut tasks: Vec<_> =
            self.dependents.get(uid).into_iter().flatten().map(|dependent| Task::Check(dependent.clone())).collect();
        for owner in &gone.owners {
            self.part(&owner.uid, uid);
            let waits = self.nodes.get(&owner.uid).is_some_and(GraphNode::waits);
            tasks.extend(waits.then(|| Task::Wait(owner.uid.clone())));
        }
        tasks
    }

    fn part(&mut self, owner: &str, dependent: &str) {
        if let Some(dependents) = self.dependents.get_mut(owner) {
            dependents.remove(dependent);
            if dependents.is_empty() {
                self.dependents.remove(owner);
            }
        }
    }
}

/// What an owner turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// It is there, and stays.
    Solid,
    /// There is no such object.
    Absent,
    /// It waits for its dependents to be gone.
    Waiting,
}

/// What becomes of an object.
#[derive(Debug, PartialEq)]
pub(super) enum Fate {
    Stays,
    /// It stays with these owners alone.
    Keeps(Vec<OwnerReference>),
    /// It goes, and its dependents are dealt with like this.
    Goes {
        foreground: bool,
        orphan: bool,
    },
}

/// `attemptToDeleteItem`. `dependents`: it has some itself.
pub(super) fn fate(node: &GraphNode, owners: &[(OwnerReference, Owner)], dependents: bool) -> Fate {
    let solid: Vec<_> =
        owners.iter().filter(|(_, kind)| *kind == Owner::Solid).map(|(owner, _)| owner.clone()).collect();
    if owners.is_empty() || solid.len() == owners.len() {
        return Fate::Stays;
    }
    if !solid.is_empty() {
        return Fate::Keeps(solid);
    }
    let waiting = owners.iter().any(|(_, kind)| *kind == Owner::Waiting);
    if node.deleting && !node.waits() {
        return Fate::Stays;
    }
    match (waiting && dependents, node.has(ORPHAN), node.has(FOREGROUND)) {
        (true, ..) if node.waits() => Fate::Stays,
        (true, ..) => Fate::Goes { foreground: true, orphan: false },
        (_, true, _) => Fate::Goes { foreground: false, orphan: true },
        (_, _, true) if node.waits() => Fate::Stays,
        (_, _, foreground) => Fate::Goes { foreground, orphan: false },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(uid: &str) -> OwnerReference {
        OwnerReference { uid: uid.to_owned(), block_owner_deletion: Some(true), ..OwnerReference::default() }
    }

    fn node(uid: &str, owners: &[&str]) -> GraphNode {
        GraphNode {
            kind: 0,
            namespace: "n".into(),
            name: uid.into(),
            uid: uid.into(),
            owners: owners.iter().map(|uid| owner(uid)).collect(),
            finalizers: vec![],
            deleting: false,
        }
    }

    #[test]
    fn dependents_are_looked_at_when_their_owner_goes() {
        let mut graph = Graph::default();
        assert_eq!(graph.put(node("d", &[])), []);
        assert_eq!(graph.put(node("r", &["d"])), []);
        assert_eq!(graph.put(node("p", &["r"])), []);
        assert_eq!(graph.put(node("q", &["never"])), [Task::Check("q".into())]);
        assert_eq!(graph.remove("d"), [Task::Check("r".into())]);
        assert_eq!(graph.remove("r"), [Task::Check("p".into())]);
        assert_eq!(graph.remove("p"), []);
    }

    #[test]
    fn a_foreground_deletion_waits_for_those_that_block_it() {
        let mut graph = Graph::default();
        graph.put(node("d", &[]));
        graph.put(node("r", &["d"]));
        let going = GraphNode { deleting: true, finalizers: vec![FOREGROUND.into()], ..node("d", &[]) };
        assert_eq!(graph.put(going), [Task::Wait("d".into())]);
        assert_eq!(graph.blocking("d").count(), 1);
        assert_eq!(graph.remove("r"), [Task::Wait("d".into())]);
        assert_eq!(graph.blocking("d").count(), 0);
        let orphaning = GraphNode { deleting: true, finalizers: vec![ORPHAN.into()], ..node("o", &[]) };
        assert_eq!(graph.put(orphaning), [Task::Orphan("o".into())]);
    }

    #[test]
    fn an_object_goes_when_no_owner_stays() {
        use Owner::{Absent, Solid, Waiting};
        let fate_of = |node: &GraphNode, kinds: &[Owner], dependents| {
            let owners: Vec<_> = kinds.iter().map(|kind| (owner("o"), *kind)).collect();
            fate(node, &owners, dependents)
        };
        let plain = node("a", &["o"]);
        assert_eq!(fate_of(&plain, &[], false), Fate::Stays);
        assert_eq!(fate_of(&plain, &[Solid], false), Fate::Stays);
        assert_eq!(fate_of(&plain, &[Solid, Absent], false), Fate::Keeps(vec![owner("o")]));
        assert_eq!(fate_of(&plain, &[Absent], true), Fate::Goes { foreground: false, orphan: false });
        assert_eq!(fate_of(&plain, &[Waiting], false), Fate::Goes { foreground: false, orphan: false });
        assert_eq!(fate_of(&plain, &[Waiting], true), Fate::Goes { foreground: true, orphan: false });
        let going = GraphNode { deleting: true, ..plain };
        assert_eq!(fate_of(&going, &[Absent], false), Fate::Stays);
    }
}
