//! Label and field selectors (apimachinery `pkg/labels`, `pkg/fields`). Pure; knows objects, not HTTP.

use std::collections::BTreeMap;

use super::resource::Resource;
use super::status::ApiError;
use super::store::{Object, Shelf};

/// The label is there, with one of the values where they are given; or, negated, that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    values: Option<Vec<String>>,
    negated: bool,
}

/// What a list, watch or delete of a collection is limited to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<(String, bool, String)>,
}

impl Selector {
    /// Parses `labelSelector` and `fieldSelector` of a request about `resource`.
    pub fn parse(resource: &Resource, labels: Option<&str>, fields: Option<&str>) -> Result<Self, ApiError> {
        let labels = parse_labels(labels.unwrap_or_default())?;
        let fields = parse_fields(fields.unwrap_or_default())?;
        for (path, ..) in &fields {
            if !supported(resource.shelf(), path) {
                return Err(ApiError::BadRequest(unsupported(resource.shelf(), path)));
            }
        }
        Ok(Selector { labels, fields })
    }

    pub fn matches(&self, object: &Object) -> bool {
        self.labels.iter().all(|r| r.matches(&object.labels))
            && self.fields.iter().all(|(path, equal, value)| (held(object, path) == value) == *equal)
    }
}

/// What a field holds; a boolean that is not set is false.
fn held<'a>(object: &'a Object, path: &str) -> &'a str {
    match object.field(path).unwrap_or_default() {
        "" if matches!(path, "spec.unschedulable" | "spec.hostNetwork") => "false",
        text => text,
    }
}

fn supported(shelf: Shelf, path: &str) -> bool {
    matches!(path, "metadata.name" | "metadata.namespace") || shelf.fields.contains(&path)
}

/// Kinds without fields of their own leave the refusal to apimachinery's default conversion.
fn unsupported(shelf: Shelf, path: &str) -> String {
    match shelf.fields {
        [] => format!("{path:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""),
        _ => format!("field label not supported: {path}"),
    }
}

impl Requirement {
    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let fits = |value| self.values.as_ref().is_none_or(|values| values.contains(value));
        labels.get(&self.key).is_some_and(fits) != self.negated
    }
}

fn parse_fields(text: &str) -> Result<Vec<(String, bool, String)>, ApiError> {
    let terms = text.split(',').map(str::trim).filter(|t| !t.is_empty());
    let one = |term: &str| {
        let (path, equal, value) = if let Some((k, v)) = term.split_once("!=") {
            (k, false, v)
        } else if let Some((k, v)) = term.split_once("==").or_else(|| term.split_once('=')) {
            (k, true, v)
        } else {
            return Err(ApiError::BadRequest(format!("invalid selector: '{text}'; can't understand '{term}'")));
        };
        Ok((path.trim().to_owned(), equal, value.trim().replace("\\,", ",").replace("\\=", "=")))
    };
    terms.map(one).collect()
}

/// Splits at commas outside parentheses.
fn terms(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut out) = (0, 0, vec![]);
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                out.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    out.push(&text[start..]);
    out
}

fn parse_labels(text: &str) -> Result<Vec<Requirement>, ApiError> {
    terms(text).into_iter().map(str::trim).filter(|t| !t.is_empty()).map(parse_label).collect()
}

fn parse_label(term: &str) -> Result<Requirement, ApiError> {
    let wrong = || ApiError::BadRequest(format!("unable to parse requirement: found '{term}', expected: an operator"));
    let requirement = |key: &str, values: Option<Vec<String>>, negated| match key.trim() {
        key if key.is_empty() || key.contains(char::is_whitespace) => Err(wrong()),
        key => Ok(Requirement { key: key.to_owned(), values, negated }),
    };
    let one = |value: &str| Some(vec![value.trim().to_owned()]);
    if let Some((key, value)) = term.split_once("!=") {
        return requirement(key, one(value), true);
    }
    if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return requirement(key, one(value), false);
    }
    if let [_, "in" | "notin"] = term.split_whitespace().collect::<Vec<_>>()[..] {
        return Err(ApiError::BadRequest("unable to parse requirement: found '' expected: '('".to_owned()));
    }
    if let Some((head, set)) = term.split_once('(') {
        let set = set.trim_end().strip_suffix(')').ok_or_else(wrong)?;
        let values = Some(set.split(',').map(|v| v.trim().to_owned()).collect());
        return match head.split_whitespace().collect::<Vec<_>>()[..] {
            [key, "in"] => requirement(key, values, false),
            [key, "notin"] => requirement(key, values, true),
            _ => Err(wrong()),
        };
    }
    let bare = term.strip_prefix('!');
    requirement(bare.unwrap_or(term), None, bare.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(selector: &str, labels: &[(&str, &str)]) -> bool {
        let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        parse_labels(selector).unwrap().iter().all(|r| r.matches(&labels))
    }

    #[test]
    fn every_form_of_label_selector() {
        let labels = [("app", "web"), ("tier", "a")];
        for yes in [
            "app=web",
            "app==web",
            "app!=db",
            "app in (web, db)",
            "other notin (x)",
            "app",
            "!gone",
            "app=web,tier in (a,b)",
            "",
        ] {
            assert!(holds(yes, &labels), "{yes}");
        }
        for no in ["app=db", "app!=web", "app in (db)", "tier notin (a)", "gone", "!app", "app=web,tier=b"] {
            assert!(!holds(no, &labels), "{no}");
        }
        assert!(parse_labels("a b").is_err() && parse_labels("a in (b").is_err());
    }

    #[test]
    fn only_known_fields() {
        let pods = &crate::mini::resources::PODS;
        assert!(Selector::parse(pods, None, Some("status.phase!=Running,metadata.name=a")).is_ok());
        let error = Selector::parse(pods, None, Some("spec.foo=a")).unwrap_err();
        assert_eq!(error.to_string(), "field label not supported: spec.foo");
    }
}
