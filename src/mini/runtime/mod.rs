//! What the kubelet and the API server's `log`, `exec` and `portforward` need of a container runtime: CRI in small.

pub mod docker;
pub mod null;
mod words;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use tokio::io::{AsyncRead, AsyncWrite};

/// A username and password for one pull, as the kubelet's keyring found it.
#[derive(Clone, PartialEq, Eq)]
pub struct PullAuth {
    pub username: String,
    pub password: String,
}

/// An image on the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Config digest, `sha256:…`: CRI's image id.
    pub id: String,
    /// `repository@sha256:…`, with the repository as the pod named it (normalised).
    pub repo_digest: String,
    /// Compressed bytes, as containerd's *Image size* counts them.
    pub size: u64,
}

/// Why a pull failed, in containerd's own words; the kubelet puts them into status and event unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PullError {
    pub message: String,
}

/// A container to start: the part of a pod's container that a runtime acts on.
#[derive(Debug, Clone, Default)]
pub struct ContainerSpec {
    pub pod_namespace: String,
    pub pod_name: String,
    pub pod_uid: String,
    pub name: String,
    /// The image as named in the pod spec.
    pub image: String,
    /// Overrides the image's ENTRYPOINT when not empty.
    pub command: Vec<String>,
    /// Overrides the image's CMD when not empty.
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    pub working_dir: Option<String>,
    /// Absolute path in the container → contents (service account token, CA, namespace; configmaps and secrets).
    pub files: BTreeMap<String, Bytes>,
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    pub code: i32,
    pub oom_killed: bool,
}

/// What `exec` gives back: the process's streams, and its exit code once they have ended.
pub struct ExecSession {
    pub stdin: Pin<Box<dyn AsyncWrite + Send>>,
    /// (fd, bytes) with fd 1 or 2; a tty has only fd 1.
    pub output: BoxStream<'static, std::io::Result<(u8, Bytes)>>,
    pub exit_code: BoxFuture<'static, Result<i32, RuntimeError>>,
}

#[derive(Debug, Clone, Default)]
pub struct ExecSpec {
    pub command: Vec<String>,
    pub stdin: bool,
    pub tty: bool,
}

#[derive(Debug, Clone, Default)]
pub struct LogOptions {
    pub follow: bool,
    pub tail_lines: Option<u64>,
    pub timestamps: bool,
    /// Only lines of the last so many seconds.
    pub since_seconds: Option<i64>,
}

#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    #[error("container {0} not found")]
    NotFound(String),
    /// In the runtime's own words, e.g. `exec: "nosuchcmd": executable file not found in $PATH`.
    #[error("{0}")]
    Failed(String),
}

/// A duplex byte stream to a port inside a container.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// The node's runtime. Container ids come back bare; the kubelet writes them as `containerd://ID`-like URIs
/// with [`Runtime::scheme`].
pub trait Runtime: Send + Sync + 'static {
    /// `docker` or `null`: the scheme of `status.containerStatuses[].containerID`.
    fn scheme(&self) -> &'static str;
    /// The image as the node has it, or None. `image` is as the pod named it.
    fn image_status(&self, image: &str) -> BoxFuture<'_, Option<Image>>;
    /// Pull with at most one credential (the kubelet tries several in turn).
    fn pull(&self, image: &str, auth: Option<PullAuth>) -> BoxFuture<'_, Result<Image, PullError>>;
    /// Forget an image (`crictl rmi`); absent is fine.
    fn remove_image(&self, image: &str) -> BoxFuture<'_, ()>;
    /// Create and start; returns the container's id and the pod's IP.
    fn start(&self, spec: ContainerSpec) -> BoxFuture<'_, Result<Started, RuntimeError>>;
    /// Resolves when the container has ended; at once when it already has.
    fn wait(&self, id: &str) -> BoxFuture<'_, Result<Exit, RuntimeError>>;
    /// SIGTERM, then SIGKILL after `grace`; then remove. Absent is fine.
    fn stop(&self, id: &str, grace: Duration) -> BoxFuture<'_, Result<(), RuntimeError>>;
    fn logs(
        &self,
        id: &str,
        options: LogOptions,
    ) -> BoxFuture<'_, Result<BoxStream<'static, std::io::Result<Bytes>>, RuntimeError>>;
    fn exec(&self, id: &str, spec: ExecSpec) -> BoxFuture<'_, Result<ExecSession, RuntimeError>>;
    fn dial(&self, id: &str, port: u16) -> BoxFuture<'_, Result<Box<dyn Duplex>, RuntimeError>>;
}

/// A started container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    pub id: String,
    pub ip: String,
}
