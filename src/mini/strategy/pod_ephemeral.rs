//! Ephemeral containers: added to a pod that is there, and never changed or taken away (Kubernetes
//! `ValidatePodEphemeralContainersUpdate`). Pure.

use std::collections::HashSet;

use serde_json::Value;

use super::pod_update::difference;
use crate::mini::names;
use crate::mini::status::{FieldError, Mistake};

const AT: &str = "spec.ephemeralContainers";

pub(super) fn validate(new: &Value, old: &Value) -> Vec<FieldError> {
    let list = |pod: &Value, field: &str| pod["spec"][field].as_array().cloned().unwrap_or_default();
    let name = |container: &Value| container["name"].as_str().unwrap_or_default().to_owned();
    let (added, known) = (list(new, "ephemeralContainers"), list(old, "ephemeralContainers"));
    let own: Vec<_> = [list(new, "initContainers"), list(new, "containers")].concat().iter().map(name).collect();
    let mut seen: HashSet<_> = own.iter().cloned().collect();
    let mut errors = vec![];
    for (i, container) in added.iter().enumerate() {
        let (at, called) = (format!("{AT}[{i}]"), name(container));
        if called.is_empty() {
            errors.push(FieldError::required(format!("{at}.name"), ""));
        } else if let Some(wrong) = names::label(&called) {
            errors.push(FieldError::invalid(format!("{at}.name"), &container["name"], wrong));
        } else if !seen.insert(called) {
            errors.push(FieldError::new(Mistake::DUPLICATE, format!("{at}.name"), &container["name"], ""));
        }
        let target = &container["targetContainerName"];
        if target.as_str().is_some_and(|target| !target.is_empty() && !own.iter().any(|name| name == target)) {
            errors.push(FieldError::new(Mistake::NOT_FOUND, format!("{at}.targetContainerName"), target, ""));
        }
        if container["image"].as_str().unwrap_or_default().is_empty() {
            errors.push(FieldError::required(format!("{at}.image"), ""));
        }
        errors.extend(unfit(&at, container));
    }
    for before in &known {
        let called = name(before);
        match added.iter().find(|container| name(container) == called) {
            None => errors.push(FieldError::forbidden(
                AT,
                format!("existing ephemeral containers {called:?} may not be removed\n"),
            )),
            Some(after) if after != before => {
                let why = format!("existing ephemeral containers {called:?} may not be changed\n");
                errors.push(FieldError::forbidden(AT, why + &difference(before, after)));
            }
            Some(_) => {}
        }
    }
    errors
}

/// Fields that an ephemeral container may not have.
fn unfit(at: &str, container: &Value) -> Vec<FieldError> {
    let resources = container["resources"].as_object().is_some_and(|resources| !resources.is_empty());
    let fields = ["ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle"];
    let set = fields.into_iter().filter(|field| !container[*field].is_null()).chain(resources.then_some("resources"));
    let detail = "cannot be set for an Ephemeral Container";
    set.map(|field| FieldError::forbidden(format!("{at}.{field}"), detail)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn they_are_added_and_stay_as_they_are() {
        let debugger = |name: &str| json!({"name": name, "image": "a:1"});
        let pod =
            |ephemeral: Value| json!({"spec": {"containers": [{"name": "app1"}], "ephemeralContainers": ephemeral}});
        let said =
            |new: Value, old: Value| validate(&pod(new), &pod(old)).iter().map(ToString::to_string).collect::<Vec<_>>();
        let one = || json!([debugger("dbg")]);
        assert_eq!(said(one(), json!([])), Vec::<String>::new());
        assert_eq!(said(json!([debugger("dbg"), debugger("dbg2")]), one()), Vec::<String>::new());
        assert_eq!(
            said(json!([debugger("app1")]), json!([])),
            [r#"spec.ephemeralContainers[0].name: Duplicate value: "app1""#]
        );
        let aimed = json!([{"name": "d", "image": "a", "targetContainerName": "nosuch", "ports": [], "lifecycle": {}}]);
        assert_eq!(
            said(aimed, json!([])),
            [
                r#"spec.ephemeralContainers[0].targetContainerName: Not found: "nosuch""#,
                "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container",
                "spec.ephemeralContainers[0].lifecycle: Forbidden: cannot be set for an Ephemeral Container",
            ]
        );
        assert_eq!(
            said(json!([]), one()),
            ["spec.ephemeralContainers: Forbidden: existing ephemeral containers \"dbg\" may not be removed\n"]
        );
        let changed = said(json!([{"name": "dbg", "image": "b:1"}]), one());
        assert!(
            changed[0].starts_with(
                "spec.ephemeralContainers: Forbidden: existing ephemeral containers \"dbg\" may not be changed\n@@ "
            ),
            "{changed:?}"
        );
    }
}
