//! Running tools: each in a session of its own, with a deadline; the whole process group goes when the tool has ended,
//! timed out or is no longer waited for. Knows no Docker and no Kubernetes.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::AbortHandle;

use crate::hint::Hint;
use crate::process::{Process, STARTED_BY};
use crate::secret::private_file;

/// What a child does to itself before it becomes the tool: system calls and nothing else, for the other threads' locks are
/// never released in it.
pub trait Restriction: std::fmt::Debug + Send + Sync {
    /// # Errors
    /// Where the child must not become the tool.
    fn apply(&self) -> std::io::Result<()>;
}

/// A tool to run; [`Tool::run`] runs it.
#[derive(Debug, Clone)]
pub struct Tool {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    cwd: Option<PathBuf>,
    stdin: Option<Vec<u8>>,
    timeout: Duration,
    at_most: usize,
    inherits: bool,
    restriction: Option<Arc<dyn Restriction>>,
    /// Dropped means that it is killed and its children are not.
    spares_children: bool,
}

/// What a tool printed and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Exit code; 128 + signal number where a signal ended it, as a shell says it.
    pub code: i32,
    /// What the tool wrote there, and what is no UTF-8 replaced.
    pub stdout: String,
    /// The same of the other stream.
    pub stderr: String,
}

impl Output {
    /// Whether the tool ended with 0.
    pub fn success(&self) -> bool {
        self.code == 0
    }
}

/// Why a tool did not do what it was started for.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "what each variant is, its message says")]
pub enum Error {
    #[error("`{program}` is not on PATH")]
    NotFound { program: String },
    #[error("cannot run `{program}`")]
    Spawn {
        program: String,
        #[source]
        source: std::io::Error,
    },
    #[error("`{program}` did not end within {after:?}; it had printed: {}", tail(.printed))]
    TimedOut { program: String, after: Duration, printed: String },
    #[error("`{program}` exited with {code}: {}", tail(.printed))]
    Failed { program: String, code: i32, printed: String },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { program } => Some(format!("install `{program}`, or put it on PATH")),
            Self::Spawn { .. } => Some("is it a program for this machine, and yours to run?".into()),
            // What it printed says why.
            Self::TimedOut { .. } | Self::Failed { .. } => None,
        }
    }
}

