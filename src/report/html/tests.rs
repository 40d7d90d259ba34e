use regex::Regex;
use serde_json::json;

use super::super::fixture::{HOSTILE, blocked, checked, checked_events, failed, failed_events, lines, session};
use super::super::{pictures, read};
use super::*;

#[test]
fn a_page_tells_of_labs_steps_pods_and_what_went_wrong() {
    let page = page(&[failed()]);
    for part in [
        "Lab 1: A &lt;secret&gt; | one",
        "✗</span> contradicted",
        "class=\"refused\"",
        "registry: 1 × 401 nobody in particular · 2 × 401 u · 1 × 200 u",
        "<del>-shown</del>",
        "<ins>+printed</ins>",
        "pod/mypod without secret",
        "0.00 Pending · 0.20 ErrImagePull · 0.40 ImagePullBackOff",
        "1 pull attempt, 3 back-offs",
        "python:3.9-slim stands in: no host",
        "v1.36.4",
        "(not reached)",
    ] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    assert!(!page.contains("Incomplete"));
}

#[test]
fn at_the_failed_step_the_cause_comes_first_then_what_to_do_then_the_evidence() {
    let page = page(&[failed()]);
    let above = page.find("href=\"#run0-1-3\"").expect("a way to the step");
    let step = page.find("id=\"run0-1-3\" open").expect("the step, open");
    let parts = [
        "Line 21: </strong>mypod names the pull secret s",
        "What to do: look at its log",
        "<p>prints as shown: 100% other, really: yes</p>",
        "Also: the registry &lt;hangs&gt;",
        "<del>-shown</del>",
        "pod/mypod  0.00 Pending",
        "request: create pods mypod -n default: 201\nregistry: 401 to u for docker.io/u/app1:1 ×2\nregistry: 200 to u",
    ];
    let at: Vec<_> =
        parts.iter().map(|part| page.find(part).unwrap_or_else(|| panic!("no {part} in {page}"))).collect();
    assert!(above < step && step < at[0] && at.is_sorted(), "{step} {at:?}");
    assert!(at[6] < page.find("run0-1-4").unwrap(), "at the step that failed");
    // A lab that no step of failed.
    let mut events = failed_events();
    events.retain(|event| event["type"] != "step.finished");
    let page = super::page(&[session(&events)]);
    assert!(page.contains("Line 21: </strong>mypod names") && page.contains("What to do: look at its log"), "{page}");
}

#[test]
fn a_lecture_has_its_verdicts_beside_it() {
    let page = page(&[checked()]);
    for part in [
        "kubectl get pods",
        "Suggested correction (lines 10 to 11)",
        "<ins>+NAME    READY  STATUS</ins>",
        "Drift: kubectl prints a column more since 1.99",
        "href=\"https://kubernetes.io/docs\"",
        "[picture: a picture]",
        "&lt;b&gt;this&lt;/b&gt;",
        "a person does it: click",
        "href=\"#run0-1-line18\"",
    ] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    let order =
        ["kubectl get pods", "id=\"run0-1-line6\"", "mypod   1/1", "id=\"run0-1-line10\"", "id=\"run0-1-line18\""];
    let at: Vec<_> = order.iter().map(|part| page.find(part).unwrap_or_else(|| panic!("no {part}"))).collect();
    assert!(at[1..].is_sorted() && at[0] < at[2], "{at:?}");
}

