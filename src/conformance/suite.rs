//! Plays cases side by side and compares their records with the expected ones. Knows nothing of what a case does.

use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::stream;

use super::cases::{Case, Play};
use super::diff::RecordDifference;
use super::error::Error;
use super::outage;
use super::testbed::Testbed;
use super::world::World;
use crate::secret::private_file;

/// What came of a case.
#[derive(Debug)]
pub(crate) enum CaseResult {
    /// The record is the expected one.
    Passed,
    /// The record is another; the expected one is on the left.
    Differs(RecordDifference),
    /// It was another first, and then, with nothing beside it, the expected one.
    Unstable(RecordDifference),
    /// It could not be played to its end.
    Failed(Error),
    /// Why it says nothing on this cluster.
    Skipped(String),
}

pub(crate) struct CaseOutcome {
    pub case: &'static Case,
    pub result: CaseResult,
    pub took: Duration,
}

impl CaseOutcome {
    /// Whether it keeps the suite from passing.
    pub(crate) fn is_failure(&self) -> bool {
        matches!(self.result, CaseResult::Differs(_) | CaseResult::Failed(_))
    }
}

pub(crate) struct Suite<'a> {
    pub testbed: &'a Testbed<'a>,
    /// Where records are written, one file a case.
    pub records: &'a Path,
    /// How many cases side by side.
    pub parallel: usize,
    /// Cases that differ are played once more, with nothing beside them. A real kubelet under load may be late with
    /// a secret that was just created; mini has no such excuse.
    pub second_chance: bool,
}

impl Suite<'_> {
    /// Plays all cases and tells each as it ends; those that others must not stand beside come last, one by one.
    ///
    /// # Errors
    /// Where the folder of the records cannot be made.
    pub(crate) async fn run(
        &self,
        cases: &[&'static Case],
        mut told: impl FnMut(&CaseOutcome),
    ) -> Result<Vec<CaseOutcome>, Error> {
        let unwritten = |source| Error::Write { path: self.records.into(), source };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(self.records).map_err(unwritten)?;
        let (alone, mut beside): (Vec<&'static Case>, Vec<_>) = cases.iter().partition(|case| case.needs.outage);
        // Scripts keep the processor busy while scenarios wait.
        beside.sort_by_key(|case| matches!(case.play, Play::Scenario(_)));
        let mut outcomes = Vec::new();
        for (cases, parallel) in [(beside, self.parallel), (alone, 1)] {
            let mut playing = stream::iter(cases).map(|case| self.outcome(case)).buffer_unordered(parallel.max(1));
            let mut again = Vec::new();
            while let Some(outcome) = playing.next().await {
                match outcome.result {
                    CaseResult::Differs(difference) if self.second_chance => again.push((outcome.case, difference)),
                    _ => {
                        told(&outcome);
                        outcomes.push(outcome);
                    }
                }
            }
            drop(playing);
            for (case, difference) in again {
                let mut outcome = self.outcome(case).await;
                if matches!(outcome.result, CaseResult::Passed) {
                    outcome.result = CaseResult::Unstable(difference);
                }
                told(&outcome);
                outcomes.push(outcome);
            }
        }
        Ok(outcomes)
    }

    async fn outcome(&self, case: &'static Case) -> CaseOutcome {
        let began = Instant::now();
        let mut took = Duration::ZERO;
        let result = match self.unfit(case).await {
            Ok(Some(reason)) => CaseResult::Skipped(reason),
            Ok(None) => self.judged(case, || took = began.elapsed()).await.unwrap_or_else(CaseResult::Failed),
            Err(error) => CaseResult::Failed(error),
        };
        CaseOutcome { case, result, took }
    }

    /// Why the case says nothing on this cluster.
    async fn unfit(&self, case: &Case) -> Result<Option<String>, Error> {
        let (needs, testbed) = (case.needs, self.testbed);
        Ok(match testbed.server_minor {
            server if server < needs.since => Some(format!("needs Kubernetes 1.{} or newer", needs.since)),
            server if server > needs.until => Some(format!("needs Kubernetes 1.{} or older", needs.until)),
            _ if testbed.kubectl_minor < needs.kubectl => Some(format!("needs kubectl 1.{} or newer", needs.kubectl)),
            _ if needs.outage && !outage::possible(testbed.stage).await? => {
                Some("needs a registry on a port of its own (`--registry-port`)".into())
            }
            _ => None,
        })
    }

    /// `played` is called before the namespace goes, which takes a real cluster longer than many a case.
    async fn judged(&self, case: &Case, played: impl FnOnce()) -> Result<CaseResult, Error> {
        let path = self.records.join(format!("{}.json", case.id));
        // That of an earlier run says nothing of this one.
        let _ = std::fs::remove_file(&path);
        let mut world = World::make(self.testbed, case.id).await?;
        let outcome = match &case.play {
            Play::Scenario(scenario) => scenario(&mut world).await,
            Play::Script(script) => play_script(script, &mut world).await,
        };
        played();
        let causes = std::mem::take(&mut world.causes);
        let record = world.close().await;
        outcome?;
        let text = record?.to_text();
        let written = private_file(&path).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|source| Error::Write { path, source })?;
        if causes != case.causes {
            return Err(Error::Causes { named: causes, expected: case.causes });
        }
        let expected = expected(case.expected, self.testbed.server_minor);
        Ok(RecordDifference::first(&expected, &text).map_or(CaseResult::Passed, CaseResult::Differs))
    }
}

async fn play_script(script: &str, world: &mut World<'_>) -> Result<(), Error> {
    if script.contains("$IMAGE") {
        world.serve().await?;
    }
    for command in script.split("\n\n").map(without_remarks).filter(|command| !command.is_empty()) {
        world.play(&command).await?;
    }
    Ok(())
}

fn without_remarks(command: &str) -> String {
    let lines: Vec<&str> = command.lines().filter(|line| !line.starts_with('#')).collect();
    lines.join("\n").trim().to_owned()
}

/// Words of the kubelet that releases before this minor had otherwise: (minor, now, before).
const REWORDED: &[(u32, &str, &str)] = &[
    (35, "(kubelet) Container created", "(kubelet) Created container: app"),
    (35, "(kubelet) Container started", "(kubelet) Started container app"),
    (35, "already present on machine and can be accessed by the pod", "already present on machine"),
];

/// The expected record in the words of an older release.
fn expected(text: &str, minor: u32) -> String {
    let older = REWORDED.iter().filter(|(since, _, _)| minor < *since);
    older.fold(text.to_owned(), |text, (_, now, before)| text.replace(now, before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_are_for_readers() {
        assert_eq!(without_remarks("# why\nkubectl get ns\n"), "kubectl get ns");
        assert_eq!(without_remarks("# only"), "");
    }

    #[test]
    fn older_releases_have_their_own_words() {
        let text = "Normal Created (kubelet) Container created";
        assert_eq!(expected(text, 36), text);
        assert_eq!(expected(text, 34), "Normal Created (kubelet) Created container: app");
    }
}
