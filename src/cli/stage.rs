//! What every command that brings up a stage begins with: its options, which cluster they mean, who is told.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::cluster::{self, Choice, MiniSettings};
use crate::event::{Event, Events, PartState};
use crate::hint::Hint;
use crate::mask::Masker;
use crate::mini::{InvalidVersion, Version};
use crate::registry::Credentials;
use crate::stage::{Handle, Part, RegistryAuth};

/// What of the options cannot be.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("`{option}` is for kind, not for {cluster}")]
    KindOnly { option: &'static str, cluster: String },
    #[error(transparent)]
    Version(#[from] InvalidVersion),
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::KindOnly { .. } => Some("leave it out, or play on `--cluster kind`".into()),
            Self::Version(error) => error.hint(),
        }
    }
}

/// How many times faster mini's kubelet is, where nothing is said.
pub(super) const TIMELAPSE: f64 = 100.0;

#[derive(Debug, Clone, Args)]
pub(super) struct StageArgs {
    /// The cluster to play on: auto, mini, kind or context:NAME
    #[arg(long, default_value = "auto", value_name = "CLUSTER", env = "REHEARSAL_CLUSTER")]
    pub cluster: Choice,
    /// Mini only: how many times faster the kubelet's syncs and back-offs pass; 1 is real time
    #[arg(long, default_value_t = TIMELAPSE, value_name = "N", value_parser = timelapse)]
    pub timelapse: f64,
    /// The Kubernetes version: mini behaves as it (1.32 to 1.37), kind takes a node image of it; a check takes several,
    /// with commas between, and says where they part
    #[arg(long, value_name = "X.Y[.Z]", value_parser = versions)]
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
    /// How the stage's registry knows its user: by the password itself, or by tokens as Docker Hub does [default: token for check, else basic]
    #[arg(long, value_enum, value_name = "HOW", conflicts_with = "registry")]
    pub registry_auth: Option<AuthArg>,
    /// (internal) stay in the foreground and keep the stage up until told to go
    #[arg(long, hide = true)]
    pub foreground: bool,
}

/// How the stage's registry knows its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuthArg {
    Basic,
    Token,
}

impl fmt::Display for AuthArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic => "basic",
            Self::Token => "token",
        })
    }
}

impl From<AuthArg> for RegistryAuth {
    fn from(auth: AuthArg) -> Self {
        match auth {
            AuthArg::Basic => Self::Basic,
            AuthArg::Token => Self::Token,
        }
    }
}

impl StageArgs {
    /// A stage of a command's own, with nothing beside its cluster asked for.
    pub(super) fn own(cluster: &Choice, timelapse: f64) -> Self {
        Self {
            cluster: cluster.clone(),
            timelapse,
            kubernetes_version: None,
            node_image: None,
            workers: 0,
            kind_config: None,
            reuse: None,
            allow_production: false,
            registry: None,
            registry_credentials: None,
            registry_port: None,
            registry_auth: None,
            foreground: false,
        }
    }

    /// The same again, for the process that keeps a stage up.
    pub(super) fn to_command(&self, labs: &Path, root: &Path) -> Vec<OsString> {
        let mut command: Vec<OsString> = ["up", "--foreground", "--cluster"].map(OsString::from).into();
        command.push(self.cluster.to_string().into());
        command.extend(self.asked().into_iter().map(OsString::from));
        command.extend(["--labs".into(), labs.into(), "--dir".into(), root.into()]);
        command
    }

