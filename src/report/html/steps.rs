//! A lab's steps: command, output, what was looked at.

use maud::{Markup, html};

use super::super::model::{CaseReport, CheckReport, SuiteReport};
use super::super::text::{head, plain, seconds};
use super::{Room, anchor, tone, word};
use crate::event::{Failure, Verdict};

/// Why a lab did not pass: the cause first, then what to do, then the evidence.
pub(super) fn failure(failure: &Failure, room: &Room) -> Markup {
    let (cause, rest) = failure.message.split_once('\n').unwrap_or((&failure.message, ""));
    html! {
        div.notice.bad {
            p { strong { "Line " (failure.line) ": " } (plain(cause)) }
            @if let Some(hint) = &failure.hint { p.hint { "What to do: " (plain(hint)) } }
            @if !rest.is_empty() { (text(rest, "diff", room)) }
            @if !failure.evidence.is_empty() {
                details { summary { "Evidence" } (text(&failure.evidence.join("\n"), "evidence", room)) }
            }
        }
    }
}

pub(super) fn steps(suite: &SuiteReport, run: usize, room: &Room) -> Markup {
    let mut heading = suite.title.as_str();
    html! {
        div.steps {
            @for (at, case) in suite.cases.iter().enumerate() {
                @let new = !case.heading.is_empty() && case.heading != heading;
                @if new { h3 { (plain({ heading = &case.heading; heading })) } }
                (step(case, &format!("{}-{}", anchor(run, suite), at + 1), room))
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
            @if !case.output.trim().is_empty() { (text(&case.output, "output", room)) }
            @if !case.checks.is_empty() { ul.checks { @for check in &case.checks { (of_check(check, room)) } } }
            @if case.checks.is_empty() { @if let Some(cause) = case.cause() { p { (plain(&cause)) } } }
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
    let (kept, more) = head(text, room.0);
    let lines = plain(kept);
    html! {
        pre.(class) tabindex="0" {
            @if class == "diff" { @for line in lines.lines() { (of_diff(line)) "\n" } } @else { (lines) }
        }
        @if more > 0 { p.quiet { "… " (super::count(more, "more line")) " in events.jsonl" } }
    }
}

fn of_diff(line: &str) -> Markup {
    match line.as_bytes().first() {
        Some(b'-') => html! { del { (line) } },
        Some(b'+') => html! { ins { (line) } },
        _ => html! { (line) },
    }
}
