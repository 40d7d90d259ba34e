//! What every command that brings up a stage begins with: where things are, which cluster, who is told.

use std::path::{Path, PathBuf};

use super::args::{self, Common};
use super::error::Error;
use crate::cluster::{self, Choice, MiniSettings};
use crate::mask::Masker;
use crate::mini::Version;
use crate::registry::Credentials;
use crate::run::{Event, Events};
use crate::stage::{Part, PartState};

/// Where things are: the labs, and where sessions are written.
pub struct Places {
    pub labs: PathBuf,
    /// The folder the labs are in.
    pub project: PathBuf,
    pub root: PathBuf,
}

impl Places {
    pub fn find(common: &Common) -> Result<Self, Error> {
        let labs = match &common.labs {
            Some(dir) => dir.clone(),
            None => {
                let here = std::env::current_dir().map_err(Error::Report)?;
                here.ancestors().map(|dir| dir.join("labs")).find(|labs| labs.is_dir()).ok_or(Error::NoLabs)?
            }
        };
        let project = labs.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
        let root = common.dir.clone().unwrap_or_else(|| project.join("target/rehearsal"));
        let root = std::path::absolute(root).map_err(Error::Report)?;
        Ok(Self { labs, project, root })
    }
}

/// What the command line says of the cluster.
///
/// # Errors
/// A version that mini does not know, where mini may be what is played on.
pub fn cluster_settings(stage: &args::Stage) -> Result<cluster::Settings, Error> {
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
