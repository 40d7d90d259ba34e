//! A kind cluster: the reference. Created through the `kind` CLI, with a name of the session's, a kubeconfig of its
//! own, and `hosts.toml` in every node so that docker.io is the stage's registry and nothing else.

use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, ServiceAccount};
use kube::Api;
use kube::runtime::wait::{Condition, await_condition};

use super::ground::Ground;
use super::{Error, Info, client_of};
use crate::docker::Docker;

mod cli;
mod config;
mod image;

pub use cli::Cli;
pub use config::Config;
pub use image::{Image, Wanted, find as find_image};

/// The network kind puts its nodes on.
const NETWORK: &str = "kind";
/// The container's label that kind writes its cluster's name into.
const CLUSTER_LABEL: &str = "io.x-k8s.kind.cluster";
/// Creation alone takes half a minute; a first pull of the node image much longer.
const CREATE_TIMEOUT: Duration = Duration::from_secs(600);
const READY_TIMEOUT: Duration = Duration::from_secs(180);

/// What kind cluster to start.
#[derive(Debug, Clone)]
pub struct KindSettings {
    pub cli: Cli,
    pub image: Image,
    pub workers: u32,
    /// The user's own kind config, merged under ours.
    pub config: Option<PathBuf>,
    /// Use (and leave) a cluster of this name instead of creating one.
    pub reuse: Option<String>,
}

pub struct KindCluster {
    docker: Docker,
    cli: Cli,
    name: String,
    /// Nobody else's: deleted when it stops.
    ours: bool,
    kubeconfig: String,
    client: kube::Client,
    info: Info,
}

/// The name under which nodes reach a session's registry.
fn alias(session: &str) -> String {
    format!("rehearsal-registry-{session}")
}

impl KindCluster {
    /// Creates the cluster, joins the registry to its network, and returns once the API serves and a node has shown
    /// that it asks the stage's registry.
    ///
    /// # Errors
    /// With kind's own last lines; what had been created is deleted.
    pub async fn start(
        settings: &KindSettings,
        ground: Ground<'_>,
        tell: &(dyn Fn(&str) + Sync),
    ) -> Result<Self, Error> {
        let name = settings.reuse.clone().unwrap_or_else(|| format!("rehearsal-{}", ground.session));
        let ours = settings.reuse.is_none();
        let built = Self::build(settings, ground, &name, ours, tell).await;
        if built.is_err() && ours {
            settings.cli.delete(&name).await;
        }
        built
    }

    async fn build(
        settings: &KindSettings,
        ground: Ground<'_>,
        name: &str,
        ours: bool,
        tell: &(dyn Fn(&str) + Sync),
    ) -> Result<Self, Error> {
        if ours {
            create(settings, &ground, name, tell).await?;
        }
        let get = async |what| {
            let answer = settings.cli.run(&["get", what, "--name", name], Duration::from_secs(30)).await?;
            Ok::<_, Error>(answer.stdout)
        };
        let (kubeconfig, nodes) = tokio::try_join!(get("kubeconfig"), get("nodes"))?;
        let nodes: Vec<String> = nodes.split_whitespace().map(str::to_owned).collect();
        let client = client_of(&kubeconfig).await?;
        tell("waiting for the registry");
        let registry = ground.registry.await.ok_or(Error::NoRegistry)?;
        let alias = alias(&ground.session);
        let docker = ground.docker;
        let join = docker.join(&registry.1, NETWORK, &alias).await;
        join.map_err(Error::Docker)?;
        tell("telling the nodes where docker.io is");
        for node in &nodes {
            mirror(&docker, node, &alias, &registry.0.to_string()).await?;
        }
        let version = client.apiserver_version().await.map_err(Error::Client)?.git_version;
        let cluster = Self {
            info: Info { name: "kind".into(), server_version: version, notes: vec![settings.image.to_string()], nodes },
            cli: settings.cli.clone(),
            name: name.to_owned(),
            ours,
            kubeconfig,
            client,
            docker,
        };
        tell("asking the registry from a node");
        cluster.verify().await?;
        Ok(cluster)
    }

    /// Waits for every node to be ready, and for the ServiceAccount that pods need.
    pub async fn schedulable(&self) -> Result<(), Error> {
        let nodes = Api::<Node>::all(self.client());
        let accounts = Api::<ServiceAccount>::namespaced(self.client(), "default");
        let names = nodes.list(&Default::default()).await.map_err(Error::Client)?;
        let all = async {
            for node in names {
                await_condition(nodes.clone(), &node.metadata.name.unwrap_or_default(), is_ready()).await?;
            }
            let exists = |account: Option<&ServiceAccount>| account.is_some();
            await_condition(accounts, "default", exists).await
        };
        match tokio::time::timeout(READY_TIMEOUT, all).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(source)) => Err(Error::Watch(Box::new(source))),
            Err(_) => Err(Error::NotReady { after: READY_TIMEOUT }),
        }
    }

    pub fn info(&self) -> &Info {
        &self.info
    }

    pub fn client(&self) -> kube::Client {
        self.client.clone()
    }

    pub fn kubeconfig(&self) -> String {
        self.kubeconfig.clone()
    }

    pub fn docker(&self) -> &Docker {
        &self.docker
    }

    pub async fn stop(self) {
        if self.ours {
            self.cli.delete(&self.name).await;
        }
    }

    /// A pull without credentials must be refused by *our* registry: anything else means the wiring is wrong, and
    /// a lab's failure would prove nothing.
    async fn verify(&self) -> Result<(), Error> {
        let node = self.info.nodes.first().ok_or(Error::NoNodes)?;
        let image = format!("docker.io/rehearsal/wiring:{}", self.name);
        let (_, answer) = self.docker.run_in(node, &["crictl", "pull", &image]).await.map_err(Error::Docker)?;
        match answer.contains("authorization failed") {
            true => Ok(()),
            false => Err(Error::Wiring { node: node.clone(), answer }),
        }
    }
}

