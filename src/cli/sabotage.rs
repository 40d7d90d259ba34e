//! `rehearse sabotage`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use clap::Args;
use futures::{StreamExt as _, stream};
use serde_json::json;

use super::error::Error;
use super::exit::{ExitCode, conclude};
use super::matrix::cluster;
use super::open_session::{OpenSession, Opening};
use super::origin::Origin;
use super::places::{Common, Places};
use super::printer::Printer;
use super::run::{chosen, tools};
use super::stage::{StageArgs, timelapse};
use crate::cluster::Choice;
use crate::images::Application;
use crate::noun::counted;
use crate::report::Voice;
use crate::run::{self, LabPlayer, Tools};
use crate::sabotage::{self, Breaker, Broken, FAULTS, FaultOutcome, FaultRow, Report, SabotagePlan, StageVariant};
use crate::script;
use crate::signal::Interrupts;
use crate::stage::{SessionEnd, Stage};

/// How long what a fault keeps from coming is waited for on mini at least, where it would come within a second.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many times longer it may take than the stage took to come up: a machine that is busy is slow at both.
const BUSY: u32 = 2;
/// How many stages stand at once on mini.
const STAGES: usize = 2;

#[derive(Debug, Args)]
pub(super) struct SabotageArgs {
    /// Labs by number (`2`, `lab-2`) or name; all when none is named
    #[arg(value_name = "LAB", conflicts_with = "list")]
    pub labs: Vec<String>,
    /// Only this fault; may be given several times. `nothing` breaks nothing, and is not caught
    #[arg(long = "fault", value_name = "NAME")]
    pub faults: Vec<String>,
    /// List the faults
    #[arg(long)]
    pub list: bool,
    /// The kind of cluster: kind or mini
    #[arg(long, default_value = "mini", value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: Choice,
    /// Mini only: how many times faster the kubelet's syncs and back-offs pass; pods that cannot pull keep it busy
    #[arg(long, default_value_t = 20.0, value_name = "N", value_parser = timelapse)]
    pub timelapse: f64,
    /// How many broken labs are played at once on each stage
    #[arg(short, long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=32))]
    pub jobs: u16,
}

pub(super) async fn sabotage(
    args: SabotageArgs,
    common: Common,
    printer: &Printer,
    interrupts: Interrupts,
) -> ExitCode {
    let outcome = match args.list {
        true => list(&args, printer),
        false => play(&args, &common, printer, &interrupts).await,
    };
    conclude(outcome.map(|caught| if caught { ExitCode::Passed } else { ExitCode::LabFailed }), printer)
}

fn list(args: &SabotageArgs, printer: &Printer) -> Result<bool, Error> {
    let faults = sabotage::chosen(&args.faults)?;
    if printer.json {
        let rows = faults.iter().map(|fault| json!({ "fault": fault.name, "what": fault.what, "cause": fault.cause }));
        printer.result(&json!(rows.collect::<Vec<_>>()).to_string());
    } else {
        faults.iter().for_each(|fault| printer.result(&format!("{:<22} {}", fault.name, fault.what)));
    }
    Ok(true)
}

/// Whether all that was broken was caught.
async fn play(args: &SabotageArgs, common: &Common, printer: &Printer, interrupts: &Interrupts) -> Result<bool, Error> {
    let places = Places::find(common)?;
    let all = script::load(&places.labs, &args.labs)?;
    let labs = chosen(&all, &args.labs)?;
    let faults = sabotage::chosen(&args.faults)?;
    let sources = Application::read(&places.labs)?.context()?;
    let sources: Vec<String> =
        sources.iter().filter_map(|file| Some(std::str::from_utf8(&file.contents).ok()?.to_owned())).collect();
    let plan = SabotagePlan::new(&labs, &faults, &sources)?;
    let tools = tools(&labs, &places.project).await?;
    let what = What { args, places: &places, tools: &tools, printer, interrupts };
    // A kind cluster is much for a machine.
    let at_once = if args.cluster == Choice::Mini { STAGES } else { 1 };
    let of = plan.stages.len();
    let stages = plan.stages.into_iter().zip(1..).map(|((variant, labs), number)| {
        let name = format!("stage {number} of {of}");
        what.with_progress(name, variant, labs)
    });
    let played: Vec<_> = stream::iter(stages).buffer_unordered(at_once).collect().await;
    let mut rows: Vec<FaultRow> = plan.inapplicable.into_iter().map(FaultRow::from).collect();
    let mut failed = Vec::new();
    for (on_stage, error) in played {
        rows.extend(on_stage);
        failed.extend(error);
    }
    let report = Report::new(rows, &faults);
    match printer.json {
        true => printer.result(&json!(report).to_string()),
        false => table(&report).iter().for_each(|line| printer.result(line)),
    }
    // What the other stages have shown stands.
    failed.into_iter().next().map_or(Ok(report.all_caught()), Err)
}

/// What stages are brought up with, and labs played.
struct What<'a> {
    args: &'a SabotageArgs,
    places: &'a Places,
    tools: &'a Tools,
    printer: &'a Printer,
    interrupts: &'a Interrupts,
}

