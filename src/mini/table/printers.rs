//! Columns and cells of every kind but pods.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::age::{age, human, parse_time};
use super::{Column, TablePrinter, pod};
use crate::mini::label_selector::LabelSelector;

const fn text(name: &'static str) -> Column {
    Column { name, kind: "string", wide: false, gone_in: None }
}

const fn number(name: &'static str) -> Column {
    Column { name, kind: "integer", wide: false, gone_in: None }
}

const fn wide(name: &'static str) -> Column {
    Column { name, kind: "string", wide: true, gone_in: None }
}

const NAME: Column = text("Name");
const AGE: Column = text("Age");

pub(crate) const PODS: TablePrinter = TablePrinter {
    columns: &[
        NAME,
        text("Ready"),
        text("Status"),
        text("Restarts"),
        AGE,
        wide("IP"),
        wide("Node"),
        wide("Nominated Node"),
        wide("Readiness Gates"),
    ],
    cells: pod::cells,
};

/// Kinds without columns of their own.
pub(crate) const PLAIN: TablePrinter =
    TablePrinter { columns: &[NAME, AGE], cells: |o, now| vec![name(o), aged(o, now)] };

pub(crate) const NAMESPACES: TablePrinter = TablePrinter {
    columns: &[NAME, text("Status"), AGE],
    cells: |o, now| vec![name(o), o["status"]["phase"].clone(), aged(o, now)],
};

pub(crate) const SECRETS: TablePrinter = TablePrinter {
    columns: &[NAME, text("Type"), number("Data"), AGE],
    cells: |o, now| vec![name(o), o["type"].clone(), json!(size(&o["data"])), aged(o, now)],
};

pub(crate) const SERVICES: TablePrinter = TablePrinter {
    columns: &[NAME, text("Type"), text("Cluster-IP"), text("External-IP"), text("Port(s)"), AGE, wide("Selector")],
    cells: |o, now| {
        let ports = o["spec"]["ports"].as_array().into_iter().flatten();
        let ports: Vec<_> = ports.map(|port| format!("{}/{}", port["port"], string(&port["protocol"]))).collect();
        let selector = o["spec"]["selector"].as_object().map(|labels| {
            labels.iter().map(|(key, value)| format!("{key}={}", string(value))).collect::<Vec<_>>().join(",")
        });
        vec![
            name(o),
            o["spec"]["type"].clone(),
            o["spec"]["clusterIP"].clone(),
            json!("<none>"),
            json!(ports.join(",")),
            aged(o, now),
            json!(selector.unwrap_or_else(|| "<none>".to_owned())),
        ]
    },
};

pub(crate) const CONFIG_MAPS: TablePrinter = TablePrinter {
    columns: &[NAME, number("Data"), AGE],
    cells: |o, now| vec![name(o), json!(size(&o["data"]) + size(&o["binaryData"])), aged(o, now)],
};

pub(crate) const SERVICE_ACCOUNTS: TablePrinter = TablePrinter {
    columns: &[NAME, Column { gone_in: Some(35), ..number("Secrets") }, AGE],
    cells: |o, now| vec![name(o), json!(o["secrets"].as_array().map_or(0, Vec::len)), aged(o, now)],
};

pub(crate) const ROLES: TablePrinter = TablePrinter {
    columns: &[NAME, text("Created At")],
    cells: |o, _| vec![name(o), o["metadata"]["creationTimestamp"].clone()],
};

pub(crate) const BINDINGS: TablePrinter = TablePrinter {
    columns: &[NAME, text("Role"), AGE, wide("Users"), wide("Groups"), wide("ServiceAccounts")],
    cells: |o, now| {
        let role = format!("{}/{}", string(&o["roleRef"]["kind"]), string(&o["roleRef"]["name"]));
        vec![
            name(o),
            json!(role),
            aged(o, now),
            subjects(o, "User"),
            subjects(o, "Group"),
            subjects(o, "ServiceAccount"),
        ]
    },
};

