//! Labs on a machine that fails under them: the registry or the Engine is restarted, the disk is full, the clock is moved.
//! A verdict is right, or says that it cannot be told, or there is none and the error says why; it is never wrong, and
//! nothing is left.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rehearsal::docker::labels;
use rehearsal::wait::{Probe, Wake, until};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::engine::{answer, ask, that_goes};
use crate::program::{Finished, Ground, Program, containers, skipped};

/// A run of the labs whose verdicts are known, each of which is reproduced on a sound machine.
fn labs(ground: &Ground) -> Program {
    ground.rehearse(&["run", "1", "2", "3", "--cluster", "mini", "--json"])
}

/// At which moments something happens.
fn moments() -> [Value; 2] {
    ["ErrImagePull", "Running"].map(|status| json!({"type": "object.state", "status": status}))
}

/// Each verdict is right, or unstable with one of the words; a run without verdicts ends with an error that has one.
#[track_caller]
fn is_not_wrong(run: &Finished, words: &[&str], when: &str) {
    let says = |text: &str| words.iter().any(|word| text.contains(word));
    let finished = run.events("lab.finished");
    for lab in &finished {
        match lab["verdict"].as_str().unwrap() {
            "reproduced" => {}
            // A twin that was refused by nobody proves nothing.
            "unproven" => {}
            "unstable" | "blocked" => assert!(says(&lab.to_string()), "{when}: {lab} says nothing of {words:?}"),
            _ => panic!("{when}: {lab}"),
        }
    }
    if finished.len() < 3 {
        assert!(says(&run.stderr), "{when}: {:?} {}", run.code, run.all());
    }
    let passed = finished.iter().filter(|lab| lab["verdict"] == "reproduced").count();
    assert_eq!(run.code == Some(0), passed == 3, "{when}: {:?} after {passed} labs", run.code);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_restarted_makes_no_verdict_wrong() {
    let ground = Ground::new().await;
    for moment in moments() {
        let mut run = labs(&ground).start();
        let session = run.until(json!({"type": "session.started"})).await["session"].as_str().unwrap().to_owned();
        run.until(moment.clone()).await;
        ask("POST", &format!("/containers/{}/restart?t=0", registry(&session).await)).await;
        let run = run.finish().await;
        is_not_wrong(&run, &["registry"], &moment.to_string());
        let proved = run.events("lab.finished").iter().any(|lab| lab["verdict"] == "reproduced");
        let told = run.events("registry.answer").iter().any(|answer| answer["code"] == 200);
        assert!(told || !proved, "{moment}: what the registry answered after its restart is not told");
    }
    ground.nothing_is_left(2).await;
}

/// The container of the session's registry, in one look: those of pods come and go.
async fn registry(session: &str) -> String {
    let all: Vec<Value> = serde_json::from_str(&ask("GET", "/containers/json?all=1").await).unwrap();
    let is_it = |container: &&Value| {
        container["Labels"][labels::SESSION] == session
            && container["Names"][0].as_str().is_some_and(|name| name.starts_with("/rehearsal-registry-"))
    };
    let found = all.iter().find(is_it).unwrap_or_else(|| panic!("{session} has no registry"));
    found["Id"].as_str().unwrap().to_owned()
}

/// As a daemon that is restarted: connections break, containers are stopped, and after a while it is there again.
#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_restarted_makes_no_verdict_wrong() {
    let ground = Ground::new().await;
    // Labs wait a minute for what a registry that is gone does not refuse.
    let [_, moment] = moments();
    let (host, gone) = that_goes(ground.dir.path());
    let mut run = labs(&ground).env("DOCKER_HOST", &host).start();
    let session = run.until(json!({"type": "session.started"})).await["session"].as_str().unwrap().to_owned();
    run.until(moment.clone()).await;
    gone.cancel();
    for container in containers(&session).await {
        let (code, body) = answer("POST", &format!("/containers/{container}/stop?t=0")).await;
        // One that is gone meanwhile need not be stopped.
        assert!(code < 400 || code == 404, "{container}: {body}");
    }
    let came_back = back(ground.dir.path()).await;
    let run = run.finish().await;
    is_not_wrong(&run, &["registry", "Docker", "docker", "Engine"], &moment.to_string());
    ground.rehearse(&["down"]).env("DOCKER_HOST", &host).run().await.exits_with(0);
    came_back.cancel();
    gone_from(ground.dir.path()).await;
    ground.nothing_is_left(1).await;
}

