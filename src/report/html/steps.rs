//! A lab's steps: command, output, what was looked at.

use maud::{Markup, html};

use super::super::asked::Asked;
use super::super::model::{CaseReport, CheckReport, SuiteReport};
use super::super::text::{head, plain, seconds};
use super::{Room, anchor, tone, word};
use crate::event::{Failure, Verdict};
use crate::noun::counted;

/// Why a lab did not pass: the cause, and the way to the step that tells the rest; all of it where no step does.
pub(super) fn failed(suite: &SuiteReport, failure: &Failure, run: usize, room: &Room) -> Markup {
    match suite.cases.iter().position(|case| case.failure.is_some()) {
        None => explanation(failure, &Asked::default(), room),
        Some(at) => html! {
            div.notice.bad {
                p {
                    a href={ "#" (id(suite, run, at)) } { strong { "Line " (failure.line) } }
                    ": " (plain(failure.cause()))
                }
            }
        },
    }
}

/// The cause first, then what to do, then what came out otherwise and the evidence.
fn explanation(failure: &Failure, asked: &Asked, room: &Room) -> Markup {
    let (message, rest) = failure.message.split_once('\n').unwrap_or((&failure.message, ""));
    let evidence: Vec<String> = failure.evidence.iter().cloned().chain(asked.lines()).collect();
    html! {
        div.notice.bad {
            p { strong { "Line " (failure.line) ": " } (plain(failure.cause())) }
            @if let Some(hint) = &failure.hint { p.hint { "What to do: " (plain(hint)) } }
            @if message != failure.cause() { p { (plain(message)) } }
            @for cause in failure.causes.iter().skip(1) { p { "Also: " (plain(cause)) } }
            @if !rest.is_empty() { (text(rest, "diff", room)) }
            @if !evidence.is_empty() {
                details open { summary { "Evidence" } (text(&evidence.join("\n"), "evidence", room)) }
            }
        }
    }
}

fn id(suite: &SuiteReport, run: usize, at: usize) -> String {
    format!("{}-{}", anchor(run, suite), at + 1)
}

pub(super) fn steps(suite: &SuiteReport, run: usize, room: &Room) -> Markup {
    let mut heading = suite.title.as_str();
    html! {
        div.steps {
            @for (at, case) in suite.cases.iter().enumerate() {
                @let new = !case.heading.is_empty() && case.heading != heading;
                @if new { h3 { (plain({ heading = &case.heading; heading })) } }
                (step(case, &id(suite, run, at), room))
            }
        }
    }
}

fn step(case: &CaseReport, id: &str, room: &Room) -> Markup {
    let (tone, sign) = tone(case.verdict);
    let open = !case.verdict.is_some_and(|verdict| verdict.passed() || verdict == Verdict::FailedInSequence);
    let facts = html! {
        span.sign.(tone) aria-hidden="true" { (sign) }
        code.command { (plain(case.name())) }
        span.facts { "line " (case.line) @if let Some(ms) = case.ms { ", " (seconds(ms)) } ", " (word(case.verdict)) }
    };
    let is_short = case.text.trim().lines().count() <= 1 && case.output.trim().is_empty();
    if is_short && case.checks.is_empty() && case.cause().is_none() {
        return html! { div.step.flat.(tone) #(id) { (facts) } };
    }
    html! {
        details.step.(tone) #(id) open[open] {
            summary { (facts) }
            @if case.text.trim().lines().count() > 1 { (text(&case.text, "typed", room)) }
            @if let Some(failure) = &case.failure { (explanation(failure, &case.asked, room)) }
            @if !case.output.trim().is_empty() { (text(&case.output, "output", room)) }
            @if !case.checks.is_empty() { ul.checks { @for check in &case.checks { (of_check(check, room)) } } }
            @if case.checks.is_empty() && case.failure.is_none() { @if let Some(cause) = case.cause() { p { (plain(&cause)) } } }
        }
    }
}

fn of_check(check: &CheckReport, room: &Room) -> Markup {
    let (tone, sign) = tone(Some(check.verdict));
    let (detail, rest) = check.detail.split_once('\n').unwrap_or((&check.detail, ""));
    html! {
        li {
            span.sign.(tone) aria-hidden="true" { (sign) }
            " " (plain(&check.what)) " "
            span.quiet { (plain(detail)) @if tone != "good" { " (" (check.verdict) ")" } }
            @if !rest.is_empty() { (text(rest, "diff", room)) }
        }
    }
}

/// Preformatted text, cut where a page has no room for all of it; a diff has its lines marked.
pub(super) fn text(text: &str, class: &str, room: &Room) -> Markup {
    let (kept, more) = head(text, room.text);
    let lines = plain(kept);
    html! {
        pre.(class) tabindex="0" {
            @if class == "diff" { @for line in lines.lines() { (of_diff(line)) "\n" } } @else { (lines) }
        }
        @if more > 0 { p.quiet { "… " (counted(more, "more line")) " in events.jsonl" } }
    }
}

fn of_diff(line: &str) -> Markup {
    match line.as_bytes().first() {
        Some(b'-') => html! { del { (line) } },
        Some(b'+') => html! { ins { (line) } },
        _ => html! { (line) },
    }
}
