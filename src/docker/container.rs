//! Containers: run, wait, stop, remove, logs, list. Knows no pod and no lab.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, EndpointSettings, HostConfig, NetworkingConfig, PortBinding, PortMap,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, KillContainerOptions, ListContainersOptionsBuilder,
    LogsOptionsBuilder, RemoveContainerOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
    UploadToContainerOptionsBuilder, WaitContainerOptions,
};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};

use super::Docker;
use super::build::{ContextFile, pack};
use super::error::{Result, failed, failed_for, is_status};

/// A container to create and start.
#[derive(Debug, Clone, Default)]
pub struct ContainerRequest {
    /// A name or an id that the engine has.
    pub image: String,
    /// The engine invents one when None.
    pub name: Option<String>,
    /// Overrides ENTRYPOINT when not empty (and then the image's CMD no longer counts, as in Kubernetes).
    pub command: Vec<String>,
    /// Overrides CMD when not empty.
    pub args: Vec<String>,
    /// Names and values, which win over the image's.
    pub env: Vec<(String, String)>,
    /// The image's own when None.
    pub working_dir: Option<String>,
    /// The engine takes the id's first 12 characters when None.
    pub hostname: Option<String>,
    /// Absolute path → contents, copied in before the start, mode 0644.
    pub files: BTreeMap<String, Bytes>,
    /// Absolute paths where an empty directory is mounted that everybody may write to.
    pub directories: Vec<String>,
    /// `UID[:GID]`; the image's own when None.
    pub user: Option<String>,
    /// Capabilities beyond the engine's own, e.g. `NET_ADMIN`.
    pub cap_add: Vec<String>,
    /// Those of the engine's own to go without; `ALL` is all of them.
    pub cap_drop: Vec<String>,
    /// The most it may use, in bytes, without any swap.
    pub memory: Option<i64>,
    /// By [`super::labels`] the session is found that it belongs to.
    pub labels: BTreeMap<String, String>,
    /// Container port → port on 127.0.0.1, a free one when None.
    pub publish: Vec<(u16, Option<u16>)>,
    /// The network to join and the aliases there; the engine's default network when None.
    pub network: Option<(String, Vec<String>)>,
    /// Whether it has an input that stays open.
    pub stdin: bool,
    /// Whether that input ends with the first client that was attached to it.
    pub stdin_once: bool,
    /// Whether it has a terminal: then both streams are one.
    pub tty: bool,
    /// Whether the engine removes it when it ends.
    pub auto_remove: bool,
}

/// A running container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Of 64 hexadecimal digits.
    pub id: String,
    /// On its first network; empty on the host's network.
    pub ip: String,
    /// Container port → port on 127.0.0.1.
    pub ports: BTreeMap<u16, u16>,
}

/// How a container ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// As the engine tells it: 128 + the signal's number where a signal ended it.
    pub code: i32,
    /// Whether the kernel killed it for its memory.
    pub oom_killed: bool,
}

/// Which part of a container's log is read.
#[derive(Debug, Clone, Default)]
pub struct LogOptions {
    /// Whether the log is read on until the container ends.
    pub follow: bool,
    /// Only so many lines from its end.
    pub tail_lines: Option<u64>,
    /// Each line begins with the engine's RFC 3339 time.
    pub timestamps: bool,
    /// Only what is no older than this.
    pub since_seconds: Option<i64>,
}

impl LogOptions {
    /// `now` is the time by the engine's clock.
    pub(super) fn query(&self, now: jiff::Timestamp) -> bollard::query_parameters::LogsOptions {
        let mut query =
            LogsOptionsBuilder::new().stdout(true).stderr(true).follow(self.follow).timestamps(self.timestamps);
        if let Some(lines) = self.tail_lines {
            query = query.tail(&lines.to_string());
        }
        if let Some(seconds) = self.since_seconds {
            let since = now.as_second().saturating_sub(seconds);
            query = query.since(i32::try_from(since).unwrap_or(i32::MAX));
        }
        query.build()
    }
}

