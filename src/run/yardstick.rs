//! What the same run's commands and containers cost without us: `--timings` puts our figures beside them, as ratios.

use std::path::Path;
use std::time::Instant;

use crate::cluster::Cluster;
use crate::docker::ContainerRequest;
use crate::event::Yardstick;
use crate::exec::Tool;
use crate::fence::Fence;
use crate::script::{Action, Lab};
use crate::stage::Stage;

/// How often each is done; the median counts.
const RUNS: usize = 5;

/// Measures on the stage that the labs were played on, and started `pods` pods' containers on. Returns None where kubectl
/// or Docker fails.
pub(crate) async fn measure(kubectl: &Path, stage: &Stage, labs: &[&Lab], pods: u64) -> Option<Yardstick> {
    let handle = &stage.handle;
    let kubectl_us = median(async || {
        let tool = Tool::new(kubectl).args(["get", "namespaces"]);
        let tool = tool.env("KUBECONFIG", &handle.kubeconfig).env("HOME", handle.private.join("home"));
        tool.run_ok().await.ok().map(drop)
    });
    let kubectl_us = kubectl_us.await?;
    let calls = |command| labs.iter().map(|lab| calls(lab, command)).sum::<u64>();
    let (mut docker_us, mut containers) = (0, calls(&["docker", "run"]));
    if matches!(stage.cluster, Cluster::Mini(_)) {
        containers += pods;
        let container = median(async || {
            let image = handle.app_image.clone();
            let request = ContainerRequest { image, labels: handle.labels(), ..ContainerRequest::default() };
            let container = stage.docker.run(request).await.ok()?;
            stage.docker.remove(&container.id).await.ok()
        });
        docker_us = container.await?;
    }
    Some(Yardstick { kubectl_us, kubectl_calls: calls(&["kubectl"]), docker_us, containers })
}

/// In microseconds.
async fn median(once: impl AsyncFn() -> Option<()>) -> Option<u64> {
    let mut all = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let begun = Instant::now();
        once().await?;
        all.push(begun.elapsed());
    }
    all.sort();
    Some(u64::try_from(all[RUNS / 2].as_micros()).unwrap_or(u64::MAX))
}

/// How often the fences that are played have `command` at the beginning of one.
fn calls(lab: &Lab, command: &[&str]) -> u64 {
    let played = lab.steps.iter().filter(|step| step.skip.is_none());
    let scripts = played.filter_map(|step| match &step.action {
        Action::Shell(script) => Fence::parse(script).ok(),
        Action::File { .. } => None,
    });
    scripts.map(|fence| fence.calls(command) as u64).sum()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
            rotates: false,
            hub_only: false,
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
                step("docker run -d app1\ndocker rm -f app1", None),
            ],
        };
        assert_eq!(calls(&lab, &["kubectl"]), 4);
        assert_eq!(calls(&lab, &["docker", "run"]), 1);
    }
}
