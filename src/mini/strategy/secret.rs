//! Secrets (Kubernetes `pkg/registry/core/secret`, `ValidateSecret`). Messages name keys, never values.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::mini::Version;
use crate::mini::names;
use crate::mini::resource::Strategy;
use crate::mini::status::{FieldError, Mistake};

/// A Secret may hold a mebibyte.
const MAX_BYTES: usize = 1 << 20;

pub(crate) struct SecretStrategy;

impl Strategy for SecretStrategy {
    fn default(&self, object: &mut Value) {
        if object["type"].as_str().unwrap_or_default().is_empty() {
            object["type"] = json!("Opaque");
        }
    }

    fn prepare_create(&self, object: &mut Value, _version: Version) {
        fold_string_data(object);
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = key_errors("data", &object["data"]);
        errors.extend(size_error("data", decoded_size(&object["data"])));
        errors.extend(type_errors(object));
        errors
    }

    fn prepare_update(&self, new: &mut Value, _old: &Value, _version: Version) {
        fold_string_data(new);
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = vec![];
        if new["type"] != old["type"] {
            errors.push(FieldError::invalid("type", &new["type"], "field is immutable"));
        }
        errors.extend(immutable_errors(new, old, &["data"]));
        errors.extend(self.validate(new));
        errors
    }
}

/// `immutable: true` cannot be taken back, nor the contents changed. Shared with ConfigMaps.
pub(crate) fn immutable_errors(new: &Value, old: &Value, contents: &[&str]) -> Vec<FieldError> {
    if old["immutable"] != true {
        return vec![];
    }
    let frozen = "field is immutable when `immutable` is set";
    let flag = (new["immutable"] != true).then(|| FieldError::forbidden("immutable", frozen));
    let changed = contents.iter().filter(|field| new[**field] != old[**field]);
    flag.into_iter().chain(changed.map(|field| FieldError::forbidden(*field, frozen))).collect()
}

/// Faults of the keys of `data`. Shared with ConfigMaps.
pub(crate) fn key_errors(field: &str, data: &Value) -> Vec<FieldError> {
    let wrong = |key| names::data_key(key).map(|w| FieldError::invalid(format!("{field}[{key}]"), &json!(key), w));
    data.as_object().into_iter().flatten().filter_map(|(key, _)| wrong(key)).collect()
}

/// Contents of `size` bytes where they are too many. Shared with ConfigMaps.
pub(crate) fn size_error(field: &str, size: usize) -> Option<FieldError> {
    let detail = format!("may not be more than {MAX_BYTES} bytes");
    (size > MAX_BYTES).then(|| FieldError::new(Mistake::TOO_LONG, field, &Value::Null, detail))
}

/// How many bytes a map's base64 stands for.
pub(crate) fn decoded_size(data: &Value) -> usize {
    let values = data.as_object().into_iter().flatten().filter_map(|(_, value)| value.as_str());
    values.map(|text| text.trim_end_matches('=').len() * 3 / 4).sum()
}

fn fold_string_data(object: &mut Value) {
    let Some(map) = object.as_object_mut() else {
        return;
    };
    let Some(Value::Object(plain)) = map.shift_remove("stringData") else {
        return;
    };
    for (key, value) in plain {
        object["data"][key] = json!(STANDARD.encode(value.as_str().unwrap_or_default()));
    }
}

fn type_errors(secret: &Value) -> Vec<FieldError> {
    let require = |keys: &[&str]| -> Vec<FieldError> {
        let missing = keys.iter().filter(|key| secret["data"].get(**key).is_none());
        missing.map(|key| FieldError::required(format!("data[{key}]"), "")).collect()
    };
    match secret["type"].as_str().unwrap_or_default() {
        "kubernetes.io/dockerconfigjson" => json_key(secret, ".dockerconfigjson"),
        "kubernetes.io/dockercfg" => json_key(secret, ".dockercfg"),
        "kubernetes.io/tls" => require(&["tls.crt", "tls.key"]),
        "kubernetes.io/ssh-auth" => require(&["ssh-privatekey"]),
        "kubernetes.io/basic-auth" => {
            let either = ["username", "password"].iter().any(|k| secret["data"].get(*k).is_some());
            if either { vec![] } else { require(&["username", "password"]) }
        }
        "kubernetes.io/service-account-token" => {
            let name = &secret["metadata"]["annotations"]["kubernetes.io/service-account.name"];
            let field = "metadata.annotations[kubernetes.io/service-account.name]";
            if name.is_string() { vec![] } else { vec![FieldError::required(field, "")] }
        }
        _ => vec![],
    }
}

/// The key is there and holds JSON, or was left out only where Kubernetes lets it be.
fn json_key(secret: &Value, key: &str) -> Vec<FieldError> {
    let field = format!("data[{key}]");
    let Some(encoded) = secret["data"][key].as_str() else {
        return vec![FieldError::required(field, "")];
    };
    let bytes = STANDARD.decode(encoded).unwrap_or_default();
    let parsed = crate::mini::go_json::parse::<Value>(&bytes).and_then(|found| match found {
        Value::Object(_) | Value::Null => Ok(()),
        other => Err(format!(
            "json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
            crate::mini::schema::word(&other)
        )),
    });
    match parsed {
        Ok(()) => vec![],
        Err(wrong) => vec![FieldError::invalid(field, &json!("<secret contents redacted>"), wrong)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(secret: Value) -> Vec<String> {
        SecretStrategy.validate(&secret).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_dockerconfigjson_needs_its_key_and_json() {
        let kind = "kubernetes.io/dockerconfigjson";
        assert_eq!(messages(json!({"type": kind})), ["data[.dockerconfigjson]: Required value"]);
        let with = |text: &str| json!({"type": kind, "data": {".dockerconfigjson": STANDARD.encode(text)}});
        assert_eq!(messages(with("{}")), Vec::<String>::new());
        assert_eq!(
            messages(with("[]")),
            [
                "data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": json: cannot unmarshal array into Go value of type map[string]interface {}"
            ]
        );
        let wrong = messages(with("{bad"));
        assert_eq!(
            wrong,
            [
                "data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": invalid character 'b' looking for beginning of object key string"
            ]
        );
    }

    #[test]
    fn string_data_is_encoded_over_data() {
        let mut secret = json!({"data": {"a": "b2xk"}, "stringData": {"a": "new"}});
        SecretStrategy.prepare_create(&mut secret, Version { major: 1, minor: 36 });
        assert_eq!(secret, json!({"data": {"a": "bmV3"}}));
    }

    #[test]
    fn type_and_immutable_contents_stay() {
        let old = json!({"type": "Opaque", "immutable": true, "data": {"a": "YQ=="}});
        let new = json!({"type": "x", "data": {"a": "Yg=="}});
        let fields: Vec<_> = SecretStrategy.validate_update(&new, &old).into_iter().map(|e| e.field).collect();
        assert_eq!(fields, ["type", "immutable", "data"]);
    }
}
