//! What GitHub Actions shows beside a run: annotations at the lines of labs and lectures, and a summary in Markdown.
//! Knows nothing of the environment that says so.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::Write;

use super::model::{CaseReport, SessionReport, SuiteReport};
use super::text::{head, plain, seconds};
use crate::event::Verdict;

/// GitHub shows ten annotations of a kind for a step.
const MOST_ANNOTATIONS: usize = 10;
/// A summary may have 1 MiB; nobody reads as much.
const MOST_CAUSES: usize = 50;
const MOST_EVIDENCE: usize = 2000;

/// Workflow commands, one a line: an error for what failed, a warning for what drifted or is unproven. `workspace` is the
/// checkout, below which GitHub knows files.
pub(super) fn annotations(session: &SessionReport, workspace: &str) -> Vec<String> {
    let mut told: Vec<(&str, String)> = Vec::new();
    for suite in &session.suites {
        let file = relative(&suite.file, workspace);
        for case in &suite.cases {
            let Some(level) = case.verdict.and_then(level) else { continue };
            let verdict = case.verdict.map(|verdict| verdict.to_string()).unwrap_or_default();
            let line = case.failure.as_ref().map_or(case.line, |failure| failure.line);
            let message = case.cause().unwrap_or_else(|| case.name().to_owned());
            told.push((level, command(level, &file, line, &format!("{}: {verdict}", suite.title), &message)));
        }
        if let Some(failure) = suite.own_failure() {
            told.push(("error", command("error", &file, failure.line, &suite.title, failure.cause())));
        }
    }
    if let Some((message, _)) = session.failed.as_ref().filter(|_| session.suites.is_empty()) {
        told.push(("error", format!("::error title=rehearse::{}", data(message))));
    }
    let mut kept = Vec::new();
    for level in ["error", "warning"] {
        kept.extend(told.iter().filter(|(of, _)| *of == level).take(MOST_ANNOTATIONS).map(|(_, line)| line.clone()));
    }
    kept
}

/// Text of a stream that the runner reads, in which nothing is a command to it but what [`annotations`] says: neither a
/// line that begins with `::`, whatever blanks and colours are before it, nor `##[` anywhere. A character without width
/// keeps them apart.
fn without_commands(text: &str) -> Cow<'_, str> {
    if !text.contains("::") && !text.contains("##[") {
        return text.into();
    }
    let harmless = |line: &str| {
        let begins = anstream::adapter::strip_str(line).to_string().trim_start().starts_with("::");
        let line = if begins { line.replacen("::", ":\u{200b}:", 1) } else { line.to_owned() };
        line.replace("##[", "##\u{200b}[")
    };
    text.split_inclusive('\n').map(harmless).collect::<String>().into()
}

/// As [`without_commands`], for JSON, whose meaning stays: `#` stands in its strings only, and it begins with a bracket.
fn json_without_commands(text: &str) -> Cow<'_, str> {
    if text.contains("##[") { text.replace("##[", "##\\u005b").into() } else { text.into() }
}

/// Hands whole lines on, without commands.
pub(crate) struct WithoutCommands<W> {
    pub out: W,
    pub json: bool,
}

impl<W: Write> Write for WithoutCommands<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let harmless = if self.json { json_without_commands(&text) } else { without_commands(&text) };
        self.out.write_all(harmless.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

fn level(verdict: Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::Contradicted | Verdict::Failed | Verdict::Blocked => Some("error"),
        Verdict::Drifted | Verdict::Unproven | Verdict::Unstable => Some("warning"),
        _ => None,
    }
}

fn relative(file: &str, workspace: &str) -> String {
    let below = file.strip_prefix(workspace).filter(|_| !workspace.is_empty()).and_then(|file| file.strip_prefix('/'));
    below.unwrap_or(file).trim_start_matches("./").to_owned()
}

fn command(level: &str, file: &str, line: usize, title: &str, message: &str) -> String {
    format!("::{level} file={},line={line},title={}::{}", property(file), property(title), data(message))
}

