//! Paragraphs: what leads in the next code, what depends on the reader, and what is done on a screen.

use std::sync::LazyLock;

use regex::Regex;

use super::Reading;
use crate::script::lecture::item::{Cue, ItemKind, Lines, Manual};
use crate::script::lecture::words::{Concept, Cues, last_sentence};

/// Words of a call to watch, subscribe or read on: links, not steps.
static ELSEWHERE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)click here|click (?:on )?the (?:link|star|image|video)|subscribe|table of contents|^\[[^\]]*\]$")
        .expect("a pattern of ours")
});

impl Reading {
    pub(super) fn prose(&mut self, lines: Lines, text: &str) {
        let cues = Cues::new(text);
        if let Some(word) = cues.phrase(Concept::Screen)
            && !ELSEWHERE.is_match(text)
            && !cues.has(Concept::Output)
        {
            self.manual(lines, text, word);
        }
        self.lead.push(Cue { line: lines.first, text: text.to_owned() });
    }

    /// Steps on a screen that follow each other are one item.
    fn manual(&mut self, lines: Lines, text: &str, word: &str) {
        let section = self.outline.current();
        if let Some(last) = self.items.last_mut()
            && let ItemKind::Manual(manual) = &mut last.kind
            && self.places.last().is_some_and(|place| place.section == section)
            && lines.first <= last.lines.last + 4
        {
            last.lines.last = lines.last;
            manual.text.push('\n');
            manual.text.push_str(text);
            return;
        }
        self.push(lines, ItemKind::Manual(Manual { text: text.to_owned(), cue: word.to_owned() }));
    }

    /// `If you use Linux, …`: the words that make what follows depend on the reader.
    pub(super) fn condition(&self) -> Option<Cue> {
        let cue = self.lead.last()?;
        let begins = |text: &str| Cues::new(text).begins(Concept::Condition, 0);
        let conditional = begins(&cue.text) || begins(last_sentence(&cue.text));
        conditional.then(|| Cue { line: cue.line, text: cue.text.lines().next().unwrap_or_default().to_owned() })
    }
}
