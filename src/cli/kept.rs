//! The stage that is kept up: found, and taken for one run at a time.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::{Flock, FlockArg};

use crate::stage::Handle;

/// The stage that is up under `root`, if one is.
pub fn find(root: &Path) -> Option<Handle> {
    let entries = std::fs::read_dir(root).ok()?;
    entries
        .flatten()
        .filter_map(|entry| Handle::read(&entry.path().join("private/stage.json")).ok())
        .find(|handle| handle.kept && handle.pid != std::process::id() && handle.is_kept_up())
}

/// The right to bring a stage up under a root, while the value lives.
pub struct Raising {
    _lock: Flock<File>,
}

impl Raising {
    /// None where somebody else is about it.
    pub fn begin(root: &Path) -> Option<Self> {
        lock(&root.join("raising")).map(|lock| Self { _lock: lock })
    }
}

/// The right to take stages down under a root, while the value lives: two who tell one stage to go would force it.
pub struct Lowering {
    _lock: Flock<File>,
}

impl Lowering {
    /// None where somebody else is about it.
    pub fn begin(root: &Path) -> Option<Self> {
        lock(&root.join("lowering")).map(|lock| Self { _lock: lock })
    }
}

/// In a stage's private folder once it has been told to go.
const GOING: &str = "going";

/// Says that the stage of this private folder goes: it need not be told again.
pub fn goes(private: &Path) {
    // Who does not see it tells it once more, and it hurries.
    let _ = std::fs::write(private.join(GOING), "");
}

/// Whether a stage has been told to go.
pub fn is_going(stage: &Handle) -> bool {
    stage.private.join(GOING).exists()
}

fn lock(path: &Path) -> Option<Flock<File>> {
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(false).write(true).mode(0o600).open(path).ok()?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).ok()
}

/// The right to play on a kept stage, while the value lives: labs share its namespaces, so one run at a time.
pub struct Turn {
    pub stage: Handle,
    _lock: Flock<File>,
}

impl Turn {
    /// None where another run has it.
    pub fn on(stage: Handle) -> Option<Self> {
        let lock = lock(&stage.private.join("in-use"))?;
        Some(Self { stage, _lock: lock })
    }
}