/// The escapes of the runner's own toolkit (`actions/toolkit`, `packages/core/src/command.ts`).
fn data(text: &str) -> String {
    plain(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The job's summary; files below `workspace` are named from there.
pub(super) fn summary(session: &SessionReport, workspace: &str) -> String {
    let mut out = String::new();
    let verdict = session.verdict().map_or_else(|| "incomplete".to_owned(), |verdict| verdict.to_string());
    let stage = session.stage.as_ref().map(|stage| format!(" on {} {}", stage.cluster, stage.server_version));
    let _ = writeln!(out, "## Rehearsal: {verdict}{}\n", escaped(&stage.unwrap_or_default()));
    if !session.is_complete() {
        let _ = writeln!(out, "The run was cut off: this is what there is of it.\n");
    }
    if let Some((message, hint)) = &session.failed {
        let hint = hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        let _ = writeln!(out, "{}\n", escaped(&format!("{message}{hint}")));
    }
    if !session.suites.is_empty() {
        let _ = writeln!(out, "| | Lab or lecture | Verdict | Time |\n|---|---|---|---|");
    }
    for suite in &session.suites {
        let (mark, verdict) = match suite.verdict {
            Some(verdict) => (mark(verdict), verdict.to_string()),
            None => ("❌", "incomplete".into()),
        };
        let _ = writeln!(out, "| {mark} | {} | {verdict} | {} |", escaped(&suite.title), seconds(suite.ms));
    }
    let suites = session.suites.iter();
    let bad = suites.flat_map(|suite| suite.cases.iter().map(move |case| (suite, case)));
    let bad: Vec<_> = bad.filter(|(_, case)| case.verdict.is_some_and(|verdict| level(verdict).is_some())).collect();
    for (suite, case) in bad.iter().take(MOST_CAUSES) {
        cause(&mut out, suite, case, workspace);
    }
    for suite in &session.suites {
        if let Some(failure) = suite.own_failure() {
            let _ = writeln!(out, "\n**{}**: {}", escaped(&suite.title), escaped(failure.cause()));
        }
    }
    if bad.len() > MOST_CAUSES {
        let _ = writeln!(out, "\n… and {} more: they stand in report.html.", bad.len() - MOST_CAUSES);
    }
    out + "\n"
}

fn cause(out: &mut String, suite: &SuiteReport, case: &CaseReport, workspace: &str) {
    let verdict = case.verdict.map(|verdict| (mark(verdict), verdict.to_string())).unwrap_or_default();
    let line = case.failure.as_ref().map_or(case.line, |failure| failure.line);
    let cause = case.cause().unwrap_or_else(|| case.name().to_owned());
    let told = format!("{}:{line}: {cause}", relative(&suite.file, workspace));
    let _ = writeln!(out, "\n<details><summary>{} {} {}</summary>\n", verdict.0, verdict.1, in_html(&told));
    let evidence = plain(&case.evidence().join("\n")).into_owned();
    for text in [&case.text, &evidence].into_iter().filter(|text| !text.trim().is_empty()) {
        let (text, more) = head(text, MOST_EVIDENCE);
        let more = if more > 0 { format!("\n… {more} more lines") } else { String::new() };
        let fence = "`".repeat(longest_run(text).max(2) + 1);
        let _ = writeln!(out, "{fence}text\n{}{more}\n{fence}\n", plain(text));
    }
    let _ = writeln!(out, "</details>");
}

/// The longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Reproduced | Verdict::ExpectedFailure => "✅",
        Verdict::Drifted | Verdict::Unproven | Verdict::Unstable => "⚠️",
        Verdict::Manual | Verdict::Skipped | Verdict::NotChecked => "➖",
        Verdict::Contradicted | Verdict::Failed | Verdict::FailedInSequence | Verdict::Blocked => "❌",
    }
}

/// Text in one line of HTML within Markdown.
fn in_html(text: &str) -> String {
    plain(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\n', " ")
}

/// Text in one line of Markdown that is nothing but text.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in in_html(text).chars() {
        if matches!(c, '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '~' | '#' | '!' | '@') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{blocked, checked, failed};
    use super::*;

    #[test]
    fn an_annotation_stands_at_its_line_and_is_one_command() {
        let told = annotations(&failed(), "/home/runner/work/x");
        insta::assert_snapshot!(told.join("\n"));
        assert!(told.iter().all(|line| line.starts_with("::") && !line.contains('\n')));
        assert_eq!(annotations(&blocked(), ""), ["::error title=rehearse::no Docker%0A::warning::100%25"]);
        assert_eq!(annotations(&checked(), "").len(), 2, "an error and a warning");
    }

    #[test]
    fn a_summary_has_a_row_for_each_and_what_went_wrong() {
        insta::assert_snapshot!("summary-of-a-run", summary(&failed(), "/home/runner/work/x"));
        insta::assert_snapshot!("summary-of-a-check", summary(&checked(), ""));
        assert!(summary(&blocked(), "").contains("no Docker ::warning::100%"));
    }

    #[test]
    fn nothing_that_is_printed_is_a_command_but_ours() {
        for (text, harmless) in [
            ("::error::gone\n", ":\u{200b}:error::gone\n"),
            ("  \u{1b}[2m::add-mask::a\u{1b}[0m", "  \u{1b}[2m:\u{200b}:add-mask::a\u{1b}[0m"),
            ("fine\n\t::set-output name=a::b\n", "fine\n\t:\u{200b}:set-output name=a::b\n"),
            ("a ##[command]b", "a ##\u{200b}[command]b"),
            ("std::fmt::Write", "std::fmt::Write"),
        ] {
            assert_eq!(without_commands(text), harmless, "{text:?}");
        }
        let event = serde_json::json!({"text": "::warning::x ##[add-mask]y"});
        let mut out = Vec::new();
        writeln!(WithoutCommands { out: &mut out, json: true }, "{event}").unwrap();
        let line = String::from_utf8(out).unwrap();
        assert!(!line.contains("##[") && line.starts_with('{'), "{line}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), event);
    }

    #[test]
    fn nothing_of_a_text_is_markup() {
        assert_eq!(escaped("a|b <i>*c*\n`d` &amp; @me"), r"a\|b &lt;i&gt;\*c\* \`d\` &amp;amp; \@me");
        assert_eq!(longest_run("a ``` b ````"), 4);
    }
}
