//! Patches: JSON (RFC 6902), merge (RFC 7386), strategic merge and apply (apiserver `pkg/endpoints/handlers/patch.go`).

pub(super) mod strategic;

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, CopyOperation, MoveOperation, PatchOperation};
use serde_json::Value;

use super::update::same_name;
use super::{ObjectPart, Pipeline, WriteOptions, Written, managed};
use crate::mini::go_json;
use crate::mini::resource::Resource;
use crate::mini::schema;
use crate::mini::status::{ApiError, FieldError};
use crate::mini::store::Key;

/// What a JSON patch may ask for: operations, bytes copied within the object, levels of what comes of it.
const MAX_OPERATIONS: usize = 10_000;
const MAX_COPIED: usize = 3 << 20;
const MAX_DEPTH: usize = 128;

/// A patch as it was sent.
pub(crate) enum Patch {
    Json(json_patch::Patch),
    Merge(Value),
    Strategic(Value),
    /// Server-side apply.
    Apply(Value),
}

impl Patch {
    pub(crate) fn parse(media: &str, bytes: &[u8]) -> Result<Self, ApiError> {
        let json = || go_json::parse::<Value>(bytes);
        let undecodable = |why: String| ApiError::BadRequest(format!("error decoding patch: {why}"));
        match media {
            "application/json-patch+json" => {
                let value = json().map_err(undecodable)?;
                operations(&value).map_err(undecodable)?;
                // An operation that is none, or lacks what it needs, is found out when it is applied.
                let patch: json_patch::Patch = serde_json::from_value(value).map_err(|_| ApiError::UnappliablePatch)?;
                if patch.len() > MAX_OPERATIONS {
                    let got = patch.len();
                    return Err(ApiError::TooLarge(format!(
                        "The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {got}"
                    )));
                }
                Ok(Patch::Json(patch))
            }
            "application/merge-patch+json" => Ok(Patch::Merge(json().and_then(object).map_err(undecodable)?)),
            "application/strategic-merge-patch+json" => {
                Ok(Patch::Strategic(json().and_then(object).map_err(ApiError::BadRequest)?))
            }
            "application/apply-patch+yaml" => {
                let wrong = |why: &dyn std::fmt::Display| {
                    ApiError::BadRequest(format!("error decoding YAML: error converting YAML to JSON: yaml: {why}"))
                };
                let text = std::str::from_utf8(bytes).map_err(|why| wrong(&why))?;
                let value = serde_saphyr::from_str(text).map_err(|why| wrong(&why))?;
                Ok(Patch::Apply(object(value).map_err(ApiError::BadRequest)?))
            }
            _ => Err(ApiError::UnsupportedPatch),
        }
    }

    /// What keeps a configuration from being applied to an object of `resource` (`fieldmanager.Manager.Apply`).
    fn configuration_fault(&self, resource: &'static Resource) -> Option<ApiError> {
        let Patch::Apply(body) = self else { return None };
        let text = |field: &str| body[field].as_str().unwrap_or_default();
        let (version, kind) = (text("apiVersion"), text("kind"));
        let group_version = if version.contains('/') { version.to_owned() } else { format!("/{version}") };
        if kind != resource.kind || version != resource.api_version() {
            return Some(ApiError::BadRequest(format!("invalid object type: {group_version}, Kind={kind}")));
        }
        if !body["metadata"]["managedFields"].is_null() {
            return Some(ApiError::BadRequest("metadata.managedFields must be nil".to_owned()));
        }
        let strict = schema::decode_patched(resource, body.clone(), schema::FieldValidation::Strict).err()?;
        let unknown = strict.strip_prefix("strict decoding error: unknown field \"")?.split('"').next()?.to_owned();
        let name = |field: &str| body["metadata"][field].as_str().unwrap_or_default();
        Some(ApiError::Bare(format!(
            "failed to create typed patch object ({}/{}; {group_version}, Kind={kind}): .{unknown}: field not declared in schema",
            name("namespace"),
            name("name"),
        )))
    }

