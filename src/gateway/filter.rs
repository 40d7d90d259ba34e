//! What a lab sees of lists and watches over the whole cluster: its own and the system's, no other lab's. Works on the
//! cluster's names. Pure.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::names::{ALL_LABS, Names};
use crate::hint::Hint;
use crate::kubewords::is_system_namespace;

/// The longest line of a watch: an object is at most half of it.
const LONGEST_LINE: usize = 16 << 20;

/// Who sees what.
#[derive(Debug, Clone)]
pub(crate) struct Sight {
    pub(crate) names: Arc<Names>,
    /// The objects are namespaces.
    pub(crate) of_namespaces: bool,
    /// Whether what is in the system's namespaces, or in none, is seen, too.
    pub(crate) system: bool,
}

/// A watch's line is longer than any object.
#[derive(Debug, thiserror::Error)]
#[error("a line of the cluster's answer is longer than {LONGEST_LINE} bytes")]
pub(crate) struct TooLong;

impl Hint for TooLong {
    fn hint(&self) -> Option<String> {
        Some("watch one namespace, whose objects come as they are: `kubectl get -w -n NAMESPACE`".into())
    }
}

impl Sight {
    fn sees(&self, item: &Value) -> bool {
        let (namespace, name) = place(item);
        self.sees_at(namespace, name)
    }

    fn sees_at(&self, namespace: &str, name: &str) -> bool {
        match namespace {
            _ if self.of_namespaces => self.names.owns(name) || is_system_namespace(name),
            "" => self.system && (self.names.owns(name) || !name.starts_with(ALL_LABS)),
            _ => self.names.owns(namespace) || self.system && is_system_namespace(namespace),
        }
    }

    fn keep(&self, list: &mut Value) {
        for key in ["items", "rows"] {
            if let Some(items) = list.get_mut(key).and_then(Value::as_array_mut) {
                items.retain(|item| self.sees(item));
                // In the order of the names that are shown, as the cluster's are.
                items.sort_by_cached_key(|item| {
                    let (namespace, name) = place(item);
                    let name = if namespace.is_empty() { self.names.lecture(name) } else { name };
                    (self.names.lecture(namespace).to_owned(), name.to_owned())
                });
            }
        }
        // It would count objects that the lab does not see.
        if let Some(metadata) = list.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.shift_remove("remainingItemCount");
        }
    }

    /// A whole list; what is none stays as it is.
    pub(crate) fn list(&self, body: Bytes) -> Bytes {
        match serde_json::from_slice::<Value>(&body) {
            Ok(mut list) => {
                self.keep(&mut list);
                list.to_string().into()
            }
            Err(_) => body,
        }
    }

    /// A watch's event, without its end of line. Every lab's watches are told of all labs' objects, so of most no more is
    /// read than where they are.
    fn event(&self, line: &[u8]) -> Option<Bytes> {
        let whole = || Bytes::copy_from_slice(line);
        if let Ok(WatchLine {
            object: WatchedObject { metadata, rows: None },
            class: "ADDED" | "MODIFIED" | "DELETED",
        }) = serde_json::from_slice(line)
        {
            return self.sees_at(&metadata.namespace, &metadata.name).then(whole);
        }
        let Ok(mut event) = serde_json::from_slice::<Value>(line) else { return Some(whole()) };
        if matches!(event["type"].as_str(), Some("BOOKMARK" | "ERROR")) {
            return Some(whole());
        }
        let object = event.get_mut("object")?;
        if object.get("rows").is_none() {
            return self.sees(object).then(whole);
        }
        self.keep(object);
        (object["rows"] != json!([])).then(|| event.to_string().into())
    }
}

/// What of a watch's line tells who sees it.
#[derive(Deserialize)]
struct WatchLine<'a> {
    #[serde(rename = "type")]
    class: &'a str,
    #[serde(borrow)]
    object: WatchedObject<'a>,
}

#[derive(Deserialize)]
struct WatchedObject<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
    rows: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow, default)]
    namespace: Cow<'a, str>,
    #[serde(borrow, default)]
    name: Cow<'a, str>,
}

/// Namespace and name of an object, or of the one in a table's row.
fn place(item: &Value) -> (&str, &str) {
    let metadata = match item.get("object") {
        Some(object) if item.get("cells").is_some() => &object["metadata"],
        _ => &item["metadata"],
    };
    let text = |key: &str| metadata[key].as_str().unwrap_or_default();
    (text("namespace"), text("name"))
}

