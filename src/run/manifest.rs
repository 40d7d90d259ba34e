//! Manifests: whether they stay within a lab's namespaces, which of these they name, and the same text with other
//! names. Knows no shell.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use super::kubectl;
use super::names::Table;

/// What a text says.
#[derive(Debug, Default)]
pub struct Said {
    pub namespaces: BTreeSet<String>,
    pub services: BTreeSet<String>,
}

impl Said {
    pub fn extend(&mut self, other: Self) {
        self.namespaces.extend(other.namespaces);
        self.services.extend(other.services);
    }
}

const OF_NAMESPACE: &str = "kubernetes.io/metadata.name";
/// Below these anything may stand.
const FREE: &[&str] = &["annotations", "args", "binaryData", "command", "data", "env", "stringData", "value"];

const LABELS: &[&str] = &["labels", "matchLabels", "nodeSelector", "selector"];

static NAMESPACE_KIND: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"\bkind["']?\s*:\s*["']?Namespace\b"#).expect("a literal, tested below"));

/// Reads all documents of a text.
///
/// # Errors
/// What of it is beyond namespaces, or not understood.
pub fn read(text: &str) -> Result<Said, String> {
    let mut said = Said::default();
    for document in documents(text)? {
        object(&document, &mut said)?;
        collect(&document, &mut said.namespaces)?;
    }
    Ok(said)
}

pub fn is_readable(text: &str) -> bool {
    documents(text).is_ok()
}

fn documents(text: &str) -> Result<Vec<Value>, String> {
    serde_saphyr::from_multiple::<Value>(text).map_err(|_| "has a manifest that cannot be read".into())
}

/// One object or a list of them: what is no object has no kind.
fn object(value: &Value, said: &mut Said) -> Result<(), String> {
    let items = value["items"].as_array().filter(|_| value["kind"].is_string());
    for item in items.into_iter().flatten() {
        object(item, said)?;
    }
    let Some(kind) = value["kind"].as_str() else { return Ok(()) };
    let (name, namespace) = (value["metadata"]["name"].as_str(), value["metadata"]["namespace"].as_str());
    let version = value["apiVersion"].as_str().unwrap_or_default();
    if namespace.is_some_and(kubectl::is_system) {
        return Err("changes the cluster's own namespaces".into());
    }
    match (kind, name) {
        ("Namespace", Some(name)) if kubectl::is_system(name) => Err("changes the cluster's own namespaces".into()),
        ("Namespace", Some(name)) if kubectl::is_name(name) => Ok(()),
        ("Namespace", _) => Err("names a namespace in a way not understood".into()),
        ("Service", name) => {
            said.services.extend(name.map(str::to_owned));
            Ok(())
        }
        (list, _) if items.is_some() && list.ends_with("List") => Ok(()),
        (kind, _) if kubectl::is_namespaced(kind, version) => Ok(()),
        _ => Err(format!("makes an object of a kind that may be in no namespace: `{kind}`")),
    }
}

/// Every namespace that stands in its place.
fn collect(value: &Value, found: &mut BTreeSet<String>) -> Result<(), String> {
    let Value::Object(map) = value else {
        return value.as_array().into_iter().flatten().try_for_each(|value| collect(value, found));
    };
    let mut name = |value: &Value| match value.as_str() {
        None | Some("") => Ok(()),
        Some(name) if kubectl::is_name(name) => {
            found.insert(name.to_owned());
            Ok(())
        }
        Some(name) => Err(format!("names a namespace in a way not understood: `{name}`")),
    };
    for (key, value) in map {
        match (key.as_str(), value) {
            ("<<", _) => return Err("has a manifest with merged keys, which are not looked into".into()),
            ("namespace" | OF_NAMESPACE, value) => name(value)?,
            ("namespaces", Value::Array(names)) => names.iter().try_for_each(&mut name)?,
            _ => {}
        }
    }
    for (key, value) in map.iter().filter(|(key, _)| !FREE.contains(&key.as_str())) {
        match value {
            // A label is no place, but for the one that Kubernetes gives each namespace.
            Value::Object(labels) if LABELS.contains(&key.as_str()) => {
                let of_namespace = labels.get(OF_NAMESPACE).and_then(Value::as_str);
                found.extend(of_namespace.map(str::to_owned));
                labels.values().filter(|value| value.is_object()).try_for_each(|value| collect(value, found))?;
            }
            value => collect(value, found)?,
        }
    }
    found.extend(own_name(map).map(str::to_owned));
    Ok(())
}

fn own_name(map: &Map<String, Value>) -> Option<&str> {
    let is_namespace = map.get("kind").is_some_and(|kind| kind == "Namespace");
    map.get("metadata").filter(|_| is_namespace).and_then(|metadata| metadata["name"].as_str())
}

