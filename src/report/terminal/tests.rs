//! What is shown of runs whose events are known: in lines, and on a terminal that the test looks at.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::super::fixture::{HOSTILE, Page, failed_events, lines};
use super::super::{pictures, read};
use super::board::Board;
use super::calm::Calm;
use super::screen::{Moving as _, Screen};
use super::*;
use crate::event::{Event, Record};

fn records() -> Vec<Record> {
    let mut events = failed_events();
    let answer = |code: u16, user: Option<&str>| json!({"type": "registry.answer", "lab": 1, "image": "docker.io/u/app1:1", "code": code, "user": user});
    let at = events.iter().position(|event| event["status"] == "ErrImagePull").unwrap();
    events.splice(at..at, [answer(401, None), answer(401, None), answer(401, Some("u")), answer(200, Some("u"))]);
    read::stream(&lines(&events)).records
}

fn view(voice: Voice, live: Option<(usize, usize)>) -> View {
    let live = live.map(|size| Arc::new(move || Some(size)) as Size);
    View { voice, live, colours: true, timings: false, table: true, report: "target/report.html".into() }
}

fn output(voice: Voice, records: &[Record]) -> String {
    let page = Page::default();
    let mut reader = people(Box::new(page.clone()), view(voice, None));
    records.iter().for_each(|record| reader.record(record));
    reader.finish().unwrap();
    anstream::adapter::strip_str(&String::from_utf8(page.take()).unwrap()).to_string()
}

#[test]
fn what_failed_is_told_first_its_cause_then_what_to_do_then_the_evidence() {
    insta::assert_snapshot!("calm", output(Voice::Calm, &records()));
    insta::assert_snapshot!("quiet", output(Voice::Quiet, &records()));
}

#[test]
fn nothing_that_a_pod_logs_moves_a_terminals_cursor() {
    assert!(HOSTILE.contains('\u{1b}') && HOSTILE.contains('\0'));
    // Our own colours end in `m`.
    let colours = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    for voice in [Voice::Quiet, Voice::Calm, Voice::Verbose] {
        let page = Page::default();
        let mut reader = people(Box::new(page.clone()), view(voice, None));
        records().iter().for_each(|record| reader.record(record));
        let note = Event::Note { text: "a\u{1b}]0;title\u{7}\r\u{9b}2Jb".into() };
        reader.record(&Record { at_ms: 0, event: note });
        reader.finish().unwrap();
        let text = String::from_utf8(page.take()).unwrap();
        let rest = colours.replace_all(&text, "");
        assert!(!rest.contains(|c: char| c.is_control() && c != '\n'), "{voice:?}: {rest:?}");
    }
}

#[test]
fn a_run_that_is_cut_off_loses_nothing_that_was_known() {
    let records = records();
    let at = records.iter().position(|record| matches!(record.event, Event::LabFinished { lab: 0, .. })).unwrap();
    let told = output(Voice::Quiet, &records[..=at]);
    assert!(told.contains("✓ Lab 0: Push  reproduced"), "{told}");
}

/// Four labs at once, as far as their first pods.
fn four() -> Vec<Record> {
    let mut events = Vec::new();
    for lab in 0..4 {
        events.push(json!({"type": "lab.started", "lab": lab, "title": format!("Lab {lab}: Give one ServiceAccount a pull secret"), "file": "f", "steps": 12}));
        events.push(json!({"type": "step.started", "lab": lab, "line": 3, "heading": "1. A pod without credentials", "command": "kubectl apply -f pod.yaml \\\n  --wait"}));
        for (at, status) in
            ["Pending", "ContainerCreating", "ErrImagePull", "ImagePullBackOff", "ErrImagePull"].iter().enumerate()
        {
            events.push(json!({"type": "object.state", "lab": lab, "object": "pod/mypod -n app1-ns", "uid": format!("u{lab}"), "status": status, "at_object_ms": at * 210, "reason": null}));
        }
        for code in [401, 401, 401, 200] {
            events.push(json!({"type": "registry.answer", "lab": lab, "image": "docker.io/u/app1:1", "code": code, "user": "cloudwithvarjosh"}));
        }
    }
    read::stream(&lines(&events)).records
}

#[test]
fn the_board_is_a_function_of_the_events_the_size_and_the_time() {
    let mut board = Board::default();
    four().iter().for_each(|record| board.take(record));
    let drawn = |size| anstream::adapter::strip_str(&board.lines(size, 4_700).join("\n")).to_string();
    insta::assert_snapshot!("board-80x24", drawn((80, 24)));
    insta::assert_snapshot!("board-40x10", drawn((40, 10)));
    assert_eq!(board.lines((80, 24), 4_700), board.lines((80, 24), 4_700));
}

