//! The schemas as decoding needs them: types with their fields, without words.

use std::collections::HashMap;
use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use crate::mini::resource::Resource;
use crate::mini::resources;

/// What a value must be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    /// A type with fields, by its full name.
    Struct(String),
    List(Box<Shape>),
    Map(Box<Shape>),
    String,
    /// Base64.
    Bytes,
    Int32,
    Int64,
    Float,
    Bool,
    /// RFC 3339, in whole seconds or in microseconds.
    Time,
    MicroTime,
    /// `500m`; a number is taken for its text.
    Quantity,
    IntOrString,
    /// Anything at all (raw JSON).
    Any,
}

/// A field of a type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    pub shape: Shape,
    /// Go says what it holds even where that is nothing.
    always: bool,
    /// Go tells zero from nothing: it is a pointer.
    pointer: bool,
}

impl Field {
    /// Whether Go's `omitempty` leaves `value` out: nothing, empty lists and maps, and zeros of what is no pointer.
    /// Empty structs stay.
    pub(crate) fn omits(&self, value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty() && matches!(self.shape, Shape::Map(_)),
            _ if self.always || self.pointer => false,
            Value::String(text) => text.is_empty(),
            Value::Bool(flag) => !flag,
            Value::Number(number) => number.as_f64() == Some(0.0),
        }
    }
}

/// A type's fields by name.
pub(super) type Type = HashMap<String, Field>;

/// Flags and texts of `k8s.io/api` that are pointers, and numbers that are none; all others are the other way round.
/// Of one name they are alike in all types but those of [`EXCEPT`].
const POINTERS: &[&str] = &[
    "allowPrivilegeEscalation",
    "automountServiceAccountToken",
    "blockOwnerDeletion",
    "controller",
    "enableServiceLinks",
    "hostProcess",
    "hostUsers",
    "immutable",
    "ingressClassName",
    "localhostProfile",
    "manualSelector",
    "mountPropagation",
    "optional",
    "podReplacementPolicy",
    "privileged",
    "procMount",
    "readOnlyRootFilesystem",
    "recursiveReadOnly",
    "resourceClaimName",
    "runAsNonRoot",
    "runtimeClassName",
    "setHostnameAsFQDN",
    "shareProcessNamespace",
    "started",
    "storageClassName",
    "suspend",
    "volumeMode",
];
const NUMBERS: &[&str] = &[
    "active",
    "availableReplicas",
    "count",
    "failed",
    "failureThreshold",
    "fullyLabeledReplicas",
    "generation",
    "hostPort",
    "initialDelaySeconds",
    "minReadySeconds",
    "observedGeneration",
    "periodSeconds",
    "readyReplicas",
    "signal",
    "sizeBytes",
    "succeeded",
    "successThreshold",
    "timeoutSeconds",
    "unavailableReplicas",
    "updatedReplicas",
];
const EXCEPT: &[(&str, &str)] = &[
    ("Container", "restartPolicy"),
    ("EphemeralContainer", "restartPolicy"),
    ("CSIVolumeSource", "readOnly"),
    ("DeploymentStatus", "replicas"),
    ("GRPCAction", "service"),
];

/// Whether the field `name` of the Go type `owner` is a pointer.
fn is_pointer(owner: &str, name: &str, shape: &Shape) -> bool {
    let usual = match shape {
        Shape::String | Shape::Bytes | Shape::Bool => POINTERS.contains(&name),
        Shape::Int32 | Shape::Int64 | Shape::Float => !NUMBERS.contains(&name),
        // Zero has a form of its own there.
        _ => return true,
    };
    usual != EXCEPT.contains(&(owner, name))
}

static TYPES: LazyLock<HashMap<String, Type>> = LazyLock::new(|| {
    let definitions = definitions();
    let struct_like = definitions.iter().filter(|(_, schema)| schema["properties"].is_object());
    struct_like.map(|(name, schema)| (name.clone(), compile(name, schema, &definitions))).collect()
});

/// Every type by its full name, e.g. `io.k8s.api.core.v1.PodSpec`.
pub(crate) fn types() -> &'static HashMap<String, Type> {
    &TYPES
}

