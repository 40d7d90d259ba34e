//! Kubernetes' protobuf bodies into JSON, for the kinds that kubectl's typed clients send (`kubectl create …`,
//! `auth can-i`, `create token`): they speak nothing else and do not fall back. Answers are JSON always. Field
//! numbers are those of `k8s.io/api`'s `generated.proto` files. A field that says something and is not known is refused,
//! not left out.

mod messages;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use messages::Field::{
    self, Base64, Bool, Count, Inline, IntOrText, Many, MapOf, Message, Number, Quantity, Servers, Text,
};
use messages::MESSAGES;

use crate::mini::status::ApiError;

/// Precedes every body; a `runtime.Unknown` follows.
const MAGIC: &[u8] = b"k8s\0";

/// A whole body as JSON with `apiVersion` and `kind`.
pub(crate) fn decode(bytes: &[u8]) -> Result<Value, ApiError> {
    let broken = || ApiError::BadRequest("unable to decode the protobuf body".to_owned());
    let envelope = bytes.strip_prefix(MAGIC).ok_or_else(broken)?;
    let envelope = message(envelope, "Unknown").map_err(|_| broken())?;
    let kind = envelope["typeMeta"]["kind"].as_str().unwrap_or_default();
    let raw = STANDARD.decode(envelope["raw"].as_str().unwrap_or_default()).map_err(|_| broken())?;
    let mut object = message(&raw, kind).map_err(|fault| match fault {
        Fault::Broken => broken(),
        Fault::Unknown => ApiError::UnsupportedMediaType { accepted: "application/json, application/yaml" },
    })?;
    object["kind"] = json!(kind);
    object["apiVersion"] = envelope["typeMeta"]["apiVersion"].clone();
    Ok(object)
}

/// Why bytes are not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// They are no such message.
    Broken,
    /// They say something for which there is no word here.
    Unknown,
}

fn message(bytes: &[u8], name: &str) -> Result<Value, Fault> {
    let mut out = Map::new();
    read(&mut out, bytes, name)?;
    Ok(Value::Object(out))
}

fn read(out: &mut Map<String, Value>, bytes: &[u8], name: &str) -> Result<(), Fault> {
    let (_, known) = MESSAGES.iter().find(|(n, _)| *n == name).ok_or(Fault::Unknown)?;
    for (number, wire) in fields(bytes).ok_or(Fault::Broken)? {
        match known.iter().find(|(known, ..)| *known == number) {
            Some((_, key, field)) => put(out, key, *field, wire)?,
            // What is no pointer in Go is always sent.
            None if is_zero(&wire) => {}
            None => return Err(Fault::Unknown),
        }
    }
    Ok(())
}

