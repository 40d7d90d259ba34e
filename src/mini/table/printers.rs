//! Columns and cells of every kind but pods.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::age::{age, human, parse_time};
use super::{Column, Printer, pod};

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

pub const PODS: Printer = Printer {
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
pub const PLAIN: Printer = Printer { columns: &[NAME, AGE], cells: |o, now| vec![name(o), aged(o, now)] };

pub const NAMESPACES: Printer = Printer {
    columns: &[NAME, text("Status"), AGE],
    cells: |o, now| vec![name(o), o["status"]["phase"].clone(), aged(o, now)],
};

pub const SECRETS: Printer = Printer {
    columns: &[NAME, text("Type"), number("Data"), AGE],
    cells: |o, now| vec![name(o), o["type"].clone(), json!(size(&o["data"])), aged(o, now)],
};

pub const CONFIG_MAPS: Printer = Printer {
    columns: &[NAME, number("Data"), AGE],
    cells: |o, now| vec![name(o), json!(size(&o["data"]) + size(&o["binaryData"])), aged(o, now)],
};

pub const SERVICE_ACCOUNTS: Printer = Printer {
    columns: &[NAME, Column { gone_in: Some(35), ..number("Secrets") }, AGE],
    cells: |o, now| vec![name(o), json!(o["secrets"].as_array().map_or(0, Vec::len)), aged(o, now)],
};

pub const ROLES: Printer = Printer {
    columns: &[NAME, text("Created At")],
    cells: |o, _| vec![name(o), o["metadata"]["creationTimestamp"].clone()],
};

pub const BINDINGS: Printer = Printer {
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

pub const NODES: Printer = Printer {
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

pub const EVENTS: Printer = Printer {
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