/// A container as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerSummary {
    /// Of 64 hexadecimal digits.
    pub id: String,
    pub(crate) names: Vec<String>,
    pub(crate) image: String,
    /// `running`, `exited`, …
    pub state: String,
    /// `Up 2 minutes`, `Exited (0) 3 seconds ago`, …
    pub(crate) status: String,
    pub(crate) command: String,
    /// Seconds since 1970.
    pub(crate) created: i64,
    /// Container port → port on 127.0.0.1, where it is published.
    pub(crate) ports: BTreeMap<u16, Option<u16>>,
    /// Its own and its image's.
    pub labels: BTreeMap<String, String>,
}

impl Docker {
    /// Creates and starts a container. One that does not come to run is removed again.
    pub async fn run(&self, request: ContainerRequest) -> Result<Container> {
        let docker = self.clone();
        self.whole(async move { docker.created(request).await }).await
    }

    async fn created(&self, request: ContainerRequest) -> Result<Container> {
        let name = request.name.clone().unwrap_or_default();
        let image = request.image.clone();
        let files = request.files.clone();
        let options = CreateContainerOptionsBuilder::new();
        let options = if name.is_empty() { options } else { options.name(&name) };
        let created = self.api.create_container(Some(options.build()), request.into()).await;
        let id = created.map_err(failed_for("creating a container of", "image", &image))?.id;
        match self.start(&id, &image, &files).await {
            Ok(container) => Ok(container),
            Err(error) => {
                // The start's error says more than a failed removal would; the labels still find the container.
                let _ = self.remove(&id).await;
                Err(error)
            }
        }
    }

    async fn start(&self, id: &str, image: &str, files: &BTreeMap<String, Bytes>) -> Result<Container> {
        let action = format!("starting a container of {image}");
        if !files.is_empty() {
            let files: Vec<_> = files
                .iter()
                .map(|(path, contents)| ContextFile::new(path.trim_start_matches('/'), contents.clone()))
                .collect();
            let options = UploadToContainerOptionsBuilder::new().path("/").build();
            let archive = bollard::body_full(pack(&files)?);
            self.api.upload_to_container(id, Some(options), archive).await.map_err(failed(&action))?;
        }
        self.api.start_container(id, None::<StartContainerOptions>).await.map_err(failed(&action))?;
        let container = self.inspect(id).await?;
        let networks = container.network_settings.unwrap_or_default();
        let ip = networks.networks.into_iter().flatten().find_map(|(_, n)| n.ip_address.filter(|ip| !ip.is_empty()));
        Ok(Container {
            id: id.to_owned(),
            ip: ip.unwrap_or_default(),
            ports: published(networks.ports.unwrap_or_default()),
        })
    }

    /// Resolves when the container has ended; at once when it already has.
    pub async fn wait(&self, id: &str) -> Result<Exit> {
        let mut ended = Box::pin(self.api.wait_container(id, None::<WaitContainerOptions>));
        let said = match ended.next().await {
            Some(Ok(answer)) => Some(answer.status_code),
            // bollard turns every exit code but 0 into an error.
            Some(Err(bollard::errors::Error::DockerContainerWaitError { code, .. })) => Some(code),
            Some(Err(error)) => return Err(failed_for("waiting for", "container", id)(error)),
            None => None,
        };
        let state = match (self.inspect(id).await, said) {
            (Ok(container), _) => container.state.unwrap_or_default(),
            // Removed since: what was said of its end holds.
            (Err(_), Some(_)) => Default::default(),
            (Err(error), None) => return Err(error),
        };
        Ok(Exit {
            code: said.or(state.exit_code).unwrap_or_default().try_into().unwrap_or(-1),
            oom_killed: state.oom_killed.unwrap_or_default(),
        })
    }

    /// SIGTERM, then SIGKILL after `grace` (whole seconds, rounded up). Absent or ended is fine.
    pub async fn stop(&self, id: &str, grace: Duration) -> Result<()> {
        let seconds = grace.as_secs_f64().ceil() as i32;
        let options = StopContainerOptionsBuilder::new().t(seconds).build();
        match self.api.stop_container(id, Some(options)).await {
            Err(error) if !is_status(&error, 404) => Err(failed(format!("stopping container {id}"))(error)),
            _ => Ok(()),
        }
    }

