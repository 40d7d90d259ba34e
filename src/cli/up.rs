//! `rehearse up` and `rehearse down`: a stage that outlives the command that asked for it, and the end of it.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use super::error::Error;
use super::exit::{ExitCode, conclude};
use super::kept::{self, Keeper};
use super::open_session::{OpenSession, Opening};
use super::origin::Origin;
use super::places::{Common, Places};
use super::printer::{Printer, Stream};
use super::stage::StageArgs;
use crate::docker::{self, Docker};
use crate::exec::{Background, chain};
use crate::session;
use crate::signal::Interrupts;
use crate::stage::{self, Handle, Reaped, Reaping, Remains};
use crate::wait::{Probe, Wake, until};

/// How long a stage may take to come up in the background: images may have to be pulled or built.
const PATIENCE: Duration = Duration::from_secs(900);
/// How long a stage may take to go.
const FAREWELL: Duration = Duration::from_secs(90);
/// How often a kept stage looks whether its folder is still there.
const LOOKING: Duration = Duration::from_secs(1);

pub(super) async fn up(args: StageArgs, common: Common, printer: &Printer, interrupts: Interrupts) -> ExitCode {
    let outcome = match args.foreground {
        true => hold(&args, &common, printer, &interrupts).await,
        false => show(&args, &common, printer, &interrupts).await,
    };
    match conclude(outcome.map(|()| ExitCode::Passed), printer) {
        // To be told to go is how it ends.
        ExitCode::Interrupted if args.foreground => ExitCode::Passed,
        code => code,
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
pub(super) fn is_up(args: &StageArgs, root: &Path) -> Result<bool, Error> {
    match kept::find(root) {
        Some(stage) if args.is_met_by(&stage)? => Ok(true),
        Some(Handle { cluster, asked, .. }) => Err(Error::OtherStage { cluster: cluster.name, asked }),
        None => Ok(false),
    }
}

/// Brings the stage up that is asked for, unless it is, or somebody else is about it.
pub(super) async fn ensure(
    args: &StageArgs,
    common: &Common,
    printer: &Printer,
    interrupts: &Interrupts,
) -> Result<(), Error> {
    let places = Places::find(common)?;
    std::fs::create_dir_all(&places.root).map_err(Error::Report)?;
    let free = async || match kept::RaisingLock::begin(&places.root) {
        Some(raising) => Probe::Done(raising),
        None => Probe::Pending("another `rehearse` brings one up".into()),
    };
    let alone = async {
        let every = Wake::Every(Duration::from_millis(50));
        let raising = until("the stage", PATIENCE, every, free).await;
        let raising = raising.map_err(|timeout| Error::StageEnded(timeout.to_string()))?;
        let missing = !is_up(args, &places.root)?;
        Ok::<_, Error>((raising, missing))
    };
    match interrupts.unless(alone).await.ok_or(Error::InterruptedBefore)?? {
        (_raising, true) => spawn(args, &places, printer, interrupts).await,
        (_, false) => Ok(()),
    }
}

/// Starts the process that keeps a stage up, and waits until it is.
async fn spawn(args: &StageArgs, places: &Places, printer: &Printer, interrupts: &Interrupts) -> Result<(), Error> {
    let log = places.root.join("stage.log");
    let program = std::env::current_exe().map_err(Error::Report)?;
    let command = args.to_command(&places.labs, &places.root);
    let mut process = Background::start(&program, &command, &log).map_err(Error::Report)?;
    printer.note(&format!("bringing a stage up in the background (log: {})", log.display()));
    let moves = printer.moves();
    let progress = printer.progress(&moves, "stage");
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
            let remains = end(process, places).await;
            Err(Error::StageEnded(format!("{timeout}; {remains}")))
        }
        None => {
            let remains = end(process, places).await;
            Err(Error::Interrupted { twice: false, remains, down: places.down.clone() })
        }
    }
}

/// Asks the stage's process to go, waits until it has, and pays for what it leaves; what is there then.
async fn end(mut process: Background, places: &Places) -> Remains {
    process.terminate();
    let gone = async || if process.has_ended() { Probe::Done(()) } else { Probe::Pending(String::new()) };
    let unseen = |why: String| Remains { left: Vec::new(), unseen: vec![why] };
    if until("the stage to go", FAREWELL, Wake::Every(Duration::from_millis(20)), gone).await.is_err() {
        return unseen(format!("the stage's process {} is cleaning up still", process.pid()));
    }
    match Docker::connect().await {
        Ok(docker) => stage::reap(&docker, &places.root, Reaping::InPassing).await.remains,
        Err(error) => unseen(chain(&error)),
    }
}

fn last_line(log: &Path) -> String {
    std::fs::read_to_string(log).unwrap_or_default().lines().last().unwrap_or_default().to_owned()
}