/// The text in the table's names. Written by places in the text, and only where that gives what the documents
/// themselves would be.
///
/// # Errors
/// Where it cannot be told what a name means.
pub fn forward(text: &str, table: &Table) -> Result<String, String> {
    let Some(name) = table.lectures().find(|name| text.contains(name)) else { return Ok(text.into()) };
    let wanted = documents(text)?.iter().map(|document| renamed(document, table)).collect::<Result<Vec<_>, _>>()?;
    let is_wanted = |text: &str| documents(text).is_ok_and(|documents| documents == wanted);
    let plain = table.told(text);
    if is_wanted(&plain) {
        return Ok(plain);
    }
    // Namespaces themselves are named by a key that others are named by, too.
    let parts: Vec<&str> = plain.split_inclusive("\n---").collect();
    let named: String = parts.iter().map(|part| name_of_its_own(part, table)).collect();
    if is_wanted(&named) { Ok(named) } else { Err(table.unclear(name)) }
}

/// A document with the name of the namespace that it is.
fn name_of_its_own(part: &str, table: &Table) -> String {
    if !NAMESPACE_KIND.is_match(part) {
        return part.into();
    }
    let document = documents(part.trim_end_matches("---")).unwrap_or_default();
    let own = document.iter().filter_map(Value::as_object).find_map(own_name);
    let Some((own, played)) = own.and_then(|own| Some((own, table.played(own)?))) else { return part.into() };
    let with = |at: usize| format!("{}{played}{}", &part[..at], &part[at + own.len()..]);
    let is_named = |text: &String| {
        let documents = documents(text.trim_end_matches("---")).unwrap_or_default();
        let named = documents.iter().filter_map(Value::as_object).find_map(own_name);
        named == Some(played)
    };
    part.match_indices(own).map(|(at, _)| with(at)).find(is_named).unwrap_or_else(|| part.into())
}

/// A document in the table's names.
fn renamed(value: &Value, table: &Table) -> Result<Value, String> {
    let name = |value: &Value| match value.as_str().and_then(|name| table.played(name)) {
        Some(played) => Value::from(played),
        None => value.clone(),
    };
    Ok(match value {
        Value::String(text) => Value::from(table.told(text)),
        Value::Array(items) => items.iter().map(|item| renamed(item, table)).collect::<Result<Vec<_>, _>>()?.into(),
        Value::Object(map) => {
            let chooses = map.get("key").is_some_and(|key| key == OF_NAMESPACE);
            let entry = |(key, value): (&String, &Value)| {
                let value = match (key.as_str(), value) {
                    ("namespace" | OF_NAMESPACE, Value::String(_)) => name(value),
                    ("namespaces", Value::Array(names)) => names.iter().map(name).collect(),
                    ("values", Value::Array(names)) if chooses => names.iter().map(name).collect(),
                    (key, Value::Object(labels)) if LABELS.contains(&key) => labelled(labels, table)?,
                    (key, value) if FREE.contains(&key) => free(value, table)?,
                    _ => renamed(value, table)?,
                };
                Ok::<_, String>((key.clone(), value))
            };
            let mut new: Map<String, Value> = map.iter().map(entry).collect::<Result<_, _>>()?;
            if own_name(map).is_some()
                && let Some(own) = new.get_mut("metadata").and_then(|m| m.get_mut("name"))
            {
                *own = name(own);
            }
            Value::Object(new)
        }
        other => other.clone(),
    })
}

/// Labels are what they are called: `env: dev` is no namespace.
fn labelled(labels: &Map<String, Value>, table: &Table) -> Result<Value, String> {
    let entry = |(key, value): (&String, &Value)| match value.as_str() {
        Some(name) if key == OF_NAMESPACE => Ok((key.clone(), table.played(name).unwrap_or(name).into())),
        Some(text) => Ok((key.clone(), table.told(text).into())),
        None => Ok((key.clone(), renamed(value, table)?)),
    };
    labels.iter().map(entry).collect::<Result<_, String>>().map(Value::Object)
}

/// What may mean anything.
fn free(value: &Value, table: &Table) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => Value::from(table.loose(text)?),
        Value::Array(items) => items.iter().map(|item| free(item, table)).collect::<Result<Vec<_>, _>>()?.into(),
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| match key.as_str() {
                // A variable's name, and where it comes from.
                "name" | "key" => Ok((key.clone(), Value::from(table.told(value.as_str().unwrap_or_default())))),
                _ => Ok((key.clone(), free(value, table)?)),
            };
            Value::Object(map.iter().map(entry).collect::<Result<_, String>>()?)
        }
        other => other.clone(),
    })
}
