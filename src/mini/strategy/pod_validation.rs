//! What a pod must satisfy (the part of Kubernetes `pkg/apis/core/validation` that lectures meet). Pure.

use std::collections::HashSet;

use serde_json::Value;

use crate::kubewords::quantity;
use crate::mini::names;
use crate::mini::status::{FieldError, Mistake};

const ENV_NAME: &str =
    "a valid environment variable name must consist only of printable ASCII characters other than '='";

pub(super) fn validate(pod: &Value) -> Vec<FieldError> {
    validate_spec("spec", &pod["spec"])
}

/// The spec of a pod or of a template, which stands at `at`.
pub(super) fn validate_spec(at: &str, spec: &Value) -> Vec<FieldError> {
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
    let policies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    one_of(&mut errors, at, spec, "dnsPolicy", &policies);
    padded_images(at, spec, &mut errors);
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

/// Images are looked at once more, whatever else is wrong.
fn padded_images(at: &str, spec: &Value, errors: &mut Vec<FieldError>) {
    for list in ["initContainers", "containers"] {
        for (i, container) in spec[list].as_array().into_iter().flatten().enumerate() {
            if container["image"].as_str().is_some_and(|image| image.trim() != image) {
                let detail = "must not have leading or trailing whitespace";
                errors.push(FieldError::invalid(format!("{at}.{list}[{i}].image"), &container["image"], detail));
            }
        }
    }
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
        let at = format!("{at}.volumes[{i}]");
        let mut sources = SOURCES.iter().filter(|source| volume[**source].is_object());
        if let Some(first) = sources.next() {
            let required = match *first {
                "secret" => Some("secretName"),
                "configMap" => Some("name"),
                "hostPath" => Some("path"),
                "persistentVolumeClaim" => Some("claimName"),
                _ => None,
            };
            let missing = required.filter(|field| volume[*first][*field].as_str().unwrap_or_default().is_empty());
            errors.extend(missing.map(|field| FieldError::required(format!("{at}.{first}.{field}"), "")));
        }
        errors.extend(
            sources.map(|source| {
                FieldError::forbidden(format!("{at}.{source}"), "may not specify more than 1 volume type")
            }),
        );
        named(&format!("{at}.name"), &volume["name"], &mut names, errors);
    }
    names
}

/// What a volume may be of, in the order in which they are looked at (`validateVolumeSource`).
const SOURCES: &[&str] = &[
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flocker",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "downwardAPI",
    "fc",
    "azureFile",
    "configMap",
    "vsphereVolume",
    "quobyte",
    "azureDisk",
    "storageos",
    "projected",
    "portworxVolume",
    "scaleIO",
    "csi",
    "ephemeral",
    "image",
];

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
    let mut own = HashSet::new();
    named(&format!("{at}.name"), &container["name"], &mut own, errors);
    if container["image"].as_str().unwrap_or_default().is_empty() {
        errors.push(FieldError::required(format!("{at}.image"), ""));
    }
    ports(at, container, errors);
    environment(at, container, errors);
    mounts(at, container, volumes, errors);
    one_of(errors, at, container, "imagePullPolicy", &["Always", "IfNotPresent", "Never"]);
    one_of(errors, at, container, "terminationMessagePolicy", &["FallbackToLogsOnError", "File"]);
    requests(at, &container["resources"], errors);
    // That it is the only one of its name is looked at last.
    let name = &container["name"];
    if name.as_str().is_some_and(|name| !name.is_empty() && !seen.insert(name)) {
        errors.push(FieldError::new(Mistake::DUPLICATE, format!("{at}.name"), name, ""));
    }
}

/// `validateContainerPorts`.
fn ports(at: &str, container: &Value, errors: &mut Vec<FieldError>) {
    let mut names = HashSet::new();
    for (i, port) in container["ports"].as_array().into_iter().flatten().enumerate() {
        let at = format!("{at}.ports[{i}]");
        let name = port["name"].as_str().unwrap_or_default();
        let faults = if name.is_empty() { vec![] } else { port_name_faults(name) };
        if faults.is_empty() && !name.is_empty() && !names.insert(name) {
            errors.push(FieldError::new(Mistake::DUPLICATE, format!("{at}.name"), &port["name"], ""));
        }
        errors.extend(faults.into_iter().map(|f| FieldError::invalid(format!("{at}.name"), &port["name"], f)));
        for field in ["containerPort", "hostPort"] {
            match port[field].as_i64().unwrap_or(0) {
                0 if field == "containerPort" => errors.push(FieldError::required(format!("{at}.{field}"), "")),
                0..=65535 => {}
                other => {
                    let detail = "must be between 1 and 65535, inclusive";
                    errors.push(FieldError::invalid(format!("{at}.{field}"), &other.into(), detail));
                }
            }
        }
        one_of(errors, &at, port, "protocol", &["SCTP", "TCP", "UDP"]);
    }
}