/// Plays records onto a terminal of this size, a frame after each; the size changes once in the middle.
fn on_terminal(records: &[Record], size: (usize, usize), then: (usize, usize)) -> vt100::Parser {
    let now = Arc::new(Mutex::new(size));
    let asked = Arc::clone(&now);
    let page = Page::default();
    let at_size = Arc::new(move || Some(*asked.lock().unwrap()));
    let screen = Arc::new(Mutex::new(Screen::new(Box::new(page.clone()), at_size, true)));
    let place = Surface::Screen { screen: Arc::clone(&screen), _draws: None };
    let mut calm = harmless::Harmless(Calm::at(place, view(Voice::Calm, Some(size))));
    let number = |n: usize| u16::try_from(n).ok().and_then(std::num::NonZero::new).unwrap();
    let in_u16 = |size: (usize, usize)| (number(size.1), number(size.0));
    let (rows, columns) = in_u16(size);
    let mut terminal = vt100::Parser::new(rows, columns, 500);
    let mut look = |at: usize| {
        let bytes = page.take();
        assert!(bytes.iter().filter(|byte| **byte == b'\n').count() < 200, "{at}");
        terminal.process(&bytes);
        let screen = terminal.screen();
        let wrapped = (0..screen.size().0.get()).find(|row| screen.row_wrapped(*row));
        assert_eq!(wrapped, None, "after event {at}:\n{}", screen.contents());
        if at == records.len() / 2 {
            let (rows, columns) = in_u16(then);
            *now.lock().unwrap() = then;
            terminal.screen_mut().set_size(rows, columns);
        }
    };
    for (at, record) in records.iter().enumerate() {
        calm.record(record);
        screen.lock().unwrap().draw_at(record.at_ms);
        look(at);
    }
    calm.finish().unwrap();
    look(records.len());
    terminal
}

#[test]
fn no_line_is_wrapped_on_a_terminal_and_the_last_screen_is_calm() {
    for (size, name) in [((80, 24), "last-screen-80x24"), ((40, 30), "last-screen-40x30")] {
        let terminal = on_terminal(&records(), size, size);
        insta::assert_snapshot!(name, terminal.screen().contents());
    }
    // What is drawn over leaves nothing behind: one line of a kind.
    let all = [four(), records()].concat();
    let terminal = on_terminal(&all, (80, 24), (80, 24));
    assert_eq!(terminal.screen().contents().matches("Lab 2: Give").count(), 0, "it never finished");
    on_terminal(&all, (80, 24), (100, 12));
}

/// A terminal folds what stands on it where its window becomes narrower.
fn folded(terminal: &vt100::Parser, (columns, rows): (u16, u16)) -> vt100::Parser {
    let (screen, mut folded) = (terminal.screen(), pictures::terminal(columns, rows));
    let above_cursor = usize::from(screen.cursor_position().0);
    for line in screen.rows(0, screen.size().1.get()).take(above_cursor) {
        folded.process(format!("{}\r\n", line.trim_end()).as_bytes());
    }
    folded
}

#[test]
fn what_a_narrower_window_has_folded_is_drawn_over_and_nothing_else_is() {
    for ((columns, rows), then) in [((80, 24), (20, 60)), ((80, 24), (41, 24)), ((20, 40), (80, 24))] {
        let size = Arc::new(Mutex::new((usize::from(columns), usize::from(rows))));
        let (page, asked) = (Page::default(), Arc::clone(&size));
        let mut screen =
            Screen::<bars::Bars>::new(Box::new(page.clone()), Arc::new(move || Some(*asked.lock().unwrap())), true);
        let mut terminal = pictures::terminal(columns, rows);
        screen.settle(&["settled above".into(), "settled ".repeat(2)]);
        for name in ["one", "two", "three"] {
            screen.moving().set(name, format!("({name}) {}", "moves ".repeat(12)), None);
        }
        screen.draw_at(0);
        terminal.process(&page.take());
        let mut terminal = folded(&terminal, then);
        *size.lock().unwrap() = (usize::from(then.0), usize::from(then.1));
        screen.draw_at(120);
        screen.settle(&["settled below".into()]);
        screen.draw_at(240);
        terminal.process(&page.take());
        let shown = terminal.screen().contents();
        let lines: Vec<&str> = shown.lines().map(|line| line.trim().split(" moves").next().unwrap()).collect();
        let moving = ["(one)", "(two)", "(three)"].map(|name| format!("⠹ {name}"));
        assert_eq!(lines[..3], ["settled above", "settled settled", "settled below"], "{then:?}: {shown}");
        assert_eq!(lines[3..], moving, "{then:?}: {shown}");
    }
}