    /// Applies the patch to the stored object, or creates it where an applied configuration finds none.
    pub(crate) fn apply(
        &self,
        pipeline: &Pipeline,
        resource: &'static Resource,
        key: &Key,
        part: ObjectPart,
        options: &WriteOptions,
    ) -> Result<Written, ApiError> {
        if let Some(fault) = self.configuration_fault(resource) {
            return Err(fault);
        }
        let mut options = options.clone();
        if let Patch::Apply(config) = self {
            options.writer.applied = Some(config.clone());
        }
        let options = &options;
        let done = pipeline.patch(resource, key, part, options, |current| {
            let mut patched = self.on(resource, current)?;
            managed::prune(resource, part, &mut patched, &options.writer);
            let validation = options.field_validation;
            let decoded = schema::decode_patched(resource, patched.clone(), validation);
            decoded.map_err(|why| match self {
                Patch::Strategic(_) => self.refused(&patched, &converted(&why)),
                _ => self.refused(&patched, &why),
            })
        });
        match (self, done) {
            (Patch::Apply(body), Err(ApiError::NotFound { .. })) if part == ObjectPart::Main => {
                same_name(body["metadata"]["name"].as_str().unwrap_or_default(), key)?;
                let mut body = body.clone();
                // It means no object of that version: there is none.
                body["metadata"].as_object_mut().map(|metadata| metadata.shift_remove("resourceVersion"));
                pipeline.create(resource, &key.namespace, body, options)
            }
            (_, done) => done,
        }
    }

    /// A value that is no stored object, of the type `of`, with the patch applied.
    pub(crate) fn on_value(&self, current: &Value, of: &str) -> Result<Value, ApiError> {
        let mut patched = current.clone();
        match self {
            Patch::Json(patch) => operate(&mut patched, patch).ok_or(ApiError::UnappliablePatch)?,
            Patch::Merge(patch) => json_patch::merge(&mut patched, patch),
            Patch::Strategic(patch) | Patch::Apply(patch) => {
                strategic::merge(&mut patched, patch, of).map_err(|why| match why.starts_with("cannot restore") {
                    true => self.refused(current, &why),
                    false => ApiError::Bare(why),
                })?;
            }
        }
        Ok(patched)
    }

    /// The current object with the patch applied.
    fn on(&self, resource: &'static Resource, current: &Value) -> Result<Value, ApiError> {
        self.on_value(current, &schema::root(resource))
    }

    /// 422 with the patch, or what came of it, in Go's notation.
    fn refused(&self, patched: &Value, why: &str) -> ApiError {
        let shown = match self {
            Patch::Strategic(patch) | Patch::Apply(patch) => go_map(patch),
            _ => patched.to_string(),
        };
        ApiError::invalid("", "", FieldError::invalid("patch", &Value::String(shown), why))
    }
}

/// A JSON patch is a list of objects.
fn operations(value: &Value) -> Result<(), String> {
    let all = value.as_array();
    let stray = all.and_then(|all| all.iter().find(|item| !item.is_object()));
    let (wrong, list) = match (all, stray) {
        (None, _) => (value, "[]"),
        (_, Some(item)) => (item, ""),
        _ => return Ok(()),
    };
    let (found, into) = (schema::word(wrong), format!("{list}handlers.jsonPatchOp"));
    Err(format!("json: cannot unmarshal {found} into Go value of type {into}"))
}

/// A decoder's complaint of a type in the words of the converter that reads strategic patches
/// (apimachinery `pkg/runtime/converter.go`).
fn converted(why: &str) -> String {
    let parts = why.strip_prefix("json: cannot unmarshal ").and_then(|rest| {
        let (found, into) = rest.split_once(" into Go ")?;
        Some((found.split(' ').next()?, found.contains('.'), into.rsplit_once(" of type ")?.1))
    });
    let Some((found, fraction, wanted)) = parts else { return why.to_owned() };
    let kind = match found {
        "number" if fraction => "float64",
        "number" => "int64",
        "array" => "slice",
        "object" => "map",
        other => other,
    };
    match wanted {
        map if map.starts_with("map[") => format!("cannot restore map from {kind}"),
        list if list.starts_with("[]") => format!("cannot restore slice from {kind}"),
        structure if structure.contains('.') => format!("cannot restore struct from: {kind}"),
        // Go converts numbers to strings, and then will not.
        "string" if kind == "int64" => format!("cannot convert {kind} to {wanted}"),
        "int32" | "int64" if kind.ends_with("64") => format!("cannot convert {kind} to {wanted}"),
        scalar => format!("unrecognized type: {scalar}"),
    }
}

