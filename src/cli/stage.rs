//! What every command that brings up a stage begins with: its options, which cluster they mean, who is told.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cluster::{self, Choice, MiniSettings};
use crate::mask::Masker;
use crate::mini::{InvalidVersion, Version};
use crate::registry::Credentials;
use crate::run::{Event, Events};
use crate::stage::{Part, PartState};

#[derive(Debug, Clone, Args)]
pub struct StageArgs {
    /// The cluster to play on: auto, mini, kind or context:NAME
    #[arg(long, default_value = "auto", value_name = "CLUSTER", env = "REHEARSAL_CLUSTER")]
    pub cluster: Choice,
    /// Mini only: how many times faster the kubelet's syncs and back-offs pass; 1 is real time
    #[arg(long, default_value_t = 100.0, value_name = "N", value_parser = timelapse)]
    pub timelapse: f64,
    /// The Kubernetes version: mini behaves as it (1.32 to 1.36), kind takes a node image of it
    #[arg(long, value_name = "X.Y[.Z]", value_parser = version)]
    pub kubernetes_version: Option<String>,
    /// Kind only: the node image
    #[arg(long, value_name = "IMAGE")]
    pub node_image: Option<String>,
    /// Kind only: how many workers beside the control plane
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=9))]
    pub workers: u32,
    /// Kind only: a kind config of your own, kept under what a stage needs
    #[arg(long, value_name = "FILE")]
    pub kind_config: Option<PathBuf>,
    /// Kind only: use this cluster, which is there, and leave it
    #[arg(long, value_name = "NAME")]
    pub reuse: Option<String>,
    /// context:NAME only: play even where names say that this is production
    #[arg(long)]
    pub allow_production: bool,
    /// context:NAME only: a registry that its nodes reach; the login comes from REHEARSAL_REGISTRY_USERNAME and
    /// REHEARSAL_REGISTRY_PASSWORD or from a file
    #[arg(long, value_name = "HOST[/PATH]")]
    pub registry: Option<String>,
    /// A docker config, or one line `user:password`; nobody else may read it
    #[arg(long, value_name = "FILE", requires = "registry")]
    pub registry_credentials: Option<PathBuf>,
    /// The port of the registry on 127.0.0.1 [default: a free one]
    #[arg(long, value_name = "PORT")]
    pub registry_port: Option<u16>,
    /// (internal) stay in the foreground and keep the stage up until told to go
    #[arg(long, hide = true)]
    pub foreground: bool,
}

impl StageArgs {
    /// The same again, for the process that keeps a stage up.
    pub fn to_command(&self, labs: &Path, root: &Path) -> Vec<OsString> {
        let mut command: Vec<OsString> = ["up", "--foreground", "--cluster"].map(OsString::from).into();
        command.push(self.cluster.to_string().into());
        let mut option = |name: &str, value: Option<OsString>| {
            if let Some(value) = value {
                command.extend([name.into(), value]);
            }
        };
        option("--timelapse", Some(self.timelapse.to_string().into()));
        option("--kubernetes-version", self.kubernetes_version.clone().map(Into::into));
        option("--node-image", self.node_image.clone().map(Into::into));
        option("--workers", Some(self.workers.to_string().into()));
        option("--kind-config", self.kind_config.clone().map(Into::into));
        option("--reuse", self.reuse.clone().map(Into::into));
        option("--registry-port", self.registry_port.map(|port| port.to_string().into()));
        option("--registry", self.registry.clone().map(Into::into));
        option("--registry-credentials", self.registry_credentials.clone().map(Into::into));
        option("--labs", Some(labs.into()));
        option("--dir", Some(root.into()));
        if self.allow_production {
            command.push("--allow-production".into());
        }
        command
    }
}

pub fn version(text: &str) -> Result<String, String> {
    let numbers: Vec<_> = text.trim_start_matches('v').split('.').map(str::parse::<u32>).collect();
    match numbers[..] {
        [Ok(1), Ok(_)] | [Ok(1), Ok(_), Ok(_)] => Ok(text.trim_start_matches('v').to_owned()),
        _ => Err("a version like 1.36 or 1.36.2".into()),
    }
}

pub fn timelapse(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if (1.0..=10_000.0).contains(&factor) => Ok(factor),
        _ => Err("a number from 1 to 10000".into()),
    }
}

/// What the command line says of the cluster.
///
/// # Errors
/// A version that mini does not know, where mini may be what is played on.
pub fn cluster_settings(stage: &StageArgs) -> Result<cluster::Settings, InvalidVersion> {
    let minor = |version: &str| version.split('.').take(2).collect::<Vec<_>>().join(".");
    let version = match (&stage.kubernetes_version, &stage.cluster) {
        (Some(version), Choice::Auto | Choice::Mini) => minor(version).parse()?,
        _ => Version::LATEST,
    };
    Ok(cluster::Settings {
        choice: stage.cluster.clone(),
        mini: MiniSettings { version, timelapse: stage.timelapse },
        node_image: stage.node_image.clone(),
        kubernetes_version: stage.kubernetes_version.clone(),
        workers: stage.workers,
        kind_config: stage.kind_config.clone(),
        reuse: stage.reuse.clone(),
        allow_production: stage.allow_production,
    })
}

pub fn tell(events: Events) -> impl Fn(Part, PartState, &str, u64) + Sync {
    move |part, state, detail, ms| {
        events.emit(Event::StagePart { part: part.name().into(), state, detail: detail.into(), ms });
    }
}

pub fn mask(masker: &Masker, credentials: &Credentials) {
    masker.add(&credentials.password);
}
