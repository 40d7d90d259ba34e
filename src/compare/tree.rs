//! What differs between shown and printed JSON or YAML: every shown field must be printed with the shown value.
//! Knows nothing of Kubernetes but the names of fields that differ from run to run.

use serde_json::Value;

use super::same::sameness;
use super::{Class, Difference, Path, Sameness, elision};

/// Fields that must be there, whatever they say.
const VOLATILE: &[&str] = &[
    "uid",
    "resourceVersion",
    "generation",
    "observedGeneration",
    "creationTimestamp",
    "deletionTimestamp",
    "lastTransitionTime",
    "lastUpdateTime",
    "lastProbeTime",
    "lastHeartbeatTime",
    "startTime",
    "startedAt",
    "finishedAt",
    "containerID",
    "imageID",
    "hostIP",
    "hostIPs",
    "podIP",
    "podIPs",
    "clusterIP",
    "clusterIPs",
    "nodePort",
    "nodeName",
    "managedFields",
    "pod-template-hash",
    "controller-revision-hash",
    "controller-uid",
    "batch.kubernetes.io/controller-uid",
];

/// Documents, most often one.
pub(super) type Documents = Vec<Value>;

/// The text as objects or lists of objects; None where it is none. Lines that stand for others are left out.
pub(super) fn parse(text: &str) -> Option<Documents> {
    let whole = || text.lines().filter(|line| !elision::is_gap(line)).collect::<Vec<_>>().join("\n");
    let documents: Vec<String> = whole().split("\n---").map(|part| dedented(part.trim_start_matches("---"))).collect();
    let documents = documents.iter().filter(|document| !document.trim().is_empty());
    let parsed: Documents = documents.map(|document| document_of(document)).collect::<Option<_>>()?;
    (!parsed.is_empty()).then_some(parsed)
}

/// JSON is YAML.
fn document_of(text: &str) -> Option<Value> {
    let value: Value = serde_saphyr::from_str(text).ok()?;
    let structured = match &value {
        // `Error: x` and `Status:   y` are lines of text to a reader: fields are named in one word, in small letters.
        Value::Object(fields) if text.trim_start().starts_with('{') => !fields.is_empty(),
        Value::Object(fields) => {
            let is_word = |key: &str| !key.contains(' ') && !key.starts_with(|c: char| c.is_ascii_uppercase());
            fields.iter().all(|(key, value)| is_word(key) || value.is_object() && !key.contains(' '))
        }
        Value::Array(items) => items.iter().any(Value::is_object),
        _ => false,
    };
    structured.then_some(value)
}

/// A fragment is often shown as deep as it stands in its document.
fn dedented(text: &str) -> String {
    let depth = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let least = text.lines().filter(|line| !line.trim().is_empty()).map(depth).min().unwrap_or_default();
    text.lines().map(|line| line.get(least..).unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// What the documents differ in.
pub(super) fn differences(shown: &Documents, printed: &Documents) -> Vec<Difference> {
    let best = |shown: &Value| {
        let against = |printed: &Value| anchored(shown, printed);
        printed.iter().map(against).min_by_key(|differences| counted(differences)).unwrap_or_default()
    };
    shown.iter().flat_map(best).collect()
}

/// Whether the printed documents hold more than the shown ones.
pub(super) fn is_subset(shown: &Documents, printed: &Documents) -> bool {
    !differences(printed, shown).iter().all(|difference| matches!(difference.class, Class::Volatile | Class::Elided))
}

/// Against the document, or against the part of it that the shown fields stand in.
fn anchored(shown: &Value, printed: &Value) -> Vec<Difference> {
    let at_root = against("", shown, printed);
    let is_at_root = shown.as_object().is_none_or(|fields| fields.keys().any(|key| printed.get(key).is_some()));
    if is_at_root || at_root.is_empty() {
        return at_root;
    }
    let mut parts = Vec::new();
    below("", printed, &mut parts);
    let has_one =
        |part: &Value| shown.as_object().is_some_and(|fields| fields.keys().any(|key| part.get(key).is_some()));
    let inner = parts.into_iter().filter(|(_, part)| has_one(part)).map(|(path, part)| against(&path, shown, part));
    [at_root].into_iter().chain(inner).min_by_key(|differences| counted(differences)).unwrap_or_default()
}

fn counted(differences: &[Difference]) -> usize {
    differences.iter().filter(|difference| difference.class.counts()).count()
}

/// Every object and list of objects in a document.
fn below<'a>(path: &str, value: &'a Value, parts: &mut Vec<(String, &'a Value)>) {
    let mut go = |key: &str, value: &'a Value| {
        let path = format!("{path}/{}", escaped(key));
        if value.is_object() || value.is_array() {
            parts.push((path.clone(), value));
            below(&path, value, parts);
        }
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| go(key, value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, value)| go(&index.to_string(), value)),
        _ => {}
    }
}

/// A reference token (RFC 6901).
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn against(path: &str, shown: &Value, printed: &Value) -> Vec<Difference> {
    let mut differences = Vec::new();
    subset(path, shown, printed, &mut differences);
    differences
}

fn subset(path: &str, shown: &Value, printed: &Value, differences: &mut Vec<Difference>) {
    match (shown, printed) {
        (Value::Object(shown), Value::Object(printed)) => {
            for (key, shown) in shown {
                let path = format!("{path}/{}", escaped(key));
                match printed.get(key) {
                    None => differences.push(difference(None, &path, shown, None)),
                    Some(printed) if VOLATILE.contains(&key.as_str()) => {
                        if shown != printed {
                            differences.push(difference(Some(Class::Volatile), &path, shown, Some(printed)));
                        }
                    }
                    Some(printed) => subset(&path, shown, printed, differences),
                }
            }
        }
        (Value::Array(shown), Value::Array(printed)) => items(path, shown, printed, differences),
        _ => {
            let class = match sameness(&scalar(shown), &scalar(printed)) {
                _ if shown == printed => return,
                // A number is no string that reads alike.
                Sameness::Equal => None,
                alike => alike.class(),
            };
            differences.push(difference(class, path, shown, Some(printed)));
        }
    }
}

/// Each shown item takes the printed item that it is most like, at its own place first; one is taken once.
fn items(path: &str, shown: &[Value], printed: &[Value], differences: &mut Vec<Difference>) {
    let mut taken = vec![false; printed.len()];
    for (index, shown) in shown.iter().enumerate() {
        let path = format!("{path}/{index}");
        let free = (0..printed.len()).filter(|at| !taken[*at]);
        let tried = free.map(|at| (at, against(&path, shown, &printed[at])));
        let best = tried.min_by_key(|(at, found)| (counted(found), at.abs_diff(index)));
        match best {
            Some((at, found)) => {
                taken[at] = true;
                differences.extend(found);
            }
            None => differences.push(difference(None, &path, shown, None)),
        }
    }
}

/// Without a class a difference is one of the value, or of the state below `status`.
fn difference(class: Option<Class>, path: &str, shown: &Value, printed: Option<&Value>) -> Difference {
    let is_state = path.starts_with("/status/") || path.contains("/status/") || path == "/status";
    let class = class.unwrap_or(if is_state { Class::State } else { Class::Value });
    let path = Path::Field { pointer: path.to_owned() };
    Difference { class, path, line: 1, shown: Some(scalar(shown)), printed: printed.map(scalar) }
}

/// A string as it stands, all else as JSON.
fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
