//! What differs between shown and printed lines: each shown one must occur, in its order, as a line or as a part of
//! one.
//! Knows nothing of tables, JSON or YAML.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::same::Said;
use super::volatile::collapsed;
use super::{Class, Difference, Path, Sameness, elision};

/// `Key:   value`, as `kubectl describe` prints it.
static KEYED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^([A-Za-z][A-Za-z0-9 ._()/-]*): +(\S.*)$").expect("a literal, tested below"));
/// What an author writes beside a line.
static REMARK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\s+(#|//|<-+|←|<=+|⟵|👈).*$").expect("a literal, tested below"));

/// Keys whose values differ from run to run.
const VOLATILE: &[&str] = &[
    "Node",
    "Start Time",
    "IP",
    "Started",
    "Finished",
    "Created",
    "CreationTimestamp",
    "Container ID",
    "Image ID",
    "UID",
    "Resource Version",
    "Endpoints",
    "NodePort",
];
/// Keys whose values change while the cluster works.
const STATE: &[&str] = &[
    "Status",
    "State",
    "Last State",
    "Ready",
    "Reason",
    "Phase",
    "Restart Count",
    "Exit Code",
    "Replicas",
    "Pods Status",
];
/// Of a shown line's words so many must be in a printed line that it may be its new wording.
const ALIKE: f64 = 0.55;
/// So many words at the beginning make a line the new wording of another, whatever follows.
const SAME_BEGINNING: usize = 4;

/// Where a search goes on: a line, and the byte of its text behind what was found in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    line: usize,
    byte: usize,
}

/// What was found of the shown lines.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) differences: Vec<Difference>,
    /// Whether more was printed than what is shown.
    pub(super) is_part: bool,
}

/// Looks for each of the shown lines, given with its number from 0.
pub(super) fn differences<'a>(shown: impl Iterator<Item = (usize, &'a str)>, printed: &str) -> Found {
    let printed: Vec<Said> = printed.lines().filter(|line| !line.trim().is_empty()).map(Said::new).collect();
    let mut search = Search { taken: vec![false; printed.len()], printed, at: Place { line: 0, byte: 0 } };
    let mut differences = Vec::new();
    for (number, line) in shown.filter(|(_, line)| !line.trim().is_empty() && !elision::is_gap(line)) {
        let told = search.line(line);
        differences.extend(told.map(|(class, printed)| Difference {
            class,
            path: Path::Line,
            line: number + 1,
            shown: Some(collapsed(line)),
            printed,
        }));
    }
    Found { differences, is_part: search.taken.iter().any(|taken| !taken) }
}

struct Search {
    printed: Vec<Said>,
    taken: Vec<bool>,
    at: Place,
}

/// A difference's class, and the printed line it is about.
type Told = (Class, Option<String>);

impl Search {
    /// None where the line is there as it is shown.
    fn line(&mut self, line: &str) -> Option<Told> {
        let said = Said::new(line);
        let without_remark = REMARK.replace(line, "");
        let bare = (without_remark.len() < line.len()).then(|| Said::new(&without_remark));
        if let Some(told) = self.whole(&said) {
            return told;
        }
        if let Some(told) = bare.as_ref().and_then(|bare| self.whole(bare)) {
            return Some(told.unwrap_or((Class::Elided, None)));
        }
        let shown = bare.as_ref().unwrap_or(&said);
        self.part(shown)
            .or_else(|| self.earlier(shown))
            .or_else(|| self.keyed(shown))
            .or_else(|| self.reworded(shown))
            .or(Some((Class::Text, None)))
    }

    /// A printed line that says just this, from here on. Equal ones come before those that are only alike.
    fn whole(&mut self, shown: &Said) -> Option<Option<Told>> {
        let from = self.at.line + usize::from(self.at.byte > 0);
        let forward = || from..self.printed.len();
        let equal = forward().find(|line| self.printed[*line].plain == shown.plain);
        let alike = || forward().find(|line| shown.in_words_of(&self.printed[*line]) != Sameness::Other);
        let line = equal.or_else(alike)?;
        self.take(Place { line: line + 1, byte: 0 }, line);
        let printed = &self.printed[line];
        let class = shown.in_words_of(printed).class();
        Some(class.map(|class| (class, Some(printed.plain.clone()))))
    }

