//! One page of HTML that needs nothing else: no script, nothing loaded. All text of others is text there.

mod lecture;
mod steps;
mod timeline;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::model::{SessionReport, SuiteReport};
use super::text::{plain, seconds};
use crate::event::Verdict;
use crate::noun::counted;

const STYLE: &str = include_str!("style.css");

/// What all outputs, texts and pieces of evidence of a page may take, in bytes, so that it opens on a phone.
const ROOM: usize = 500_000;

/// The pods of a page, for the same reason.
const MOST_PODS: usize = 300;

/// What a page has room for.
struct Room {
    /// How many bytes one text may take.
    text: usize,
    /// The pods that there are.
    pods: usize,
}

impl Room {
    fn new(sessions: &[SessionReport]) -> Self {
        let suites = || sessions.iter().flat_map(|session| &session.suites);
        let cases: usize = suites().map(|suite| suite.cases.len()).sum();
        Self { text: (ROOM / cases.max(1)).clamp(300, 30_000), pods: suites().map(|suite| suite.pods.len()).sum() }
    }

    /// How many of a lab's pods are shown: where there is no room for all, each lab has its share of it.
    fn pods_of(&self, lab: usize) -> usize {
        lab.min((lab * MOST_PODS).div_ceil(self.pods.max(1)))
    }
}

/// The sessions as one page.
pub(super) fn page(sessions: &[SessionReport]) -> String {
    let room = &Room::new(sessions);
    let verdict = sessions.iter().map(SessionReport::verdict).max().flatten();
    let title = format!("Rehearsal: {}", word(verdict));
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#runs" { "Skip to the labs" }
                header { h1 { "Rehearsal " (badge(verdict)) } }
                (timeline::patterns())
                @if sessions.len() > 1 { (matrix(sessions)) }
                main #runs {
                    @for (at, session) in sessions.iter().enumerate() { (run(session, at, sessions.len() > 1, room)) }
                }
                footer { p { "Made by rehearse from the run's events; it loads nothing from elsewhere." } }
            }
        }
    }
    .into_string()
}

fn run(session: &SessionReport, at: usize, several: bool, room: &Room) -> Markup {
    html! {
        section.run #{ "run" (at) } aria-label={ "Run " (session.id) } {
            @if several { h2 { (name(session)) " " (badge(session.verdict())) } }
            p.facts {
                @for fact in facts(session) { span { (plain(&fact)) } " " }
            }
            @if !session.is_complete() {
                p.notice.warn role="status" {
                    strong { "Incomplete. " }
                    @if session.end.is_none() { "The events end before the run does: this is what there is. " }
                    @if session.unread > 0 { (counted(session.unread, "line")) " of them could not be read." }
                }
            }
            @if let Some((message, hint)) = &session.failed {
                div.notice.bad {
                    p { strong { "The run ended before its labs had: " } (plain(message)) }
                    @if let Some(hint) = hint { p.hint { "What to do: " (plain(hint)) } }
                }
            }
            @if session.suites.len() > 1 { (overview(session, at)) }
            @for suite in &session.suites { (of_suite(suite, at, room)) }
            (environment(session))
        }
    }
}

fn of_suite(suite: &SuiteReport, run: usize, room: &Room) -> Markup {
    html! {
        section.suite #(anchor(run, suite)) {
            h2 { (plain(&suite.title)) " " (badge(suite.verdict)) }
            p.facts {
                @if !suite.file.is_empty() { span.file { (plain(&suite.file)) } " " }
                @if suite.ms > 0 { span { (seconds(suite.ms)) } " " }
                span { (counted(suite.cases.len(), if suite.is_lecture() { "item" } else { "step" })) } " "
                @if suite.requests > 0 { span { (counted(suite.requests, "API request")) } }
            }
            @if let Some(failure) = &suite.failure { (steps::failed(suite, failure, run, room)) }
            (timeline::timeline(suite, room))
            @if suite.is_lecture() { (lecture::lecture(suite, run, room)) } @else { (steps::steps(suite, run, room)) }
        }
    }
}

fn overview(session: &SessionReport, run: usize) -> Markup {
    html! {
        nav aria-label="Labs and lectures" {
            table {
                thead { tr { th scope="col" { "Lab or lecture" } th scope="col" { "Verdict" } th.number scope="col" { "Time" } } }
                tbody {
                    @for suite in &session.suites {
                        tr {
                            td { a href={ "#" (anchor(run, suite)) } { (plain(&suite.title)) } }
                            td { (badge(suite.verdict)) }
                            td.number { (seconds(suite.ms)) }
                        }
                    }
                }
            }
        }
    }
}

