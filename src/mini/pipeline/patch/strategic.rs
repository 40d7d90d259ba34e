//! Strategic merge patches (apimachinery `pkg/util/strategicpatch`): maps merge, lists merge where the type says so,
//! directives delete, replace and order. Pure.

use serde_json::{Map, Value};

use crate::mini::schema::{Shape, types};

/// How a list of a type's field merges; every other list is replaced whole. From the `patchStrategy` and
/// `patchMergeKey` tags of `k8s.io/api`.
const MERGED: &[(&str, &str, &str)] = &[
    ("PodSpec", "containers", "name"),
    ("PodSpec", "initContainers", "name"),
    ("PodSpec", "ephemeralContainers", "name"),
    ("PodSpec", "volumes", "name"),
    ("PodSpec", "imagePullSecrets", "name"),
    ("PodSpec", "hostAliases", "ip"),
    ("PodSpec", "topologySpreadConstraints", "topologyKey"),
    ("PodSpec", "schedulingGates", "name"),
    ("PodSpec", "resourceClaims", "name"),
    ("Container", "env", "name"),
    ("Container", "ports", "containerPort"),
    ("Container", "volumeMounts", "mountPath"),
    ("Container", "volumeDevices", "devicePath"),
    ("PodStatus", "conditions", "type"),
    ("PodStatus", "podIPs", "ip"),
    ("PodStatus", "hostIPs", "ip"),
    ("NodeStatus", "conditions", "type"),
    ("NodeStatus", "addresses", "type"),
    ("NamespaceStatus", "conditions", "type"),
    ("DeploymentStatus", "conditions", "type"),
    ("ReplicaSetStatus", "conditions", "type"),
    ("JobStatus", "conditions", "type"),
    ("ObjectMeta", "ownerReferences", "uid"),
    ("ServiceAccount", "secrets", "name"),
];
/// Lists of plain values that merge.
const MERGED_PLAIN: &[(&str, &str)] = &[("ObjectMeta", "finalizers"), ("NodeSpec", "podCIDRs")];

/// The field by which the elements of a list merge.
pub(in crate::mini::pipeline) fn merge_key(owner: &str, field: &str) -> Option<&'static str> {
    MERGED.iter().find(|(of, name, _)| (*of, *name) == (owner, field)).map(|(_, _, key)| *key)
}

/// Whether a list of plain values merges.
pub(in crate::mini::pipeline) fn is_set(owner: &str, field: &str) -> bool {
    MERGED_PLAIN.contains(&(owner, field))
}

const DIRECTIVE: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const ORDER: &str = "$setElementOrder/";
const DELETE: &str = "$deleteFromPrimitiveList/";

/// Merges `patch` into `target`, an object of the type `of`. Errors are strategicpatch's.
pub(super) fn merge(target: &mut Value, patch: &Value, of: &str) -> Result<(), String> {
    let (Value::Object(target), Value::Object(patch)) = (target, patch) else {
        return Err("expected a JSON object".to_owned());
    };
    maps(target, patch, of)
}

fn maps(target: &mut Map<String, Value>, patch: &Map<String, Value>, of: &str) -> Result<(), String> {
    match patch.get(DIRECTIVE).and_then(Value::as_str) {
        Some("replace") => {
            *target = patch.iter().filter(|(k, _)| *k != DIRECTIVE).map(|(k, v)| (k.clone(), v.clone())).collect();
            return Ok(());
        }
        Some("delete") => {
            target.clear();
            return Ok(());
        }
        None | Some("merge") => {}
        Some(other) => {
            let map = super::go_map(&Value::Object(patch.clone()));
            return Err(format!("unknown patch type: {other} in map: {map}"));
        }
    }
    if let Some(kept) = patch.get(RETAIN).and_then(Value::as_array) {
        target.retain(|key, _| kept.iter().any(|k| k == key));
    }
    for (key, value) in patch {
        if let Some(field) = key.strip_prefix(DELETE) {
            remove_plain(target, field, value);
        } else if !key.starts_with('$') {
            field(target, patch, of, key, value)?;
        }
    }
    Ok(())
}

fn remove_plain(target: &mut Map<String, Value>, field: &str, gone: &Value) {
    let gone = gone.as_array().cloned().unwrap_or_default();
    if let Some(list) = target.get_mut(field).and_then(Value::as_array_mut) {
        list.retain(|item| !gone.contains(item));
    }
}

