//! `rehearse check`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use futures::{StreamExt as _, stream};

use super::error::Error;
use super::exit::{ExitCode, conclude};
use super::kubectl;
use super::lesson::Lesson;
use super::open_session::{OpenSession, Opening};
use super::partition::{Partition, part, tell_empty};
use super::places::{Common, Places};
use super::printer::{Printer, Stream};
use super::reports;
use super::run::bash;
use super::stage::{AuthArg, StageArgs};
use super::step::{self, Stepper};
use crate::check::{
    CheckEnd, CheckHeader, ItemRecord, Line, PatchSource, RecordChange, RollUp, SCHEMA, changes, patch, read, summary,
};
use crate::event::{Event, Timings};
use crate::exec::chain;
use crate::gateway::Upstream;
use crate::hint::Hint;
use crate::report;
use crate::script::lecture::{self, Lecture};
use crate::signal::Interrupts;
use crate::stage::SessionEnd as StageEnd;

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Markdown files, and folders with such
    #[arg(value_name = "LECTURE", required = true)]
    pub lectures: Vec<PathBuf>,
    #[command(flatten)]
    pub stage: StageArgs,
    /// Play these pages first, in the same place, without judging them
    #[arg(long, value_name = "PAGE")]
    pub after: Vec<PathBuf>,
    /// Play and judge only what stands at this line, or below a heading with these words
    #[arg(long, value_name = "LINE|HEADING")]
    pub only: Option<String>,
    /// Stop before this line, or before the first heading with these words
    #[arg(long, value_name = "LINE|HEADING")]
    pub until: Option<String>,
    /// Also run this program, which the rehearsal does not know or would not run
    #[arg(long, value_name = "PROGRAM")]
    pub allow: Vec<String>,
    /// Say everything that is known of the item at this line
    #[arg(long, value_name = "LINE")]
    pub explain: Option<usize>,
    /// Also tell of the items that hold
    #[arg(long)]
    pub all: bool,
    /// Write a unified diff with the corrections that are safe
    #[arg(long, value_name = "FILE")]
    pub patch: Option<PathBuf>,
    /// Say what changed since these records (`--json` of an earlier check)
    #[arg(long, value_name = "RECORDS")]
    pub against: Option<PathBuf>,
    /// Show each command and wait for Enter before it is played; `b` goes back to the start of the demo, `s` skips, `q`
    /// leaves
    #[arg(long)]
    pub step: bool,
    /// Play the Kth of N parts of the lectures only, on machines that share them
    #[arg(long, value_name = "K/N")]
    pub partition: Option<Partition>,
    /// Fail where fewer of all items were checked
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub min_checked: Option<u8>,
    /// How many lectures are played at once
    #[arg(short, long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub jobs: u16,
}

pub(super) async fn check(mut args: CheckArgs, common: Common, printer: &Printer, interrupts: Interrupts) -> ExitCode {
    let telling = if args.step { printer.verbose() } else { printer.clone() };
    let printer = &telling;
    if args.step
        && let Err(error) = step::possible(printer)
    {
        return conclude(Err::<ExitCode, _>(error), printer);
    }
    // Lectures show how Docker Hub refuses.
    args.stage.registry_auth.get_or_insert(AuthArg::Token);
    conclude(each_version(&mut args, &common, printer, &interrupts).await, printer)
}

/// Checks with each Kubernetes version that is asked for, one after the other, and says where they part from the first.
async fn each_version(
    args: &mut CheckArgs,
    common: &Common,
    printer: &Printer,
    interrupts: &Interrupts,
) -> Result<CheckEnd, Error> {
    let asked = args.stage.kubernetes_version.clone();
    let versions: Vec<String> = asked.iter().flat_map(|asked| asked.split(',')).map(|one| one.trim().into()).collect();
    let Some((first, others)) = versions.split_first() else {
        return Ok(try_check(args, common, printer, interrupts).await?.0);
    };
    let heading = |version: &str| {
        if !others.is_empty() && !printer.json {
            printer.result(&format!("Kubernetes {version}"));
        }
    };
    heading(first);
    args.stage.kubernetes_version = Some(first.clone());
    let (mut end, lines) = try_check(args, common, printer, interrupts).await?;
    for version in others {
        if interrupts.graceful.is_cancelled() {
            break;
        }
        heading(version);
        args.stage.kubernetes_version = Some(version.clone());
        let (of_version, of_it) = try_check(args, common, printer, interrupts).await?;
        let parted: Vec<RecordChange> =
            changes(&lines, &of_it).into_iter().filter(|change| !matches!(change, RecordChange::With { .. })).collect();
        parted.iter().for_each(|change| {
            printer.note(&format!("{version} parts from {first}: {}", printer.masker.mask(&change.to_string())));
        });
        if parted.is_empty() {
            printer.note(&format!("each item has the same verdict with {version} as with {first}"));
        }
        end = end.max(of_version);
    }
    Ok(end)
}

