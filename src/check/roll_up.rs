//! The sum of a check, and what it means for the exit code.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ItemRecord;
use crate::event::Verdict;

/// The sum of the records of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct RollUp {
    pub items: usize,
    /// How many have which verdict; those that none has are left out.
    pub verdicts: BTreeMap<Verdict, usize>,
    /// Items that somebody looked at.
    pub checked: usize,
    /// Of all items, rounded down; 0 where there are none.
    pub checked_percent: usize,
    /// Why the others were not checked, and how many for each reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub not_checked: BTreeMap<String, usize>,
    pub end: CheckEnd,
}

/// How a check ends; worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CheckEnd {
    Passed,
    /// Something drifted, or is unproven or unstable.
    Warned,
    /// Fewer items were checked than were asked for.
    TooFew,
    /// Something failed, failed in sequence, or is contradicted.
    Failed,
    /// The environment stood in the way of an item.
    Blocked,
}

impl RollUp {
    /// `min_checked` is the percentage of items that must have been checked.
    pub(crate) fn new<'a>(records: impl IntoIterator<Item = &'a ItemRecord>, min_checked: Option<usize>) -> Self {
        let (mut verdicts, mut not_checked) = (BTreeMap::new(), BTreeMap::new());
        let (mut items, mut checked, mut end) = (0_usize, 0_usize, CheckEnd::Passed);
        for record in records {
            items += 1;
            *verdicts.entry(record.verdict).or_default() += 1;
            end = end.max(end_of(record.verdict));
            if record.is_checked() {
                checked += 1;
            } else {
                let reason = record
                    .reason
                    .as_ref()
                    .map_or_else(|| record.verdict.to_string(), |reason| format!("{}: {reason}", record.verdict));
                *not_checked.entry(reason).or_default() += 1;
            }
        }
        let checked_percent = (checked * 100).checked_div(items).unwrap_or(0);
        if min_checked.is_some_and(|least| checked_percent < least) {
            end = end.max(CheckEnd::TooFew);
        }
        Self { items, verdicts, checked, checked_percent, not_checked, end }
    }

    /// The verdict on the whole: of those that decide how it ends the worst.
    pub(crate) fn verdict(&self) -> Verdict {
        match self.end {
            CheckEnd::Passed => Verdict::Reproduced,
            CheckEnd::TooFew => Verdict::NotChecked,
            end => {
                let worst = self.verdicts.keys().filter(|verdict| end_of(**verdict) == end).copied();
                // What was not reached is no cause.
                let causes = worst.clone().filter(|verdict| *verdict != Verdict::FailedInSequence);
                causes.max().or(worst.max()).unwrap_or(Verdict::Failed)
            }
        }
    }
}

impl CheckEnd {
    /// Whether the program exits with 0.
    pub fn passed(self) -> bool {
        self <= Self::Warned
    }
}

fn end_of(verdict: Verdict) -> CheckEnd {
    match verdict {
        Verdict::Drifted | Verdict::Unproven | Verdict::Unstable => CheckEnd::Warned,
        Verdict::Contradicted | Verdict::Failed | Verdict::FailedInSequence => CheckEnd::Failed,
        Verdict::Blocked => CheckEnd::Blocked,
        Verdict::Reproduced | Verdict::ExpectedFailure | Verdict::Skipped | Verdict::Manual | Verdict::NotChecked => {
            CheckEnd::Passed
        }
    }
}

/// `29 reproduced · 2 drifted`, then what was not checked.
impl fmt::Display for RollUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.verdicts.iter().map(|(verdict, count)| format!("{count} {verdict}"));
        writeln!(f, "{}", if self.items == 0 { "no items".into() } else { counts.collect::<Vec<_>>().join(" · ") })?;
        write!(f, "checked {} of {} items ({} %)", self.checked, self.items, self.checked_percent)?;
        let reasons: Vec<_> = self.not_checked.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        if reasons.is_empty() { Ok(()) } else { write!(f, "; not checked: {}", reasons.join(", ")) }
    }
}