/// The Engine, at the socket that it had.
async fn back(dir: &Path) -> CancellationToken {
    gone_from(dir).await;
    that_goes(dir).1
}

async fn gone_from(dir: &Path) {
    let socket = dir.join("engine.sock");
    let gone = async || if socket.exists() { Probe::Pending("it is there".into()) } else { Probe::Done(()) };
    until("the socket to go", Duration::from_secs(5), Wake::Every(Duration::from_millis(5)), gone).await.unwrap();
}

#[expect(clippy::disallowed_methods, reason = "the tests do what a user would")]
async fn succeeds(program: &str, args: &[&str]) -> Result<(), String> {
    let mut command = Command::new(program);
    let output = command.args(args).stdin(Stdio::null()).output().await.map_err(|why| format!("`{program}`: {why}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(format!("`{program} {}`: {said}", args.join(" "))) }
}

/// A file system of its own for sessions, as small as wanted.
struct Small(PathBuf);

impl Small {
    /// None where it cannot be had, which is said.
    async fn at(folder: PathBuf, size: &str, test: &str) -> Option<Self> {
        std::fs::create_dir_all(&folder).unwrap();
        let (options, path) = (format!("size={size}"), folder.display().to_string());
        let mounted = succeeds("mount", &["-t", "tmpfs", "-o", &options, "tmpfs", &path]).await;
        mounted.map_err(|why| skipped(test, "mount", &why)).ok().map(|()| Self(folder))
    }

    /// Takes all that is free.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.0.join("filler")).unwrap();
        let chunk = vec![0; 4096];
        while std::io::Write::write_all(&mut file, &chunk).is_ok() {}
    }
}

/// Of a test that fails, too.
impl Drop for Small {
    #[expect(clippy::disallowed_methods, reason = "nothing can be awaited here")]
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_makes_no_verdict_wrong() {
    const TEST: &str = "a_full_disk_makes_no_verdict_wrong";
    let words = ["No space left", "disk is full", "no space left"];
    for size in ["4k", "1m"] {
        let ground = Ground::new().await;
        let Some(small) = Small::at(ground.root(), size, TEST).await else { return };
        is_not_wrong(&labs(&ground).run().await, &words, size);
        drop(small);
    }
    for moment in moments() {
        let ground = Ground::new().await;
        let Some(small) = Small::at(ground.root(), "200m", TEST).await else { return };
        let mut run = labs(&ground).start();
        run.until(moment.clone()).await;
        small.fill();
        is_not_wrong(&run.finish().await, &words, &moment.to_string());
        drop(small);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_moved_makes_no_verdict_wrong() {
    let library = ["x86_64", "aarch64"].map(|arch| format!("/usr/lib/{arch}-linux-gnu/faketime/libfaketime.so.1"));
    let Some(library) = library.iter().find(|path| Path::new(path).exists()) else {
        return skipped("a_clock_that_is_moved_makes_no_verdict_wrong", "faketime", "libfaketime is not installed");
    };
    let ground = Ground::new().await;
    let clock = ground.path("clock");
    let mut count = 0;
    for (moment, moved) in moments().into_iter().zip(["+1h", "-1h"]) {
        std::fs::write(&clock, "+0").unwrap();
        let run = labs(&ground).env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", &clock);
        let mut run = run.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1").start();
        run.until(moment.clone()).await;
        std::fs::write(&clock, moved).unwrap();
        is_not_wrong(&run.finish().await, &["clock"], &format!("{moved} at {moment}"));
        count += 1;
    }
    ground.nothing_is_left(count).await;
}
