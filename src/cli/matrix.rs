//! `rehearse matrix`: the same labs on one Kubernetes version after the other, in one table.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::error::Error;
use super::exit::{ExitCode, conclude};
use super::partition::{Partition, part, tell_empty};
use super::places::{Common, Places};
use super::printer::Printer;
use super::run::{Once, chosen, once, tools};
use super::stage::{StageArgs, TIMELAPSE, timelapse, version};
use crate::cluster::Choice;
use crate::event::{Event, PartState, Record, Verdict};
use crate::exec::chain;
use crate::hint::Hint;
use crate::report::Consumer;
use crate::run::{VersionColumn, differences};
use crate::script::{self, Lab};
use crate::signal::Interrupts;

#[derive(Debug, Args)]
pub(super) struct MatrixArgs {
    /// Labs by number (`2`, `lab-2`) or name; all when none is named
    #[arg(value_name = "LAB")]
    pub labs: Vec<String>,
    /// The versions, e.g. 1.34,1.36
    #[arg(long = "kubernetes-version", value_name = "X.Y[.Z],…", value_delimiter = ',', required = true, value_parser = version)]
    pub versions: Vec<String>,
    /// The kind of cluster: kind or mini
    #[arg(long, default_value = "kind", value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: Choice,
    /// Mini only: how many times faster the kubelet's syncs and back-offs pass; 1 is real time
    #[arg(long, default_value_t = TIMELAPSE, value_name = "N", value_parser = timelapse)]
    pub timelapse: f64,
    /// Play on the Kth of N parts of the versions only, on machines that share them
    #[arg(long, value_name = "K/N")]
    pub partition: Option<Partition>,
    /// How many labs are played at once [default: as many as there are, up to 4]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=16))]
    pub jobs: Option<u16>,
}

pub(super) async fn matrix(args: MatrixArgs, common: Common, printer: &Printer, interrupts: Interrupts) -> ExitCode {
    conclude(play(&args, &common, printer, &interrupts).await, printer)
}

/// What came of it: a lab that failed comes before a version that could not be had.
async fn play(
    args: &MatrixArgs,
    common: &Common,
    printer: &Printer,
    interrupts: &Interrupts,
) -> Result<Verdict, Error> {
    let places = Places::find(common)?;
    let all = script::load(&places.labs, &args.labs)?;
    let labs = chosen(&all, &args.labs)?;
    let tools = tools(&labs, &places.project).await?;
    let ids: Vec<u32> = labs.iter().map(|lab| lab.id).collect();
    let mut columns = Vec::new();
    let versions = part(args.partition, args.versions.clone());
    if versions.is_empty() {
        tell_empty(args.partition, "version", printer);
    }
    for version in &versions {
        printer.note(&format!("Kubernetes {version} on {} …", args.cluster));
        let stage = args.stage(version);
        let (jobs, step, faults) = (args.jobs, false, None);
        let what = Once {
            labs: &labs,
            tools: &tools,
            stage: &stage,
            jobs,
            step,
            faults,
            timings: false,
            places: &places,
            printer,
        };
        let column =
            match once(&what, false, |_| vec![Box::new(Verdicts(printer.clone())) as Box<dyn Consumer>], interrupts)
                .await
            {
                Ok(outcome) => {
                    let text = |text: &str| outcome.masker.mask(text).into_owned();
                    VersionColumn::new(version, &outcome.server_version, &outcome.played, &text)
                }
                Err(error) if error.is_interrupt() => return Err(error),
                Err(error) => VersionColumn::blocked(version, reason(&error), &ids),
            };
        columns.push(column);
    }
    match printer.json {
        true => printer.result(&json!({ "versions": columns, "differences": differences(&columns) }).to_string()),
        false => table(&labs, &columns).iter().for_each(|line| printer.result(line)),
    }
    let all = columns.iter().flat_map(|column| column.verdicts.values().copied());
    let (blocked, played): (Vec<_>, Vec<_>) = all.partition(|verdict| *verdict == Verdict::Blocked);
    let worst = |verdicts: Vec<Verdict>| verdicts.into_iter().max();
    let failed = worst(played).filter(|verdict| !verdict.passed());
    Ok(failed.or(worst(blocked)).unwrap_or(Verdict::Reproduced))
}

/// Tells what comes of each lab as it comes.
struct Verdicts(Printer);

impl Consumer for Verdicts {
    fn record(&mut self, record: &Record) {
        match &record.event {
            Event::StagePart { part, state: PartState::Ready, detail, .. } => {
                self.0.note(&format!("  {part:<8} {detail}"));
            }
            Event::LabFinished { lab, verdict, ms, .. } if *ms > 0 => {
                self.0.note(&format!("  lab {lab}    {verdict} in {:.1} s", Duration::from_millis(*ms).as_secs_f64()));
            }
            _ => {}
        }
    }
}

fn reason(error: &Error) -> String {
    let hint = error.hint().map(|hint| format!(" (hint: {hint})")).unwrap_or_default();
    format!("{}{hint}", chain(error))
}

/// Labs down, versions across; below it, what differs and why a version could not be had.
fn table(labs: &[&Lab], columns: &[VersionColumn]) -> Vec<String> {
    let title = labs.iter().map(|lab| lab.title.chars().count()).max().unwrap_or_default();
    let width = 2 + columns.iter().flat_map(|c| c.verdicts.values()).map(|v| v.to_string().len()).max().unwrap_or(0);
    let heads = columns.iter().map(|column| format!("{:<width$}", column.version));
    let mut lines = vec![format!("{:<title$}  {}", "", heads.collect::<String>()).trim_end().to_owned()];
    for lab in labs {
        let verdicts = columns.iter().map(|column| match column.verdicts.get(&lab.id) {
            Some(verdict) => format!("{:<width$}", verdict.to_string()),
            None => " ".repeat(width),
        });
        lines.push(format!("{:<title$}  {}", lab.title, verdicts.collect::<String>()).trim_end().to_owned());
    }
    for column in columns {
        if let Some(why) = &column.blocked {
            lines.push(format!("\n{} blocked: {why}", column.version));
        }
    }
    for (column, (lab, why)) in columns.iter().flat_map(|column| column.failures.iter().map(move |why| (column, why))) {
        lines.push(format!("\nlab {lab} on {}, {why}", column.version));
    }
    for difference in differences(columns) {
        lines.push(format!("\n{difference}"));
    }
    lines
}

impl MatrixArgs {
    fn stage(&self, version: &str) -> StageArgs {
        StageArgs { kubernetes_version: Some(version.to_owned()), ..StageArgs::own(&self.cluster, self.timelapse) }
    }
}

/// Only clusters that a run can bring up.
pub(super) fn cluster(text: &str) -> Result<Choice, String> {
    match text.parse() {
        Ok(choice @ (Choice::Kind | Choice::Mini)) => Ok(choice),
        _ => Err("kind or mini: others are not brought up here".into()),
    }
}
