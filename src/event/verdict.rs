//! What is said of a check, a step, a lab, a run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Worst last: a whole is as good as its worst part ([`Ord`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Played and came out as the text says.
    Reproduced,
    /// Failed, as the text says it must.
    ExpectedFailure,
    /// Came out alike but not equal: a column more, a version's new words.
    Drifted,
    /// For a person to do elsewhere than in a terminal: a click, a page.
    Manual,
    /// Not played, for a reason that is told.
    Skipped,
    /// Shown but not looked at; never counts as passed.
    NotChecked,
    /// Came out right, but nothing shows that it could have come out wrong.
    Unproven,
    /// Came out right once and otherwise another time.
    Unstable,
    /// Came out otherwise than the text says.
    Contradicted,
    Failed,
    /// Not reached, because an earlier step failed.
    FailedInSequence,
    /// The environment stood in the way: no Docker, no cluster, interrupted.
    Blocked,
}

impl Verdict {
    /// Whether a run with this verdict exits with 0.
    pub fn passed(&self) -> bool {
        *self < Self::NotChecked
    }

    /// Whether a check with this verdict ends its lab.
    pub fn fails(&self) -> bool {
        !self.passed() && !matches!(self, Self::Unproven | Self::Unstable)
    }

    /// The verdict on a whole with this part added.
    pub fn and(self, part: Self) -> Self {
        self.max(part)
    }
}

/// The same word as in JSON.
impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_is_as_good_as_its_worst_part() {
        let whole = [Verdict::ExpectedFailure, Verdict::Reproduced, Verdict::Skipped].into_iter().reduce(Verdict::and);
        assert_eq!(whole, Some(Verdict::Skipped));
        assert_eq!(Verdict::Reproduced.and(Verdict::Failed).to_string(), "failed");
    }

    #[test]
    fn what_nobody_looked_at_has_not_passed() {
        for (verdict, passed) in [
            (Verdict::Reproduced, true),
            (Verdict::ExpectedFailure, true),
            (Verdict::Drifted, true),
            (Verdict::Skipped, true),
            (Verdict::Manual, true),
            (Verdict::NotChecked, false),
            (Verdict::Unproven, false),
            (Verdict::Unstable, false),
            (Verdict::Blocked, false),
        ] {
            assert_eq!(verdict.passed(), passed, "{verdict}");
        }
    }
}