impl From<CheckEnd> for ExitCode {
    fn from(end: CheckEnd) -> Self {
        match end {
            CheckEnd::Passed | CheckEnd::Warned => Self::Passed,
            CheckEnd::TooFew | CheckEnd::Failed => Self::LabFailed,
            CheckEnd::Blocked => Self::Environment,
        }
    }
}

async fn try_check(
    args: &CheckArgs,
    common: &Common,
    printer: &Printer,
    interrupts: &Interrupts,
) -> Result<(CheckEnd, Vec<Line>), Error> {
    let places = Places::find(common)?;
    let lectures = part(args.partition, lectures(&args.lectures)?);
    if lectures.is_empty() {
        tell_empty(args.partition, "lecture", printer);
        return Ok((CheckEnd::Passed, Vec::new()));
    }
    let before = lectures_of(&args.after)?;
    let earlier = args.against.as_deref().map(records_of).transpose()?;
    for lecture in &lectures {
        for note in &lecture.notes {
            printer.note(&format!("{}:{}: {}", lecture.path.display(), note.line, note.kind));
        }
    }
    bash()?;
    let kubectl = kubectl::find(&places.project).await?;
    let opening = Opening { stage: &args.stage, places: &places, on_kept: true, masker: &printer.masker };
    let opened = OpenSession::open(opening, interrupts, |session| {
        session.is_latest();
        let people = printer.reader(Stream::Err, false, false, String::new());
        Ok(vec![report::events_file(session.dir())?, people])
    });
    let opened = opened.await?;
    opened.events.emit(Event::Tool { name: "kubectl".into(), version: kubectl.version.clone() });
    let played = play(args, &lectures, &before, &kubectl, &opened).await;
    let mut played = opened.conclude(played).await;
    let (masker, dir) = (opened.masker.clone(), opened.session.dir().to_owned());
    let sum = played.as_mut().map(|(_, records)| {
        records.sort_by_key(|record| (position(&lectures, &record.file), record.lines.first));
        RollUp::new(&*records, args.min_checked.map(usize::from))
    });
    match &sum {
        Ok(sum) => {
            let (verdict, ms) = (sum.verdict(), opened.events.elapsed_ms());
            opened.events.emit(Event::SessionFinished { verdict, ms, timings: Timings::default() });
        }
        Err(error) => opened.events.fail(Vec::new(), &chain(*error), error.hint()),
    }
    let sum = sum.ok();
    let told = opened.close().await;
    reports::publish(&dir, printer);
    let (check, records) = played?;
    told?;
    let sum = sum.unwrap_or_else(|| RollUp::new(&records, None));
    let end = sum.end;
    let mut lines = vec![Line::Check(check)];
    lines.extend(records.iter().cloned().map(|record| Line::Item(Box::new(record))));
    lines.push(Line::RollUp(sum.clone()));
    let json: String = lines
        .iter()
        .filter_map(|line| serde_json::to_string(line).ok())
        .map(|line| masker.mask(&line).into_owned() + "\n")
        .collect();
    crate::files::write_below(&dir, &dir.join("check.jsonl"), json.as_bytes(), 0o600).map_err(Error::Report)?;
    match (printer.json, args.explain) {
        (true, _) => printer.result(json.trim_end()),
        (false, Some(line)) => explain(&records, line, printer, &masker),
        (false, None) => printer.result(masker.mask(summary(&records, &sum, args.all).trim_end()).as_ref()),
    }
    if let Some(earlier) = earlier {
        let changed = changes(&earlier, &lines);
        let mark = |change: &RecordChange| if change.is_worse() { "worse" } else { "changed" };
        changed
            .iter()
            .for_each(|change| printer.note(&format!("{}: {}", mark(change), masker.mask(&change.to_string()))));
        if changed.is_empty() {
            printer.note("nothing changed since those records");
        }
    }
    if let Some(file) = &args.patch {
        write_patch(file, &lectures, &records, printer)?;
    }
    Ok((end, lines))
}

/// All lectures that are named, those of folders too; each once.
fn lectures(paths: &[PathBuf]) -> Result<Vec<Lecture>, Error> {
    let found = lectures_of(paths)?;
    match found.is_empty() {
        true => Err(Error::NoLectures { paths: paths.to_vec() }),
        false => Ok(found),
    }
}

