//! From objects to sets of fields by their types: what a configuration holds, what differs between two states, and
//! what goes (structured-merge-diff `typed`). Pure.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::fields::{FieldNode, Fields, Step};
use crate::mini::pipeline::patch::strategic::{is_set, merge_key};
use crate::mini::schema::{Shape, types};

/// How far a value is taken apart (`x-kubernetes-list-type`, `x-kubernetes-map-type`).
#[derive(Clone, Copy)]
pub(super) enum Form<'a> {
    /// It is owned whole.
    Atomic,
    /// A type with fields, by its full name.
    Struct(&'a str),
    Map(&'a Shape),
    /// A list whose elements are known by these fields.
    Keyed(&'static str, &'a Shape),
    Set,
}

/// Types that are owned whole.
const ATOMIC_TYPES: &[&str] = &[
    "ConfigMapKeySelector",
    "LabelSelector",
    "LocalObjectReference",
    "NodeSelector",
    "NodeSelectorTerm",
    "ObjectFieldSelector",
    "ObjectReference",
    "OwnerReference",
    "ResourceFieldSelector",
    "RoleRef",
    "SecretKeySelector",
    "SecretReference",
    "Subject",
    "TypedLocalObjectReference",
];
const ATOMIC_MAPS: &[(&str, &str)] = &[("PodSpec", "nodeSelector")];

/// Second fields that an element is known by, and what they are where nothing is said.
const SECOND_KEYS: &[(&str, &str, Option<&str>)] =
    &[("containerPort", "protocol", Some("TCP")), ("topologyKey", "whenUnsatisfiable", None)];

/// Structs that Go has no absence of, and lists that it writes as null: they are there in an object that holds nothing.
const EMBEDDED: &[&str] = &["metadata", "spec", "status", "template", "strategy", "state", "lastState", "source"];
const NULL_LISTS: &[&str] = &["containers", "rules"];
static EMPTY: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| json!({}));
static NULL: Value = Value::Null;

fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

impl<'a> Form<'a> {
    fn new(owner: &str, field: &str, shape: &'a Shape) -> Self {
        match shape {
            Shape::Struct(name) if !ATOMIC_TYPES.contains(&short(name)) => Form::Struct(name),
            Shape::Map(inner) if !ATOMIC_MAPS.contains(&(owner, field)) => Form::Map(inner),
            Shape::List(item) => match merge_key(owner, field) {
                Some(key) => Form::Keyed(key, item),
                None if is_set(owner, field) => Form::Set,
                None => Form::Atomic,
            },
            _ => Form::Atomic,
        }
    }

    /// Of what `step` leads to.
    fn below(self, step: &Step) -> Form<'a> {
        match (self, step) {
            (Form::Struct(name), Step::Field(field)) => {
                let found = types().get(name).and_then(|fields| fields.get(field));
                found.map_or(Form::Atomic, |found| Form::new(short(name), field, &found.shape))
            }
            (Form::Map(shape) | Form::Keyed(_, shape), _) => Form::new("", "", shape),
            _ => Form::Atomic,
        }
    }

    /// What is one step below a value; nothing where that is atomic or not of this form.
    fn children(self, value: &'a Value) -> BTreeMap<Step, &'a Value> {
        match (self, value) {
            (Form::Struct(_) | Form::Map(_), Value::Object(map)) => {
                map.iter().map(|(name, value)| (Step::field(name), value)).collect()
            }
            (Form::Keyed(..) | Form::Set, Value::Array(list)) => {
                list.iter().map(|item| (self.step_to(item), item)).collect()
            }
            _ => BTreeMap::new(),
        }
    }

    fn step_to(self, item: &Value) -> Step {
        let Form::Keyed(key, _) = self else { return Step::Value(item.to_string()) };
        let mut keys = vec![(key.to_owned(), item[key].to_string())];
        if let Some((_, second, usual)) = SECOND_KEYS.iter().find(|(first, ..)| *first == key) {
            let value = item.get(*second).map(Value::to_string);
            keys.push(((*second).to_owned(), value.unwrap_or_else(|| json!(usual).to_string())));
        }
        Step::Key(keys)
    }
}

