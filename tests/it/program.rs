//! The real binary as a user runs it: in a folder of its own, bounded in time, few at once on the Engine.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rehearsal::docker::{Docker, labels};
use rehearsal::exec::Tool;
use rehearsal::session;
use rehearsal::wait::{Probe, Wake, until};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// More would only wait for each other's builds and pushes.
static TURNS: Semaphore = Semaphore::const_new(2);
/// No run of the tests takes this long, not even on kind.
const LIMIT: Duration = Duration::from_secs(240);

/// A folder for labs and sessions, and a turn on the Engine where one is needed.
pub(crate) struct Ground {
    pub dir: TempDir,
    _turn: Option<SemaphorePermit<'static>>,
}

/// Whatever a test has had played: each of its events keeps to the schema in docs.
impl Drop for Ground {
    fn drop(&mut self) {
        let schema = std::fs::read_to_string(project().join("docs/events.schema.json")).unwrap();
        let schema = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
        for session in self.sessions().into_iter().filter(|_| !std::thread::panicking()) {
            let text = std::fs::read_to_string(self.root().join(session).join("events.jsonl")).unwrap_or_default();
            // The last line of what was killed may be half of one.
            for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
                let event: Value = serde_json::from_str(line).unwrap();
                let errors: Vec<_> = schema.iter_errors(&event).map(|error| error.to_string()).collect();
                assert!(errors.is_empty(), "{line}: {errors:?}");
            }
        }
    }
}

impl Ground {
    /// For what fails before anything is created.
    pub(crate) fn light() -> Self {
        // Below the checkout, where users have theirs.
        let dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        // A project's own kubectl serves the labs written here, too.
        let tools = project().join(".tools");
        if tools.exists() {
            std::os::unix::fs::symlink(tools, dir.path().join(".tools")).unwrap();
        }
        Self { dir, _turn: None }
    }

    pub(crate) async fn new() -> Self {
        let mut ground = Self::light();
        ground._turn = Some(TURNS.acquire().await.unwrap());
        ground
    }

    /// With the Engine to itself, as far as tests are asked.
    pub(crate) async fn alone() -> Self {
        let mut ground = Self::light();
        ground._turn = Some(TURNS.acquire_many(2).await.unwrap());
        ground
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Where sessions are written.
    pub(crate) fn root(&self) -> PathBuf {
        self.path("sessions")
    }

    /// Brings up a stage that is kept, on mini.
    pub(crate) async fn up(&self) -> KeptStage {
        KeptStage::brought_up(self.rehearse(&["up", "--cluster", "mini", "--json"])).await
    }

    /// Writes a lab of this ground's own; `rehearse --labs` takes [`Ground::labs`].
    pub(crate) fn lab(&self, text: &str) -> PathBuf {
        self.lab_in("7-test", text)
    }

    /// As [`Ground::lab`], one of several.
    pub(crate) fn lab_in(&self, folder: &str, text: &str) -> PathBuf {
        let dir = self.labs().join(folder);
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("README.md"), text).unwrap();
        // The application is the project's own.
        let lecture = std::fs::read_to_string(project().join("labs/lecture.toml")).unwrap();
        let folder = project().join("docker/app1").display().to_string();
        std::fs::write(self.labs().join("lecture.toml"), lecture.replace("../docker/app1", &folder)).unwrap();
        dir.join("README.md")
    }

    pub(crate) fn labs(&self) -> PathBuf {
        self.path("labs")
    }

    /// `rehearse` with these arguments, on the project's own labs.
    pub(crate) fn rehearse(&self, args: &[&str]) -> Program {
        self.program(env!("CARGO_BIN_EXE_rehearse"), args)
    }

    /// As [`Ground::rehearse`], on a terminal that util-linux's `script` makes.
    pub(crate) fn on_a_terminal(&self, args: &str) -> Program {
        let command = format!("{} {args}", env!("CARGO_BIN_EXE_rehearse"));
        self.program("script", &["-qec", &command, "/dev/null"])
    }

    /// What a shell says to this on a terminal where things move; `$REHEARSE` is the program.
    pub(crate) fn window(&self, script: &str) -> Program {
        let window =
            self.program("script", &["-qec", script, "/dev/null"]).env("TERM", "xterm").env("SHELL", "/bin/bash");
        window.env("REHEARSE", env!("CARGO_BIN_EXE_rehearse")).env("CI", "")
    }

    /// Waits until the last of as many sessions has told an event with this text.
    pub(crate) async fn has_told(&self, text: &str, sessions: usize) {
        let told = async || {
            let mut ids = self.sessions();
            ids.sort();
            let last = ids.get(sessions - 1).map(|id| self.root().join(id).join("events.jsonl"));
            let events = last.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
            if events.contains(text) { Probe::Done(()) } else { Probe::Pending(events) }
        };
        until(text, Duration::from_secs(60), Wake::Every(Duration::from_millis(20)), told).await.unwrap();
    }

