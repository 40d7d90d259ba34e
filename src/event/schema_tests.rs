//! The events' schema, which stands in docs: it is the events' own, and each event keeps to it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::files::is_made;

use super::{Record, SCHEMA, schema};

/// One of each type.
fn samples() -> Vec<Value> {
    let failure = json!({"file": "f", "line": 3, "message": "m", "evidence": ["e"], "hint": null});
    let timings =
        json!({"stage_ms": 1, "commands_ms": 2, "cluster_ms": 3, "own_ms": 4, "longest_wait_ms": 5, "telling_us": 6});
    let item = json!({
        "type": "item", "lab": 1, "id": "top:1", "headings": ["h"], "line": 1, "last_line": 2, "kind": "output",
        "text": "t", "verdict": "drifted", "reason": "r", "adapted": ["a"], "evidence": [{"of": "stderr", "says": "s"}],
        "differences": [{"place": "line", "shown": "a", "printed": "b"}], "drift": ["d"], "blamed": "top:0",
        "correction": {"line": 1, "last_line": 2, "text": "t", "safe": true},
    });
    vec![
        json!({"type": "session.started", "session": "s", "version": "0.1.0", "schema": SCHEMA, "at": "2026-11-28T10:00:00+00:00"}),
        json!({"type": "tool", "name": "kubectl", "version": "v1.36.4"}),
        json!({"type": "note", "text": "t"}),
        json!({"type": "stage.part", "part": "image", "state": "ready", "detail": "d", "ms": 1}),
        json!({"type": "stage.ready", "cluster": "mini", "server_version": "v1.36.0", "registry": "r", "ms": 1}),
        json!({"type": "lab.started", "lab": 1, "title": "t", "file": "f", "steps": 1}),
        json!({"type": "step.waits", "lab": 1, "line": 1, "heading": "h", "command": "c"}),
        json!({"type": "step.started", "lab": 1, "line": 1, "heading": "h", "command": "c"}),
        json!({"type": "file.written", "lab": 1, "line": 1, "heading": "h", "name": "pod.yaml"}),
        json!({"type": "step.output", "lab": 1, "line": 1, "text": "t"}),
        json!({"type": "object.state", "lab": 1, "object": "pod/p", "uid": "u", "status": "Running", "at_object_ms": 1, "reason": null, "without": "secret"}),
        json!({"type": "object.event", "lab": 1, "object": "pod/p", "uid": "u", "reason": "Pulling", "class": "Normal", "message": "m", "count": 1, "at_object_ms": 1}),
        json!({"type": "request", "lab": 1, "verb": "get", "resource": "pods", "namespace": "default", "name": "p", "code": 200, "micros": 9}),
        json!({"type": "registry.answer", "lab": 1, "image": "docker.io/u/app1:1", "code": 401, "user": "u"}),
        json!({"type": "check", "lab": 1, "line": 1, "check": "c", "verdict": "unproven", "detail": "d"}),
        json!({"type": "step.finished", "lab": 1, "line": 1, "verdict": "expected-failure", "command_ms": 1, "wait_ms": 1}),
        json!({"type": "lab.finished", "lab": 1, "title": "t", "verdict": "failed", "ms": 1, "failure": failure}),
        json!({"type": "lecture.started", "lab": 1, "title": "t", "file": "f", "text": "t"}),
        item,
        json!({"type": "lecture.finished", "lab": 1, "verdict": "not-checked", "ms": 1}),
        json!({"type": "yardstick", "kubectl_us": 1, "kubectl_calls": 1, "docker_us": 1, "containers": 1}),
        json!({"type": "session.failed", "message": "m", "hint": null}),
        json!({"type": "session.finished", "verdict": "blocked", "ms": 1, "timings": timings}),
    ]
}

#[test]
fn the_schema_in_docs_is_the_events_own_and_they_keep_to_it() {
    let schema = serde_json::to_value(schema()).unwrap();
    is_made("docs/events.schema.json", &(serde_json::to_string_pretty(&schema).unwrap() + "\n"));
    let validator = jsonschema::validator_for(&schema).unwrap();
    for mut value in samples() {
        value["at_ms"] = json!(7);
        let errors: Vec<_> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{value}: {errors:?}");
        let record: Record = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(record).unwrap(), value);
    }
    for wrong in [
        json!({"at_ms": 1, "type": "of.tomorrow"}),
        json!({"type": "note", "text": "t"}),
        json!({"at_ms": 1, "type": "note"}),
        json!({"at_ms": 1, "type": "check", "lab": 1, "line": 1, "check": "c", "verdict": "splendid", "detail": "d"}),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
}

#[test]
fn each_type_has_its_sample() {
    let schema = serde_json::to_value(schema()).unwrap();
    let types = schema["oneOf"].as_array().unwrap().iter().map(|one| one["properties"]["type"]["const"].clone());
    let of = |types: &mut dyn Iterator<Item = Value>| -> BTreeSet<String> {
        types.map(|type_| type_.as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(of(&mut { types }), of(&mut samples().into_iter().map(|sample| sample["type"].clone())));
}
