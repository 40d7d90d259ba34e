//! Events for people: what was typed, what it printed, one timeline per pod, and the verdicts.
//! Settled lines go to one writer; what is still moving is drawn on a terminal only.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::Consumer;
use super::super::asked::Asked;
use super::bars::Bars;
use super::failure::{self, cut};
use super::line::{BOLD, CYAN, DIM, GREEN, RED, YELLOW, mark as mark_of, named, seconds};
use super::notes::Notes;
use super::place::Surface;
use super::spent;
use crate::event::{Event, PartState, Record, Timings, Verdict, Yardstick};
use crate::kubewords::status::{ERR_IMAGE_PULL, cause_of_back_off};

/// The longest printed output shown of one fence; all of it stands in `events.jsonl`.
const SHOWN_LINES: usize = 30;

/// The key of the bar of the step that is being played; objects are known by their uid.
const STEP: &str = "step";

pub(crate) struct Human {
    place: Surface<Bars>,
    timelines: BTreeMap<String, Timeline>,
    heading: String,
    /// The lab and the line of a command that waits for the reader.
    waits: Option<(u32, usize)>,
    /// What others have answered while the step was played.
    asked: Asked,
    notes: Notes,
    show_timings: bool,
    yardstick: Option<Yardstick>,
    /// The run is over: what follows is for programs.
    failed: bool,
    labs: Vec<(u32, String, Verdict, u64)>,
    report: String,
}

struct Timeline {
    object: String,
    text: String,
    last_status: String,
    last_reason: Option<String>,
    /// Told already: the same words are not printed twice.
    told_reason: Option<String>,
    fresh: bool,
}

impl Human {
    /// `report`: where the reader finds more.
    pub(super) fn new(place: Surface<Bars>, show_timings: bool, report: String) -> Self {
        Self {
            place,
            timelines: BTreeMap::new(),
            heading: String::new(),
            waits: None,
            asked: Asked::default(),
            notes: Notes::default(),
            show_timings,
            yardstick: None,
            failed: false,
            labs: Vec::new(),
            report,
        }
    }

    fn line(&mut self, text: &str) {
        self.place.lines(&[text.to_owned()]);
    }

    fn bar(&self, key: &str, text: String, began_ms: Option<u64>) {
        self.place.change(|bars| bars.set(key, text, began_ms));
    }

    fn settle(&self, key: &str) {
        self.place.change(|bars| bars.remove(key));
    }

    fn note(&mut self, text: &str) {
        let before = self.notes.take(text);
        self.print_note(before);
    }

    fn print_note(&mut self, note: Option<String>) {
        if let Some(note) = note {
            self.line(&format!("  {YELLOW}•{YELLOW:#} {note}"));
        }
    }

    fn print_command(&mut self, heading: &str, command: &str) {
        if *heading != self.heading {
            heading.clone_into(&mut self.heading);
            self.line(&format!("  {BOLD}{heading}{BOLD:#}"));
        }
        // A continued line, or one of a here-document, begins no command.
        let mut continued = false;
        for line in command.lines() {
            let prompt = if continued { " " } else { "$" };
            self.line(&format!("  {DIM}{prompt}{DIM:#} {}", cut(line)));
            continued = line.ends_with('\\');
        }
    }

    fn part(&mut self, part: &str, state: PartState, detail: &str, ms: u64) {
        match state {
            PartState::Started | PartState::Progress => self.bar(part, format!("{part:<9} {detail}"), None),
            PartState::Gone => self.settle(part),
            PartState::Ready => {
                self.settle(part);
                self.line(&format!("  {GREEN}✓{GREEN:#} {part:<9} {detail}  {DIM}{}{DIM:#}", seconds(ms)));
            }
            PartState::Failed => {
                self.settle(part);
                self.line(&format!("  {RED}✗{RED:#} {part:<9} {detail}"));
            }
        }
    }

