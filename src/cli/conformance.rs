//! `rehearse conformance`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anstyle::{AnsiColor, Style};
use clap::Args;
use serde_json::json;

use super::error::Error;
use super::exit::{ExitCode, conclude};
use super::kubectl;
use super::open_session::{OpenSession, Opening};
use super::origin::Origin;
use super::places::{Common, Places};
use super::printer::{Printer, Stream};
use super::stage::StageArgs;
use crate::conformance::{self, Case, CaseOutcome, CaseResult, Suite, Testbed};
use crate::exec::chain;
use crate::mask::Masker;
use crate::signal::Interrupts;
use crate::stage::Stage;

const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const RED: Style = AnsiColor::Red.on_default();
const DIM: Style = Style::new().dimmed();

#[derive(Debug, Args)]
pub(super) struct ConformanceArgs {
    /// Cases by name; all of them when none is named
    #[arg(value_name = "CASE", conflicts_with_all = ["list", "diff"])]
    pub cases: Vec<String>,
    #[command(flatten)]
    pub stage: StageArgs,
    /// How many cases side by side
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub parallel: u32,
    /// List the cases
    #[arg(long)]
    pub list: bool,
    /// Show where the records of two clusters part, e.g. `--diff mini kind`; folders will do too
    #[arg(long, num_args = 2, value_names = ["A", "B"])]
    pub diff: Option<Vec<String>>,
}

pub(super) async fn conformance(
    args: ConformanceArgs,
    common: Common,
    printer: &Printer,
    interrupts: Interrupts,
) -> ExitCode {
    let outcome = match &args.diff {
        _ if args.list => Ok(list(printer)),
        Some(names) => diff(names, &common, printer),
        None => play(&args, &common, printer, &interrupts).await,
    };
    conclude(outcome.map(|passed| if passed { ExitCode::Passed } else { ExitCode::LabFailed }), printer)
}

fn list(printer: &Printer) -> bool {
    let cases = conformance::all();
    if printer.json {
        let rows: Vec<_> = cases.iter().map(|case| json!({ "case": case.id, "title": case.title })).collect();
        printer.result(&json!(rows).to_string());
    } else {
        cases.iter().for_each(|case| printer.result(&format!("{:<28} {}", case.id, case.title)));
    }
    true
}

/// Where a cluster's records are.
fn records(places: &Places, cluster: &str) -> PathBuf {
    places.root.join("conformance").join(cluster)
}

/// Whether two clusters' records are equal.
fn diff(names: &[String], common: &Common, printer: &Printer) -> Result<bool, Error> {
    let places = Places::find(common)?;
    let folder = |name: &String| match Path::new(name) {
        path if path.is_dir() && name.contains('/') => path.to_owned(),
        _ => records(&places, name),
    };
    let [left, right] = names else { return Ok(false) };
    let compared = conformance::diff(&folder(left), &folder(right))?;
    let equal = compared.iter().filter(|(_, difference)| difference.is_none()).count();
    for (case, difference) in &compared {
        let Some(difference) = difference else { continue };
        match printer.json {
            true => printer.result(
                &json!({
                    "case": case, "line": difference.line, "of": difference.of,
                    left.as_str(): difference.left, right.as_str(): difference.right,
                })
                .to_string(),
            ),
            false => printer.result(&format!("{case}\n{difference}")),
        }
    }
    if !printer.json {
        printer.result(&format!("{equal} of {} cases are equal on {left} (-) and {right} (+)", compared.len()));
    }
    Ok(equal == compared.len())
}

/// Whether all cases passed.
async fn play(
    args: &ConformanceArgs,
    common: &Common,
    printer: &Printer,
    interrupts: &Interrupts,
) -> Result<bool, Error> {
    let cases = conformance::chosen(&args.cases)?;
    let places = Places::find(common)?;
    let kubectl = kubectl::find(&places.project).await?.path;
    let opening = Opening { stage: &args.stage, places: &places, on_kept: true, masker: &printer.masker };
    let reader = printer.verbose().reader(Stream::Err, false, false, String::new());
    let mut opened = OpenSession::open(opening, interrupts, |_| Ok(vec![reader])).await?;
    if let Origin::New(settings) = &mut opened.origin {
        settings.registry_port = settings.registry_port.or_else(free_port);
    }
    let outcome = match opened.raise().await {
        Ok(Some(stage)) => {
            stage.notes.iter().for_each(|note| printer.note(&format!("note: {note}")));
            let folder = records(&places, &stage.cluster.info().name.replace(':', "-"));
            let outcome = on_stage(&cases, &stage, kubectl, &opened, &folder, args, printer).await;
            tokio::select! {
                () = stage.down() => {}
                () = interrupts.forced.cancelled() => {}
            }
            outcome
        }
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    };
    let outcome = opened.conclude(outcome).await;
    let told = opened.close().await;
    let passed = outcome?;
    told?;
    Ok(passed)
}

