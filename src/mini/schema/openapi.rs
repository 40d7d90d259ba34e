//! `/openapi/v3`: an index and one document per group and version, enough for kubectl's validation and `explain`.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::types::{definitions, root};
use crate::mini::resource::Resource;
use crate::mini::resources;

/// Values a field of a core type may have, with what Kubernetes says of each. A server has them in its schemas; the
/// published ones, which k8s-openapi is made from, leave them out.
const ENUMS: &str = include_str!("enums.tsv");

/// A group version's document and the hash that names it.
pub(crate) struct Document {
    pub json: Bytes,
    pub hash: String,
}

static DOCUMENTS: LazyLock<HashMap<String, Document>> = LazyLock::new(|| {
    let paths: BTreeSet<_> = resources::all().map(path).collect();
    let definitions = definitions();
    let build = |path: String| {
        let json = Bytes::from(document(&path, &definitions).to_string());
        let hash = Sha256::digest(&json).iter().map(|b| format!("{b:02X}")).collect();
        (path, Document { json, hash })
    };
    paths.into_iter().map(build).collect()
});

/// `api/v1`, `apis/apps/v1`.
fn path(resource: &Resource) -> String {
    match resource.group {
        "" => format!("api/{}", resource.version),
        group => format!("apis/{group}/{}", resource.version),
    }
}

/// The document at `/openapi/v3/PATH`.
pub(crate) fn find(path: &str) -> Option<&'static Document> {
    DOCUMENTS.get(path)
}

/// The index: where each document is, with its hash.
pub(crate) fn index() -> Value {
    let mut paths: Vec<_> = DOCUMENTS.iter().collect();
    paths.sort_by_key(|(path, _)| path.as_str());
    let entry = |(path, doc): (&String, &Document)| {
        (path.clone(), json!({"serverRelativeURL": format!("/openapi/v3/{path}?hash={}", doc.hash)}))
    };
    json!({"paths": paths.into_iter().map(entry).collect::<Map<_, _>>()})
}

fn document(of: &str, definitions: &Map<String, Value>) -> Value {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    let all: Vec<_> = resources::all().filter(|r| path(r) == of).collect();
    for resource in &all {
        let name = root(resource);
        reach(&name, definitions, &mut schemas);
        let gvk = json!({"group": resource.group, "version": resource.version, "kind": resource.kind});
        if let Some(schema) = schemas.get_mut(&name) {
            schema["x-kubernetes-group-version-kind"] = json!([gvk]);
        }
        let scope = if resource.namespaced { "/namespaces/{namespace}" } else { "" };
        let collection = format!("/{of}{scope}/{}", resource.plural);
        // Strategic-merge patches are no content type here: kubectl then computes patches from its built-in types,
        // whose merge keys these schemas lack.
        let item = [("get", "get"), ("put", "put"), ("patch", "patch"), ("delete", "delete")];
        paths.insert(format!("{collection}/{{name}}"), operations(resource, &gvk, &item));
        paths.insert(collection, operations(resource, &gvk, &[("get", "list"), ("post", "post")]));
    }
    enumerate(&mut schemas);
    json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": paths, "components": {"schemas": schemas},
    })
}

/// Adds [`ENUMS`] to the schemas they belong to.
fn enumerate(schemas: &mut Map<String, Value>) {
    for line in ENUMS.lines() {
        let [owner, field, value, words] = line.split('\t').collect::<Vec<_>>()[..] else { continue };
        for owner in [format!("io.k8s.api.core.v1.{owner}"), format!("io.k8s.api.core.v1.Ephemeral{owner}")] {
            let Some(field) = schemas.get_mut(&owner).and_then(|schema| schema["properties"].get_mut(field)) else {
                continue;
            };
            let mut values = field["enum"].as_array().cloned().unwrap_or_default();
            let head = if values.is_empty() { "\n\nPossible enum values:" } else { "" };
            let description = field["description"].as_str().unwrap_or_default();
            let item = format!("{description}{head}\n - `{value:?}` {words}");
            field["description"] = json!(item.trim_end());
            values.push(json!(value));
            field["enum"] = Value::Array(values);
        }
    }
}

