//! The moving part of a terminal: a block for each lab or lecture that is being played, a line for each that has come to
//! its end. A pure function of the events, of the terminal's size and of the time.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::asked::whom;
use super::line::{BOLD, CYAN, DIM, Line, PLAIN, mark, named, seconds};
use super::screen::{Moving, spinner};
use crate::event::{Event, PartState, Record, Verdict};
use crate::kubewords::status::DELETED;

/// The registry's last answers that are shown.
const ANSWERS: usize = 3;

/// How much of each block is shown: pods, the registry's lane, the step.
const DETAILS: [(usize, bool, bool); 5] =
    [(3, true, true), (1, true, true), (1, false, true), (0, false, true), (0, false, false)];

#[derive(Debug, Default)]
pub(super) struct Board {
    /// Of the stage, what is coming up.
    parts: BTreeMap<String, String>,
    blocks: Vec<Block>,
}

/// A lab or a lecture.
#[derive(Debug, Default)]
struct Block {
    number: u32,
    title: String,
    began_ms: u64,
    /// How many there are; None where nobody knows.
    steps: Option<usize>,
    played: usize,
    heading: String,
    command: String,
    /// The one that moved last is last.
    pods: Vec<Pod>,
    registry: Vec<String>,
    end: Option<(Verdict, u64)>,
}

#[derive(Debug)]
struct Pod {
    object: String,
    uid: String,
    states: Vec<(u64, String)>,
}

impl Board {
    pub(super) fn take(&mut self, record: &Record) {
        match &record.event {
            Event::StagePart { part, state: PartState::Started | PartState::Progress, detail, .. } => {
                self.parts.insert(part.clone(), detail.clone());
            }
            Event::StagePart { part, .. } => {
                self.parts.remove(part);
            }
            Event::LabStarted { lab, title, steps, .. } => {
                self.begin(*lab, named(*lab, title), Some(*steps), record.at_ms)
            }
            Event::LectureStarted { lab, title, .. } => self.begin(*lab, title.clone(), None, record.at_ms),
            event => {
                let block = self.blocks.iter_mut().find(|block| Some(block.number) == event.lab());
                block.into_iter().for_each(|block| block.take(event));
            }
        }
    }

    /// One that is begun again begins anew.
    fn begin(&mut self, number: u32, title: String, steps: Option<usize>, began_ms: u64) {
        let block = Block { number, title, steps, began_ms, ..Block::default() };
        match self.blocks.iter_mut().find(|known| known.number == number) {
            Some(known) => *known = block,
            None => self.blocks.push(block),
        }
    }
}

impl Moving for Board {
    /// Where there is little room the blocks show less of themselves.
    fn lines(&self, (columns, rows): (usize, usize), now_ms: u64) -> Vec<String> {
        let room = rows.saturating_sub(1).max(1);
        let spinner = spinner(now_ms);
        let parts = self.parts.iter().map(|(part, detail)| {
            Line::new(CYAN, format!("  {spinner}")).and(PLAIN, format!(" {part:<9} ")).and(DIM, detail.as_str())
        });
        let mut lines: Vec<Line> = parts.map(|line| line.within(columns)).collect();
        let blocks = |detail: (usize, bool, bool)| -> Vec<Line> {
            self.blocks.iter().flat_map(|block| block.lines(columns, now_ms, spinner, detail)).collect()
        };
        let fits = |lines: &Vec<Line>| lines.len() + self.parts.len() <= room;
        lines.extend(DETAILS.into_iter().map(blocks).find(fits).unwrap_or_else(|| {
            // Those that have ended stand in the table later.
            let going = self.blocks.iter().filter(|block| block.end.is_none());
            going.flat_map(|block| block.lines(columns, now_ms, spinner, DETAILS[DETAILS.len() - 1])).collect()
        }));
        if lines.len() > room {
            let more = lines.len() - room + 1;
            lines.truncate(room - 1);
            lines.push(Line::new(DIM, format!("  … and {more} more")).within(columns));
        }
        lines.iter().map(Line::text).collect()
    }
}

