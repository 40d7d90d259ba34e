//! Bodies into objects, in the words of the API server's decoder. Pure.
//!
//! What comes out reads back as the kind's type: every field is known and of its type, nulls, empty lists and empty
//! maps are left out as Go's `omitempty` does, a null within a list or a map is its type's zero, quantities have their
//! one form, `kind` and `apiVersion` are set. All that writes to the store begins from here, and watches rely on it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::time;
use super::types::{Shape, root, types};
use crate::kubewords::quantity;
use crate::mini::resource::Resource;
use crate::mini::resources;
use crate::mini::status::ApiError;
use crate::registry::go_base64;

/// What to do about fields the schema does not know (`fieldValidation=`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum FieldValidation {
    Ignore,
    #[default]
    Warn,
    Strict,
}

/// A client's body as an object of `resource`, with warnings about fields that mean nothing.
pub(crate) fn decode(
    resource: &'static Resource,
    body: Value,
    validation: FieldValidation,
) -> Result<(Value, Vec<String>), ApiError> {
    let given = |field: &str, own: String| match body[field].as_str().unwrap_or_default() {
        "" => own,
        given => given.to_owned(),
    };
    let (kind, api_version) = (given("kind", resource.kind.to_owned()), given("apiVersion", resource.api_version()));
    let version = api_version.rsplit('/').next().unwrap_or_default().to_owned();
    let refuse = |why: String| {
        let wanted = resource.kind;
        ApiError::BadRequest(format!("{kind} in version {version:?} cannot be handled as a {wanted}: {why}"))
    };
    decode_patched(resource, body, validation).map_err(refuse)
}

/// The outcome of a patch as an object of `resource`. The error is bare: who patched puts it into words.
pub(crate) fn decode_patched(
    resource: &'static Resource,
    mut object: Value,
    validation: FieldValidation,
) -> Result<(Value, Vec<String>), String> {
    same_kind(resource, &object)?;
    let mut at = Place::default();
    at.check(&mut object, &Shape::Struct(root(resource)))?;
    object["kind"] = json!(resource.kind);
    object["apiVersion"] = json!(resource.api_version());
    (resource.reads)(&object)?;
    match validation {
        FieldValidation::Strict if !at.unknown.is_empty() => {
            Err(format!("strict decoding error: {}", at.unknown.join(", ")))
        }
        FieldValidation::Warn => Ok((object, at.unknown)),
        _ => Ok((object, vec![])),
    }
}

/// Refuses an object that says it is of another kind, in the words of apimachinery's scheme. It is read as that kind
/// first, where there is one.
fn same_kind(resource: &'static Resource, object: &Value) -> Result<(), String> {
    let said = |field: &str| object[field].as_str().filter(|text| !text.is_empty());
    let own = resource.api_version();
    let (kind, api_version) = (said("kind").unwrap_or(resource.kind), said("apiVersion").unwrap_or(&own));
    if kind == resource.kind && api_version == own {
        return Ok(());
    }
    let Some(other) = resources::all().find(|r| r.kind == kind && r.api_version() == api_version) else {
        return Err(format!(
            "no kind {kind:?} is registered for version {api_version:?} in scheme \"pkg/api/legacyscheme/scheme.go:30\""
        ));
    };
    Place::default().check(&mut object.clone(), &Shape::Struct(root(other)))?;
    let package = |group: &str| {
        if group.is_empty() { "core".to_owned() } else { group.split('.').next().unwrap_or(group).to_owned() }
    };
    Err(format!(
        "converting ({}.{kind}) to ({}.{}): unknown conversion",
        other.version,
        package(resource.group),
        resource.kind
    ))
}

/// A value's type faults as those of the Go type `name`, which no resource has: options and requests.
pub(crate) fn decode_value(mut value: Value, name: &str) -> Result<Value, String> {
    Place::default().check(&mut value, &Shape::Struct(name.to_owned()))?;
    Ok(value)
}

/// Where in the object the decoder is.
#[derive(Default)]
struct Place {
    /// `spec.containers[0].image`.
    path: String,
    /// The Go type whose field this is.
    owner: String,
    /// `unknown field "spec.x"`, in the order met.
    unknown: Vec<String>,
}

