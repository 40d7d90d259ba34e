//! `kubectl edit` without a person: the object as it stands with the lecture's fragment put where the text says. Pure.

use serde_json::{Map, Value};

/// The object with `fragment` merged in below the field `under` (`spec`), or at its root. A fragment that is a whole
/// object of the same kind takes the object's place, but for what the API server sets.
pub(crate) fn merged(object: &Value, fragment: &Value, under: Option<&str>) -> Value {
    let mut edited = object.clone();
    if fragment.get("kind").is_some_and(|kind| object.get("kind") == Some(kind)) {
        merge(&mut edited, fragment);
        return edited;
    }
    match under {
        None => merge(&mut edited, fragment),
        Some(path) => {
            let mut place = &mut edited;
            for field in path.split('.').filter(|field| !field.is_empty()) {
                // The text's own key may stand in the fragment, too.
                if !place.is_object() {
                    *place = Value::Object(Map::new());
                }
                place = &mut place[field];
            }
            let last = path.rsplit('.').next().unwrap_or_default();
            merge(
                place,
                fragment.get(last).filter(|_| fragment.as_object().is_some_and(|f| f.len() == 1)).unwrap_or(fragment),
            );
        }
    }
    edited
}

/// Maps are merged, lists of named things by their names, other lists get what they lack, and all else is replaced.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(from)) => from.iter().for_each(|item| merge_item(into, item)),
        (into, from) => into.clone_from(from),
    }
}

fn merge_item(list: &mut Vec<Value>, item: &Value) {
    let same = |known: &&mut Value| match item.get("name") {
        Some(name) => known.get("name") == Some(name),
        None => **known == *item,
    };
    match list.iter_mut().find(same) {
        Some(known) => merge(known, item),
        None => list.push(item.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fragment_is_put_where_the_text_says() {
        let account = json!({"kind": "ServiceAccount", "metadata": {"name": "default"}});
        let fragment = json!({"imagePullSecrets": [{"name": "s"}]});
        let at_root = merged(&account, &fragment, None);
        assert_eq!(at_root["imagePullSecrets"], json!([{"name": "s"}]));
        assert_eq!(merged(&at_root, &fragment, None), at_root, "what is there is not doubled");
        assert_eq!(merged(&account, &fragment, Some("spec"))["spec"], fragment, "word for word, right or wrong");
        let whole = json!({"spec": {"replicas": 3}});
        assert_eq!(
            merged(&json!({"spec": {"paused": true}}), &whole, Some("spec")),
            json!({"spec": {"paused": true, "replicas": 3}})
        );
    }

    #[test]
    fn lists_of_named_things_are_merged_by_name() {
        let pod = json!({"spec": {"containers": [{"name": "a", "image": "i:1"}, {"name": "b", "image": "j"}]}});
        let fragment = json!({"containers": [{"name": "a", "image": "i:2"}]});
        assert_eq!(
            merged(&pod, &fragment, Some("spec"))["spec"]["containers"],
            json!([{"name": "a", "image": "i:2"}, {"name": "b", "image": "j"}])
        );
    }
}