/// Everything that a browser would fetch or run, but for the links of the text.
fn refers(page: &str) -> Vec<String> {
    let style = Regex::new(r"(?s)<style>.*?</style>").unwrap();
    let in_style = style.find(page).map_or("", |found| found.as_str());
    let mut found: Vec<String> = Regex::new(r"url\(([^)]*)\)|@import")
        .unwrap()
        .find_iter(in_style)
        .map(|found| found.as_str().to_owned())
        .filter(|url| !url.starts_with("url(#"))
        .collect();
    let rest = style.replace(page, "");
    let tags = Regex::new(r#"<([a-zA-Z]+)((?:\s+[-a-zA-Z:]+(?:="[^"]*")?)*)\s*/?>"#).unwrap();
    let attributes = Regex::new(r#"([-a-zA-Z:]+)="([^"]*)""#).unwrap();
    for tag in tags.captures_iter(&rest) {
        if ["script", "iframe", "object", "embed", "img", "link", "base", "form", "image", "use"].contains(&&tag[1]) {
            found.push(tag[0].to_owned());
        }
        for attribute in attributes.captures_iter(&tag[2]) {
            let (name, value) = (&attribute[1], &attribute[2]);
            let text_link = &tag[1] == "a" && name == "href" && value.starts_with("https://kubernetes.io/");
            let refers = ["src", "href", "srcset", "action", "data", "poster", "xlink:href", "background"]
                .contains(&name)
                || name.starts_with("on")
                || name == "style";
            if refers && !value.starts_with('#') && !text_link {
                found.push(tag[0].to_owned());
            }
        }
    }
    found
}

#[test]
fn nothing_is_loaded_or_run() {
    for session in [failed(), checked(), blocked()] {
        let page = page(&[session]);
        assert_eq!(refers(&page), Vec::<String>::new());
        assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
        assert!(!page.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "a control character");
    }
    assert_eq!(refers("<p class=\"x\"><img src=\"http://x/\"><a href=\"http://x/\">").len(), 3, "it finds them");
    assert!(page(&[checked()]).contains("&lt;script&gt;alert(1)"), "a log is text");
    assert!(HOSTILE.contains("<script>"));
}

#[test]
fn events_that_are_cut_off_give_what_there_is() {
    for events in [failed_events(), checked_events()] {
        let whole = lines(&events);
        assert!(!page(&[SessionReport::new(read::stream(&whole))]).contains("Incomplete"));
        for end in (1..whole.len() - 1).step_by(97) {
            let cut = String::from_utf8_lossy(&whole.as_bytes()[..end]);
            assert!(page(&[SessionReport::new(read::stream(&cut))]).contains("Incomplete"), "{cut}");
        }
    }
}

#[test]
fn several_runs_are_one_page() {
    let page = page(&[failed(), failed(), blocked()]);
    assert!(page.contains("href=\"#run1-1\"") && page.contains("id=\"run1-1\"") && page.contains("id=\"run2\""));
    let ids = Regex::new(r#" id="([^"]*)""#).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    assert!(ids.captures_iter(&page).all(|id| seen.insert(id[1].to_owned())), "an id is there twice");
}

/// A thousand steps that print much, with pods.
fn long() -> SessionReport {
    let mut events = vec![json!({"type": "lab.started", "lab": 1, "title": "Lab 1: Long", "file": "x", "steps": 1000})];
    let state = |line: usize, status: &str| {
        json!({"type": "object.state", "lab": 1, "object": "pod/p", "uid": line.to_string(), "status": status,
               "at_object_ms": 1, "reason": "pull access denied, repository does not exist or may require authorization"})
    };
    for line in 0..1000 {
        let text = "pod/mypod  0/1  ImagePullBackOff <none>\n".repeat(250);
        events.extend([
            json!({"type": "step.started", "lab": 1, "line": line, "heading": "x", "command": "kubectl get pods\nkubectl get nodes"}),
            json!({"type": "step.output", "lab": 1, "line": line, "text": text}),
            state(line, "Pending"),
            state(line, "ErrImagePull"),
            json!({"type": "object.event", "lab": 1, "object": "pod/p", "uid": line.to_string(), "reason": "BackOff",
                   "class": "Warning", "message": "m".repeat(200), "count": 3, "at_object_ms": 10}),
            state(line, "ImagePullBackOff"),
            json!({"type": "check", "lab": 1, "line": line, "check": "prints", "verdict": "reproduced", "detail": "d".repeat(200)}),
            json!({"type": "step.finished", "lab": 1, "line": line, "verdict": "reproduced", "command_ms": 1, "wait_ms": 1}),
        ]);
    }
    session(&events)
}

#[test]
fn a_long_run_fits_on_a_phone() {
    let (session, began) = (long(), std::time::Instant::now());
    let page = page(&[session]);
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    assert!(page.contains("more lines in events.jsonl") && page.contains("… 700 earlier pods in events.jsonl"));
    println!("{} bytes in {:?}", page.len(), began.elapsed());
}

/// WCAG 2.2's contrast of two colours of the style sheet.
fn contrast(colours: &std::collections::BTreeMap<String, String>, ink: &str, paper: &str) -> f64 {
    let luminance = |name: &str| {
        let hex = &colours[name];
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
    };
    let (one, other) = (luminance(ink), luminance(paper));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn text_stands_out_from_its_paper_in_both_schemes() {
    let colour = Regex::new(r"--([a-z-]+): #([0-9a-f]{6})").unwrap();
    let (light, dark) = STYLE.split_once("prefers-color-scheme").unwrap();
    for scheme in [light, dark] {
        let colours = colour.captures_iter(scheme).map(|found| (found[1].to_owned(), found[2].to_owned())).collect();
        for (ink, paper) in [
            ("ink", "paper"),
            ("ink", "raised"),
            ("ink", "good-paper"),
            ("ink", "bad-paper"),
            ("ink", "warn-paper"),
            ("soft", "paper"),
            ("soft", "raised"),
            ("link", "paper"),
            ("good", "good-paper"),
            ("warn", "warn-paper"),
            ("bad", "bad-paper"),
            ("good", "paper"),
            ("warn", "paper"),
            ("bad", "paper"),
        ] {
            let contrast = contrast(&colours, ink, paper);
            assert!(contrast >= 4.5, "{ink} on {paper}: {contrast:.2}");
        }
    }
}

/// A piece of the page, as a browser shows it in a place of this size.
fn picture(piece: &Markup, (width, height): (u16, u16)) -> String {
    // Where HTML is XML, an attribute has a value and each language its name.
    let piece = piece.0.replace(" open>", " open=\"open\">");
    let body =
        format!("{}{piece}", timeline::patterns().0).replace("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ");
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <style>{STYLE}</style>\n<foreignObject width=\"100%\" height=\"100%\">\n\
         <body xmlns=\"http://www.w3.org/1999/xhtml\" style=\"min-height: 100%\">{body}</body>\n</foreignObject>\n</svg>\n"
    )
}

#[test]
fn docs_show_what_a_browser_shows() {
    let suite = |name: &str| SessionReport::new(read::stream(&pictures::recorded(name))).suites.remove(0);
    let room = &Room { text: 2_000, pods: 1 };
    let mut failed = suite("failed");
    // Of the two pods the one that failed, and its twin.
    failed.pods.remove(0);
    let timeline = timeline::timeline(&failed, room);
    failed.cases.retain(|case| case.failure.is_some());
    let piece = html! { (timeline) (steps::steps(&failed, 0, room)) };
    pictures::is_drawn("report", &picture(&piece, (860, 1510)));
    let mut lecture = suite("check");
    lecture.text = None;
    lecture.cases.retain(|case| case.verdict == Some(Verdict::Drifted));
    pictures::is_drawn("drift", &picture(&lecture::lecture(&lecture, 0, room), (860, 420)));
}