/// Copies a schema and everything it refers to.
fn reach(name: &str, definitions: &Map<String, Value>, into: &mut Map<String, Value>) {
    let Some(schema) = definitions.get(name).filter(|_| !into.contains_key(name)) else {
        return;
    };
    into.insert(name.to_owned(), schema.clone());
    let mut refs = vec![];
    collect_refs(schema, &mut refs);
    refs.into_iter().for_each(|name| reach(name, definitions, into));
}

fn collect_refs<'a>(value: &'a Value, out: &mut Vec<&'a str>) {
    match value {
        Value::Object(map) => {
            out.extend(map.get("$ref").and_then(Value::as_str).and_then(|r| r.rsplit('/').next()));
            map.values().for_each(|v| collect_refs(v, out));
        }
        Value::Array(list) => list.iter().for_each(|v| collect_refs(v, out)),
        _ => {}
    }
}

fn parameter(name: &str) -> Value {
    json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}})
}

fn operation(resource: &Resource, action: &str, gvk: &Value) -> Value {
    let schema = json!({"$ref": format!("#/components/schemas/{}", root(resource))});
    let content = json!({"application/json": {"schema": schema}});
    let mut operation = json!({
        "x-kubernetes-action": action, "x-kubernetes-group-version-kind": gvk,
        "responses": {"200": {"description": "OK", "content": content}},
    });
    if matches!(action, "patch" | "post" | "put") {
        operation["parameters"] = ["dryRun", "fieldManager", "fieldValidation"].map(parameter).into_iter().collect();
    }
    operation
}

/// Operations by method, each with the action it stands for.
fn operations(resource: &Resource, gvk: &Value, actions: &[(&str, &str)]) -> Value {
    actions.iter().map(|(method, action)| ((*method).to_owned(), operation(resource, action, gvk))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_closed_and_name_their_kinds() {
        let core: Value = serde_json::from_slice(&find("api/v1").unwrap().json).unwrap();
        let schemas = &core["components"]["schemas"];
        let pod = &schemas["io.k8s.api.core.v1.Pod"];
        assert_eq!(pod["x-kubernetes-group-version-kind"][0]["kind"], "Pod");
        let mut refs = vec![];
        collect_refs(schemas, &mut refs);
        assert!(refs.iter().all(|name| schemas[*name].is_object()));
        assert!(core["paths"]["/api/v1/namespaces/{namespace}/pods/{name}"]["patch"]["parameters"].is_array());
        let policy = &schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["restartPolicy"];
        assert_eq!(policy["enum"], json!(["Always", "Never", "OnFailure"]));
        let list = "\n\nPossible enum values:\n - `\"Always\"`\n - `\"Never\"`\n - `\"OnFailure\"`";
        assert!(policy["description"].as_str().unwrap().ends_with(list));
        let all: std::collections::HashSet<_> =
            ENUMS.lines().map(|line| line.split('\t').take(2).collect::<Vec<_>>()).collect();
        for field in all {
            let schema = &schemas[format!("io.k8s.api.core.v1.{}", field[0])];
            assert!(schema["properties"][field[1]]["enum"].is_array(), "{field:?}");
        }
    }

    /// Go requires an object's metadata of events alone.
    #[test]
    fn metadata_is_required_where_kubernetes_requires_it() {
        let core: Value = serde_json::from_slice(&find("api/v1").unwrap().json).unwrap();
        let required =
            |schema: &Value| schema["required"].as_array().is_some_and(|list| list.contains(&json!("metadata")));
        let all = core["components"]["schemas"].as_object().unwrap().iter();
        let names: Vec<_> = all.filter(|(_, schema)| required(schema)).map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["io.k8s.api.core.v1.Event"]);
    }
}
