//! Which rules explain what was seen.

use regex::Regex;

use super::rule::{Component, DriftRule, MinorVersion, Pattern, Seen, rules};
use crate::compare::{Class, Difference, Path, Sameness, sameness};

/// What the lecture was played with; a rule of a program whose version is not known explains nothing, unless it has no
/// version itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Versions {
    pub server: Option<MinorVersion>,
    pub kubectl: Option<MinorVersion>,
    pub containerd: Option<MinorVersion>,
    pub docker: Option<MinorVersion>,
}

/// What a command was, and what came of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CommandOutput<'a> {
    pub command: &'a str,
    /// Both streams.
    pub printed: &'a str,
    /// Against what is shown; empty where nothing is.
    pub differences: &'a [Difference],
}

/// A rule, and what it explains.
#[derive(Debug, Clone)]
pub(crate) struct Explanation {
    pub rule: &'static DriftRule,
    /// The numbers of the differences; none where it explains a line that the command printed.
    pub differences: Vec<usize>,
    /// The line that the command printed.
    pub line: Option<String>,
}

/// Whether the program has the change or is older than it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    Since,
    Before,
}

impl Versions {
    /// Of a cluster and a kubectl, as they say themselves.
    pub(crate) fn new(server: &str, kubectl: &str) -> Self {
        Self { server: MinorVersion::parse(server), kubectl: MinorVersion::parse(kubectl), ..Self::default() }
    }

    fn get(&self, component: Component) -> Option<MinorVersion> {
        match component {
            Component::Server => self.server,
            Component::Kubectl => self.kubectl,
            Component::Containerd => self.containerd,
            Component::Docker => self.docker,
        }
    }

    fn age(&self, rule: &DriftRule) -> Option<Age> {
        let Some(since) = rule.since else { return Some(Age::Since) };
        let version = self.get(rule.component)?;
        let is_in = version >= since && rule.until.is_none_or(|until| version < until);
        Some(if is_in { Age::Since } else { Age::Before })
    }
}

/// The rules that explain what was seen, in the order of the table.
pub(crate) fn explain(output: &CommandOutput<'_>, versions: &Versions) -> Vec<Explanation> {
    let command = super::words(output.command).collect::<Vec<_>>().join(" ");
    let applying: Vec<(&'static DriftRule, &'static Seen, Age)> = rules()
        .iter()
        .filter_map(|rule| Some((rule, versions.age(rule)?)))
        .flat_map(|(rule, age)| rule.seen.iter().map(move |seen| (rule, seen, age)))
        .filter(|(_, seen, _)| seen.command.as_ref().is_none_or(|pattern| pattern.0.is_match(&command)))
        .collect();
    let mut explanations: Vec<Explanation> = Vec::new();
    for (at, difference) in output.differences.iter().enumerate() {
        for rule in explaining(difference, &applying) {
            explanation_of(&mut explanations, rule).differences.push(at);
        }
    }
    for (rule, seen, age) in &applying {
        let line = if *age == Age::Since { &seen.says } else { &seen.said };
        let found = line.as_ref().and_then(|line| output.printed.lines().find(|printed| line.0.is_match(printed)));
        if let Some(found) = found {
            explanation_of(&mut explanations, rule).line = Some(found.trim().to_owned());
        }
    }
    let place = |rule: &DriftRule| rules().iter().position(|other| other.id == rule.id);
    explanations.sort_by_key(|explanation| place(explanation.rule));
    explanations
}

/// How a command is written since the changes that explain its failure or its output.
pub(crate) fn mended(command: &str, explanations: &[Explanation]) -> Option<String> {
    let mends = explanations.iter().filter_map(|explanation| explanation.rule.mend.as_ref());
    let mended = mends.fold(command.to_owned(), |text, mend| mend.find.0.replace(&text, &mend.replace).into_owned());
    (mended != command).then_some(mended)
}

fn explanation_of<'a>(explanations: &'a mut Vec<Explanation>, rule: &'static DriftRule) -> &'a mut Explanation {
    let at = explanations.iter().position(|explanation| explanation.rule.id == rule.id).unwrap_or_else(|| {
        explanations.push(Explanation { rule, differences: Vec::new(), line: None });
        explanations.len() - 1
    });
    &mut explanations[at]
}