/// The end of what a tool printed: the part that says why it failed.
fn tail(printed: &str) -> String {
    let lines: Vec<_> = printed.trim().lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

impl Tool {
    /// A run of `program`, which is looked for on PATH where it is no path. Nothing is started yet.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            cwd: None,
            stdin: None,
            timeout: Duration::from_secs(60),
            at_most: usize::MAX,
            inherits: true,
            restriction: None,
            spares_children: false,
        }
    }

    /// Inherits no variable: the tool has those of [`Tool::env`] and no others.
    pub fn without_environment(mut self) -> Self {
        self.inherits = false;
        self
    }

    /// Restricts itself before it begins.
    pub fn restricted(mut self, restriction: Option<Arc<dyn Restriction>>) -> Self {
        self.restriction = restriction;
        self
    }

    /// Adds one argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds several arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.args.extend(args.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// Sets one variable on top of the inherited environment.
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((key.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Runs it in `dir`, and not where this process is.
    pub fn cwd(mut self, dir: impl AsRef<Path>) -> Self {
        self.cwd = Some(dir.as_ref().to_owned());
        self
    }

    /// Writes these bytes to its standard input; without them it has an empty one.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// How long it may run; 60 s when not said.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many bytes of each stream are kept, from the first on; the others are read and counted.
    pub fn at_most(mut self, bytes: usize) -> Self {
        self.at_most = bytes;
        self
    }

    /// Where it is no longer waited for, only the tool itself is killed: what its children have asked others for is
    /// answered to them, and whoever made them finds by a variable when they have ended.
    pub fn sparing_children(mut self) -> Self {
        self.spares_children = true;
        self
    }

    /// Runs it to its end, whatever the exit code.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Spawn`], [`Error::TimedOut`].
    pub async fn run(self) -> Result<Output, Error> {
        self.run_with(|_, _| {}).await
    }

    /// As [`Tool::run`], and a non-zero exit is [`Error::Failed`].
    pub async fn run_ok(self) -> Result<Output, Error> {
        let program = self.name();
        let output = self.run().await?;
        if output.success() {
            return Ok(output);
        }
        let printed = format!("{}{}", output.stdout, output.stderr);
        Err(Error::Failed { program, code: output.code, printed })
    }

    /// As [`Tool::run`]; `on_line(fd, line)` sees each line of stdout (1) and stderr (2) as it comes.
    pub async fn run_with(self, on_line: impl FnMut(u8, &str)) -> Result<Output, Error> {
        self.follow(on_line, false).await.map(|(output, _)| output)
    }

    /// As [`Tool::run_with`]; what the tool has put into the background goes on until [`Left`] is dropped.
    pub async fn run_leaving(self, on_line: impl FnMut(u8, &str)) -> Result<(Output, Left), Error> {
        self.follow(on_line, true).await
    }

    async fn follow(self, mut on_line: impl FnMut(u8, &str), leave: bool) -> Result<(Output, Left), Error> {
        let (program, timeout) = (self.name(), self.timeout);
        let mut group = self.spawn(&program)?;
        let (mut stdout, mut stderr) = (String::new(), String::new());
        let mut out = Lines::new(group.child.stdout.take(), self.at_most);
        let mut err = Lines::new(group.child.stderr.take(), self.at_most);
        let finished = tokio::time::timeout(timeout, async {
            let write = group.child.stdin.take().zip(self.stdin);
            let feed = async {
                if let Some((mut pipe, bytes)) = write {
                    // A tool that does not read its input to the end is its own affair.
                    let _ = pipe.write_all(&bytes).await;
                }
                std::future::pending::<()>().await;
            };
            tokio::pin!(feed);
            let mut status = None;
            let (mut out_open, mut err_open) = (true, true);
            loop {
                tokio::select! {
                    biased;
                    line = out.next(), if out_open => keep(line, 1, &mut stdout, &mut on_line, &mut out_open),
                    line = err.next(), if err_open => keep(line, 2, &mut stderr, &mut on_line, &mut err_open),
                    ended = group.child.wait(), if status.is_none() => {
                        status = Some((ended, Instant::now()));
                        if !leave {
                            // What it left in the background would hold the pipes open for ever.
                            group.kill(Signal::SIGKILL);
                        }
                    }
                    () = quiet(), if leave && status.is_some() => (out_open, err_open) = (false, false),
                    () = &mut feed => {}
                }
                if let Some((ended, at)) = &status
                    && (!out_open && !err_open || leave && at.elapsed() > LAST_WORDS)
                {
                    return ended.as_ref().map(code).unwrap_or(-1);
                }
            }
        })
        .await;
        keep(out.rest(), 1, &mut stdout, &mut on_line, &mut true);
        keep(err.rest(), 2, &mut stderr, &mut on_line, &mut true);
        match finished {
            Ok(code) => {
                let reading = out.pipe.map(drain).into_iter().chain(err.pipe.map(drain)).collect();
                Ok((Output { code, stdout, stderr }, Left::new(group, reading)))
            }
            Err(_) => Err(Error::TimedOut { program, after: timeout, printed: stdout + &stderr }),
        }
    }

    fn name(&self) -> String {
        self.program.to_string_lossy().into_owned()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that starts processes")]
    fn spawn(&self, program: &str) -> Result<Group, Error> {
        let mut command = Command::new(&self.program);
        if !self.inherits {
            command.env_clear();
        }
        command.args(&self.args).envs(self.env.iter().map(|(k, v)| (k, v))).kill_on_drop(true);
        if let Some(process) = Process::current() {
            command.env(STARTED_BY, process.to_string());
        }
        let restriction = self.restriction.clone();
        let begin = move || {
            own_session()?;
            restriction.as_ref().map_or(Ok(()), |restriction| restriction.apply())
        };
        // SAFETY: setsid is async-signal-safe, and a Restriction makes system calls only. To restrict the child in another
        // program, which would need no unsafe code, costs that program's start for each fence.
        unsafe { command.pre_exec(begin) };
        if let Some(cwd) = &self.cwd {
            command.current_dir(cwd);
        }
        let stdin = if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() };
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound if self.cwd.as_ref().is_none_or(|d| d.is_dir()) => {
                Error::NotFound { program: program.into() }
            }
            _ => Error::Spawn { program: program.into(), source },
        })?;
        let pgid = child.id().map(|id| Pid::from_raw(id.cast_signed()));
        Ok(Group { child, pgid, spares_children: self.spares_children })
    }
}

/// Away from the terminal: in the background of one, whoever asks it (`kubectl edit` does) is stopped.
fn own_session() -> std::io::Result<()> {
    nix::unistd::setsid()?;
    Ok(())
}

/// A child and its process group: dropped means killed, children of children too.
#[derive(Debug)]
struct Group {
    child: Child,
    pgid: Option<Pid>,
    spares_children: bool,
}

