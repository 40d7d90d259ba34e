//! Where and how fences are played: a folder of their own, a PATH on which `docker` is ours and `kubectl` the
//! chosen one, a kubeconfig and docker config that are not the user's.

use std::ffi::OsString;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::rewrite::Names;
use crate::exec::{self, Tool};
use crate::registry::Credentials;
use crate::session;

/// The shell environment of one lab or case.
#[derive(Debug, Clone)]
pub struct Shell {
    dir: PathBuf,
    private: PathBuf,
    env: Vec<(OsString, OsString)>,
    names: Names,
}

/// What a fence printed, in the order it came, and its exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    pub code: i32,
    pub stdout: String,
    /// Both streams, line by line as they came.
    pub all: String,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot prepare {}", path.display())]
    Prepare {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Exec(#[from] exec::Error),
}

/// What a shell stands on.
pub struct Ground<'a> {
    /// The session's private folder.
    pub private: &'a Path,
    /// Where fences are played: a folder's name under `private`.
    pub folder: &'a str,
    /// The `rehearse` program, which is `docker` in fences.
    pub program: &'a Path,
    pub kubectl: Option<&'a Path>,
    pub kubeconfig: &'a Path,
    pub stage_file: &'a Path,
    pub credentials: &'a Credentials,
    /// kubectl's discovery, which labs on one cluster share.
    pub cache: &'a Path,
    /// Copied into the folder: the application's sources.
    pub sources: &'a [crate::docker::ContextFile],
    /// What fences are played with, and what they print is told without.
    pub names: &'a Names,
}

impl Shell {
    /// Makes the folders and links.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn prepare(ground: &Ground<'_>) -> Result<Self, Error> {
        let bin = ground.private.join("bin");
        let home = ground.private.join("home");
        let dir = ground.private.join(ground.folder);
        let temporary = ground.private.join("tmp");
        for path in [&bin, &home, &dir, &temporary] {
            std::fs::create_dir_all(path).map_err(|source| Error::Prepare { path: path.clone(), source })?;
        }
        link(ground.program, &bin.join("docker"))?;
        if let Some(kubectl) = ground.kubectl {
            link(kubectl, &bin.join("kubectl"))?;
        }
        for source in ground.sources {
            let path = dir.join(&source.path);
            std::fs::write(&path, &source.contents).map_err(|source| Error::Prepare { path, source })?;
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(bin).chain(std::env::split_paths(&path));
        // join_paths refuses only names with a colon, which came out of a split at colons.
        let path = std::env::join_paths(path).unwrap_or_default();
        let text = |value: &str| OsString::from(value);
        let env = vec![
            (text("PATH"), path),
            (text("HOME"), home.into()),
            // `kubectl edit` leaves its files there when it fails.
            (text("TMPDIR"), temporary.into()),
            (text("KUBECONFIG"), ground.kubeconfig.into()),
            (text("DOCKER_CONFIG"), ground.private.join("docker").into()),
            (text(crate::docker_cli::STAGE_VARIABLE), ground.stage_file.into()),
            (text("DOCKER_USERNAME"), text(&ground.credentials.username)),
            (text("DOCKER_PASSWORD"), text(&ground.credentials.password)),
            // Tools that page or colour their output would not match what a page prints.
            (text("PAGER"), text("cat")),
            (text("NO_COLOR"), text("1")),
            (text("KUBECTL_KUBERC"), text("false")),
            (text("KUBECACHEDIR"), ground.cache.into()),
        ];
        Ok(Self { dir, private: ground.private.into(), env, names: ground.names.clone() })
    }

    /// Adds one variable to the environment of what is played.
    pub fn set(&mut self, key: &str, value: impl Into<OsString>) {
        self.env.push((key.into(), value.into()));
    }

    /// Ends what fences have started and left.
    pub fn end_processes(&self) {
        session::end_processes(&self.private);
    }

    /// Writes a file fence into the lab's folder.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, name: &str, contents: &str) -> Result<(), Error> {
        let path = self.dir.join(name);
        let prepare = |source| Error::Prepare { path: path.clone(), source };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(prepare)?;
        }
        std::fs::write(&path, self.names.forward(contents)).map_err(prepare)
    }

    /// Plays a fence; a command that fails ends it, as `set -e` and `pipefail` say.
    ///
    /// # Errors
    /// Where bash is missing or the fence takes longer than `timeout`.
    pub async fn play(&self, script: &str, timeout: Duration) -> Result<Printed, Error> {
        let script = self.names.forward(script);
        let mut tool = Tool::new("bash").args(["--noprofile", "--norc", "-euo", "pipefail", "-c", &script]);
        tool = tool.cwd(&self.dir).timeout(timeout);
        for (key, value) in &self.env {
            tool = tool.env(key, value);
        }
        let mut all = String::new();
        let output = tool
            .run_with(|_, line| {
                all.push_str(line);
                all.push('\n');
            })
            .await?;
        let (stdout, all) = (self.names.back(&output.stdout), self.names.back(&all));
        Ok(Printed { code: output.code, stdout, all })
    }
}

fn link(target: &Path, at: &Path) -> Result<(), Error> {
    let _ = std::fs::remove_file(at);
    symlink(target, at).map_err(|source| Error::Prepare { path: at.into(), source })
}