    /// Kills and removes a container with its anonymous volumes. Absent is fine.
    pub async fn remove(&self, id: &str) -> Result<()> {
        if self.is_podman() {
            // Where Docker kills, Podman asks the container to stop, and waits for ten seconds.
            let _ = self.api.kill_container(id, None::<KillContainerOptions>).await;
        }
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        match self.api.remove_container(id, Some(options)).await {
            // 409: another removal of it is in progress.
            Err(error) if !is_status(&error, 404) && !is_status(&error, 409) => {
                Err(failed(format!("removing container {id}"))(error))
            }
            _ => Ok(()),
        }
    }

    /// The container's output, stdout and stderr in the order the engine has them, without framing.
    pub async fn logs(&self, id: &str, options: LogOptions) -> Result<BoxStream<'static, std::io::Result<Bytes>>> {
        self.inspect(id).await?;
        let stream = self.api.clone().logs(id, Some(options.query(self.now_for(&options).await?)));
        Ok(stream.map_ok(|output| output.into_bytes()).map_err(std::io::Error::other).boxed())
    }

    /// All containers, ended ones too, that carry a label: `key` or `key=value`.
    pub async fn containers(&self, label: &str) -> Result<Vec<ContainerSummary>> {
        let options = ListContainersOptionsBuilder::new().all(true).filters(&by_label(label)).build();
        let found = self.api.list_containers(Some(options)).await.map_err(failed("listing containers"))?;
        let summary = |c: bollard::models::ContainerSummary| ContainerSummary {
            id: c.id.unwrap_or_default(),
            names: c.names.unwrap_or_default().iter().map(|n| n.trim_start_matches('/').to_owned()).collect(),
            image: c.image.unwrap_or_default(),
            state: c.state.map(|state| state.to_string()).unwrap_or_default(),
            status: c.status.unwrap_or_default(),
            command: c.command.unwrap_or_default(),
            created: c.created.unwrap_or_default(),
            ports: c.ports.into_iter().flatten().map(|port| (port.private_port, port.public_port)).collect(),
            labels: c.labels.unwrap_or_default().into_iter().collect(),
        };
        Ok(found.into_iter().map(summary).collect())
    }

    /// What of this machine was bound to `destination` in a container, as it was asked for.
    pub async fn bound(&self, id: &str, destination: &str) -> Result<Option<String>> {
        let binds = self.inspect(id).await?.host_config.and_then(|config| config.binds).unwrap_or_default();
        let source = |bind: &String| Some(bind.split_once(&format!(":{destination}"))?.0.to_owned());
        Ok(binds.iter().find_map(source))
    }

    /// Whether a container runs; None where there is none.
    pub async fn is_running(&self, id: &str) -> Result<Option<bool>> {
        match self.inspect(id).await {
            Ok(found) => Ok(Some(found.state.and_then(|state| state.running).unwrap_or_default())),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn inspect(&self, id: &str) -> Result<ContainerInspectResponse> {
        let inspected = self.api.inspect_container(id, None::<InspectContainerOptions>).await;
        inspected.map_err(failed_for("inspecting", "container", id))
    }
}

pub(super) fn by_label(label: &str) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), vec![label.to_owned()])])
}

/// What the engine published on 127.0.0.1.
pub(super) fn published(ports: PortMap) -> BTreeMap<u16, u16> {
    let pair = |(container, bindings): (String, Option<Vec<PortBinding>>)| {
        let container = container.split('/').next()?.parse().ok()?;
        let host = bindings?.into_iter().find_map(|binding| binding.host_port?.parse().ok())?;
        Some((container, host))
    };
    ports.into_iter().filter_map(pair).collect()
}

