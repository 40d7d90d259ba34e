//! What an update of a pod's spec may change (Kubernetes `ValidatePodUpdate`), and its message with the difference.

use serde_json::Value;

use crate::mini::status::FieldError;

const MESSAGE: &str = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

pub(super) fn validate(new: &Value, old: &Value) -> Vec<FieldError> {
    let (new, old) = (&new["spec"], &old["spec"]);
    for list in ["containers", "initContainers"] {
        if len(&new[list]) != len(&old[list]) {
            return vec![FieldError::forbidden(format!("spec.{list}"), "pod updates may not add or remove containers")];
        }
    }
    let mut errors = tolerations(new, old);
    let munged = munge(new, old);
    if munged != *old {
        errors.push(FieldError::forbidden("spec", format!("{MESSAGE}\n{}", difference(old, &munged))));
    }
    errors
}

fn len(list: &Value) -> usize {
    list.as_array().map_or(0, Vec::len)
}

/// Existing tolerations stay; only their seconds may change.
fn tolerations(new: &Value, old: &Value) -> Vec<FieldError> {
    let key = |t: &Value| (t["key"].clone(), t["operator"].clone(), t["value"].clone(), t["effect"].clone());
    let kept: Vec<_> = new["tolerations"].as_array().into_iter().flatten().map(key).collect();
    let gone = old["tolerations"].as_array().into_iter().flatten().any(|t| !kept.contains(&key(t)));
    let detail = "existing toleration can not be modified except its tolerationSeconds";
    if gone { vec![FieldError::forbidden("spec.tolerations", detail)] } else { vec![] }
}

/// The new spec with every change that is allowed taken back.
fn munge(new: &Value, old: &Value) -> Value {
    let mut munged = new.clone();
    for list in ["containers", "initContainers"] {
        let olds = old[list].as_array().into_iter().flatten();
        for (container, before) in munged.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten().zip(olds) {
            container["image"] = before["image"].clone();
        }
    }
    for field in ["activeDeadlineSeconds", "tolerations"] {
        crate::mini::resource::carry(&mut munged, old, field);
    }
    let seconds = |spec: &Value| spec["terminationGracePeriodSeconds"].as_i64();
    if seconds(old).is_some_and(|s| s < 0) && seconds(new) == Some(1) {
        crate::mini::resource::carry(&mut munged, old, "terminationGracePeriodSeconds");
    }
    munged
}

/// A unified difference of both specs as JSON with Go's field names, as the API server prints it. Fields that are
/// not set have no line here, so line numbers differ from the real ones.
pub(super) fn difference(old: &Value, new: &Value) -> String {
    let (old, new) = (go_lines(old), go_lines(new));
    let diff = similar::TextDiff::from_lines(&old, &new);
    diff.unified_diff().context_radius(3).missing_newline_hint(false).to_string()
}

fn go_lines(value: &Value) -> String {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    // A Value serialises into a Vec without fail.
    let _ = serde::Serialize::serialize(&go_names(value), &mut serializer);
    out.push(b'\n');
    String::from_utf8_lossy(&out).into_owned()
}

/// Fields whose keys are the user's own, not names of fields.
const MAPS: &[&str] = &[
    "annotations",
    "labels",
    "limits",
    "matchLabels",
    "nodeSelector",
    "options",
    "overhead",
    "requests",
    "volumeAttributes",
];

fn go_names(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<_> = map.keys().collect();
            keys.sort();
            let inner = |k: &str| if MAPS.contains(&k) { map[k].clone() } else { go_names(&map[k]) };
            keys.into_iter().map(|k| (go_name(k), inner(k))).collect()
        }
        Value::Array(list) => list.iter().map(go_names).collect(),
        other => other.clone(),
    }
}

/// `imagePullSecrets` is `ImagePullSecrets`; a word that is an abbreviation is all capitals.
fn go_name(name: &str) -> String {
    let (word, rest) = name.split_at(name.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(name.len()));
    if ["api", "csi", "dns", "fs", "grpc", "http", "ip", "nfs", "tcp", "tty", "uid"].contains(&word) {
        return word.to_uppercase() + rest;
    }
    let (first, others) = name.split_at(name.len().min(1));
    first.to_uppercase() + others
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(image: &str, secret: &str) -> Value {
        json!({"spec": {"containers": [{"name": "app", "image": image}], "imagePullSecrets": [{"name": secret}]}})
    }

    #[test]
    fn an_image_may_change_a_pull_secret_may_not() {
        assert_eq!(validate(&pod("a:2", "s"), &pod("a:1", "s")), vec![]);
        let errors = validate(&pod("a:2", "other"), &pod("a:1", "s"));
        assert!(errors[0].to_string().starts_with("spec: Forbidden: pod updates may not change fields other than"));
        assert!(errors[0].detail.contains("-   \"Name\": \"s\"\n+   \"Name\": \"other\"\n"), "{}", errors[0].detail);
    }

    #[test]
    fn fields_have_gos_names_and_maps_their_own_keys() {
        let spec =
            json!({"dnsPolicy": "x", "resources": {"limits": {"cpu": "1"}}, "httpGet": {"port": 1}, "hostIP": ""});
        let expected =
            json!({"DNSPolicy": "x", "Resources": {"Limits": {"cpu": "1"}}, "HTTPGet": {"Port": 1}, "HostIP": ""});
        assert_eq!(go_names(&spec), expected);
    }

    #[test]
    fn tolerations_may_only_grow() {
        let with = |keys: &[&str]| json!({"spec": {"tolerations": keys.iter().map(|k| json!({"key": k})).collect::<Vec<_>>()}});
        assert_eq!(validate(&with(&["a", "b"]), &with(&["a"])), vec![]);
        assert_eq!(validate(&with(&["b"]), &with(&["a"]))[0].field, "spec.tolerations");
    }
}
