//! The connection to the engine: where it is, whether it answers, what it is. Knows no image and no container.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use super::error::{Error, Result, failed};

/// How long the engine may take to begin an answer. Importing a root file system answers only when it is done.
const ANSWER: Duration = Duration::from_secs(600);
/// How long a connected engine may take to say its version.
const GREETING: Duration = Duration::from_secs(10);

/// A handle on the engine; clones share one connection pool.
#[derive(Debug, Clone)]
pub struct Docker {
    pub(super) api: bollard::Docker,
    host: String,
}

/// What the engine says about itself.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct EngineInfo {
    /// Where it was found, e.g. `unix:///var/run/docker.sock`.
    pub host: String,
    pub version: String,
    /// The newest API version the engine speaks.
    pub api_version: String,
    pub os: String,
    /// `1` or `2`.
    pub cgroup_version: String,
    pub cgroup_driver: String,
    pub storage_driver: String,
    pub cpus: u64,
    /// Bytes.
    pub memory: u64,
}

impl Docker {
    /// Connects to `$DOCKER_HOST`, else to the first socket that exists of the system's, the user's rootless engine's
    /// and Docker Desktop's, and agrees on an API version.
    pub async fn connect() -> Result<Docker> {
        let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        match env("DOCKER_HOST") {
            Some(host) => Docker::connect_to(&host).await,
            None => {
                let sockets = sockets(env("XDG_RUNTIME_DIR").as_deref(), env("HOME").as_deref());
                let found = sockets.iter().find(|path| path.exists()).unwrap_or(&sockets[0]);
                Docker::connect_to(&format!("unix://{}", found.display())).await
            }
        }
    }

    /// Connects to an engine by its `DOCKER_HOST` form: `unix://…`, `tcp://…` or `https://…`.
    pub async fn connect_to(host: &str) -> Result<Docker> {
        if let Some(path) = host.strip_prefix("unix://") {
            // bollard tells these causes apart only in prose.
            tokio::net::UnixStream::connect(path).await.map_err(|source| match source.kind() {
                ErrorKind::NotFound => Error::SocketMissing { path: path.into() },
                ErrorKind::PermissionDenied => Error::PermissionDenied { path: path.into() },
                _ => unreachable_at(host, source),
            })?;
        }
        let api = bollard::Docker::connect_with_host(host).map_err(|source| unreachable_at(host, source))?;
        let api = tokio::time::timeout(GREETING, api.with_timeout(ANSWER).negotiate_version())
            .await
            .map_err(|elapsed| unreachable_at(host, elapsed))?
            .map_err(|source| unreachable_at(host, source))?;
        let version = api.version().await.map_err(|source| unreachable_at(host, source))?;
        // Its API is Docker's; but it pushes to no registry without TLS that its own configuration does not name.
        let mut parts = version.components.into_iter().flatten();
        if let Some(podman) = parts.find(|part| part.name == "Podman Engine") {
            return Err(Error::Podman { host: host.to_owned(), version: podman.version });
        }
        Ok(Docker { api, host: host.to_owned() })
    }

    pub async fn engine(&self) -> Result<EngineInfo> {
        let asking = "asking for its version";
        let (version, info) = tokio::try_join!(self.api.version(), self.api.info()).map_err(failed(asking))?;
        let enum_text = |value: Option<String>| value.unwrap_or_default().to_lowercase();
        Ok(EngineInfo {
            host: self.host.clone(),
            version: version.version.unwrap_or_default(),
            api_version: version.api_version.unwrap_or_default(),
            os: info.operating_system.unwrap_or_default(),
            cgroup_version: enum_text(info.cgroup_version.map(|v| v.to_string())),
            cgroup_driver: enum_text(info.cgroup_driver.map(|v| v.to_string())),
            storage_driver: info.driver.unwrap_or_default(),
            cpus: info.ncpu.unwrap_or_default().try_into().unwrap_or_default(),
            memory: info.mem_total.unwrap_or_default().try_into().unwrap_or_default(),
        })
    }
}

fn unreachable_at(host: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Unreachable { host: host.to_owned(), source: source.into() }
}

/// Where an engine's socket may be, the usual one first.
fn sockets(runtime_dir: Option<&str>, home: Option<&str>) -> Vec<PathBuf> {
    let mut paths = vec![PathBuf::from("/var/run/docker.sock")];
    paths.extend(runtime_dir.map(|dir| PathBuf::from(dir).join("docker.sock")));
    paths.extend(home.map(|dir| PathBuf::from(dir).join(".docker/run/docker.sock")));
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_missing_socket_and_a_dead_engine_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("docker.sock");
        let host = format!("unix://{}", path.display());

        let missing = Docker::connect_to(&host).await.unwrap_err();
        assert!(matches!(missing, Error::SocketMissing { .. }), "{missing:?}");

        // A listener that is gone leaves its socket file behind, as a killed engine does.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let dead = Docker::connect_to(&host).await.unwrap_err();
        assert!(matches!(dead, Error::Unreachable { .. }), "{dead:?}");
        assert!(dead.hint().is_some());
    }

    #[test]
    fn the_system_socket_comes_first() {
        let paths = sockets(Some("/run/user/7"), Some("/home/ann"));
        assert_eq!(
            paths,
            ["/var/run/docker.sock", "/run/user/7/docker.sock", "/home/ann/.docker/run/docker.sock"].map(PathBuf::from)
        );
    }
}
