//! A lecture as its readers see it, with what is said of each item in the margin: evidence and suggested corrections
//! stand below the item. Raw HTML is text, pictures are their words, links lead to the web or nowhere.

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html::push_html};

use super::super::model::{CaseReport, SuiteReport};
use super::super::text::plain;
use super::{Room, anchor, steps, tone, word};
use crate::event::{Item, Verdict};

/// A longer text than this is left out, and its items stand alone.
const LONGEST: usize = 600_000;

pub(super) fn lecture(suite: &SuiteReport, run: usize, room: &Room) -> Markup {
    let mut cases: Vec<&CaseReport> = suite.cases.iter().collect();
    cases.sort_by_key(|case| case.line);
    let text = suite.text.as_deref().filter(|text| text.len() <= LONGEST).unwrap_or_default();
    let wanting = cases.iter().filter(|case| case.verdict.is_some_and(wants_a_look));
    let card = |case: &CaseReport| of_item(case, &id(suite, run, case), room).into_string();
    html! {
        @if cases.iter().any(|case| case.verdict.is_some_and(wants_a_look)) {
            ul.wanting {
                @for case in wanting {
                    li {
                        a href={ "#" (id(suite, run, case)) } { "Line " (case.line) }
                        ": " (word(case.verdict))
                        @if let Some(cause) = case.cause() { ", " (plain(&cause)) }
                    }
                }
            }
        }
        article.lecture { (PreEscaped(rendered(text, &cases, &card))) }
    }
}

fn wants_a_look(verdict: Verdict) -> bool {
    !matches!(tone(Some(verdict)).0, "good" | "quiet")
}

fn id(suite: &SuiteReport, run: usize, case: &CaseReport) -> String {
    format!("{}-line{}", anchor(run, suite), case.line)
}

/// The text as HTML, with a card behind each block in which an item begins.
fn rendered(text: &str, cases: &[&CaseReport], card: &dyn Fn(&CaseReport) -> String) -> String {
    let starts: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let last_line = |end: usize| starts.partition_point(|start| *start < end.max(1));
    let mut cases = cases.iter().peekable();
    let mut cards = |line: usize| {
        let mut html = String::new();
        while let Some(case) = cases.next_if(|case| case.line <= line) {
            html += &card(case);
        }
        (!html.is_empty()).then(|| Event::Html(html.into()))
    };
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut out: Vec<Event<'_>> = Vec::new();
    let (mut depth, mut links) = (0_usize, Vec::new());
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        match &event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            _ => {}
        }
        // Inside of a list's point its card belongs to it.
        if let Event::End(TagEnd::Item) = event {
            out.extend(cards(last_line(range.end)));
        }
        let ends_block = matches!(event, Event::End(TagEnd::CodeBlock | TagEnd::Paragraph)) || depth == 0;
        out.extend(harmless(event, &mut links));
        if ends_block {
            out.extend(cards(last_line(range.end)));
        }
    }
    out.extend(cards(usize::MAX));
    let mut html = String::new();
    push_html(&mut html, out.into_iter());
    html
}

/// An event that loads nothing and is no markup of the lecture's own. `links` are those that are open, and whether they
/// lead anywhere.
fn harmless<'a>(event: Event<'a>, links: &mut Vec<bool>) -> Option<Event<'a>> {
    let shown = |text: CowStr<'a>| -> CowStr<'a> { plain(&text).into_owned().into() };
    Some(match event {
        Event::Html(raw) | Event::InlineHtml(raw) | Event::Text(raw) => Event::Text(shown(raw)),
        Event::Code(code) => Event::Code(shown(code)),
        Event::Start(Tag::HtmlBlock) => Event::Html("<pre class=\"raw\">".into()),
        Event::End(TagEnd::HtmlBlock) => Event::Html("</pre>\n".into()),
        Event::Start(Tag::Link { ref dest_url, .. }) => {
            let leads = ["https://", "http://", "mailto:"].iter().any(|scheme| dest_url.starts_with(scheme));
            links.push(leads);
            return leads.then_some(event);
        }
        Event::End(TagEnd::Link) => return links.pop().unwrap_or_default().then_some(event),
        Event::Start(Tag::Image { .. }) => Event::Text("[picture: ".into()),
        Event::End(TagEnd::Image) => Event::Text("]".into()),
        Event::Start(Tag::Heading { level, id, classes, attrs }) => {
            Event::Start(Tag::Heading { level: lower(level), id, classes, attrs })
        }
        Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(lower(level))),
        other => other,
    })
}

/// The page's own headings stand above the lecture's.
fn lower(level: HeadingLevel) -> HeadingLevel {
    HeadingLevel::try_from(level as usize + 2).unwrap_or(HeadingLevel::H6)
}

fn of_item(case: &CaseReport, id: &str, room: &Room) -> Markup {
    let Some(item) = &case.item else { return Markup::default() };
    let (tone, sign) = tone(case.verdict);
    let lines = match item.last_line > item.line {
        true => format!("lines {} to {}", item.line, item.last_line),
        false => format!("line {}", item.line),
    };
    let line = html! {
        span.verdict.(tone) { span aria-hidden="true" { (sign) } " " (word(case.verdict)) }
        span.quiet { (item.kind) ", " (lines) }
        @if let Some(reason) = &item.reason { " " (plain(reason)) }
    };
    let has_more = !(item.adapted.is_empty() && item.differences.is_empty() && item.evidence.is_empty())
        || item.correction.is_some()
        || item.blamed.is_some()
        || !item.drift.is_empty();
    html! {
        @if has_more {
            details.card.(tone) #(id) open[wants_a_look(item.verdict)] { summary { (line) } (known(item, room)) }
        } @else {
            div.card.(tone) #(id) { (line) }
        }
    }
}

/// What is known of an item beside its verdict.
fn known(item: &Item, room: &Room) -> Markup {
    html! {
        @for adapted in &item.adapted { p { "Played otherwise: " (plain(adapted)) } }
        @if let Some(blamed) = &item.blamed { p { "In the way is what " code { (plain(blamed)) } " made." } }
        @for drift in &item.drift { p { "Drift: " (plain(drift)) } }
        @if !item.differences.is_empty() {
            div.wide {
                table {
                    thead { tr { th scope="col" { "Where" } th scope="col" { "Shown" } th scope="col" { "Printed" } } }
                    tbody {
                        @for found in item.differences.iter().take(20) {
                            tr {
                                td { (plain(&found.place)) }
                                td { @if let Some(shown) = &found.shown { del { (plain(shown)) } } @else { "nothing" } }
                                td { @if let Some(printed) = &found.printed { ins { (plain(printed)) } } @else { "nothing" } }
                            }
                        }
                    }
                }
            }
            @if item.differences.len() > 20 { p.quiet { "… and " (item.differences.len() - 20) " more" } }
        }
        @for seen in &item.evidence { p { "Seen in " (plain(&seen.of)) ":" } (steps::text(&seen.says, "evidence", room)) }
        @if let Some(correction) = &item.correction {
            p {
                @if correction.safe { "Suggested correction" } @else { "If that is meant, write" }
                " (lines " (correction.line) " to " (correction.last_line) "):"
            }
            (steps::text(&added(&correction.text), "diff", room))
        }
    }
}

fn added(text: &str) -> String {
    text.lines().map(|line| format!("+{line}\n")).collect()
}
