//! One cell of the table: what is begun, where and how it is broken off, what comes next, and what came of it.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rehearsal::wait::{Probe, Wake, until};
use serde_json::Value;
use tokio::task::JoinHandle;

use super::blow::{Blow, Next};
use super::left::{Standing, left, processes};
use super::moment::{Moment, events, sessions};
use super::theirs::Theirs;
use crate::program::{Finished, Ground, Program};

/// What is broken off.
#[derive(Debug, Clone)]
enum What {
    /// A command, at a moment.
    Command(Moment),
    /// The process that keeps a stage up, once it is.
    Stage,
    /// `down`, as soon as the stage has been told to go.
    Down,
    /// Nothing: it comes to its end.
    Whole,
}

#[derive(Clone)]
pub(super) struct Cell {
    args: &'static [&'static str],
    what: What,
    blow: Blow,
    next: Next,
    theirs: Option<Theirs>,
}

/// What came of a cell.
pub(super) struct Outcome {
    cell: String,
    pub left: Vec<String>,
    /// What was said that is not so.
    pub wrong: Option<String>,
    said: String,
}

impl Outcome {
    pub(super) fn is_good(&self) -> bool {
        self.left.is_empty() && self.wrong.is_none()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.is_good() { "✓" } else { "✗" };
        write!(f, "{mark} {:<84} left {}  {}", self.cell, self.left.len(), self.said)?;
        for left in &self.left {
            write!(f, "\n    left: {left}")?;
        }
        match &self.wrong {
            Some(wrong) => write!(f, "\n    false: {wrong}"),
            None => Ok(()),
        }
    }
}

impl Cell {
    pub(super) fn run(args: &'static [&'static str], moment: Moment, blow: Blow, next: Next) -> Self {
        Self { args, what: What::Command(moment), blow, next, theirs: None }
    }

    pub(super) fn stage(args: &'static [&'static str], blow: Blow, next: Next) -> Self {
        Self { args, what: What::Stage, blow, next, theirs: None }
    }

    pub(super) fn lowered(args: &'static [&'static str], blow: Blow, next: Next) -> Self {
        Self { args, what: What::Down, blow, next, theirs: None }
    }

    pub(super) fn whole(args: &'static [&'static str]) -> Self {
        Self { args, what: What::Whole, blow: Blow::Nothing, next: Next::Nothing, theirs: None }
    }

    /// The same on a cluster of the user's.
    pub(super) fn on(mut self, theirs: &Theirs) -> Self {
        self.theirs = Some(theirs.clone());
        self
    }

    fn name(&self) -> String {
        let moment = match &self.what {
            What::Command(moment) => moment.to_string(),
            What::Stage => "the stage is up".into(),
            What::Down => "down".into(),
            What::Whole => "to its end".into(),
        };
        format!("{:<24} {moment:<52} {:?} → {:?}", self.args.join(" "), self.blow, self.next)
    }

    pub(super) async fn play(self) -> Outcome {
        let cell = self.name();
        let ground = Ground::new().await;
        let bench = Bench::new(ground, self.theirs.clone());
        let broken = match &self.what {
            What::Command(moment) => bench.broken_off(&self, moment).await,
            What::Stage => bench.stage_killed(&self).await,
            What::Down => bench.down_broken_off(&self).await,
            What::Whole => bench.command(self.args).start().finish().await,
        };
        let mut said = bench.ending(&broken);
        let judgement = if self.blow.is_orderly() { bench.judged(&said, &broken, &self) } else { Judgement::Nothing };
        let mut wrong = judgement.refuted(&bench).await;
        if self.next.is_later() {
            later(Next::LATER).await;
        }
        if self.next != Next::Nothing {
            let next = bench.next(self.next).await;
            if next.code != Some(0) {
                wrong = Some(format!("what came next exited with {:?}: {}", next.code, next.all()));
            }
            said = last_line(&next);
        }
        let left = bench.left().await;
        bench.end_processes();
        Outcome { cell, left, wrong, said }
    }
}