/// The fields that a configuration holds.
pub(super) fn held(value: &Value, form: Form<'_>) -> FieldNode {
    let nothing = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
    if nothing || matches!(form, Form::Atomic) {
        return FieldNode::leaf();
    }
    let mut node = FieldNode::default();
    for (step, child) in form.children(value) {
        let mut below = held(child, form.below(&step));
        // A struct's fields hold; what a map or a list has is there by itself.
        below.owned |= !matches!(form, Form::Struct(_));
        node.below.put(step, below);
    }
    node
}

/// What differs between two states of an object.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) added: Fields,
    pub(super) modified: Fields,
    pub(super) removed: Fields,
}

pub(super) fn changes(old: &Value, new: &Value, form: Form<'_>) -> Changes {
    let mut changes = Changes::default();
    changes.note(&mut vec![], Some(old), Some(new), form);
    changes
}

impl Changes {
    fn note(&mut self, path: &mut Vec<Step>, old: Option<&Value>, new: Option<&Value>, form: Form<'_>) {
        let (olds, news) = (children(old, form), children(new, form));
        let leaf = olds.is_empty() && news.is_empty();
        for step in olds.keys().chain(news.keys().filter(|step| !olds.contains_key(step))) {
            let (old, new) = (child(&olds, old, step, form), child(&news, new, step, form));
            path.push(step.clone());
            self.note(path, old, new, form.below(step));
            path.pop();
        }
        match (old, new) {
            (None, Some(_)) => self.added.insert(path),
            (Some(_), None) => self.removed.insert(path),
            (old, new) if leaf && old != new => self.modified.insert(path),
            _ => {}
        }
    }
}

fn children<'a>(value: Option<&'a Value>, form: Form<'a>) -> BTreeMap<Step, &'a Value> {
    value.map(|value| form.children(value)).unwrap_or_default()
}

/// One of `all` below `parent`; what Go cannot leave out is never absent where the parent is there.
fn child<'a>(
    all: &BTreeMap<Step, &'a Value>,
    parent: Option<&Value>,
    step: &Step,
    form: Form<'_>,
) -> Option<&'a Value> {
    let implied = || match (form, step) {
        (Form::Struct(_), Step::Field(name)) if EMBEDDED.contains(&name.as_str()) => Some(&*EMPTY),
        (Form::Struct(owner), Step::Field(name)) if name == "resources" && short(owner) == "Container" => Some(&*EMPTY),
        (Form::Struct(_), Step::Field(name)) if NULL_LISTS.contains(&name.as_str()) => Some(&NULL),
        _ => None,
    };
    all.get(step).copied().or_else(|| parent.and_then(|_| implied()))
}