/// The rules that explain a difference: one of shape or of a field alone; of texts all those together that make the
/// new text out of the old one.
fn explaining(
    difference: &Difference,
    applying: &[(&'static DriftRule, &'static Seen, Age)],
) -> Vec<&'static DriftRule> {
    let fits = |seen: &Seen, age: Age| is_of_class(seen, difference, age) && is_at(seen, &difference.path);
    let applying: Vec<_> = applying.iter().filter(|(_, seen, age)| fits(seen, *age)).collect();
    if let Some((rule, ..)) = applying.iter().find(|(_, seen, _)| seen.is_of_place_alone()) {
        return vec![rule];
    }
    let mut texts = Texts::new(difference);
    let mut by = Vec::new();
    for (rule, seen, age) in &applying {
        if texts.take_off(seen, *age) {
            by.push(*rule);
        }
    }
    if !by.is_empty() && texts.are_same() {
        return by;
    }
    let reworded = applying.iter().find(|(_, seen, age)| texts.are_old_and_new(seen, *age));
    reworded.map(|(rule, ..)| by.into_iter().chain([*rule]).collect()).unwrap_or_default()
}

fn is_of_class(seen: &Seen, difference: &Difference, age: Age) -> bool {
    let class = match (age, difference.class) {
        (Age::Before, Class::ColumnAdded) => Class::ColumnMissing,
        (Age::Before, Class::ColumnMissing) => Class::ColumnAdded,
        (_, class) => class,
    };
    let any = seen.class.is_empty() && (class.counts() || class == Class::Longer);
    seen.says.is_none() && seen.said.is_none() && (any || seen.class.contains(&class))
}

fn is_at(seen: &Seen, path: &Path) -> bool {
    let matches = |pattern: &Option<Pattern>, text: Option<&str>| match (pattern, text) {
        (None, _) => true,
        (Some(pattern), Some(text)) => pattern.0.is_match(text),
        (Some(_), None) => false,
    };
    let (column, field) = match path {
        Path::Cell { column, .. } | Path::Column { column, .. } => (Some(column.as_str()), None),
        Path::Field { pointer } => (None, Some(pointer.as_str())),
        Path::Row { .. } | Path::Line => (None, None),
    };
    matches(&seen.column, column) && matches(&seen.field, field)
}

impl Seen {
    /// Whether class and place say it all.
    fn is_of_place_alone(&self) -> bool {
        let has_place = self.column.is_some() || self.field.is_some();
        has_place && self.old.is_none() && self.new.is_none() && self.more.is_none() && self.less.is_none()
    }
}

/// Both texts of a difference, with what rules took off them.
struct Texts {
    shown: Option<String>,
    printed: Option<String>,
}

impl Texts {
    fn new(difference: &Difference) -> Self {
        Self { shown: difference.shown.clone(), printed: difference.printed.clone() }
    }

    /// Takes off what one side has more; false where there is none.
    fn take_off(&mut self, seen: &Seen, age: Age) -> bool {
        let (old, new) = match age {
            Age::Since => (&mut self.shown, &mut self.printed),
            Age::Before => (&mut self.printed, &mut self.shown),
        };
        let take = |text: &mut Option<String>, other: &Option<String>, pattern: &Option<Pattern>| {
            let (Some(text), Some(Pattern(pattern))) = (text, pattern) else { return false };
            // What both have is no difference.
            if !pattern.is_match(text) || other.as_ref().is_some_and(|other| pattern.is_match(other)) {
                return false;
            }
            *text = pattern.replace_all(text, "").into_owned();
            true
        };
        take(new, old, &seen.more) | take(old, new, &seen.less)
    }

    fn are_same(&self) -> bool {
        matches!((&self.shown, &self.printed), (Some(shown), Some(printed)) if sameness(shown, printed) != Sameness::Other)
    }

    /// Whether they are a rule's old and new text, with the same words in groups of the same name.
    fn are_old_and_new(&self, seen: &Seen, age: Age) -> bool {
        let (old, new) = match age {
            Age::Since => (&self.shown, &self.printed),
            Age::Before => (&self.printed, &self.shown),
        };
        match (&seen.old, &seen.new) {
            (None, None) => false,
            (Some(pattern), None) => age == Age::Since && new.is_none() && is_whole(pattern, old),
            (None, Some(pattern)) => age == Age::Before && old.is_none() && is_whole(pattern, new),
            (Some(was), Some(is)) => {
                is_whole(was, old) && is_whole(is, new) && has_same_groups(&was.0, &is.0, old, new)
            }
        }
    }
}

fn is_whole(pattern: &Pattern, text: &Option<String>) -> bool {
    let found = text.as_ref().and_then(|text| Some((text, pattern.0.find(text)?)));
    found.is_some_and(|(text, found)| found.len() == text.len())
}

fn has_same_groups(was: &Regex, is: &Regex, old: &Option<String>, new: &Option<String>) -> bool {
    let (Some(old), Some(new)) = (old, new) else { return false };
    let (Some(old), Some(new)) = (was.captures(old), is.captures(new)) else { return false };
    was.capture_names().flatten().all(|name| match (old.name(name), new.name(name)) {
        (Some(old), Some(new)) => sameness(old.as_str(), new.as_str()) != Sameness::Other,
        _ => true,
    })
}
