//! `pods/portforward`: SPDY tunnelled through a WebSocket, as kubectl does since 1.31, where each forwarded connection
//! is a pair of streams, one for errors and one for data; or channels of a WebSocket, a pair for each port that the
//! request names, as other clients do (kubelet `cri/streaming/portforward/websocket.go`).

use std::collections::HashMap;
use std::sync::Arc;

use axum::RequestExt;
use axum::extract::Request;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use super::channels::Framing;
use super::container;
use super::spdy::{self, Decoder, Encoder, Frame};
use crate::mini::api::{Api, Call};
use crate::mini::request::Params;
use crate::mini::runtime::{Duplex, Runtime};
use crate::mini::status::ApiError;

const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";
/// Frames that wait for a target that is slow to read, and for the client; more hold up the whole connection, as they do
/// in Kubernetes (moby/spdystream, connection.go, `QUEUE_SIZE`).
const QUEUE: usize = 50;
const CHUNK: usize = 16 * 1024;

pub(crate) async fn portforward(api: Arc<Api>, call: Call, request: Request) -> Result<Response, ApiError> {
    let pod = api.pipeline.get(call.resource, &call.key())?.value();
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let names: Vec<_> = containers.filter_map(|c| c["name"].as_str()).collect();
    container::choose(&pod, names.first().copied())?;
    container::placed(&pod)?;
    // A pod's containers share their ports.
    let id = names.iter().find_map(|name| container::running(&pod, name));
    let id = id.ok_or_else(|| ApiError::BadRequest(format!("pod {} has no running container", call.info.name)))?;
    let upgrade: WebSocketUpgrade = request.extract().await.map_err(|_| ApiError::NotImplemented {
        what: "port-forward over bare SPDY",
        instead: "use kubectl 1.31 or newer, which tunnels it through a WebSocket",
    })?;
    let upgrade = upgrade.protocols([TUNNEL, "v4.channel.k8s.io", "v4.base64.channel.k8s.io"]);
    let tunnelled = upgrade.selected_protocol().is_some_and(|protocol| protocol == TUNNEL);
    let framing = Framing::new(upgrade.selected_protocol());
    let ports = if tunnelled { vec![] } else { ports(&call.params)? };
    Ok(upgrade.on_upgrade(move |socket| async move {
        let target = Arc::new(Target { runtime: api.runtime.clone(), container: id, pod: call.info.name });
        let served = async {
            if tunnelled {
                // How a tunnel ends is the client's to tell.
                let _ = run(socket, target).await;
            } else {
                channels(socket, framing, target, ports).await;
            }
        };
        tokio::select! {
            () = api.shutdown.cancelled() => {}
            () = served => {}
        }
    }))
}

/// The ports that a request names, which it must where it does not tunnel.
fn ports(params: &Params) -> Result<Vec<u16>, ApiError> {
    let named: Vec<_> = params.all("ports").flat_map(|text| text.split(',')).collect();
    if named.is_empty() {
        return Err(ApiError::BadRequest("query parameter \"port\" is required".to_owned()));
    }
    let port = |text: &str| match text.parse::<u16>() {
        Ok(0) => Err(ApiError::BadRequest(format!("port {text:?} must be > 0"))),
        Ok(port) => Ok(port),
        Err(_) => Err(ApiError::BadRequest(format!("unable to parse {text:?} as a port"))),
    };
    named.into_iter().map(port).collect()
}

/// Serves a client that has two channels for each port: an even one for data, and the next for errors. Both begin with
/// the port, lower byte first. Ends with the client, or when every port is through.
async fn channels(socket: WebSocket, framing: Framing, target: Arc<Target>, ports: Vec<u16>) {
    let (mut sink, mut source) = socket.split();
    let (outbox, mut outgoing) = mpsc::channel::<Message>(QUEUE);
    let mut inputs = vec![];
    for (i, port) in (0u8..).zip(ports) {
        for channel in [2 * i, 2 * i + 1] {
            if sink.send(framing.put(channel, &port.to_le_bytes())).await.is_err() {
                return;
            }
        }
        let (input, received) = mpsc::channel(QUEUE);
        inputs.push(input);
        let sender = Channels { framing, data: 2 * i, outbox: outbox.clone() };
        tokio::spawn(sender.forward(target.clone(), port, received));
    }
    drop(outbox);
    let sender = async {
        while let Some(message) = outgoing.recv().await {
            if sink.send(message).await.is_err() {
                return;
            }
        }
        let _ = sink.send(Message::Close(None)).await;
    };
    let receiver = async {
        while let Some(Ok(message)) = source.next().await {
            let Some(bytes) = framing.take(message) else { continue };
            let input = inputs.get(usize::from(bytes[0] / 2)).filter(|_| bytes[0] % 2 == 0);
            if let Some(input) = input {
                // A target that is gone takes no more.
                let _ = input.send(bytes.slice(1..)).await;
            }
        }
    };
    tokio::select! {
        () = sender => {}
        () = receiver => {}
    }
}

/// The channels of one port.
struct Channels {
    framing: Framing,
    data: u8,
    outbox: mpsc::Sender<Message>,
}

impl Channels {
    async fn forward(self, target: Arc<Target>, port: u16, received: mpsc::Receiver<Bytes>) {
        match target.runtime.dial(&target.container, port).await {
            Ok(socket) => {
                let (framing, data) = (self.framing, self.data);
                carry(socket, received, self.outbox, move |bytes| framing.put(data, bytes), vec![]).await;
            }
            Err(why) => {
                let message = format!("error forwarding port {port} to pod {}, uid : {why}", target.pod);
                let _ = self.outbox.send(self.framing.put(self.data + 1, message.as_bytes())).await;
            }
        }
    }
}

