//! A cluster of the user's: a mini that another process keeps up, played on as a context, or a kind cluster that is there
//! already. What of a run is left on it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rehearsal::docker::Docker;
use rehearsal::exec::Tool;

use super::moment::{name, sessions};
use crate::program::{Ground, KeptStage, project};

#[derive(Clone)]
pub(super) struct Theirs {
    inner: Arc<Inner>,
}

struct Inner {
    ground: Ground,
    kind: Kind,
    kubeconfig: PathBuf,
}

enum Kind {
    /// Registry and password of the stage that another process keeps up.
    Context { registry: String, password: String },
    /// The cluster's name and its node.
    Kind { name: String, node: String },
}

/// What the user's node knows of docker.io.
const HOSTS: &str = "server = \"https://mirror.example\"\n";
const HOSTS_FILE: &str = "/etc/containerd/certs.d/docker.io/hosts.toml";

impl Theirs {
    pub(super) async fn context() -> Self {
        // It is the user's, and takes no turn from the runs on it.
        let ground = Ground::light();
        let KeptStage { registry, password, kubeconfig, .. } = ground.up().await;
        let (kind, kubeconfig) = (Kind::Context { registry, password }, kubeconfig.into());
        Self { inner: Arc::new(Inner { ground, kind, kubeconfig }) }
    }

    pub(super) async fn kind() -> Self {
        let ground = Ground::light();
        let name = format!("theirs-{}", std::process::id());
        let kubeconfig = ground.path("theirs.kubeconfig");
        let node = format!("{name}-control-plane");
        let create = Tool::new("kind").args(["create", "cluster", "--wait", "120s", "--name", &name]);
        create
            .arg("--kubeconfig")
            .arg(&kubeconfig)
            .timeout(std::time::Duration::from_secs(600))
            .run_ok()
            .await
            .unwrap();
        let theirs = Self { inner: Arc::new(Inner { ground, kind: Kind::Kind { name, node }, kubeconfig }) };
        let tell = format!("mkdir -p \"$(dirname {HOSTS_FILE})\" && printf '%s' '{HOSTS}' > {HOSTS_FILE}");
        theirs.in_node(&tell).await;
        theirs
    }

    async fn in_node(&self, script: &str) -> String {
        let Kind::Kind { node, .. } = &self.inner.kind else { return String::new() };
        Docker::connect().await.unwrap().run_in(node, &["sh", "-c", script]).await.unwrap().1
    }

    /// The kubeconfig that a run is given.
    pub(super) fn kubeconfig(&self) -> Option<String> {
        match self.inner.kind {
            Kind::Context { .. } => Some(std::fs::read_to_string(&self.inner.kubeconfig).unwrap()),
            Kind::Kind { .. } => None,
        }
    }

    pub(super) fn options(&self) -> Vec<String> {
        let options = match &self.inner.kind {
            Kind::Context { registry, .. } => vec!["--cluster", "context:mini", "--registry", registry],
            Kind::Kind { name, .. } => vec!["--cluster", "kind", "--reuse", name],
        };
        options.into_iter().map(str::to_owned).collect()
    }

    pub(super) fn variables(&self) -> Vec<(&'static str, String)> {
        match &self.inner.kind {
            Kind::Context { password, .. } => vec![
                ("REHEARSAL_REGISTRY_USERNAME", "cloudwithvarjosh".into()),
                ("REHEARSAL_REGISTRY_PASSWORD", password.clone()),
            ],
            Kind::Kind { .. } => Vec::new(),
        }
    }

    async fn kubectl(&self, args: &[&str]) -> String {
        let fetched = project().join(".tools/bin/kubectl");
        let kubectl = if fetched.exists() { fetched } else { "kubectl".into() };
        let tool = Tool::new(kubectl).args(args).env("KUBECONFIG", &self.inner.kubeconfig);
        tool.run_ok().await.unwrap().stdout
    }

    /// What is left there of the sessions of `root`.
    pub(super) async fn left(&self, root: &Path) -> Vec<String> {
        let ids: Vec<String> = sessions(root).iter().map(|dir| name(dir)).collect();
        let ours = |line: &&str| ids.iter().any(|id| line.contains(id.as_str()));
        let namespaces = self.kubectl(&["get", "namespaces", "-o", "name"]).await;
        let mut left: Vec<String> = namespaces.lines().filter(ours).map(str::to_owned).collect();
        let secrets =
            self.kubectl(&["get", "secrets", "-A", "-o", "custom-columns=N:.metadata.namespace,S:.metadata.name"]);
        left.extend(secrets.await.lines().filter(ours).map(|line| format!("secret {line}")));
        if let Kind::Kind { .. } = self.inner.kind {
            let hosts = self.in_node(&format!("cat {HOSTS_FILE}; ls /etc/containerd/certs.d")).await;
            if hosts.trim() != format!("{}\ndocker.io", HOSTS.trim()) {
                left.push(format!("docker.io: {hosts}"));
            }
            left.extend(self.in_node("crictl images").await.lines().filter(ours).map(|line| format!("image {line}")));
        }
        left
    }

    pub(super) async fn close(self) {
        match &self.inner.kind {
            Kind::Context { .. } => drop(self.inner.ground.rehearse(&["down"]).run().await.exits_with(0)),
            Kind::Kind { name, .. } => {
                let delete = Tool::new("kind").args(["delete", "cluster", "--name", name]).arg("--kubeconfig");
                delete.arg(&self.inner.kubeconfig).run_ok().await.unwrap();
            }
        }
    }
}
