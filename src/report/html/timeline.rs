//! What pods went through, as pictures: states by colour and by pattern, pull attempts and back-offs as signs, and the same
//! in words below. A twin stands below the pod that it is the twin of.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::super::asked::whom;
use super::super::model::{AnswerReport, EventReport, PodReport, SuiteReport};
use super::super::text::{head, plain, seconds};
use super::Room;
use crate::kubewords::status;
use crate::noun::counted;

/// Steps are marked where they can be told apart.
const MOST_STEPS: usize = 40;
/// Of one pod's events.
const MOST_EVENTS: usize = 30;
/// Of the registry's answers.
const MOST_ANSWERS: usize = 200;
/// Of one event's message, in bytes.
const MOST_WORDS: usize = 400;

/// How a state looks, and what it means: a class of the style sheet, and the legend's word.
const LOOKS: [(&str, &str); 7] = [
    ("waiting", "waiting"),
    ("refused", "image refused"),
    ("backoff", "back-off"),
    ("running", "running"),
    ("done", "completed"),
    ("trouble", "error"),
    ("leaving", "terminating"),
];

fn look(status: &str) -> &'static str {
    match status {
        status::RUNNING => "running",
        status::COMPLETED | "Succeeded" => "done",
        status::IMAGE_PULL_BACK_OFF | status::CRASH_LOOP_BACK_OFF => "backoff",
        status::TERMINATING => "leaving",
        "Pending" | "ContainerCreating" | "PodInitializing" | "ContainersNotReady" => "waiting",
        status if status.contains("Image") => "refused",
        status if status.starts_with("Init:") => "waiting",
        _ => "trouble",
    }
}

/// The patterns that all timelines of a page are filled with.
pub(super) fn patterns() -> Markup {
    html! {
        svg.patterns width="0" height="0" aria-hidden="true" {
            defs {
                @for (class, _) in LOOKS {
                    pattern.(class) #{ "p-" (class) } width="8" height="8" patternUnits="userSpaceOnUse" {
                        rect width="8" height="8" {}
                        @match class {
                            "waiting" => { circle cx="2" cy="2" r="1" {} circle cx="6" cy="6" r="1" {} },
                            "refused" => { path d="M-2 2L2 -2M0 8L8 0M6 10L10 6" {} },
                            "backoff" => { path d="M0 0L8 8M8 0L0 8" {} },
                            "done" => { path d="M0 4H8" {} },
                            "trouble" => { path d="M0 0H8V8H0Z" {} },
                            "leaving" => { path d="M4 0V8" {} },
                            _ => {},
                        }
                    }
                }
            }
        }
    }
}

/// The pods of a lab or lecture, the last ones where there is no room for all; nothing where there were none.
pub(super) fn timeline(suite: &SuiteReport, room: &Room) -> Markup {
    let (from, to) = suite.span_ms;
    let to = to.max(from + 1);
    let first_of = |object: &str| suite.pods.iter().position(|pod| pod.object == object);
    let left_out = suite.pods.len() - room.pods_of(suite.pods.len());
    let mut pods: Vec<&PodReport> = suite.pods.iter().skip(left_out).collect();
    pods.sort_by_key(|pod| (first_of(&pod.object), pod.states.first().map(|state| state.at_ms)));
    let seen: BTreeSet<_> = pods.iter().flat_map(|pod| &pod.states).map(|state| look(&state.status)).collect();
    let has = |reason: &str| pods.iter().any(|pod| pod.events.iter().any(|event| event.reason == reason));
    html! {
        @if !pods.is_empty() {
            figure.timeline {
                figcaption {
                    "Pods, from 0 to " (seconds(to - from)) " since it began"
                    span.legend {
                        @for (class, means) in LOOKS.iter().filter(|(class, _)| seen.contains(class)) {
                            span { svg.swatch width="18" height="12" aria-hidden="true" { rect.(*class) width="18" height="12" {} } " " (means) }
                        }
                        @if has("Pulling") { span { svg.swatch width="10" height="12" aria-hidden="true" { (attempt()) } " pull attempt" } }
                        @if has("BackOff") { span { svg.swatch width="10" height="12" aria-hidden="true" { (back_off()) } " back-off told" } }
                        @if steps(suite).next().is_some() { span { svg.swatch width="10" height="12" aria-hidden="true" { line.step x1="5" x2="5" y1="0" y2="12" {} } " step begins" } }
                    }
                }
                @if left_out > 0 { p.quiet { "… " (counted(left_out, "earlier pod")) " in events.jsonl" } }
                @for pod in pods { (lane(pod, suite, from, to)) }
                @if !suite.answers.is_empty() { (registry(suite, from, to)) }
            }
        }
    }
}

fn steps(suite: &SuiteReport) -> impl Iterator<Item = u64> {
    let told = suite.cases.iter().filter_map(|case| case.at_ms).skip(1);
    told.take(if suite.cases.len() > MOST_STEPS { 0 } else { MOST_STEPS })
}

fn attempt() -> Markup {
    html! { path.attempt d="M1 1H9L5 9Z" {} }
}

fn back_off() -> Markup {
    html! { circle.told cx="5" cy="6" r="3.5" {} }
}

/// Where a moment stands between two others, in percent.
fn share(at: u64, (from, to): (u64, u64)) -> f64 {
    at.saturating_sub(from).min(to - from) as f64 * 100.0 / (to - from) as f64
}

fn percent(share: f64) -> String {
    format!("{share:.2}%")
}

