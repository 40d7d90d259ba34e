//! What a pod must satisfy (the part of Kubernetes `pkg/apis/core/validation` that lectures meet). Pure.

use std::collections::HashSet;

use serde_json::Value;

use crate::mini::names;
use crate::mini::status::{FieldError, Mistake};

const ENV_NAME: &str =
    "a valid environment variable name must consist only of printable ASCII characters other than '='";

pub fn validate(pod: &Value) -> Vec<FieldError> {
    validate_spec("spec", &pod["spec"])
}

/// The spec of a pod or of a template, which stands at `at`.
pub fn validate_spec(at: &str, spec: &Value) -> Vec<FieldError> {
    let mut errors = vec![];
    let volumes = volumes(at, spec, &mut errors);
    let mut seen = HashSet::new();
    let mut list = |key: &str, errors: &mut Vec<FieldError>| {
        for (i, container) in spec[key].as_array().into_iter().flatten().enumerate() {
            container_at(&format!("{at}.{key}[{i}]"), container, &volumes, &mut seen, errors);
        }
    };
    list("initContainers", &mut errors);
    list("containers", &mut errors);
    host_ports(at, spec, &mut errors);
    if spec["containers"].as_array().is_none_or(Vec::is_empty) {
        errors.push(FieldError::required(format!("{at}.containers"), ""));
    }
    one_of(&mut errors, at, spec, "restartPolicy", &["Always", "OnFailure", "Never"]);
    let policies = ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"];
    one_of(&mut errors, at, spec, "dnsPolicy", &policies);
    if let Some(seconds) = spec["activeDeadlineSeconds"].as_i64().filter(|s| *s < 1) {
        let detail = "must be between 1 and 2147483647, inclusive";
        errors.push(FieldError::invalid(format!("{at}.activeDeadlineSeconds"), &seconds.into(), detail));
    }
    let account = &spec["serviceAccountName"];
    if let Some(wrong) = account.as_str().and_then(names::subdomain) {
        errors.push(FieldError::invalid(format!("{at}.serviceAccountName"), account, wrong));
    }
    errors
}

/// One port of the host is one container's (`checkHostPortConflicts`).
fn host_ports(at: &str, spec: &Value, errors: &mut Vec<FieldError>) {
    let mut seen = HashSet::new();
    for (i, container) in spec["containers"].as_array().into_iter().flatten().enumerate() {
        for (j, port) in container["ports"].as_array().into_iter().flatten().enumerate() {
            let number = port["hostPort"].as_i64().filter(|number| *number != 0);
            let Some(number) = number else { continue };
            let text = |field: &str| port[field].as_str().unwrap_or_default();
            let place = format!("{}/{}/{number}", text("protocol"), text("hostIP"));
            if !seen.insert(place.clone()) {
                let field = format!("{at}.containers[{i}].ports[{j}].hostPort");
                errors.push(FieldError::new(Mistake::DUPLICATE, field, &place.into(), ""));
            }
        }
    }
}

fn one_of(errors: &mut Vec<FieldError>, at: &str, object: &Value, field: &str, supported: &[&str]) {
    if object[field].as_str().is_some_and(|value| !supported.contains(&value)) {
        errors.push(FieldError::unsupported(format!("{at}.{field}"), &object[field], supported));
    }
}

fn volumes<'a>(at: &str, spec: &'a Value, errors: &mut Vec<FieldError>) -> HashSet<&'a str> {
    let mut names = HashSet::new();
    for (i, volume) in spec["volumes"].as_array().into_iter().flatten().enumerate() {
        let field = format!("{at}.volumes[{i}].name");
        named(&field, &volume["name"], &mut names, errors);
    }
    names
}

/// A required, unique DNS label.
fn named<'a>(field: &str, value: &'a Value, seen: &mut HashSet<&'a str>, errors: &mut Vec<FieldError>) {
    let name = value.as_str().unwrap_or_default();
    if name.is_empty() {
        errors.push(FieldError::required(field, ""));
    } else if let Some(wrong) = names::label(name) {
        errors.push(FieldError::invalid(field, value, wrong));
    } else if !seen.insert(name) {
        errors.push(FieldError::new(Mistake::DUPLICATE, field, value, ""));
    }
}

fn container_at<'a>(
    at: &str,
    container: &'a Value,
    volumes: &HashSet<&str>,
    seen: &mut HashSet<&'a str>,
    errors: &mut Vec<FieldError>,
) {
    named(&format!("{at}.name"), &container["name"], seen, errors);
    let image = container["image"].as_str().unwrap_or_default();
    if image.is_empty() {
        errors.push(FieldError::required(format!("{at}.image"), ""));
    } else if image.trim() != image {
        let detail = "must not have leading or trailing whitespace";
        errors.push(FieldError::invalid(format!("{at}.image"), &container["image"], detail));
    }
    one_of(errors, at, container, "imagePullPolicy", &["Always", "IfNotPresent", "Never"]);
    one_of(errors, at, container, "terminationMessagePolicy", &["FallbackToLogsOnError", "File"]);
    for (i, port) in container["ports"].as_array().into_iter().flatten().enumerate() {
        let at = format!("{at}.ports[{i}]");
        let (field, detail) = (format!("{at}.containerPort"), "must be between 1 and 65535, inclusive");
        match port["containerPort"].as_i64() {
            None | Some(0) => errors.push(FieldError::required(field, "")),
            Some(1..=65535) => {}
            Some(other) => errors.push(FieldError::invalid(field, &other.into(), detail)),
        }
        one_of(errors, &at, port, "protocol", &["SCTP", "TCP", "UDP"]);
    }
    for (i, env) in container["env"].as_array().into_iter().flatten().enumerate() {
        match env["name"].as_str().unwrap_or_default() {
            "" => errors.push(FieldError::required(format!("{at}.env[{i}].name"), "")),
            name if name.contains('=') || !name.bytes().all(|byte| (b' '..=b'~').contains(&byte)) => {
                errors.push(FieldError::invalid(format!("{at}.env[{i}].name"), &env["name"], ENV_NAME));
            }
            _ => {}
        }
    }
    let mut paths = HashSet::new();
    for (i, mount) in container["volumeMounts"].as_array().into_iter().flatten().enumerate() {
        let at = format!("{at}.volumeMounts[{i}]");
        match mount["name"].as_str().unwrap_or_default() {
            "" => errors.push(FieldError::required(format!("{at}.name"), "")),
            name if volumes.contains(name) => {}
            _ => errors.push(FieldError::new(Mistake::NOT_FOUND, format!("{at}.name"), &mount["name"], "")),
        }
        let below = &mount["subPath"];
        if below.as_str().is_some_and(|path| path.split('/').any(|step| step == "..")) {
            errors.push(FieldError::invalid(format!("{at}.subPath"), below, "must not contain '..'"));
        }
        if below.as_str().is_some_and(|path| path.starts_with('/')) {
            errors.push(FieldError::invalid(format!("{at}.subPath"), below, "must be a relative path"));
        }
        match mount["mountPath"].as_str().unwrap_or_default() {
            "" => errors.push(FieldError::required(format!("{at}.mountPath"), "")),
            path if paths.insert(path) => {}
            _ => errors.push(FieldError::invalid(format!("{at}.mountPath"), &mount["mountPath"], "must be unique")),
        }
    }
}
