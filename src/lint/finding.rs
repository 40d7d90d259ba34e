//! A finding and the rules' ids. Knows nothing of how a rule is judged.

use std::fmt;

use serde::Serialize;

use crate::script::lecture::Lines;

/// Something wrong with a lecture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub(crate) rule: Rule,
    pub(crate) severity: Severity,
    pub(crate) lines: Lines,
    pub(crate) message: String,
    /// What the author may write instead.
    pub(crate) suggestion: Option<String>,
}

/// An error is wrong on every cluster; a warning is likely to mislead a reader; a note may be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Severity {
    Note,
    Warning,
    Error,
}

/// What can be found. The id is the heading in `docs/lint.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Rule {
    ImmutableField,
    NoSuchField,
    UnknownField,
    WrongType,
    NotYaml,
    DuplicateKey,
    RemovedApi,
    RealSecret,
    OpenFence,
    MangledText,
    OddBlanks,
    OutputsDisagree,
    AlmostTheSame,
    MisspeltFile,
    EndOfLifeBase,
    UnpinnedBase,
    UnusedManifest,
    BrokenAnchor,
    MissingImage,
    MissingFile,
}

/// Every rule with its id and severity.
pub(crate) const RULES: [(Rule, &str, Severity); 20] = [
    (Rule::ImmutableField, "immutable-field", Severity::Error),
    (Rule::NoSuchField, "no-such-field", Severity::Error),
    (Rule::UnknownField, "unknown-field", Severity::Error),
    (Rule::WrongType, "wrong-type", Severity::Error),
    (Rule::NotYaml, "not-yaml", Severity::Error),
    (Rule::DuplicateKey, "duplicate-key", Severity::Warning),
    (Rule::RemovedApi, "removed-api", Severity::Error),
    (Rule::RealSecret, "real-secret", Severity::Error),
    (Rule::OpenFence, "open-fence", Severity::Error),
    (Rule::MangledText, "mangled-text", Severity::Warning),
    (Rule::OddBlanks, "odd-blanks", Severity::Warning),
    (Rule::OutputsDisagree, "outputs-disagree", Severity::Warning),
    (Rule::AlmostTheSame, "almost-the-same", Severity::Warning),
    (Rule::MisspeltFile, "misspelt-file", Severity::Warning),
    (Rule::EndOfLifeBase, "end-of-life-base", Severity::Warning),
    (Rule::UnpinnedBase, "unpinned-base", Severity::Note),
    (Rule::UnusedManifest, "unused-manifest", Severity::Note),
    (Rule::BrokenAnchor, "broken-anchor", Severity::Warning),
    (Rule::MissingImage, "missing-image", Severity::Warning),
    (Rule::MissingFile, "missing-file", Severity::Warning),
];

impl Rule {
    pub(crate) fn id(self) -> &'static str {
        RULES.iter().find(|(rule, ..)| *rule == self).map_or("", |(_, id, _)| id)
    }

    pub(crate) fn severity(self) -> Severity {
        RULES.iter().find(|(rule, ..)| *rule == self).map_or(Severity::Note, |(.., severity)| *severity)
    }
}

impl Finding {
    pub(super) fn new(rule: Rule, lines: Lines, message: String, suggestion: Option<String>) -> Self {
        Self { rule, severity: rule.severity(), lines, message, suggestion }
    }

    pub(super) fn at(rule: Rule, line: usize, message: String, suggestion: Option<String>) -> Self {
        Self::new(rule, Lines { first: line, last: line }, message, suggestion)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}
