//! The stage that is kept up: found, and taken for one run at a time.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::{Flock, FlockArg};

use crate::session;
use crate::stage::Handle;

/// The stage that is up under `root`, if one is.
pub fn find(root: &Path) -> Option<Handle> {
    let entries = std::fs::read_dir(root).ok()?;
    entries
        .flatten()
        .filter_map(|entry| Handle::read(&entry.path().join("private/stage.json")).ok())
        .find(|handle| session::is_alive(&handle.owner) && handle.pid != std::process::id() && handle.kept)
}

/// The right to play on a kept stage, while the value lives: labs share its namespaces, so one run at a time.
pub struct Turn {
    pub stage: Handle,
    _lock: Flock<File>,
}

impl Turn {
    /// None where another run has it.
    pub fn on(stage: Handle) -> Option<Self> {
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).mode(0o600);
        let file = file.open(stage.private.join("in-use")).ok()?;
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).ok()?;
        Some(Self { stage, _lock: lock })
    }
}