impl Place {
    fn check(&mut self, value: &mut Value, shape: &Shape) -> Result<(), String> {
        match (shape, &mut *value) {
            (Shape::Any, _) | (_, Value::Null) => Ok(()),
            (Shape::Struct(name), Value::Object(map)) => self.fields(map, name),
            (Shape::List(inner), Value::Array(list)) => {
                let here = self.path.len();
                for (i, item) in list.iter_mut().enumerate() {
                    self.path.push_str(&format!("[{i}]"));
                    self.element(item, inner)?;
                    self.path.truncate(here);
                }
                Ok(())
            }
            (Shape::Map(inner), Value::Object(map)) => map.values_mut().try_for_each(|item| self.element(item, inner)),
            (Shape::Quantity, found) => {
                let text = found.as_str().map_or_else(|| found.to_string(), |text| text.trim().to_owned());
                *found = json!(quantity::canonical(&text)?);
                Ok(())
            }
            (Shape::Time | Shape::MicroTime, Value::String(text)) => {
                time::fault(text, *shape == Shape::MicroTime).map_or(Ok(()), Err)
            }
            (Shape::IntOrString, Value::Number(_)) => self.check(value, &Shape::Int32),
            (Shape::IntOrString, Value::String(_)) => Ok(()),
            (Shape::Bytes, Value::String(text)) => {
                let bytes = go_base64::decode(text, true).map_err(go_base64::fault)?;
                *text = STANDARD.encode(bytes);
                Ok(())
            }
            (Shape::String, Value::String(_)) | (Shape::Bool, Value::Bool(_)) | (Shape::Float, Value::Number(_)) => {
                Ok(())
            }
            (Shape::Int32, Value::Number(n)) if n.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) => Ok(()),
            (Shape::Int64, Value::Number(n)) if n.is_i64() => Ok(()),
            (Shape::Int32 | Shape::Int64, Value::Number(n)) => Err(self.wrong(&format!("number {n}"), shape)),
            _ => Err(self.wrong(word(value), shape)),
        }
    }

    /// Within lists and maps there is no leaving out: Go makes a null the type's zero.
    fn element(&mut self, value: &mut Value, shape: &Shape) -> Result<(), String> {
        if value.is_null() {
            *value = match shape {
                Shape::Struct(_) | Shape::Map(_) => json!({}),
                Shape::List(_) => json!([]),
                Shape::String | Shape::Bytes => json!(""),
                Shape::Int32 | Shape::Int64 | Shape::Float | Shape::IntOrString => json!(0),
                Shape::Bool => json!(false),
                Shape::Quantity => json!("0"),
                Shape::Time | Shape::MicroTime | Shape::Any => Value::Null,
            };
        }
        self.check(value, shape)
    }

    fn fields(&mut self, map: &mut serde_json::Map<String, Value>, name: &str) -> Result<(), String> {
        let Some(known) = types().get(name) else {
            return Ok(());
        };
        let owner = std::mem::replace(&mut self.owner, short(name).to_owned());
        let here = self.path.len();
        let mut gone = vec![];
        for (field, value) in map.iter_mut() {
            if !self.path.is_empty() {
                self.path.push('.');
            }
            self.path.push_str(field);
            match known.get(field) {
                Some(known) => {
                    self.check(value, &known.shape)?;
                    if known.omits(value) {
                        gone.push(field.clone());
                    }
                }
                None => {
                    self.unknown.push(format!("unknown field {:?}", self.path));
                    gone.push(field.clone());
                }
            }
            self.path.truncate(here);
        }
        map.retain(|field, _| !gone.contains(field));
        self.owner = owner;
        Ok(())
    }

    /// Go's `json.UnmarshalTypeError`.
    fn wrong(&self, found: &str, shape: &Shape) -> String {
        let fields = self.path.split('.').map(|field| field.split('[').next().unwrap_or(field));
        let (owner, fields, of) = (&self.owner, fields.collect::<Vec<_>>().join("."), go_type(shape));
        format!("json: cannot unmarshal {found} into Go struct field {owner}.{fields} of type {of}")
    }
}

/// `io.k8s.api.core.v1.PodSpec` is `PodSpec`.
fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn go_type(shape: &Shape) -> String {
    match shape {
        Shape::Struct(name) => {
            let mut parts = name.rsplit('.');
            let (kind, package) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            format!("{package}.{kind}")
        }
        Shape::List(inner) => format!("[]{}", go_type(inner)),
        Shape::Map(inner) => format!("map[string]{}", go_type(inner)),
        Shape::String | Shape::Time | Shape::MicroTime => "string".to_owned(),
        Shape::Bytes => "[]uint8".to_owned(),
        Shape::Int32 | Shape::IntOrString => "int32".to_owned(),
        Shape::Int64 => "int64".to_owned(),
        Shape::Float => "float64".to_owned(),
        Shape::Bool => "bool".to_owned(),
        Shape::Quantity => "resource.Quantity".to_owned(),
        Shape::Any => "interface {}".to_owned(),
    }
}

