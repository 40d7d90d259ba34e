//! The rules, read from `rules.toml`.

use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Deserializer};

use crate::compare::Class;

/// One change of what a program prints or takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DriftRule {
    pub id: String,
    /// What changed, in one sentence.
    pub what: String,
    /// Whose version counts.
    pub component: Component,
    /// The first version with the change; without it the change has no version of its own.
    pub since: Option<MinorVersion>,
    /// The first version without it again.
    pub until: Option<MinorVersion>,
    /// Where it is written down: a pull request, an issue, a page.
    pub source: String,
    pub verified: Verified,
    /// What it looks like; any of these.
    pub(super) seen: Vec<Seen>,
    /// How a command is written since.
    pub(super) mend: Option<Mend>,
}

/// Whose version counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Component {
    /// The API server and the kubelets of its version.
    Server,
    Kubectl,
    Containerd,
    Docker,
}

/// How it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verified {
    /// Both sides were run.
    Run,
    /// Read in the program's source.
    Source,
    /// Read in release notes.
    Note,
}

/// Major and minor; patches do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct MinorVersion(pub u32, pub u32);

/// What a change looks like. Old and new change places where the program is older than the change.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seen {
    /// The command, as one line.
    pub(super) command: Option<Pattern>,
    /// The classes of difference; any where none is given.
    #[serde(default)]
    pub(super) class: Vec<Class>,
    /// The column that came or went, or that the cell is in.
    pub(super) column: Option<Pattern>,
    /// The field, as a JSON pointer.
    pub(super) field: Option<Pattern>,
    /// The old text, as a whole.
    pub(super) old: Option<Pattern>,
    /// The new text, as a whole. Old without new is text that went, new without old is text that came.
    pub(super) new: Option<Pattern>,
    /// What the new text has more than the old one.
    pub(super) more: Option<Pattern>,
    /// What the old text has more than the new one.
    pub(super) less: Option<Pattern>,
    /// A line that the command prints since, most often why it fails.
    pub(super) says: Option<Pattern>,
    /// A line that an older program prints.
    pub(super) said: Option<Pattern>,
}

/// How a command is written since.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mend {
    pub(super) find: Pattern,
    pub(super) replace: String,
}

/// A regular expression.
#[derive(Debug)]
pub(super) struct Pattern(pub(super) Regex);

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Regex::new(&text).map(Pattern).map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for MinorVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        MinorVersion::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no version")))
    }
}

impl MinorVersion {
    /// Of `v1.36.4`, `1.36`, `29.0.1-rc.1`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.trim().trim_start_matches('v').split('.');
        let major = numbers.next()?.parse().ok()?;
        let minor = numbers.next()?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
        Some(Self(major, minor))
    }
}

impl fmt::Display for MinorVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    rule: Vec<DriftRule>,
}

static TABLE: LazyLock<Table> =
    LazyLock::new(|| toml::from_str(include_str!("rules.toml")).expect("a test reads the table"));

/// All rules, in the order of the table.
pub(crate) fn rules() -> &'static [DriftRule] {
    &TABLE.rule
}
