//! The making of a kind cluster, and its end: whoever drops whom, what kind has asked the engine for is waited for and
//! removed, found by the label that kind gives its nodes. Also what of kind's output says why it failed.

use std::path::Path;
use std::time::Duration;

use super::config::{self, Config};
use super::image::NodeImage;
use super::{CLUSTER_LABEL, KindSettings, alias};
use crate::cluster::Error;
use crate::cluster::start::StartContext;
use crate::docker::Docker;
use crate::process::{self, FoundProcess};
use crate::session::Debt;
use crate::wait::{Probe, Wake, until};

/// Creation alone takes half a minute; a first pull of the node image much longer.
const CREATE_TIMEOUT: Duration = Duration::from_secs(600);
const LOGS_TIMEOUT: Duration = Duration::from_secs(60);

/// In the environment of `kind` and what it starts: the cluster that it makes.
const MAKES: &str = "REHEARSAL_KIND_CLUSTER";
/// What kind starts to speak to the engine: each asks for one thing and ends when it has the answer.
const CLIENTS: [&str; 3] = ["docker", "podman", "nerdctl"];
/// How long the engine may take for what it is about when kind is ended.
const LAST_REQUESTS: Duration = Duration::from_secs(60);
const LOOKS: Duration = Duration::from_millis(100);

/// Creates the cluster, which is owed to be deleted from then on.
///
/// # Errors
/// With kind's own reason; nothing is undone.
pub(super) async fn create(
    settings: &KindSettings,
    image: &NodeImage,
    context: &StartContext<'_>,
    name: &str,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<(), Error> {
    let engine = context.docker.engine().await.map_err(Error::Docker)?;
    let unwritten = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Write { path, source }
    };
    let write = |path: &Path, text: &str| std::fs::write(path, text).map_err(unwritten(path));
    let cni = context.private.join("cni");
    std::fs::create_dir_all(&cni).map_err(unwritten(&cni))?;
    write(&cni.join(config::CNI.0), config::CNI.1)?;
    let config = Config {
        workers: settings.workers,
        cgroup_v1: engine.cgroup_version == "1",
        cni,
        owner: (&context.owner).into(),
    };
    let path = context.private.join("kind.yaml");
    write(&path, &config.render(settings.config.as_deref())?)?;
    let mut tool = settings
        .cli
        .tool()
        .args(["create", "cluster", "--name", name, "--config"])
        .arg(&path)
        // Nodes that failed are asked for their logs before they go.
        .arg("--retain")
        // The kubeconfig is asked for later; the user's own is never touched.
        .arg("--kubeconfig")
        .arg(context.private.join("kind.kubeconfig"))
        .env("NO_PROXY", no_proxy(&alias(&context.session)))
        .env(MAKES, name)
        .sparing_children()
        .timeout(CREATE_TIMEOUT);
    if let Some(image) = image.name() {
        tool = tool.args(["--image", image]);
    }
    let debt = Debt::KindCluster { name: name.into(), host: context.docker.host().into() };
    context.ledger.owe(debt).map_err(unwritten(&context.private))?;
    let mut printed = String::new();
    let output = tool
        .run_with(|_, line| {
            printed.push_str(line);
            printed.push('\n');
            if let Some(step) = line.trim().strip_prefix('•') {
                tell(step.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).trim());
            }
        })
        .await
        .map_err(Error::Kind)?;
    match output.success() {
        true => Ok(()),
        false => {
            let logs = context.logs.join("kind-logs");
            tell("it failed: keeping its logs");
            // What can be had of them: the first error is the one to tell.
            let export = ["export", "logs", &logs.to_string_lossy(), "--name", name];
            let _ = settings.cli.run(&export, LOGS_TIMEOUT).await;
            let _ = std::fs::create_dir_all(&logs);
            let _ = std::fs::write(logs.join("kind-create.log"), &printed);
            Err(Error::Create { code: output.code, reason: reason(&printed), printed, logs })
        }
    }
}

/// kind hands proxies on to the nodes; the registry beside them must not be asked through one.
fn no_proxy(alias: &str) -> String {
    let before = std::env::var("NO_PROXY").or_else(|_| std::env::var("no_proxy")).unwrap_or_default();
    [before.as_str(), alias].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(",")
}

/// Ends a cluster, made or in the making, and gives what is left of it. kind itself is killed first; the requests that it
/// has made are let come to their end, so that the engine makes nothing any more when it is looked at.
///
/// # Errors
/// Where the engine does not answer or refuses.
pub(crate) async fn end(docker: &Docker, name: &str) -> Result<Vec<String>, Error> {
    let label = format!("{CLUSTER_LABEL}={name}");
    let is_client = |found: &FoundProcess| CLIENTS.contains(&found.name.as_str());
    let quiet = async || {
        process::end_all(MAKES, |made| made == name, |found| !is_client(found));
        let asking = process::with_variable(MAKES, |made| made == name);
        match docker.remove_labelled(&label).await {
            Ok(0) if asking.is_empty() => Probe::Done(Ok(())),
            Ok(removed) => Probe::Pending(format!("{removed} removed, {} requests under way", asking.len())),
            Err(error) => Probe::Done(Err(error)),
        }
    };
    let ended = until("the cluster to go", LAST_REQUESTS, Wake::Every(LOOKS), quiet).await;
    process::end_all(MAKES, |made| made == name, |_| true);
    if let Ok(Err(error)) = ended {
        return Err(Error::Docker(error));
    }
    docker.left_with(&label).await.map_err(Error::Docker)
}

