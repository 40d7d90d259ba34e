//! The hash of a pod template that names a Deployment's ReplicaSets (`pod-template-hash`). Pure.
//!
//! Kubernetes hashes the Go structs as spew prints them (`hashutil.DeepHashObject`), fields that are not set included,
//! so the names and types of all fields, in Go's order, are part of the hash, and so is the release that knows them:
//! `pod_template.tsv` has them (struct, field, its name in JSON, Go type, and the minor releases that have it where
//! those are not all; a field without a name in JSON is embedded).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

use crate::mini::Version;

struct Field {
    name: &'static str,
    /// Empty: the struct is embedded, and its fields stand beside the others.
    json: &'static str,
    go: &'static str,
    minors: std::ops::RangeInclusive<u32>,
}

static STRUCTS: LazyLock<BTreeMap<&'static str, Vec<Field>>> = LazyLock::new(|| {
    let mut structs = BTreeMap::<_, Vec<Field>>::new();
    for line in include_str!("pod_template.tsv").lines() {
        let mut cells = line.split('\t');
        let mut cell = || cells.next().unwrap_or_default();
        let (of, name, json, go, minors) = (cell(), cell(), cell(), cell(), cell());
        let (since, until) = minors.split_once('-').unwrap_or_default();
        let minors = since.parse().unwrap_or(0)..=until.parse().unwrap_or(u32::MAX);
        structs.entry(of).or_default().push(Field { name, json, go, minors });
    }
    structs
});

/// The hash of a template; `collisions` is how often a ReplicaSet of that name turned out to be another's.
pub(super) fn pod_template_hash(template: &Value, collisions: Option<i32>, version: Version) -> String {
    let mut dump = Dump { text: String::new(), minor: version.minor };
    dump.typed("v1.PodTemplateSpec", Some(template));
    let mut bytes = dump.text.into_bytes();
    if let Some(collisions) = collisions {
        bytes.extend(collisions.to_le_bytes());
        bytes.extend([0; 4]);
    }
    safe(&fnv_32a(&bytes).to_string())
}

fn fnv_32a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// apimachinery `rand.SafeEncodeString`: no vowels, and so no words.
fn safe(text: &str) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    text.bytes().map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()])).collect()
}

/// A value as spew prints it with `%#v`.
struct Dump {
    text: String,
    minor: u32,
}

impl Dump {
    fn typed(&mut self, go: &str, value: Option<&Value>) {
        self.text.push_str(&format!("({go})"));
        match (go.strip_prefix('*'), value) {
            (Some(_), None) => self.text.push_str("<nil>"),
            (Some(of), value) => self.untyped(of, value),
            (None, value) => self.untyped(go, value),
        }
    }

    fn untyped(&mut self, go: &str, value: Option<&Value>) {
        if let Some(of) = go.strip_prefix("[]") {
            return self.list(of, value);
        }
        if let Some(of) = go.strip_prefix("map[string]") {
            return self.map(of, value);
        }
        let structure = go.strip_prefix("v1.").and_then(|name| STRUCTS.get(name));
        match (go, structure) {
            ("v1.ResourceList", _) => self.map("resource.Quantity", value),
            ("resource.Quantity", _) => {
                let text = quantity(value.and_then(Value::as_str).unwrap_or("0"));
                self.text.push_str(&text);
            }
            ("intstr.IntOrString", _) => {
                let (kind, number) = value.and_then(Value::as_i64).map_or((1, 0), |number| (0, number));
                let text = value.and_then(Value::as_str).unwrap_or_default();
                self.text
                    .push_str(&format!("{{Type:(intstr.Type){kind} IntVal:(int32){number} StrVal:(string){text}}}"));
            }
            ("v1.Time", _) => {
                self.text.push_str("{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}");
            }
            (_, Some(fields)) => self.structure(fields, value),
            ("bool", _) => self.text.push_str(if value == Some(&Value::Bool(true)) { "true" } else { "false" }),
            ("int32" | "int64" | "int", _) => {
                let number = value.and_then(Value::as_i64).unwrap_or(0);
                self.text.push_str(&number.to_string());
            }
            // Everything else is a string by another name.
            _ => self.text.push_str(value.and_then(Value::as_str).unwrap_or_default()),
        }
    }

    fn structure(&mut self, fields: &[Field], value: Option<&Value>) {
        self.text.push('{');
        let minor = self.minor;
        for (i, field) in fields.iter().filter(|field| field.minors.contains(&minor)).enumerate() {
            let space = if i > 0 { " " } else { "" };
            self.text.push_str(&format!("{space}{}:", field.name));
            let held = if field.json.is_empty() { value } else { value.and_then(|value| value.get(field.json)) };
            self.typed(field.go, held.filter(|held| !held.is_null()));
        }
        self.text.push('}');
    }

