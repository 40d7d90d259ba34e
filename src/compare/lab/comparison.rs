//! What a lab's shown output is to what was printed, as one word and one summary.

use serde::Serialize;

use super::{table, text, tree};
use crate::compare::Fidelity;

/// How printed output relates to the shown one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) enum Comparison {
    /// It says the same.
    Reproduced(Fidelity),
    /// It says the same in another shape: a column that is gone, new words among the old.
    Drifted(Summary),
    /// It says something else.
    Contradicted(Summary),
}

/// What differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    /// In one line, e.g. ``column `SECRETS` is gone``.
    pub what: String,
    /// A few lines that begin with `-` (shown) or `+` (printed).
    pub diff: String,
}

/// Compares what a guide shows with what was printed.
pub(crate) fn compare(shown: &str, printed: &str) -> Comparison {
    let trimmed = |text: &str| text.trim_end().lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    let (shown, printed) = (trimmed(shown), trimmed(printed));
    if shown == printed {
        return Comparison::Reproduced(Fidelity::Exact);
    }
    if shown.is_empty() {
        return Comparison::Contradicted(Summary::new("something was printed", text::diff(&shown, &printed)));
    }
    // Indentation means something in YAML, so a tree comes before what takes no heed of spaces.
    let normalised = || text::normalised(&shown) == text::normalised(&printed);
    tree::compare(&shown, &printed)
        .or_else(|| normalised().then_some(Comparison::Reproduced(Fidelity::Normalised)))
        .or_else(|| table::compare(&shown, &printed))
        .unwrap_or_else(|| text::compare(&shown, &printed))
}

impl Comparison {
    pub(super) fn rank(&self) -> (u8, Fidelity) {
        match self {
            Comparison::Reproduced(fidelity) => (0, *fidelity),
            Comparison::Drifted(_) => (1, Fidelity::Exact),
            Comparison::Contradicted(_) => (2, Fidelity::Exact),
        }
    }

    /// From single differences: none means reproduced.
    pub(super) fn contradicted_by(differences: Vec<Summary>) -> Option<Comparison> {
        let whats: Vec<&str> = differences.iter().map(|difference| difference.what.as_str()).collect();
        let diffs: Vec<&str> = differences.iter().map(|difference| difference.diff.as_str()).collect();
        (!differences.is_empty()).then(|| Comparison::Contradicted(Summary::new(whats.join("; "), diffs.join("\n"))))
    }
}

impl Summary {
    pub(super) fn new(what: impl Into<String>, diff: impl Into<String>) -> Self {
        Summary { what: what.into(), diff: diff.into() }
    }
}