/// What is to be held against what is there.
enum Judgement {
    Nothing,
    /// It was said that nothing is left.
    Clean,
    /// It was said that something is.
    Dirty(String),
    False(String),
}

impl Judgement {
    /// What of it is not so.
    async fn refuted(self, bench: &Bench) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::False(why) => Some(why),
            Self::Clean => {
                let left = bench.left().await;
                (!left.is_empty()).then(|| format!("nothing was said to be left, but: {}", left.join(", ")))
            }
            Self::Dirty(said) => Some(format!("it did not put away what it had begun: {said}")),
        }
    }
}

/// A cell's folder, $TMPDIR, kubeconfig and cluster.
struct Bench {
    ground: Ground,
    standing: Standing,
    theirs: Option<Theirs>,
}

const KUBECONFIG: &str = "apiVersion: v1\nkind: Config\ncurrent-context: mine\n";

impl Bench {
    fn new(ground: Ground, theirs: Option<Theirs>) -> Self {
        let tmpdir = ground.path("tmp");
        std::fs::create_dir(&tmpdir).unwrap();
        let kubeconfig = ground.path("kubeconfig");
        let contents = theirs.as_ref().and_then(Theirs::kubeconfig).unwrap_or_else(|| KUBECONFIG.into());
        std::fs::write(&kubeconfig, &contents).unwrap();
        let standing = Standing { root: ground.root(), tmpdir, kubeconfig, contents };
        Self { ground, standing, theirs }
    }

    fn with_environment(&self, program: Program) -> Program {
        let program = program.env("TMPDIR", &self.standing.tmpdir).env("KUBECONFIG", &self.standing.kubeconfig);
        match &self.theirs {
            Some(theirs) => {
                theirs.variables().into_iter().fold(program, |program, (key, value)| program.env(key, value))
            }
            None => program,
        }
    }

    fn args(&self, args: &[&str]) -> Vec<String> {
        let own = args.iter().map(|arg| (*arg).to_owned());
        match &self.theirs {
            Some(theirs) if args[0] == "run" => own.chain(theirs.options()).collect(),
            _ => own.collect(),
        }
    }

    fn command(&self, args: &[&str]) -> Program {
        let args = self.args(args);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.with_environment(self.ground.rehearse(&args))
    }

    /// A command that is broken off at a moment.
    async fn broken_off(&self, cell: &Cell, moment: &Moment) -> Finished {
        let running = match cell.blow {
            Blow::Terminal => self.with_environment(self.ground.on_a_terminal(&self.args(cell.args).join(" "))).start(),
            _ => self.command(cell.args).start(),
        };
        let pid = running.pid();
        // What it draws on a terminal is read meanwhile: it would wait for that.
        let ending = tokio::spawn(running.finish());
        moment.come(&self.standing.root, || !exists(pid)).await;
        self.struck(pid, ending, cell.blow).await
    }

    /// Until it has ended, whatever terminal it had.
    async fn struck(&self, pid: i32, ending: JoinHandle<Finished>, blow: Blow) -> Finished {
        if let Some(signal) = blow.signal() {
            kill(Pid::from_raw(pid), signal).unwrap();
        }
        let finished = ending.await.unwrap();
        if blow == Blow::Terminal {
            self.all_ended().await;
        }
        finished
    }

    async fn all_ended(&self) {
        let ended = async || match processes(&self.standing.root) {
            left if left.is_empty() => Probe::Done(()),
            left => Probe::Pending(left.join(", ")),
        };
        // What it leaves is counted afterwards.
        let _ = until("the run to end", Duration::from_secs(120), Wake::Every(Duration::from_millis(20)), ended).await;
    }

    /// A stage that is up, and then killed.
    async fn stage_killed(&self, cell: &Cell) -> Finished {
        let up = self.command(cell.args).run().await.exits_with(0);
        let handle = self.handle();
        kill(Pid::from_raw(handle["pid"].as_i64().unwrap() as i32), Signal::SIGKILL).unwrap();
        if cell.blow == Blow::LockGone {
            let lock = handle["owner"].as_str().unwrap();
            std::fs::remove_file(lock).unwrap();
            std::fs::create_dir(lock).unwrap();
        }
        up
    }