    fn list(&mut self, of: &str, value: Option<&Value>) {
        let Some(items) = value.and_then(Value::as_array).filter(|items| !items.is_empty()) else {
            return self.text.push_str("<nil>");
        };
        self.text.push('[');
        for (i, item) in items.iter().enumerate() {
            self.text.push_str(if i > 0 { " " } else { "" });
            self.untyped(of, Some(item));
        }
        self.text.push(']');
    }

    fn map(&mut self, of: &str, value: Option<&Value>) {
        let Some(map) = value.and_then(Value::as_object).filter(|map| !map.is_empty()) else {
            return self.text.push_str("<nil>");
        };
        self.text.push_str("map[");
        for (i, (key, item)) in map.iter().collect::<BTreeMap<_, _>>().into_iter().enumerate() {
            self.text.push_str(&format!("{}{key}:", if i > 0 { " " } else { "" }));
            self.untyped(of, Some(item));
        }
        self.text.push(']');
    }
}

/// A `resource.Quantity` as `ParseQuantity` leaves it: the text stays where it is in canonical form.
fn quantity(text: &str) -> String {
    const SUFFIXES: [(&str, i32, u32); 16] = [
        ("n", -9, 0),
        ("u", -6, 0),
        ("m", -3, 0),
        ("k", 3, 0),
        ("M", 6, 0),
        ("G", 9, 0),
        ("T", 12, 0),
        ("P", 15, 0),
        ("E", 18, 0),
        ("Ki", 0, 10),
        ("Mi", 0, 20),
        ("Gi", 0, 30),
        ("Ti", 0, 40),
        ("Pi", 0, 50),
        ("Ei", 0, 60),
        ("", 0, 0),
    ];
    let end = text.find(|c: char| !(c.is_ascii_digit() || "+-.".contains(c))).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let exponent = suffix.strip_prefix(['e', 'E']).and_then(|digits| digits.parse::<i32>().ok());
    let known = SUFFIXES.iter().find(|(known, ..)| *known == suffix).map_or((0, 0), |(_, ten, two)| (*ten, *two));
    let (ten, two, format) = match exponent {
        Some(exponent) => (exponent, 0, "DecimalExponent"),
        None if known.1 > 0 => (0, known.1, "BinarySI"),
        None => (known.0, 0, "DecimalSI"),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    let value: i64 = digits.parse().unwrap_or(0);
    let scale = ten - i32::try_from(fraction.len()).unwrap_or(0);
    let canonical = match format {
        _ if text == "0" => true,
        "BinarySI" => value & 7 != 0,
        _ => scale % 3 == 0 && !digits.ends_with("000") && !digits.starts_with('0'),
    };
    let (amount, kept) = (value.wrapping_shl(two), if canonical { text } else { "" });
    format!(
        "{{i:(resource.int64Amount){{value:(int64){amount} scale:(resource.Scale){scale}}} \
         d:(resource.infDecAmount){{Dec:(*inf.Dec)<nil>}} s:(string){kept} Format:(resource.Format){format}}}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Templates and hashes of a real 1.36.2.
    #[test]
    fn hashes_are_those_of_a_real_cluster() {
        let mut hashes = 0;
        for line in include_str!("pod_template_hashes.tsv").lines() {
            let (hash, template) = line.split_once('\t').unwrap();
            let template = serde_json::from_str(template).unwrap();
            assert_eq!(pod_template_hash(&template, None, Version::LATEST), hash, "{template}");
            hashes += 1;
        }
        assert!(hashes >= 10);
    }

    #[test]
    fn a_collision_and_another_release_make_another_hash() {
        let template = serde_json::json!({"metadata": {"labels": {"app": "a"}}, "spec": {"containers": []}});
        let hash = |collisions, minor| pod_template_hash(&template, collisions, Version { major: 1, minor });
        let all: std::collections::BTreeSet<_> =
            [hash(None, 36), hash(Some(1), 36), hash(None, 35), hash(None, 34), hash(None, 33)].into();
        assert_eq!(all.len(), 5);
    }

    #[test]
    fn quantities_are_as_go_parses_them() {
        let shown = |text: &str| quantity(text).replace("d:(resource.infDecAmount){Dec:(*inf.Dec)<nil>} ", "");
        assert_eq!(
            shown("100m"),
            "{i:(resource.int64Amount){value:(int64)100 scale:(resource.Scale)-3} s:(string)100m Format:(resource.Format)DecimalSI}"
        );
        assert_eq!(
            shown("128Mi"),
            "{i:(resource.int64Amount){value:(int64)134217728 scale:(resource.Scale)0} s:(string) Format:(resource.Format)BinarySI}"
        );
    }
}
