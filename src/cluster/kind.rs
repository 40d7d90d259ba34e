//! A kind cluster: the reference. Created through the `kind` CLI, with a name of the session's, a kubeconfig of its
//! own, and `hosts.toml` in every node so that docker.io is the stage's registry and nothing else.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, ServiceAccount};
use kube::Api;
use kube::runtime::wait::{Condition, await_condition};

use super::start::StartContext;
use super::{Error, Info, client_of, namespaces};
use crate::docker::Docker;
use crate::registry::Credentials;
use crate::session::Debt;

mod cli;
mod config;
mod create;
mod image;
mod wiring;

pub(super) use cli::KindCli;
pub(crate) use create::end;
pub(super) use image::{NodeImage, WantedNodeImage, find as find_image};
pub(crate) use wiring::give_back;
use wiring::{Wiring, alias};

/// The network kind puts its nodes on.
const NETWORK: &str = "kind";
/// The container's label that kind writes its cluster's name into.
const CLUSTER_LABEL: &str = "io.x-k8s.kind.cluster";
const READY_TIMEOUT: Duration = Duration::from_secs(180);

/// What kind cluster to start.
#[derive(Debug, Clone)]
pub(crate) struct KindSettings {
    pub cli: KindCli,
    pub source: ClusterSource,
    pub workers: u32,
    /// The user's own kind config, merged under ours.
    pub config: Option<PathBuf>,
}

/// Where the cluster comes from.
#[derive(Debug, Clone)]
pub(crate) enum ClusterSource {
    Create(NodeImage),
    /// It is there, under this name, and stays.
    Reuse(String),
}

impl std::fmt::Display for ClusterSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Create(image) => image.fmt(f),
            Self::Reuse(name) => write!(f, "kind cluster {name}: used and left, its docker.io comes back afterwards"),
        }
    }
}

pub(crate) struct KindCluster {
    docker: Docker,
    kubeconfig: String,
    client: kube::Client,
    info: Info,
}

impl KindCluster {
    /// Creates the cluster, joins the registry to its network, and returns once the API serves and a node has shown
    /// that it asks the stage's registry.
    ///
    /// # Errors
    /// With kind's own reason. What had been begun is in the session's ledger.
    pub(crate) async fn start(
        settings: &KindSettings,
        context: StartContext<'_>,
        tell: &(dyn Fn(&str) + Sync),
    ) -> Result<Self, Error> {
        match &settings.source {
            ClusterSource::Reuse(name) => Self::wire(settings, context, name, tell).await,
            ClusterSource::Create(image) => {
                let name = name_of(&context.session);
                create::create(settings, image, &context, &name, tell).await?;
                Self::wire(settings, context, &name, tell).await
            }
        }
    }

    /// From the cluster `name`, which is there, to one that pulls from the stage's registry.
    async fn wire(
        settings: &KindSettings,
        context: StartContext<'_>,
        name: &str,
        tell: &(dyn Fn(&str) + Sync),
    ) -> Result<Self, Error> {
        let get = async |what| {
            let answer = settings.cli.run(&["get", what, "--name", name], Duration::from_secs(30)).await?;
            Ok::<_, Error>(answer.stdout)
        };
        let (kubeconfig, nodes) = tokio::try_join!(get("kubeconfig"), get("nodes"))?;
        let nodes: Vec<String> = nodes.split_whitespace().map(str::to_owned).collect();
        let client = client_of(&kubeconfig).await?;
        tell("waiting for the registry");
        let registry = context.registry.await.ok_or(Error::NoRegistry)?;
        context.registry_at_rest.await;
        let docker = context.docker;
        let is_users = matches!(settings.source, ClusterSource::Reuse(_));
        let mut notes = vec![settings.source.to_string()];
        if is_users {
            notes.extend(namespaces::reap(&client).await.map_err(Error::Client)?);
            let debt = Debt::Nodes { nodes: nodes.clone(), host: docker.host().into() };
            context.ledger.owe(debt).map_err(|source| Error::Write { path: context.private.clone(), source })?;
        }
        let host = docker.join(&registry.1, NETWORK, &alias(&context.session)).await.map_err(Error::Docker)?;
        tell("telling the nodes where docker.io is");
        Wiring { docker: &docker, nodes: &nodes, challenge: &context.challenge }
            .connect((&context.session, &context.owner), &host, registry.0)
            .await?;
        let version = client.apiserver_version().await.map_err(Error::Client)?.git_version;
        Ok(Self {
            info: Info { name: "kind".into(), server_version: version, notes, nodes, is_users },
            kubeconfig,
            client,
            docker,
        })
    }

