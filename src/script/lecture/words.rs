//! What people write around code, found by meaning in the languages of `words.tsv`.
//! Knows nothing of code; a cue is only a cue, and who asks decides what it is worth.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Concept {
    /// What follows is printed.
    Output,
    /// It ends with an error.
    Failure,
    /// A heading of one of several ways.
    Option,
    /// What follows takes the place of what came before.
    Instead,
    /// It depends on the reader.
    Condition,
    /// What follows is a file.
    Save,
    /// What follows goes into something that is there.
    Add,
    /// It is done on a screen.
    Screen,
    Setup,
    Verify,
    CleanUp,
    /// A heading of what readers are to find out themselves.
    Solution,
    /// It is about a case that should not come, or about another time.
    Aside,
}

const CONCEPTS: [(&str, Concept); 13] = [
    ("output", Concept::Output),
    ("failure", Concept::Failure),
    ("option", Concept::Option),
    ("instead", Concept::Instead),
    ("condition", Concept::Condition),
    ("save", Concept::Save),
    ("add", Concept::Add),
    ("screen", Concept::Screen),
    ("setup", Concept::Setup),
    ("verify", Concept::Verify),
    ("cleanup", Concept::CleanUp),
    ("solution", Concept::Solution),
    ("aside", Concept::Aside),
];

struct Lexicon {
    automaton: AhoCorasick,
    /// By pattern: what it means, and whether it ends at a word's end.
    meanings: Vec<(Concept, bool)>,
}

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let (mut patterns, mut meanings) = (Vec::new(), Vec::new());
    for row in include_str!("words.tsv").lines().filter(|row| !row.starts_with('#')) {
        let mut cells = row.split('\t');
        let (name, phrases) = (cells.next().unwrap_or_default(), cells.nth(1).unwrap_or_default());
        let concept = CONCEPTS.iter().find(|(known, _)| *known == name).map(|(_, concept)| *concept);
        for phrase in phrases.split(" | ") {
            if let Some(concept) = concept {
                meanings.push((concept, phrase.ends_with('$')));
                patterns.push(phrase.trim_end_matches('$').to_owned());
            }
        }
    }
    let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).build(patterns).expect("phrases of ours");
    Lexicon { automaton, meanings }
});

/// The cues of one text.
#[derive(Debug, Default)]
pub(super) struct Cues(Vec<(Concept, usize, String)>);

impl Cues {
    pub(super) fn new(text: &str) -> Self {
        let lower = text.to_lowercase();
        let mut found = Vec::new();
        for hit in LEXICON.automaton.find_overlapping_iter(&lower) {
            let (concept, whole) = LEXICON.meanings[hit.pattern().as_usize()];
            let phrase = &lower[hit.start()..hit.end()];
            let begins = !lower[..hit.start()].chars().next_back().is_some_and(joins)
                || phrase.chars().next().is_some_and(|c| !joins(c));
            let ends = !whole || !lower[hit.end()..].chars().next().is_some_and(joins);
            if begins && ends {
                found.push((
                    concept,
                    lower[..hit.start()].chars().filter(|c| c.is_alphanumeric()).count(),
                    phrase.to_owned(),
                ));
            }
        }
        Self(found)
    }

    pub(super) fn has(&self, concept: Concept) -> bool {
        self.phrase(concept).is_some()
    }

    pub(super) fn phrase(&self, concept: Concept) -> Option<&str> {
        self.0.iter().find(|(found, ..)| *found == concept).map(|(.., phrase)| phrase.as_str())
    }

    /// Whether the text begins with such a cue; at most `letters` letters or digits may stand before it.
    pub(super) fn begins(&self, concept: Concept, letters: usize) -> bool {
        self.0.iter().any(|(found, at, _)| *found == concept && *at <= letters)
    }
}

/// Letters of scripts that put blanks between words.
fn joins(c: char) -> bool {
    c.is_alphanumeric() && (c as u32) < 0x1100
}

/// The last sentence of a text, which leads in what follows.
pub(super) fn last_sentence(text: &str) -> &str {
    let text = text.trim_end();
    let body = text.trim_end_matches(['.', ':', '：', '。', '!', '?', '…', ' ', '*', '_']);
    let mut start = 0;
    for (at, c) in body.char_indices() {
        let next = body[at + c.len_utf8()..].chars().next();
        let ends = match c {
            '.' | '!' | '?' => next.is_some_and(char::is_whitespace),
            '。' | '！' | '？' => true,
            _ => false,
        };
        if ends {
            start = at + c.len_utf8();
        }
    }
    text[start..].trim_start()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_a_meaning_and_a_language() {
        for row in include_str!("words.tsv").lines().filter(|row| !row.starts_with('#')) {
            let cells: Vec<&str> = row.split('\t').collect();
            assert!(cells.len() == 3 && cells[1].len() == 2, "{row}");
            assert!(CONCEPTS.iter().any(|(name, _)| *name == cells[0]), "{row}");
            for phrase in cells[2].split(" | ") {
                assert!(!phrase.is_empty() && phrase == phrase.to_lowercase() && phrase.trim() == phrase, "{row}");
            }
        }
    }

    #[test]
    fn cues_are_found_at_the_beginnings_of_words() {
        for (text, concept, found) in [
            ("You'll see:", Concept::Output, true),
            ("Expected output", Concept::Output, true),
            ("throughput", Concept::Output, false),
            ("输出如下：", Concept::Output, true),
            ("Verás algo así:", Concept::Output, true),
            ("This will fail with", Concept::Failure, true),
            ("The showstopper", Concept::Output, false),
            ("Вы увидите", Concept::Output, true),
            ("Step 3 (Option 1: CLI)", Concept::Option, true),
            ("the optional step", Concept::Option, false),
        ] {
            assert_eq!(Cues::new(text).has(concept), found, "{text}");
        }
    }

    #[test]
    fn the_last_sentence_leads_in() {
        for (text, last) in [
            ("You'll see `.x` with a value. Decode it:", "Decode it:"),
            ("One sentence only:", "One sentence only:"),
            ("先创建。再查看结果：", "再查看结果："),
            ("Version 1.2 is out.", "Version 1.2 is out."),
        ] {
            assert_eq!(last_sentence(text), last);
        }
    }
}