    fn state(&mut self, object: &str, uid: &str, status: &str, at: u64, reason: Option<&str>) {
        let timeline = self.timelines.entry(uid.to_owned()).or_insert_with(|| Timeline {
            object: object.into(),
            text: String::new(),
            last_status: String::new(),
            last_reason: None,
            told_reason: None,
            fresh: false,
        });
        // The level changes in more than its name (a node, a container's id): shown once.
        if timeline.last_status == status {
            return;
        }
        timeline.last_status = status.to_owned();
        if !timeline.text.is_empty() {
            timeline.text.push_str(" · ");
        }
        timeline.text.push_str(&format!("{:.2} {status}", Duration::from_millis(at).as_secs_f64()));
        timeline.last_reason = reason.map(str::to_owned).or(timeline.last_reason.take());
        timeline.fresh = true;
        let text = format!("{object}  {}", timeline.text);
        // Where somebody types nothing moves.
        if self.waits.is_none() {
            self.bar(uid, text, None);
        }
    }

    /// Prints the timelines that moved since they were printed last.
    fn print_timelines(&mut self) {
        let mut lines = Vec::new();
        for (uid, timeline) in self.timelines.iter_mut().filter(|(_, t)| t.fresh) {
            timeline.fresh = false;
            lines.push((uid.clone(), format!("    {CYAN}{}{CYAN:#}  {}", timeline.object, timeline.text)));
            // What was printed stands; the next line goes on from there.
            timeline.text = "…".into();
            let reason = timeline.last_reason.take().map(|reason| bare(&reason).to_owned());
            if let Some(reason) = reason
                && timeline.told_reason.as_ref() != Some(&reason)
            {
                lines.push((uid.clone(), format!("      {DIM}{}{DIM:#}", cut(&reason))));
                timeline.told_reason = Some(reason);
            }
        }
        for (uid, line) in lines {
            self.settle(&uid);
            self.line(&line);
        }
    }

    fn summary(&mut self, verdict: Verdict, ms: u64, timings: Timings) {
        self.timelines.clear();
        self.place.clear();
        if self.labs.len() > 1 {
            self.line("");
            let mut labs = std::mem::take(&mut self.labs);
            labs.sort_by_key(|(lab, ..)| *lab);
            for (lab, title, verdict, ms) in labs {
                let line = format!(
                    "  {} {:<64} {verdict:<12} {DIM}{:>7}{DIM:#}",
                    mark(verdict),
                    named(lab, &title),
                    seconds(ms)
                );
                self.line(&line);
            }
        }
        if self.show_timings {
            spent::lines(timings, ms, self.yardstick).iter().for_each(|line| self.line(line));
        }
        let report = std::mem::take(&mut self.report);
        self.line(&format!("\n{} {BOLD}{verdict}{BOLD:#} in {}   {DIM}{report}{DIM:#}", mark(verdict), seconds(ms)));
    }
}

