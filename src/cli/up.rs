//! `rehearse up` and `rehearse down`: a stage that outlives the command that asked for it, and the end of it.
//! Also the reaping of what killed sessions left.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use super::error::Error;
use super::exit::ExitCode;
use super::kept;
use super::origin::{Origin, raise};
use super::places::{Common, Places};
use super::printer::Printer;
use super::stage::StageArgs;
use crate::cluster;
use crate::docker::{self, Docker};
use crate::event::Events;
use crate::exec::Background;
use crate::hint::Hint;
use crate::mask::Masker;
use crate::report::{self, Consumer, Human};
use crate::session::{self, Session};
use crate::signal::Interrupts;
use crate::stage::Handle;
use crate::wait::{Probe, Wake, until};

/// How long a stage may take to come up in the background: images may have to be pulled or built.
const PATIENCE: Duration = Duration::from_secs(900);
/// How long a stage may take to go.
const FAREWELL: Duration = Duration::from_secs(90);
/// How often a kept stage looks whether its folder is still there.
const LOOKING: Duration = Duration::from_secs(1);

pub async fn up(args: StageArgs, common: Common, printer: &Printer, interrupts: Interrupts) -> ExitCode {
    let outcome = match args.foreground {
        true => hold(&args, &common, printer, &interrupts).await,
        false => show(&args, &common, printer, &interrupts).await,
    };
    match outcome {
        Ok(()) if interrupts.graceful.is_cancelled() && !args.foreground => ExitCode::Interrupted,
        Ok(()) => ExitCode::Passed,
        Err(error) => printer.error(&error, error.hint(), ExitCode::Environment),
    }
}

/// Brings a stage up in a process of its own and says how to use it.
async fn show(args: &StageArgs, common: &Common, printer: &Printer, interrupts: &Interrupts) -> Result<(), Error> {
    let places = Places::find(common)?;
    ensure(args, common, printer, interrupts).await?;
    let Some(handle) = kept::find(&places.root) else { return Ok(()) };
    if printer.json {
        let document = json!({
            "session": handle.session, "cluster": handle.cluster, "registry": handle.registry,
            "kubeconfig": handle.kubeconfig, "private": handle.private,
        });
        printer.result(&document.to_string());
    } else {
        printer.result(&format!("the stage is up: {} {}", handle.cluster.name, handle.cluster.server_version));
        printer.result(&format!("  export KUBECONFIG={}", handle.kubeconfig.display()));
        printer.result(&format!(
            "  registry {} in docker.io's place; its password: {}",
            handle.registry,
            handle.private.join("stage.json").display()
        ));
        printer.result("  `rehearse run` plays on it; `rehearse down` takes it down");
    }
    Ok(())
}

/// Whether the stage that is asked for is up.
///
/// # Errors
/// [`Error::OtherStage`].
pub fn is_up(args: &StageArgs, root: &Path) -> Result<bool, Error> {
    match kept::find(root) {
        Some(stage) if args.is_met_by(&stage)? => Ok(true),
        Some(Handle { cluster, asked, .. }) => Err(Error::OtherStage { cluster: cluster.name, asked }),
        None => Ok(false),
    }
}

/// Brings the stage up that is asked for, unless it is, or somebody else is about it.
pub async fn ensure(
    args: &StageArgs,
    common: &Common,
    printer: &Printer,
    interrupts: &Interrupts,
) -> Result<(), Error> {
    let places = Places::find(common)?;
    std::fs::create_dir_all(&places.root).map_err(Error::Report)?;
    let free = async || match kept::Raising::begin(&places.root) {
        Some(raising) => Probe::Done(raising),
        None => Probe::Pending("another `rehearse` brings one up".into()),
    };
    let alone = async {
        let every = Wake::Every(Duration::from_millis(50));
        let raising = until("the stage", PATIENCE, every, free).await;
        let raising = raising.map_err(|timeout| Error::StageEnded(timeout.to_string()))?;
        let missing = !is_up(args, &places.root)?;
        if missing {
            reap(&Docker::connect().await?, &places.root).await;
        }
        Ok::<_, Error>((raising, missing))
    };
    match interrupts.unless(alone).await {
        Some(Ok((_raising, true))) => spawn(args, &places, printer, interrupts).await,
        Some(Err(error)) => Err(error),
        Some(Ok((_, false))) | None => Ok(()),
    }
}

/// Starts the process that keeps a stage up, and waits until it is.
async fn spawn(args: &StageArgs, places: &Places, printer: &Printer, interrupts: &Interrupts) -> Result<(), Error> {
    let log = places.root.join("stage.log");
    let program = std::env::current_exe().map_err(Error::Report)?;
    let command = args.to_command(&places.labs, &places.root);
    let mut process = Background::start(&program, &command, &log).map_err(Error::Report)?;
    printer.note(&format!("bringing a stage up in the background (log: {})", log.display()));
    let board = indicatif::MultiProgress::new();
    let progress = printer.progress(&board, "stage");
    let ready = async || match (kept::find(&places.root), process.has_ended()) {
        (Some(_), _) => Probe::Done(true),
        (None, true) => Probe::Done(false),
        (None, false) => {
            let line = last_line(&log);
            progress.tell(&docker::Progress { step: line.trim().into(), ..docker::Progress::default() });
            Probe::Pending(line)
        }
    };
    let waited = tokio::select! {
        waited = until("the stage", PATIENCE, Wake::Every(Duration::from_millis(20)), ready) => Some(waited),
        () = interrupts.graceful.cancelled() => None,
    };
    match waited {
        Some(Ok(true)) => Ok(()),
        Some(Ok(false)) => Err(Error::StageEnded(std::fs::read_to_string(&log).unwrap_or_default())),
        Some(Err(timeout)) => {
            end(process).await;
            Err(Error::StageEnded(timeout.to_string()))
        }
        None => {
            end(process).await;
            Ok(())
        }
    }
}

