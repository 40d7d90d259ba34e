//! What is left of sessions, by looking at everything that one can leave something in.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};

use rehearsal::docker::{Docker, labels};
use rehearsal::process;

use super::moment::{events, name, sessions};

/// Where a cell's programs stand.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub root: PathBuf,
    pub tmpdir: PathBuf,
    /// The user's kubeconfig, and what is in it.
    pub kubeconfig: PathBuf,
    pub contents: String,
}

/// One line for each thing that is left.
pub(super) async fn left(standing: &Standing) -> Vec<String> {
    let mut left = Vec::new();
    let docker = Docker::connect().await.unwrap();
    let images = docker.images().await.unwrap();
    for session in sessions(&standing.root) {
        let id = name(&session);
        for label in [format!("{}={id}", labels::SESSION), format!("io.x-k8s.kind.cluster=rehearsal-{id}")] {
            left.extend(docker.left_with(&label).await.unwrap().into_iter().map(|what| format!("{what} of {label}")));
        }
        left.extend(images.iter().flat_map(|image| &image.tags).filter(|tag| tag.contains(&id)).cloned());
        left.extend(session.join("private").exists().then(|| format!("private files of {id}")));
        left.extend(registry(&session).filter(|addr| TcpStream::connect(addr).is_ok()).map(|it| format!("port {it}")));
    }
    left.extend(files(&standing.tmpdir));
    left.extend(processes(&standing.root));
    let kubeconfig = std::fs::read_to_string(&standing.kubeconfig).unwrap();
    left.extend((kubeconfig != standing.contents).then(|| "another kubeconfig".to_owned()));
    left
}

/// Where the session's own registry listened; the user's own is named without its image.
fn registry(session: &Path) -> Option<SocketAddr> {
    let ready = events(session).into_iter().find(|event| event["part"] == "registry" && event["state"] == "ready")?;
    let (_, listens) = ready["detail"].as_str()?.split_once(" on ")?;
    listens.split_whitespace().next()?.parse().ok()
}

/// Files and folders below `tmpdir`, but for the folder of locks itself.
fn files(tmpdir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(tmpdir).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_locks = |path: &PathBuf| {
        name(path).strip_prefix("rehearsal-").is_some_and(|user| user.chars().all(|c| c.is_ascii_digit()))
    };
    let (locks, others): (Vec<_>, Vec<_>) = entries.partition(is_locks);
    let locks = locks.iter().flat_map(|dir| std::fs::read_dir(dir).into_iter().flatten().flatten());
    let locks = locks.map(|lock| format!("lock {}", lock.path().display()));
    others.iter().map(|path| path.display().to_string()).chain(locks).collect()
}

/// Whatever the cell's programs have started: it has their folder in its environment.
pub(super) fn processes(root: &Path) -> Vec<String> {
    let root = root.display().to_string();
    let found = process::with_variable("REHEARSAL_DIR", |dir| dir == root);
    found.into_iter().map(|found| format!("process {} {}", found.pid, found.name)).collect()
}