pub(crate) const DEPLOYMENTS: TablePrinter = TablePrinter {
    columns: &[
        NAME,
        text("Ready"),
        text("Up-to-date"),
        text("Available"),
        AGE,
        wide("Containers"),
        wide("Images"),
        wide("Selector"),
    ],
    cells: |o, now| {
        let count = |field: &str| o["status"][field].as_i64().unwrap_or(0);
        let ready = format!("{}/{}", count("readyReplicas"), o["spec"]["replicas"].as_i64().unwrap_or(0));
        let own = vec![
            name(o),
            json!(ready),
            json!(count("updatedReplicas")),
            json!(count("availableReplicas")),
            aged(o, now),
        ];
        [own, template(o)].concat()
    },
};

pub(crate) const REPLICA_SETS: TablePrinter = TablePrinter {
    columns: &[
        NAME,
        number("Desired"),
        number("Current"),
        number("Ready"),
        AGE,
        wide("Containers"),
        wide("Images"),
        wide("Selector"),
    ],
    cells: |o, now| {
        let count = |part: &str, field: &str| json!(o[part][field].as_i64().unwrap_or(0));
        let (desired, current) = (count("spec", "replicas"), count("status", "replicas"));
        [vec![name(o), desired, current, count("status", "readyReplicas"), aged(o, now)], template(o)].concat()
    },
};

pub(crate) const JOBS: TablePrinter = TablePrinter {
    columns: &[
        NAME,
        text("Status"),
        text("Completions"),
        text("Duration"),
        AGE,
        wide("Containers"),
        wide("Images"),
        wide("Selector"),
    ],
    cells: |o, now| {
        let own =
            vec![name(o), json!(job_status(o)), json!(job_completions(o)), json!(job_duration(o, now)), aged(o, now)];
        [own, template(o)].concat()
    },
};

pub(crate) const NODES: TablePrinter = TablePrinter {
    columns: &[
        NAME,
        text("Status"),
        text("Roles"),
        AGE,
        text("Version"),
        wide("Internal-IP"),
        wide("External-IP"),
        wide("OS-Image"),
        wide("Kernel-Version"),
        wide("Container-Runtime"),
    ],
    cells: node,
};

pub(crate) const EVENTS: TablePrinter = TablePrinter {
    columns: &[
        text("Last Seen"),
        text("Type"),
        text("Reason"),
        text("Object"),
        wide("Subobject"),
        wide("Source"),
        text("Message"),
        wide("First Seen"),
        Column { kind: "integer", ..wide("Count") },
        wide("Name"),
    ],
    cells: event,
};

fn name(object: &Value) -> Value {
    object["metadata"]["name"].clone()
}

fn aged(object: &Value, now: Timestamp) -> Value {
    json!(age(&object["metadata"]["creationTimestamp"], now))
}

fn size(map: &Value) -> usize {
    map.as_object().map_or(0, serde_json::Map::len)
}

fn string(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn subjects(binding: &Value, kind: &str) -> Value {
    let all = binding["subjects"].as_array().into_iter().flatten().filter(|s| s["kind"] == kind);
    let names = all.map(|s| match string(&s["namespace"]) {
        "" => string(&s["name"]).to_owned(),
        namespace => format!("{namespace}/{}", string(&s["name"])),
    });
    json!(names.collect::<Vec<_>>().join(", "))
}

/// Names, images and selector of a workload's pods.
fn template(object: &Value) -> Vec<Value> {
    let containers = || object["spec"]["template"]["spec"]["containers"].as_array().into_iter().flatten();
    let all = |field: &str| containers().map(|c| string(&c[field])).collect::<Vec<_>>().join(",");
    vec![
        json!(all("name")),
        json!(all("image")),
        json!(LabelSelector::from_json(&object["spec"]["selector"]).to_string()),
    ]
}

/// The first that holds (`printJob`).
fn job_status(job: &Value) -> &'static str {
    let conditions = || job["status"]["conditions"].as_array().into_iter().flatten();
    let is = |kind: &str| conditions().any(|c| c["type"] == kind && c["status"] == "True");
    let states = [
        (is("Complete"), "Complete"),
        (is("Failed"), "Failed"),
        (job["metadata"]["deletionTimestamp"].is_string(), "Terminating"),
        (is("Suspended"), "Suspended"),
        (is("FailureTarget"), "FailureTarget"),
        (is("SuccessCriteriaMet"), "SuccessCriteriaMet"),
    ];
    states.into_iter().find(|(holds, _)| *holds).map_or("Running", |(_, word)| word)
}

