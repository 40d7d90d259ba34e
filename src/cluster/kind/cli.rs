//! The `kind` program: found, new enough, and told which engine its nodes run in.

use std::path::PathBuf;
use std::time::Duration;

use crate::cluster::Error;
use crate::docker::Docker;
use crate::exec::{Output, Tool, which};

/// The oldest kind whose node images read `certs.d` without being told to.
const OLDEST: (u32, u32) = (0, 27);

#[derive(Debug, Clone)]
pub(crate) struct KindCli {
    program: PathBuf,
    /// kind's name for the engine (`pkg/internal/runtime`).
    provider: &'static str,
}

impl KindCli {
    /// The `kind` on PATH, if it is one and new enough. Nodes run beside the registry, whichever engine kind itself
    /// would prefer.
    ///
    /// # Errors
    /// [`Error::KindMissing`], [`Error::KindTooOld`], [`Error::Kind`].
    pub(crate) async fn find(docker: &Docker) -> Result<Self, Error> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let provider = if docker.is_podman() { "podman" } else { "docker" };
        let cli = Self { program: which("kind", &path).ok_or(Error::KindMissing)?, provider };
        let output = cli.run(&["version", "-q"], Duration::from_secs(20)).await?;
        let version = output.stdout.trim().trim_start_matches('v').to_owned();
        let mut numbers = version.split(['.', '-', '+']).map_while(|part| part.parse::<u32>().ok());
        match (numbers.next(), numbers.next()) {
            (Some(major), Some(minor)) if (major, minor) >= OLDEST => Ok(cli),
            _ => Err(Error::KindTooOld { found: version, needed: format!("{}.{}", OLDEST.0, OLDEST.1) }),
        }
    }

    pub(crate) fn tool(&self) -> Tool {
        Tool::new(&self.program).env("KIND_EXPERIMENTAL_PROVIDER", self.provider)
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// [`Error::Kind`] where it fails or takes longer.
    pub(crate) async fn run(&self, args: &[&str], timeout: Duration) -> Result<Output, Error> {
        self.tool().args(args).timeout(timeout).run_ok().await.map_err(Error::Kind)
    }

    /// The clusters that are there, ours and others'.
    ///
    /// # Errors
    /// [`Error::Kind`].
    pub(crate) async fn clusters(&self) -> Result<Vec<String>, Error> {
        let output = self.run(&["get", "clusters"], Duration::from_secs(20)).await?;
        Ok(output.stdout.split_whitespace().map(str::to_owned).collect())
    }
}