    fn handle(&self) -> Value {
        let session = sessions(&self.standing.root).pop().unwrap();
        serde_json::from_slice(&std::fs::read(session.join("private/stage.json")).unwrap()).unwrap()
    }

    /// A stage that is up, and then `down`, which is broken off.
    async fn down_broken_off(&self, cell: &Cell) -> Finished {
        self.command(cell.args).run().await.exits_with(0);
        let down = || self.command(&["down"]);
        if cell.blow == Blow::Twice {
            let (one, other) = tokio::join!(down().run(), down().run());
            other.exits_with(0);
            return one.exits_with(0);
        }
        let private = sessions(&self.standing.root).pop().unwrap().join("private");
        let running = down().start();
        let (pid, ending) = (running.pid(), tokio::spawn(running.finish()));
        let told = async || match private.join("going").exists() || !private.exists() {
            true => Probe::Done(()),
            false => Probe::Pending("the stage has not been told".into()),
        };
        until("the stage to go", Duration::from_secs(60), Wake::Every(Duration::from_millis(2)), told).await.unwrap();
        self.struck(pid, ending, cell.blow).await
    }

    /// What comes after.
    async fn next(&self, next: Next) -> Finished {
        match next.is_down() {
            true => self.command(&["down"]).run().await,
            // On the user's cluster the next run is one there; else any will do.
            false if self.theirs.is_some() => self.command(&["run", "1"]).run().await,
            false => self.command(&["run", "0", "--cluster", "mini"]).run().await,
        }
    }

    /// What the run has said of its end: what it printed, or where nobody could read that, its report.
    fn ending(&self, finished: &Finished) -> String {
        let reported =
            sessions(&self.standing.root).iter().flat_map(|session| events(session)).rev().find_map(|event| {
                (event["type"] == "session.failed").then(|| event["message"].as_str().unwrap_or_default().to_owned())
            });
        reported.unwrap_or_else(|| last_line(finished))
    }

    /// What an orderly end has said of itself.
    fn judged(&self, said: &str, finished: &Finished, cell: &Cell) -> Judgement {
        let ends = match cell.blow {
            Blow::Nothing | Blow::Twice => Some(0),
            _ => Some(130),
        };
        // The terminal's maker was killed, not the run. One that was nearly done may be done before it hears.
        if cell.blow != Blow::Terminal && finished.code != ends && finished.code != Some(0) {
            return Judgement::False(format!("it exited with {:?}: {}", finished.code, finished.all()));
        }
        match &cell.what {
            // Goes on with the next.
            What::Down if cell.blow != Blow::Twice => Judgement::Nothing,
            _ if said.contains("there is left") || said.contains("could not be seen") => Judgement::Dirty(said.into()),
            _ if said.starts_with("interrupted") && !said.contains("nothing") => {
                Judgement::False(format!("it does not say what is left: {said}"))
            }
            _ => Judgement::Clean,
        }
    }

    async fn left(&self) -> Vec<String> {
        let mut all = left(&self.standing).await;
        if let Some(theirs) = &self.theirs {
            all.extend(theirs.left(&self.standing.root).await);
        }
        all
    }

    /// A cell that fails leaves nothing to the next.
    fn end_processes(&self) {
        let root = self.standing.root.display().to_string();
        rehearsal::process::end_all("REHEARSAL_DIR", |dir| dir == root, |_| true);
    }
}

fn last_line(finished: &Finished) -> String {
    let all = finished.all();
    all.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
}

fn exists(pid: i32) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

/// Lets what was begun come to its end.
async fn later(by: Duration) {
    let never = async || Probe::<()>::Pending(String::new());
    let _ = until("later", by, Wake::Every(by), never).await;
}
