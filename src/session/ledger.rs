//! The ledger: what a session owes to the machine and to clusters that stay. It is written down before a thing is begun
//! and crossed off after it was looked for and found gone, so that a later process can pay for one that was killed.
//! Knows what is owed, not how it is paid.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

/// One thing that is to be gone, or as it was, when the session is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "owed", rename_all = "snake_case")]
pub(crate) enum Debt {
    /// A kind cluster of the session's own, on the engine at `host` (as `DOCKER_HOST` has it).
    KindCluster { name: String, host: String },
    /// Namespaces that the session's labs have made on a cluster that stays.
    Namespaces {
        kubeconfig: PathBuf,
        /// The owner of the stage whose cluster it is, with which it goes. None where it is the user's, who is given it back.
        stage: Option<String>,
    },
    /// docker.io on the nodes of the user's kind cluster, which is the session's registry, and what they pulled from it.
    Nodes { nodes: Vec<String>, host: String },
    /// Containers, images and private files (in `private`) of the session's labs on a stage that another session keeps up.
    Labs { private: PathBuf, host: String },
    /// Whatever carries the session's label on the engine at `host`.
    Engine { host: String },
}

/// What a session owes. Clones are the same ledger.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    /// None for a session whose folder is gone.
    path: Option<PathBuf>,
    debts: Arc<Mutex<Vec<Debt>>>,
}

/// The ledger's name in a session's private folder, and that of the lock of who pays for a dead one.
const NAME: &str = "ledger.json";
const PAYER: &str = "payer";

impl Ledger {
    /// An empty one; nothing is written before something is owed.
    pub(super) fn new(private: &Path) -> Self {
        Self { path: Some(private.join(NAME)), debts: Arc::default() }
    }

    /// What was found of a session whose own ledger is gone: written nowhere.
    pub(crate) fn of_found(debts: Vec<Debt>) -> Self {
        Self { path: None, debts: Arc::new(Mutex::new(debts)) }
    }

    /// A dead session's, from its private folder.
    ///
    /// # Errors
    /// Where it cannot be read. A ledger that is not there owes nothing.
    pub(super) fn read(private: &Path) -> io::Result<Self> {
        let path = private.join(NAME);
        let debts = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        Ok(Self { path: Some(path), debts: Arc::new(Mutex::new(debts)) })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Debt>> {
        self.debts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a debt down; it is on the disk when this returns.
    ///
    /// # Errors
    /// Where the session's folder cannot be written: then the thing is not to be begun.
    pub(crate) fn owe(&self, debt: Debt) -> io::Result<()> {
        let mut debts = self.lock();
        if debts.contains(&debt) {
            return Ok(());
        }
        debts.push(debt);
        self.write(&debts).inspect_err(|_| drop(debts.pop()))
    }

    /// Crosses off what was looked for and found gone. What cannot be written now is looked for once more by whoever
    /// comes next.
    pub(crate) fn cross_off(&self, debt: &Debt) {
        let mut debts = self.lock();
        debts.retain(|owed| owed != debt);
        let _ = self.write(&debts);
    }

    pub(crate) fn debts(&self) -> Vec<Debt> {
        self.lock().clone()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// In one step: who is killed while writing leaves the ledger as it was.
    fn write(&self, debts: &[Debt]) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let beside = path.with_extension("new");
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(&serde_json::to_vec_pretty(debts)?)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    }
}

/// The right to pay for a dead session, while the value lives.
#[derive(Debug)]
pub(crate) struct Payer {
    _lock: Flock<File>,
}

impl Payer {
    /// None where somebody else pays.
    pub(super) fn find(private: &Path) -> Option<Self> {
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).mode(0o600).open(private.join(PAYER)).ok()?;
        Flock::lock(file, FlockArg::LockExclusiveNonblock).ok().map(|lock| Self { _lock: lock })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debt_is_on_the_disk_until_it_is_crossed_off() {
        let private = tempfile::tempdir().unwrap();
        let engine = Debt::Engine { host: "unix:///var/run/docker.sock".into() };
        let nodes = Debt::Nodes { nodes: vec!["n1".into()], host: "h".into() };
        let ledger = Ledger::new(private.path());
        assert!(ledger.is_empty() && !private.path().join(NAME).exists());
        for debt in [&engine, &nodes, &engine] {
            ledger.owe(debt.clone()).unwrap();
        }
        let later = Ledger::read(private.path()).unwrap();
        assert_eq!(later.debts(), [engine.clone(), nodes.clone()]);
        ledger.cross_off(&engine);
        assert_eq!(Ledger::read(private.path()).unwrap().debts(), [nodes]);
    }

    #[test]
    fn a_ledger_that_is_damaged_does_not_read_as_empty() {
        let private = tempfile::tempdir().unwrap();
        fs::write(private.path().join(NAME), "[{\"owed\": \"eng").unwrap();
        assert!(Ledger::read(private.path()).is_err());
        assert!(Ledger::read(&private.path().join("none")).unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_written_down_is_not_begun() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::new(&dir.path().join("gone"));
        assert!(ledger.owe(Debt::Engine { host: String::new() }).is_err());
    }

    #[test]
    fn one_pays_at_a_time() {
        let private = tempfile::tempdir().unwrap();
        let payer = Payer::find(private.path()).unwrap();
        assert!(Payer::find(private.path()).is_none());
        drop(payer);
        assert!(Payer::find(private.path()).is_some());
    }
}
