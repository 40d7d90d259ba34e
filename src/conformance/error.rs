//! Why a case could not be played to its end, and why a suite could not be run.

use std::path::PathBuf;

use crate::hint::Hint;
use crate::place::{CleanupError, NotWatching, ShellError};
use crate::wait::TimedOut;
use crate::{docker, stage};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("no case is called `{name}`")]
    UnknownCase { name: String },
    #[error("the cluster does not answer")]
    Kube(#[from] kube::Error),
    #[error(transparent)]
    Cleanup(#[from] CleanupError),
    #[error("the namespace never got its default ServiceAccount")]
    NoServiceAccount,
    #[error(transparent)]
    Watch(#[from] NotWatching),
    #[error(transparent)]
    Stage(#[from] stage::Error),
    #[error(transparent)]
    Docker(#[from] docker::Error),
    #[error(transparent)]
    Shell(#[from] ShellError),
    #[error(transparent)]
    TimedOut(#[from] TimedOut),
    #[error("the kubeconfig cannot be given another namespace: {0}")]
    Kubeconfig(String),
    #[error("`rehearse why` names {}, not {}", named.join(", "), expected.join(", "))]
    Causes { named: Vec<String>, expected: &'static [&'static str] },
    #[error("cannot write {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("there is no record in {}", path.display())]
    NoRecords { path: PathBuf },
    #[error("cannot read the records in {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownCase { .. } => Some("`rehearse conformance --list` names them".into()),
            Self::Stage(error) => error.hint(),
            Self::Docker(error) => error.hint(),
            Self::Read { .. } | Self::NoRecords { .. } => {
                Some("run `rehearse conformance --cluster NAME` first, for both clusters".into())
            }
            Self::Kube(_) => Some("is the cluster still there? `kubectl get --raw /readyz` asks it".into()),
            Self::Cleanup(error) => error.hint(),
            Self::Watch(error) => error.hint(),
            Self::Shell(error) => error.hint(),
            Self::NoServiceAccount | Self::TimedOut(_) => {
                Some("a cluster that is busy takes longer: `--parallel 1`".into())
            }
            Self::Kubeconfig(_) => Some("is the stage still up? `rehearse down` clears what is left of one".into()),
            // What a case saw is what it says.
            Self::Causes { .. } => None,
            Self::Write { .. } => Some("records are written where `--dir DIR` says".into()),
        }
    }
}
