//! Which kubectl labs use, and whether it serves. Knows no lab.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::exec::{self, Tool, which};
use crate::hint::Hint;

/// Why no kubectl serves.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("`kubectl` is not on PATH")]
    Missing,
    #[error("{} says it is kubectl {found}; labs need {OLDEST} or newer", path.display())]
    Old { path: PathBuf, found: String },
    #[error("{} does not work as kubectl", path.display())]
    Broken {
        path: PathBuf,
        #[source]
        source: exec::Error,
    },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing | Self::Old { .. } | Self::Broken { .. } => Some(
                "`make setup` fetches a pinned kubectl into `.tools`; or install one from your distribution".into(),
            ),
        }
    }
}

/// A kubectl that serves.
pub(super) struct Kubectl {
    pub path: PathBuf,
    /// As it says, e.g. `v1.36.4`.
    pub version: String,
}

/// The oldest kubectl whose output and requests are known.
const OLDEST: &str = "1.32";
const OLDEST_MINOR: u32 = 32;
/// The last word of a wrapper's version: it picks another kubectl for each server, and takes its time.
const WRAPPER: &str = "-dispatcher";

/// `$REHEARSAL_KUBECTL` and no other where that is set; else the first that serves of PATH's and the project's own
/// in `.tools/bin`, a wrapper only where there is nothing else.
///
/// # Errors
/// What is wrong with the first that there is.
pub(super) async fn find(project: &Path) -> Result<Kubectl, Error> {
    if let Some(named) = std::env::var_os("REHEARSAL_KUBECTL").filter(|path| !path.is_empty()) {
        let named = absolute(named.into());
        return asked(named).await;
    }
    let on_path = which("kubectl", &std::env::var_os("PATH").unwrap_or_default());
    let fetched = Some(project.join(".tools/bin/kubectl")).filter(|path| path.is_file());
    let mut second_best = Err(Error::Missing);
    for candidate in [on_path, fetched].into_iter().flatten().map(absolute) {
        match asked(candidate).await {
            Ok(found) if !found.version.ends_with(WRAPPER) => return Ok(found),
            Ok(wrapper) => second_best = Ok(wrapper),
            Err(error) if matches!(second_best, Err(Error::Missing)) => second_best = Err(error),
            Err(_) => {}
        }
    }
    second_best
}

/// Links to it stand in other folders.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// The program at `path`, where what it says it is is new enough.
async fn asked(path: PathBuf) -> Result<Kubectl, Error> {
    let asked = Tool::new(&path).args(["version", "--client", "-o", "json"]).timeout(Duration::from_secs(20));
    let output = asked.run_ok().await.map_err(|source| Error::Broken { path: path.clone(), source })?;
    let answer: serde_json::Value = serde_json::from_str(&output.stdout).unwrap_or_default();
    let client = &answer["clientVersion"];
    let found = client["gitVersion"].as_str().unwrap_or("of no version").to_owned();
    let minor = client["minor"].as_str().and_then(|minor| minor.trim_end_matches('+').parse::<u32>().ok());
    match minor {
        Some(minor) if minor >= OLDEST_MINOR => Ok(Kubectl { path, version: found }),
        _ => Err(Error::Old { path, found }),
    }
}
