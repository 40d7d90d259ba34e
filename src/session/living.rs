//! A living session: its id, its folder, its lock and its ledger.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use nix::fcntl::Flock;
use rand::RngExt;

use super::ledger::{Debt, Ledger};
use super::lock;
use crate::hint::Hint;
use crate::process;
use crate::secret::private_file;

/// How often a session's id is drawn anew where it is taken.
const TRIES: usize = 5;

/// The file in a session's private folder that says where its lock is.
pub(super) const OWNER: &str = "owner";

/// A living session. The lock is held while this value lives.
#[derive(Debug)]
pub(crate) struct Session {
    id: String,
    dir: PathBuf,
    lock_path: PathBuf,
    ledger: Ledger,
    _lock: Flock<File>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot write {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Write { .. } => Some("sessions are written where `--dir DIR` says, locks in $TMPDIR".into()),
        }
    }
}

fn wrote<T>(path: &Path, result: std::io::Result<T>) -> Result<T, Error> {
    result.map_err(|source| Error::Write { path: path.into(), source })
}

impl Session {
    /// Opens a session whose folder is `root/<id>`.
    ///
    /// # Errors
    /// Where the folder or the lock file cannot be written.
    pub(crate) fn create(root: &Path) -> Result<Self, Error> {
        // Another session of the same second may have the same number.
        let taken =
            |error: &Error| matches!(error, Error::Write { source, .. } if source.kind() == ErrorKind::AlreadyExists);
        let mut tries = std::iter::repeat_with(|| Self::open(root)).take(TRIES);
        tries.find(|opened| !opened.as_ref().is_err_and(taken)).unwrap_or_else(|| Self::open(root))
    }

    fn open(root: &Path) -> Result<Self, Error> {
        let now = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
        let id = format!("{now}-{:04x}", rand::rng().random::<u16>());
        let dir = root.join(&id);
        // The lock first: a folder without one is a dead session's.
        let lock_path = lock::path_of(&id);
        let lock = wrote(&lock_path, lock::take(&lock_path, &dir))?;
        wrote(root, fs::create_dir_all(root))?;
        wrote(&dir, fs::DirBuilder::new().mode(0o700).create(&dir))?;
        let private = dir.join("private");
        wrote(&private, fs::DirBuilder::new().mode(0o700).create(&private))?;
        let owner = private.join(OWNER);
        wrote(&owner, fs::write(&owner, lock_path.display().to_string()))?;
        Ok(Self { id, dir, lock_path, ledger: Ledger::new(&private), _lock: lock })
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Reports and traces: kept after the run.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Credentials and working files: mode 0700, gone after the run.
    pub(crate) fn private(&self) -> PathBuf {
        self.dir.join("private")
    }

    /// Makes `latest`, beside its folder, point to it.
    pub(crate) fn is_latest(&self) {
        let latest = self.dir.with_file_name("latest");
        // Two starting at once race for it; either is right.
        let _ = fs::remove_file(&latest);
        let _ = std::os::unix::fs::symlink(&self.id, &latest);
    }

    /// What the owner label says: where [`super::life`] looks.
    pub(crate) fn owner(&self) -> String {
        self.lock_path.display().to_string()
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Writes down what is about to be begun.
    ///
    /// # Errors
    /// Where the ledger cannot be written.
    pub(crate) fn owe(&self, debt: Debt) -> Result<(), Error> {
        wrote(&self.private(), self.ledger.owe(debt))
    }

    /// Writes a file of mode 0600 under [`Session::private`].
    pub(crate) fn write_private(&self, name: &str, contents: &[u8]) -> Result<PathBuf, Error> {
        let path = self.private().join(name);
        let written = private_file(&path).and_then(|mut file| file.write_all(contents));
        wrote(&path, written)?;
        Ok(path)
    }

    /// Removes the private folder and the lock; the reports stay. Where something is owed still, all of it stays for
    /// whoever pays: the session is dead then.
    pub(crate) fn close(self) {
        if self.ledger.is_empty() {
            remove(&self.dir, &self.lock_path);
        }
    }
}

/// What does not go now is tried again at the next start.
pub(super) fn remove(dir: &Path, lock: &Path) {
    let _ = fs::remove_dir_all(dir.join("private"));
    lock::remove(lock);
}

/// What fences are started with, and what they start is known by: a file under the session's private folder.
pub(crate) const STAGE_VARIABLE: &str = "REHEARSAL_STAGE";

/// Kills whatever fences have started under `private` and left behind: it has [`STAGE_VARIABLE`] in its environment.
/// Where there is no `/proc`, nothing is found.
pub(crate) fn end_processes(private: &Path) {
    let below = format!("{}/", private.display());
    process::end_all(STAGE_VARIABLE, |file| file.starts_with(&below), |_| true);
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::{Life, dead, life};
    use super::*;

    /// Whether a session of `root` is dead: this machine may have dead ones elsewhere.
    fn any_dead(root: &Path) -> bool {
        dead(root).iter().any(|dead| root.join(&dead.id).exists())
    }

    #[test]
    fn a_session_lives_while_it_is_held_and_leaves_no_secret() {
        let root = tempfile::tempdir().unwrap();
        let session = Session::create(root.path()).unwrap();
        let secret = session.write_private("password", b"x").unwrap();
        assert_eq!(secret.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(session.private().metadata().unwrap().permissions().mode() & 0o777, 0o700);
        session.is_latest();
        assert_eq!(fs::read_link(root.path().join("latest")).unwrap(), Path::new(session.id()));
        fs::write(session.dir().join("events.jsonl"), "").unwrap();
        let (owner, dir) = (session.owner(), session.dir().to_owned());
        assert_eq!(life(&owner), Life::Alive);
        assert_eq!(lock::lock_of(session.id()).unwrap().display().to_string(), owner);
        assert!(!any_dead(root.path()));
        session.close();
        assert!(!Path::new(&owner).exists() && !secret.exists());
        assert!(dir.exists());
    }

    #[test]
    fn what_is_owed_keeps_the_ledger() {
        let root = tempfile::tempdir().unwrap();
        let session = Session::create(root.path()).unwrap();
        let (owner, private) = (session.owner(), session.private());
        let debt = Debt::Engine { host: "h".into() };
        session.owe(debt.clone()).unwrap();
        session.close();
        assert_eq!(life(&owner), Life::Dead);
        assert_eq!(Ledger::read(&private).unwrap().debts(), [debt]);
        lock::remove(Path::new(&owner));
    }

    #[test]
    fn sessions_that_begin_are_not_dead() {
        let root = tempfile::tempdir().unwrap();
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (done, path) = (&done, root.path());
            scope.spawn(move || {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    assert!(!any_dead(path));
                }
            });
            let sessions: Vec<_> = (0..100).map(|_| Session::create(path).unwrap()).collect();
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            sessions
        })
        .into_iter()
        .for_each(Session::close);
    }
}