impl What<'_> {
    /// As [`What::on_stage`], which takes minutes: people are told what is played, and what came of it. What a stage that
    /// failed has not played is not caught.
    async fn with_progress(
        &self,
        name: String,
        variant: StageVariant,
        mut labs: Vec<Broken>,
    ) -> (Vec<FaultRow>, Option<Error>) {
        let faults: BTreeMap<_, _> = labs.iter().map(|broken| (broken.fault.name, broken.fault.what)).collect();
        let what = match faults.first_key_value() {
            Some((_, what)) if faults.len() == 1 => (*what).to_owned(),
            _ => format!("{} faults", faults.len()),
        };
        let many = counted(labs.len(), "lab");
        let tell = |text: String| {
            if self.printer.voice != Voice::Quiet {
                self.printer.note(&text)
            }
        };
        tell(format!("{name}: {what}, {many} …"));
        let begun = Instant::now();
        let (rows, error) = match self.on_stage(&variant, &mut labs).await {
            Ok(rows) => (rows, None),
            Err(error) => (sabotage::rows(&labs, &[], &BTreeMap::new()), Some(error)),
        };
        let caught = rows.iter().filter(|row| matches!(row.outcome, FaultOutcome::Caught { .. })).count();
        tell(format!("{name}: caught {caught}/{} in {:.1} s", rows.len(), begun.elapsed().as_secs_f64()));
        (rows, error)
    }

    /// Plays broken labs on a stage of their own.
    ///
    /// # Errors
    /// What keeps them from being played.
    async fn on_stage(&self, variant: &StageVariant, labs: &mut [Broken]) -> Result<Vec<FaultRow>, Error> {
        let stage = StageArgs::own(&self.args.cluster, self.args.timelapse);
        let opening = Opening { stage: &stage, places: self.places, on_kept: false, masker: &self.printer.masker };
        let mut opened =
            OpenSession::open(opening, self.interrupts, |session| Ok(vec![crate::report::events_file(session.dir())?]))
                .await?;
        if let Origin::New(settings) = &mut opened.origin {
            let changed: Vec<_> = labs.iter().map(|broken| &broken.lab).collect();
            settings.served = run::served(&changed, opened.session.id());
            match variant {
                StageVariant::Defect(defect) => settings.defect = Some(*defect),
                StageVariant::OtherText(text, other) => {
                    settings.application.replaced = Some((text.clone(), other.clone()));
                }
                StageVariant::Sound | StageVariant::Until(_) => {}
            }
        }
        let raising = Instant::now();
        let rows = match opened.raise().await {
            Ok(Some(stage)) => {
                if stage.cluster.is_mini() {
                    let patience = PATIENCE.max(BUSY * raising.elapsed());
                    labs.iter_mut().for_each(|broken| broken.hurry(patience));
                }
                self.play(labs, stage, &opened).await
            }
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        let rows = opened.conclude(rows).await;
        let told = opened.close().await;
        let rows = rows?;
        told?;
        Ok(rows)
    }

    /// Returns None if interrupted.
    async fn play(
        &self,
        labs: &[Broken],
        stage: Stage,
        opened: &OpenSession<'_>,
    ) -> Result<Option<Vec<FaultRow>>, Error> {
        let breaker = Breaker::new(&stage, labs);
        let player = LabPlayer {
            stage: &stage,
            tools: self.tools,
            events: &opened.events,
            masker: &opened.masker,
            session: opened.session.id(),
            // What happens to all labs at once finds them all there.
            jobs: usize::from(self.args.jobs).max(if labs.iter().any(Broken::is_with_others) { labs.len() } else { 1 }),
            faults: None,
            stop: &self.interrupts.graceful,
            before_step: Some(&breaker),
        };
        let changed: Vec<_> = labs.iter().map(|broken| &broken.lab).collect();
        let played = tokio::select! {
            played = player.play(&changed) => played,
            () = self.interrupts.forced.cancelled() => Ok(None),
        };
        let failed = breaker.close().await;
        tokio::select! {
            () = stage.down() => {}
            () = self.interrupts.forced.cancelled() => {}
        }
        let Some(played) = played? else { return Ok(None) };
        opened.settle(SessionEnd::Finished).await;
        Ok(Some(sabotage::rows(labs, &played, &failed)))
    }
}

/// Faults down, a line for each lab.
fn table(report: &Report) -> Vec<String> {
    let width = FAULTS.iter().map(|fault| fault.name.len()).max().unwrap_or_default();
    let mut last = "";
    let lines = report.results.iter().map(|row| {
        let name = if row.fault.name == last { "" } else { row.fault.name };
        last = row.fault.name;
        let (mark, said) = match &row.outcome {
            FaultOutcome::Caught { said } => ("✓ caught", said),
            FaultOutcome::NotCaught { why } => ("✗ not caught", why),
            FaultOutcome::DoesNotApply { why } => ("– does not apply", why),
        };
        format!("{name:<width$}  lab {}  {mark}: {said}", row.lab)
    });
    let mut lines: Vec<String> = lines.collect();
    lines.push(format!("caught {}/{}", report.caught, report.of));
    lines
}