/// The schemas as OpenAPI has them, by full name. Made anew on each call: with their descriptions they take ten
/// times the room of [`types`] and are needed twice in a process's life.
pub(super) fn definitions() -> Map<String, Value> {
    let mut generator = SchemaSettings::openapi3().into_generator();
    for resource in resources::all() {
        (resource.schema)(&mut generator);
    }
    // Bodies of subresources.
    generator.subschema_for::<k8s_openapi::api::authentication::v1::TokenRequest>();
    generator.subschema_for::<k8s_openapi::api::autoscaling::v1::Scale>();
    generator.subschema_for::<k8s_openapi::api::core::v1::Binding>();
    generator.subschema_for::<k8s_openapi::api::policy::v1::Eviction>();
    let mut definitions = generator.take_definitions(true);
    definitions.values_mut().for_each(relax);
    definitions
}

/// Go gives the name of a referent a default, so that it is not required; nor is the metadata of an object, for all
/// that k8s-openapi has it always there. Events alone require it.
fn relax(schema: &mut Value) {
    if let Some(required) =
        schema["required"].as_array_mut().filter(|fields| !fields.contains(&"involvedObject".into()))
    {
        required.retain(|field| field != "metadata");
    }
    let name = schema["properties"]["name"]["description"].as_str().unwrap_or_default();
    let optional = name.contains("This field is effectively required, but due to backwards compatibility");
    if optional && let Some(required) = schema["required"].as_array_mut() {
        required.retain(|field| field != "name");
    }
}

/// The full name of a resource's type.
pub(crate) fn root(resource: &Resource) -> String {
    let group = match resource.group {
        "" => "core",
        group => group.split('.').next().unwrap_or(group),
    };
    format!("io.k8s.api.{group}.{}.{}", resource.version, resource.kind)
}

fn compile(name: &str, schema: &Value, all: &Map<String, Value>) -> Type {
    let owner = name.rsplit('.').next().unwrap_or(name);
    let required =
        |field: &str| schema["required"].as_array().is_some_and(|list| list.iter().any(|name| name == field));
    let properties = schema["properties"].as_object().into_iter().flatten();
    let field = |(name, schema): (&String, &Value)| {
        let shape = shape(schema, all);
        (name.clone(), Field { always: required(name), pointer: is_pointer(owner, name, &shape), shape })
    };
    properties.map(field).collect()
}

fn shape(schema: &Value, all: &Map<String, Value>) -> Shape {
    let reference = schema["$ref"].as_str().or_else(|| schema["allOf"][0]["$ref"].as_str());
    if let Some(name) = reference.and_then(|r| r.rsplit('/').next()) {
        let target = &all[name];
        return if target["properties"].is_object() { Shape::Struct(name.to_owned()) } else { named(name, target) };
    }
    match (schema["type"].as_str().unwrap_or_default(), schema["format"].as_str().unwrap_or_default()) {
        ("array", _) => Shape::List(Box::new(shape(&schema["items"], all))),
        ("object", _) if schema["additionalProperties"].is_object() => {
            Shape::Map(Box::new(shape(&schema["additionalProperties"], all)))
        }
        ("string", "byte") => Shape::Bytes,
        ("string", _) => Shape::String,
        ("integer", "int32") => Shape::Int32,
        ("integer", _) => Shape::Int64,
        ("number", _) => Shape::Float,
        ("boolean", _) => Shape::Bool,
        _ => Shape::Any,
    }
}

/// Types without fields: scalars with a form of their own; raw JSON takes anything, empty structs are objects.
fn named(name: &str, schema: &Value) -> Shape {
    match (name.rsplit('.').next(), schema["type"].as_str()) {
        (Some("Time"), _) => Shape::Time,
        (Some("MicroTime"), _) => Shape::MicroTime,
        (Some("Quantity"), _) => Shape::Quantity,
        (Some("IntOrString"), _) => Shape::IntOrString,
        (_, Some("string")) => Shape::String,
        _ => Shape::Any,
    }
}
