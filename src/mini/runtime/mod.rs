//! What the kubelet and the API server's `log`, `exec`, `attach` and `portforward` need of a container runtime: CRI in small.

pub mod docker;
pub(super) mod words;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use tokio::io::{AsyncRead, AsyncWrite};

pub use crate::docker::{ExecSpec, Exit, LogOptions};
use crate::registry::Credentials;

/// An image on the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Config digest, `sha256:…`: CRI's image id.
    pub id: String,
    /// `repository@sha256:…`, with the repository as the pod named it (normalised).
    pub repo_digest: String,
    /// Compressed bytes, as containerd's *Image size* counts them.
    pub size: u64,
    /// `USER` as the image has it; empty: root.
    pub user: String,
}

/// Why a pull failed, in containerd's own words; the kubelet puts them into status and event unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PullError {
    /// Without the prefix that the kubelet puts before it.
    pub message: String,
}

/// A container to start: the part of a pod's container that a runtime acts on. No Debug: environment and files may
/// hold secrets.
#[derive(Clone, Default)]
pub struct ContainerSpec {
    /// Of the pod, in the cluster's names.
    pub pod_namespace: String,
    /// Of the pod; what its process sees as the host's name.
    pub pod_name: String,
    /// Of the pod: another of the same name has another.
    pub pod_uid: String,
    /// Within the pod.
    pub name: String,
    /// The image as named in the pod spec.
    pub image: String,
    /// Overrides the image's ENTRYPOINT when not empty.
    pub command: Vec<String>,
    /// Overrides the image's CMD when not empty.
    pub args: Vec<String>,
    /// Names and values with all references resolved.
    pub env: Vec<(String, String)>,
    /// The image's own when None.
    pub working_dir: Option<String>,
    /// Absolute path in the container → contents (service account token, CA, namespace; configmaps and secrets).
    pub files: BTreeMap<String, Bytes>,
    /// Absolute paths of directories that are there, empty and writable.
    pub directories: Vec<String>,
    /// From the pod's and the container's `securityContext` and limits.
    pub confinement: Confinement,
    /// Whether it has an input that stays open.
    pub stdin: bool,
    /// Whether that input ends with the first client that was attached to it.
    pub stdin_once: bool,
    /// Whether it has a terminal: then both streams are one.
    pub tty: bool,
}

/// What a container's process may do and use; what is not set is as the image or the runtime has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Confinement {
    /// `UID[:GID]`.
    pub user: Option<String>,
    /// Capabilities beyond the runtime's own, e.g. `NET_ADMIN`.
    pub add: Vec<String>,
    /// Those of the runtime's own to go without; `ALL` is all of them.
    pub drop: Vec<String>,
    /// In bytes.
    pub memory: Option<i64>,
}

/// What `exec` and `attach` give back: the process's streams, and its exit code once they have ended.
pub struct ExecSession {
    /// Goes nowhere where the process does not read.
    pub stdin: Pin<Box<dyn AsyncWrite + Send>>,
    /// (fd, bytes) with fd 1 or 2; a tty has only fd 1.
    pub output: BoxStream<'static, std::io::Result<(u8, Bytes)>>,
    /// To be awaited once the output has ended.
    pub exit_code: BoxFuture<'static, Result<i32, RuntimeError>>,
}

/// Why the runtime does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// There is no container with this id.
    #[error("container {0} not found")]
    NotFound(String),
    /// In the runtime's own words, e.g. `exec: "nosuchcmd": executable file not found in $PATH`.
    #[error("{0}")]
    Failed(String),
}

/// What a container prints, as it comes.
pub type Log = BoxStream<'static, std::io::Result<Bytes>>;

/// A duplex byte stream to a port inside a container.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// The node's runtime. Container ids come back bare; the kubelet writes them as `containerd://ID`-like URIs
/// with [`Runtime::scheme`].
pub trait Runtime: Send + Sync + 'static {
    /// The scheme of `status.containerStatuses[].containerID`.
    fn scheme(&self) -> &'static str;
    /// The image as the node has it, or None. `image` is as the pod named it.
    fn image_status<'a>(&'a self, image: &'a str) -> BoxFuture<'a, Option<Image>>;
    /// Pull with at most one login (the kubelet tries several in turn).
    fn pull<'a>(&'a self, image: &'a str, auth: Option<Credentials>) -> BoxFuture<'a, Result<Image, PullError>>;
    /// Forget an image (`crictl rmi`); absent is fine.
    fn remove_image<'a>(&'a self, image: &'a str) -> BoxFuture<'a, ()>;
    /// Create and start; returns the container's id and the pod's IP.
    fn start(&self, spec: ContainerSpec) -> BoxFuture<'_, Result<Started, RuntimeError>>;
    /// Resolves when the container has ended; at once when it already has.
    fn wait<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Exit, RuntimeError>>;
    /// SIGTERM, then SIGKILL after `grace`. What it printed can still be read. Absent is fine.
    fn halt<'a>(&'a self, id: &'a str, grace: Duration) -> BoxFuture<'a, Result<(), RuntimeError>>;
    /// The same, and removes it.
    fn stop<'a>(&'a self, id: &'a str, grace: Duration) -> BoxFuture<'a, Result<(), RuntimeError>>;
    /// What it has printed, both streams in their order.
    fn logs<'a>(&'a self, id: &'a str, options: LogOptions) -> BoxFuture<'a, Result<Log, RuntimeError>>;
    /// Starts one more process in a running container.
    fn exec<'a>(&'a self, id: &'a str, spec: ExecSpec) -> BoxFuture<'a, Result<ExecSession, RuntimeError>>;
    /// The streams of the container's own process, from now on; its exit code says only that they have ended.
    fn attach<'a>(&'a self, id: &'a str, stdin: bool) -> BoxFuture<'a, Result<ExecSession, RuntimeError>>;
    /// Connects to a port on the container's own loopback.
    fn dial<'a>(&'a self, id: &'a str, port: u16) -> BoxFuture<'a, Result<Box<dyn Duplex>, RuntimeError>>;
}

/// Go's name of this machine's architecture.
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// A started container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// The runtime's own, without a scheme.
    pub id: String,
    /// The pod's address; empty where it has none.
    pub ip: String,
}
