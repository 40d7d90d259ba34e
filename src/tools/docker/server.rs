//! The half of `docker` that plays: in the program, for one lab, over loopback and with a token of the lab's own. What the
//! stage's password and the Engine are good for stays here. Knows no fence.

use std::fmt::Display;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Parser;
use rand::RngExt;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::args;
use super::play::Player;
use super::wire::{self, Call};
use crate::docker::Docker;
use crate::stage::Handle;

/// How many calls are played at once; others wait.
const CALLS: usize = 32;
/// How many frames of a container's output wait for a client that does not read.
const WAITING: usize = 64;
/// How many frames of a client's input wait for a command that does not read.
const INPUT: usize = 16;

/// What `docker` stands on in one lab.
pub struct LabDocker {
    /// The stage, with the lab's own scope.
    pub handle: Handle,
    /// The engine that it plays on.
    pub docker: Docker,
    /// The folder that the lab's fences may read: build contexts are in it.
    pub folder: PathBuf,
    /// The docker config that a login is written to, in that folder.
    pub config: PathBuf,
    /// Hears of each image that the lab is about to push, as the reader writes it.
    pub pushes: Box<dyn Fn(&str) + Send + Sync>,
}

/// What a lab's calls have left to know for the later ones.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// The Engine's repositories and what the reader calls them.
    pub names: Vec<(String, String)>,
    pub pushed: Vec<String>,
}

/// The docker of one lab, until [`Server::close`].
pub struct Server {
    address: SocketAddr,
    token: String,
    notes: Arc<Mutex<Notes>>,
    shutdown: DropGuard,
    tasks: TaskTracker,
}

impl Server {
    /// # Errors
    /// Where no port of loopback can be had.
    pub async fn start(lab: LabDocker) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let token = format!("{:032x}", rand::rng().random::<u128>());
        let (notes, shutdown, tasks) = (Arc::default(), CancellationToken::new(), TaskTracker::new());
        let serving = Serving { lab: Arc::new(lab), notes: Arc::clone(&notes), token: token.clone() };
        let (stop, calls) = (shutdown.clone(), tasks.clone());
        tasks.spawn(async move {
            let turns = Arc::new(Semaphore::new(CALLS));
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    accepted = listener.accept() => {
                        // What a client has let go of in between is nobody's call.
                        let Ok((stream, _)) = accepted else { continue };
                        let (serving, turns, stop) = (serving.clone(), Arc::clone(&turns), stop.clone());
                        calls.spawn(async move {
                            let turn = async {
                                let _turn = turns.acquire().await;
                                serving.serve(stream).await;
                            };
                            tokio::select! {
                                () = turn => {}
                                () = stop.cancelled() => {}
                            }
                        });
                    }
                }
            }
        });
        Ok(Self { address, token, notes, shutdown: shutdown.drop_guard(), tasks })
    }

    /// What the variable [`VARIABLE`](super::VARIABLE) of fences says.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}/{}", self.address, self.token)
    }

    /// A secret, to be masked.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Whether the lab has pushed an image, as it is called in the registry.
    pub(crate) fn has_pushed(&self, image: &str) -> bool {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).pushed.iter().any(|pushed| pushed == image)
    }

    /// The images that the lab has pushed since this was last asked, as they are called in the registry.
    #[must_use]
    pub fn take_pushed(&self) -> Vec<String> {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut notes.pushed)
    }

    /// Ends what is still played, and waits for it.
    pub async fn close(self) {
        drop(self.shutdown);
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[derive(Clone)]
struct Serving {
    lab: Arc<LabDocker>,
    notes: Arc<Mutex<Notes>>,
    token: String,
}

impl Serving {
    /// One call, from its first byte to its exit code. A client that has gone ends its command.
    async fn serve(&self, stream: TcpStream) {
        let (from, mut to) = stream.into_split();
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        let read = (&mut from).take(wire::LONGEST_CALL).read_until(b'\n', &mut line).await;
        let call = read.ok().and_then(|_| serde_json::from_slice::<Call>(&line).ok());
        // Who does not know the token learns nothing, not even that.
        let Some(call) = call.filter(|call| call.token == self.token) else { return };
        let (frames, mut waiting) = mpsc::unbounded_channel();
        let out = Output { frames, room: Arc::new(Semaphore::new(WAITING)) };
        let (input, stdin) = mpsc::channel(INPUT);
        let gone = CancellationToken::new();
        let receive = async {
            while let Ok((_, bytes)) = wire::read(&mut from).await {
                // A command that does not read its input goes on without it.
                let _ = input.send(bytes).await;
            }
            gone.cancel();
            std::future::pending::<()>().await;
        };
        let play = async {
            let code = tokio::select! {
                code = self.play(call, out.clone(), stdin) => code,
                () = gone.cancelled() => 1,
            };
            out.end(code);
        };
        let send = async {
            while let Some(Frame { stream, bytes, _room }) = waiting.recv().await {
                if wire::write(&mut to, stream, &bytes).await.is_err() || stream == wire::LAST {
                    return;
                }
            }
        };
        tokio::select! {
            () = async { tokio::join!(play, send); } => {}
            () = receive => {}
        }
    }

    async fn play(&self, call: Call, out: Output, stdin: mpsc::Receiver<Vec<u8>>) -> u8 {
        let words = args::short(call.args.iter().map(Into::into).collect());
        let command = match args::Cli::try_parse_from(words) {
            Ok(cli) => cli.command,
            Err(error) => {
                let (words, code) = args::refusal(&error);
                out.warn(words);
                return code;
            }
        };
        let lab = Arc::clone(&self.lab);
        let player =
            Player { lab, notes: Arc::clone(&self.notes), cwd: call.cwd, env: call.env, out, stdin: stdin.into() };
        player.play_to_end(command).await
    }
}

struct Frame {
    stream: u8,
    bytes: Vec<u8>,
    /// Given back once it is on its way.
    _room: Option<OwnedSemaphorePermit>,
}

/// Where a command prints.
#[derive(Clone)]
pub(super) struct Output {
    frames: mpsc::UnboundedSender<Frame>,
    room: Arc<Semaphore>,
}

impl Output {
    /// A line of standard output.
    pub(super) fn print(&self, line: impl Display) {
        self.text(format_args!("{line}\n"));
    }

    /// Text of standard output as it is.
    pub(super) fn text(&self, text: impl Display) {
        self.send(1, text.to_string().into_bytes(), None);
    }

    /// A line of standard error.
    pub(super) fn warn(&self, line: impl Display) {
        self.send(2, format!("{line}\n").into_bytes(), None);
    }

    /// A container's bytes as they are; waits for a client that reads slowly.
    pub(super) async fn bytes(&self, stream: u8, bytes: &[u8]) {
        let room = Arc::clone(&self.room).acquire_owned().await.ok();
        self.send(stream, bytes.to_vec(), room);
    }

    fn end(&self, code: u8) {
        self.send(wire::LAST, vec![code], None);
    }

    fn send(&self, stream: u8, bytes: Vec<u8>, _room: Option<OwnedSemaphorePermit>) {
        // A client that has gone reads nothing.
        let _ = self.frames.send(Frame { stream, bytes, _room });
    }
}