/// Takes `gone` out of a value, but for what is `owned`; what is emptied by it goes, too. An element that nobody owns
/// goes whole, whoever owns something in it.
pub(super) fn remove(value: &mut Value, gone: &Fields, owned: &Fields, form: Form<'_>) {
    for (step, node) in &gone.0 {
        let theirs = owned.0.get(step);
        let in_struct = matches!(form, Form::Struct(_));
        let whole = node.owned && theirs.is_none_or(|theirs| !theirs.owned && !in_struct);
        let emptied = |child: &mut Value| {
            if !whole {
                let before = is_empty(child);
                let none = Fields::default();
                remove(child, &node.below, theirs.map_or(&none, |node| &node.below), form.below(step));
                return !before && is_empty(child);
            }
            true
        };
        match (&mut *value, step) {
            (Value::Object(map), Step::Field(name)) => {
                let gone = map.get_mut(name).is_some_and(emptied);
                if gone {
                    map.shift_remove(name);
                }
            }
            (Value::Array(list), _) => {
                let at = list.iter().position(|item| form.step_to(item) == *step);
                if let Some(at) = at
                    && emptied(&mut list[at])
                {
                    list.remove(at);
                }
            }
            _ => {}
        }
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPLOYMENT: Form<'_> = Form::Struct("io.k8s.api.apps.v1.Deployment");

    fn deployment(spec: Value) -> Value {
        json!({"metadata": {"labels": {"a": "1"}}, "spec": {"template": {"spec": spec}}})
    }

    #[test]
    fn a_configuration_holds_what_it_names() {
        let spec = json!({
            "nodeSelector": {"a": "b"},
            "imagePullSecrets": [{"name": "regcred"}],
            "containers": [{"name": "a", "args": ["x"], "securityContext": {}, "ports": [{"containerPort": 80}]}],
        });
        assert_eq!(
            held(&deployment(spec), DEPLOYMENT).below.to_json(),
            json!({
                "f:metadata": {"f:labels": {"f:a": {}}},
                "f:spec": {"f:template": {"f:spec": {
                    "f:containers": {"k:{\"name\":\"a\"}": {
                        ".": {}, "f:args": {}, "f:name": {},
                        "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}},
                        "f:securityContext": {},
                    }},
                    "f:imagePullSecrets": {"k:{\"name\":\"regcred\"}": {}},
                    "f:nodeSelector": {},
                }}},
            })
        );
    }

    #[test]
    fn what_is_added_is_added_with_what_holds_it() {
        let spec = json!({"imagePullSecrets": [{"name": "r"}], "containers": [{"name": "a", "resources": {}}]});
        let all = changes(&json!({}), &deployment(spec), DEPLOYMENT);
        assert_eq!(
            all.added.or(&all.modified).to_json(),
            json!({
                "f:metadata": {"f:labels": {".": {}, "f:a": {}}},
                "f:spec": {"f:template": {"f:spec": {
                    "f:containers": {"k:{\"name\":\"a\"}": {".": {}, "f:name": {}, "f:resources": {}}},
                    "f:imagePullSecrets": {".": {}, "k:{\"name\":\"r\"}": {}},
                }}},
            })
        );
        assert!(all.removed.is_empty());
    }

    #[test]
    fn changes_are_told_by_field() {
        let old = deployment(json!({"containers": [{"name": "a", "image": "x:1"}, {"name": "b"}]}));
        let new = deployment(json!({"containers": [{"name": "c"}, {"name": "a", "image": "x:2"}]}));
        let told = changes(&old, &new, DEPLOYMENT);
        let containers = ".spec.template.spec.containers";
        assert_eq!(told.modified.paths(), [format!("{containers}[name=\"a\"].image")]);
        assert_eq!(told.added.paths(), [format!("{containers}[name=\"c\"]"), format!("{containers}[name=\"c\"].name")]);
        assert_eq!(told.removed.paths().len(), 2);
        let same = changes(&old, &old, DEPLOYMENT);
        assert!(same.added.is_empty() && same.modified.is_empty() && same.removed.is_empty());
    }

    #[test]
    fn what_nobody_owns_goes_with_what_it_leaves_empty() {
        let env = json!([{"name": "MODE", "value": "one"}]);
        let mut value = deployment(json!({"containers": [{"name": "a", "image": "x", "env": env}, {"name": "b"}]}));
        let gone = held(&value, DEPLOYMENT).below;
        let kept = deployment(json!({"containers": [{"name": "a", "image": "x"}]}));
        let owned = held(&kept, DEPLOYMENT).below;
        let mut inner = Fields::default();
        let path = ["spec", "template", "spec", "containers"].map(Step::field).to_vec();
        inner.insert(&[path, vec![Step::Key(vec![("name".into(), "\"b\"".into())]), Step::field("image")]].concat());
        remove(&mut value, &gone.minus(&owned), &owned.or(&inner), DEPLOYMENT);
        assert_eq!(value, kept, "an element that nobody owns, though somebody owns something in it");
    }
}