impl Consumer for Human {
    fn record(&mut self, record: &Record) {
        if self.failed {
            return;
        }
        if !matches!(record.event, Event::Note { .. }) {
            let last = self.notes.end();
            self.print_note(last);
        }
        match &record.event {
            Event::Note { text } => self.note(text),
            Event::StagePart { part, state, detail, ms } => self.part(part, *state, detail, *ms),
            Event::LabStarted { lab, title, .. } => {
                // Of a lab that is played again nothing of the first time counts.
                self.place.clear();
                self.timelines.clear();
                self.heading.clone_from(title);
                self.line(&format!("\n{BOLD}{}{BOLD:#}", named(*lab, title)));
            }
            Event::LectureStarted { lab, title, .. } => {
                self.heading.clone_from(title);
                self.line(&format!(
                    "\n{BOLD}{}{BOLD:#}",
                    if title.is_empty() { format!("Lecture {lab}") } else { title.clone() }
                ));
            }
            Event::StepWaits { lab, line, heading, command } => {
                self.print_timelines();
                self.place.clear();
                self.print_command(heading, command);
                self.line(&format!("  {DIM}Enter plays · s skips · b back to the start of the demo · q leaves{DIM:#}"));
                self.waits = Some((*lab, *line));
            }
            Event::StepStarted { lab, line, heading, command } => {
                self.asked = Asked::default();
                // What has moved while it waited.
                self.print_timelines();
                if self.waits.take() != Some((*lab, *line)) {
                    self.print_command(heading, command);
                }
                // What it prints is told when it has ended.
                let first = cut(command.lines().next().unwrap_or_default());
                self.bar(STEP, first, Some(record.at_ms));
            }
            Event::StepOutput { text, .. } => {
                let lines: Vec<_> = text.lines().collect();
                for line in lines.iter().take(SHOWN_LINES) {
                    self.line(&format!("    {}", cut(line)));
                }
                if lines.len() > SHOWN_LINES {
                    self.line(&format!("    {DIM}… {} lines more{DIM:#}", lines.len() - SHOWN_LINES));
                }
            }
            Event::ObjectState { object, uid, status, at_object_ms, reason, without: None, .. } => {
                self.state(object, uid, status, *at_object_ms, reason.as_deref());
            }
            // A check that fails the lab is told by the failure, with its place.
            Event::Check { verdict, .. } if verdict.fails() => self.print_timelines(),
            Event::Check { check, verdict, detail, .. } => {
                self.print_timelines();
                let detail = if detail.is_empty() { String::new() } else { format!("  {DIM}{}{DIM:#}", cut(detail)) };
                self.line(&format!("    {} {check}{detail}", mark(*verdict)));
            }
            Event::StepFinished { .. } => {
                self.settle(STEP);
                self.print_timelines();
            }
            Event::LabFinished { lab, title, verdict, ms, failure } => {
                self.print_timelines();
                self.timelines.clear();
                if let Some(failure) = failure {
                    let lines = failure::lines(&named(*lab, title), *verdict, failure, "", &self.asked, None);
                    lines.iter().for_each(|line| self.line(&format!("  {line}")));
                }
                self.line(&format!("  {} lab {lab} {verdict} in {}", mark(*verdict), seconds(*ms)));
                self.labs.push((*lab, title.clone(), *verdict, *ms));
            }
            // The error itself is the last word.
            Event::SessionFailed { .. } => self.failed = true,
            Event::SessionFinished { verdict, ms, timings } => self.summary(*verdict, *ms, *timings),
            Event::Yardstick(yardstick) => self.yardstick = Some(*yardstick),
            event @ (Event::Request { .. } | Event::RegistryAnswer { .. }) => self.asked.take(event),
            // What else there is stands in the report.
            Event::SessionStarted { .. }
            | Event::Tool { .. }
            | Event::StageReady { .. }
            | Event::ObjectState { .. }
            | Event::ObjectTold { .. }
            | Event::FileWritten { .. }
            | Event::Item(_)
            | Event::LectureFinished { .. } => {}
        }
    }

    fn finish(&mut self) -> std::io::Result<()> {
        let last = self.notes.end();
        self.print_note(last);
        // A run that was interrupted.
        self.place.clear();
        self.place.finish()
    }
}

/// A back-off's message without the back-off: the reason it goes on about.
fn bare(message: &str) -> &str {
    cause_of_back_off(message, ERR_IMAGE_PULL).unwrap_or(message)
}