    /// Everything that is asked of the stage beside which cluster it has: what is as it would be anyway is not.
    pub(super) fn asked(&self) -> Vec<String> {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let options = [
            ("--timelapse", (self.timelapse != TIMELAPSE).then(|| self.timelapse.to_string())),
            ("--kubernetes-version", self.kubernetes_version.clone()),
            ("--node-image", self.node_image.clone()),
            ("--workers", (self.workers != 0).then(|| self.workers.to_string())),
            ("--kind-config", path(&self.kind_config)),
            ("--reuse", self.reuse.clone()),
            ("--registry-port", self.registry_port.map(|port| port.to_string())),
            ("--registry-auth", self.registry_auth.map(|auth| auth.to_string())),
            ("--registry", self.registry.clone()),
            ("--registry-credentials", path(&self.registry_credentials)),
        ];
        let given = options.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?]));
        let mut asked: Vec<String> = given.flatten().collect();
        asked.extend(self.allow_production.then(|| "--allow-production".into()));
        asked
    }

    /// Whether a stage that is up is what is asked for.
    ///
    /// # Errors
    /// As [`Self::choice`].
    pub(super) fn is_met_by(&self, stage: &Handle) -> Result<bool, Error> {
        let choice = self.choice()?;
        let asked = self.asked();
        let cluster = matches!(choice, Choice::Auto) || choice.to_string() == stage.cluster.name;
        Ok(cluster && (asked.is_empty() || asked == stage.asked))
    }

    /// The cluster asked for: what only kind has asks for kind.
    ///
    /// # Errors
    /// [`Error::KindOnly`] where another cluster is named beside it.
    pub(super) fn choice(&self) -> Result<Choice, Error> {
        const KINDS: [&str; 4] = ["--node-image", "--workers", "--kind-config", "--reuse"];
        let asked = self.asked();
        let of_kind = KINDS.into_iter().find(|option| asked.iter().any(|asked| asked == option));
        match (of_kind, &self.cluster) {
            (Some(_), Choice::Auto) => Ok(Choice::Kind),
            (Some(option), Choice::Mini | Choice::Context(_)) => {
                Err(Error::KindOnly { option, cluster: self.cluster.to_string() })
            }
            (_, choice) => Ok(choice.clone()),
        }
    }
}

/// Versions with commas between, of which only a check takes more than one.
pub(super) fn versions(text: &str) -> Result<String, String> {
    let each: Result<Vec<String>, String> = text.split(',').map(|one| version(one.trim())).collect();
    Ok(each?.join(","))
}

pub(super) fn version(text: &str) -> Result<String, String> {
    let numbers: Vec<_> = text.trim_start_matches('v').split('.').map(str::parse::<u32>).collect();
    match numbers[..] {
        [Ok(1), Ok(_)] | [Ok(1), Ok(_), Ok(_)] => Ok(text.trim_start_matches('v').to_owned()),
        _ => Err("a version like 1.36 or 1.36.2".into()),
    }
}

pub(super) fn timelapse(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if (1.0..=10_000.0).contains(&factor) => Ok(factor),
        _ => Err("a number from 1 to 10000".into()),
    }
}

/// What the command line says of the cluster.
///
/// # Errors
/// A version that mini does not know, where mini may be what is played on; an option that another cluster has.
pub(super) fn cluster_settings(stage: &StageArgs) -> Result<cluster::ClusterSettings, Error> {
    let choice = stage.choice()?;
    let minor = |version: &str| version.split('.').take(2).collect::<Vec<_>>().join(".");
    let version = match (&stage.kubernetes_version, &choice) {
        (Some(several), _) if several.contains(',') => several.parse()?,
        (Some(version), Choice::Auto | Choice::Mini) => minor(version).parse()?,
        _ => Version::LATEST,
    };
    Ok(cluster::ClusterSettings {
        choice,
        mini: MiniSettings { version, timelapse: stage.timelapse },
        node_image: stage.node_image.clone(),
        kubernetes_version: stage.kubernetes_version.clone(),
        workers: stage.workers,
        kind_config: stage.kind_config.clone(),
        reuse: stage.reuse.clone(),
        allow_production: stage.allow_production,
    })
}

pub(super) fn tell(events: Events) -> impl Fn(Part, PartState, &str, u64) + Sync {
    move |part, state, detail, ms| {
        events.emit(Event::StagePart { part: part.name().into(), state, detail: detail.into(), ms });
    }
}

pub(super) fn mask(masker: &Masker, credentials: &Credentials) {
    masker.add(credentials.password.expose());
}
