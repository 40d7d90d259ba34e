//! What is written of a run once it is over, and `rehearse report`. A report that cannot be written is a note: the exit
//! code is the run's.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::error::Error;
use super::exit::ExitCode;
use super::places::{Common, Places};
use super::printer::{Printer, on_github};
use crate::exec::chain;
use crate::hint::Hint;
use crate::report::{NotWritten, Rendered};

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Events of runs: `events.jsonl` files, or sessions' folders; the latest run when none is named
    #[arg(value_name = "EVENTS")]
    pub events: Vec<PathBuf>,
    /// The folder to write to [default: that of the first]
    #[arg(long, value_name = "DIR")]
    pub into: Option<PathBuf>,
}

/// Renders runs again, several as one.
pub(super) fn report(args: &ReportArgs, common: &Common, printer: &Printer) -> ExitCode {
    let (paths, errors) = match try_report(args, common, printer) {
        Ok(written) => written,
        Err(error) => return printer.error(&error, error.hint(), ExitCode::Environment),
    };
    match printer.json {
        true => printer.result(&serde_json::json!(paths).to_string()),
        false => paths.iter().for_each(|path| printer.result(&path.display().to_string())),
    }
    errors.iter().fold(ExitCode::Passed, |_, error| printer.error(error, error.hint(), ExitCode::Environment))
}

fn try_report(args: &ReportArgs, common: &Common, printer: &Printer) -> Result<(Vec<PathBuf>, Vec<NotWritten>), Error> {
    let sources = match args.events[..] {
        [] => vec![Places::find(common)?.root.join("latest")],
        _ => args.events.clone(),
    };
    let rendered = Rendered::read(&sources)?;
    if rendered.incomplete() > 0 {
        printer.note(&format!(
            "{} of {} runs: not to its end; the report says so",
            rendered.incomplete(),
            sources.len()
        ));
    }
    let folder = |source: &PathBuf| match source.is_dir() {
        true => source.clone(),
        false => source.parent().map(Path::to_owned).unwrap_or_default(),
    };
    let into = args.into.clone().or_else(|| sources.first().map(folder)).unwrap_or_default();
    std::fs::create_dir_all(if into.as_os_str().is_empty() { Path::new(".") } else { &into })
        .map_err(|_| Error::NotWritable { path: into.clone() })?;
    let (mut paths, mut errors) = (Vec::new(), Vec::new());
    for written in rendered.write(&into) {
        match written {
            Ok(path) => paths.push(path),
            Err(error) => errors.push(error),
        }
    }
    Ok((paths, errors))
}

/// Writes what is known of the run whose events are in `dir`, there and where GitHub shows it.
pub(super) fn publish(dir: &Path, printer: &Printer) {
    let rendered = match Rendered::read(&[dir.to_owned()]) {
        Ok(rendered) => rendered,
        Err(error) => return printer.note(&format!("no report: {}", chain(&error))),
    };
    let failed = rendered.write(dir).into_iter().filter_map(Result::err);
    failed.for_each(|error| printer.note(&format!("{}; {}", chain(&error), error.hint().unwrap_or_default())));
    if on_github() {
        let workspace = std::env::var("GITHUB_WORKSPACE").unwrap_or_default();
        rendered.annotations(&workspace).iter().for_each(|line| printer.command(line));
        let Some(file) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|file| !file.is_empty()) else { return };
        let appended = OpenOptions::new().append(true).create(true).open(&file).and_then(|mut file| {
            let summary = rendered.summary(&workspace);
            file.write_all(printer.masker.mask(&summary).as_bytes())
        });
        if let Err(error) = appended {
            printer.note(&format!("the job's summary was not written: {error}"));
        }
    }
}
