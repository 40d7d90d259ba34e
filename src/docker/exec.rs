//! A command inside a running container, or the one that it runs: streams and exit code. Knows no kubectl.

use std::collections::HashMap;
use std::pin::Pin;

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::query_parameters::{AttachContainerOptionsBuilder, EventsOptionsBuilder};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryStreamExt};
use tokio::io::AsyncWrite;

use super::Docker;
use super::error::{Error, Result, failed, failed_for};

/// How far back the engine is asked for the end of a command that was still running when its output had ended.
const LOOK_BACK_SECONDS: i64 = 300;

/// A command to start in a running container.
#[derive(Debug, Clone, Default)]
pub struct ExecSpec {
    /// The program and its arguments; no shell reads them.
    pub command: Vec<String>,
    /// Names and values on top of the container's.
    pub env: Vec<(String, String)>,
    /// The container's own when None.
    pub working_dir: Option<String>,
    /// Whether it reads what is sent to it.
    pub stdin: bool,
    /// Whether it has a terminal: then both streams are one.
    pub tty: bool,
}

/// A started command.
pub struct ExecStreams {
    /// Goes nowhere where the command does not read.
    pub stdin: Pin<Box<dyn AsyncWrite + Send>>,
    /// (fd, bytes) with fd 1 or 2; a tty has only fd 1.
    pub output: BoxStream<'static, std::io::Result<(u8, Bytes)>>,
    /// To be awaited once the output has ended.
    pub exit_code: BoxFuture<'static, Result<i32>>,
}

impl Docker {
    /// Starts a command in a running container.
    ///
    /// # Errors
    /// Where there is no such container, it does not run, or the program cannot be started.
    pub async fn exec(&self, container: &str, spec: ExecSpec) -> Result<ExecStreams> {
        let options = CreateExecOptions {
            attach_stdin: Some(spec.stdin),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(spec.tty),
            env: Some(spec.env.into_iter().map(|(name, value)| format!("{name}={value}")).collect()),
            cmd: Some(spec.command),
            working_dir: spec.working_dir,
            ..Default::default()
        };
        let created = self.api.create_exec(container, options).await;
        let id = created.map_err(failed_for("preparing a command in", "container", container))?.id;
        let start = StartExecOptions { tty: spec.tty, ..Default::default() };
        let started = self.api.start_exec(&id, Some(start)).await;
        let started = started.map_err(failed(format!("starting a command in container {container}")))?;
        let StartExecResults::Attached { output, input } = started else {
            return Err(Error::Missing { what: "streams", name: container.to_owned() });
        };
        let (docker, container) = (self.clone(), container.to_owned());
        Ok(ExecStreams {
            stdin: input,
            output: output.map_ok(with_fd).map_err(std::io::Error::other).boxed(),
            exit_code: async move { docker.exit_code(&container, &id).await }.boxed(),
        })
    }

    /// Joins the process that a container runs: what it prints from now on, and its input where it has one. The exit
    /// code is 0 once the output has ended, as a CRI's is: who wants the process's own waits for the container.
    ///
    /// # Errors
    /// Where there is no such container, or it does not run.
    pub async fn attach(&self, container: &str, stdin: bool) -> Result<ExecStreams> {
        let options = AttachContainerOptionsBuilder::new().stream(true).stdin(stdin).stdout(true).stderr(true).build();
        let attached = self.api.attach_container(container, Some(options)).await;
        let attached = attached.map_err(failed_for("attaching to", "container", container))?;
        Ok(ExecStreams {
            stdin: attached.input,
            output: attached.output.map_ok(with_fd).map_err(std::io::Error::other).boxed(),
            exit_code: std::future::ready(Ok(0)).boxed(),
        })
    }

    /// A process may close its output before it ends, and the engine may notice the end after that; its event log
    /// tells, without polling.
    async fn exit_code(&self, container: &str, exec: &str) -> Result<i32> {
        let asking = || failed_for("inspecting", "command in container", container);
        let state = self.api.inspect_exec(exec).await.map_err(asking())?;
        if let (Some(false), Some(code)) = (state.running, state.exit_code) {
            return Ok(code.try_into().unwrap_or(-1));
        }
        let filters = HashMap::from([("container", vec![container]), ("event", vec!["exec_die"])]);
        let since = self.now().await?.as_second() - LOOK_BACK_SECONDS;
        let options = EventsOptionsBuilder::new().since(&since.to_string()).filters(&filters).build();
        let mut events = Box::pin(self.api.events(Some(options)));
        while let Some(event) = events.try_next().await.map_err(asking())? {
            let attributes = event.actor.and_then(|actor| actor.attributes).unwrap_or_default();
            if attributes.get("execID").is_some_and(|id| id == exec) {
                return Ok(attributes.get("exitCode").and_then(|code| code.parse().ok()).unwrap_or(-1));
            }
        }
        Err(Error::Missing { what: "exit code", name: container.to_owned() })
    }
}

pub(super) fn with_fd(output: LogOutput) -> (u8, Bytes) {
    let fd = if matches!(output, LogOutput::StdErr { .. }) { 2 } else { 1 };
    (fd, output.into_bytes())
}
