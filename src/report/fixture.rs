//! Runs as their events tell them, for the tests of what is rendered of them.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::model::SessionReport;
use super::read;

/// What was written.
#[derive(Clone, Default)]
pub(super) struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Page {
    pub(super) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// The lines of an events' file.
pub(super) fn lines(events: &[Value]) -> String {
    events
        .iter()
        .enumerate()
        .map(|(at, event)| {
            let mut event = event.clone();
            event["at_ms"] = json!(at * 100);
            event.to_string() + "\n"
        })
        .collect()
}

pub(super) fn session(events: &[Value]) -> SessionReport {
    SessionReport::new(read::stream(&lines(events)))
}

/// What no report may act on.
pub(super) const HOSTILE: &str = "</pre><script>alert(1)</script>\u{1b}[2J\u{0}<img src=http://evil.example/x>\n";

fn began() -> Vec<Value> {
    vec![
        json!({"type": "session.started", "session": "20261128-100000-0001", "version": "0.1.0", "schema": 1,
               "at": "2026-11-28T10:00:00+00:00"}),
        json!({"type": "tool", "name": "kubectl", "version": "v1.36.4"}),
    ]
}

fn ended(verdict: &str) -> Value {
    json!({"type": "session.finished", "verdict": verdict, "ms": 1900,
           "timings": {"stage_ms": 1, "commands_ms": 2, "cluster_ms": 3, "own_ms": 4}})
}

fn on_stage() -> Vec<Value> {
    let mut events = began();
    events.extend([
        json!({"type": "note", "text": "python:3.9-slim stands in: no host"}),
        json!({"type": "stage.part", "part": "cluster", "state": "ready", "detail": "mini v1.36.0", "ms": 500}),
        json!({"type": "stage.ready", "cluster": "mini", "server_version": "v1.36.0", "registry": "127.0.0.1:1", "ms": 9}),
    ]);
    events
}

/// One lab that passes, one that fails in its second step, with a twin and a hostile log.
pub(super) fn failed_events() -> Vec<Value> {
    let step = |lab: u32, line: u32, heading: &str, command: &str| json!({"type": "step.started", "lab": lab, "line": line, "heading": heading, "command": command});
    let done = |lab: u32, line: u32, verdict: &str| json!({"type": "step.finished", "lab": lab, "line": line, "verdict": verdict, "command_ms": 30, "wait_ms": 70});
    let state = |uid: &str, status: &str, at: u32, without: Option<&str>| {
        let mut state = json!({"type": "object.state", "lab": 1, "object": "pod/mypod", "uid": uid, "status": status,
                               "at_object_ms": at, "reason": null});
        if let Some(without) = without {
            state["without"] = json!(without);
        }
        state
    };
    let event = |reason: &str, count: u32| {
        json!({"type": "object.event", "lab": 1, "object": "pod/mypod", "uid": "u1", "reason": reason,
               "class": "Normal", "message": "m", "count": count, "at_object_ms": 10})
    };
    let asked = |verb: &str, name: &str, code: u32| {
        json!({"type": "request", "lab": 1, "verb": verb, "resource": "pods", "namespace": "default", "name": name,
               "code": code, "micros": 900})
    };
    let answer = |code: u32, user: Option<&str>| json!({"type": "registry.answer", "lab": 1, "image": "docker.io/u/app1:1", "code": code, "user": user});
    let file = "/home/runner/work/x/labs/1-secrets/README.md";
    let mut events = on_stage();
    events.extend([
        json!({"type": "lab.started", "lab": 0, "title": "Lab 0: Push", "file": "labs/0/README.md", "steps": 1}),
        step(0, 3, "1. Push", "docker push app1"),
        done(0, 3, "reproduced"),
        json!({"type": "lab.finished", "lab": 0, "title": "Lab 0: Push", "verdict": "reproduced", "ms": 100, "failure": null}),
        json!({"type": "lab.started", "lab": 1, "title": "Lab 1: A <secret> | one", "file": file, "steps": 4}),
        json!({"type": "file.written", "lab": 1, "line": 5, "heading": "1. A pod, without", "name": "pod.yaml"}),
        done(1, 5, "reproduced"),
        step(1, 9, "1. A pod, without", "kubectl apply -f pod.yaml"),
        state("u1", "Pending", 0, None),
        event("Pulling", 1),
        answer(401, None),
        state("u1", "ErrImagePull", 200, None),
        event("BackOff", 3),
        state("u1", "ImagePullBackOff", 400, None),
        json!({"type": "step.output", "lab": 1, "line": 9, "text": HOSTILE}),
        json!({"type": "check", "lab": 1, "line": 8, "check": "expect pod/mypod: ErrImagePull",
               "verdict": "reproduced", "detail": "0.20 s"}),
        done(1, 9, "reproduced"),
        step(1, 20, "2. With the secret", "kubectl logs mypod"),
        asked("create", "mypod", 201),
        asked("get", "mypod", 200),
        answer(401, Some("u")),
        answer(401, Some("u")),
        answer(200, Some("u")),
        state("u2", "Pending", 0, None),
        state("u2", "Running", 100, None),
        state("u3", "ErrImagePull", 50, Some("secret")),
        state("u3", "Deleted", 60, Some("secret")),
        json!({"type": "check", "lab": 1, "line": 19, "check": "prints as shown", "verdict": "contradicted",
               "detail": "it says something else\n-shown\n+printed"}),
        done(1, 20, "contradicted"),
        done(1, 30, "failed-in-sequence"),
        json!({"type": "lab.finished", "lab": 1, "title": "Lab 1: A <secret> | one", "verdict": "contradicted", "ms": 900,
               "failure": {"file": file, "line": 21, "message": "prints as shown: 100% other, really: yes\n-shown\n+printed",
                           "causes": ["mypod names the pull secret s, which its namespace does not have", "the registry <hangs>"],
                           "evidence": ["pod/mypod  0.00 Pending", HOSTILE], "hint": "look at its log"}}),
        ended("contradicted"),
    ]);
    events
}

pub(super) fn failed() -> SessionReport {
    session(&failed_events())
}

/// A lecture with one item that holds, one that drifted, one that fails, and one for a person.
pub(super) fn checked_events() -> Vec<Value> {
    let text = "# Private images\n\nSee <b>this</b> and [the docs](https://kubernetes.io/docs), \
                not [that](javascript:alert(1)). ![a picture](https://evil.example/p.png)\n\n\
                ```bash\nkubectl get pods\n```\n\n```text\nNAME    READY\nmypod   1/1\n```\n\n\
                1. Open the page and click\n2. Then:\n\n   ```bash\n   kubectl get secret nope\n   ```\n";
    let item = |id: &str, lines: [u32; 2], kind: &str, verdict: &str| {
        json!({"type": "item", "lab": 1, "id": id, "headings": ["Private images"], "line": lines[0],
               "last_line": lines[1], "kind": kind, "text": "the text", "verdict": verdict})
    };
    let mut drifted = item("private-images:2", [10, 11], "output", "drifted");
    drifted["differences"] = json!([{"place": "column STATUS", "printed": "Running"}]);
    drifted["drift"] = json!(["kubectl prints a column more since 1.99"]);
    drifted["correction"] = json!({"line": 10, "last_line": 11, "text": "NAME    READY  STATUS", "safe": true});
    let mut wrong = item("private-images:4", [18, 18], "command", "failed");
    wrong["reason"] = json!("the secret is not there");
    wrong["evidence"] = json!([{"of": "stderr", "says": HOSTILE}]);
    let mut manual = item("private-images:3", [14, 14], "manual", "manual");
    manual["reason"] = json!("a person does it: click");
    let mut events = on_stage();
    events.extend([
        json!({"type": "lecture.started", "lab": 1, "title": "Private images", "file": "docs/lecture.md", "text": text}),
        item("private-images:1", [6, 6], "command", "reproduced"),
        drifted,
        manual,
        wrong,
        json!({"type": "lecture.finished", "lab": 1, "verdict": "failed", "ms": 700}),
        ended("failed"),
    ]);
    events
}

pub(super) fn checked() -> SessionReport {
    session(&checked_events())
}

/// A run that had no engine.
pub(super) fn blocked() -> SessionReport {
    let mut events = began();
    events.extend([
        json!({"type": "session.failed", "message": "no Docker\n::warning::100%", "hint": "start it"}),
        ended("blocked"),
    ]);
    session(&events)
}
