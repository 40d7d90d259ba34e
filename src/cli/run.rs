//! `rehearse run`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;

use super::error::Error;
use super::exit::{ExitCode, conclude};
use super::kubectl;
use super::open_session::{OpenSession, Opening};
use super::origin::Origin;
use super::partition::{Partition, part, tell_empty};
use super::places::{Common, Places};
use super::printer::{Printer, Stream};
use super::reports;
use super::stage::{StageArgs, cluster_settings};
use super::step::{self, Stepper};
use super::up;
use crate::cluster::Plan;
use crate::docker::Docker;
use crate::event::{Chosen, Event, Verdict};
use crate::exec::{self, chain};
use crate::gateway::Faults;
use crate::hint::Hint;
use crate::mask::Masker;
use crate::report::{self, Cast, Consumer, JsonLines};
use crate::run::{self, LabPlayer, PlayedLab, Tools};
use crate::script::{self, Lab, Need};
use crate::signal::Interrupts;
use crate::stage::SessionEnd;

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Labs by number (`2`, `lab-2`) or name; `all` for all
    #[arg(value_name = "LAB")]
    pub labs: Vec<String>,
    #[command(flatten)]
    pub stage: StageArgs,
    /// Leave the stage up after the run (`rehearse down` takes it down)
    #[arg(long)]
    pub keep: bool,
    /// How many labs are played at once, each in namespaces of its own [default: as many as there are, up to 4]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=16))]
    pub jobs: Option<u16>,
    /// Show each command and wait for Enter before it is played; `b` goes back to the start of the demo, `s` skips, `q`
    /// leaves
    #[arg(long)]
    pub step: bool,
    /// Play the Kth of N parts of the labs only, on machines that share them
    #[arg(long, value_name = "K/N")]
    pub partition: Option<Partition>,
    /// Print where the time went
    #[arg(long)]
    pub timings: bool,
    /// Record the run as asciinema plays it (asciicast v2)
    #[arg(long, value_name = "FILE.cast")]
    pub record: Option<PathBuf>,
    /// For tests of the program itself: some of the API server's answers to labs go wrong, which ones this number says
    #[arg(long, value_name = "SEED", hide = true)]
    pub faults: Option<u64>,
}

pub(super) async fn run(args: RunArgs, common: Common, printer: &Printer, interrupts: Interrupts) -> ExitCode {
    conclude(try_run(&args, &common, printer, &interrupts).await, printer)
}

async fn try_run(
    args: &RunArgs,
    common: &Common,
    printer: &Printer,
    interrupts: &Interrupts,
) -> Result<Verdict, Error> {
    let telling = if args.step { printer.verbose() } else { printer.clone() };
    let printer = &telling;
    if args.step {
        step::possible(printer)?;
    }
    let places = Places::find(common)?;
    let all = script::load(&places.labs, &args.labs)?;
    let labs = part(args.partition, chosen(&all, &args.labs)?);
    if labs.is_empty() {
        tell_empty(args.partition, "lab", printer);
        return Ok(Verdict::Skipped);
    }
    let prologue = async {
        let tools = tools(&labs, &places.project).await?;
        if args.keep && !up::is_up(&args.stage, &places.root)? {
            // What would keep a stage from coming up is told here, not in the background's log.
            let _ = Plan::choose(&cluster_settings(&args.stage)?, &Docker::connect().await?).await?;
        }
        Ok::<_, Error>(tools)
    };
    let tools = interrupts.unless(prologue).await.ok_or(Error::InterruptedBefore)??;
    if args.keep {
        up::ensure(&args.stage, common, printer, interrupts).await?;
    }
    let what = Once {
        labs: &labs,
        tools: &tools,
        stage: &args.stage,
        jobs: args.jobs,
        step: args.step,
        faults: args.faults.map(Faults::new),
        timings: args.timings,
        places: &places,
        printer,
    };
    let cast = args.record.as_deref().map(cast).transpose()?;
    let readers = |report: &Path| {
        let cast = cast.into_iter().map(|cast| Box::new(cast) as Box<dyn Consumer>);
        cast.chain([reader(printer, args.timings, &places, report)]).collect()
    };
    Ok(once(&what, true, readers, interrupts).await?.verdict)
}

/// What one run plays, and on what.
pub(super) struct Once<'a> {
    pub labs: &'a [&'a Lab],
    pub tools: &'a Tools,
    pub stage: &'a StageArgs,
    pub jobs: Option<u16>,
    /// A reader is asked before each command.
    pub step: bool,
    pub faults: Option<Faults>,
    /// Also measure bare kubectl beside it.
    pub timings: bool,
    pub places: &'a Places,
    pub printer: &'a Printer,
}

/// What came of one run.
pub(super) struct RunOutcome {
    pub verdict: Verdict,
    pub played: Vec<PlayedLab>,
    pub server_version: String,
    pub masker: Masker,
}

/// One run in a session of its own, on the stage that is kept up where `on_kept` allows and there is one. `readers` are
/// given the path of the report.
///
/// # Errors
/// What keeps the labs from being played, [`Error::Interrupted`] among it.
pub(super) async fn once(
    what: &Once<'_>,
    on_kept: bool,
    readers: impl FnOnce(&Path) -> Vec<Box<dyn Consumer>>,
    interrupts: &Interrupts,
) -> Result<RunOutcome, Error> {
    let began = Instant::now();
    let opening = Opening { stage: what.stage, places: what.places, on_kept, masker: &what.printer.masker };
    let opened = OpenSession::open(opening, interrupts, |session| {
        let mut consumers = vec![report::events_file(session.dir())?];
        session.is_latest();
        consumers.extend(readers(&session.dir().join("report.html")));
        Ok(consumers)
    });
    let mut opened = opened.await?;
    if let Some(version) = &what.tools.kubectl_version {
        opened.events.emit(Event::Tool { name: "kubectl".into(), version: version.clone() });
    }
    if let Origin::New(settings) = &mut opened.origin {
        settings.served = run::served(what.labs, opened.session.id());
    }
    let outcome = play(what, &opened, began).await;
    let outcome = opened.conclude(outcome).await;
    if let Err(error) = &outcome {
        opened.events.fail(named(what.labs), &chain(error), error.hint());
    }
    let dir = opened.session.dir().to_owned();
    let told = opened.close().await;
    let ((), rendering) = report::timed(|| reports::publish(&dir, what.printer));
    if what.timings {
        what.printer.note(&format!("  rendering the reports took {:.3} s of CPU time", rendering.as_secs_f64()));
    }
    let outcome = outcome?;
    told?;
    Ok(outcome)
}

