//! What the kubelet remembers of one pod between syncs. Data only.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, ContainerStateTerminated, EphemeralContainer, Pod, PodCondition, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::backoff::Backoff;
use crate::kubewords::status::{COMPLETED, ERROR, OOM_KILLED, START_ERROR};
use crate::mini::Version;
use crate::mini::runtime::Exit;

/// The node, as far as decisions depend on it.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub name: String,
    /// The InternalIP, and the pods' host IP.
    pub ip: String,
    pub version: Version,
    /// The runtime's scheme in container ids.
    pub scheme: &'static str,
    /// Divides every delay: syncs, back-offs, grace periods. 1 is real time.
    pub timelapse: f64,
}

impl Node {
    /// KubeletEnsureSecretPulledImages is on by default since 1.35.
    #[must_use]
    pub(crate) fn verifies_present_images(&self) -> bool {
        self.version >= Version { major: 1, minor: 35 }
    }

    /// `status.observedGeneration` is written since 1.34.
    #[must_use]
    pub(crate) fn observes_generation(&self) -> bool {
        self.version >= Version { major: 1, minor: 34 }
    }
}

/// Why a container is not running: `state.waiting`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// One of the kubelet's words; of a docker config that cannot be read it is the whole sentence.
    pub reason: Cow<'static, str>,
    pub message: String,
}

/// A container that was started at least once.
#[derive(Debug, Clone)]
pub(super) struct ContainerRecord {
    pub id: String,
    /// As the pod named it when the container was started.
    pub image: String,
    pub image_id: String,
    pub started: Timestamp,
    /// How and when it ended; None while it runs.
    pub ended: Option<Ended>,
    pub restarts: i32,
    /// The run before this one.
    pub last: Option<ContainerStateTerminated>,
}

#[derive(Debug, Clone)]
pub(super) struct Ended {
    pub exit: Exit,
    pub at: Timestamp,
    /// Set when the runtime could not start it at all (reason `StartError`).
    pub start_error: Option<String>,
}

/// Everything known of one pod.
#[derive(Debug, Clone)]
pub(super) struct PodState {
    /// When the kubelet first saw the pod.
    pub started: Timestamp,
    /// The sandbox is up from the first sync on whose volumes could be mounted.
    pub sandbox: bool,
    pub ip: Option<String>,
    /// Boxed: a map has room for eleven from its first entry on.
    pub containers: BTreeMap<String, Box<ContainerRecord>>,
    /// Why the last attempt to start a container failed: the kubelet's reason cache.
    pub failures: BTreeMap<String, Failure>,
    /// By image.
    pub image_backoff: Backoff,
    /// By image: `ErrImagePull: <message>` of the last attempt.
    pub pull_errors: BTreeMap<String, String>,
    /// By container.
    pub crash_backoff: Backoff,
    /// As last written, for their transition times.
    pub conditions: Vec<PodCondition>,
}

impl PodState {
    #[must_use]
    pub(super) fn new(now: Timestamp, timelapse: f64) -> Self {
        Self {
            started: now,
            sandbox: false,
            ip: None,
            containers: BTreeMap::new(),
            failures: BTreeMap::new(),
            image_backoff: Backoff::new(timelapse),
            pull_errors: BTreeMap::new(),
            crash_backoff: Backoff::new(timelapse),
            conditions: Vec::new(),
        }
    }
}

impl ContainerRecord {
    /// `containerd://ID`; None where the container could not even be made.
    #[must_use]
    pub(super) fn full_id(&self, scheme: &str) -> Option<String> {
        (!self.id.is_empty()).then(|| format!("{scheme}://{}", self.id))
    }

    /// The end of this run as the status shows it; None while it runs.
    #[must_use]
    pub(super) fn terminated(&self, scheme: &str) -> Option<ContainerStateTerminated> {
        let ended = self.ended.as_ref()?;
        let reason = match &ended.exit {
            _ if ended.start_error.is_some() => START_ERROR,
            Exit { oom_killed: true, .. } => OOM_KILLED,
            Exit { code: 0, .. } => COMPLETED,
            Exit { .. } => ERROR,
        };
        Some(ContainerStateTerminated {
            container_id: self.full_id(scheme),
            exit_code: ended.exit.code,
            reason: Some(reason.to_owned()),
            message: ended.start_error.clone(),
            started_at: Some(Time(self.started)),
            finished_at: Some(Time(ended.at)),
            ..ContainerStateTerminated::default()
        })
    }
}

static EMPTY: std::sync::LazyLock<PodSpec> = std::sync::LazyLock::new(PodSpec::default);

/// An ephemeral container as a container: it has the same fields, some of which it may not use.
pub(super) fn as_container(ephemeral: &EphemeralContainer) -> Container {
    let json = serde_json::to_value(ephemeral).unwrap_or_default();
    serde_json::from_value(json).unwrap_or_else(|_| Container { name: ephemeral.name.clone(), ..Container::default() })
}

/// A pod's parts, where an unset field means what Kubernetes' defaults say.
pub(super) trait PodExt {
    fn pod(&self) -> &Pod;

    fn pod_spec(&self) -> &PodSpec {
        self.pod().spec.as_ref().unwrap_or(&EMPTY)
    }

    fn uid(&self) -> &str {
        self.pod().metadata.uid.as_deref().unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.pod().metadata.name.as_deref().unwrap_or_default()
    }

    fn namespace(&self) -> &str {
        self.pod().metadata.namespace.as_deref().unwrap_or("default")
    }

    fn restart_policy(&self) -> &str {
        self.pod_spec().restart_policy.as_deref().unwrap_or("Always")
    }

    fn init_containers(&self) -> &[Container] {
        self.pod_spec().init_containers.as_deref().unwrap_or_default()
    }

    fn containers(&self) -> &[Container] {
        &self.pod_spec().containers
    }

    fn ephemeral_containers(&self) -> &[EphemeralContainer] {
        self.pod_spec().ephemeral_containers.as_deref().unwrap_or_default()
    }

    fn container(&self, name: &str) -> Option<Cow<'_, Container>> {
        let mut own = self.init_containers().iter().chain(self.containers());
        let ephemeral = || self.ephemeral_containers().iter().find(|container| container.name == name);
        let found = own.find(|container| container.name == name).map(Cow::Borrowed);
        found.or_else(|| Some(Cow::Owned(as_container(ephemeral()?))))
    }

    fn terminating(&self) -> bool {
        self.pod().metadata.deletion_timestamp.is_some()
    }

    /// `NAME_NAMESPACE(UID)`, as kubelet messages name pods.
    fn formatted(&self) -> String {
        format!("{}_{}({})", self.name(), self.namespace(), self.uid())
    }

    /// `spec.containers{NAME}` or `spec.initContainers{NAME}`.
    fn field_path(&self, container: &str) -> String {
        let init = self.init_containers().iter().any(|init| init.name == container);
        let ephemeral = self.ephemeral_containers().iter().any(|ephemeral| ephemeral.name == container);
        let list = match (init, ephemeral) {
            (true, _) => "initContainers",
            (_, true) => "ephemeralContainers",
            _ => "containers",
        };
        format!("spec.{list}{{{container}}}")
    }
}

impl PodExt for Pod {
    fn pod(&self) -> &Pod {
        self
    }
}