    /// Waits for every node to be ready, and for the ServiceAccount that pods need.
    pub(crate) async fn schedulable(&self) -> Result<(), Error> {
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

    pub(crate) fn info(&self) -> &Info {
        &self.info
    }

    pub(crate) fn client(&self) -> kube::Client {
        self.client.clone()
    }

    pub(crate) fn kubeconfig(&self) -> String {
        self.kubeconfig.clone()
    }

    pub(crate) fn docker(&self) -> &Docker {
        &self.docker
    }
}

/// The name of a session's kind cluster.
pub(crate) fn name_of(session: &str) -> String {
    format!("rehearsal-{session}")
}

/// Takes an image off the nodes.
pub(super) async fn evict(docker: &Docker, nodes: &[String], image: &str) -> Result<(), Error> {
    let each = nodes.iter().map(|node| async move {
        // Absent is what is wanted; crictl says so with an exit code of its own.
        docker.run_in(node, &["crictl", "rmi", image]).await.map(drop).map_err(Error::Docker)
    });
    futures::future::try_join_all(each).await.map(drop)
}

/// Has the nodes pull an image.
pub(super) async fn preload(
    docker: &Docker,
    nodes: &[String],
    image: &str,
    credentials: &Credentials,
) -> Result<(), Error> {
    let login = format!("{}:{}", credentials.username, credentials.password.expose());
    for node in nodes {
        let pulled = docker.run_in(node, &["crictl", "pull", "--creds", &login, image]).await;
        if let (1.., why) = pulled.map_err(Error::Docker)? {
            return Err(Error::Preload { image: image.into(), why });
        }
    }
    Ok(())
}

/// The sessions that have made kind clusters on this engine, each with its owner. A cluster without an owner is
/// somebody else's, whatever its name.
pub(crate) async fn sessions(docker: &Docker) -> BTreeMap<String, String> {
    let nodes = docker.containers(CLUSTER_LABEL).await.unwrap_or_default().into_iter().filter_map(|node| {
        let session = node.labels.get(CLUSTER_LABEL)?.strip_prefix("rehearsal-")?.to_owned();
        Some(async move { Some((session, docker.bound(&node.id, config::OWNER).await.ok()??)) })
    });
    futures::future::join_all(nodes).await.into_iter().flatten().collect()
}

/// The sessions whose registry is docker.io to nodes of kind clusters of others on this engine, each with its owner and
/// the nodes. A session's own nodes go with its cluster: asked while they go, they would answer that they do not run.
pub(crate) async fn borrowed(docker: &Docker) -> BTreeMap<(String, String), Vec<String>> {
    let nodes = docker.containers(CLUSTER_LABEL).await.unwrap_or_default();
    let nodes = nodes.into_iter().filter(|node| node.state == "running");
    let told = nodes.filter_map(|node| {
        let (name, cluster) = (node.names.first()?.clone(), node.labels.get(CLUSTER_LABEL)?.clone());
        Some(async move {
            let whose = wiring::whose(docker, &name).await.ok()??;
            (cluster != name_of(&whose.0)).then_some((whose, name))
        })
    });
    let mut found = BTreeMap::<_, Vec<String>>::new();
    for (whose, node) in futures::future::join_all(told).await.into_iter().flatten() {
        found.entry(whose).or_default().push(node);
    }
    found
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
