//! What came of a broken lab: caught, or not. Pure.

use serde::Serialize;

use super::faults::Fault;
use super::plan::{Broken, Inapplicable};
use crate::run::PlayedLab;

/// What came of a fault in a lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub(crate) enum FaultOutcome {
    /// The lab did not pass, and said what was broken.
    Caught {
        said: String,
    },
    NotCaught {
        why: String,
    },
    DoesNotApply {
        why: String,
    },
}

/// One fault in one lab.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FaultRow {
    #[serde(serialize_with = "name")]
    pub fault: &'static Fault,
    pub lab: u32,
    #[serde(flatten)]
    pub outcome: FaultOutcome,
}

fn name<S: serde::Serializer>(fault: &&Fault, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(fault.name)
}

impl FaultRow {
    /// What came of a broken lab that was played, or why it could not be broken.
    pub(super) fn new(broken: &Broken, played: Result<&PlayedLab, String>) -> Self {
        let outcome = match played {
            Ok(played) => judged(broken.fault, played),
            Err(why) => FaultOutcome::NotCaught { why: format!("it could not be broken: {why}") },
        };
        Self { fault: broken.fault, lab: broken.of, outcome }
    }
}

impl From<Inapplicable> for FaultRow {
    fn from(Inapplicable { fault, lab, why }: Inapplicable) -> Self {
        Self { fault, lab, outcome: FaultOutcome::DoesNotApply { why } }
    }
}

/// Caught is what did not pass and names the fault's cause before any other.
fn judged(fault: &Fault, played: &PlayedLab) -> FaultOutcome {
    let verdict = played.verdict;
    if verdict.passed() {
        return FaultOutcome::NotCaught { why: format!("the lab is {verdict} all the same") };
    }
    match played.causes.first() {
        Some(cause) if cause.name() == fault.cause => FaultOutcome::Caught { said: format!("{verdict}: {cause}") },
        cause => {
            let failure = played.failure.as_ref().map(|failure| failure.message.as_str());
            let said = failure.or(played.doubts.first().map(String::as_str)).unwrap_or_default();
            let named = cause.map_or("no cause".to_owned(), |cause| format!("another cause: {cause}"));
            FaultOutcome::NotCaught {
                why: format!("the lab is {verdict}, and names {named} ({})", said.replace('\n', " ")),
            }
        }
    }
}

/// All rows, by fault and lab.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub results: Vec<FaultRow>,
    pub caught: usize,
    /// How many were played.
    pub of: usize,
}

impl Report {
    /// In the order of `faults`, then of the labs' numbers.
    pub(crate) fn new(mut results: Vec<FaultRow>, faults: &[&'static Fault]) -> Self {
        results.sort_by_key(|row| (faults.iter().position(|fault| fault.name == row.fault.name), row.lab));
        let count = |is: fn(&FaultOutcome) -> bool| results.iter().filter(|row| is(&row.outcome)).count();
        let caught = count(|outcome| matches!(outcome, FaultOutcome::Caught { .. }));
        let of = caught + count(|outcome| matches!(outcome, FaultOutcome::NotCaught { .. }));
        Self { results, caught, of }
    }

    /// Whether every fault that was played was caught.
    pub(crate) fn all_caught(&self) -> bool {
        self.caught == self.of
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Verdict;
    use crate::run::Cause;
    use crate::sabotage::faults::chosen;

    fn played(verdict: Verdict, causes: Vec<Cause>) -> PlayedLab {
        let (doubts, traces, commands, waits) = Default::default();
        PlayedLab { lab: 1000, verdict, failure: None, causes, doubts, traces, commands, waits }
    }

    #[test]
    fn caught_is_what_does_not_pass_and_names_its_cause_first() {
        let faults = chosen(&["registry-open".into(), "any-password".into()]).unwrap();
        let caught = |played: &PlayedLab| {
            faults
                .iter()
                .map(|fault| judged(fault, played))
                .map(|outcome| matches!(outcome, FaultOutcome::Caught { .. }))
                .collect::<Vec<_>>()
        };
        let open = || vec![Cause::OpenRegistry, Cause::AnyPassword { user: "u".into() }];
        assert_eq!(caught(&played(Verdict::Failed, open())), [true, false]);
        assert_eq!(caught(&played(Verdict::Unproven, open())), [true, false]);
        assert_eq!(caught(&played(Verdict::Reproduced, open())), [false, false]);
        assert_eq!(caught(&played(Verdict::Failed, Vec::new())), [false, false]);
    }

    #[test]
    fn what_does_not_apply_counts_nowhere() {
        let faults = chosen(&["registry-open".into(), "any-password".into()]).unwrap();
        let row = |fault: usize, lab, outcome| FaultRow { fault: faults[fault], lab, outcome };
        let (why, said) = (String::new, String::new);
        let rows = vec![
            row(1, 2, FaultOutcome::DoesNotApply { why: why() }),
            row(1, 1, FaultOutcome::NotCaught { why: why() }),
            row(0, 3, FaultOutcome::Caught { said: said() }),
        ];
        let report = Report::new(rows, &faults);
        assert_eq!((report.caught, report.of, report.all_caught()), (1, 2, false));
        assert_eq!(report.results.iter().map(|row| row.lab).collect::<Vec<_>>(), [3, 1, 2]);
        assert_eq!(serde_json::to_value(&report.results[1]).unwrap()["outcome"], "not-caught");
    }
}
