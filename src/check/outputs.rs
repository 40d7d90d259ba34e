//! A shown output: compared with what its command printed, and waited for where it shows a state.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::commands::lacks;
use super::hindrance::{stem, wanted};
use super::player::{ItemResult, LecturePlayer, last_line};
use super::proof::shows_running;
use super::{Evidence, correction, judge};
use crate::compare::{self, Class, Path, TypedComparison};
use crate::drift;
use crate::event::Verdict;
use crate::gateway::Request;
use crate::kubewords::is_system_namespace;
use crate::place::ShellError;
use crate::script::lecture::LectureCommand;
use crate::wait::{Probe, Wake, until};

impl LecturePlayer<'_> {
    pub(super) async fn output(&mut self, at: usize, of: Option<usize>, shown: &str) -> Result<(), ShellError> {
        let Some((of, played)) = of.and_then(|of| Some((of, self.played[of].as_ref()?))) else {
            let line = of.map_or(0, |of| self.lecture.items[of].lines.first);
            let reason = format!("the command of line {line} was not played");
            self.record(at, ItemResult::new(Verdict::NotChecked, Some(reason)), Vec::new());
            return Ok(());
        };
        let of_command = self.lecture.items[of].command();
        let command = of_command.map(|command| command.script.clone()).unwrap_or_default();
        let (mut printed, script) = (played.printed.all.clone(), played.script.clone());
        let mut outcome = self.compared(shown, &printed);
        let mut evidence = Vec::new();
        let of_system = is_of_system(&played.requests);
        if outcome.may_come() && of_command.is_some_and(only_looks) && !of_system {
            (printed, outcome) = self.come(shown, &script, printed, outcome, &mut evidence).await?;
        }
        let explained = {
            let output =
                drift::CommandOutput { command: &command, printed: &printed, differences: &outcome.differences };
            drift::explain(&output, &self.setting.versions)
        };
        let judged = judge(&command, &outcome, &explained);
        if judged.verdict == Verdict::Contradicted
            && let Some(said) = self.nothing_to_compare(at, of, &printed, &outcome).await
        {
            self.record(at, said, Vec::new());
            return Ok(());
        }
        let item = &self.lecture.items[at];
        let mut said = ItemResult {
            evidence,
            explained_by: judged.explained_by,
            ..ItemResult::new(judged.verdict, judged.reason)
        };
        let (inner, explains) = (item.lines, |number: usize| explained.iter().any(|e| e.differences.contains(&number)));
        said.correction = match judged.verdict {
            Verdict::Drifted => correction::output(
                &self.lecture.text,
                inner,
                shown,
                &outcome,
                |number, difference| explains(number) || difference.class.is_shape(),
                true,
            ),
            Verdict::Contradicted => correction::output(
                &self.lecture.text,
                inner,
                shown,
                &outcome,
                |_, difference| difference.class.counts(),
                false,
            ),
            _ => None,
        };
        if judged.verdict == Verdict::Reproduced && shows_running(shown) && of_command.is_some_and(only_looks) {
            let pods = match &self.played[of] {
                Some(played) => self.concerned(played, true).await,
                None => Vec::new(),
            };
            self.prove(&pods, &mut said).await;
        }
        if judged.verdict == Verdict::Contradicted {
            said.evidence.push(Evidence { of: "stdout".into(), path: None, says: printed.trim_end().to_owned() });
        }
        self.record(at, said, Vec::new());
        if let Some(record) = &mut self.records[at] {
            record.fidelity = judged.fidelity;
            record.differences = outcome.differences;
        }
        Ok(())
    }

    /// What is said where an output differs because something before it was not played, or could not be: its command, a
    /// pod whose image the stage does not have, a row that an item was to make.
    async fn nothing_to_compare(
        &self,
        at: usize,
        of: usize,
        printed: &str,
        outcome: &TypedComparison,
    ) -> Option<ItemResult> {
        let command = self.records[of].as_ref();
        if let Some(record) = command.filter(|record| {
            matches!(
                record.verdict,
                Verdict::Skipped
                    | Verdict::Blocked
                    | Verdict::NotChecked
                    | Verdict::Manual
                    | Verdict::Failed
                    | Verdict::FailedInSequence
            )
        }) {
            let reason = format!("see its command at line {}", record.lines.first);
            return Some(ItemResult { blamed: Some(of), ..ItemResult::new(Verdict::NotChecked, Some(reason)) });
        }
        // Of a command in today's words only those count that it succeeds with.
        if self.played[of].as_ref().is_some_and(|played| played.printed.code != 0)
            && command.is_some_and(|record| record.verdict == Verdict::Drifted)
        {
            let line = self.lecture.items[of].lines.first;
            let reason = format!("its command at line {line} fails in today's words, too: {}", last_line(printed));
            return Some(ItemResult { blamed: Some(of), ..ItemResult::new(Verdict::NotChecked, Some(reason)) });
        }
        if let Some(left_out) = self.lecture.items[of].command().and_then(|command| compare::left_out(&command.script))
        {
            let reason = format!("its command leaves something out: `{left_out}`");
            return Some(ItemResult { blamed: Some(of), ..ItemResult::new(Verdict::NotChecked, Some(reason)) });
        }
        if printed.contains("No resources found")
            && let Some(image) = self.lacking("").await
        {
            return Some(lacks(&image));
        }
        let rows: BTreeSet<&str> = outcome.counted().filter_map(|difference| row(&difference.path)).collect();
        for row in &rows {
            if let Some(image) = self.lacking(stem(row)).await {
                return Some(lacks(&image));
            }
        }
        let wanted = self.lecture.items[of].command().and_then(named_pod);
        if let Some(wanted) = wanted
            && let Some(image) = self.lacking(stem(&wanted)).await
        {
            return Some(lacks(&image));
        }
        let missing = outcome.counted().filter(|difference| difference.class == Class::RowMissing);
        let rows: Vec<&str> = missing.filter_map(|difference| row(&difference.path)).collect();
        if !rows.is_empty() && self.played[of].as_ref().is_some_and(|played| is_of_system(&played.requests)) {
            let reason = "what stands in a cluster's own namespaces depends on who made it";
            return Some(ItemResult::new(Verdict::NotChecked, Some(reason.into())));
        }
        let (earlier, what) = self.not_played_before(at, &rows)?;
        let line = self.lecture.items[earlier].lines.first;
        let reason = format!("line {line}, which is to make `{what}`, was not played");
        Some(ItemResult { blamed: Some(earlier), ..ItemResult::new(Verdict::NotChecked, Some(reason)) })
    }

    /// Compares. The stage's login is no difference to the lecture's dummy one.
    fn compared(&self, shown: &str, printed: &str) -> TypedComparison {
        let mut outcome = compare::typed(shown, printed);
        let is_login = |printed: &String| self.setting.secrets.iter().any(|secret| printed.contains(secret.as_str()));
        outcome.differences.retain(|difference| !difference.printed.as_ref().is_some_and(is_login));
        outcome
    }

    /// Looks again, at each change of the cluster, until the shown states have come or time is up. A state that a pod
    /// went through while nobody printed it counts by its trace.
    async fn come(
        &self,
        shown: &str,
        script: &str,
        printed: String,
        outcome: TypedComparison,
        evidence: &mut Vec<Evidence>,
    ) -> Result<(String, TypedComparison), ShellError> {
        let latest = Mutex::new((printed, outcome, Vec::new()));
        let lock = || latest.lock().unwrap_or_else(PoisonError::into_inner);
        let probe = async || {
            let printed = match self.run(script).await {
                Ok(again) => again.printed.all,
                Err(error) => return Probe::Done(Err(error)),
            };
            let mut outcome = self.compared(shown, &printed);
            let mut seen = Vec::new();
            outcome.differences.retain(|difference| match self.traced(difference) {
                Some(trace) => {
                    seen.push(trace);
                    false
                }
                None => true,
            });
            let rows = outcome.counted().filter_map(|difference| row(&difference.path));
            let rows: BTreeSet<String> = rows.map(str::to_owned).collect();
            let mut is_over = !outcome.may_come();
            for row in &rows {
                // What it waits for cannot come.
                is_over = is_over || self.lacking(stem(row)).await.is_some();
            }
            *lock() = (printed, outcome, seen);
            if is_over { Probe::Done(Ok(())) } else { Probe::Pending(String::new()) }
        };
        let wake = Wake::Changed(self.setting.watch.changes());
        if let Ok(Err(error)) = until("the shown state", self.setting.state_within, wake, probe).await {
            return Err(error);
        }
        let (printed, outcome, seen) = latest.into_inner().unwrap_or_else(PoisonError::into_inner);
        evidence.extend(seen);
        Ok((printed, outcome))
    }

    /// The trace that has the shown STATUS in it, of the row's pod; READY and RESTARTS of that moment are not known.
    fn traced(&self, difference: &compare::Difference) -> Option<Evidence> {
        let (Class::State, Path::Cell { row, column, .. }) = (difference.class, &difference.path) else { return None };
        let shown = difference.shown.as_deref().filter(|_| column == "STATUS")?;
        self.setting.watch.look(|recorder| {
            let of_row = recorder.traces().filter(|trace| trace.object.name == *row);
            let mut with = of_row.filter(|trace| trace.states.iter().any(|state| state.status == shown));
            let trace = with.next()?;
            Some(Evidence { of: trace.object.to_string(), path: None, says: trace.to_string() })
        })
    }
}