/// What the registry answered to nodes, and whom: what it refused hangs below the line, what it gave stands on it.
fn registry(suite: &SuiteReport, from: u64, to: u64) -> Markup {
    let mut counted: Vec<(String, usize)> = Vec::new();
    for AnswerReport { code, user, .. } in &suite.answers {
        let told = format!("{code} {}", whom(user.as_deref()));
        match counted.iter_mut().find(|(known, _)| *known == told) {
            Some((_, times)) => *times += 1,
            None => counted.push((told, 1)),
        }
    }
    let words: Vec<String> = counted.iter().map(|(told, times)| format!("{times} × {told}")).collect();
    let words = words.join(" · ");
    html! {
        div.lane {
            p.name { "registry" }
            svg width="100%" height="30" role="img" aria-label={ "registry: " (plain(&words)) } {
                line.answers x1="0" x2="100%" y1="18" y2="18" {}
                @for AnswerReport { at_ms, code, user } in suite.answers.iter().take(MOST_ANSWERS) {
                    @let refused = *code >= 400;
                    rect.(if refused { "refused" } else { "running" }) x=(percent(share(*at_ms, (from, to))))
                        y=(if refused { "18" } else { "8" }) width="5" height="10" {
                        title { (code) " " (plain(whom(user.as_deref()))) }
                    }
                }
            }
            p.states { (plain(&words)) }
        }
    }
}

fn lane(pod: &PodReport, suite: &SuiteReport, from: u64, to: u64) -> Markup {
    let share = |at: u64| share(at, (from, to));
    let ends = pod.states.iter().skip(1).map(|state| state.at_ms).chain([to]);
    let bars = pod.states.iter().zip(ends).filter(|(state, _)| state.status != status::DELETED);
    let words: Vec<String> = pod
        .states
        .iter()
        .map(|state| format!("{:.2} {}", std::time::Duration::from_millis(state.age_ms).as_secs_f64(), state.status))
        .collect();
    let words = words.join(" · ");
    let named = match &pod.without {
        Some(without) => format!("{} without {without}", pod.object),
        None => pod.object.clone(),
    };
    let times = |reason: &str| pod.events.iter().filter(|event| event.reason == reason).map(|event| event.count).max();
    let told = |times: Option<i32>, what: &str| times.map(|n| counted(usize::try_from(n).unwrap_or(0), what));
    let told: Vec<String> =
        [told(times("Pulling"), "pull attempt"), told(times("BackOff"), "back-off")].into_iter().flatten().collect();
    // Why an image was refused says more than how the pod went.
    let reasons = || pod.states.iter().rev().filter(|state| state.reason.is_some());
    let refused = reasons().find(|state| look(&state.status) == "refused");
    let reason = refused.or_else(|| reasons().next()).and_then(|state| state.reason.as_ref());
    html! {
        div.lane.twin[pod.without.is_some()] {
            p.name { (plain(&named)) @if !told.is_empty() { " " span.quiet { (told.join(", ")) } } }
            svg width="100%" height="30" role="img" aria-label={ (plain(&named)) ": " (plain(&words)) } {
                rect.ground width="100%" height="18" y="10" {}
                @for at in steps(suite) {
                    line.step x1=(percent(share(at))) x2=(percent(share(at))) y1="6" y2="30" {}
                }
                @for (state, end) in bars {
                    @let (x, end) = (share(state.at_ms), share(end));
                    rect.(look(&state.status)) x=(percent(x)) y="10" width=(percent((end - x).max(0.4))) height="18" {
                        title { (plain(&state.status)) }
                    }
                }
                @for event in &pod.events {
                    @if event.reason == "Pulling" {
                        svg x=(percent(share(event.at_ms))) overflow="visible" { g transform="translate(-5 0)" { (attempt()) } }
                    } @else if event.reason == "BackOff" {
                        svg x=(percent(share(event.at_ms))) overflow="visible" { g transform="translate(-5 13)" { (back_off()) } }
                    }
                }
            }
            p.states { (plain(&words)) }
            @if let Some(reason) = reason { p.quiet { (plain(reason)) } }
            @if !pod.events.is_empty() { (events(pod, from)) }
        }
    }
}

/// Kubernetes' own events, each with its last count, the oldest first.
fn events(pod: &PodReport, from: u64) -> Markup {
    let mut told: Vec<&EventReport> = Vec::new();
    for event in &pod.events {
        match told.iter_mut().find(|seen| seen.reason == event.reason && seen.message == event.message) {
            Some(seen) => *seen = event,
            None => told.push(event),
        }
    }
    html! {
        details.events {
            summary { (counted(told.len(), "event")) }
            ul {
                @for EventReport { at_ms, reason, warning, message, count } in told.iter().take(MOST_EVENTS) {
                    li {
                        span.quiet { (seconds(at_ms.saturating_sub(from))) } " "
                        @if *warning { strong.warned { "Warning " } }
                        (plain(reason)) @if *count > 1 { " ×" (count) } ": " (plain(head(message, MOST_WORDS).0))
                    }
                }
            }
            @if told.len() > MOST_EVENTS { p.quiet { "… and " (told.len() - MOST_EVENTS) " more" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_a_look() {
        for (status, expected) in [
            ("Running", "running"),
            ("ErrImagePull", "refused"),
            ("ErrImageNeverPull", "refused"),
            ("ImagePullBackOff", "backoff"),
            ("CrashLoopBackOff", "backoff"),
            ("Init:0/1", "waiting"),
            ("Init:ErrImagePull", "refused"),
            ("CreateContainerConfigError", "trouble"),
            ("OOMKilled", "trouble"),
        ] {
            assert_eq!(look(status), expected, "{status}");
            assert!(LOOKS.iter().any(|(class, _)| *class == expected));
        }
    }
}