impl Group {
    fn kill(&self, signal: Signal) {
        if let Some(pgid) = self.pgid {
            // Gone already is what we want.
            let _ = killpg(pgid, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The tool itself is killed with `child`.
        if !self.spares_children {
            self.kill(Signal::SIGKILL);
        }
    }
}

/// What a tool has left in the background; dropped means killed. What it prints meanwhile is read, so that it can go on,
/// and is lost.
#[derive(Debug)]
pub struct Left {
    _group: Group,
    /// The pipes that somebody still holds.
    reading: Vec<AbortHandle>,
}

impl Left {
    fn new(mut group: Group, reading: Vec<AbortHandle>) -> Self {
        // A group that nobody is in any more may become somebody else's.
        group.pgid = group.pgid.filter(|pgid| killpg(*pgid, None).is_ok());
        Self { _group: group, reading }
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        self.reading.iter().for_each(AbortHandle::abort);
    }
}

fn drain(mut pipe: BufReader<impl AsyncRead + Unpin + Send + 'static>) -> AbortHandle {
    let read = async move { tokio::io::copy_buf(&mut pipe, &mut tokio::io::sink()).await };
    tokio::spawn(read).abort_handle()
}

/// How long nothing is to come from a tool that has ended where somebody still holds its pipes, and how long that may
/// take where somebody talks on.
const QUIET: Duration = Duration::from_millis(20);
const LAST_WORDS: Duration = Duration::from_secs(1);

async fn quiet() {
    let _ = tokio::time::timeout(QUIET, std::future::pending::<()>()).await;
}

/// Lines of a pipe. What has been read of an unfinished line survives a cancelled [`Lines::next`].
struct Lines<R> {
    pipe: Option<BufReader<R>>,
    unfinished: Vec<u8>,
    /// How many bytes are still kept, and how many were not.
    room: usize,
    dropped: usize,
}

/// How much of a word is dropped where the room ends in it: half a password would not be known for one.
const WORD: usize = 4096;

impl<R: AsyncRead + Unpin> Lines<R> {
    fn new(pipe: Option<R>, room: usize) -> Self {
        let pipe = pipe.map(|pipe| BufReader::with_capacity(1 << 16, pipe));
        Self { pipe, unfinished: Vec::new(), room, dropped: 0 }
    }

    /// What has been read of a line that has not ended.
    fn rest(&mut self) -> Option<Vec<u8>> {
        (!self.unfinished.is_empty()).then(|| std::mem::take(&mut self.unfinished))
    }

    /// The next line with its newline, or the rest before the end; then None. Where there was no room for all, the
    /// last line says so.
    async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let read = match &mut self.pipe {
                Some(pipe) => pipe.fill_buf().await.unwrap_or_default(),
                None => &[],
            };
            if read.is_empty() {
                self.pipe = None;
                if self.dropped > 0 {
                    self.unfinished
                        .extend(format!("… {} more bytes\n", std::mem::take(&mut self.dropped)).into_bytes());
                }
                return self.rest();
            }
            let fits = &read[..read.len().min(self.room)];
            let end = fits.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
            let full = end.is_none() && fits.len() < read.len();
            let taken = end.unwrap_or(fits.len());
            self.unfinished.extend_from_slice(&fits[..taken]);
            self.room -= taken;
            // All of what is read goes at once where nothing is kept any more.
            let consumed = if full { read.len() } else { taken };
            self.dropped += consumed - taken;
            if let Some(pipe) = &mut self.pipe {
                pipe.consume(consumed);
            }
            if full && !self.unfinished.is_empty() {
                let word = self.unfinished.iter().rposition(u8::is_ascii_whitespace).map_or(0, |at| at + 1);
                if self.unfinished.len() - word < WORD {
                    self.dropped += self.unfinished.len() - word;
                    self.unfinished.truncate(word);
                }
                self.unfinished.push(b'\n');
                return Some(std::mem::take(&mut self.unfinished));
            }
            if end.is_some() {
                return Some(std::mem::take(&mut self.unfinished));
            }
        }
    }
}

fn keep(line: Option<Vec<u8>>, fd: u8, into: &mut String, on_line: &mut impl FnMut(u8, &str), open: &mut bool) {
    match line {
        Some(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            on_line(fd, text.trim_end_matches(['\n', '\r']));
            into.push_str(&text);
        }
        None => *open = false,
    }
}

fn code(status: &std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|s| 128 + s)).unwrap_or(-1)
}

/// A process that outlives this one.
pub struct Background {
    child: std::process::Child,
}

impl Background {
    /// Starts it in a session of its own, both streams into `log`.
    ///
    /// # Errors
    /// Where the log cannot be written or the program not started.
    #[expect(clippy::disallowed_methods, reason = "the one place that starts processes")]
    pub fn start(program: &Path, args: &[OsString], log: &Path) -> std::io::Result<Self> {
        use std::os::unix::process::CommandExt;
        let out = private_file(log)?;
        let mut command = std::process::Command::new(program);
        command.args(args).stdin(Stdio::null()).stderr(out.try_clone()?).stdout(out);
        // It is nobody's: it goes on when this process has ended.
        command.env_remove(STARTED_BY);
        // SAFETY: setsid is async-signal-safe.
        unsafe { command.pre_exec(own_session) };
        Ok(Self { child: command.spawn()? })
    }

