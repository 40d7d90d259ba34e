//! What is said of an item of a lecture, as an event tells it: texts and places, without what they were judged by.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::verdict::Verdict;

/// One item of the lecture with the number `lab`. Lines are the file's, from 1, the last included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Item {
    pub lab: u32,
    /// Unique in its lecture.
    pub id: String,
    /// From the outermost heading to the nearest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headings: Vec<String>,
    pub line: usize,
    pub last_line: usize,
    /// `command`, `manifest`, `file`, `fragment`, `output`, `manual`, `illustration`.
    pub kind: String,
    /// The lecture's own text.
    pub text: String,
    pub verdict: Verdict,
    /// Why, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was played otherwise than it is written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adapted: Vec<String>,
    /// Where what was printed says something else than what is shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Differing>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Exhibit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction: Option<Suggestion>,
    /// What programs do otherwise since the lecture was written, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<String>,
    /// The id of the earlier item that made what is in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blamed: Option<String>,
}

/// One difference between shown and printed output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Differing {
    /// `mypod STATUS`, `/spec/replicas`, `line`.
    pub place: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printed: Option<String>,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exhibit {
    /// `pod/mypod .status.phase`, `stderr`, `registry`.
    pub of: String,
    pub says: String,
}

/// Other text for some lines of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Suggestion {
    pub line: usize,
    pub last_line: usize,
    pub text: String,
    /// Whether it only brings shown text up to what was seen.
    pub safe: bool,
}
