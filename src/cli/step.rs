//! Step mode: each command is shown, and played when the reader says so. What is shown, `report` shows; this reads the
//! answers. Time that is waited here is nobody's: a step begins once it is let go.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::error::Error;
use super::printer::Printer;
use crate::event::{Event, Events};
use crate::place::Site;
use crate::run::{BeforeStep, Next};
use crate::script::lecture::LectureItem;
use crate::script::{Action, Lab, Step};

/// Whether a reader can be asked.
///
/// # Errors
/// Where stdin is no terminal, or stdout is a program's.
pub(super) fn possible(printer: &Printer) -> Result<(), Error> {
    match std::io::stdin().is_terminal() && !printer.json {
        true => Ok(()),
        false => Err(Error::NobodyToAsk),
    }
}

/// A command that waits to be played.
#[derive(Debug, Clone)]
struct Waiting {
    lab: u32,
    line: usize,
    heading: String,
    command: String,
}

/// Asks before each command.
pub(super) struct Stepper {
    events: Events,
    /// Ends the run in order.
    stop: CancellationToken,
    reading: Mutex<Reading>,
}

struct Reading {
    answers: Lines<BufReader<Stdin>>,
    /// What of each lab has been come to, in this playing: lines and headings.
    come_to: BTreeMap<u32, Vec<(usize, String)>>,
    /// Up to which line a lab is played again without asking.
    up_to: BTreeMap<u32, usize>,
}

/// What a reader answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Play,
    Skip,
    Back,
    Quit,
}

impl Stepper {
    pub(super) fn new(events: &Events, stop: &CancellationToken) -> Self {
        let answers = BufReader::new(tokio::io::stdin()).lines();
        let reading = Reading { answers, come_to: BTreeMap::new(), up_to: BTreeMap::new() };
        Self { events: events.clone(), stop: stop.clone(), reading: Mutex::new(reading) }
    }

    /// What the reader wants of this item of a lecture.
    pub(super) fn before_item(&self, lab: u32, item: &LectureItem) -> BoxFuture<'_, Next> {
        let Some(command) = item.command() else { return futures::future::ready(Next::Play).boxed() };
        let heading = item.headings.last().cloned().unwrap_or_default();
        self.ask(Waiting { lab, line: item.lines.first, heading, command: command.script.trim_end().to_owned() })
            .boxed()
    }

    async fn ask(&self, waiting: Waiting) -> Next {
        let mut reading = self.reading.lock().await;
        let Waiting { lab, line, heading, command } = waiting;
        let come_to = reading.come_to.entry(lab).or_default();
        come_to.push((line, heading.clone()));
        if reading.up_to.get(&lab).is_some_and(|up_to| line < *up_to) {
            return Next::Play;
        }
        reading.up_to.remove(&lab);
        self.events.emit(Event::StepWaits { lab, line, heading, command });
        loop {
            // Nobody is there any more: as if they had said so.
            let said = reading.answers.next_line().await.ok().flatten().unwrap_or_else(|| "q".into());
            match answer(&said) {
                Some(Answer::Play) => return Next::Play,
                Some(Answer::Skip) => return Next::Skip,
                Some(Answer::Back) => {
                    let come_to = reading.come_to.remove(&lab).unwrap_or_default();
                    reading.up_to.insert(lab, start_of_demo(&come_to));
                    return Next::Back;
                }
                Some(Answer::Quit) => {
                    self.stop.cancel();
                    return std::future::pending().await;
                }
                None => self.events.note("Enter plays, `s` skips, `b` goes back to the start of the demo, `q` leaves"),
            }
        }
    }
}

fn answer(said: &str) -> Option<Answer> {
    match said.trim() {
        "" => Some(Answer::Play),
        "s" => Some(Answer::Skip),
        "b" => Some(Answer::Back),
        "q" => Some(Answer::Quit),
        _ => None,
    }
}

/// The line at which the demo begins that the last of these belongs to; at its very beginning, the one before.
fn start_of_demo(come_to: &[(usize, String)]) -> usize {
    let start = |until: usize| {
        let heading = &come_to.get(until)?.1;
        let first = come_to[..=until].iter().rposition(|(_, other)| other != heading).map_or(0, |before| before + 1);
        Some(first)
    };
    let Some(first) = come_to.len().checked_sub(1).and_then(start) else { return 0 };
    let first = if first + 1 == come_to.len() { first.checked_sub(1).and_then(start).unwrap_or(0) } else { first };
    come_to[first].0
}

impl BeforeStep for Stepper {
    fn before_step<'a>(&'a self, lab: &'a Lab, step: &'a Step, _: &'a Site) -> BoxFuture<'a, Next> {
        match &step.action {
            Action::Shell(script) if step.skip.is_none() => self
                .ask(Waiting {
                    lab: lab.id,
                    line: step.line,
                    heading: step.heading.clone(),
                    command: script.trim_end().to_owned(),
                })
                .boxed(),
            _ => futures::future::ready(Next::Play).boxed(),
        }
    }

    fn is_one_by_one(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_leads_to_the_start_of_the_demo_and_from_there_to_the_one_before() {
        let at = |headings: &[&str]| {
            let come_to: Vec<_> =
                headings.iter().enumerate().map(|(at, heading)| (at * 10, (*heading).into())).collect();
            start_of_demo(&come_to)
        };
        assert_eq!(at(&["a"]), 0);
        assert_eq!(at(&["a", "a", "a"]), 0);
        assert_eq!(at(&["a", "b", "b"]), 10);
        assert_eq!(at(&["a", "b", "b", "c"]), 10, "nothing of c has been played");
        assert_eq!(at(&["a", "b"]), 0);
        assert_eq!(at(&[]), 0);
    }

    #[test]
    fn an_answer_is_a_letter_or_nothing() {
        let answers = ["", "  ", "s", "b ", "q", "quit", "y"].map(answer);
        let expected =
            [Some(Answer::Play), Some(Answer::Play), Some(Answer::Skip), Some(Answer::Back), Some(Answer::Quit)];
        assert_eq!(answers[..5], expected);
        assert_eq!(answers[5..], [None, None]);
    }
}