fn field(
    target: &mut Map<String, Value>,
    patch: &Map<String, Value>,
    of: &str,
    key: &str,
    value: &Value,
) -> Result<(), String> {
    if value.is_null() {
        target.shift_remove(key);
        return Ok(());
    }
    let shape = types().get(of).and_then(|t| t.get(key)).map(|field| &field.shape);
    let order = patch.get(&format!("{ORDER}{key}")).and_then(Value::as_array);
    let short = of.rsplit('.').next().unwrap_or(of);
    match (shape, value) {
        (Some(Shape::Struct(inner)), Value::Object(changes)) => submap(target, key, changes, inner),
        (Some(Shape::Struct(_)), other) => Err(format!("cannot restore struct from: {}", go_kind(other))),
        (Some(Shape::Map(_) | Shape::Any) | None, Value::Object(changes)) => submap(target, key, changes, ""),
        (Some(Shape::List(item)), Value::Array(changes)) => {
            let inner = if let Shape::Struct(name) = item.as_ref() { name.as_str() } else { "" };
            if let Some(merge_key) = merge_key(short, key) {
                let list = list_at(target, key);
                let (id, before) = (|item: &Value| item[merge_key].clone(), list.clone());
                keyed(list, changes, merge_key, inner)?;
                reorder(list, order.unwrap_or(changes), &before, id);
            } else if is_set(short, key) {
                let list = list_at(target, key);
                let before = list.clone();
                list.extend(changes.iter().filter(|c| !before.contains(c)).cloned());
                reorder(list, order.unwrap_or(changes), &before, Value::clone);
            } else {
                target.insert(key.to_owned(), value.clone());
            }
            Ok(())
        }
        (Some(Shape::List(_)), other) => Err(format!("cannot restore slice from {}", go_kind(other))),
        _ => {
            target.insert(key.to_owned(), value.clone());
            Ok(())
        }
    }
}

fn submap(target: &mut Map<String, Value>, key: &str, changes: &Map<String, Value>, of: &str) -> Result<(), String> {
    let slot = target.entry(key).or_insert_with(|| Value::Object(Map::new()));
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    let Value::Object(map) = slot else { unreachable!("made an object above") };
    maps(map, changes, of)
}

fn list_at<'a>(target: &'a mut Map<String, Value>, key: &str) -> &'a mut Vec<Value> {
    let slot = target.entry(key).or_insert_with(|| Value::Array(vec![]));
    if !slot.is_array() {
        *slot = Value::Array(vec![]);
    }
    let Value::Array(list) = slot else { unreachable!("made an array above") };
    list
}

fn keyed(list: &mut Vec<Value>, changes: &[Value], merge_key: &str, of: &str) -> Result<(), String> {
    if changes.iter().any(|c| c[DIRECTIVE] == "replace") {
        *list = changes.iter().filter(|c| c.get(DIRECTIVE).is_none()).cloned().collect();
        return Ok(());
    }
    let mut fresh = vec![];
    for change in changes {
        let Value::Object(map) = change else {
            return Err(format!("cannot restore struct from: {}", go_kind(change)));
        };
        let Some(id) = map.get(merge_key) else {
            return Err(format!("map: {} does not contain declared merge key: {merge_key}", super::go_map(change)));
        };
        let found = list.iter().position(|item| &item[merge_key] == id);
        match (found, map.get(DIRECTIVE).and_then(Value::as_str)) {
            (Some(i), Some("delete")) => drop(list.remove(i)),
            (None, Some("delete")) => {}
            (Some(i), _) => merge(&mut list[i], change, of)?,
            (None, _) => {
                let mut item = Value::Object(Map::new());
                merge(&mut item, change, of)?;
                fresh.push(item);
            }
        }
    }
    list.append(&mut fresh);
    Ok(())
}

/// Elements that `order` names take its order, the others keep theirs; of two of different kinds the other comes first
/// only where it did `before` (`normalizeElementOrder`).
fn reorder(list: &mut Vec<Value>, order: &[Value], before: &[Value], id: impl Fn(&Value) -> Value) {
    let rank = |item: &Value| before.iter().position(|known| id(known) == id(item));
    let mut others = std::mem::take(list);
    let mut named = vec![];
    for wanted in order {
        if let Some(at) = others.iter().position(|item| id(item) == id(wanted)) {
            named.push(others.remove(at));
        }
    }
    others.sort_by_key(|item| rank(item));
    let (mut named, mut others) = (named.into_iter().peekable(), others.into_iter().peekable());
    while let (Some(next), Some(other)) = (named.peek(), others.peek()) {
        let earlier = matches!((rank(other), rank(next)), (Some(other), Some(next)) if other < next);
        list.extend(if earlier { others.next() } else { named.next() });
    }
    list.extend(named.chain(others));
}

