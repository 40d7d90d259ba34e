//! Label and field selectors (apimachinery `pkg/labels`, `pkg/fields`). Pure; knows objects, not HTTP.

use super::requirement::{self, Requirement};
use super::resource::Resource;
use super::status::ApiError;
use super::store::{Object, Shelf};

/// What a list, watch or delete of a collection is limited to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<(String, bool, String)>,
}

impl Selector {
    /// Parses `labelSelector` and `fieldSelector` of a request about `resource`.
    pub(crate) fn parse(resource: &Resource, labels: Option<&str>, fields: Option<&str>) -> Result<Self, ApiError> {
        let labels = requirement::parse(labels.unwrap_or_default()).map_err(ApiError::BadRequest)?;
        let fields = parse_fields(fields.unwrap_or_default())?;
        for (path, ..) in &fields {
            if !supported(resource.shelf(), path) {
                return Err(ApiError::BadRequest(unsupported(resource.shelf(), path)));
            }
        }
        Ok(Selector { labels, fields })
    }

    pub(crate) fn matches(&self, object: &Object) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_fields() {
        let pods = &crate::mini::resources::PODS;
        assert!(Selector::parse(pods, None, Some("status.phase!=Running,metadata.name=a")).is_ok());
        let error = Selector::parse(pods, None, Some("spec.foo=a")).unwrap_err();
        assert_eq!(error.to_string(), "field label not supported: spec.foo");
    }
}