/// Port 0 has the engine choose a free one.
pub(super) fn on_loopback(container: u16, host: Option<u16>) -> (String, Option<Vec<PortBinding>>) {
    let binding =
        PortBinding { host_ip: Some("127.0.0.1".into()), host_port: Some(host.unwrap_or_default().to_string()) };
    (format!("{container}/tcp"), Some(vec![binding]))
}

impl From<ContainerRequest> for ContainerCreateBody {
    fn from(request: ContainerRequest) -> Self {
        let some = |words: Vec<String>| (!words.is_empty()).then_some(words);
        let ports: PortMap = request.publish.iter().map(|&(container, host)| on_loopback(container, host)).collect();
        let networking = request.network.as_ref().map(|(network, aliases)| {
            let endpoint = EndpointSettings { aliases: Some(aliases.clone()), ..Default::default() };
            NetworkingConfig { endpoints_config: Some(HashMap::from([(network.clone(), endpoint)])) }
        });
        ContainerCreateBody {
            image: Some(request.image),
            entrypoint: some(request.command),
            cmd: some(request.args),
            env: Some(request.env.into_iter().map(|(name, value)| format!("{name}={value}")).collect()),
            working_dir: request.working_dir,
            user: request.user,
            hostname: request.hostname,
            open_stdin: Some(request.stdin),
            stdin_once: Some(request.stdin_once),
            tty: Some(request.tty),
            labels: Some(request.labels.into_iter().collect()),
            exposed_ports: Some(ports.keys().cloned().collect()),
            host_config: Some(HostConfig {
                port_bindings: Some(ports),
                cap_add: some(request.cap_add),
                cap_drop: some(request.cap_drop),
                memory: request.memory,
                memory_swap: request.memory,
                tmpfs: Some(request.directories.into_iter().map(|path| (path, "exec,mode=777".to_owned())).collect()),
                network_mode: request.network.map(|(network, _)| network),
                auto_remove: request.auto_remove.then_some(true),
                ..Default::default()
            }),
            networking_config: networking,
            ..Default::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn how_a_container_ended_is_known_though_it_is_removed_at_once() {
        let engine = axum::Router::new().fallback(async |uri: http::Uri| match uri.path() {
            path if path.ends_with("/version") => (http::StatusCode::OK, r#"{"ApiVersion": "1.47"}"#),
            path if path.ends_with("/wait") => (http::StatusCode::OK, r#"{"StatusCode": 7}"#),
            _ => (http::StatusCode::NOT_FOUND, r#"{"message": "no such container"}"#),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("tcp://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, engine).await });
        let docker = Docker::connect_to(&host).await.unwrap();
        assert_eq!(docker.wait("c").await.unwrap(), Exit { code: 7, oom_killed: false });
    }

    #[test]
    fn ports_are_published_on_loopback_and_nowhere_else() {
        let request = ContainerRequest { publish: vec![(5000, None), (80, Some(8080))], ..Default::default() };
        let body = ContainerCreateBody::from(request);
        let bindings = body.host_config.unwrap().port_bindings.unwrap();
        let seen: BTreeMap<_, _> = bindings.into_iter().map(|(port, b)| (port, b.unwrap().remove(0))).collect();
        let at = |port: &str| (seen[port].host_ip.clone().unwrap(), seen[port].host_port.clone().unwrap());
        assert_eq!(at("5000/tcp"), ("127.0.0.1".into(), "0".into()));
        assert_eq!(at("80/tcp"), ("127.0.0.1".into(), "8080".into()));
    }

    #[test]
    fn an_empty_command_leaves_the_images_own() {
        let body = ContainerCreateBody::from(ContainerRequest { args: vec!["sh".into()], ..Default::default() });
        assert_eq!((body.entrypoint, body.cmd), (None, Some(vec!["sh".to_owned()])));
    }

    #[test]
    fn a_port_that_is_not_published_is_left_out() {
        let binding = PortBinding { host_ip: Some("127.0.0.1".into()), host_port: Some("32768".into()) };
        let map = PortMap::from([("5000/tcp".into(), Some(vec![binding])), ("80/tcp".into(), None)]);
        assert_eq!(published(map), BTreeMap::from([(5000, 32768)]));
    }
}
