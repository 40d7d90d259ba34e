//! Strict decoding against the schemas that mini carries: fields that are unknown, misplaced, or of another type, and
//! places that a kind does not have.

use serde_json::Value;

use super::finding::{Finding, Rule};
use super::place::line_of;
use crate::kubewords;
use crate::mini::resource::Resource;
use crate::mini::resources;
use crate::mini::schema::{FieldValidation, Shape, decode, root, types};
use crate::script::lecture::{Document, Fragment, Lecture, LectureItem, is_to_be_replaced};

/// The kind's row where mini has its schema.
fn resource(api_version: &str, kind: &str) -> Option<&'static Resource> {
    resources::all().find(|resource| resource.kind == kind && resource.api_version() == api_version)
}

/// Faults of a manifest's documents, each at the line of its field.
pub(super) fn of_manifest(lecture: &Lecture, documents: &[Document], findings: &mut Vec<Finding>) {
    for document in documents {
        let before = findings.len();
        of_document(document, findings);
        findings[before..].iter_mut().for_each(|finding| narrow(lecture, document, finding));
    }
}

fn of_document(document: &Document, findings: &mut Vec<Finding>) {
    if let Some((line, reason)) = &document.error {
        let what = format!("this {} is no YAML: {reason}", or(&document.kind, "document"));
        findings.push(Finding::at(Rule::NotYaml, *line, what, None));
        return;
    }
    if let Some((line, key)) = &document.doubled {
        let message = format!("`{key}` stands twice; kubectl takes the last, and what stands before is lost");
        let begins_anew = matches!(key.as_str(), "apiVersion" | "kind");
        let suggestion = begins_anew.then(|| "put `---` between the objects".to_owned());
        findings.push(Finding::at(Rule::DuplicateKey, *line, message, suggestion));
    }
    let Some(object) = &document.object else { return };
    let Some(resource) = resource(&document.api_version, &document.kind) else { return };
    match decode(resource, object.clone(), FieldValidation::Warn) {
        Ok((_, unknown)) => {
            for warning in unknown {
                let path = warning.split('"').nth(1).unwrap_or_default();
                let message = format!("a {} has no field `{path}`", document.kind);
                findings.push(Finding::new(Rule::UnknownField, document.lines, message, near(resource, path)));
            }
        }
        Err(error) => {
            let text = error.to_string();
            let reason = text.split_once(": ").map_or(text.as_str(), |(_, reason)| reason);
            let data = object.get("data").and_then(Value::as_object).into_iter().flat_map(|data| data.values());
            let words = reason.starts_with("illegal base64")
                && data.filter_map(Value::as_str).any(|value| value.trim().contains(' '));
            if has_placeholder(object) || words {
                return;
            }
            let message = format!("the API server refuses this {}: {reason}", document.kind);
            findings.push(Finding::new(Rule::WrongType, document.lines, message, None));
        }
    }
}

/// Whether some value is one that a reader is to replace, so that of its type nothing can be said.
fn has_placeholder(value: &Value) -> bool {
    match value {
        Value::String(text) => is_to_be_replaced(text),
        // `[the domain's name]` in a reader's language is a list to YAML alone.
        Value::Array(values) if values.len() == 1 && values[0].as_str().is_some_and(|text| !text.is_ascii()) => true,
        Value::Array(values) => values.iter().any(has_placeholder),
        Value::Object(fields) => fields.values().any(has_placeholder),
        _ => false,
    }
}

/// Gives findings of whole documents the line of their field.
fn narrow(lecture: &Lecture, document: &Document, finding: &mut Finding) {
    let path = match finding.rule {
        Rule::UnknownField => finding.message.split('`').nth(1).map(str::to_owned),
        Rule::WrongType => {
            let field = finding.message.split("struct field ").nth(1);
            field
                .and_then(|rest| rest.split(" of type").next())
                .and_then(|path| path.split_once('.'))
                .map(|(_, path)| path.to_owned())
        }
        _ => None,
    };
    if let Some(path) = path {
        let line = line_of(document, &path, &lecture.text);
        finding.lines.first = line;
        finding.lines.last = line;
    }
}

/// Where a field of that name is, or how it is spelt.
fn near(resource: &Resource, path: &str) -> Option<String> {
    let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
    if let Some(place) = elsewhere(&root(resource), name, 6) {
        return Some(format!("it belongs at `{place}`"));
    }
    let siblings = at(&root(resource), parent).and_then(|shape| match shape {
        Shape::Struct(name) => types().get(&name),
        _ => None,
    })?;
    let close = siblings
        .keys()
        .filter(|key| strsim::osa_distance(key, name) <= 2)
        .min_by_key(|key| strsim::osa_distance(key, name))?;
    Some(format!("did you mean `{close}`?"))
}

