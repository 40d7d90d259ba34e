//! How long a run of a thousand steps takes to become `report.html` and `junit.xml`, and how large they are: `cargo bench
//! --bench report`. It is the program that is measured, from its start to its end. Nothing here passes or fails; what the
//! project aims at stands beside each figure.

#![expect(clippy::disallowed_methods, reason = "the program is measured as it is started")]

use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

const STEPS: usize = 1_000;
const AIM: Duration = Duration::from_millis(500);
const AIM_BYTES: u64 = 2_000_000;
/// The best of as many counts.
const TIMES: usize = 5;

/// A lab of a thousand steps, each with a command, its output, a pod that is refused its image, requests, and two checks.
fn events() -> String {
    let began = json!({"type": "session.started", "session": "bench", "version": "0.1.0", "schema": 1});
    let mut events =
        vec![began, json!({"type": "lab.started", "lab": 1, "title": "Lab 1: Long", "file": "x", "steps": STEPS})];
    for line in 1..=STEPS {
        let output =
            "NAME    READY   STATUS             RESTARTS   AGE\nmypod   0/1     ImagePullBackOff   0          5s\n";
        let state = |status: &str, at: usize| {
            json!({"type": "object.state", "lab": 1, "object": "pod/mypod", "uid": format!("u{line}"), "status": status,
                   "at_object_ms": at, "reason": "pull access denied, repository does not exist or may require authorization"})
        };
        let told = |reason: &str| {
            json!({"type": "object.event", "lab": 1, "object": "pod/mypod", "uid": format!("u{line}"), "reason": reason,
                   "class": "Warning", "message": "Failed to pull image", "count": 3, "at_object_ms": 10})
        };
        let check = |what: &str| json!({"type": "check", "lab": 1, "line": line, "check": what, "verdict": "reproduced", "detail": "0.20 s"});
        events.extend([
            json!({"type": "step.started", "lab": 1, "line": line, "heading": format!("{}. A pod", line / 10), "command": "kubectl apply -f pod.yaml\nkubectl get pods"}),
            json!({"type": "request", "lab": 1, "verb": "create", "resource": "pods", "namespace": "default", "name": "mypod", "code": 201, "micros": 900}),
            state("Pending", 0),
            told("Pulling"),
            state("ErrImagePull", 200),
            json!({"type": "registry.answer", "lab": 1, "image": "docker.io/u/app1:1", "code": 401}),
            told("BackOff"),
            state("ImagePullBackOff", 400),
            json!({"type": "step.output", "lab": 1, "line": line, "text": output.repeat(5)}),
            check("expect pod/mypod: ErrImagePull, ImagePullBackOff"),
            check("prints as shown"),
            json!({"type": "step.finished", "lab": 1, "line": line, "verdict": "reproduced", "command_ms": 30, "wait_ms": 70}),
        ]);
    }
    events.push(json!({"type": "lab.finished", "lab": 1, "title": "Lab 1: Long", "verdict": "reproduced", "ms": 100_000, "failure": null}));
    let timings = json!({"stage_ms": 1, "commands_ms": 2, "cluster_ms": 3, "own_ms": 4});
    events.push(json!({"type": "session.finished", "verdict": "reproduced", "ms": 100_000, "timings": timings}));
    let mut lines = String::new();
    for (at, mut event) in events.into_iter().enumerate() {
        event["at_ms"] = json!(at * 8);
        let _ = writeln!(lines, "{event}");
    }
    lines
}

fn main() -> std::io::Result<()> {
    // `cargo test` builds benches and runs them with this argument.
    if std::env::args().any(|arg| arg == "--test") {
        return Ok(());
    }
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-report");
    std::fs::create_dir_all(&folder)?;
    let (file, text) = (folder.join("events.jsonl"), events());
    std::fs::write(&file, &text)?;
    let mut best = Duration::MAX;
    for _ in 0..TIMES {
        let began = Instant::now();
        let status = Command::new(env!("CARGO_BIN_EXE_rehearse")).arg("report").arg(&file).output()?.status;
        best = best.min(began.elapsed());
        assert!(status.success(), "rehearse report: {status}");
    }
    println!("{STEPS} steps, {} bytes of events", text.len());
    println!("{:<24} {:>9.1} ms   of {} ms", "rehearse report", best.as_secs_f64() * 1e3, AIM.as_millis());
    for name in ["report.html", "junit.xml"] {
        let bytes = std::fs::metadata(folder.join(name))?.len();
        println!("{name:<24} {:>9.1} kB   of {} kB", bytes as f64 / 1e3, AIM_BYTES / 1000);
    }
    Ok(())
}
