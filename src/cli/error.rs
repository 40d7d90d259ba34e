//! Why a command could not be carried out, each with what to do next.

use std::path::PathBuf;

use super::{kubectl, remote};
use crate::hint::Hint;
use crate::stage::Remains;
use crate::{check, cluster, conformance, docker, images, place, report, run, sabotage, script, session, stage, why};

/// Why a run could not be made, each with what to do next.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("neither $XDG_STATE_HOME nor $HOME says where this program may keep its files")]
    NoState,
    #[error(transparent)]
    Script(#[from] script::ScriptError),
    #[error(transparent)]
    Remote(#[from] remote::Error),
    #[error(transparent)]
    Docker(#[from] docker::Error),
    #[error(transparent)]
    Images(#[from] images::Error),
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    #[error(transparent)]
    Options(#[from] super::stage::Error),
    #[error(transparent)]
    Stage(#[from] stage::Error),
    #[error(transparent)]
    Session(#[from] session::Error),
    #[error(transparent)]
    Run(#[from] run::Error),
    #[error(transparent)]
    Kubectl(#[from] kubectl::Error),
    #[error(transparent)]
    Conformance(#[from] conformance::Error),
    #[error(transparent)]
    Sabotage(#[from] sabotage::Error),
    #[error("no Markdown file: {}", paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "))]
    NoLectures { paths: Vec<PathBuf> },
    #[error("cannot read {}", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Lecture(#[from] script::lecture::ReadError),
    #[error("these are no records of a check")]
    Records(#[from] check::RecordsError),
    #[error(transparent)]
    Patch(#[from] check::PatchError),
    #[error(transparent)]
    Place(#[from] place::Error),
    #[error(transparent)]
    Shell(#[from] place::ShellError),
    #[error(transparent)]
    Events(#[from] report::ReadError),
    #[error("cannot write the report")]
    Report(#[source] std::io::Error),
    #[error(transparent)]
    Why(#[from] why::Error),
    #[error("{} is there already", path.display())]
    Exists { path: PathBuf },
    #[error("`--step` asks on the terminal before each command, and there is nobody to ask")]
    NobodyToAsk,
    #[error("no stage is up")]
    NoStage,
    #[error("there is no `bash` on PATH")]
    NoBash,
    #[error("{} cannot be written", path.display())]
    NotWritable { path: PathBuf },
    #[error("only {free_mib} MiB are free at {}", path.display())]
    NoRoom { path: PathBuf, free_mib: u64 },
    #[error("the stage that was to stay up ended: {0}")]
    StageEnded(String),
    /// Ctrl-C and the like; what was begun has been looked at.
    #[error("interrupted{}; {remains}{}", if *twice { " twice" } else { "" }, removed_by(remains, down))]
    Interrupted { twice: bool, remains: Remains, down: String },
    #[error("interrupted before anything was begun")]
    InterruptedBefore,
    #[error("the stage of session {session} does not go: {status}")]
    StageStays { session: String, pid: u32, status: String },
    #[error("another stage is up: {cluster}{}", asked.iter().map(|asked| format!(" {asked}")).collect::<String>())]
    OtherStage { cluster: String, asked: Vec<String> },
}

fn removed_by(remains: &Remains, down: &str) -> String {
    if remains.is_nothing() { String::new() } else { format!("; {down} removes it") }
}

impl Error {
    /// Whether it is no error but what was asked for: to end early.
    pub(super) fn is_interrupt(&self) -> bool {
        matches!(self, Self::Interrupted { .. } | Self::InterruptedBefore)
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoState => Some("name folders: `--labs DIR` and `--dir DIR`".into()),
            Self::Script(error) => error.hint(),
            Self::Remote(error) => error.hint(),
            Self::Docker(error) => error.hint(),
            Self::Images(error) => error.hint(),
            Self::Cluster(error) => error.hint(),
            Self::Stage(error) => error.hint(),
            Self::Session(error) => error.hint(),
            Self::Kubectl(error) => error.hint(),
            Self::Conformance(error) => error.hint(),
            Self::Sabotage(error) => error.hint(),
            Self::NoLectures { .. } => Some("name a file that ends in .md, or a folder with such files".into()),
            Self::Unreadable { .. } => Some("is it there, and yours to read?".into()),
            Self::Lecture(error) => error.hint(),
            Self::Records(error) => error.hint(),
            Self::Patch(error) => error.hint(),
            Self::Place(error) => error.hint(),
            Self::Shell(error) => error.hint(),
            Self::Events(error) => error.hint(),
            Self::Why(error) => error.hint(),
            Self::NoStage => Some("`rehearse up` brings one up; `--cluster context:NAME` asks another cluster".into()),
            Self::Exists { .. } => {
                Some("nothing is written over: name a folder that has neither `labs` nor `hello`".into())
            }
            Self::NobodyToAsk => Some("leave `--step` out, or run it on a terminal, without `--json`".into()),
            Self::NoBash => Some("labs' fences are played by bash: install it".into()),
            Self::NotWritable { .. } => Some("sessions are written where `--dir DIR` says, locks in $TMPDIR".into()),
            Self::NoRoom { .. } => {
                Some("make room: `make clean` gives back what was built, `docker system df` tells more".into())
            }
            Self::Options(error) => error.hint(),
            // What is left, and what removes it, it says itself.
            Self::Interrupted { .. } | Self::InterruptedBefore => None,
            Self::StageStays { pid, .. } => {
                Some(format!("`kill -9 {pid}` ends its process; `rehearse down` then removes what it leaves"))
            }
            Self::OtherStage { .. } => Some("`rehearse down` takes it down".into()),
            Self::Run(error) => error.hint(),
            Self::Report(_) => Some("sessions are written where `--dir DIR` says; is its disk full?".into()),
            Self::StageEnded(_) => {
                Some("what it printed before it ended stands above; `rehearse down` clears what is left".into())
            }
        }
    }
}
