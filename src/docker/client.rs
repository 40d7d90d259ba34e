//! The connection to the engine: where it is, whether it answers, what it is. Knows no image and no container.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::OnceCell;
use tokio_util::task::TaskTracker;

use super::container::LogOptions;
use super::error::{Error, Result, failed};
use crate::clock::SteadyClock;

/// How long the engine may take to begin an answer. Importing a root file system answers only when it is done.
const ANSWER: Duration = Duration::from_secs(600);
/// The variable that says where the engine is, as docker's own tools read it.
pub(crate) const DOCKER_HOST: &str = "DOCKER_HOST";
const SOCKET: &str = "/var/run/docker.sock";
/// How long a connected engine may take to say its version.
const GREETING: Duration = Duration::from_secs(10);

/// A handle on the engine; clones share one connection pool.
#[derive(Debug, Clone)]
pub struct Docker {
    pub(super) api: bollard::Docker,
    pub(super) host: String,
    /// Podman serves Docker's API, too.
    podman: bool,
    /// What the engine is doing for us.
    works: TaskTracker,
    /// The engine's: it may stand in another machine, and go wrong there while ours sleeps.
    clock: Arc<OnceCell<SteadyClock>>,
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
    /// Connects to `$DOCKER_HOST`, else to the system's socket, and agrees on an API version.
    pub async fn connect() -> Result<Docker> {
        Docker::connect_to(&env(DOCKER_HOST).unwrap_or_else(|| format!("unix://{SOCKET}"))).await
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
        let podman = version.components.into_iter().flatten().any(|part| part.name == "Podman Engine");
        let works = TaskTracker::new();
        works.close();
        Ok(Docker { api, host: host.to_owned(), podman, works, clock: Arc::default() })
    }

    /// Where the engine is, as [`DOCKER_HOST`] has it.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Does `work` to its end, whoever drops the wait for it: what the engine makes of a request is known before anybody
    /// looks for it ([`Docker::at_rest`]).
    pub(super) async fn whole<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        match self.works.spawn(work).await {
            Ok(done) => done,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }

    /// Returns once the engine has answered whatever was asked of it through this handle and its clones, or after
    /// `patience`.
    pub async fn at_rest(&self, patience: Duration) {
        let _ = tokio::time::timeout(patience, self.works.wait()).await;
    }

    /// The time by the engine's clock, as logs and events are asked for.
    pub(super) async fn now(&self) -> Result<Timestamp> {
        let ask = async || {
            let info = self.api.info().await.map_err(failed("asking for its time"))?;
            let told = info.system_time.and_then(|time| time.parse().ok()).unwrap_or_else(Timestamp::now);
            Ok::<_, Error>(SteadyClock::starting_at(told))
        };
        Ok(self.clock.get_or_try_init(ask).await?.now())
    }

    /// As [`Docker::now`], where the options need it.
    pub(super) async fn now_for(&self, options: &LogOptions) -> Result<Timestamp> {
        if options.since_seconds.is_some() { self.now().await } else { Ok(Timestamp::default()) }
    }

    /// Whether the engine is Podman behind Docker's API.
    pub fn is_podman(&self) -> bool {
        self.podman
    }

    /// What the engine says of itself and of its machine.
    ///
    /// # Errors
    /// Where it does not answer.
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

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What [`DOCKER_HOST`] must be set to for everyone here, testcontainers, kind and fences among them, to speak to the same
/// engine: nobody has said which, and it is not at the system's socket.
pub(crate) fn host_elsewhere() -> Option<String> {
    if env(DOCKER_HOST).is_some() {
        return None;
    }
    let sockets = sockets(env("XDG_RUNTIME_DIR").as_deref(), env("HOME").as_deref());
    let elsewhere = sockets.into_iter().find(|path| path.exists()).filter(|_| !Path::new(SOCKET).exists());
    // Set to nothing means not set to us, and is an error to others.
    let empty = std::env::var_os(DOCKER_HOST).map(|_| SOCKET.into());
    elsewhere.or(empty).map(|path: PathBuf| format!("unix://{}", path.display()))
}

/// Where else an engine's socket may be: the user's rootless engine's, Docker Desktop's, Podman's.
fn sockets(runtime_dir: Option<&str>, home: Option<&str>) -> Vec<PathBuf> {
    let below = |dir: Option<&str>, path| dir.map(|dir| Path::new(dir).join(path));
    [
        below(runtime_dir, "docker.sock"),
        below(home, ".docker/run/docker.sock"),
        below(home, ".docker/desktop/docker.sock"),
        below(runtime_dir, "podman/podman.sock"),
        Some("/run/podman/podman.sock".into()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hint::Hint as _;

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
    fn dockers_own_sockets_come_before_podmans() {
        let paths = sockets(Some("/run/user/7"), Some("/home/ann"));
        assert_eq!(
            paths,
            [
                "/run/user/7/docker.sock",
                "/home/ann/.docker/run/docker.sock",
                "/home/ann/.docker/desktop/docker.sock",
                "/run/user/7/podman/podman.sock",
                "/run/podman/podman.sock",
            ]
            .map(PathBuf::from)
        );
        assert_eq!(sockets(None, None), [PathBuf::from("/run/podman/podman.sock")]);
    }
}
