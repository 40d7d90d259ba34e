//! Headings → where an item stands: its path, its phase, its id, and which sections are ways to the same end. Pure.

use super::item::{ItemId, Phase};
use super::words::{Concept, Cues};

#[derive(Debug)]
struct Section {
    level: usize,
    text: String,
    anchor: String,
    parent: Option<usize>,
    items: usize,
    /// The heading calls it an option, a method, an alternative.
    option: bool,
    /// The heading says that it is another way than the one before.
    alternative: bool,
}

/// Letters and digits of a number before a heading's own words: `Demo 12, step 3`.
const STEP: usize = 11;

/// All headings so far; the last is the current one.
#[derive(Debug)]
pub(super) struct Outline {
    sections: Vec<Section>,
}

impl Outline {
    pub(super) fn new() -> Self {
        let (text, anchor) = (String::new(), "top".to_owned());
        let top = Section { level: 0, text, anchor, parent: None, items: 0, option: false, alternative: false };
        Self { sections: vec![top] }
    }

    pub(super) fn enter(&mut self, level: usize, text: String, anchor: String) {
        let parent = (0..self.sections.len()).rev().find(|at| self.sections[*at].level < level);
        let cues = Cues::new(&text);
        let option = cues.has(Concept::Option);
        let alternative = cues.phrase(Concept::Option).is_some_and(|phrase| phrase.starts_with("altern"));
        self.sections.push(Section { level, text, anchor, parent, items: 0, option, alternative });
    }

    pub(super) fn current(&self) -> usize {
        self.sections.len() - 1
    }

    pub(super) fn heading(&self) -> &str {
        &self.sections[self.current()].text
    }

    pub(super) fn next_id(&mut self) -> ItemId {
        let at = self.current();
        self.sections[at].items += 1;
        ItemId(format!("{}:{}", self.sections[at].anchor, self.sections[at].items))
    }

    pub(super) fn path(&self) -> Vec<String> {
        let mut path: Vec<String> = self.chain(self.current()).map(|at| self.sections[at].text.clone()).collect();
        path.reverse();
        path
    }

    /// The nearest heading that tells; a section under "Clean up" is clean-up whatever its own heading.
    pub(super) fn phase(&self) -> Phase {
        let mut phase = Phase::Main;
        for at in self.chain(self.current()) {
            let section = &self.sections[at];
            // A page's title names its subject, not a phase.
            if section.level <= 1 && at != self.current() {
                break;
            }
            let cues = Cues::new(&section.text);
            if cues.has(Concept::CleanUp) {
                return Phase::CleanUp;
            }
            if cues.has(Concept::Solution) && section.text.split_whitespace().count() <= 4 {
                return Phase::Solution;
            }
            if phase == Phase::Main {
                // `Create it and verify` makes something, `Step 5: Verify` does not.
                if cues.begins(Concept::Verify, STEP) {
                    phase = Phase::Verify;
                } else if cues.begins(Concept::Setup, STEP) {
                    phase = Phase::Setup;
                }
            }
        }
        phase
    }

    /// The section and those around it, without the place before all headings.
    fn chain(&self, from: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(from), |at| self.sections[*at].parent).filter(|at| *at > 0)
    }

    /// For each section the group of ways that it or a section around it belongs to, as the group's first section and
    /// its own number in it.
    pub(super) fn ways(&self) -> Vec<Option<(usize, usize)>> {
        let mut ways: Vec<Option<(usize, usize)>> = vec![None; self.sections.len()];
        // The section of the same level right before, under the same parent, and the last of each.
        let mut last_child = vec![None; self.sections.len()];
        for at in 1..self.sections.len() {
            let section = &self.sections[at];
            let parent = section.parent.unwrap_or(0);
            let before: Option<usize> =
                last_child[parent].filter(|before: &usize| self.sections[*before].level == section.level);
            last_child[parent] = Some(at);
            if let (true, Some(before)) = (section.option, before) {
                let joins = self.sections[before].option || section.alternative;
                if joins {
                    let (group, number) = *ways[before].get_or_insert((before, 1));
                    ways[at] = Some((group, number + 1));
                }
            }
        }
        for at in 1..self.sections.len() {
            if ways[at].is_none() {
                ways[at] = self.sections[at].parent.and_then(|parent| ways[parent]);
            }
        }
        ways
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(headings: &[(usize, &str)]) -> Outline {
        let mut outline = Outline::new();
        for (level, text) in headings {
            outline.enter(*level, (*text).to_owned(), text.to_lowercase());
        }
        outline
    }

    #[test]
    fn ways_to_the_same_end() {
        let headings = [
            (2, "Demo"),
            (3, "Step 3: Patch (Option 1: CLI)"),
            (3, "Step 4: (Alternative) Edit"),
            (4, "Inside"),
            (3, "Step 5: Verify"),
            (3, "Option 1"),
            (3, "Option 2"),
        ];
        assert_eq!(
            outline(&headings).ways(),
            [None, None, Some((2, 1)), Some((2, 2)), Some((2, 2)), None, Some((6, 1)), Some((6, 2))]
        );
        assert_eq!(outline(&[(2, "Kubernetes the hard way"), (2, "Next")]).ways(), [None, None, None]);
        assert_eq!(outline(&[(2, "Patch"), (2, "Alternative: edit")]).ways(), [None, Some((1, 1)), Some((1, 2))]);
    }

    #[test]
    fn phases_by_the_stems_of_headings() {
        for (headings, phase) in [
            (vec![(2, "Demo"), (3, "Step 5: Verify the Patch")], Phase::Verify),
            (vec![(2, "Prerequisites")], Phase::Setup),
            (vec![(2, "Cleaning up"), (3, "Verify")], Phase::CleanUp),
            (vec![(2, "清理环境")], Phase::CleanUp),
            (vec![(1, "Set up a registry"), (2, "Pods")], Phase::Main),
            (vec![(2, "Проверка")], Phase::Verify),
            (vec![(1, "Question 5"), (2, "Musterlösung")], Phase::Solution),
        ] {
            assert_eq!(outline(&headings).phase(), phase, "{headings:?}");
        }
    }

    #[test]
    fn ids_count_within_a_section() {
        let mut outline = outline(&[(2, "a")]);
        assert_eq!([outline.next_id().0, outline.next_id().0], ["a:1", "a:2"]);
    }
}