fn go_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Number(n) if n.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "slice",
        Value::Object(_) => "map",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const POD: &str = "io.k8s.api.core.v1.Pod";
    const ACCOUNT: &str = "io.k8s.api.core.v1.ServiceAccount";

    fn patched(mut target: Value, patch: Value, of: &str) -> Value {
        merge(&mut target, &patch, of).unwrap();
        target
    }

    #[test]
    fn an_accounts_pull_secrets_are_replaced_a_pods_merge() {
        let account = json!({"imagePullSecrets": [{"name": "a"}]});
        let patch = json!({"imagePullSecrets": [{"name": "b"}]});
        assert_eq!(patched(account, patch.clone(), ACCOUNT), patch);
        let pod = json!({"spec": {"imagePullSecrets": [{"name": "a"}]}});
        let merged = patched(pod, json!({"spec": patch}), POD);
        assert_eq!(merged["spec"]["imagePullSecrets"], json!([{"name": "b"}, {"name": "a"}]));
    }

    /// Patch by patch as a real server has merged them.
    #[test]
    fn the_order_of_a_merged_list_is_as_recorded() {
        let list = |names: &[&str]| names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>();
        let ordered = |order: &[&str], changes: Value| json!({"$setElementOrder/imagePullSecrets": list(order), "imagePullSecrets": changes});
        for (before, patch, after) in [
            (&["m3", "j1"][..], ordered(&["one"], json!(list(&["one"]))), &["one", "m3", "j1"][..]),
            (&["one", "m3", "j1"], ordered(&["one", "extra"], json!(list(&["extra"]))), &["one", "extra", "m3", "j1"]),
            (&["one", "m3"], json!({"imagePullSecrets": list(&["foreign"])}), &["foreign", "one", "m3"]),
            (&["two", "one"], json!({"imagePullSecrets": list(&["one"])}), &["two", "one"]),
            (
                &["foreign", "one", "extra", "m3", "j1"],
                ordered(&["extra"], json!([{"$patch": "delete", "name": "one"}])),
                &["foreign", "extra", "m3", "j1"],
            ),
        ] {
            let pod = json!({"spec": {"imagePullSecrets": list(before)}});
            let merged = patched(pod, json!({"spec": patch}), POD);
            assert_eq!(merged["spec"]["imagePullSecrets"], json!(list(after)), "{before:?} {patch}");
        }
    }

    #[test]
    fn containers_merge_by_name_with_order_and_deletion() {
        let pod = json!({"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}});
        let patch = json!({"spec": {
            "$setElementOrder/containers": [{"name": "c"}, {"name": "a"}],
            "containers": [{"name": "a", "image": "2"}, {"name": "c", "image": "3"}, {"name": "b", "$patch": "delete"}],
        }});
        let merged = patched(pod, patch, POD);
        assert_eq!(merged["spec"]["containers"], json!([{"name": "c", "image": "3"}, {"name": "a", "image": "2"}]));
    }

    #[test]
    fn nulls_delete_and_finalizers_shrink() {
        let pod = json!({"metadata": {"labels": {"a": "1", "b": "2"}, "finalizers": ["x", "y"]}});
        let patch = json!({"metadata": {"labels": {"a": null}, "$deleteFromPrimitiveList/finalizers": ["x"], "finalizers": ["z"]}});
        let merged = patched(pod, patch, POD);
        assert_eq!(merged["metadata"]["labels"], json!({"b": "2"}));
        assert_eq!(merged["metadata"]["finalizers"], json!(["z", "y"]));
    }

    #[test]
    fn a_volume_keeps_only_the_keys_retained() {
        let pod = json!({"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}});
        let patch = json!({"spec": {"volumes": [{"name": "v", "$retainKeys": ["name", "secret"], "secret": {"secretName": "s"}}]}});
        assert_eq!(patched(pod, patch, POD)["spec"]["volumes"], json!([{"name": "v", "secret": {"secretName": "s"}}]));
    }

    #[test]
    fn a_string_for_a_list_is_refused_as_recorded() {
        let error = merge(&mut json!({}), &json!({"imagePullSecrets": "regcred"}), ACCOUNT).unwrap_err();
        assert_eq!(error, "cannot restore slice from string");
    }
}
