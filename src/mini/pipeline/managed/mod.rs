//! Who owns which field (`metadata.managedFields`; apimachinery `pkg/util/managedfields`, structured-merge-diff
//! `merge`). Who updates owns what changes; who applies owns what its configuration holds, is refused what others
//! have made otherwise, and takes away what it no longer holds and nobody else does. Pure.

mod fields;
mod walk;

use serde_json::{Value, json};

use self::fields::Fields;
use self::walk::Form;
use super::{ObjectPart, metadata, now};
use crate::mini::resource::Resource;
use crate::mini::schema;
use crate::mini::status::ApiError;

/// Who writes. The server's own parts have no name and own nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Writer {
    pub name: String,
    pub subresource: String,
    /// What is applied; None for creations, updates and other patches.
    pub applied: Option<Value>,
    /// Whether what is applied takes fields from others.
    pub force: bool,
}

/// An entry of `managedFields`.
#[derive(Debug, Clone, PartialEq)]
struct Manager {
    name: String,
    applies: bool,
    version: String,
    subresource: String,
    /// When the object last changed by its hand; empty where it only joined others.
    time: String,
    fields: Fields,
}

impl Manager {
    fn read(entry: &Value) -> Self {
        let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
        Manager {
            name: text("manager"),
            applies: entry["operation"] == "Apply",
            version: text("apiVersion"),
            subresource: text("subresource"),
            time: text("time"),
            fields: Fields::from_json(&entry["fieldsV1"]),
        }
    }

    fn to_json(&self) -> Value {
        let operation = if self.applies { "Apply" } else { "Update" };
        let mut entry = json!({
            "manager": self.name, "operation": operation, "apiVersion": self.version,
            "fieldsType": "FieldsV1", "fieldsV1": self.fields.to_json(),
        });
        for (field, text) in [("time", &self.time), ("subresource", &self.subresource)] {
            if !text.is_empty() {
                entry[field] = json!(text);
            }
        }
        entry
    }

    fn is(&self, writer: &Writer) -> bool {
        (self.name.as_str(), self.applies, self.subresource.as_str())
            == (writer.name.as_str(), writer.applied.is_some(), writer.subresource.as_str())
    }

    /// As conflicts name it.
    fn words(&self) -> String {
        let mut words = format!("{:?}", self.name);
        if !self.subresource.is_empty() {
            words += &format!(" with subresource {:?}", self.subresource);
        }
        if !self.applies {
            words += &format!(" using {}", self.version);
        }
        words
    }
}

fn managers(object: &Value) -> Vec<Manager> {
    object["metadata"]["managedFields"].as_array().into_iter().flatten().map(Manager::read).collect()
}