/// A JSON value's kind as Go's decoder names it.
pub(crate) fn word(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mini::resources::{PODS, SERVICE_ACCOUNTS};

    fn strict(body: Value) -> Result<Value, String> {
        decode(&PODS, body, FieldValidation::Strict).map(|d| d.0).map_err(|e| e.to_string())
    }

    #[test]
    fn unknown_fields_are_refused_or_dropped() {
        let pod = json!({"spec": {"imagePullSecretz": [], "containers": [{"name": "a", "imagee": "b"}]}});
        assert_eq!(
            strict(pod.clone()).unwrap_err(),
            r#"Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.imagePullSecretz", unknown field "spec.containers[0].imagee""#
        );
        let (object, warnings) = decode(&PODS, pod, FieldValidation::Warn).unwrap();
        assert_eq!(object["spec"], json!({"containers": [{"name": "a"}]}));
        assert_eq!(warnings.len(), 2);
    }

    #[test]
    fn wrong_types_are_named_as_go_names_them() {
        let cases = [
            (
                json!({"spec": {"containers": "x"}}),
                "string into Go struct field PodSpec.spec.containers of type []v1.Container",
            ),
            (
                json!({"spec": {"containers": [{"image": 5}]}}),
                "number into Go struct field Container.spec.containers.image of type string",
            ),
            (
                json!({"metadata": {"labels": {"a": true}}}),
                "bool into Go struct field ObjectMeta.metadata.labels of type string",
            ),
            (
                json!({"spec": {"hostNetwork": "yes"}}),
                "string into Go struct field PodSpec.spec.hostNetwork of type bool",
            ),
        ];
        for (body, message) in cases {
            let expected =
                format!(r#"Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal {message}"#);
            assert_eq!(strict(body).unwrap_err(), expected);
        }
    }

    #[test]
    fn quantities_times_and_ports_have_their_form() {
        let container = |part: Value| json!({"spec": {"containers": [part]}});
        let requests = |cpu: Value| container(json!({"resources": {"requests": {"cpu": cpu}}}));
        let probe = |port: Value| container(json!({"livenessProbe": {"httpGet": {"port": port}}}));
        for (body, wrong) in [
            (
                requests(json!("abc")),
                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
            ),
            (
                probe(json!(true)),
                "json: cannot unmarshal bool into Go struct field HTTPGetAction.spec.containers.livenessProbe.httpGet.port of type int32",
            ),
            (
                json!({"status": {"startTime": "abc"}}),
                r#"parsing time "abc" as "2006-01-02T15:04:05Z07:00": cannot parse "abc" as "2006""#,
            ),
            (
                json!({"status": {"startTime": 5}}),
                "json: cannot unmarshal number into Go struct field PodStatus.status.startTime of type string",
            ),
        ] {
            assert_eq!(
                strict(body).unwrap_err(),
                format!(r#"Pod in version "v1" cannot be handled as a Pod: {wrong}"#)
            );
        }
        let pod = strict(requests(json!(2))).unwrap();
        assert_eq!(pod["spec"]["containers"][0]["resources"]["requests"]["cpu"], "2");
        strict(probe(json!("http"))).unwrap();
        strict(probe(json!(80))).unwrap();
    }

    #[test]
    fn what_means_nothing_is_left_out() {
        let body = json!({"metadata": {"name": "a", "labels": {}, "annotations": null}, "imagePullSecrets": []});
        let (object, _) = decode(&SERVICE_ACCOUNTS, body, FieldValidation::Strict).unwrap();
        assert_eq!(object, json!({"metadata": {"name": "a"}, "kind": "ServiceAccount", "apiVersion": "v1"}));
        let pod = strict(json!({"spec": {"securityContext": {}, "volumes": [{"name": "v", "emptyDir": {}}]}})).unwrap();
        assert_eq!(pod["spec"], json!({"securityContext": {}, "volumes": [{"name": "v", "emptyDir": {}}]}));
    }

    #[test]
    fn a_null_within_a_list_or_a_map_is_its_types_zero() {
        let body =
            json!({"metadata": {"labels": {"app": null}}, "spec": {"containers": [null], "nodeSelector": {"a": null}}});
        let pod = strict(body).unwrap();
        assert_eq!((&pod["metadata"]["labels"]["app"], &pod["spec"]["nodeSelector"]["a"]), (&json!(""), &json!("")));
        assert_eq!(pod["spec"]["containers"], json!([{}]));
    }

    #[test]
    fn what_does_not_read_back_as_its_type_is_refused() {
        let port = json!({"spec": {"containers": [{"livenessProbe": {"httpGet": {"port": {}}}}]}});
        let time = json!({"metadata": {"creationTimestamp": "yesterday"}});
        for body in [port, time] {
            assert!(strict(body).unwrap_err().starts_with(r#"Pod in version "v1" cannot be handled as a Pod: "#));
        }
    }

    #[test]
    fn quantities_may_be_numbers_and_have_one_form() {
        let pod = |cpu: Value| strict(json!({"spec": {"containers": [{"resources": {"limits": {"cpu": cpu}}}]}}));
        let stored = |cpu| pod(cpu).unwrap()["spec"]["containers"][0]["resources"]["limits"]["cpu"].clone();
        assert_eq!([json!(1), json!(0.5), json!("1000m")].map(stored), ["1", "500m", "1"]);
        assert!(pod(json!("much")).unwrap_err().ends_with("([eEinumkKMGTP]*[-+]?[0-9]*)$'"));
    }

    #[test]
    fn every_resource_has_a_type() {
        for resource in crate::mini::resources::all() {
            assert!(types().contains_key(&root(resource)), "{}", root(resource));
        }
    }
}