/// Carries bytes both ways until both are through or the client is gone. What the target says is `put` into the outbox,
/// and `last` after it.
async fn carry<T: Send>(
    socket: Box<dyn Duplex>,
    mut received: mpsc::Receiver<Bytes>,
    outbox: mpsc::Sender<T>,
    put: impl Fn(&[u8]) -> T + Send,
    last: Vec<T>,
) {
    let (mut reader, mut writer) = tokio::io::split(socket);
    let up = async {
        while let Some(bytes) = received.recv().await {
            if writer.write_all(&bytes).await.is_err() {
                return;
            }
        }
        let _ = writer.shutdown().await;
    };
    let down = async move {
        let mut buffer = vec![0; CHUNK];
        loop {
            let read = tokio::select! {
                () = outbox.closed() => return,
                read = reader.read(&mut buffer) => read,
            };
            let Ok(count @ 1..) = read else { break };
            if outbox.send(put(&buffer[..count])).await.is_err() {
                return;
            }
        }
        for message in last {
            let _ = outbox.send(message).await;
        }
    };
    tokio::join!(up, down);
}

struct Target {
    runtime: Arc<dyn Runtime>,
    container: String,
    pod: String,
}

/// One request's streams as far as they are open.
#[derive(Default)]
struct Open {
    /// Error streams by request id.
    errors: HashMap<String, u32>,
    /// What flows towards the container, by data stream.
    inputs: HashMap<u32, mpsc::Sender<Bytes>>,
}

/// Serves the connection until either side ends it.
async fn run(socket: WebSocket, target: Arc<Target>) -> Result<(), spdy::Error> {
    let (mut sink, mut source) = socket.split();
    let (outbox, mut outgoing) = mpsc::channel::<Bytes>(QUEUE);
    let (mut decoder, mut encoder) = (Decoder::new(), Encoder::new()?);
    let mut open = Open::default();
    let sender = async {
        while let Some(frame) = outgoing.recv().await {
            if sink.send(Message::Binary(frame)).await.is_err() {
                return;
            }
        }
    };
    let receiver = async {
        while let Some(Ok(message)) = source.next().await {
            let Message::Binary(bytes) = message else { continue };
            decoder.push(&bytes);
            while let Some(frame) = decoder.next()? {
                if let Some(answer) = open.handle(frame, &mut encoder, &target, &outbox).await? {
                    // The sender ends only with the connection.
                    let _ = outbox.send(answer).await;
                }
            }
        }
        Ok(())
    };
    tokio::select! {
        () = sender => Ok(()),
        ended = receiver => ended,
    }
}

impl Open {
    async fn handle(
        &mut self,
        frame: Frame,
        encoder: &mut Encoder,
        target: &Arc<Target>,
        outbox: &mpsc::Sender<Bytes>,
    ) -> Result<Option<Bytes>, spdy::Error> {
        match frame {
            Frame::Open { stream, headers } => {
                let header = |name: &str| headers.get(name).cloned().unwrap_or_default();
                let (request, port) = (header("requestid"), header("port"));
                if header("streamtype") == "error" {
                    self.errors.insert(request, stream);
                } else {
                    let (input, received) = mpsc::channel(QUEUE);
                    self.inputs.insert(stream, input);
                    let pair = Pair {
                        data: stream,
                        error: self.errors.remove(&request).unwrap_or(stream),
                        outbox: outbox.clone(),
                    };
                    tokio::spawn(pair.forward(target.clone(), port, received));
                }
                return encoder.reply(stream).map(Some);
            }
            Frame::Data { stream, data, last } => {
                if let Some(input) = self.inputs.get(&stream).filter(|_| !data.is_empty()) {
                    // A target that is gone takes no more.
                    let _ = input.send(data).await;
                }
                if last {
                    self.inputs.remove(&stream);
                }
            }
            Frame::Reset { stream } => drop(self.inputs.remove(&stream)),
            Frame::Ping { id } => return Ok(Some(spdy::ping(id))),
            Frame::GoAway | Frame::Other => {}
        }
        Ok(None)
    }
}

/// The streams of one forwarded connection.
struct Pair {
    data: u32,
    error: u32,
    outbox: mpsc::Sender<Bytes>,
}

impl Pair {
    /// Dials the port and carries bytes both ways until both are through or the client is gone.
    async fn forward(self, target: Arc<Target>, port: String, received: mpsc::Receiver<Bytes>) {
        let dialed = match port.parse::<u16>() {
            Ok(number) => target.runtime.dial(&target.container, number).await.map_err(|e| e.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let socket = match dialed {
            Ok(socket) => socket,
            Err(why) => {
                let message = format!("error forwarding port {port} to pod {}, uid : {why}", target.pod);
                let _ = self.outbox.send(spdy::data(self.error, message.as_bytes(), true)).await;
                let _ = self.outbox.send(spdy::data(self.data, b"", true)).await;
                return;
            }
        };
        let (data, error) = (self.data, self.error);
        let last = vec![spdy::data(data, b"", true), spdy::data(error, b"", true)];
        carry(socket, received, self.outbox, move |bytes| spdy::data(data, bytes, false), last).await;
    }
}