/// `IsValidPortName`.
fn port_name_faults(name: &str) -> Vec<&'static str> {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    [
        (name.len() > 15, "must be no more than 15 characters long"),
        (!name.chars().all(known), "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"),
        (!name.contains(|c: char| c.is_ascii_lowercase()), "must contain at least one letter (a-z)"),
        (name.contains("--"), "must not contain consecutive hyphens"),
        (name.starts_with('-') || name.ends_with('-'), "must not begin or end with a hyphen"),
    ]
    .into_iter()
    .filter_map(|(wrong, words)| wrong.then_some(words))
    .collect()
}

/// `ValidateEnv`.
fn environment(at: &str, container: &Value, errors: &mut Vec<FieldError>) {
    for (i, env) in container["env"].as_array().into_iter().flatten().enumerate() {
        let at = format!("{at}.env[{i}]");
        match env["name"].as_str().unwrap_or_default() {
            "" => errors.push(FieldError::required(format!("{at}.name"), "")),
            name if name.contains('=') || !name.bytes().all(|byte| (b' '..=b'~').contains(&byte)) => {
                errors.push(FieldError::invalid(format!("{at}.name"), &env["name"], ENV_NAME));
            }
            _ => {}
        }
        let from = &env["valueFrom"];
        if !from.is_object() {
            continue;
        }
        let given: Vec<_> = VALUES_FROM.iter().filter(|source| from[**source].is_object()).collect();
        for source in given.iter().filter(|source| source.ends_with("KeyRef")) {
            if from[**source]["key"].as_str().unwrap_or_default().is_empty() {
                errors.push(FieldError::required(format!("{at}.valueFrom.{source}.key"), ""));
            }
        }
        let wrong = match given.len() {
            0 => {
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
            }
            _ if env["value"].as_str().is_some_and(|value| !value.is_empty()) => {
                "may not be specified when `value` is not empty"
            }
            1 => continue,
            _ => "may not have more than one field specified at a time",
        };
        errors.push(FieldError::invalid(format!("{at}.valueFrom"), &"".into(), wrong));
    }
}

const VALUES_FROM: &[&str] = &["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"];

/// A container may not ask for more than its limit (`ValidateResourceRequirements`).
fn requests(at: &str, resources: &Value, errors: &mut Vec<FieldError>) {
    for (resource, asked) in resources["requests"].as_object().into_iter().flatten() {
        let (Some(asked), Some(limit)) = (asked.as_str(), resources["limits"][resource].as_str()) else { continue };
        if quantity::value(asked) > quantity::value(limit) {
            let detail = format!("must be less than or equal to {resource} limit of {limit}");
            errors.push(FieldError::invalid(format!("{at}.resources.requests"), &asked.into(), detail));
        }
    }
}

/// `ValidateVolumeMounts`.
fn mounts(at: &str, container: &Value, volumes: &HashSet<&str>, errors: &mut Vec<FieldError>) {
    let mut paths = HashSet::new();
    for (i, mount) in container["volumeMounts"].as_array().into_iter().flatten().enumerate() {
        let (all, at) = (format!("{at}.volumeMounts"), format!("{at}.volumeMounts[{i}]"));
        match mount["name"].as_str().unwrap_or_default() {
            "" => errors.push(FieldError::required(format!("{at}.name"), "")),
            name if volumes.contains(name) => {}
            _ => errors.push(FieldError::new(Mistake::NOT_FOUND, format!("{at}.name"), &mount["name"], "")),
        }
        match mount["mountPath"].as_str().unwrap_or_default() {
            "" => errors.push(FieldError::required(format!("{at}.mountPath"), "")),
            path if paths.insert(path) => {}
            _ => errors.push(FieldError::invalid(format!("{at}.mountPath"), &mount["mountPath"], "must be unique")),
        }
        // Of these Kubernetes names the list alone.
        for field in ["subPath", "subPathExpr"] {
            let below = &mount[field];
            if below.as_str().is_some_and(|path| path.starts_with('/')) {
                errors.push(FieldError::invalid(format!("{all}.{field}"), below, "must be a relative path"));
            }
            if below.as_str().is_some_and(|path| path.split('/').any(|step| step == "..")) {
                errors.push(FieldError::invalid(format!("{all}.{field}"), below, "must not contain '..'"));
            }
        }
        let set = |field: &str| mount[field].as_str().is_some_and(|text| !text.is_empty());
        if set("subPath") && set("subPathExpr") {
            let detail = "subPathExpr and subPath are mutually exclusive";
            errors.push(FieldError::invalid(format!("{at}.subPathExpr"), &mount["subPathExpr"], detail));
        }
    }
}
