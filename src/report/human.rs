//! Events for people: what was typed, what it printed, one timeline per pod, and the verdicts.
//! Settled lines go to one writer; what is still moving is drawn on a terminal only.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Consumer;
use crate::run::{Event, Failure, Record, Timings, Verdict, Yardstick};
use crate::stage::PartState;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const CYAN: Style = AnsiColor::Cyan.on_default();

/// The longest printed output shown of one fence; all of it stands in `events.jsonl`.
const SHOWN_LINES: usize = 30;

pub struct Human {
    out: Box<dyn Write + Send>,
    live: MultiProgress,
    bars: BTreeMap<String, ProgressBar>,
    timelines: BTreeMap<String, Timeline>,
    heading: String,
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
    /// `live`: whether the moving part may be drawn on stderr. `report`: where the reader finds more.
    pub fn new(out: Box<dyn Write + Send>, live: bool, show_timings: bool, report: String) -> Self {
        let target = if live { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self {
            out,
            live: MultiProgress::with_draw_target(target),
            bars: BTreeMap::new(),
            timelines: BTreeMap::new(),
            heading: String::new(),
            show_timings,
            yardstick: None,
            failed: false,
            labs: Vec::new(),
            report,
        }
    }

    fn line(&mut self, text: &str) {
        let out = &mut self.out;
        self.live.suspend(|| {
            // A reader that has gone away does not end the run.
            let _ = writeln!(out, "{text}");
            let _ = out.flush();
        });
    }

    fn bar(&mut self, key: &str, text: String) {
        let live = &self.live;
        let bar = self.bars.entry(key.to_owned()).or_insert_with(|| {
            let bar = live.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("  {spinner} {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        bar.set_message(text);
    }

    fn settle(&mut self, key: &str) {
        if let Some(bar) = self.bars.remove(key) {
            bar.finish_and_clear();
            self.live.remove(&bar);
        }
    }

    fn part(&mut self, part: &str, state: PartState, detail: &str, ms: u64) {
        match state {
            PartState::Started | PartState::Progress => self.bar(part, format!("{part:<9} {detail}")),
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
        self.bar(uid, text);
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
                lines.push((uid.clone(), format!("      {DIM}{reason}{DIM:#}")));
                timeline.told_reason = Some(reason);
            }
        }
        for (uid, line) in lines {
            self.settle(&uid);
            self.line(&line);
        }
    }

    fn failure(&mut self, failure: &Failure) {
        self.line(&format!("  {RED}✗ {}:{}{RED:#}  {}", failure.file, failure.line, failure.message));
        for evidence in &failure.evidence {
            for line in evidence.lines() {
                self.line(&format!("      {line}"));
            }
        }
        if let Some(hint) = &failure.hint {
            self.line(&format!("    {YELLOW}hint:{YELLOW:#} {hint}"));
        }
    }

    fn summary(&mut self, verdict: Verdict, ms: u64, timings: Timings) {
        self.timelines.clear();
        for key in self.bars.keys().cloned().collect::<Vec<_>>() {
            self.settle(&key);
        }
        if self.labs.len() > 1 {
            self.line("");
            for (lab, title, verdict, ms) in std::mem::take(&mut self.labs) {
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
            self.line(&format!("\n  {BOLD}time{BOLD:#}            seconds   share"));
            for (what, part) in [
                ("stage", timings.stage_ms),
                ("commands", timings.commands_ms),
                ("cluster", timings.cluster_ms),
                ("our own", timings.own_ms),
            ] {
                let share = part.saturating_mul(100).checked_div(ms).unwrap_or(0);
                self.line(&format!("  {what:<14} {:>8.2}   {share:>4}%", Duration::from_millis(part).as_secs_f64()));
            }
            let (playing, waits) = (ms.saturating_sub(timings.stage_ms), timings.longest_wait_ms);
            // Of mini there is next to nothing to wait for.
            if waits >= 1000 {
                let [playing, waits] = [playing, waits].map(|ms| Duration::from_millis(ms).as_secs_f64());
                self.line(&format!(
                    "  the longest lab waits {waits:.2} s for the cluster; all labs took {:.2} × that",
                    playing / waits
                ));
            }
            if let Some(yardstick) = self.yardstick {
                let [kubectl, docker] = yardstick.bare().map(|bare| bare.as_secs_f64());
                let mut bare = format!("{} × kubectl {kubectl:.2} s", yardstick.kubectl_calls);
                if docker > 0.0 {
                    bare += &format!(", {} × docker run and rm {docker:.2} s", yardstick.containers);
                }
                let ratio = Duration::from_millis(playing).as_secs_f64() / (kubectl + docker).max(f64::MIN_POSITIVE);
                self.line(&format!("  bare, one after the other: {bare}; all labs took {ratio:.2} × that"));
            }
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
        match &record.event {
            Event::Note { text } => self.line(&format!("  {YELLOW}•{YELLOW:#} {text}")),
            Event::StagePart { part, state, detail, ms } => self.part(part, *state, detail, *ms),
            Event::LabStarted { lab, title, .. } => {
                self.heading.clear();
                self.line(&format!("\n{BOLD}{}{BOLD:#}", named(*lab, title)));
            }
            Event::StepStarted { heading, command, .. } => {
                if *heading != self.heading {
                    self.heading.clone_from(heading);
                    self.line(&format!("  {BOLD}{heading}{BOLD:#}"));
                }
                // A continued line, or one of a here-document, begins no command.
                let mut continued = false;
                for line in command.lines() {
                    let prompt = if continued { " " } else { "$" };
                    self.line(&format!("  {DIM}{prompt}{DIM:#} {line}"));
                    continued = line.ends_with('\\');
                }
            }
            Event::StepOutput { text, .. } => {
                let lines: Vec<_> = text.lines().collect();
                for line in lines.iter().take(SHOWN_LINES) {
                    self.line(&format!("    {line}"));
                }
                if lines.len() > SHOWN_LINES {
                    self.line(&format!("    {DIM}… {} lines more{DIM:#}", lines.len() - SHOWN_LINES));
                }
            }
            Event::ObjectState { object, uid, status, at_object_ms, reason, .. } => {
                self.state(object, uid, status, *at_object_ms, reason.as_deref());
            }
            Event::Check { check, verdict, detail, .. } => {
                self.print_timelines();
                let detail = if detail.is_empty() { String::new() } else { format!("  {DIM}{detail}{DIM:#}") };
                self.line(&format!("    {} {check}{detail}", mark(*verdict)));
            }
            Event::StepFinished { .. } => self.print_timelines(),
            Event::LabFinished { lab, title, verdict, ms, failure } => {
                self.print_timelines();
                self.timelines.clear();
                if let Some(failure) = failure {
                    self.failure(failure);
                }
                self.line(&format!("  {} lab {lab} {verdict} in {}", mark(*verdict), seconds(*ms)));
                self.labs.push((*lab, title.clone(), *verdict, *ms));
            }
            // The error itself is the last word.
            Event::SessionFailed { .. } => self.failed = true,
            Event::SessionFinished { verdict, ms, timings } => self.summary(*verdict, *ms, *timings),
            Event::Yardstick(yardstick) => self.yardstick = Some(*yardstick),
            Event::SessionStarted { .. } | Event::StageReady { .. } => {}
        }
    }
}

/// A back-off's message without the back-off: the reason it goes on about.
fn bare(message: &str) -> &str {
    message.split_once("\": ErrImagePull: ").map_or(message, |(_, reason)| reason)
}

/// The lab's heading, with its number once.
fn named(lab: u32, title: &str) -> String {
    if title.starts_with("Lab ") { title.to_owned() } else { format!("Lab {lab}: {title}") }
}

fn mark(verdict: Verdict) -> String {
    match verdict {
        Verdict::Reproduced | Verdict::ExpectedFailure => format!("{GREEN}✓{GREEN:#}"),
        Verdict::Drifted | Verdict::Skipped | Verdict::NotChecked | Verdict::Unproven => format!("{YELLOW}~{YELLOW:#}"),
        _ => format!("{RED}✗{RED:#}"),
    }
}

fn seconds(ms: u64) -> String {
    format!("{:.1} s", Duration::from_millis(ms).as_secs_f64())
}
