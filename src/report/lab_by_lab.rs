//! Puts the events of labs that are played side by side in an order that people can read: one lab's at a time, the
//! others' once it has finished.

use std::collections::{BTreeMap, VecDeque};

use super::Consumer;
use crate::event::{Event, Record};

/// Hands one lab's events on as they come and keeps the others'. Those that have finished meanwhile follow whole,
/// in the order in which they finished; then one that still runs.
pub(crate) struct LabByLab<C> {
    inner: C,
    /// The lab whose events go through.
    shown: Option<u32>,
    kept: BTreeMap<u32, Vec<Record>>,
    finished: VecDeque<u32>,
    started: VecDeque<u32>,
}

impl<C: Consumer> LabByLab<C> {
    pub(crate) fn new(inner: C) -> Self {
        Self { inner, shown: None, kept: BTreeMap::new(), finished: VecDeque::new(), started: VecDeque::new() }
    }

    fn next(&mut self) {
        self.shown = None;
        while let Some(lab) = self.finished.pop_front() {
            self.hand_on(lab);
        }
        if let Some(lab) = self.started.pop_front() {
            self.shown = Some(lab);
            self.hand_on(lab);
        }
    }

    fn hand_on(&mut self, lab: u32) {
        for record in self.kept.remove(&lab).unwrap_or_default() {
            self.inner.record(&record);
        }
    }
}

impl<C: Consumer> Consumer for LabByLab<C> {
    fn record(&mut self, record: &Record) {
        let Some(lab) = record.event.lab() else { return self.inner.record(record) };
        let starts = matches!(record.event, Event::LabStarted { .. } | Event::LectureStarted { .. });
        let ends = matches!(record.event, Event::LabFinished { .. } | Event::LectureFinished { .. });
        // A lab that is played again: of what is not shown yet nothing of the first time counts.
        let again = starts && (self.shown == Some(lab) || self.kept.remove(&lab).is_some());
        if starts && !again {
            match self.shown {
                None => self.shown = Some(lab),
                Some(_) => self.started.push_back(lab),
            }
        }
        if self.shown == Some(lab) {
            self.inner.record(record);
            if ends {
                self.next();
            }
            return;
        }
        self.kept.entry(lab).or_default().push(record.clone());
        if ends {
            self.started.retain(|started| *started != lab);
            self.finished.push_back(lab);
        }
    }

    fn finish(&mut self) -> std::io::Result<()> {
        // A run that was interrupted: what its labs had come to.
        self.finished.extend(std::mem::take(&mut self.started));
        self.next();
        self.inner.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::event::Verdict;

    #[derive(Clone, Default)]
    struct Told(Arc<Mutex<Vec<String>>>);

    impl Consumer for Told {
        fn record(&mut self, record: &Record) {
            let word = match &record.event {
                Event::LabStarted { lab, .. } => format!("{lab}("),
                Event::LabFinished { lab, .. } => format!("{lab})"),
                Event::StepOutput { lab, text, .. } => format!("{lab}{text}"),
                Event::Note { text } => text.clone(),
                _ => "?".into(),
            };
            self.0.lock().unwrap().push(word);
        }
    }

    fn output(words: &str) -> String {
        let told = Told::default();
        let mut order = LabByLab::new(told.clone());
        for word in words.split(' ') {
            let lab = word[..1].parse().unwrap_or(0);
            let event = match word[1..].chars().next() {
                Some('(') => Event::LabStarted { lab, title: String::new(), file: String::new(), steps: 1 },
                Some(')') => {
                    let verdict = Verdict::Reproduced;
                    Event::LabFinished { lab, title: String::new(), verdict, ms: 1, failure: None }
                }
                Some(_) => Event::StepOutput { lab, line: 1, text: word[1..].into() },
                None => Event::Note { text: word.into() },
            };
            order.record(&Record { at_ms: 0, event });
        }
        order.finish().unwrap();
        let told = std::mem::take(&mut *told.0.lock().unwrap());
        told.join(" ")
    }

    #[test]
    fn one_labs_events_at_a_time_in_the_order_of_their_ends() {
        assert_eq!(output("1( 1a 1) 2( 2a 2)"), "1( 1a 1) 2( 2a 2)");
        assert_eq!(
            output("1( 2( 1a 3( 4( 2a n 3a 3) 2) 1b 1) 4a 4b 4) n"),
            "1( 1a n 1b 1) 3( 3a 3) 2( 2a 2) 4( 4a 4b 4) n"
        );
        assert_eq!(output("1( 2( 2a 1a"), "1( 1a 2( 2a", "interrupted");
    }
}