    /// A printed line that says this and more, from here on; several shown lines may be parts of one.
    fn part(&mut self, shown: &Said) -> Option<Told> {
        let pattern = elision::fragment(&shown.plain);
        let found = (self.at.line..self.printed.len()).find_map(|line| {
            let from = if line == self.at.line { self.at.byte } else { 0 };
            let printed = &self.printed[line];
            let rest = printed.masked().get(from..).unwrap_or_default();
            let plain = find(rest, shown.masked());
            let elided = || pattern.as_ref().and_then(|pattern| pattern.find(rest)).map(|found| found.end());
            Some(Place { line, byte: from + plain.or_else(elided)? })
        })?;
        self.take(found, found.line);
        Some((Class::Longer, Some(self.printed[found.line].plain.clone())))
    }

    fn earlier(&mut self, shown: &Said) -> Option<Told> {
        let is_there = |line: &usize| !self.taken[*line] && shown.in_words_of(&self.printed[*line]) != Sameness::Other;
        let line = (0..self.at.line.min(self.printed.len())).find(is_there)?;
        self.taken[line] = true;
        Some((Class::Order, Some(self.printed[line].plain.clone())))
    }

    /// A printed line with another value after the same key.
    fn keyed(&mut self, shown: &Said) -> Option<Told> {
        let key = |said: &Said| KEYED.captures(&said.plain).map(|found| found[1].to_owned());
        let wanted = key(shown)?;
        let line =
            (self.at.line..self.printed.len()).find(|line| key(&self.printed[*line]).as_ref() == Some(&wanted))?;
        self.take(Place { line: line + 1, byte: 0 }, line);
        let class = match wanted.as_str() {
            key if VOLATILE.contains(&key) => Class::Volatile,
            key if STATE.contains(&key) => Class::State,
            _ => Class::Value,
        };
        Some((class, Some(self.printed[line].plain.clone())))
    }

    /// The printed line with most of the shown words, or with the same beginning.
    fn reworded(&mut self, shown: &Said) -> Option<Told> {
        let free = (0..self.printed.len()).filter(|line| !self.taken[*line]);
        let best = free.map(|line| (likeness(shown.masked(), self.printed[line].masked()), line));
        let best = best.filter(|(share, _)| *share >= ALIKE);
        let (_, line) = best.max_by(|one, other| one.0.total_cmp(&other.0).then(other.1.cmp(&one.1)))?;
        self.taken[line] = true;
        Some((Class::Text, Some(self.printed[line].plain.clone())))
    }

    fn take(&mut self, next: Place, line: usize) {
        self.taken[line] = true;
        self.at = next;
    }
}

/// How many of the words of two lines are the same, from 0 to 1; 1 where the printed line is a part of the shown one,
/// and just enough where they begin with the same words.
fn likeness(shown: &str, printed: &str) -> f64 {
    let of_shown: Vec<&str> = shown.split(' ').collect();
    let of_printed: Vec<&str> = printed.split(' ').collect();
    if of_printed.len() > 1 && find(shown, printed).is_some() {
        return 1.0;
    }
    let (one, other): (BTreeSet<&str>, BTreeSet<&str>) =
        (of_shown.iter().copied().collect(), of_printed.iter().copied().collect());
    #[expect(clippy::cast_precision_loss, reason = "a line has few words")]
    let share = one.intersection(&other).count() as f64 / one.len().max(other.len()) as f64;
    let beginning = of_shown.iter().zip(&of_printed).take_while(|(shown, printed)| shown == printed).count();
    if beginning >= SAME_BEGINNING { share.max(ALIKE) } else { share }
}

/// Where the words of `part` end in `text`; a word is found only as a whole.
fn find(text: &str, part: &str) -> Option<usize> {
    let is_word = |char: Option<char>| char.is_some_and(|char| char.is_alphanumeric() || char == '\u{1}');
    text.match_indices(part).map(|(start, _)| (start, start + part.len())).find_map(|(start, end)| {
        let before = is_word(text[..start].chars().next_back()) && is_word(part.chars().next());
        let after = is_word(text[end..].chars().next()) && is_word(part.chars().next_back());
        (!part.is_empty() && !before && !after).then_some(end)
    })
}
