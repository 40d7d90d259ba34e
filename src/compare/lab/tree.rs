//! JSON and YAML: every shown key must be printed with the shown value.
//! Knows nothing of Kubernetes but the names of fields that differ from run to run.

use serde_json::Value;

use super::comparison::{Comparison, Summary};
use super::text::normalised;
use crate::compare::Fidelity;

/// Fields that must be there, whatever they say.
const VOLATILE: &[&str] = &[
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "lastTransitionTime",
    "startTime",
    "startedAt",
    "finishedAt",
    "containerID",
    "imageID",
    "hostIP",
    "podIP",
    "nodeName",
];

/// None unless both are objects, or lists of objects.
pub(super) fn compare(shown: &str, printed: &str) -> Option<Comparison> {
    let (shown, printed) = (parse(shown)?, parse(printed)?);
    let all = || if against("", &printed, &shown).is_empty() { Fidelity::Normalised } else { Fidelity::Subset };
    let contradicted = Comparison::contradicted_by(against("", &shown, &printed));
    Some(contradicted.unwrap_or_else(|| Comparison::Reproduced(all())))
}

/// JSON is YAML.
fn parse(text: &str) -> Option<Value> {
    let value: Value = serde_saphyr::from_str(text).ok()?;
    let structured = match &value {
        Value::Object(_) => true,
        Value::Array(items) => items.iter().any(Value::is_object),
        _ => false,
    };
    structured.then_some(value)
}

fn subset(path: &str, shown: &Value, printed: &Value, differences: &mut Vec<Summary>) {
    match (shown, printed) {
        (Value::Object(shown), Value::Object(printed)) => {
            for (key, shown) in shown {
                let path = format!("{path}.{key}");
                match printed.get(key) {
                    None => differences.push(Summary::new(format!("no `{path}`"), format!("- {path}: {shown}"))),
                    Some(_) if VOLATILE.contains(&key.as_str()) => {}
                    Some(printed) => subset(&path, shown, printed, differences),
                }
            }
        }
        (Value::Array(shown), Value::Array(printed)) => {
            for (index, shown) in shown.iter().enumerate() {
                let path = format!("{path}[{index}]");
                let mut best =
                    printed.get(index).map_or_else(|| vec![missing(&path, shown)], |p| against(&path, shown, p));
                if printed.iter().any(|printed| against(&path, shown, printed).is_empty()) {
                    best.clear();
                }
                differences.extend(best);
            }
        }
        _ if is_same(shown, printed) => {}
        _ => {
            let diff = format!("- {path}: {shown}\n+ {path}: {printed}");
            differences.push(Summary::new(format!("`{path}` is {printed} instead of {shown}"), diff));
        }
    }
}

fn against(path: &str, shown: &Value, printed: &Value) -> Vec<Summary> {
    let mut differences = Vec::new();
    subset(path, shown, printed, &mut differences);
    differences
}

fn missing(path: &str, shown: &Value) -> Summary {
    Summary::new(format!("no `{path}`"), format!("- {path}: {shown}"))
}

/// `...` in a shown text stands for anything.
fn is_same(shown: &Value, printed: &Value) -> bool {
    let (Value::String(shown), Value::String(printed)) = (shown, printed) else { return shown == printed };
    let (shown, printed) = (normalised(&shown.replace('…', "...")), normalised(printed));
    let pieces: Vec<&str> = shown.split("...").collect();
    let [first, middle @ .., last] = &pieces[..] else { return shown == printed };
    let Some(mut rest) = printed.strip_prefix(first).and_then(|rest| rest.strip_suffix(last)) else { return false };
    middle.iter().all(|piece| match rest.split_once(piece) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}
