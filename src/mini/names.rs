//! Rules for names in Kubernetes' words (apimachinery `pkg/util/validation`, `pkg/api/validation`). Pure.

use serde_json::Value;

use crate::kubewords::has_label_form;
use crate::mini::resource::NameRule;
use crate::mini::status::{FieldError, Mistake};

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN: &str = r"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/// What is wrong with `name` under `rule`; every fault, in Kubernetes' order.
pub(super) fn faults(rule: NameRule, name: &str) -> Vec<String> {
    let faults = |limit: usize, fits: bool, form: &str| {
        let long = (name.len() > limit).then(|| at_most(limit));
        long.into_iter().chain((!fits).then(|| form.to_owned())).collect()
    };
    match rule {
        NameRule::Label => faults(63, has_label_form(name), LABEL),
        NameRule::Subdomain => faults(253, name.split('.').all(has_label_form), SUBDOMAIN),
        NameRule::PathSegment if matches!(name, "." | "..") => vec![format!("may not be '{name}'")],
        NameRule::PathSegment => {
            ["/", "%"].iter().filter(|c| name.contains(**c)).map(|c| format!("may not contain '{c}'")).collect()
        }
    }
}

/// The first fault of a DNS label.
pub(super) fn label(name: &str) -> Option<String> {
    faults(NameRule::Label, name).into_iter().next()
}

/// The first fault of a DNS subdomain.
pub(super) fn subdomain(name: &str) -> Option<String> {
    faults(NameRule::Subdomain, name).into_iter().next()
}

/// The first fault of a key in a Secret or ConfigMap.
pub(super) fn data_key(key: &str) -> Option<String> {
    let fine = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    if key.len() > 253 {
        return Some(at_most(253));
    }
    match key {
        "." | ".." => Some(format!("must not be '{key}'")),
        _ if key.starts_with("..") => Some("must not start with '..'".to_owned()),
        _ => (!fine).then(|| KEY.to_owned()),
    }
}

fn at_most(limit: usize) -> String {
    format!("must be no more than {limit} bytes")
}

const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const QUALIFIED: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

fn is_word(text: &str) -> bool {
    let ends = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    ends(bytes.first()) && ends(bytes.last()) && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
}

/// Faults of a `prefix/name` (`IsQualifiedName`): a key of labels or annotations, a finalizer.
fn qualified_errors(field: &str, key: &str) -> Vec<FieldError> {
    let (prefix, name) = key.rsplit_once('/').map_or((None, key), |(p, n)| (Some(p), n));
    let mut faults: Vec<_> =
        prefix.and_then(subdomain).map(|fault| format!("prefix part {fault}")).into_iter().collect();
    match name.len() {
        0 => faults.push("name part must be non-empty".to_owned()),
        64.. => faults.push(format!("name part {}", at_most(63))),
        _ => {}
    }
    if !is_word(name) {
        faults.push(QUALIFIED.to_owned());
    }
    faults.into_iter().map(|fault| FieldError::invalid(field, &key.into(), fault)).collect()
}

/// Faults of annotations (`ValidateAnnotations`): of their keys, and of all of them together.
pub(super) fn annotation_errors(field: &str, annotations: &Value) -> Vec<FieldError> {
    const LIMIT: usize = 256 << 10;
    let all = || annotations.as_object().into_iter().flatten();
    let mut errors: Vec<_> = all().flat_map(|(key, _)| qualified_errors(field, &key.to_lowercase())).collect();
    if all().map(|(key, value)| key.len() + value.as_str().map_or(0, str::len)).sum::<usize>() > LIMIT {
        let detail = format!("may not be more than {LIMIT} bytes");
        errors.push(FieldError::new(Mistake::TOO_LONG, field, &Value::Null, detail));
    }
    errors
}

/// Faults of finalizers: those of Kubernetes' own (`IsStandardFinalizerName`) need no prefix.
pub(super) fn finalizer_errors(field: &str, finalizers: &Value) -> Vec<FieldError> {
    let names = || finalizers.as_array().into_iter().flatten().filter_map(Value::as_str).enumerate();
    let mut errors: Vec<_> = names().flat_map(|(_, name)| qualified_errors(field, name)).collect();
    let own = ["kubernetes", "orphan", "foregroundDeletion"];
    let detail = "name is neither a standard finalizer name nor is it fully qualified";
    let unqualified = names().filter(|(_, name)| !name.contains('/') && !own.contains(name));
    errors.extend(unqualified.map(|(i, name)| FieldError::invalid(format!("{field}[{i}]"), &name.into(), detail)));
    errors
}