    /// As [`Ground::on_a_terminal`], by somebody who has typed these lines already.
    pub(crate) fn typed(&self, lines: &[&str], args: &str) -> Program {
        let lines: String = lines.iter().map(|line| format!("{line}\\n")).collect();
        let command = format!("{} {args}", env!("CARGO_BIN_EXE_rehearse"));
        // Where nothing moves the lines can be told apart.
        self.shell(&format!("printf '{lines}' | script -qec '{command}' /dev/null")).env("TERM", "dumb")
    }

    /// What a shell says to this; `$REHEARSE` is the program.
    pub(crate) fn shell(&self, script: &str) -> Program {
        self.program("bash", &["-c", script]).env("REHEARSE", env!("CARGO_BIN_EXE_rehearse"))
    }

    #[expect(clippy::disallowed_methods, reason = "the tests signal it and read it as it runs")]
    fn program(&self, program: &str, args: &[&str]) -> Program {
        let mut command = Command::new(program);
        command.args(args).current_dir(project()).env("REHEARSAL_DIR", self.root()).env("NO_COLOR", "1");
        command.env_remove("REHEARSAL_CLUSTER").env_remove("REHEARSAL_LABS");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Program { command }
    }

    /// `rehearse` on the lab of [`Ground::lab`].
    pub(crate) fn play(&self, args: &[&str]) -> Program {
        let play = self.rehearse(&[&["run", "--cluster", "mini"], args].concat());
        play.env("REHEARSAL_LABS", self.labs())
    }

    /// Ids of all sessions that were opened here.
    pub(crate) fn sessions(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.root()).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().unwrap().is_dir());
        // An id begins with its date; `cache` is no session.
        let names = folders.map(|entry| entry.file_name().into_string().unwrap());
        names.filter(|name| name.starts_with(|c: char| c.is_ascii_digit())).collect()
    }

    /// Nothing on the Engine, no private file, no lock; `count` sessions were opened.
    pub(crate) async fn nothing_is_left(&self, count: usize) {
        let sessions = self.sessions();
        assert_eq!(sessions.len(), count, "{sessions:?}");
        self.nothing_is_left_of(&sessions).await;
    }

    /// As [`Ground::nothing_is_left`], of sessions whose folders may have made room for newer ones.
    pub(crate) async fn nothing_is_left_of(&self, sessions: &[String]) {
        let docker = Docker::connect().await.unwrap();
        let probe = async || {
            let labelled = docker.sessions().await.unwrap();
            match labelled.iter().find(|session| sessions.contains(&session.id)) {
                Some(session) => Probe::Pending(format!("{session:?}")),
                None => Probe::Done(()),
            }
        };
        // A run beside this one may be reaping the same things just now.
        let every = Wake::Every(Duration::from_millis(50));
        until("nothing to be left on the Engine", Duration::from_secs(10), every, probe).await.unwrap();
        for id in sessions {
            assert!(!self.root().join(id).join("private").exists(), "{id} left private files");
            assert_eq!(session::lock_of(id), None, "{id} left its lock");
        }
    }
}

/// Ids of the containers of a session.
pub(crate) async fn containers(session: &str) -> Vec<String> {
    let docker = Docker::connect().await.unwrap();
    let found = docker.containers(&format!("{}={session}", labels::SESSION)).await.unwrap();
    found.into_iter().map(|container| container.id).collect()
}

pub(crate) fn project() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

/// Says that `test` cannot be played without `tool`, and why; a failure where `REHEARSAL_REQUIRE` names it.
pub(crate) fn skipped(test: &str, tool: &str, why: &str) {
    use std::io::Write;
    let required = std::env::var("REHEARSAL_REQUIRE").unwrap_or_default();
    assert!(!required.split(',').any(|required| required == tool), "{why}");
    // Past the test harness, which would keep it to itself.
    writeln!(std::io::stderr(), "skipped: {test}: {why}").unwrap();
}

/// Whether kind can be had; where it cannot, that is said.
pub(crate) async fn kind_serves(test: &str) -> bool {
    let preflight = Tool::new(env!("CARGO_BIN_EXE_rehearse")).args(["--json", "preflight", "--cluster", "kind"]);
    let findings: Value = serde_json::from_str(&preflight.run().await.unwrap().stdout).unwrap();
    let cluster = findings.as_array().unwrap().iter().find(|finding| finding["what"] == "cluster").unwrap();
    let serves = cluster["good"] == true;
    if !serves {
        skipped(test, "kind", cluster["says"].as_str().unwrap());
    }
    serves
}

/// A Podman that has nothing yet, and keeps what it gets in a folder of its own.
pub(crate) struct Podman {
    /// Its `DOCKER_HOST`.
    pub host: String,
    _service: Child,
    _dir: TempDir,
}

