//! Kubernetes' protobuf bodies into JSON, for the kinds that kubectl's typed clients send (`kubectl create …`,
//! `auth can-i`, `create token`): they speak nothing else and do not fall back. Answers are JSON always. Field
//! numbers are those of `k8s.io/api`'s `generated.proto` files.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::mini::status::ApiError;

/// Precedes every body; a `runtime.Unknown` follows.
const MAGIC: &[u8] = b"k8s\0";

#[derive(Clone, Copy)]
enum Field {
    Text,
    Base64,
    Number,
    Bool,
    Message(&'static str),
    Many(&'static Field),
    /// A map from strings.
    MapOf(&'static Field),
}

use Field::{Base64, Bool, Many, MapOf, Message, Number, Text};

type Fields = &'static [(u64, &'static str, Field)];

/// As `generated.proto` has them: `message { number name: type, … }`.
macro_rules! messages {
    ($($message:ident { $($number:literal $field:ident: $kind:expr),* $(,)? })*) => {
        &[$((stringify!($message), &[$(($number, stringify!($field), $kind)),*])),*]
    };
}

const MESSAGES: &[(&str, Fields)] = messages! {
    Unknown { 1 typeMeta: Message("TypeMeta"), 2 raw: Base64 }
    TypeMeta { 1 apiVersion: Text, 2 kind: Text }
    ObjectMeta {
        1 name: Text, 2 generateName: Text, 3 namespace: Text, 5 uid: Text, 6 resourceVersion: Text,
        11 labels: MapOf(&Text), 12 annotations: MapOf(&Text),
        13 ownerReferences: Many(&Message("OwnerReference")), 14 finalizers: Many(&Text),
    }
    OwnerReference {
        1 kind: Text, 3 name: Text, 4 uid: Text, 5 apiVersion: Text, 6 controller: Bool, 7 blockOwnerDeletion: Bool,
    }
    Namespace { 1 metadata: Message("ObjectMeta"), 2 spec: Message("NamespaceSpec") }
    NamespaceSpec { 1 finalizers: Many(&Text) }
    Secret {
        1 metadata: Message("ObjectMeta"), 2 data: MapOf(&Base64), 3 type: Text, 4 stringData: MapOf(&Text),
        5 immutable: Bool,
    }
    ConfigMap { 1 metadata: Message("ObjectMeta"), 2 data: MapOf(&Text), 3 binaryData: MapOf(&Base64), 4 immutable: Bool }
    ServiceAccount {
        1 metadata: Message("ObjectMeta"), 2 secrets: Many(&Message("ObjectReference")),
        3 imagePullSecrets: Many(&Message("LocalObjectReference")), 4 automountServiceAccountToken: Bool,
    }
    LocalObjectReference { 1 name: Text }
    ObjectReference {
        1 kind: Text, 2 namespace: Text, 3 name: Text, 4 uid: Text, 5 apiVersion: Text, 6 resourceVersion: Text,
        7 fieldPath: Text,
    }
    Role { 1 metadata: Message("ObjectMeta"), 2 rules: Many(&Message("PolicyRule")) }
    ClusterRole { 1 metadata: Message("ObjectMeta"), 2 rules: Many(&Message("PolicyRule")) }
    RoleBinding {
        1 metadata: Message("ObjectMeta"), 2 subjects: Many(&Message("Subject")), 3 roleRef: Message("RoleRef"),
    }
    ClusterRoleBinding {
        1 metadata: Message("ObjectMeta"), 2 subjects: Many(&Message("Subject")), 3 roleRef: Message("RoleRef"),
    }
    PolicyRule {
        1 verbs: Many(&Text), 2 apiGroups: Many(&Text), 3 resources: Many(&Text), 4 resourceNames: Many(&Text),
        5 nonResourceURLs: Many(&Text),
    }
    Subject { 1 kind: Text, 2 apiGroup: Text, 3 name: Text, 4 namespace: Text }
    RoleRef { 1 apiGroup: Text, 2 kind: Text, 3 name: Text }
    TokenRequest { 1 metadata: Message("ObjectMeta"), 2 spec: Message("TokenRequestSpec") }
    TokenRequestSpec {
        1 audiences: Many(&Text), 3 boundObjectRef: Message("BoundObjectReference"), 4 expirationSeconds: Number,
    }
    BoundObjectReference { 1 kind: Text, 2 apiVersion: Text, 3 name: Text, 4 uid: Text }
    SelfSubjectReview { 1 metadata: Message("ObjectMeta") }
    SelfSubjectAccessReview { 1 metadata: Message("ObjectMeta"), 2 spec: Message("SubjectAccessReviewSpec") }
    SubjectAccessReview { 1 metadata: Message("ObjectMeta"), 2 spec: Message("SubjectAccessReviewSpec") }
    SubjectAccessReviewSpec {
        1 resourceAttributes: Message("ResourceAttributes"),
        2 nonResourceAttributes: Message("NonResourceAttributes"), 3 user: Text, 4 groups: Many(&Text),
    }
    ResourceAttributes {
        1 namespace: Text, 2 verb: Text, 3 group: Text, 4 version: Text, 5 resource: Text, 6 subresource: Text,
        7 name: Text,
    }
    NonResourceAttributes { 1 path: Text, 2 verb: Text }
    SelfSubjectRulesReview { 1 metadata: Message("ObjectMeta"), 2 spec: Message("SelfSubjectRulesReviewSpec") }
    SelfSubjectRulesReviewSpec { 1 namespace: Text }
    Eviction { 1 metadata: Message("ObjectMeta"), 2 deleteOptions: Message("DeleteOptions") }
    DeleteOptions { 1 gracePeriodSeconds: Number, 4 propagationPolicy: Text, 5 dryRun: Many(&Text) }
};

/// A whole body as JSON with `apiVersion` and `kind`.
pub fn decode(bytes: &[u8]) -> Result<Value, ApiError> {
    let broken = || ApiError::BadRequest("unable to decode the protobuf body".to_owned());
    let envelope = bytes.strip_prefix(MAGIC).ok_or_else(broken)?;
    let envelope = message(envelope, "Unknown").ok_or_else(broken)?;
    let kind = envelope["typeMeta"]["kind"].as_str().unwrap_or_default();
    let raw = STANDARD.decode(envelope["raw"].as_str().unwrap_or_default()).map_err(|_| broken())?;
    if !MESSAGES.iter().any(|(name, _)| *name == kind) {
        return Err(ApiError::UnsupportedMediaType { accepted: "application/json, application/yaml" });
    }
    let mut object = message(&raw, kind).ok_or_else(broken)?;
    object["kind"] = json!(kind);
    object["apiVersion"] = envelope["typeMeta"]["apiVersion"].clone();
    Ok(object)
}

/// `None` when the bytes are no such message.
fn message(bytes: &[u8], name: &str) -> Option<Value> {
    let known = MESSAGES.iter().find(|(n, _)| *n == name)?.1;
    let mut out = Map::new();
    for (number, wire) in fields(bytes)? {
        if let Some((_, key, field)) = known.iter().find(|(known, ..)| *known == number) {
            put(&mut out, key, *field, wire)?;
        }
    }
    Some(Value::Object(out))
}

/// A message's fields by number.
fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Wire<'_>)>> {
    let mut fields = vec![];
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        fields.push((tag >> 3, wire(&mut bytes, tag & 7)?));
    }
    Some(fields)
}

enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn wire<'a>(bytes: &mut &'a [u8], kind: u64) -> Option<Wire<'a>> {
    let length = match kind {
        0 => return varint(bytes).map(Wire::Number),
        1 => 8,
        2 => usize::try_from(varint(bytes)?).ok()?,
        5 => 4,
        _ => return None,
    };
    let (head, tail) = bytes.split_at_checked(length)?;
    *bytes = tail;
    Some(Wire::Bytes(head))
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn put(out: &mut Map<String, Value>, key: &str, field: Field, wire: Wire<'_>) -> Option<()> {
    match field {
        Many(inner) => {
            let list = out.entry(key).or_insert_with(|| json!([]));
            list.as_array_mut()?.push(one(*inner, wire)?);
        }
        MapOf(inner) => {
            let Wire::Bytes(entry) = wire else {
                return None;
            };
            let (name, value) = map_entry(entry, *inner)?;
            let map = out.entry(key).or_insert_with(|| json!({}));
            map.as_object_mut()?.insert(name, value);
        }
        _ => {
            let value = one(field, wire)?;
            // Fields that are not pointers are always sent; empty ones mean nothing.
            if value != json!("") {
                out.insert(key.to_owned(), value);
            }
        }
    }
    Some(())
}

fn map_entry(bytes: &[u8], inner: Field) -> Option<(String, Value)> {
    let (mut key, mut value) = (String::new(), json!(""));
    for field in fields(bytes)? {
        match field {
            (1, Wire::Bytes(text)) => key = String::from_utf8(text.to_vec()).ok()?,
            (2, wire) => value = one(inner, wire)?,
            _ => {}
        }
    }
    Some((key, value))
}

fn one(field: Field, wire: Wire<'_>) -> Option<Value> {
    match (field, wire) {
        (Text, Wire::Bytes(text)) => Some(json!(std::str::from_utf8(text).ok()?)),
        (Base64, Wire::Bytes(bytes)) => Some(json!(STANDARD.encode(bytes))),
        (Number, Wire::Number(n)) => Some(json!(n.cast_signed())),
        (Bool, Wire::Number(n)) => Some(json!(n != 0)),
        (Message(name), Wire::Bytes(bytes)) => message(bytes, name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }

    fn body(kind: &str, raw: &[u8]) -> Vec<u8> {
        let meta = [field(1, b"v1"), field(2, kind.as_bytes())].concat();
        [MAGIC, &field(1, &meta), &field(2, raw)].concat()
    }

    #[test]
    fn a_secret_is_read() {
        let entry = [field(1, b"a"), field(2, b"\xff\x00")].concat();
        let metadata = [field(1, b"regcred"), field(2, b""), field(8, b"")].concat();
        let raw = [field(1, &metadata), field(2, &entry), field(3, b"Opaque")].concat();
        let secret = json!({"metadata": {"name": "regcred"}, "data": {"a": "/wA="}, "type": "Opaque", "kind": "Secret", "apiVersion": "v1"});
        assert_eq!(decode(&body("Secret", &raw)).unwrap(), secret);
    }

    #[test]
    fn broken_and_unknown_bodies_are_refused() {
        assert!(matches!(decode(b"k8s"), Err(ApiError::BadRequest(_))));
        assert!(matches!(decode(&body("Secret", b"\x0a\x7f")), Err(ApiError::BadRequest(_))));
        assert!(matches!(decode(&body("Widget", b"")), Err(ApiError::UnsupportedMediaType { .. })));
    }

    #[test]
    fn messages_refer_to_messages_that_exist() {
        fn target(field: Field) -> Option<&'static str> {
            match field {
                Message(name) => Some(name),
                Many(inner) | MapOf(inner) => target(*inner),
                _ => None,
            }
        }
        for (name, fields) in MESSAGES {
            for inner in fields.iter().filter_map(|(.., f)| target(*f)) {
                assert!(MESSAGES.iter().any(|(n, _)| *n == inner), "{name} names {inner}");
            }
        }
    }
}
