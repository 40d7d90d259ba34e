//! What the same run's commands cost without us: `--timings` puts our figures beside them, as ratios.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::exec::Tool;
use crate::script::{Action, Lab};

/// How often the bare command is run; the median counts.
const RUNS: usize = 5;

/// The bare command's time beside what fences took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Yardstick {
    /// One `kubectl get namespaces`, started without a shell, in microseconds.
    pub kubectl_us: u64,
    /// How many times fences called kubectl.
    pub kubectl_calls: u64,
}

impl Yardstick {
    /// Measures on the cluster that the labs were played on; None where kubectl fails.
    pub async fn measure(kubectl: &Path, kubeconfig: &Path, home: &Path, labs: &[&Lab]) -> Option<Self> {
        let mut all = Vec::with_capacity(RUNS);
        for _ in 0..RUNS {
            let tool = Tool::new(kubectl).args(["get", "namespaces"]).env("KUBECONFIG", kubeconfig).env("HOME", home);
            let begun = Instant::now();
            tool.run_ok().await.ok()?;
            all.push(begun.elapsed());
        }
        all.sort();
        let kubectl_us = u64::try_from(all[RUNS / 2].as_micros()).unwrap_or(u64::MAX);
        Some(Self { kubectl_us, kubectl_calls: labs.iter().map(|lab| calls(lab)).sum() })
    }

    /// What the calls alone would have taken.
    pub fn bare(self) -> Duration {
        Duration::from_micros(self.kubectl_us.saturating_mul(self.kubectl_calls))
    }
}

/// kubectl at the beginning of a command, in the fences that are played.
fn calls(lab: &Lab) -> u64 {
    let played = lab.steps.iter().filter(|step| step.skip.is_none());
    let scripts = played.filter_map(|step| match &step.action {
        Action::Shell(script) => Some(script.replace("\\\n", " ")),
        Action::File { .. } => None,
    });
    let begins = |command: &str| {
        let words = command.split_whitespace().skip_while(|word| word.contains('=') || word.starts_with('\''));
        words.into_iter().next() == Some("kubectl")
    };
    scripts.map(|script| script.split(['\n', '|', ';', '&']).filter(|c| begins(c)).count() as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Step;

    #[test]
    fn calls_are_counted_where_a_command_begins() {
        let step = |script: &str, skip: Option<&str>| Step {
            line: 1,
            heading: String::new(),
            action: Action::Shell(script.into()),
            checks: Vec::new(),
            timeout: Duration::ZERO,
            skip: skip.map(str::to_owned),
        };
        let lab = Lab {
            id: 1,
            slug: "x".into(),
            title: "x".into(),
            path: "x".into(),
            needs: Vec::new(),
            steps: vec![
                step("kubectl get pods\nkubectl create ns a && kubectl get \\\n  kubectl", None),
                step("echo kubectl | cat; EDITOR=x kubectl edit sa", None),
                step("kubectl delete ns a", Some("for readers")),
            ],
        };
        assert_eq!(calls(&lab), 4);
    }
}