/// Keeps a stage up until a signal comes.
async fn hold(args: &StageArgs, common: &Common, printer: &Printer, interrupts: &Interrupts) -> Result<(), Error> {
    let places = Places::find(common)?;
    let opening = Opening { stage: args, places: &places, on_kept: false, masker: &printer.masker };
    let reader = printer.verbose().reader(Stream::Err, false, false, String::new());
    let mut opened = OpenSession::open(opening, interrupts, |_| Ok(vec![reader])).await?;
    if let Origin::New(settings) = &mut opened.origin {
        settings.kept = Some(args.asked());
    }
    let folder = opened.session.private();
    let raised = match Keeper::announce(&opened.session) {
        Ok(keeper) => opened.raise().await.map(|raised| (keeper, raised)),
        Err(error) => Err(error.into()),
    };
    let held = match raised {
        Ok((keeper, Some(stage))) => {
            tokio::select! {
                () = interrupts.graceful.cancelled() => {}
                () = forgotten(&folder) => {}
            }
            keeper.goes();
            tokio::select! {
                () = stage.down() => {}
                () = interrupts.forced.cancelled() => {}
            }
            Ok(None)
        }
        Ok((keeper, None)) => {
            keeper.goes();
            Ok(None)
        }
        Err(error) => Err(error),
    };
    let held = opened.conclude::<()>(held).await;
    opened.close().await?;
    held
}

/// Returns once the folder by which a stage is found has gone, with a checkout that was deleted, say: nobody could take
/// the stage down any more.
async fn forgotten(folder: &Path) {
    let mut ticks = tokio::time::interval(LOOKING);
    while folder.exists() {
        ticks.tick().await;
    }
}

/// What taking down came to.
#[derive(Default)]
struct Lowered {
    stages: Vec<String>,
    reaped: Reaped,
    /// Who plays still.
    living: Vec<String>,
}

pub(super) async fn down(common: &Common, printer: &Printer) -> ExitCode {
    let lowered = match try_down(common).await {
        Ok(lowered) => lowered,
        Err(error) => return conclude(Err::<ExitCode, _>(error), printer),
    };
    let Lowered { stages, reaped, living } = lowered;
    let Reaped { removed, remains, others } = reaped;
    if printer.json {
        let (removed, alone) = ([stages, removed].concat(), [living, others].concat());
        let document = json!({
            "removed": removed, "left": remains.left, "unseen": remains.unseen, "left_alone": alone,
        });
        printer.result(&document.to_string());
    } else {
        if stages.is_empty() {
            printer.result("nothing is up");
        }
        [stages, removed, living, others].concat().iter().for_each(|line| printer.result(line));
    }
    if remains.is_nothing() {
        return ExitCode::Passed;
    }
    printer.note(&format!(
        "{remains}; `rehearse down` once more, when what keeps it is out of the way, removes it; what is gone for good is \
         forgotten with its session's `private` folder"
    ));
    ExitCode::Environment
}

/// Takes down the stage that is up, and pays for what sessions that were killed have left.
async fn try_down(common: &Common) -> Result<Lowered, Error> {
    let places = Places::find(common)?;
    let mut lowered = Lowered::default();
    let free = async || match kept::LoweringLock::begin(&places.root) {
        Some(lowering) => Probe::Done(lowering),
        None => Probe::Pending("another `rehearse down` is about it".into()),
    };
    let every = || Wake::Every(Duration::from_millis(20));
    // Where nothing was ever written nothing is up, and there is nobody to wait for.
    let _lowering = match places.root.is_dir() {
        true => until("the other `rehearse down`", PATIENCE, every(), free).await.ok(),
        false => None,
    };
    while let Some(keeper) = Keeper::find(&places.root) {
        if !keeper.is_going() {
            // Gone already is what we want.
            let _ = kill(Pid::from_raw(keeper.pid.cast_signed()), Signal::SIGTERM);
        }
        let gone = async || match keeper.is_alive() {
            true => Probe::Pending(format!("its process {} is cleaning up still", keeper.pid)),
            false => Probe::Done(()),
        };
        let ended = until("the stage to go", FAREWELL, every(), gone).await;
        ended.map_err(|timeout| Error::StageStays {
            session: keeper.session.clone(),
            pid: keeper.pid,
            status: timeout.to_string(),
        })?;
        lowered.stages.push(format!("took down the stage of session {}", keeper.session));
    }
    lowered.reaped = stage::reap(&Docker::connect().await?, &places.root, Reaping::Asked).await;
    lowered.living = session::living(&places.root)
        .into_iter()
        .map(|(id, pid)| {
            let process = pid.map(|pid| format!(", which process {pid} plays")).unwrap_or_default();
            format!("left alone: session {id}{process}")
        })
        .collect();
    Ok(lowered)
}