/// The lines of a watch as they come in.
#[derive(Debug)]
pub(crate) struct WatchLines {
    sight: Sight,
    rest: BytesMut,
}

impl WatchLines {
    pub(crate) fn new(sight: Sight) -> Self {
        Self { sight, rest: BytesMut::new() }
    }

    /// The events that are seen among those that are whole by now.
    ///
    /// # Errors
    /// Where a line does not end.
    pub(crate) fn next(&mut self, chunk: &[u8]) -> Result<Bytes, TooLong> {
        // What came before this chunk was searched already, and has no end of line.
        let looked = self.rest.len();
        self.rest.extend_from_slice(chunk);
        let mut out = BytesMut::new();
        let mut from = looked;
        while let Some(end) = self.rest[from..].iter().position(|byte| *byte == b'\n') {
            let line = self.rest.split_to(from + end + 1);
            from = 0;
            if let Some(event) = self.sight.event(&line[..line.len() - 1]) {
                out.extend_from_slice(&event);
                out.extend_from_slice(b"\n");
            }
        }
        if self.rest.len() > LONGEST_LINE { Err(TooLong) } else { Ok(out.freeze()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(of_namespaces: bool, system: bool) -> Sight {
        Sight { names: Arc::new(Names::new("rehearsal-s-lab1")), of_namespaces, system }
    }

    #[test]
    fn a_lab_sees_its_own_and_the_systems() {
        let item = |name: &str, namespace: &str| json!({"metadata": {"name": name, "namespace": namespace}});
        for (name, namespace, of_namespaces, ours, users) in [
            ("rehearsal-s-lab1", "", true, true, true),
            ("rehearsal-s-lab1-demo", "", true, true, true),
            ("rehearsal-s-lab10", "", true, false, false),
            ("default", "", true, false, false),
            ("kube-system", "", true, true, true),
            ("shop", "", true, false, false),
            ("p", "rehearsal-s-lab1-demo", false, true, true),
            ("p", "rehearsal-s-lab2", false, false, false),
            ("p", "default", false, false, false),
            ("p", "kube-system", false, true, false),
            ("view", "", false, true, false),
            ("rehearsal-s-lab1-r", "", false, true, false),
            ("rehearsal-s-lab2-r", "", false, false, false),
        ] {
            let row = json!({"cells": [name], "object": item(name, namespace)});
            for item in [item(name, namespace), row] {
                assert_eq!(sight(of_namespaces, true).sees(&item), ours, "{name} in {namespace}");
                assert_eq!(sight(of_namespaces, false).sees(&item), users, "{name} in {namespace}");
            }
        }
    }

    #[test]
    fn watches_are_filtered_line_by_line() {
        let event = |kind: &str, namespace: &str| {
            format!("{}\n", json!({"type": kind, "object": {"metadata": {"namespace": namespace}}}))
        };
        let own = event("ADDED", "rehearsal-s-lab1");
        let bookmark = event("BOOKMARK", "");
        let text = format!("{own}{}{bookmark}", event("ADDED", "rehearsal-s-lab2"));
        for cut in 0..=text.len() {
            let mut lines = WatchLines::new(sight(false, true));
            let first = lines.next(&text.as_bytes()[..cut]).unwrap();
            let second = lines.next(&text.as_bytes()[cut..]).unwrap();
            assert_eq!([first, second].concat(), format!("{own}{bookmark}").into_bytes(), "cut at {cut}");
        }
        for odd in [r#"{"type":"ADDED","object":{"metadata":{"namespace":null,"name":"rehearsal-s-lab2-r"}}}"#, "{}"] {
            assert_eq!(sight(false, true).event(odd.as_bytes()), None, "{odd}");
        }
        assert!(WatchLines::new(sight(false, true)).next(&vec![b'x'; LONGEST_LINE + 1]).is_err());
    }

    #[test]
    fn a_list_loses_what_is_anothers() {
        let list = json!({"metadata": {"remainingItemCount": 3, "continue": "x"}, "items": [
            {"metadata": {"namespace": "rehearsal-s-lab1"}}, {"metadata": {"namespace": "other"}}]});
        let kept = sight(false, true).list(list.to_string().into());
        let expected =
            json!({"metadata": {"continue": "x"}, "items": [{"metadata": {"namespace": "rehearsal-s-lab1"}}]});
        assert_eq!(serde_json::from_slice::<Value>(&kept).unwrap(), expected);
        assert_eq!(sight(false, true).list("no JSON".into()), "no JSON");
    }
}