#[test]
fn four_labs_that_pass_are_one_screen() {
    let mut events = four();
    for lab in 0..4 {
        let (title, verdict) = (format!("Lab {lab}: x"), crate::event::Verdict::Reproduced);
        events.push(Record { at_ms: 9000, event: Event::LabFinished { lab, title, verdict, ms: 9000, failure: None } });
    }
    let (verdict, timings) = (crate::event::Verdict::Reproduced, crate::event::Timings::default());
    events.push(Record { at_ms: 9100, event: Event::SessionFinished { verdict, ms: 9100, timings } });
    assert!(output(Voice::Calm, &events).lines().count() <= 12);
    assert_eq!(output(Voice::Quiet, &events).lines().count(), 7);
    let terminal = on_terminal(&events, (80, 24), (80, 24));
    insta::assert_snapshot!("four-that-pass", terminal.screen().contents());
}

#[test]
fn a_terminal_that_was_closed_is_no_failure_and_a_full_disk_is_one() {
    struct Failing(nix::errno::Errno);
    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::from_raw_os_error(self.0 as i32))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    for (errno, fails) in
        [(nix::errno::Errno::EIO, false), (nix::errno::Errno::EPIPE, false), (nix::errno::Errno::ENOSPC, true)]
    {
        let mut screen = Screen::<Board>::new(Box::new(Failing(errno)), Arc::new(|| None), true);
        screen.settle(&["a".into()]);
        assert_eq!(screen.finish().is_err(), fails, "{errno}");
    }
}

#[test]
fn a_recording_is_asciicast_of_what_is_told() {
    let page = Page::default();
    let mut cast = Cast::new(page.clone(), 1_795_000_000).unwrap();
    records().iter().for_each(|record| cast.record(record));
    cast.finish().unwrap();
    let text = String::from_utf8(page.take()).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let head = lines.next().unwrap();
    assert_eq!((&head["version"], &head["width"]), (&json!(2), &json!(100)));
    let mut last = 0.0;
    for event in lines {
        let at = event[0].as_f64().unwrap();
        assert!(at >= last && event[1] == "o" && event[2].as_str().unwrap().ends_with("\r\n"), "{event}");
        last = at;
    }
    assert!(last > 1.0 && text.contains("kubectl logs mypod"));
}

/// What a reader of a recording is told, as lines.
fn lines_of(name: &str, voice: Voice) -> String {
    let page = Page::default();
    let mut reader = people(Box::new(page.clone()), View { report: LATEST.into(), ..view(voice, None) });
    pictures::records(name).iter().for_each(|record| reader.record(record));
    reader.finish().unwrap();
    String::from_utf8(page.take()).unwrap()
}

const LATEST: &str = "target/rehearsal/latest/report.html";

/// What stands on a terminal once a recording has come so far, or with None to its end.
fn screen_at(name: &str, until_ms: Option<u64>) -> String {
    let rows = if until_ms.is_some() { 24 } else { pictures::ROWS };
    let (page, size) = (Page::default(), (usize::from(pictures::COLUMNS), usize::from(rows)));
    let at_size = Arc::new(move || Some(size));
    let screen = Arc::new(Mutex::new(Screen::new(Box::new(page.clone()), at_size, true)));
    let place = Surface::Screen { screen: Arc::clone(&screen), _draws: None };
    let view = View { report: LATEST.into(), ..view(Voice::Calm, Some(size)) };
    let mut calm = harmless::Harmless(Calm::at(place, view));
    let records = pictures::records(name);
    records
        .iter()
        .take_while(|record| until_ms.is_none_or(|ms| record.at_ms <= ms))
        .for_each(|record| calm.record(record));
    match until_ms {
        Some(ms) => screen.lock().unwrap().draw_at(ms),
        None => calm.finish().unwrap(),
    }
    let mut terminal = pictures::terminal(pictures::COLUMNS, rows);
    terminal.process(&page.take());
    pictures::of_screen(terminal.screen())
}

#[test]
fn docs_show_what_a_terminal_shows() {
    pictures::is_drawn("run", &screen_at("run", Some(RUNNING_MS)));
    pictures::is_drawn("failure", &screen_at("failed", None));
    pictures::is_drawn("your-cluster", &screen_at("context", None));
    let told = lines_of("run", Voice::Verbose);
    let lab: Vec<&str> = told.lines().skip_while(|line| !line.contains("Lab 1:")).collect();
    let step = lab.iter().position(|line| line.contains("5. A pod that names")).unwrap();
    let end = lab.iter().skip(step).position(|line| line.contains("Clean up")).unwrap();
    pictures::is_drawn("step", &pictures::of_lines(&lab[step..step + end].join("\n"), pictures::COLUMNS));
    // A pipeline's log folds nothing.
    pictures::is_drawn("pipeline", &pictures::of_lines(&lines_of("run", Voice::Calm), 150));
}

/// When of the recording much is going on.
const RUNNING_MS: u64 = 13_400;