/// One that stays the registry's when it is stopped and started again.
fn free_port() -> Option<u16> {
    let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).ok()?;
    listener.local_addr().ok().map(|addr| addr.port())
}

/// Returns None if interrupted.
async fn on_stage(
    cases: &[&'static Case],
    stage: &Stage,
    kubectl: PathBuf,
    opened: &OpenSession<'_>,
    records: &Path,
    args: &ConformanceArgs,
    printer: &Printer,
) -> Result<Option<bool>, Error> {
    let OpenSession { session, masker, interrupts, .. } = opened;
    let program = std::env::current_exe().map_err(Error::Report)?;
    stage.cluster.schedulable().await?;
    let testbed = Testbed::prepare(stage, kubectl, program, session.id(), masker).await?;
    let second_chance = stage.cluster.info().name != "mini";
    let suite = Suite { testbed: &testbed, records, parallel: args.parallel as usize, second_chance };
    let began = Instant::now();
    let outcomes = tokio::select! {
        outcomes = suite.run(cases, |outcome| tell(outcome, printer, masker)) => Some(outcomes),
        () = interrupts.graceful.cancelled() => None,
    };
    // What a case that failed or was interrupted has left.
    let swept = testbed.sweep().await;
    testbed.close().await;
    let Some(outcomes) = outcomes else { return Ok(None) };
    let outcomes = outcomes?;
    swept?;
    summary(&outcomes, began, records, &stage.cluster.info().name, printer);
    Ok(Some(!outcomes.iter().any(CaseOutcome::is_failure)))
}

fn tell(outcome: &CaseOutcome, printer: &Printer, masker: &Masker) {
    let seconds = outcome.took.as_secs_f64();
    let (word, mark, style) = match &outcome.result {
        CaseResult::Passed => ("passed", "✓", GREEN),
        CaseResult::Unstable(_) => ("unstable", "~", YELLOW),
        CaseResult::Differs(_) => ("differs", "✗", RED),
        CaseResult::Failed(_) => ("failed", "✗", RED),
        CaseResult::Skipped(_) => ("skipped", "-", DIM),
    };
    let detail = match &outcome.result {
        CaseResult::Passed => String::new(),
        CaseResult::Unstable(difference) => format!("    another record at the first try:\n{difference}"),
        CaseResult::Differs(difference) => difference.to_string(),
        CaseResult::Failed(error) => format!("    {}", chain(error)),
        CaseResult::Skipped(reason) => format!("    skipped: {reason}"),
    };
    let detail = masker.mask(&detail);
    if printer.json {
        let line = json!({ "case": outcome.case.id, "result": word, "seconds": seconds, "detail": detail.trim() });
        return printer.result(&line.to_string());
    }
    let (id, title) = (outcome.case.id, outcome.case.title);
    printer.result(&format!("{style}{mark}{style:#} {id:<28} {seconds:>6.1} s  {DIM}{title}{DIM:#}"));
    if !detail.is_empty() {
        printer.result(&detail);
    }
}

fn summary(outcomes: &[CaseOutcome], began: Instant, records: &Path, cluster: &str, printer: &Printer) {
    let count = |is: fn(&CaseResult) -> bool| outcomes.iter().filter(|outcome| is(&outcome.result)).count();
    let passed = count(|result| matches!(result, CaseResult::Passed));
    let unstable = count(|result| matches!(result, CaseResult::Unstable(_)));
    let skipped = count(|result| matches!(result, CaseResult::Skipped(_)));
    let failed = outcomes.len() - passed - unstable - skipped;
    let seconds = began.elapsed().as_secs_f64();
    if printer.json {
        let line = json!({
            "cluster": cluster, "passed": passed, "unstable": unstable, "failed": failed, "skipped": skipped, "seconds": seconds,
            "records": records,
        });
        return printer.result(&line.to_string());
    }
    printer.result(&format!(
        "{cluster}: {passed} passed, {unstable} unstable, {failed} failed, {skipped} skipped in {seconds:.1} s; records: {}",
        records.display()
    ));
}