/// Asks the stage's process to go and waits until it has: what it leaves otherwise is reaped at the next start.
async fn end(mut process: Background) {
    process.terminate();
    let gone = async || if process.has_ended() { Probe::Done(()) } else { Probe::Pending(String::new()) };
    let _ = until("the stage to go", FAREWELL, Wake::Every(Duration::from_millis(20)), gone).await;
}

fn last_line(log: &Path) -> String {
    std::fs::read_to_string(log).unwrap_or_default().lines().last().unwrap_or_default().to_owned()
}

/// Keeps a stage up until a signal comes.
async fn hold(args: &StageArgs, common: &Common, printer: &Printer, interrupts: &Interrupts) -> Result<(), Error> {
    let places = Places::find(common)?;
    let prologue = async {
        let docker = Docker::connect().await?;
        let (origin, notes) = Origin::of(args, &places, false, &docker).await?;
        Ok::<_, Error>((docker, origin, notes))
    };
    let Some(begun) = interrupts.unless(prologue).await else { return Ok(()) };
    let (docker, mut origin, notes) = begun?;
    if let Origin::New(settings) = &mut origin {
        settings.kept = Some(args.asked());
    }
    let session = Session::create(&places.root)?;
    let (events, records) = Events::channel();
    let masker = Masker::default();
    let out: Box<dyn Consumer> =
        Box::new(Human::new(Box::new(anstream::stderr()), printer.live(), false, String::new()));
    let reporter = report::spawn(records, masker.clone(), vec![out]);
    notes.into_iter().for_each(|text| events.note(text));
    let raised = raise(&origin, docker, &session, &masker, &events, interrupts).await;
    if let Ok(Some(stage)) = raised {
        let folder = session.private();
        tokio::select! {
            () = interrupts.graceful.cancelled() => {}
            () = forgotten(&folder) => {}
        }
        stage.down().await;
        session.close();
    } else {
        session.close();
        raised?;
    }
    drop(events);
    let _ = reporter.await;
    Ok(())
}

/// Returns once the folder by which a stage is found has gone, with a checkout that was deleted, say: nobody could take
/// the stage down any more.
async fn forgotten(folder: &Path) {
    let mut ticks = tokio::time::interval(LOOKING);
    while folder.exists() {
        ticks.tick().await;
    }
}

pub async fn down(common: &Common, printer: &Printer) -> ExitCode {
    match try_down(common).await {
        Ok((stages, reaped)) if printer.json => {
            let removed = [stages, reaped].concat();
            printer.result(&json!({ "removed": removed }).to_string());
            ExitCode::Passed
        }
        Ok((stages, reaped)) => {
            if stages.is_empty() {
                printer.result("nothing is up");
            }
            stages.iter().chain(&reaped).for_each(|line| printer.result(line));
            ExitCode::Passed
        }
        Err(error) => printer.error(&error, error.hint(), ExitCode::Environment),
    }
}

/// The stages taken down, and what was reaped besides.
async fn try_down(common: &Common) -> Result<(Vec<String>, Vec<String>), Error> {
    let places = Places::find(common)?;
    let mut done = Vec::new();
    while let Some(handle) = kept::find(&places.root) {
        // Gone already is what we want.
        let _ = kill(Pid::from_raw(handle.pid.cast_signed()), Signal::SIGTERM);
        let gone = async || match session::is_alive(&handle.owner) {
            true => Probe::Pending("the stage's process is still cleaning up".into()),
            false => Probe::Done(()),
        };
        let every = Wake::Every(Duration::from_millis(20));
        until("the stage to go", FAREWELL, every, gone)
            .await
            .map_err(|timeout| Error::StageEnded(timeout.to_string()))?;
        done.push(format!("took down the stage of session {}", handle.session));
    }
    Ok((done, reap(&Docker::connect().await?, &places.root).await))
}

/// Removes what dead sessions left on the Engine and on disk; says what.
pub async fn reap(docker: &Docker, root: &Path) -> Vec<String> {
    let mut reaped = Vec::new();
    for session in docker.sessions().await.unwrap_or_default() {
        // Without an owner label it is not ours to judge.
        let dead = session.owner().is_some_and(|owner| !session::is_alive(owner));
        if dead && docker.remove_session(&session.id).await.is_ok() {
            reaped.push(format!("removed what the dead session {} had left", session.id));
        }
    }
    for (session, owner) in cluster::kind_sessions(docker).await {
        if !session::is_alive(&owner) && cluster::remove_leftover(docker, &session).await.is_ok() {
            reaped.push(format!("deleted the kind cluster of the dead session {session}"));
        }
    }
    session::sweep(root);
    reaped
}