/// Whether a command was about a namespace of the cluster's own.
fn is_of_system(requests: &[Request]) -> bool {
    requests.iter().any(|request| is_system_namespace(&request.namespace))
}

/// The row that a difference is in.
fn row(path: &Path) -> Option<&str> {
    match path {
        Path::Cell { row, .. } | Path::Row { row, .. } => Some(row),
        Path::Column { .. } | Path::Field { .. } | Path::Line => None,
    }
}

/// The pod, by its own name or by that of what owns it, that a command looks at or into; empty: any.
fn named_pod(command: &LectureCommand) -> Option<String> {
    let kubectl = command.invocations.iter().find(|invocation| matches!(invocation.program(), "kubectl" | "k"))?;
    if let Some(wanted) = wanted(command) {
        return Some(wanted.pod);
    }
    let words =
        kubectl.arguments().iter().filter(|word| !word.starts_with('-')).map(String::as_str).collect::<Vec<_>>();
    match words[..] {
        ["get" | "describe", kind, name, ..] if !kind.contains('/') => Some(name.to_owned()),
        ["get" | "describe", name, ..] => Some(name.split_once('/').map_or("", |(_, name)| name).to_owned()),
        _ => None,
    }
}

/// A command that may be played any number of times.
pub(super) fn only_looks(command: &LectureCommand) -> bool {
    const FILTERS: [&str; 12] =
        ["grep", "egrep", "jq", "head", "tail", "wc", "sort", "awk", "cut", "base64", "tr", "uniq"];
    let looks = |verb: Option<&String>| {
        verb.is_some_and(|verb| matches!(verb.as_str(), "get" | "describe" | "logs" | "top" | "events"))
    };
    let mut invocations = command.invocations.iter();
    let first = invocations.next().is_some_and(|first| {
        let verb = first.arguments().iter().find(|word| !word.starts_with('-'));
        matches!(first.program(), "kubectl" | "k") && looks(verb)
    });
    first
        && invocations.all(|next| FILTERS.contains(&next.program()))
        && command.invocations.iter().all(|invocation| invocation.writes.is_empty())
}
