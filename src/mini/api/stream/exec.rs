//! `pods/exec` and `pods/attach` over WebSocket, in every subprotocol there has been (apiserver `pkg/util/proxy`, kubelet
//! `cri/streaming/remotecommand`).

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::RequestExt;
use axum::extract::Request;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use futures::stream::{SplitSink, SplitStream};
use futures::{Sink, SinkExt, Stream, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use super::channels::Framing;
use super::container;
use crate::mini::api::{Api, Call};
use crate::mini::runtime::{ExecSession, ExecSpec, RuntimeError};
use crate::mini::status::ApiError;

const PROTOCOLS: [&str; 5] =
    ["v5.channel.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io", "channel.k8s.io", "base64.channel.k8s.io"];
const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const ERROR: u8 = 3;
/// v5: the next byte names a channel that its sender has closed.
const CLOSE: u8 = 255;
/// How long a client may take to close its side.
const CLOSING: Duration = Duration::from_secs(5);
const MAX_MESSAGE: usize = 1 << 20;

pub(crate) async fn exec(api: Arc<Api>, call: Call, request: Request) -> Result<Response, ApiError> {
    let params = &call.params;
    let target = Target::new(&api, &call)?;
    let spec = ExecSpec {
        command: params.all("command").map(str::to_owned).collect(),
        stdin: params.flag("stdin"),
        tty: params.flag("tty"),
        ..ExecSpec::default()
    };
    if spec.command.is_empty() {
        return Err(ApiError::BadRequest("you must specify at least 1 command for exec".to_owned()));
    }
    let runtime = api.runtime.clone();
    let start = |id: String| async move { runtime.exec(&id, spec).await.map_err(|error| failed(&error)) };
    connect(api, request, "exec over SPDY", target, start).await
}

pub(crate) async fn attach(api: Arc<Api>, call: Call, request: Request) -> Result<Response, ApiError> {
    let (target, stdin) = (Target::new(&api, &call)?, call.params.flag("stdin"));
    let runtime = api.runtime.clone();
    let start = move |id: String| async move { runtime.attach(&id, stdin).await.map_err(|error| unattached(&error)) };
    connect(api, request, "attach over SPDY", target, start).await
}

/// The container that a connection is to.
struct Target {
    container: String,
    /// The runtime's id, where it runs.
    id: Option<String>,
}

impl Target {
    fn new(api: &Api, call: &Call) -> Result<Self, ApiError> {
        let pod = api.pipeline.get(call.resource, &call.key())?.value();
        let container = container::choose(&pod, call.params.get("container"))?;
        container::placed(&pod)?;
        let id = container::running(&pod, &container);
        Ok(Target { container, id })
    }
}

/// Answers with the connection; `start` gives its streams, or the status to end it with.
async fn connect<S: Future<Output = Result<ExecSession, Value>> + Send>(
    api: Arc<Api>,
    request: Request,
    spdy: &'static str,
    target: Target,
    start: impl FnOnce(String) -> S + Send + 'static,
) -> Result<Response, ApiError> {
    let upgrade: WebSocketUpgrade = request.extract().await.map_err(|_| ApiError::NotImplemented {
        what: spdy,
        instead: "use kubectl 1.31 or newer, which speaks WebSocket",
    })?;
    let upgrade = upgrade.protocols(PROTOCOLS).max_message_size(MAX_MESSAGE);
    let framing = Framing::new(upgrade.selected_protocol());
    Ok(upgrade.on_upgrade(move |socket| async move {
        let shutdown = api.shutdown.clone();
        let (mut sink, mut source) = socket.split();
        let status = match target.id {
            Some(id) => match start(id).await {
                Ok(session) => carry(framing, &mut sink, &mut source, session, shutdown).await,
                Err(status) => status,
            },
            None => not_running(&target.container),
        };
        finish(framing, sink, source, &status).await;
    }))
}

/// The error as it passes through kubelet and API server, each of which says that it is internal.
fn failed(error: &RuntimeError) -> Value {
    let words = error.to_string();
    let words = match words.split_once("unable to start container process: ") {
        Some((_, cause)) => cause,
        None => &words,
    };
    let id = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
    internal(&format!(
        "Internal error occurred: error executing command in container: failed to exec in container: failed to start exec {id:?}: OCI runtime exec failed: exec failed: unable to start container process: {words}"
    ))
}

/// The same of a container whose process cannot be joined.
fn unattached(error: &RuntimeError) -> Value {
    internal(&format!("Internal error occurred: error attaching to container: {error}"))
}

/// The kubelet's refusal before there is a connection: it passes the API server as it is.
fn not_running(container: &str) -> Value {
    let message = format!("unable to upgrade connection: container not found ({container:?})");
    let mut status = internal(&message);
    status["message"] = json!(message);
    status
}

/// The engine prints this in place of a command that cannot be started; the kubelet reports it as an error.
const NOT_STARTED: &[u8] = b"OCI runtime exec failed: exec failed: unable to start container process: ";

fn not_started(output: &[u8]) -> Option<Value> {
    let words = String::from_utf8_lossy(output.strip_prefix(NOT_STARTED)?);
    Some(failed(&RuntimeError::Failed(words.trim().trim_end_matches(": unknown").to_owned())))
}

fn internal(message: &str) -> Value {
    ApiError::Internal(message.to_owned()).to_status()
}

/// The `Status` that ends the error channel.
fn exited(code: i32) -> Value {
    if code == 0 {
        return json!({"metadata": {}, "status": "Success"});
    }
    let causes = json!([{"reason": "ExitCode", "message": code.to_string()}]);
    let message = format!("command terminated with non-zero exit code: exit status {code}");
    json!({"metadata": {}, "status": "Failure", "message": message, "reason": "NonZeroExitCode", "details": {"causes": causes}})
}

async fn finish(
    framing: Framing,
    mut sink: SplitSink<WebSocket, Message>,
    mut source: SplitStream<WebSocket>,
    status: &Value,
) {
    let words = match status["message"].as_str() {
        _ if framing.status => Some(status.to_string()),
        message => message.map(str::to_owned),
    };
    if let Some(words) = words {
        // The client may be gone already.
        let _ = sink.send(framing.put(ERROR, words.as_bytes())).await;
    }
    let normal = CloseFrame { code: close_code::NORMAL, reason: Utf8Bytes::default() };
    let _ = sink.send(Message::Close(Some(normal))).await;
    // Until the client has closed too, but not for ever.
    let drain = async { while let Some(Ok(_)) = source.next().await {} };
    let _ = tokio::time::timeout(CLOSING, drain).await;
}

/// Carries the streams until the output ends; returns the status to finish with. Input has a branch of its own: a
/// process that does not read holds up neither its output nor the server's end.
async fn carry<E>(
    framing: Framing,
    sink: &mut (impl Sink<Message> + Unpin),
    source: &mut (impl Stream<Item = Result<Message, E>> + Unpin),
    session: ExecSession,
    shutdown: CancellationToken,
) -> Value {
    let ExecSession { stdin, mut output, exit_code } = session;
    let mut pump = Box::pin(pump(framing, source, stdin));
    // Tells the client that the connection is up.
    let mut alive = sink.send(framing.put(STDOUT, &[])).await.is_ok();
    let mut first = true;
    while alive {
        tokio::select! {
            () = shutdown.cancelled() => return internal("the server is shutting down"),
            chunk = output.next() => match chunk {
                Some(Ok((fd, bytes))) => {
                    if let Some(status) = not_started(&bytes).filter(|_| std::mem::take(&mut first)) {
                        return status;
                    }
                    first = false;
                    alive = sink.send(framing.put(fd, &bytes)).await.is_ok();
                }
                Some(Err(error)) => return internal(&error.to_string()),
                None => break,
            },
            () = &mut pump => alive = false,
        }
    }
    drop(pump);
    match exit_code.await {
        Ok(code) => exited(code),
        Err(error) => internal(&error.to_string()),
    }
}

/// Hands the client's input on until the client is gone.
async fn pump<E>(framing: Framing, source: &mut (impl Stream<Item = Result<Message, E>> + Unpin), stdin: Stdin) {
    let mut stdin = Some(stdin);
    while let Some(Ok(received)) = source.next().await {
        if matches!(received, Message::Close(_)) {
            return;
        }
        if let Some(bytes) = framing.take(received) {
            input(&mut stdin, &bytes).await;
        }
    }
}

type Stdin = Pin<Box<dyn AsyncWrite + Send>>;

async fn input(stdin: &mut Option<Stdin>, bytes: &[u8]) {
    match bytes {
        [STDIN, data @ ..] => {
            let Some(pipe) = stdin else { return };
            if pipe.write_all(data).await.is_err() || pipe.flush().await.is_err() {
                *stdin = None;
            }
        }
        [CLOSE, STDIN, ..] => {
            if let Some(mut pipe) = stdin.take() {
                // A process that is gone needs no end of input.
                let _ = pipe.shutdown().await;
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[tokio::test]
    async fn a_process_that_does_not_read_is_heard() {
        let (mut client, mut source) = futures::channel::mpsc::unbounded();
        let (mut sink, mut seen) = futures::channel::mpsc::unbounded();
        let (stdin, _unread) = tokio::io::duplex(1);
        let (speak, spoken) = futures::channel::mpsc::unbounded();
        let session =
            ExecSession { stdin: Box::pin(stdin), output: spoken.boxed(), exit_code: Box::pin(async { Ok(3) }) };
        let framing = Framing::new(Some(&http::HeaderValue::from_static(PROTOCOLS[0])));
        let message = |channel, data: &[u8]| framing.put(channel, data);
        client.send(Ok::<_, std::io::Error>(message(STDIN, b"more than the pipe takes"))).await.unwrap();
        let shutdown = CancellationToken::new();
        let process = async {
            assert_eq!(seen.next().await, Some(message(STDOUT, b"")));
            tokio::task::yield_now().await;
            speak.unbounded_send(Ok((STDOUT, Bytes::from_static(b"hello")))).unwrap();
            assert_eq!(seen.next().await, Some(message(STDOUT, b"hello")));
            drop(speak);
        };
        let both = async { tokio::join!(carry(framing, &mut sink, &mut source, session, shutdown), process).0 };
        let status = tokio::time::timeout(Duration::from_secs(5), both).await.expect("output is carried");
        assert_eq!(status, exited(3));
    }

    #[test]
    fn statuses_say_how_it_ended() {
        assert_eq!(exited(0)["status"], "Success");
        assert_eq!(exited(3)["details"]["causes"][0], json!({"reason": "ExitCode", "message": "3"}));
        let words = r#"exec: "nosuchcmd": executable file not found in $PATH"#;
        let message = failed(&RuntimeError::Failed(words.to_owned()))["message"].as_str().unwrap().to_owned();
        assert!(
            message.starts_with(
                "Internal error occurred: Internal error occurred: error executing command in container: "
            )
        );
        assert!(message.ends_with(&format!("unable to start container process: {words}")));
        let printed = [NOT_STARTED, words.as_bytes(), b": unknown\r\n"].concat();
        assert!(not_started(&printed).unwrap()["message"].as_str().unwrap().ends_with(words));
        assert_eq!(not_started(b"OCI"), None);
        let message = "unable to upgrade connection: container not found (\"app\")";
        assert_eq!(not_running("app")["message"], message);
    }
}