/// Labs down, runs across.
fn matrix(sessions: &[SessionReport]) -> Markup {
    let mut titles: Vec<&str> = Vec::new();
    for suite in sessions.iter().flat_map(|session| &session.suites) {
        if !titles.contains(&suite.title.as_str()) {
            titles.push(&suite.title);
        }
    }
    let cell = |title: &str, session: &SessionReport, run: usize| {
        let suite = session.suites.iter().find(|suite| suite.title == title);
        suite.map(|suite| html! { a href={ "#" (anchor(run, suite)) } { (badge(suite.verdict)) } })
    };
    html! {
        nav.wide aria-label="Runs" {
            table {
                thead {
                    tr {
                        th scope="col" { "Lab or lecture" }
                        @for (at, session) in sessions.iter().enumerate() {
                            th scope="col" { a href={ "#run" (at) } { (name(session)) } }
                        }
                    }
                }
                tbody {
                    @for title in titles {
                        tr {
                            th scope="row" { (plain(title)) }
                            @for (at, session) in sessions.iter().enumerate() { td { (cell(title, session, at).unwrap_or_default()) } }
                        }
                    }
                }
            }
        }
    }
}

fn environment(session: &SessionReport) -> Markup {
    let stage = session.stage.iter().flat_map(|stage| {
        [("cluster", format!("{} {}", stage.cluster, stage.server_version)), ("registry", stage.registry.clone())]
    });
    let tools = session.tools.iter().map(|(name, version)| (name.as_str(), version.clone()));
    let known =
        [("session", session.id.clone()), ("rehearse", session.version.clone())].into_iter().chain(tools).chain(stage);
    let timings = session.end.map(|end| end.timings).filter(|timings| timings.stage_ms + timings.commands_ms > 0);
    html! {
        details.environment open[session.suites.is_empty()] {
            summary { "Environment, versions and substitutions" }
            dl {
                @for (name, value) in known { dt { (plain(name)) } dd { (plain(&value)) } }
                @for part in &session.parts {
                    dt { (plain(&part.name)) @if part.failed { " (failed)" } }
                    dd { (plain(&part.detail)) " " span.quiet { (seconds(part.ms)) } }
                }
                @if let Some(timings) = timings {
                    dt { "where the time went" }
                    dd {
                        "stage " (seconds(timings.stage_ms)) ", commands " (seconds(timings.commands_ms))
                        ", waiting for the cluster " (seconds(timings.cluster_ms)) ", our own " (seconds(timings.own_ms))
                    }
                }
            }
            @if !session.notes.is_empty() {
                h3 { "What stood in for what, and other notes" }
                ul { @for note in &session.notes { li { (plain(note)) } } }
            }
        }
    }
}

/// A run among others: its Kubernetes version, or its id.
fn name(session: &SessionReport) -> String {
    session
        .stage
        .as_ref()
        .map_or_else(|| session.id.clone(), |stage| format!("{} {}", stage.cluster, stage.server_version))
}

fn facts(session: &SessionReport) -> Vec<String> {
    let at = session.at.as_ref().map(|at| at.replace('T', " "));
    let took = session.end.map(|end| format!("took {}", seconds(end.ms)));
    let stage = session.stage.as_ref().map(|stage| format!("Kubernetes {} ({})", stage.server_version, stage.cluster));
    [at, took, stage].into_iter().flatten().collect()
}

fn anchor(run: usize, suite: &SuiteReport) -> String {
    format!("run{run}-{}", suite.number)
}

fn word(verdict: Option<Verdict>) -> String {
    verdict.map_or_else(|| "incomplete".to_owned(), |verdict| verdict.to_string())
}

/// How good a verdict is: a class of the style sheet, and a sign for those who do not see colours.
fn tone(verdict: Option<Verdict>) -> (&'static str, &'static str) {
    match verdict {
        Some(Verdict::Reproduced | Verdict::ExpectedFailure) => ("good", "✓"),
        Some(Verdict::Drifted | Verdict::Unproven | Verdict::Unstable) => ("warn", "~"),
        Some(Verdict::Manual | Verdict::Skipped | Verdict::NotChecked) => ("quiet", "–"),
        Some(Verdict::Contradicted | Verdict::Failed | Verdict::FailedInSequence | Verdict::Blocked) => ("bad", "✗"),
        None => ("warn", "…"),
    }
}

fn badge(verdict: Option<Verdict>) -> Markup {
    let (tone, sign) = tone(verdict);
    html! { span.badge.(tone) { span aria-hidden="true" { (sign) } " " (word(verdict)) } }
}

#[cfg(test)]
mod tests;
