//! One stored object: serialised once when it is written, with what selectors need beside the bytes. Lists, gets and
//! watches hand the bytes out as they are. Must not know what the fields mean.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use super::Shelf;

/// Namespace (empty for cluster-scoped objects) and name, ordered as lists are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub namespace: String,
    pub name: String,
}

impl Key {
    pub(crate) fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Key { namespace: namespace.into(), name: name.into() }
    }
}

/// See the module. `Debug` leaves the contents out: they may be a Secret's.
pub(crate) struct Object {
    pub key: Key,
    pub revision: u64,
    pub labels: BTreeMap<String, String>,
    /// What the shelf's fields hold, in its order.
    fields: Box<[Box<str>]>,
    shelf: Shelf,
    json: Bytes,
    /// How much of the text is the opening brace with kind and version, which come first.
    head: usize,
}

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Object").field("key", &self.key).field("revision", &self.revision).finish_non_exhaustive()
    }
}

impl Object {
    pub(super) fn new(shelf: Shelf, key: Key, revision: u64, mut value: Value) -> Self {
        value["metadata"]["resourceVersion"] = Value::String(revision.to_string());
        Self::index(shelf, key, revision, &value)
    }

    /// An object that was never written: the outcome of a dry run.
    pub(crate) fn unstored(shelf: Shelf, key: Key, value: Value) -> Self {
        Self::index(shelf, key, 0, &value)
    }

    fn index(shelf: Shelf, key: Key, revision: u64, value: &Value) -> Self {
        let labels = string_map(&value["metadata"]["labels"]);
        let fields = shelf.fields.iter().map(|path| field_at(value, path).into()).collect();
        let mut text = String::from("{");
        for field in ["kind", "apiVersion"].into_iter().filter(|field| value[*field].is_string()) {
            text.push_str(&format!("\"{field}\":{},", value[field]));
        }
        let head = text.len();
        let others =
            value.as_object().into_iter().flatten().filter(|(name, _)| *name != "kind" && *name != "apiVersion");
        for (i, (name, member)) in others.enumerate() {
            let comma = if i > 0 { "," } else { "" };
            text.push_str(&format!("{comma}{}:{member}", Value::from(name.as_str())));
        }
        text.push('}');
        // Copied: the text was written into a buffer of up to twice its length.
        let json = Bytes::copy_from_slice(text.as_bytes());
        Object { key, revision, labels, fields, shelf, json, head }
    }

    /// The object as it goes over the wire.
    pub(crate) fn json(&self) -> &Bytes {
        &self.json
    }

    /// Its members but for kind and version, with the closing brace: how lists have their items.
    pub(crate) fn members(&self) -> Bytes {
        self.json.slice(self.head..)
    }

    /// Parsed anew on each call.
    pub(crate) fn value(&self) -> Value {
        // The bytes were written from a Value, and decoding bounds its depth.
        serde_json::from_slice(&self.json).unwrap_or(Value::Null)
    }

    /// A field a selector may ask for, empty when unset; `None` when this shelf has no such field.
    pub(crate) fn field(&self, path: &str) -> Option<&str> {
        match path {
            "metadata.name" => Some(&self.key.name),
            "metadata.namespace" => Some(&self.key.namespace),
            _ => self.shelf.fields.iter().position(|known| *known == path).map(|at| &*self.fields[at]),
        }
    }

    /// Equal but for the resourceVersion, which a write may leave out.
    pub(super) fn same_as(&self, value: &Value) -> bool {
        let mut mine = self.value();
        if value["metadata"]["resourceVersion"].is_string() {
            mine["metadata"]["resourceVersion"] = value["metadata"]["resourceVersion"].clone();
        } else if let Some(metadata) = mine["metadata"].as_object_mut() {
            metadata.shift_remove("resourceVersion");
        }
        mine == *value
    }
}

fn string_map(value: &Value) -> BTreeMap<String, String> {
    let entries = value.as_object().into_iter().flatten();
    entries.filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect()
}

fn field_at(value: &Value, path: &str) -> String {
    match path.split('.').fold(value, |at, step| &at[step]) {
        Value::Null | Value::Array(_) => String::new(),
        Value::String(s) => s.clone(),
        other => other.to_string(),
    }
}