fn job_completions(job: &Value) -> String {
    let succeeded = job["status"]["succeeded"].as_i64().unwrap_or(0);
    match (job["spec"]["completions"].as_i64(), job["spec"]["parallelism"].as_i64()) {
        (Some(completions), _) => format!("{succeeded}/{completions}"),
        (None, Some(parallelism @ 2..)) => format!("{succeeded}/1 of {parallelism}"),
        _ => format!("{succeeded}/1"),
    }
}

fn job_duration(job: &Value, now: Timestamp) -> String {
    let end = parse_time(&job["status"]["completionTime"]).unwrap_or(now);
    parse_time(&job["status"]["startTime"]).map_or_else(String::new, |start| human(end.as_second() - start.as_second()))
}

fn node(node: &Value, now: Timestamp) -> Vec<Value> {
    let conditions = || node["status"]["conditions"].as_array().into_iter().flatten();
    let ready = conditions().find(|c| c["type"] == "Ready").map_or("Unknown", |c| match string(&c["status"]) {
        "True" => "Ready",
        _ => "NotReady",
    });
    let cordoned = if node["spec"]["unschedulable"] == true { ",SchedulingDisabled" } else { "" };
    let labels = node["metadata"]["labels"].as_object().into_iter().flatten();
    let roles: Vec<_> = labels.filter_map(|(k, _)| k.strip_prefix("node-role.kubernetes.io/")).collect();
    let roles = if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") };
    let address = |kind: &str| {
        let all = node["status"]["addresses"].as_array().into_iter().flatten();
        all.filter(|a| a["type"] == kind).find_map(|a| a["address"].as_str()).unwrap_or("<none>").to_owned()
    };
    let info = |key: &str| match string(&node["status"]["nodeInfo"][key]) {
        "" => json!("<unknown>"),
        known => json!(known),
    };
    vec![
        name(node),
        json!(format!("{ready}{cordoned}")),
        json!(roles),
        aged(node, now),
        info("kubeletVersion"),
        json!(address("InternalIP")),
        json!(address("ExternalIP")),
        info("osImage"),
        info("kernelVersion"),
        info("containerRuntimeVersion"),
    ]
}

fn event(event: &Value, now: Timestamp) -> Vec<Value> {
    let seen = |key: &str| {
        let then = parse_time(&event[key]).or_else(|| parse_time(&event["eventTime"]));
        then.map_or_else(|| "<unknown>".to_owned(), |t| human(now.as_second() - t.as_second()))
    };
    let (first, last) = (seen("firstTimestamp"), seen("lastTimestamp"));
    let object = &event["involvedObject"];
    let component = match string(&event["source"]["component"]) {
        "" => string(&event["reportingComponent"]),
        component => component,
    };
    let source = match string(&event["source"]["host"]) {
        "" => component.to_owned(),
        host => format!("{component}, {host}"),
    };
    vec![
        json!(last),
        event["type"].clone(),
        event["reason"].clone(),
        json!(format!("{}/{}", string(&object["kind"]).to_lowercase(), string(&object["name"]))),
        json!(string(&object["fieldPath"])),
        json!(source),
        json!(string(&event["message"]).trim()),
        json!(first),
        json!(event["count"].as_i64().unwrap_or(1)),
        name(event),
    ]
}