fn mark(verdict: Verdict) -> String {
    let (style, mark) = mark_of(verdict);
    format!("{style}{mark}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::Page;
    use super::super::screen::Screen;
    use super::*;
    use crate::event::Failure;

    fn human(out: impl std::io::Write + Send + 'static) -> Human {
        Human::new(Surface::lines_to(Box::new(out)), false, String::new())
    }

    fn output(events: Vec<Event>) -> String {
        let page = Page::default();
        let human = human(page.clone());
        told_by(human, &page, events)
    }

    fn told_by(mut human: Human, page: &Page, events: Vec<Event>) -> String {
        events.into_iter().for_each(|event| human.record(&Record { at_ms: 0, event }));
        human.finish().unwrap();
        let text = String::from_utf8(page.take()).unwrap();
        anstream::adapter::strip_str(&text).to_string()
    }

    fn step(heading: &str, command: &str) -> Event {
        Event::StepStarted { lab: 5, line: 3, heading: heading.into(), command: command.into() }
    }

    fn finished(lab: u32, failure: Option<Failure>) -> Event {
        let verdict = if failure.is_some() { Verdict::Failed } else { Verdict::Reproduced };
        Event::LabFinished { lab, title: format!("Lab {lab}: x"), verdict, ms: 1000, failure }
    }

    #[test]
    fn notes_with_the_same_reason_are_one_line() {
        let note = |text: &str| Event::Note { text: text.into() };
        let notes = ["a:2 stands in: no host", "b:3 stands in: no host", "c: other", "d", "d"].map(note);
        assert_eq!(output(notes.into()), "  • a:2 stands in, b:3 stands in: no host\n  • c: other\n  • d\n  • d\n");
    }

    #[test]
    fn what_failed_is_told_once_with_its_place() {
        let check = |verdict| Event::Check { lab: 5, line: 7, check: "prints".into(), verdict, detail: "why".into() };
        let failure = Failure {
            file: "README.md".into(),
            line: 7,
            message: "prints: why\n-a".into(),
            causes: vec!["it hangs".into()],
            evidence: vec!["seen".into()],
            hint: None,
        };
        let started = Event::LabStarted { lab: 5, title: "Lab 5: x".into(), file: String::new(), steps: 1 };
        let (good, bad) = (check(Verdict::Unproven), check(Verdict::Failed));
        let events = vec![started, step("Lab 5: x", "one"), good, bad, finished(5, Some(failure))];
        insta::assert_snapshot!(output(events).trim_start(), @r"
        Lab 5: x
          $ one
            ~ prints  why
          ✗ Lab 5: x: failed
            it hangs
            README.md:7  prints: why
              -a
              seen
          ✗ lab 5 failed in 1.0 s
        ");
    }

    #[test]
    fn the_summary_goes_by_number() {
        let (verdict, timings) = (Verdict::Reproduced, Timings::default());
        let end = Event::SessionFinished { verdict, ms: 1, timings };
        let page = output(vec![finished(2, None), finished(0, None), end]);
        let summary: Vec<_> = page.lines().filter(|line| line.contains("Lab ")).map(|line| &line[..11]).collect();
        assert_eq!(summary, ["  ✓ Lab 0", "  ✓ Lab 2"]);
    }

    #[test]
    fn the_least_that_a_run_takes_stands_beside_what_it_took() {
        let timings = Timings { stage_ms: 14_000, longest_wait_ms: 17_500, ..Timings::default() };
        let end = Event::SessionFinished { verdict: Verdict::Reproduced, ms: 33_250, timings };
        let page = Page::default();
        let human = Human::new(Surface::lines_to(Box::new(page.clone())), true, String::new());
        let told = told_by(human, &page, vec![end]);
        assert!(told.contains("stage and those waits are the least, 31.50 s; this run took 1.75 s more"), "{told}");
    }

    #[test]
    fn a_line_that_no_screen_shows_is_cut() {
        let text = format!("{}\nshort", "ü".repeat(1_000_000));
        let page = output(vec![Event::StepOutput { lab: 1, line: 1, text }]);
        assert_eq!(page, format!("    {} …\n    short\n", "ü".repeat(failure::SHOWN_COLUMNS)));
    }

    #[test]
    fn a_step_has_a_moving_line_while_it_is_played() {
        let page = Page::default();
        let size = std::sync::Arc::new(|| Some((80, 24)));
        let screen = std::sync::Arc::new(std::sync::Mutex::new(Screen::new(Box::new(page.clone()), size, false)));
        let place = Surface::Screen { screen: screen.clone(), _draws: None };
        let mut human = Human::new(place, false, String::new());
        let drawn = || {
            screen.lock().unwrap().draw_at(4_000);
            String::from_utf8(page.take()).unwrap()
        };
        human.record(&Record { at_ms: 1_000, event: step("x", "sleep 6\necho two") });
        assert!(drawn().contains("   3s sleep 6"));
        let (verdict, command_ms, wait_ms) = (Verdict::Reproduced, 1, 1);
        let event = Event::StepFinished { lab: 5, line: 3, verdict, command_ms, wait_ms };
        human.record(&Record { at_ms: 0, event });
        assert!(!drawn().contains("sleep 6"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told() {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut human = human(full);
        human.record(&Record { at_ms: 0, event: step("x", "true") });
        assert_eq!(human.finish().unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    }
}
