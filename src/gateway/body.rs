//! Names forward in objects and patches: each at its place, and nowhere else. Works on whatever is shaped like
//! Kubernetes' API, custom resources and parts of objects included. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::names::Names;

/// The label that every namespace has of its own name.
pub(crate) const NAME_LABEL: &str = "kubernetes.io/metadata.name";
/// Maps whose keys are free: a key `namespace` in them means what its writer wants.
const FREE: &[&str] =
    &["annotations", "data", "binaryData", "stringData", "labels", "matchLabels", "nodeSelector", "parameters"];
/// Keys of base64 and of text that hold a docker config.
const DOCKER_CONFIGS: &[&str] = &[".dockerconfigjson", ".dockercfg"];
/// Where an object refers to another: the field that holds it, or nothing where `kind` tells.
const REFERENCES: &[&str] =
    &["involvedObject", "regarding", "related", "claimRef", "targetRef", "ownerReferences", "object"];
/// Cluster-scoped kinds that a field names: plural and field.
const NAMED_BY: &[(&str, &str)] = &[
    ("priorityclasses", "priorityClassName"),
    ("storageclasses", "storageClassName"),
    ("ingressclasses", "ingressClassName"),
    ("runtimeclasses", "runtimeClassName"),
];

/// What the mapping of one body has to know and what it finds out.
pub(crate) struct Forward<'a> {
    pub(crate) names: &'a Names,
    /// Docker configs that were changed, each in base64 as the cluster tells it: as played, as written.
    pub(crate) configs: Vec<(String, String)>,
}

impl<'a> Forward<'a> {
    pub(crate) fn new(names: &'a Names) -> Self {
        Self { names, configs: Vec::new() }
    }

    /// An object, or part of one (a merge patch), of the resource `plural` that a request names.
    pub(crate) fn object(&mut self, plural: &str, object: &mut Value) {
        if let Value::Object(map) = object {
            self.map("", map);
            match plural {
                "namespaces" => self.namespaces_own_name(map),
                "selfsubjectaccessreviews" | "subjectaccessreviews" | "localsubjectaccessreviews" => {
                    attributes(self.names, map)
                }
                _ => {}
            }
        }
    }

    /// The operations of a JSON Patch (RFC 6902): a value is what its path's last field says it is.
    pub(crate) fn json_patch(&mut self, plural: &str, operations: &mut Value) {
        for operation in operations.as_array_mut().into_iter().flatten() {
            let path = operation["path"].as_str().unwrap_or_default().to_owned();
            let Some(value) = operation.get_mut("value") else { continue };
            let path: Vec<String> =
                path.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
            let fields: Vec<&str> = path.iter().map(String::as_str).filter(|part| !is_index(part)).collect();
            match (plural, fields.as_slice()) {
                (_, []) => self.object(plural, value),
                ("namespaces", ["metadata", "name"]) => namespace(self.names, value),
                (_, [.., free, key]) if FREE.contains(free) => self.free(key, value),
                (_, [.., key]) => self.field(key, value),
            }
        }
    }

    fn namespaces_own_name(&self, map: &mut Map<String, Value>) {
        let metadata = map.get_mut("metadata").and_then(Value::as_object_mut);
        let Some(metadata) = metadata else { return };
        if let Some(name) = metadata.get_mut("name") {
            namespace(self.names, name);
        }
        if let Some(Value::String(prefix)) = metadata.get_mut("generateName") {
            *prefix = self.names.cluster_scoped(prefix);
        }
    }

    fn map(&mut self, key: &str, map: &mut Map<String, Value>) {
        let text =
            |map: &Map<String, Value>, key: &str| map.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let kind = text(map, "kind");
        match key {
            "roleRef" if kind == "ClusterRole" => self.name(map, |names, name| names.referred("clusterroles", name)),
            _ if REFERENCES.contains(&key) && kind == "Namespace" => self.name(map, Names::namespace),
            // In lists; the body itself is what its path says.
            "items" if kind == "Namespace" => self.namespaces_own_name(map),
            "matchExpressions" | "requirements" if text(map, "key") == NAME_LABEL => {
                namespaces(self.names, map.get_mut("values"));
            }
            "rules" if holds(map, "resources", "namespaces") => namespaces(self.names, map.get_mut("resourceNames")),
            _ => {}
        }
        for (key, value) in map.iter_mut() {
            self.field(key, value);
        }
    }