/// Fields of an object, and of its metadata, that nobody owns (`stripMeta`).
const OF_THE_SERVER: [&str; 2] = ["apiVersion", "kind"];
const OF_METADATA: [&str; 8] =
    ["name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "managedFields", "resourceVersion"];

/// What of `fields` a write of this part can own.
fn ownable(mut fields: Fields, part: ObjectPart) -> Fields {
    use self::fields::Step;
    let metadata = fields.0.remove(&Step::field("metadata")).unwrap_or_default();
    fields.0.retain(|step, _| match step {
        Step::Field(name) if part == ObjectPart::Status => name == "status",
        Step::Field(name) => name != "status" && !OF_THE_SERVER.contains(&name.as_str()),
        _ => false,
    });
    let mut below = metadata.below;
    below.0.retain(|step, _| !matches!(step, Step::Field(name) if OF_METADATA.contains(&name.as_str())));
    fields.put(Step::field("metadata"), self::fields::FieldNode { owned: false, below });
    fields
}

/// Takes out of `merged`, an object with a configuration merged into it, what its writer applied before and nobody
/// owns now.
pub(super) fn prune(resource: &'static Resource, part: ObjectPart, merged: &mut Value, writer: &Writer) {
    let root = schema::root(resource);
    let form = Form::Struct(&root);
    let (Some(config), all) = (&writer.applied, managers(merged)) else { return };
    let Some(last) = all.iter().find(|manager| manager.is(writer)) else { return };
    let now = ownable(walk::held(config, form).below, part);
    let others = all.iter().filter(|manager| !manager.is(writer));
    let owned = others.fold(now, |owned, manager| owned.or(&manager.fields));
    walk::remove(merged, &last.fields.minus(&owned), &owned, form);
}

/// Writes into `new` who owns what of it, after `old` became it.
///
/// # Errors
/// [`ApiError::ApplyConflict`] where a configuration has other values than those that others own.
pub(super) fn track(
    resource: &'static Resource,
    part: ObjectPart,
    old: Option<&Value>,
    new: &mut Value,
    writer: &Writer,
) -> Result<(), ApiError> {
    if writer.name.is_empty() {
        return Ok(());
    }
    let (root, nothing) = (schema::root(resource), json!({}));
    let form = Form::Struct(&root);
    let before = old.map(managers).unwrap_or_default();
    let mut all = before.clone();
    let new_manager = |name: &str, applies: bool, fields: Fields| Manager {
        name: name.to_owned(),
        applies,
        version: resource.api_version(),
        subresource: String::new(),
        time: String::new(),
        fields,
    };
    if let (Some(old), Some(_), true) = (old, &writer.applied, all.is_empty()) {
        let fields = ownable(walk::held(old, form).below, ObjectPart::Main);
        all.push(Manager { time: now(), ..new_manager("before-first-apply", false, fields) });
    }
    let changes = walk::changes(old.unwrap_or(&nothing), new, form);
    let touched = ownable(changes.added.or(&changes.modified), part);
    let removed = ownable(changes.removed, part);
    let mut mine = match all.iter().position(|manager| manager.is(writer)) {
        Some(at) => all.remove(at),
        None => Manager {
            subresource: writer.subresource.clone(),
            ..new_manager(&writer.name, writer.applied.is_some(), Fields::default())
        },
    };
    if writer.applied.is_some() && !writer.force {
        refuse(&all, &touched)?;
    }
    for other in &mut all {
        other.fields = other.fields.minus(&touched).minus(&removed);
    }
    mine.fields = match &writer.applied {
        Some(config) => ownable(walk::held(config, form).below, part),
        None => mine.fields.minus(&removed).or(&touched),
    };
    all.push(mine);
    all.retain(|manager| !manager.fields.is_empty());
    let changed = old.is_none_or(|old| *old != *new);
    if !changed && all.len() == before.len() && all.iter().all(|manager| before.contains(manager)) {
        return Ok(());
    }
    let mine = all.iter_mut().find(|manager| manager.is(writer));
    if let Some(mine) = mine.filter(|mine| changed || !mine.applies) {
        mine.time = now();
    }
    all.sort_by_key(|manager| {
        (!manager.applies, manager.time.clone(), manager.name.clone(), manager.subresource.clone())
    });
    let entries: Vec<_> = all.iter().map(Manager::to_json).collect();
    match entries.is_empty() {
        true => metadata(new).shift_remove("managedFields"),
        false => metadata(new).insert("managedFields".to_owned(), json!(entries)),
    };
    Ok(())
}

/// 409 where `touched` is others'.
fn refuse(others: &[Manager], touched: &Fields) -> Result<(), ApiError> {
    let mut conflicts: Vec<(String, Vec<String>)> =
        others.iter().map(|other| (other.words(), other.fields.and(touched).paths())).collect();
    conflicts.retain(|(_, paths)| !paths.is_empty());
    conflicts.sort();
    let causes: Vec<_> = conflicts
        .iter()
        .flat_map(|(who, paths)| paths.iter().map(move |path| (format!("conflict with {who}"), path.clone())))
        .collect();
    let words = match causes.as_slice() {
        [] => return Ok(()),
        [(who, path)] => format!("1 conflict: {who}: {path}"),
        many => {
            let of = |(who, paths): &(String, Vec<String>)| format!("conflicts with {who}:\n- {}", paths.join("\n- "));
            format!("{} conflicts: {}", many.len(), conflicts.iter().map(of).collect::<Vec<_>>().join("\n"))
        }
    };
    Err(ApiError::ApplyConflict { words, causes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mini::resources;

    fn config_map(data: Value) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data})
    }

    fn writer(name: &str, applied: Option<Value>) -> Writer {
        Writer { name: name.to_owned(), applied, ..Writer::default() }
    }

    /// `live` with `data` applied, or the refusal's words.
    fn applied(live: &Value, name: &str, data: Value, force: bool) -> Result<Value, String> {
        let resource = resources::find("", "v1", "configmaps").unwrap();
        let writer = Writer { force, ..writer(name, Some(config_map(data.clone()))) };
        let mut new = live.clone();
        for (key, value) in data.as_object().unwrap() {
            new["data"][key] = value.clone();
        }
        prune(resource, ObjectPart::Main, &mut new, &writer);
        track(resource, ObjectPart::Main, Some(live), &mut new, &writer).map_err(|error| error.to_string())?;
        Ok(new)
    }

    fn owners(object: &Value) -> Vec<String> {
        managers(object).iter().map(|manager| format!("{} {}", manager.name, manager.fields.to_json())).collect()
    }

    #[test]
    fn appliers_share_conflict_take_and_let_go() {
        let resource = resources::find("", "v1", "configmaps").unwrap();
        let mut live = config_map(json!({"a": "1", "b": "2"}));
        track(resource, ObjectPart::Main, None, &mut live, &writer("edit", None)).unwrap();
        assert_eq!(owners(&live), [r#"edit {"f:data":{".":{},"f:a":{},"f:b":{}}}"#]);
        let live = applied(&live, "ci", json!({"a": "1"}), false).unwrap();
        assert_eq!(owners(&live), [r#"ci {"f:data":{"f:a":{}}}"#, r#"edit {"f:data":{".":{},"f:a":{},"f:b":{}}}"#]);
        assert_eq!(
            applied(&live, "other", json!({"b": "3"}), false).unwrap_err(),
            r#"Apply failed with 1 conflict: conflict with "edit" using v1: .data.b"#
        );
        assert_eq!(
            applied(&live, "other", json!({"a": "3"}), false).unwrap_err(),
            "Apply failed with 2 conflicts: conflicts with \"ci\":\n- .data.a\nconflicts with \"edit\" using v1:\n- .data.a"
        );
        let live = applied(&live, "other", json!({"a": "3", "c": "4"}), true).unwrap();
        assert_eq!(owners(&live), [r#"other {"f:data":{"f:a":{},"f:c":{}}}"#, r#"edit {"f:data":{".":{},"f:b":{}}}"#]);
        // What is no longer applied goes, unless it is another's.
        let live = applied(&live, "other", json!({"b": "2"}), false).unwrap();
        assert_eq!(live["data"], json!({"b": "2"}));
        let again = applied(&live, "other", json!({"b": "2"}), false).unwrap();
        assert_eq!(again, live, "nothing has changed, not even the time");
    }

    #[test]
    fn what_was_there_before_the_first_configuration_is_somebodys() {
        let live = config_map(json!({"a": "1"}));
        let words = applied(&live, "ci", json!({"a": "2"}), false).unwrap_err();
        assert_eq!(words, "Apply failed with 1 conflict: conflict with \"before-first-apply\" using v1: .data.a");
    }

    #[test]
    fn the_servers_own_parts_own_nothing() {
        let resource = resources::find("", "v1", "configmaps").unwrap();
        let mut object = config_map(json!({"a": "1"}));
        track(resource, ObjectPart::Main, None, &mut object, &Writer::default()).unwrap();
        assert_eq!(object, config_map(json!({"a": "1"})));
    }
}