/// What in kubeadm's and the engine's output says why a cluster could not be made.
const TELLING: [&str; 6] = [
    "error execution phase",
    "[ERROR ",
    "Error response from daemon",
    "couldn't initialize",
    "failed while waiting",
    "error: ",
];
/// How many lines a reason has at most.
const REASON: usize = 6;

/// Why kind failed, out of all that it printed: its own error and, of the output that it quotes, the lines that tell. Go's
/// stacks stand below the reason and say nothing of it.
fn reason(printed: &str) -> String {
    let lines: Vec<&str> = printed.lines().map(str::trim_end).filter(|line| !is_stack(line) && !is_log(line)).collect();
    let from = lines.iter().rposition(|line| line.starts_with("ERROR: ")).unwrap_or_default();
    let [error, quoted @ ..] = &lines[from..] else { return String::new() };
    // The command is kind's own; what it printed follows.
    let error = error.trim_start_matches("ERROR: ").split(": command \"").next().unwrap_or_default();
    let mut telling: Vec<&str> = Vec::new();
    for line in quoted.iter().map(|line| line.trim_start_matches("Command Output: ").trim()) {
        if TELLING.iter().any(|word| line.contains(word)) && !telling.contains(&line) {
            telling.push(line);
        }
    }
    if telling.is_empty() {
        telling = quoted.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
    }
    let last = telling.len().saturating_sub(REASON);
    [&[error], &telling[last..]].concat().join("\n")
}

/// A function or a place of a Go stack.
fn is_stack(line: &str) -> bool {
    let place = line.starts_with('\t') && line.contains(".go:");
    let function = !line.contains(' ') && line.contains('/') && line.contains('.') && !line.starts_with('/');
    let bare = ["main.main", "runtime.main", "runtime.goexit"].iter().any(|name| line.starts_with(name));
    place || function || bare || line == "Stack Trace: " || line == "Stack Trace:"
}

/// A line of klog: `I1128 07:56:40.123456 …`.
fn is_log(line: &str) -> bool {
    let line = line.trim_start_matches("Command Output: ");
    let mut chars = line.chars();
    matches!(chars.next(), Some('I' | 'W')) && chars.take(4).all(|c| c.is_ascii_digit()) && line.len() > 5
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUBEADM: &str = "\
Creating cluster \"x\" ...
 • Preparing nodes 📦   ...
 ✗ Starting control-plane 🕹️
ERROR: failed to create cluster: failed to init node with kubeadm: command \"docker exec --privileged x-control-plane kubeadm init --config=/kind/kubeadm.conf --v=6\" failed with error: exit status 1
Command Output: I1128 07:56:40.123456     100 initconfiguration.go:261] loading configuration from \"/kind/kubeadm.conf\"
[init] Using Kubernetes version: v1.36.2
[kubelet-check] Waiting for a healthy kubelet at http://127.0.0.1:10248/healthz. This can take up to 4m0s
I1128 07:56:41.000000     100 round_trippers.go:632] \"Response\" verb=\"GET\"
A control plane component may have crashed or exited when started by the container runtime.
error: error execution phase wait-control-plane: failed while waiting for the control plane to start: kube-apiserver check failed at https://172.18.0.2:6443/livez: context deadline exceeded
k8s.io/kubernetes/cmd/kubeadm/app/cmd/phases/workflow.(*Runner).Run.func1
\tk8s.io/kubernetes/cmd/kubeadm/app/cmd/phases/workflow/runner.go:262
github.com/spf13/cobra.(*Command).execute
\tgithub.com/spf13/cobra@v1.9.1/command.go:1015
main.main
\tk8s.io/kubernetes/cmd/kubeadm/kubeadm.go:25
runtime.goexit
\truntime/asm_amd64.s:1700
";

    #[test]
    fn kubeadms_reason_stands_above_its_stack() {
        assert_eq!(
            reason(KUBEADM),
            "failed to create cluster: failed to init node with kubeadm\n\
             error: error execution phase wait-control-plane: failed while waiting for the control plane to start: \
             kube-apiserver check failed at https://172.18.0.2:6443/livez: context deadline exceeded"
        );
    }

    #[test]
    fn the_engines_reason_is_told_and_kinds_alone() {
        let engine = "Creating cluster \"x\" ...\nERROR: failed to create cluster: command \"docker run --name x\" failed with \
                      error: exit status 125\nCommand Output: 8f3b\ndocker: Error response from daemon: invalid mount \
                      config for type \"bind\".\n\nStack Trace: \nsigs.k8s.io/kind/pkg/errors.WithStack\n\tsigs.k8s.io/kind/pkg/errors/errors.go:59\n";
        assert_eq!(
            reason(engine),
            "failed to create cluster\ndocker: Error response from daemon: invalid mount config for type \"bind\"."
        );
        let alone = "ERROR: failed to create cluster: node(s) already exist for a cluster with the name \"x\"\n";
        assert_eq!(reason(alone), "failed to create cluster: node(s) already exist for a cluster with the name \"x\"");
        assert_eq!(reason("killed\n"), "killed");
        assert_eq!(reason(""), "");
    }
}
