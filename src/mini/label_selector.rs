//! A `LabelSelector` as objects carry it (apimachinery `pkg/apis/meta/v1/helpers.go`): what it selects, its text, its
//! faults. Pure; the selectors of requests are `selector`'s.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use serde_json::Value;

use super::names;
use super::status::FieldError;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Operator {
    Equals,
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

/// Requirements that all hold. One that is absent selects nothing, an empty one everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LabelSelector(Option<Vec<Requirement>>);

impl LabelSelector {
    /// Reads a selector of an object in JSON; requirements with an unknown operator select nothing.
    pub(super) fn from_json(selector: &Value) -> Self {
        serde_json::from_value::<Option<meta::LabelSelector>>(selector.clone())
            .map_or(Self(None), |selector| Self::from(selector.as_ref()))
    }

    /// Selects everything.
    pub(super) fn is_empty(&self) -> bool {
        self.0.as_ref().is_some_and(Vec::is_empty)
    }

    pub(super) fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.as_ref().is_some_and(|all| all.iter().all(|requirement| requirement.matches(labels)))
    }
}

impl From<Option<&meta::LabelSelector>> for LabelSelector {
    fn from(selector: Option<&meta::LabelSelector>) -> Self {
        let Some(selector) = selector else { return Self(None) };
        let equal = selector.match_labels.iter().flatten().map(|(key, value)| {
            Some(Requirement { key: key.clone(), operator: Operator::Equals, values: vec![value.clone()] })
        });
        let others = selector.match_expressions.iter().flatten().map(|expression| {
            let operator = match expression.operator.as_str() {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                _ => return None,
            };
            let mut values = expression.values.clone().unwrap_or_default();
            values.sort();
            Some(Requirement { key: expression.key.clone(), operator, values })
        });
        let all: Option<Vec<_>> = equal.chain(others).collect();
        Self(all.map(|mut all| {
            all.sort_by(|a, b| a.key.cmp(&b.key));
            all
        }))
    }
}

impl Requirement {
    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        let among = || value.is_some_and(|value| self.values.contains(value));
        match self.operator {
            Operator::Equals | Operator::In => among(),
            Operator::NotIn => !among(),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

/// As `metav1.FormatLabelSelector` puts it.
impl fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(all) = self.0.as_ref().filter(|all| !all.is_empty()) else { return f.write_str("<none>") };
        for (i, Requirement { key, operator, values }) in all.iter().enumerate() {
            let (comma, values) = (if i > 0 { "," } else { "" }, values.join(","));
            match operator {
                Operator::Equals => write!(f, "{comma}{key}={values}")?,
                Operator::In => write!(f, "{comma}{key} in ({values})")?,
                Operator::NotIn => write!(f, "{comma}{key} notin ({values})")?,
                Operator::Exists => write!(f, "{comma}{key}")?,
                Operator::DoesNotExist => write!(f, "{comma}!{key}")?,
            }
        }
        Ok(())
    }
}

/// Faults of the selector that stands at `at` (`ValidateLabelSelector`).
pub(super) fn errors(at: &str, selector: &Value) -> Vec<FieldError> {
    let mut errors = names::label_errors(&format!("{at}.matchLabels"), &selector["matchLabels"]);
    for (i, expression) in selector["matchExpressions"].as_array().into_iter().flatten().enumerate() {
        let at = format!("{at}.matchExpressions[{i}]");
        let given = expression["values"].as_array().is_some_and(|values| !values.is_empty());
        match expression["operator"].as_str().unwrap_or_default() {
            "In" | "NotIn" if !given => {
                let detail = "must be specified when `operator` is 'In' or 'NotIn'";
                errors.push(FieldError::required(format!("{at}.values"), detail));
            }
            "Exists" | "DoesNotExist" if given => {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                errors.push(FieldError::forbidden(format!("{at}.values"), detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => {
                let (field, detail) = (format!("{at}.operator"), "not a valid selector operator");
                errors.push(FieldError::invalid(field, &expression["operator"], detail));
            }
        }
        errors.extend(names::label_key_errors(&format!("{at}.key"), expression["key"].as_str().unwrap_or_default()));
    }
    errors
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_selector_selects_and_says_what() {
        let labels = BTreeMap::from([("app".to_owned(), "a".to_owned()), ("tier".to_owned(), "x".to_owned())]);
        let expressions = |operator: &str, values: Value| json!({"matchExpressions": [{"key": "tier", "operator": operator, "values": values}]});
        for (selector, matches, text) in [
            (Value::Null, false, "<none>"),
            (json!({}), true, "<none>"),
            (json!({"matchLabels": {"tier": "x", "app": "a"}}), true, "app=a,tier=x"),
            (json!({"matchLabels": {"app": "b"}}), false, "app=b"),
            (expressions("In", json!(["y", "x"])), true, "tier in (x,y)"),
            (expressions("NotIn", json!(["x"])), false, "tier notin (x)"),
            (expressions("Exists", json!([])), true, "tier"),
            (expressions("DoesNotExist", json!([])), false, "!tier"),
            (expressions("Like", json!([])), false, "<none>"),
        ] {
            let parsed = LabelSelector::from_json(&selector);
            assert_eq!((parsed.matches(&labels), parsed.to_string().as_str()), (matches, text), "{selector}");
        }
    }

    #[test]
    fn a_faulty_selector_is_refused_in_kubernetes_words() {
        let selector = json!({"matchExpressions": [
            {"key": "a", "operator": "In"}, {"key": "a", "operator": "Exists", "values": ["x"]}, {"key": "-a", "operator": "is"},
        ]});
        let said: Vec<_> = errors("spec.selector", &selector).iter().map(ToString::to_string).collect();
        assert_eq!(
            said[..3],
            [
                "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
                "spec.selector.matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
                r#"spec.selector.matchExpressions[2].operator: Invalid value: "is": not a valid selector operator"#,
            ]
        );
        assert!(said[3].starts_with(r#"spec.selector.matchExpressions[2].key: Invalid value: "-a""#), "{said:?}");
    }
}