/// Faults of owner references (`ValidateOwnerReferences`): whole, and one controller at most.
pub(super) fn owner_errors(field: &str, owners: &Value) -> Vec<FieldError> {
    let mut errors = vec![];
    let mut controller: Option<&Value> = None;
    for owner in owners.as_array().into_iter().flatten() {
        for (part, detail) in [
            ("apiVersion", "version must not be empty"),
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ] {
            if owner[part].as_str().unwrap_or_default().is_empty() {
                errors.push(FieldError::invalid(format!("{field}.{part}"), &"".into(), detail));
            }
        }
        if owner["controller"] == true
            && let Some(first) = controller.replace(owner)
        {
            let word = |owner: &Value| {
                let text = |part: &str| owner[part].as_str().unwrap_or_default().to_owned();
                format!("{}/{}", text("kind"), text("name"))
            };
            let detail = format!(
                "Only one reference can have Controller set to true. Found \"true\" in references for {} and {}",
                word(first),
                word(owner)
            );
            errors.push(FieldError::invalid(field, owners, detail));
        }
    }
    errors
}

/// Faults of a label's key.
pub(super) fn label_key_errors(field: &str, key: &str) -> Vec<FieldError> {
    qualified_errors(field, key)
}

/// Faults of a label's value.
pub(super) fn label_value_errors(field: &str, text: &str) -> Vec<FieldError> {
    let fault = if text.len() > 63 {
        at_most(63)
    } else if !text.is_empty() && !is_word(text) {
        LABEL_VALUE.to_owned()
    } else {
        return vec![];
    };
    vec![FieldError::invalid(field, &text.into(), fault)]
}

/// Faults of a map of labels (apimachinery `ValidateLabels`).
pub(super) fn label_errors(field: &str, labels: &Value) -> Vec<FieldError> {
    let mut errors = vec![];
    for (key, value) in labels.as_object().into_iter().flatten() {
        errors.extend(qualified_errors(field, key));
        errors.extend(label_value_errors(field, value.as_str().unwrap_or_default()));
    }
    errors
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_and_subdomains() {
        for good in ["a", "a-b", "0", "my-name"] {
            assert_eq!(label(good), None, "{good}");
        }
        for bad in ["", "A", "-a", "a-", "a.b", "Demo_1"] {
            assert_eq!(label(bad).as_deref(), Some(LABEL), "{bad}");
        }
        assert_eq!(subdomain("a.b-c.d"), None);
        assert_eq!(subdomain("a..b").as_deref(), Some(SUBDOMAIN));
        assert_eq!(label(&"a".repeat(64)).as_deref(), Some("must be no more than 63 bytes"));
    }

    #[test]
    fn annotations_and_finalizers() {
        let said = |errors: Vec<FieldError>| errors.iter().map(ToString::to_string).collect::<Vec<_>>();
        let annotations = |value| said(annotation_errors("metadata.annotations", &value));
        assert_eq!(annotations(json!({"Example.com/Note": "anything at all"})), Vec::<String>::new());
        assert_eq!(
            annotations(json!({"a b": ""})),
            [format!(r#"metadata.annotations: Invalid value: "a b": {QUALIFIED}"#)]
        );
        assert_eq!(
            annotations(json!({"a": "x".repeat(256 << 10)})),
            ["metadata.annotations: Too long: may not be more than 262144 bytes"]
        );
        assert_eq!(
            said(finalizer_errors("metadata.finalizers", &json!(["example.com/x", "orphan", "mine"]))),
            [
                r#"metadata.finalizers[2]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified"#
            ]
        );
    }

    #[test]
    fn owners_are_named_in_full() {
        let whole = json!({"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u", "controller": true});
        let said = |owners: Value| {
            owner_errors("metadata.ownerReferences", &owners).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(said(json!([whole])), Vec::<String>::new());
        assert_eq!(
            said(json!([{"apiVersion": "v1", "name": "p", "uid": "u"}])),
            [r#"metadata.ownerReferences.kind: Invalid value: "": must not be empty"#]
        );
        assert!(said(json!([whole, whole]))[0].contains("Only one reference can have Controller set to true."));
    }

    #[test]
    fn keys_and_segments() {
        assert_eq!(data_key(".dockerconfigjson"), None);
        assert!(data_key("a b").is_some() && data_key("..x").is_some());
        assert_eq!(faults(NameRule::PathSegment, "system:node"), Vec::<String>::new());
        assert_eq!(faults(NameRule::PathSegment, "a/b"), ["may not contain '/'"]);
    }
}