/// Applies one operation after the other. A few copies, each of all before, would fill the memory or the stack.
fn operate(object: &mut Value, patch: &json_patch::Patch) -> Option<()> {
    let mut copied = 0;
    for operation in patch.iter() {
        let Some(operation) = as_evanphx(object, operation)? else { continue };
        let moved = match &operation {
            PatchOperation::Add(AddOperation { value, .. }) => Some(value),
            PatchOperation::Copy(CopyOperation { from, .. }) | PatchOperation::Move(MoveOperation { from, .. }) => {
                Some(object.pointer(from.as_str())?)
            }
            _ => None,
        };
        if matches!(operation, PatchOperation::Copy(_)) {
            copied += moved.map_or(0, |value| value.to_string().len());
        }
        let levels = operation.path().count() + moved.map_or(0, depth);
        if copied > MAX_COPIED || levels > MAX_DEPTH {
            return None;
        }
        json_patch::patch_unsafe(object, std::slice::from_ref(&operation)).ok()?;
    }
    object.is_object().then_some(())
}

/// An operation as the API server's library means it (`evanphx/json-patch`): -1 is an array's last element, what is
/// absent is null to a test, and a replacement of an absent key adds it. The inner `None`: it holds already.
fn as_evanphx(object: &Value, operation: &PatchOperation) -> Option<Option<PatchOperation>> {
    let mut operation = operation.clone();
    let grows = matches!(operation, PatchOperation::Add(_) | PatchOperation::Copy(_) | PatchOperation::Move(_));
    let path = from_end(object, operation.path().as_str(), grows)?;
    let there = object.pointer(&path).is_some();
    let parent = path.rsplit_once('/').and_then(|(parent, _)| object.pointer(parent));
    let path = PointerBuf::parse(path).ok()?;
    match &mut operation {
        PatchOperation::Test(test) if !there && test.value.is_null() => return Some(None),
        PatchOperation::Replace(replace) if !there && parent.is_some_and(Value::is_object) => {
            let value = std::mem::take(&mut replace.value);
            return Some(Some(PatchOperation::Add(AddOperation { path, value })));
        }
        PatchOperation::Add(AddOperation { path: own, .. }) => *own = path,
        PatchOperation::Remove(remove) => remove.path = path,
        PatchOperation::Replace(replace) => replace.path = path,
        PatchOperation::Test(test) => test.path = path,
        PatchOperation::Move(MoveOperation { from, path: own }) => {
            *from = PointerBuf::parse(from_end(object, from.as_str(), false)?).ok()?;
            *own = path;
        }
        PatchOperation::Copy(CopyOperation { from, path: own }) => {
            *from = PointerBuf::parse(from_end(object, from.as_str(), false)?).ok()?;
            *own = path;
        }
    }
    Some(Some(operation))
}

/// The pointer with indices that count from the end put as others; the last one may mean the place behind the end.
fn from_end(object: &Value, pointer: &str, grows: bool) -> Option<String> {
    let mut out = String::with_capacity(pointer.len());
    let steps: Vec<&str> = pointer.split('/').skip(1).collect();
    for (i, step) in steps.iter().enumerate() {
        let list = object.pointer(&out).and_then(Value::as_array);
        let behind = step.strip_prefix('-').and_then(|digits| digits.parse::<usize>().ok());
        let step = match (list, behind) {
            (Some(list), Some(behind)) => {
                let size = list.len() + usize::from(grows && i + 1 == steps.len());
                size.checked_sub(behind)?.to_string()
            }
            _ => (*step).to_owned(),
        };
        out.push('/');
        out.push_str(&step);
    }
    Some(out)
}

fn depth(value: &Value) -> usize {
    let within = match value {
        Value::Object(map) => map.values().map(depth).max(),
        Value::Array(list) => list.iter().map(depth).max(),
        _ => return 0,
    };
    1 + within.unwrap_or_default()
}

fn object(value: Value) -> Result<Value, String> {
    match value {
        Value::Object(_) => Ok(value),
        other => Err(format!(
            "json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
            schema::word(&other)
        )),
    }
}