/// Takes an image off the nodes.
pub(super) async fn evict(docker: &Docker, nodes: &[String], image: &str) -> Result<(), Error> {
    let each = nodes.iter().map(|node| async move {
        // Absent is what is wanted; crictl says so with an exit code of its own.
        docker.run_in(node, &["crictl", "rmi", image]).await.map(drop).map_err(Error::Docker)
    });
    futures::future::try_join_all(each).await.map(drop)
}

/// Clusters whose session is dead, by kind's label: `rehearsal-<session>`.
pub async fn leftovers(docker: &Docker) -> Vec<String> {
    let mut names: Vec<String> = docker
        .containers(CLUSTER_LABEL)
        .await
        .unwrap_or_default()
        .into_iter()
        .filter_map(|container| container.labels.get(CLUSTER_LABEL).cloned())
        .filter_map(|name| name.strip_prefix("rehearsal-").map(str::to_owned))
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Deletes the cluster of a dead session.
pub async fn remove_leftover(docker: &Docker, session: &str) -> Result<(), Error> {
    Cli::find(docker).await?.delete(&format!("rehearsal-{session}")).await;
    Ok(())
}

async fn create(
    settings: &KindSettings,
    ground: &Ground<'_>,
    name: &str,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<(), Error> {
    let engine = ground.docker.engine().await.map_err(Error::Docker)?;
    let write = |path: &Path, text: &str| {
        std::fs::write(path, text).map_err(|source| Error::Write { path: path.into(), source })
    };
    // A user's own config may have another network.
    let cni = settings.config.is_none().then(|| ground.private.join("cni"));
    if let Some(cni) = &cni {
        std::fs::create_dir_all(cni).map_err(|source| Error::Write { path: cni.clone(), source })?;
        write(&cni.join(config::CNI.0), config::CNI.1)?;
    }
    let config = Config { workers: settings.workers, cgroup_v1: engine.cgroup_version == "1", cni };
    let path = ground.private.join("kind.yaml");
    write(&path, &config.render(settings.config.as_deref())?)?;
    let mut tool = settings
        .cli
        .tool()
        .args(["create", "cluster", "--name", name, "--config"])
        .arg(&path)
        // The kubeconfig is asked for later; the user's own is never touched.
        .arg("--kubeconfig")
        .arg(ground.private.join("kind.kubeconfig"))
        .env("NO_PROXY", no_proxy(&alias(&ground.session)))
        .timeout(CREATE_TIMEOUT);
    if let Some(image) = settings.image.name() {
        tool = tool.args(["--image", image]);
    }
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
            let log = ground.logs.join("kind-create.log");
            let _ = std::fs::write(&log, &printed);
            Err(Error::Create { code: output.code, printed, log })
        }
    }
}

/// kind hands proxies on to the nodes; the registry beside them must not be asked through one.
fn no_proxy(alias: &str) -> String {
    let before = std::env::var("NO_PROXY").or_else(|_| std::env::var("no_proxy")).unwrap_or_default();
    [before.as_str(), alias].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(",")
}

/// `hosts.toml` for docker.io and for the registry's own name. `server` names the registry too: without it
/// containerd would go on to the real docker.io, with the lab's credentials.
async fn mirror(docker: &Docker, node: &str, alias: &str, own: &str) -> Result<(), Error> {
    let url = format!("http://{alias}:5000");
    let toml = format!("server = \"{url}\"\n\n[host.\"{url}\"]\n  capabilities = [\"pull\", \"resolve\"]\n");
    for host in ["docker.io", own] {
        let dir = format!("/etc/containerd/certs.d/{host}");
        let script = format!("mkdir -p '{dir}' && cat > '{dir}/hosts.toml' <<'EOF'\n{toml}EOF\n");
        let (code, output) = docker.run_in(node, &["sh", "-c", &script]).await.map_err(Error::Docker)?;
        if code != 0 {
            return Err(Error::Wiring { node: node.into(), answer: output });
        }
    }
    Ok(())
}

/// Ready, and the node controller has seen it: a pod that comes while the taint is there is told that no node takes it.
fn is_ready() -> impl Condition<Node> {
    |node: Option<&Node>| {
        let conditions = node.and_then(|n| n.status.as_ref()).and_then(|status| status.conditions.as_ref());
        let taints = node.and_then(|n| n.spec.as_ref()).and_then(|spec| spec.taints.as_ref());
        conditions.is_some_and(|all| all.iter().any(|c| c.type_ == "Ready" && c.status == "True"))
            && !taints.into_iter().flatten().any(|taint| taint.key == "node.kubernetes.io/not-ready")
    }
}
