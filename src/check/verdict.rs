//! What the comparison of a shown output and the drift rules say together.

use crate::compare::{Class, Difference, Fidelity, TypedComparison};
use crate::drift::{self, Explanation};
use crate::event::Verdict;

/// The verdict on a shown output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub verdict: Verdict,
    pub fidelity: Option<Fidelity>,
    /// In one line, where it is not reproduced.
    pub reason: Option<String>,
    /// The ids of the rules that explain differences.
    pub explained_by: Vec<String>,
}

/// Judges what was printed when there was no more to wait for.
///
/// Reproduced where no difference counts. Drifted where each that counts is explained by a rule or is one of shape: a
/// column, an order, more words on a line of a command that prints no prose. Else contradicted.
pub(crate) fn judge(command: &str, outcome: &TypedComparison, explanations: &[Explanation]) -> Judgement {
    let is_explained = |at: usize| explanations.iter().any(|explanation| explanation.differences.contains(&at));
    let drifts = |at: usize, difference: &Difference| match difference.class {
        Class::Longer => is_explained(at) || !prints_prose(command),
        class => class.counts() && (class.is_shape() || is_explained(at)),
    };
    let all = || outcome.differences.iter().enumerate();
    let against = all().find(|(at, difference)| difference.class.counts() && !drifts(*at, difference));
    let drifted = all().find(|(at, difference)| drifts(*at, difference));
    let (verdict, difference) = match (against, drifted) {
        (Some((_, difference)), _) => (Verdict::Contradicted, Some(difference)),
        (None, Some((_, difference))) => (Verdict::Drifted, Some(difference)),
        (None, None) => (Verdict::Reproduced, None),
    };
    let fidelity = (verdict != Verdict::Contradicted).then_some(outcome.fidelity);
    let explained_by = explanations.iter().filter(|e| !e.differences.is_empty()).map(|e| e.rule.id.clone()).collect();
    Judgement { verdict, fidelity, reason: difference.map(ToString::to_string), explained_by }
}

/// Whether a part of a line is what people quote of a command's output: errors, events, logs.
fn prints_prose(command: &str) -> bool {
    drift::words(command)
        .any(|word| matches!(word, "describe" | "logs" | "events" | "event" | "ev" | "curl" | "cat" | "explain"))
}