fn lectures_of(paths: &[PathBuf]) -> Result<Vec<Lecture>, Error> {
    let mut files = Vec::new();
    for path in paths {
        match path.is_dir() {
            true => {
                markdown_below(path, &mut files).map_err(|source| Error::Unreadable { path: path.clone(), source })?
            }
            false => files.push(path.clone()),
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    files.retain(|file| seen.insert(file.clone()));
    files.iter().map(|file| lecture::read(file).map_err(Error::Lecture)).collect()
}

fn markdown_below(folder: &Path, into: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries: Vec<_> = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        // A link could lead back to where it stands.
        if path.is_dir() && !path.is_symlink() && !hidden {
            markdown_below(&path, into)?;
        } else if path
            .extension()
            .is_some_and(|extension| matches!(extension.to_str(), Some("md" | "markdown" | "mdx")))
        {
            into.push(path);
        }
    }
    Ok(())
}

fn records_of(path: &Path) -> Result<Vec<Line>, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Unreadable { path: path.into(), source })?;
    read(&text).map_err(Error::Records)
}

fn position(lectures: &[Lecture], file: &str) -> usize {
    lectures.iter().position(|lecture| lecture.path.display().to_string() == file).unwrap_or(usize::MAX)
}

/// Returns None if interrupted.
async fn play(
    args: &CheckArgs,
    lectures: &[Lecture],
    before: &[Lecture],
    kubectl: &kubectl::Kubectl,
    opened: &OpenSession<'_>,
) -> Result<Option<(CheckHeader, Vec<ItemRecord>)>, Error> {
    let Some(stage) = opened.raise().await? else { return Ok(None) };
    stage.notes.iter().for_each(|note| opened.events.note(note.clone()));
    let info = stage.cluster.info();
    let check = CheckHeader {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION").into(),
        cluster: info.name.clone(),
        server_version: info.server_version.clone(),
        kubectl_version: kubectl.version.clone(),
    };
    let program = std::env::current_exe().map_err(Error::Report)?;
    let upstream = Upstream::new(stage.cluster.client(), stage.cluster.bare_client().await?);
    let stepper = args.step.then(|| Stepper::new(&opened.events, &opened.interrupts.graceful));
    let stepper = stepper.as_ref();
    let mut lessons = Vec::new();
    let beside = lectures.len() > 1;
    for (number, lecture) in lectures.iter().enumerate() {
        let (stage, program, upstream) = (&stage, &program, &upstream);
        let lab = u32::try_from(number + 1).unwrap_or(u32::MAX);
        lessons.push(async move {
            Lesson { args, lecture, before, lab, beside, stage, kubectl, program, upstream, opened, stepper }
                .play()
                .await
        });
    }
    let playing =
        stream::iter(lessons).buffer_unordered(if args.step { 1 } else { usize::from(args.jobs) }).collect::<Vec<_>>();
    let played = tokio::select! {
        played = playing => Some(played),
        () = opened.interrupts.graceful.cancelled() => None,
    };
    tokio::select! {
        () = stage.down() => {}
        () = opened.interrupts.forced.cancelled() => {}
    }
    let Some(played) = played else { return Ok(None) };
    opened.settle(StageEnd::Finished).await;
    let mut records = Vec::new();
    for lecture in played {
        records.extend(lecture?);
    }
    Ok(Some((check, records)))
}

fn explain(records: &[ItemRecord], line: usize, printer: &Printer, masker: &crate::mask::Masker) {
    let at: Vec<_> = records.iter().filter(|record| (record.lines.first..=record.lines.last).contains(&line)).collect();
    if at.is_empty() {
        return printer.note(&format!("no item stands at line {line}"));
    }
    for record in at {
        let text = serde_json::to_string_pretty(record).unwrap_or_default();
        printer.result(masker.mask(&text).as_ref());
    }
}

fn write_patch(file: &Path, lectures: &[Lecture], records: &[ItemRecord], printer: &Printer) -> Result<(), Error> {
    let mut diff = String::new();
    for lecture in lectures {
        let name = lecture.path.display().to_string();
        let text = std::fs::read_to_string(&lecture.path).map_err(Error::Report)?;
        diff += &patch(PatchSource { file: &name, text: &text }, records).map_err(Error::Patch)?;
    }
    std::fs::File::create(file).and_then(|mut out| out.write_all(diff.as_bytes())).map_err(Error::Report)?;
    let what = if diff.is_empty() { "nothing is to be corrected safely" } else { "the safe corrections are written" };
    printer.note(&format!("{what}: {} (`patch -p0 < {}`)", file.display(), file.display()));
    Ok(())
}