    /// Its process id, and with it its session's and its group's.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended; one that has is reaped.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks it to clean up and go.
    pub fn terminate(&self) {
        // Gone already is what we want.
        let _ = nix::sys::signal::kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM);
    }
}

/// An error and its causes in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The first `name` on a PATH-like list that is an executable file.
pub fn which(name: &str, path: &OsStr) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    std::env::split_paths(path)
        .map(|dir| dir.join(name))
        .find(|candidate| candidate.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_streams_and_the_code_come_back() {
        let out = Tool::new("sh").args(["-c", "cat; echo oops >&2; exit 3"]).stdin("hello\n").run().await.unwrap();
        assert_eq!(out, Output { code: 3, stdout: "hello\n".into(), stderr: "oops\n".into() });
    }

    #[tokio::test]
    async fn an_unfinished_line_is_not_lost_when_the_tool_ends() {
        let out = Tool::new("sh").args(["-c", "printf half; sleep 0.1; exit 0"]).run().await.unwrap();
        assert_eq!(out.stdout, "half");
    }

    #[tokio::test]
    async fn what_is_not_kept_is_read_and_counted() {
        let run = async |script: &str| {
            let tool = Tool::new("sh").args(["-c", script]).at_most(10_000).timeout(Duration::from_secs(30));
            let mut lines = 0;
            let out = tool.run_with(|_, _| lines += 1).await.unwrap();
            (out, lines)
        };
        let (out, _) = run("head -c 10000000 /dev/zero | tr '\\0' x; echo oops >&2; exit 3").await;
        assert_eq!(out.stdout, format!("{}\n… 9990000 more bytes\n", "x".repeat(10_000)));
        assert_eq!((out.stderr.as_str(), out.code), ("oops\n", 3));
        let (out, lines) = run("yes | head -c 20000000").await;
        assert_eq!((out.stdout, lines), ("y\n".repeat(5000) + "… 19990000 more bytes\n", 5001));
        let (out, _) = run("head -c 9990 /dev/zero | tr '\\0' '\\n'; echo half a-password-here").await;
        assert_eq!(out.stdout, "\n".repeat(9990) + "half \n… 16 more bytes\n");
        let (out, _) = run("head -c 10000 /dev/zero | tr '\\0' x").await;
        assert_eq!(out.stdout, "x".repeat(10_000), "it just fits");
    }

    #[tokio::test]
    async fn a_missing_tool_is_named() {
        let error = Tool::new("no-such-tool").run().await.unwrap_err();
        assert_eq!(error.to_string(), "`no-such-tool` is not on PATH");
    }

    #[tokio::test]
    async fn children_left_in_the_background_neither_hold_nor_survive() {
        let out = Tool::new("sh").args(["-c", "sleep 1000 & echo $!"]).run().await.unwrap();
        let pid: i32 = out.stdout.trim().parse().unwrap();
        let gone = || nix::sys::signal::kill(Pid::from_raw(pid), None).is_err() || zombie(pid);
        let probe =
            async || if gone() { crate::wait::Probe::Done(()) } else { crate::wait::Probe::Pending("alive".into()) };
        let every = crate::wait::Wake::Every(Duration::from_millis(5));
        crate::wait::until("the child to go", Duration::from_secs(5), every, probe).await.unwrap();
    }

    fn zombie(pid: i32) -> bool {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|s| s.contains(") Z "))
    }

    #[tokio::test]
    async fn a_tool_has_no_terminal() {
        let out = Tool::new("sh").args(["-c", "(: </dev/tty) 2>/dev/null && echo terminal || echo none"]).run().await;
        assert_eq!(out.unwrap().stdout, "none\n");
        let own = Tool::new("sh").args(["-c", "cut -d' ' -f5,6 /proc/$$/stat; echo $$"]).run().await.unwrap();
        let [group_and_session, pid] = own.stdout.lines().collect::<Vec<_>>()[..] else { panic!("{own:?}") };
        assert_eq!(group_and_session, format!("{pid} {pid}"));
    }

    #[tokio::test]
    async fn a_timeout_tells_what_was_printed() {
        let tool = Tool::new("sh").args(["-c", "echo half; sleep 1000"]).timeout(Duration::from_millis(300));
        let error = tool.run().await.unwrap_err();
        assert_eq!(error.to_string(), "`sh` did not end within 300ms; it had printed: half");
    }
}
