//! `rehearse lint`: files and folders of Markdown, what is wrong with them, and an exit code.

use std::collections::HashSet;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use super::exit::ExitCode;
use super::printer::Printer;
use super::sarif;
use crate::hint::Hint;
use crate::lint::{Finding, Severity, lint as findings_of};
use crate::noun::counted;
use crate::script::lecture::{self, ReadError};

#[derive(Debug, clap::Args)]
pub(super) struct LintArgs {
    /// Lectures, or folders with them: every `.md` and `.mdx` below
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print SARIF 2.1.0 on stdout, for code scanning
    #[arg(long)]
    sarif: bool,
}

/// A folder is not followed deeper: links between folders may lead in a circle.
const DEEPEST: usize = 16;
/// Folders that hold no lecture.
const SKIPPED: [&str; 4] = ["node_modules", "target", "vendor", "_site"];

pub(super) fn lint(args: &LintArgs, printer: &Printer) -> ExitCode {
    let mut lectures = Vec::new();
    let mut unreadable: Vec<(PathBuf, ReadError)> = Vec::new();
    for path in &args.paths {
        if path.is_dir() {
            let before = lectures.len();
            collect(path, DEEPEST, &mut lectures);
            if lectures.len() == before {
                let what = "a folder without a `.md` file";
                unreadable.push((path.clone(), ReadError::NotMarkdown { path: path.clone(), what }));
            }
        } else {
            lectures.push(path.clone());
        }
    }
    let mut found: Vec<(PathBuf, Finding)> = Vec::new();
    let mut items = 0;
    for (path, linted) in lectures.iter().zip(side_by_side(&lectures)) {
        match linted {
            Ok((number, findings)) => {
                items += number;
                found.extend(findings.into_iter().map(|finding| (path.clone(), finding)));
            }
            Err(error) => unreadable.push((path.clone(), error)),
        }
    }
    if args.sarif {
        printer.result(&sarif::document(&found, &unreadable).to_string());
    } else if printer.json {
        printer.result(&document(&found, &unreadable).to_string());
    } else {
        advice(&found).iter().for_each(|line| printer.result(line));
        for (_, error) in &unreadable {
            printer.error(error, error.hint(), ExitCode::Environment);
        }
        printer.note(&summary(lectures.len(), items, &found));
    }
    let errors = found.iter().any(|(_, finding)| finding.severity == Severity::Error);
    match (unreadable.is_empty(), errors) {
        (false, _) => ExitCode::Environment,
        (true, true) => ExitCode::LabFailed,
        (true, false) => ExitCode::Passed,
    }
}

/// How many items a lecture has, and what is wrong with it.
type Linted = Result<(usize, Vec<Finding>), ReadError>;

/// Reads and lints all files, on all processors; in the files' order.
fn side_by_side(lectures: &[PathBuf]) -> Vec<Linted> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(lectures.len().max(1));
    let linted =
        |path: &PathBuf| lecture::read(path).map(|lecture| (lecture.items.len(), findings_of(&lecture, &Path::exists)));
    let work = |first: usize| {
        let own = lectures.iter().enumerate().skip(first).step_by(threads);
        own.map(|(at, path)| (at, linted(path))).collect::<Vec<_>>()
    };
    let mut all: Vec<(usize, Linted)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|first| scope.spawn(move || work(first))).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, linted)| linted).collect()
}

/// The Markdown files of a folder and those below, by name.
fn collect(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let hidden = name.starts_with('.') || SKIPPED.contains(&name.as_str());
        let link = path.is_symlink();
        if path.is_dir() && depth > 0 && !hidden && !link {
            collect(&path, depth - 1, found);
        } else if path.is_file() && [".md", ".mdx", ".markdown"].iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
}

fn document(found: &[(PathBuf, Finding)], unreadable: &[(PathBuf, ReadError)]) -> Value {
    let findings = found.iter().map(|(path, finding)| {
        let mut row = json!({ "path": path });
        if let (Some(row), Ok(Value::Object(finding))) = (row.as_object_mut(), serde_json::to_value(finding)) {
            row.extend(finding);
        }
        row
    });
    let unreadable = unreadable.iter().map(|(path, error)| json!({"path": path, "reason": error.to_string()}));
    json!({"findings": findings.collect::<Vec<_>>(), "unreadable": unreadable.collect::<Vec<_>>()})
}

/// Findings for people; the same advice is given once.
pub(super) fn advice(found: &[(PathBuf, Finding)]) -> Vec<String> {
    let mut given = HashSet::new();
    let told = found.iter().map(|(path, finding)| {
        let hint = finding.suggestion.as_ref().filter(|hint| given.insert(*hint));
        finding_line(path, finding, hint)
    });
    told.collect()
}

fn finding_line(path: &Path, finding: &Finding, hint: Option<&String>) -> String {
    let colour = match finding.severity {
        Severity::Error => AnsiColor::Red,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Note => AnsiColor::Cyan,
    };
    let style: Style = colour.on_default().bold();
    let hint = hint.map(|text| format!("\n  hint: {text}")).unwrap_or_default();
    let (severity, rule) = (finding.severity, finding.rule.id());
    format!("{}:{}: {style}{severity}{style:#} {rule}: {}{hint}", path.display(), finding.lines, finding.message)
}

pub(super) fn summary(lectures: usize, items: usize, found: &[(PathBuf, Finding)]) -> String {
    let count = |severity| found.iter().filter(|(_, finding)| finding.severity == severity).count();
    format!(
        "{} with {}: {}, {}, {}",
        counted(lectures, "lecture"),
        counted(items, "item"),
        counted(count(Severity::Error), "error"),
        counted(count(Severity::Warning), "warning"),
        counted(count(Severity::Note), "note")
    )
}