impl Podman {
    /// None where podman cannot be had, which is said.
    #[expect(clippy::disallowed_methods, reason = "it serves until it is dropped")]
    pub(crate) async fn start(test: &str) -> Option<Self> {
        // A socket's path may not be long.
        let dir = TempDir::new().unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        let host = format!("unix://{}", path("podman.sock"));
        let mut service = Command::new("podman");
        // This driver mounts nothing that would outlive the service.
        service.args(["--root", &path("root"), "--runroot", &path("run"), "--storage-driver", "vfs"]);
        service.args(["system", "service", "-t", "0", &host]).stderr(Stdio::null()).kill_on_drop(true);
        let service = service.spawn().map_err(|why| skipped(test, "podman", &format!("`podman`: {why}"))).ok()?;
        let probe = async || match Docker::connect_to(&host).await {
            Ok(docker) => Probe::Done(docker),
            Err(error) => Probe::Pending(error.to_string()),
        };
        let every = Wake::Every(Duration::from_millis(50));
        let docker = until("podman", Duration::from_secs(20), every, probe).await.unwrap();
        assert!(docker.is_podman());
        Some(Self { host, _service: service, _dir: dir })
    }
}

/// A command line that has not been started.
pub(crate) struct Program {
    command: Command,
}

impl Program {
    pub(crate) fn env(mut self, key: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// In this folder, not in the project's, and with sessions where the program puts them by itself.
    pub(crate) fn within(mut self, folder: &std::path::Path) -> Self {
        self.command.current_dir(folder).env_remove("REHEARSAL_DIR");
        self
    }

    pub(crate) fn start(mut self) -> Running {
        let mut child = self.command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut pipe = child.stderr.take().unwrap();
        let stderr = tokio::spawn(async move {
            let mut text = String::new();
            let _ = pipe.read_to_string(&mut text).await;
            text
        });
        Running { child, lines, stdout: String::new(), stderr }
    }

    pub(crate) async fn run(self) -> Finished {
        self.start().finish().await
    }
}

/// A run that is going on.
pub(crate) struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    stdout: String,
    stderr: JoinHandle<String>,
}

impl Running {
    async fn line(&mut self) -> Option<String> {
        let line = timeout(LIMIT, self.lines.next_line()).await.expect("a line in time").unwrap()?;
        self.stdout.push_str(&line);
        self.stdout.push('\n');
        Some(line)
    }

    /// Reads on until an event holds all of `wanted`; with `--json`.
    pub(crate) async fn until(&mut self, wanted: Value) -> Value {
        let wanted = wanted.as_object().unwrap().clone();
        while let Some(line) = self.line().await {
            let event: Value = serde_json::from_str(&line).unwrap();
            if wanted.iter().all(|(key, value)| event[key] == *value) {
                return event;
            }
        }
        panic!("it ended before {wanted:?}:\n{}", self.stdout);
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.id().expect("it runs").cast_signed()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    pub(crate) async fn finish(mut self) -> Finished {
        while self.line().await.is_some() {}
        let status = timeout(LIMIT, self.child.wait()).await.expect("an end in time").unwrap();
        Finished { code: status.code(), stdout: self.stdout, stderr: self.stderr.await.unwrap() }
    }
}

/// A stage that is kept up, with what only its maker knows of it.
pub(crate) struct KeptStage {
    pub session: String,
    /// `127.0.0.1:PORT`.
    pub registry: String,
    /// The file.
    pub kubeconfig: String,
    pub password: String,
    /// What other processes are told of it.
    pub handle: Value,
}

impl KeptStage {
    /// By an `up` with `--json`.
    pub(crate) async fn brought_up(up: Program) -> Self {
        let told: Value = serde_json::from_str(&up.run().await.exits_with(0).stdout).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let handle = std::fs::read(format!("{}/stage.json", text(&told["private"]))).unwrap();
        let handle: Value = serde_json::from_slice(&handle).unwrap();
        let [session, registry, kubeconfig] = ["session", "registry", "kubeconfig"].map(|name| text(&told[name]));
        Self { session, registry, kubeconfig, password: text(&handle["password"]), handle }
    }

    /// A client of its cluster.
    pub(crate) async fn client(&self) -> kube::Client {
        let kubeconfig = Kubeconfig::read_from(&self.kubeconfig).unwrap();
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        kube::Client::try_from(config).unwrap()
    }
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Finished {
    /// None where a signal killed it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    #[track_caller]
    pub(crate) fn exits_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Everything it printed.
    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.all().contains(text), "no `{text}` in\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Events of a type; with `--json`.
    pub(crate) fn events(&self, type_: &str) -> Vec<Value> {
        let events = self.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        events.filter(|event| event["type"] == type_).collect()
    }

    pub(crate) fn session(&self) -> String {
        self.events("session.started")[0]["session"].as_str().unwrap().to_owned()
    }
}