    fn name(&self, map: &mut Map<String, Value>, played: impl Fn(&Names, &str) -> String) {
        if let Some(Value::String(name)) = map.get_mut("name") {
            *name = played(self.names, name);
        }
    }

    fn field(&mut self, key: &str, value: &mut Value) {
        // Strategic merge patches say what they do to a list before its name: `$setElementOrder/NAME`.
        let key = key.strip_prefix('$').and_then(|rest| rest.split_once('/')).map_or(key, |(_, name)| name);
        match value {
            Value::Object(map) if FREE.contains(&key) => map.iter_mut().for_each(|(key, value)| self.free(key, value)),
            // A Service's selector holds labels, a Deployment's holds `matchLabels`.
            Value::Object(map) if key == "selector" => map.iter_mut().for_each(|(key, value)| match value {
                Value::String(_) => self.free(key, value),
                _ => self.field(key, value),
            }),
            Value::Object(map) => self.map(key, map),
            Value::Array(items) => items.iter_mut().for_each(|item| self.field(key, item)),
            Value::String(text) => self.text(key, text),
            _ => {}
        }
    }

    fn text(&mut self, key: &str, text: &mut String) {
        let names = self.names;
        let played = match key {
            "namespace" | "namespaces" => Some(names.namespace(text)),
            NAME_LABEL => Some(names.namespace(text)),
            "image" => Some(names.image(text)),
            _ if text.starts_with("system:serviceaccount") => Some(names.account(text)),
            _ => match NAMED_BY.iter().find(|(_, field)| *field == key) {
                Some((plural, _)) => Some(names.referred(plural, text)),
                None => names.hosts(text),
            },
        };
        if let Some(played) = played {
            *text = played;
        }
    }

    /// A value of a map with free keys.
    fn free(&mut self, key: &str, value: &mut Value) {
        let Value::String(text) = value else {
            return match value {
                Value::Object(_) | Value::Array(_) => self.field(key, value),
                _ => {}
            };
        };
        let played = match key {
            NAME_LABEL => Some(self.names.namespace(text)),
            // What kubectl compares with later is what it was given.
            "kubectl.kubernetes.io/last-applied-configuration" => None,
            _ if DOCKER_CONFIGS.contains(&key) => self.docker_config(text),
            _ => self.names.hosts(text),
        };
        if let Some(played) = played {
            *text = played;
        }
    }

    /// A docker config, in base64 or as text; None where it stays as it is. The cluster tells both back in base64 of one
    /// line.
    fn docker_config(&mut self, written: &str) -> Option<String> {
        if let Some(played) = self.names.docker_config(written) {
            self.configs.push((played.clone(), written.split_ascii_whitespace().collect()));
            return Some(played);
        }
        let played = self.names.docker_config_text(written)?;
        self.configs.push((STANDARD.encode(&played), STANDARD.encode(written)));
        Some(played)
    }
}

/// `spec.resourceAttributes` of an access review: what is asked about.
fn attributes(names: &Names, map: &mut Map<String, Value>) {
    let asked = map.get_mut("spec").and_then(|spec| spec.get_mut("resourceAttributes"));
    let Some(asked) = asked else { return };
    match asked["resource"].as_str() {
        Some("namespaces") if asked["name"].is_string() => {
            namespace(names, &mut asked["name"]);
        }
        Some(plural) if asked["name"].is_string() => {
            let played = names.referred(plural, asked["name"].as_str().unwrap_or_default());
            asked["name"] = played.into();
        }
        _ => {}
    }
}

fn namespace(names: &Names, value: &mut Value) {
    if let Value::String(name) = value {
        *name = names.namespace(name);
    }
}

fn namespaces(names: &Names, values: Option<&mut Value>) {
    values.and_then(Value::as_array_mut).into_iter().flatten().for_each(|value| namespace(names, value));
}

fn holds(map: &Map<String, Value>, key: &str, wanted: &str) -> bool {
    map.get(key).and_then(Value::as_array).is_some_and(|values| values.iter().any(|value| value == wanted))
}

fn is_index(part: &str) -> bool {
    part == "-" || !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())
}