impl Block {
    fn take(&mut self, event: &Event) {
        match event {
            Event::StepStarted { heading, command, .. } => {
                self.heading.clone_from(heading);
                self.command = command.lines().next().unwrap_or_default().trim_end_matches('\\').trim_end().to_owned();
            }
            Event::StepFinished { .. } => self.played += 1,
            Event::ObjectState { object, uid, status, at_object_ms, without: None, .. } => {
                let at = self.pods.iter().position(|pod| pod.uid == *uid);
                let mut pod = at.map_or_else(
                    || Pod { object: object.clone(), uid: uid.clone(), states: Vec::new() },
                    |at| self.pods.remove(at),
                );
                if pod.states.last().is_none_or(|(_, last)| last != status) {
                    pod.states.push((*at_object_ms, status.clone()));
                }
                if status != DELETED {
                    self.pods.push(pod);
                }
            }
            Event::RegistryAnswer { code, user, .. } => {
                self.registry.push(format!("{code} {}", whom(user.as_deref())));
            }
            Event::LabFinished { verdict, ms, .. } | Event::LectureFinished { verdict, ms, .. } => {
                self.end = Some((*verdict, *ms));
            }
            _ => {}
        }
    }

    fn lines(
        &self,
        columns: usize,
        now_ms: u64,
        spinner: &str,
        (pods, registry, step): (usize, bool, bool),
    ) -> Vec<Line> {
        if let Some((verdict, ms)) = self.end {
            let (style, mark) = mark(verdict);
            let right = Line::new(style, verdict.to_string()).and(DIM, format!("  {:>7}", seconds(ms)));
            let left = Line::new(style, format!("  {mark} ")).and(PLAIN, self.title.as_str());
            return vec![left.beside(right, Some(columns))];
        }
        let played = match self.steps {
            Some(steps) => format!("{}/{steps}", self.played),
            None => String::new(),
        };
        let right = Line::new(DIM, format!("{played}  {:>7}", seconds(now_ms.saturating_sub(self.began_ms))));
        let left = Line::new(CYAN, format!("  {spinner} ")).and(BOLD, self.title.as_str());
        let mut lines = vec![left.beside(right, Some(columns))];
        if step && !self.command.is_empty() {
            let heading = if self.heading == self.title { "" } else { &self.heading };
            let gap = if heading.is_empty() { "" } else { "  " };
            let command =
                Line::new(PLAIN, format!("      {heading}{gap}")).and(DIM, "$ ").and(PLAIN, self.command.as_str());
            lines.push(command.within(columns));
        }
        lines.extend(self.pods.iter().skip(self.pods.len().saturating_sub(pods)).map(|pod| pod.line(columns)));
        if registry && !self.registry.is_empty() {
            let last = self.registry.len().saturating_sub(ANSWERS);
            let before = if last > 0 { "… · " } else { "" };
            let answers = format!("{before}{}", self.registry[last..].join(" · "));
            lines.push(Line::new(CYAN, "      registry").and(PLAIN, format!("  {answers}")).within(columns));
        }
        lines
    }
}

impl Pod {
    /// Its name and its last states, as many as there is room for.
    fn line(&self, columns: usize) -> Line {
        let told = |(at, status): &(u64, String)| format!("{:.2} {status}", Duration::from_millis(*at).as_secs_f64());
        let states: Vec<String> = self.states.iter().map(told).collect();
        let line = |from: usize| {
            let before = if from > 0 { "… · " } else { "" };
            Line::new(CYAN, format!("      {}", self.object))
                .and(PLAIN, format!("  {before}{}", states[from..].join(" · ")))
        };
        let last = states.len().saturating_sub(1);
        let fits = (0..=last).map(line).find(|line| line.width() <= columns);
        fits.unwrap_or_else(|| line(last).within(columns))
    }
}