/// A value as Go's `%v` prints it.
fn go_map(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) => format!("[{}]", list.iter().map(go_map).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let mut keys: Vec<_> = map.keys().collect();
            keys.sort();
            let entries: Vec<_> = keys.into_iter().map(|k| format!("{k}:{}", go_map(&map[k]))).collect();
            format!("map[{}]", entries.join(" "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn go_prints_maps_sorted() {
        let value = json!({"spec": {"b": [{"n": "x"}], "a": null}, "n": 1});
        assert_eq!(go_map(&value), "map[n:1 spec:map[a:<nil> b:[map[n:x]]]]");
    }

    #[test]
    fn wrong_types_are_told_as_the_converter_tells_them() {
        for (found, wanted, said) in [
            ("number", "string", "cannot convert int64 to string"),
            ("string", "map[string]string", "cannot restore map from string"),
            ("object", "[]v1.LocalObjectReference", "cannot restore slice from map"),
            ("array", "v1.PodSpec", "cannot restore struct from: slice"),
            ("number 1.5", "int32", "cannot convert float64 to int32"),
            ("bool", "string", "unrecognized type: string"),
        ] {
            let why = format!("json: cannot unmarshal {found} into Go struct field X.y of type {wanted}");
            assert_eq!(converted(&why), said);
        }
        assert_eq!(converted("something else"), "something else");
    }

    #[test]
    fn a_json_patch_is_a_list_of_operations() {
        let said = |text: &[u8]| Patch::parse("application/json-patch+json", text).err().map(|error| error.to_string());
        let go = |found, wanted| {
            Some(format!("error decoding patch: json: cannot unmarshal {found} into Go value of type {wanted}"))
        };
        assert_eq!(said(b"{}"), go("object", "[]handlers.jsonPatchOp"));
        assert_eq!(said(b"[5]"), go("number", "handlers.jsonPatchOp"));
        let unknown = Patch::parse("application/json-patch+json", br#"[{"op": "x", "path": "/a"}]"#).err().unwrap();
        assert_eq!(unknown, ApiError::UnappliablePatch);
    }

    #[test]
    fn a_json_patch_cannot_swell_nor_sink() {
        let done = |operations: Vec<Value>| {
            let patch = serde_json::from_value(operations.into()).unwrap();
            operate(&mut json!({"a": {"b": "c"}}), &patch)
        };
        assert!(done(vec![json!({"op": "copy", "from": "/a", "path": "/d"})]).is_some());
        let doubling = |i: usize| json!({"op": "copy", "from": "", "path": format!("/x{i}")});
        assert_eq!(done((0..60).map(doubling).collect()), None, "wide");
        let deeper = json!({"op": "copy", "from": "/a", "path": "/a/b"});
        assert_eq!(done(vec![deeper; 200]), None, "deep");
        let many = json!(vec![json!({"op": "test", "path": "/a", "value": 1}); 10_001]).to_string();
        let refused = Patch::parse("application/json-patch+json", many.as_bytes()).err().unwrap();
        assert!(refused.to_string().ends_with("in a JSON patch is 10000, got 10001"), "{refused}");
    }

    #[test]
    fn operations_mean_what_they_mean_to_the_api_server() {
        let object = || json!({"list": [1, 2, 3], "map": {"a": 1}});
        for (operations, expected) in [
            (json!([{"op": "test", "path": "/map/none", "value": null}]), Some(object())),
            (json!([{"op": "test", "path": "/map/none", "value": 1}]), None),
            (
                json!([{"op": "replace", "path": "/map/b", "value": 2}]),
                Some(json!({"list": [1, 2, 3], "map": {"a": 1, "b": 2}})),
            ),
            (json!([{"op": "replace", "path": "/none/b", "value": 2}]), None),
            (json!([{"op": "replace", "path": "/list/7", "value": 2}]), None),
            (json!([{"op": "remove", "path": "/list/-1"}]), Some(json!({"list": [1, 2], "map": {"a": 1}}))),
            (
                json!([{"op": "add", "path": "/list/-1", "value": 4}]),
                Some(json!({"list": [1, 2, 3, 4], "map": {"a": 1}})),
            ),
            (
                json!([{"op": "replace", "path": "/list/-3", "value": 0}]),
                Some(json!({"list": [0, 2, 3], "map": {"a": 1}})),
            ),
            (json!([{"op": "remove", "path": "/list/-4"}]), None),
            (
                json!([{"op": "copy", "from": "/list/-1", "path": "/map/b"}]),
                Some(json!({"list": [1, 2, 3], "map": {"a": 1, "b": 3}})),
            ),
        ] {
            let patch: json_patch::Patch = serde_json::from_value(operations.clone()).unwrap();
            let mut patched = object();
            let done = operate(&mut patched, &patch).map(|()| patched);
            assert_eq!(done, expected, "{operations}");
        }
    }

    #[test]
    fn a_patch_that_is_no_json_is_refused_in_go_words() {
        let error = Patch::parse("application/merge-patch+json", b"{bad json").err().unwrap();
        let words = "invalid character 'b' looking for beginning of object key string";
        assert_eq!(error.to_string(), format!("error decoding patch: {words}"));
        let error = Patch::parse("application/strategic-merge-patch+json", b"{bad json").err().unwrap();
        assert_eq!(error.to_string(), words);
        assert_eq!(Patch::parse("text/plain", b"{}").err().unwrap(), ApiError::UnsupportedPatch);
    }
}
