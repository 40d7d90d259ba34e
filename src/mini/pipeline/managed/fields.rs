//! Sets of fields of an object, and their text in `fieldsV1` (structured-merge-diff `fieldpath`). Pure.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

/// One step from an object into its depth, in the order in which conflicts are told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// A field of a struct, or a key of a map.
    Field(String),
    /// An element of a list by the values of its keys, each as JSON.
    Key(Vec<(String, String)>),
    /// An element of a set, as JSON.
    Value(String),
}

impl Step {
    pub(super) fn field(name: &str) -> Self {
        Step::Field(name.to_owned())
    }

    fn text(&self) -> String {
        match self {
            Step::Field(name) => format!("f:{name}"),
            Step::Key(keys) => {
                let pairs = keys.iter().map(|(key, value)| format!("{}:{value}", Value::from(key.as_str())));
                format!("k:{{{}}}", pairs.collect::<Vec<_>>().join(","))
            }
            Step::Value(value) => format!("v:{value}"),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("f", name) => Some(Step::field(name)),
            ("v", value) => Some(Step::Value(value.to_owned())),
            ("k", keys) => {
                let keys: BTreeMap<String, Value> = serde_json::from_str(keys).ok()?;
                Some(Step::Key(keys.into_iter().map(|(key, value)| (key, value.to_string())).collect()))
            }
            _ => None,
        }
    }
}

/// As conflicts name it.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Field(name) => write!(f, ".{name}"),
            Step::Key(keys) => {
                let pairs: Vec<_> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
                write!(f, "[{}]", pairs.join(","))
            }
            Step::Value(value) => write!(f, "[={value}]"),
        }
    }
}

/// A set of fields. What holds others may be in it itself, or only some of what it holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fields(pub(super) BTreeMap<Step, FieldNode>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FieldNode {
    /// Whether the field itself is in the set.
    pub(super) owned: bool,
    pub(super) below: Fields,
}

impl FieldNode {
    pub(super) fn leaf() -> Self {
        FieldNode { owned: true, below: Fields::default() }
    }

    fn is_empty(&self) -> bool {
        !self.owned && self.below.is_empty()
    }
}

impl Fields {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn insert(&mut self, path: &[Step]) {
        let Some((last, before)) = path.split_last() else { return };
        let parent = before.iter().fold(self, |at, step| &mut at.0.entry(step.clone()).or_default().below);
        parent.0.entry(last.clone()).or_default().owned = true;
    }

    /// Adds a field with what is below it, unless that is nothing.
    pub(super) fn put(&mut self, step: Step, node: FieldNode) {
        if !node.is_empty() {
            self.0.insert(step, node);
        }
    }

    pub(super) fn or(&self, other: &Self) -> Self {
        self.combined(other, |mine, theirs| mine || theirs)
    }

    pub(super) fn and(&self, other: &Self) -> Self {
        self.combined(other, |mine, theirs| mine && theirs)
    }

    pub(super) fn minus(&self, other: &Self) -> Self {
        self.combined(other, |mine, theirs| mine && !theirs)
    }

    fn combined(&self, other: &Self, keep: fn(bool, bool) -> bool) -> Self {
        let (none, mut all) = (FieldNode::default(), Fields::default());
        for step in self.0.keys().chain(other.0.keys().filter(|step| !self.0.contains_key(step))) {
            let (mine, theirs) = (self.0.get(step).unwrap_or(&none), other.0.get(step).unwrap_or(&none));
            let below = mine.below.combined(&theirs.below, keep);
            all.put(step.clone(), FieldNode { owned: keep(mine.owned, theirs.owned), below });
        }
        all
    }

    /// Every field's path as conflicts name it: those of one level before those below them.
    pub(super) fn paths(&self) -> Vec<String> {
        let own = self.0.iter().filter(|(_, node)| node.owned).map(|(step, _)| step.to_string());
        let below = self.0.iter().flat_map(|(step, node)| {
            node.below.paths().into_iter().map(move |path| format!("{step}{path}")).collect::<Vec<_>>()
        });
        own.chain(below).collect()
    }

    pub(super) fn to_json(&self) -> Value {
        let node = |(step, node): (&Step, &FieldNode)| {
            let mut below = node.below.to_json();
            if node.owned && !node.below.is_empty() {
                let fields = below.as_object().cloned().unwrap_or_default();
                let own = (".".to_owned(), Value::Object(Map::new()));
                below = Value::Object(std::iter::once(own).chain(fields).collect());
            }
            (step.text(), below)
        };
        Value::Object(self.0.iter().map(node).collect())
    }

    /// What cannot be read is nobody's.
    pub(super) fn from_json(json: &Value) -> Self {
        let mut fields = Fields::default();
        for (text, below) in json.as_object().into_iter().flatten() {
            if let Some(step) = Step::parse(text) {
                let owned = below.as_object().is_none_or(|map| map.is_empty() || map.contains_key("."));
                fields.put(step, FieldNode { owned, below: Fields::from_json(below) });
            }
        }
        fields
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(json: Value) -> Fields {
        Fields::from_json(&json)
    }

    #[test]
    fn the_text_is_read_and_written() {
        let text = json!({
            "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
            "f:spec": {
                "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}}},
                "f:finalizers": {"v:\"x/y\"": {}},
            },
        });
        let fields = set(text.clone());
        assert_eq!(fields.to_json(), text);
        assert_eq!(
            fields.paths(),
            [
                ".metadata.labels",
                ".metadata.labels.app",
                ".spec.finalizers[=\"x/y\"]",
                ".spec.ports[containerPort=80,protocol=\"TCP\"]",
                ".spec.ports[containerPort=80,protocol=\"TCP\"].name",
            ]
        );
        assert!(set(json!({"g:strange": {}, "k:no json": {}, "f:": null})).0.len() == 1);
    }

    #[test]
    fn sets_are_joined_and_parted_field_by_field() {
        let (a, b) =
            (set(json!({"f:d": {".": {}, "f:a": {}, "f:b": {}}})), set(json!({"f:d": {"f:b": {}, "f:c": {}}})));
        assert_eq!(a.or(&b).to_json(), json!({"f:d": {".": {}, "f:a": {}, "f:b": {}, "f:c": {}}}));
        assert_eq!(a.and(&b).to_json(), json!({"f:d": {"f:b": {}}}));
        assert_eq!(a.minus(&b).to_json(), json!({"f:d": {".": {}, "f:a": {}}}));
        assert!(a.minus(&a).is_empty());
    }
}
