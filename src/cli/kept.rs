//! The stage that is kept up: found, and taken for one run at a time.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use crate::session::{self, Life, Session};
use crate::stage::Handle;

/// The stage that is up under `root`, if one is.
pub(super) fn find(root: &Path) -> Option<Handle> {
    let entries = std::fs::read_dir(root).ok()?;
    entries
        .flatten()
        .filter_map(|entry| Handle::read(&entry.path().join("private/stage.json")).ok())
        .find(|handle| handle.kept && handle.pid != std::process::id() && handle.is_kept_up())
}

/// The right to bring a stage up under a root, while the value lives.
pub(super) struct RaisingLock {
    _lock: Flock<File>,
}

impl RaisingLock {
    /// None where somebody else is about it.
    pub(super) fn begin(root: &Path) -> Option<Self> {
        lock(&root.join("raising")).map(|lock| Self { _lock: lock })
    }
}

/// The right to take stages down under a root, while the value lives: two who tell one stage to go would force it.
pub(super) struct LoweringLock {
    _lock: Flock<File>,
}

impl LoweringLock {
    /// None where somebody else is about it.
    pub(super) fn begin(root: &Path) -> Option<Self> {
        lock(&root.join("lowering")).map(|lock| Self { _lock: lock })
    }
}

/// In the private folder of a session that brings a stage up to keep it: who it is.
const KEEPER: &str = "keeper.json";

/// A session that keeps a stage up, or brings one up to keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Keeper {
    pub session: String,
    owner: String,
    pub pid: u32,
    private: PathBuf,
}

impl Keeper {
    /// Says that `session`, of this process, is one.
    ///
    /// # Errors
    /// Where its folder cannot be written.
    pub(super) fn announce(session: &Session) -> Result<Self, session::Error> {
        let keeper = Self {
            session: session.id().into(),
            owner: session.owner(),
            pid: std::process::id(),
            private: session.private(),
        };
        // A record of strings and a number always serializes.
        session.write_private(KEEPER, &serde_json::to_vec(&keeper).unwrap_or_default())?;
        Ok(keeper)
    }

    /// The one under `root`, if there is one.
    pub(super) fn find(root: &Path) -> Option<Self> {
        let read =
            |dir: PathBuf| serde_json::from_slice::<Self>(&std::fs::read(dir.join("private").join(KEEPER)).ok()?).ok();
        let entries = std::fs::read_dir(root).ok()?.flatten();
        entries.filter_map(|entry| read(entry.path())).find(Self::is_alive)
    }

    pub(super) fn is_alive(&self) -> bool {
        session::life(&self.owner) == Life::Alive
    }

    /// Says that its stage goes: it need not be told again, and would hurry if it were.
    pub(super) fn goes(&self) {
        // Who does not see it tells it once more.
        let _ = std::fs::write(self.private.join(GOING), "");
    }

    /// Whether it has been told to go.
    pub(super) fn is_going(&self) -> bool {
        self.private.join(GOING).exists()
    }
}

/// In a stage's private folder once it has been told to go.
const GOING: &str = "going";

fn lock(path: &Path) -> Option<Flock<File>> {
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(false).write(true).mode(0o600).open(path).ok()?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).ok()
}

/// The right to play on a kept stage, while the value lives: labs share its namespaces, so one run at a time.
pub(super) struct Turn {
    pub stage: Handle,
    _lock: Flock<File>,
}

impl Turn {
    /// None where another run has it.
    pub(super) fn on(stage: Handle) -> Option<Self> {
        let lock = lock(&stage.private.join("in-use"))?;
        Some(Self { stage, _lock: lock })
    }
}