/// The shape at a path within a type.
fn at(owner: &str, path: &str) -> Option<Shape> {
    let mut shape = Shape::Struct(owner.to_owned());
    for step in path.split('.').filter(|step| !step.is_empty()) {
        let name = step.split('[').next().unwrap_or(step);
        shape = match &shape {
            Shape::Struct(owner) => types().get(owner)?.get(name)?.shape.clone(),
            Shape::Map(inner) => (**inner).clone(),
            _ => return None,
        };
        while let Shape::List(inner) = shape {
            shape = *inner;
        }
    }
    Some(shape)
}

/// The shallowest path at which a type has a field of that name.
fn elsewhere(owner: &str, name: &str, depth: usize) -> Option<String> {
    let mut level = vec![(owner.to_owned(), String::new())];
    let mut seen = std::collections::HashSet::new();
    for _ in 0..depth {
        let mut next = Vec::new();
        for (owner, path) in level {
            let Some(fields) = types().get(&owner) else { continue };
            if !seen.insert(owner) {
                continue;
            }
            let join = |field: &str| if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
            if fields.contains_key(name) {
                return Some(join(name));
            }
            let mut inner: Vec<(&String, &Shape)> = fields.iter().map(|(name, field)| (name, &field.shape)).collect();
            inner.sort_by_key(|(field, _)| *field);
            for (field, shape) in inner {
                match shape {
                    Shape::Struct(of) => next.push((of.clone(), join(field))),
                    Shape::List(of) => {
                        if let Shape::Struct(of) = &**of {
                            next.push((of.clone(), format!("{}[]", join(field))));
                        }
                    }
                    _ => {}
                }
            }
        }
        level = next;
    }
    None
}

/// Fields that are to be typed into an object: the place must exist there, and the fields in it.
pub(super) fn of_fragment(lecture: &Lecture, item: &LectureItem, fragment: &Fragment, findings: &mut Vec<Finding>) {
    let Some(resource) = edited(lecture, fragment) else { return };
    let kind = resource.kind;
    let path = fragment.under.as_ref().map_or("", |under| under.path.as_str());
    let fields = fragment.fields.as_ref().and_then(Value::as_object);
    let own = fields.and_then(|fields| fields.keys().next());
    let owner = root(resource);
    let place =
        own.and_then(|field| elsewhere(&owner, field, 6)).map(|place| format!("`{place}` is where a {kind} has it"));
    match (&fragment.under, at(&owner, path)) {
        (Some(under), None) => {
            let message = format!("a {kind} has no `{path}` to put this under");
            let mut finding = Finding::new(Rule::NoSuchField, item.lines, message, place);
            finding.lines.first = under.cue.line.min(item.lines.first);
            findings.push(finding);
        }
        (_, Some(Shape::Struct(at))) => {
            let known = types().get(&at);
            let unknown = fields
                .into_iter()
                .flatten()
                .map(|(field, _)| field)
                .find(|field| known.is_some_and(|known| !known.contains_key(*field)));
            if let Some(field) = unknown {
                let here = if path.is_empty() { format!("a {kind}") } else { format!("`{path}` of a {kind}") };
                findings.push(Finding::new(
                    Rule::NoSuchField,
                    item.lines,
                    format!("{here} has no field `{field}`"),
                    place,
                ));
            }
        }
        _ => {}
    }
}

/// The kind that `kubectl edit` opens for a fragment.
fn edited(lecture: &Lecture, fragment: &Fragment) -> Option<&'static Resource> {
    let into = lecture.items.iter().find(|item| Some(&item.id) == fragment.into.as_ref())?;
    let command = into.command()?;
    let edit =
        command.invocations.iter().find(|invocation| invocation.arguments().iter().any(|word| word == "edit"))?;
    let mut words =
        edit.arguments().iter().skip_while(|word| *word != "edit").skip(1).filter(|word| !word.starts_with('-'));
    let kind = words.next()?.split('/').next()?.to_lowercase();
    let kind = kubewords::spelled(&kind)?;
    resources::all().find(|resource| resource.kind == kind.kind && resource.group == kind.group)
}

fn or<'a>(text: &'a str, other: &'a str) -> &'a str {
    if text.is_empty() { other } else { text }
}
