//! One record for each item of a lecture, as a line of JSON. `docs/check.schema.json` is its schema.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RollUp;
use crate::compare::{Difference, Fidelity};
use crate::drift;
use crate::event::{Differing, Exhibit, Item, Suggestion, Verdict};
use crate::hint::Hint;
use crate::script::lecture::Lines;

/// The number of the records' form; it grows when a field goes or changes its meaning.
pub(crate) const SCHEMA: u32 = 1;

/// A line of a check's JSON lines: the check first, the records in the order of the lectures, their sum last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(crate) enum Line {
    Check(CheckHeader),
    Item(Box<ItemRecord>),
    RollUp(RollUp),
}

/// What the lectures were checked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Check")]
pub(crate) struct CheckHeader {
    /// The number of the records' form.
    pub schema: u32,
    /// This program's version.
    pub version: String,
    /// `mini`, or what the cluster is called.
    pub cluster: String,
    /// As the API server says, e.g. `v1.36.2`.
    pub server_version: String,
    /// As kubectl says.
    pub kubectl_version: String,
}

/// What is said of one item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ItemRecord {
    /// The lecture, as it was named.
    pub file: String,
    /// Unique in its file, and the same after changes elsewhere in it: the anchor of the heading, and the item's
    /// number below it.
    pub id: String,
    /// From the outermost heading to the nearest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headings: Vec<String>,
    pub lines: Lines,
    pub kind: RecordKind,
    /// The text of the lecture it is about: the command, the manifest, the shown output.
    pub text: String,
    pub verdict: Verdict,
    /// How closely, where something shown was reproduced or drifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fidelity: Option<Fidelity>,
    /// Why, in one line: the reason of a skip, what failed, what was not shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was played otherwise than it is written: a placeholder that was filled, a password of the stage's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adapted: Vec<String>,
    /// What the printed output differs in; volatile ones, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction: Option<Correction>,
    /// The drift rules that explain the differences, by id; `docs/drift.md` lists them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub explained_by: Vec<String>,
    /// The earlier item of the same file that made what is in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blamed: Option<String>,
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Kind")]
pub(crate) enum RecordKind {
    Command,
    /// Objects for the API server.
    Manifest,
    /// Any other file.
    File,
    /// Fields for an object that is there.
    Fragment,
    /// What a command is said to print.
    Output,
    /// What a person does elsewhere than in a terminal.
    Manual,
    /// Code that is only shown.
    Illustration,
}

/// What was seen, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Evidence {
    /// `pod/mypod`, `stderr`, `registry`.
    pub of: String,
    /// The field of the object, as kubectl's JSONPath: `.status.containerStatuses[0].state.waiting.reason`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What stood there.
    pub says: String,
}

/// Other text for some lines of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Correction {
    /// The lines that it takes the place of.
    pub lines: Lines,
    /// The new lines as they stand in the file, with what precedes them in a list or a quote; without a last line end.
    pub text: String,
    /// Whether it only brings shown text up to what was seen, so that `--patch` writes it.
    pub safe: bool,
}

/// Why a file of records cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordsError {
    #[error("line {line} is no record of a check")]
    Line {
        line: usize,
        #[source]
        source: serde_json::Error,
    },
    #[error("the records have form {found}; this program reads form {SCHEMA}")]
    Schema { found: u32 },
    #[error("it does not begin with the check that made it")]
    NoCheck,
}

impl Hint for RecordsError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Line { .. } | Self::NoCheck => Some("`rehearse check LECTURE --json` writes such records".into()),
            Self::Schema { .. } => Some("check the lecture again with this program and keep those records".into()),
        }
    }
}

/// Reads JSON lines.
///
/// # Errors
/// Where a line is none, the form is another, or the first line is no check.
pub(crate) fn read(text: &str) -> Result<Vec<Line>, RecordsError> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let parsed = lines
        .map(|(at, line)| serde_json::from_str(line).map_err(|source| RecordsError::Line { line: at + 1, source }));
    let parsed: Vec<Line> = parsed.collect::<Result<_, _>>()?;
    match parsed.first() {
        Some(Line::Check(check)) if check.schema == SCHEMA => Ok(parsed),
        Some(Line::Check(check)) => Err(RecordsError::Schema { found: check.schema }),
        _ => Err(RecordsError::NoCheck),
    }
}

/// The schema of a [`Line`].
#[cfg(test)]
pub(crate) fn schema() -> schemars::Schema {
    schemars::schema_for!(Line)
}

impl ItemRecord {
    /// Whether somebody looked whether it holds.
    pub(crate) fn is_checked(&self) -> bool {
        !matches!(self.verdict, Verdict::Skipped | Verdict::Manual | Verdict::NotChecked | Verdict::Blocked)
    }

    /// The record as an event of the lecture with the number `lab`.
    pub(crate) fn item(&self, lab: u32) -> Item {
        let differs = |difference: &Difference| Differing {
            place: difference.path.to_string(),
            shown: difference.shown.clone(),
            printed: difference.printed.clone(),
        };
        let seen = |evidence: &Evidence| Exhibit {
            of: [Some(&evidence.of), evidence.path.as_ref()]
                .into_iter()
                .flatten()
                .cloned()
                .collect::<Vec<_>>()
                .join(" "),
            says: evidence.says.clone(),
        };
        let suggested = |correction: &Correction| Suggestion {
            line: correction.lines.first,
            last_line: correction.lines.last,
            text: correction.text.clone(),
            safe: correction.safe,
        };
        Item {
            lab,
            id: self.id.clone(),
            headings: self.headings.clone(),
            line: self.lines.first,
            last_line: self.lines.last,
            kind: self.kind.to_string(),
            text: self.text.clone(),
            verdict: self.verdict,
            reason: self.reason.clone(),
            adapted: self.adapted.clone(),
            differences: self.differences.iter().filter(|found| found.class.counts()).map(differs).collect(),
            evidence: self.evidence.iter().map(seen).collect(),
            correction: self.correction.as_ref().map(suggested),
            drift: self.explained_by.iter().map(|id| drift::sentence(id).unwrap_or_else(|| id.clone())).collect(),
            blamed: self.blamed.clone(),
        }
    }
}

/// The same word as in JSON.
impl std::fmt::Display for RecordKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(f)
    }
}
