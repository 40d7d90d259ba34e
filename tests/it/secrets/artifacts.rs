//! Everything that a run shows and leaves, and everything that can be seen of it while it goes on.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rehearsal::process;
use serde_json::Value;

use super::scan::{Artifact, Kind};
use crate::engine::ask;
use crate::program::{Ground, containers};

/// What a fence is given, so that a lab's own commands can log in.
const GIVEN: &str = "DOCKER_PASSWORD=";

/// Files that a run stands on while it goes on: they are their owner's alone, and are gone afterwards. What is in them
/// are the cluster's and the lab's kubeconfigs, what `docker login` writes, the variables that a fence hands to the
/// next, and what another command needs to play on a stage that is up.
const STANDS_ON: [&str; 6] =
    ["kubeconfig", "kind.kubeconfig", ".kube/config", "config.json", "notes/state", "stage.json"];

/// What can be seen of a run of `session` now; `pid` has started it.
pub(super) async fn seen(ground: &Ground, session: &str, pid: i32) -> Vec<Artifact> {
    let mut seen = private_files(&ground.root().join(session).join("private"));
    let mut inside = Vec::new();
    let found = containers(session).await;
    assert!(!found.is_empty(), "a registry is a container");
    for id in found {
        let text = ask("GET", &format!("/containers/{id}/json")).await;
        let body: Value = serde_json::from_str(&text).unwrap();
        inside.extend(body["State"]["Pid"].as_i64());
        seen.push(Artifact { kind: Kind::Container, place: body["Name"].to_string(), text });
    }
    let own = family(pid.into());
    // What a fence has put into the background is nobody's child, but knows who started it.
    let started_by =
        |by: &str| by.split('-').next().and_then(|pid| pid.parse().ok()).is_some_and(|pid| own.contains(&pid));
    let background = process::with_variable(process::STARTED_BY, started_by).into_iter().map(|it| it.pid.into());
    for pid in own.iter().copied().chain(background).collect::<BTreeSet<_>>() {
        let fence = name(pid) != "rehearse";
        // What a fence is given is in the environment of all that it starts.
        seen.extend(shown_by(pid, |variable| fence && variable.starts_with(GIVEN)));
    }
    seen.extend(inside.into_iter().flat_map(family).flat_map(|pid| shown_by(pid, |_| false)));
    seen
}

/// Files that only their owner may read, but for those that a run stands on.
fn private_files(folder: &Path) -> Vec<Artifact> {
    let mut found = Vec::new();
    for path in below(folder) {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let (text, is_open) = (fs::read(&path).unwrap_or_default(), metadata.permissions().mode() & 0o077 != 0);
        let place = path.strip_prefix(folder).unwrap().display().to_string();
        if is_open || !STANDS_ON.iter().any(|own| path.ends_with(own)) {
            let text = String::from_utf8_lossy(&text).into_owned();
            found.push(Artifact { kind: Kind::Private, place, text });
        }
    }
    found
}

/// Regular files, however deep.
fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let each = entries.flat_map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => below(&entry.path()),
        Ok(kind) if kind.is_file() => vec![entry.path()],
        _ => Vec::new(),
    });
    each.collect()
}

/// A process and all that it and they have started.
fn family(first: i64) -> BTreeSet<i64> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids: Vec<i64> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    let mut family = BTreeSet::from([first]);
    loop {
        let is_new = |pid: &&i64| !family.contains(pid) && parent(**pid).is_some_and(|it| family.contains(&it));
        let new: Vec<i64> = pids.iter().filter(is_new).copied().collect();
        if new.is_empty() {
            return family;
        }
        family.extend(new);
    }
}

fn parent(pid: i64) -> Option<i64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

fn name(pid: i64) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}

/// A process' command line and its environment without what it was given.
fn shown_by(pid: i64, is_given: impl Fn(&str) -> bool) -> [Artifact; 2] {
    let read = |file: &str| {
        let bytes = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).replace('\0', "\n")
    };
    let environment = read("environ");
    let environment = environment.lines().filter(|variable| !is_given(variable)).collect::<Vec<_>>().join("\n");
    let place = format!("{pid} {}", name(pid));
    [
        Artifact { kind: Kind::Arguments, place: place.clone(), text: read("cmdline") },
        Artifact { kind: Kind::Environment, place, text: environment },
    ]
}

/// The files that stay of each session, which only their owner may read.
pub(super) fn kept(ground: &Ground) -> Vec<Artifact> {
    let mut kept = Vec::new();
    for session in ground.sessions() {
        let folder = ground.root().join(&session);
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700, "{session}");
        for path in below(&folder) {
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
            let kind = match path.file_name().unwrap().to_str().unwrap() {
                "events.jsonl" => Kind::Events,
                "traces.jsonl" => Kind::Traces,
                "junit.xml" => Kind::Junit,
                "report.html" => Kind::Html,
                "check.jsonl" => Kind::Check,
                other => panic!("{other} is a kind of file that is not looked through"),
            };
            let text = fs::read_to_string(&path).unwrap();
            kept.push(Artifact { kind, place: path.display().to_string(), text });
        }
    }
    kept
}