fn named(labs: &[&Lab]) -> Vec<Chosen> {
    let chosen = |lab: &&Lab| Chosen { lab: lab.id, title: lab.title.clone(), file: lab.path.display().to_string() };
    labs.iter().map(chosen).collect()
}

/// Returns None if interrupted.
async fn play(what: &Once<'_>, opened: &OpenSession<'_>, began: Instant) -> Result<Option<RunOutcome>, Error> {
    let OpenSession { session, masker, events, interrupts, .. } = opened;
    let raising = Instant::now();
    let Some(stage) = opened.raise().await? else { return Ok(None) };
    let mut stage_time = raising.elapsed();
    for note in &stage.notes {
        events.note(note.clone());
    }
    let jobs = if what.step { 1 } else { what.jobs.map_or(MOST_JOBS, usize::from).min(what.labs.len()) };
    let stop = &interrupts.graceful;
    let stepper = what.step.then(|| Stepper::new(events, stop));
    let player = LabPlayer {
        stage: &stage,
        tools: what.tools,
        events,
        masker,
        session: session.id(),
        jobs,
        faults: what.faults.clone(),
        stop,
        before_step: stepper.as_ref().map(|stepper| stepper as _),
    };
    let played = tokio::select! {
        played = player.play(what.labs) => played,
        () = interrupts.forced.cancelled() => Ok(None),
    };
    let server_version = stage.cluster.info().server_version.clone();
    let measuring = Instant::now();
    if let (true, Ok(Some(played)), Some(kubectl)) = (what.timings, &played, &what.tools.kubectl) {
        let measured = run::measure(kubectl, &stage, what.labs, played.iter().map(PlayedLab::started).sum()).await;
        measured.into_iter().for_each(|yardstick| events.emit(Event::Yardstick(yardstick)));
    }
    // The measuring is no part of the run.
    let began = began + measuring.elapsed();
    let lowering = Instant::now();
    tokio::select! {
        () = stage.down() => {}
        () = interrupts.forced.cancelled() => {}
    }
    let Some(played) = played? else { return Ok(None) };
    opened.settle(SessionEnd::Finished).await;
    stage_time += lowering.elapsed();
    let traces = played.iter().map(|played| (played.lab, played.traces.as_slice()));
    report::write_traces(session.dir(), masker, traces).map_err(Error::Report)?;
    let verdict = run::finish(events, &played, began, stage_time);
    Ok(Some(RunOutcome { verdict, played, server_version, masker: masker.clone() }))
}

/// The labs named, or all; each once, in the order named.
pub(super) fn chosen<'a>(all: &'a [Lab], names: &[String]) -> Result<Vec<&'a Lab>, Error> {
    let mut labs: Vec<&Lab> = Vec::new();
    for name in names.iter().filter(|name| *name != "all") {
        let lab = script::find(all, name)?;
        if !labs.iter().any(|known| known.id == lab.id) {
            labs.push(lab);
        }
    }
    if names.is_empty() || names.iter().any(|name| name == "all") {
        return Ok(all.iter().collect());
    }
    Ok(labs)
}

/// More labs at once than this wait for each other's pulls.
const MOST_JOBS: usize = 4;

pub(super) async fn tools(labs: &[&Lab], project: &Path) -> Result<Tools, Error> {
    let program = std::env::current_exe().map_err(Error::Report)?;
    bash()?;
    let kubectl = match labs.iter().any(|lab| lab.needs.contains(&Need::Cluster)) {
        true => Some(kubectl::find(project).await?),
        false => None,
    };
    let (kubectl, kubectl_version) = kubectl.map(|kubectl| (kubectl.path, kubectl.version)).unzip();
    Ok(Tools { program, kubectl, kubectl_version })
}

/// The shell that plays fences.
///
/// # Errors
/// Where there is none.
pub(super) fn bash() -> Result<PathBuf, Error> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    exec::which("bash", &path).ok_or(Error::NoBash)
}

/// A recording into a file, which a reader of the run may be shown.
fn cast(path: &Path) -> Result<Cast, Error> {
    let unwritable = |_| Error::NotWritable { path: path.to_owned() };
    let file = crate::secret::private_file(path).map_err(unwritable)?;
    Cast::new(std::io::LineWriter::new(file), jiff::Timestamp::now().as_second()).map_err(unwritable)
}

fn reader(printer: &Printer, timings: bool, places: &Places, report: &Path) -> Box<dyn Consumer> {
    if printer.json {
        return Box::new(JsonLines::new(printer.out(Box::new(std::io::stdout()))));
    }
    let latest = places.root.join("latest");
    let shown = if latest.exists() { latest.join("report.html") } else { report.to_owned() };
    let shown = std::env::current_dir()
        .ok()
        .and_then(|here| shown.strip_prefix(here).ok().map(Path::to_owned))
        .unwrap_or(shown);
    printer.reader(Stream::Out, true, timings, shown.display().to_string())
}