/// Whether a field says nothing: zero, empty, or a message of such fields.
fn is_zero(wire: &Wire<'_>) -> bool {
    match wire {
        Wire::Number(n) => *n == 0,
        Wire::Bytes(bytes) => {
            bytes.is_empty() || fields(bytes).is_some_and(|fields| fields.iter().all(|(_, wire)| is_zero(wire)))
        }
    }
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

#[derive(Clone, Copy)]
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

fn put(out: &mut Map<String, Value>, key: &str, field: Field, wire: Wire<'_>) -> Result<(), Fault> {
    match (field, wire) {
        (Many(inner), _) => {
            let value = one(*inner, wire)?;
            let list = out.entry(key).or_insert_with(|| json!([]));
            list.as_array_mut().ok_or(Fault::Broken)?.push(value);
        }
        (MapOf(inner), Wire::Bytes(entry)) => {
            let (name, value) = map_entry(entry, *inner)?;
            let map = out.entry(key).or_insert_with(|| json!({}));
            map.as_object_mut().ok_or(Fault::Broken)?.insert(name, value);
        }
        (Inline(name), Wire::Bytes(bytes)) => read(out, bytes, name)?,
        (Servers, _) | (Count, Wire::Number(0)) => {}
        _ => {
            let value = one(field, wire)?;
            // Fields that are not pointers are always sent; empty ones mean nothing.
            if value != json!("") {
                out.insert(key.to_owned(), value);
            }
        }
    }
    Ok(())
}

fn map_entry(bytes: &[u8], inner: Field) -> Result<(String, Value), Fault> {
    let (mut key, mut value) = (String::new(), json!(""));
    for field in fields(bytes).ok_or(Fault::Broken)? {
        match field {
            (1, Wire::Bytes(text)) => key = String::from_utf8(text.to_vec()).map_err(|_| Fault::Broken)?,
            (2, wire) => value = one(inner, wire)?,
            _ => {}
        }
    }
    Ok((key, value))
}

fn one(field: Field, wire: Wire<'_>) -> Result<Value, Fault> {
    match (field, wire) {
        (Text, Wire::Bytes(text)) => Ok(json!(std::str::from_utf8(text).map_err(|_| Fault::Broken)?)),
        (Base64, Wire::Bytes(bytes)) => Ok(json!(STANDARD.encode(bytes))),
        (Number | Count, Wire::Number(n)) => Ok(json!(n.cast_signed())),
        (Bool, Wire::Number(n)) => Ok(json!(n != 0)),
        (Message(name), Wire::Bytes(bytes)) => message(bytes, name),
        (Quantity, Wire::Bytes(bytes)) => match fields(bytes).ok_or(Fault::Broken)?.first() {
            Some((1, text)) => one(Text, *text),
            _ => Ok(json!("")),
        },
        (IntOrText, Wire::Bytes(bytes)) => int_or_text(&fields(bytes).ok_or(Fault::Broken)?),
        _ => Err(Fault::Broken),
    }
}

/// `type` 0 is a number in field 2, 1 a text in field 3.
fn int_or_text(fields: &[(u64, Wire<'_>)]) -> Result<Value, Fault> {
    let field = |number| fields.iter().find(|(known, _)| *known == number).map(|(_, wire)| *wire);
    match (field(1), field(2), field(3)) {
        (Some(Wire::Number(1)), _, Some(text)) => one(Text, text),
        (_, Some(number), _) => one(Number, number),
        _ => Ok(json!(0)),
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
    fn what_is_not_known_is_refused_unless_it_says_nothing() {
        // A Secret has no field 9.
        assert!(decode(&body("Secret", &field(9, b""))).is_ok());
        assert!(decode(&body("Secret", &field(9, &[8, 0, 18, 0]))).is_ok());
        let unknown = decode(&body("Secret", &field(9, b"x")));
        assert!(matches!(unknown, Err(ApiError::UnsupportedMediaType { .. })), "{unknown:?}");
    }

    #[test]
    fn messages_within_messages_are_read_as_json_has_them() {
        let port = [8, 1, 16, 0, 26, 4, b'h', b't', b't', b'p'];
        let probe = field(1, &field(2, &[field(1, b"/"), field(2, &port)].concat()));
        let key = field(4, &[field(1, &field(1, b"s")), field(2, b"k")].concat());
        let variable = [field(1, b"E"), field(3, &key)].concat();
        let parts = [field(1, b"a"), field(2, b"o/app"), field(7, &variable), field(11, &probe), field(8, b"")];
        let container = parts.concat();
        let volume = [field(1, b"v"), field(2, &field(2, b""))].concat();
        let template = field(2, &[field(2, &container), field(1, &volume)].concat());
        let spec = [field(3, &template), field(4, b""), vec![8, 0], vec![40, 0]].concat();
        let deployment = decode(&body("Deployment", &[field(2, &spec), field(3, &[8, 3])].concat())).unwrap();
        let expected = json!({"template": {"spec": {
            "containers": [{
                "name": "a", "image": "o/app", "env": [{"name": "E", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}], "readinessProbe": {"httpGet": {"path": "/", "port": "http"}}, "resources": {},
            }],
            "volumes": [{"name": "v", "emptyDir": {}}],
        }}, "strategy": {}, "replicas": 0});
        assert_eq!(deployment["spec"], expected);
        assert_eq!(deployment["status"], Value::Null);
    }

    #[test]
    fn messages_refer_to_messages_that_exist() {
        fn target(field: Field) -> Option<&'static str> {
            match field {
                Message(name) => Some(name),
                Inline(name) => Some(name),
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
