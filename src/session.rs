//! A session: one run, with an id that labels everything it creates, a folder for what it writes, and a lock
//! that tells the living from the dead. Knows not how things are made.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use rand::RngExt;

/// A living session. The lock is held while this value lives.
#[derive(Debug)]
pub struct Session {
    id: String,
    dir: PathBuf,
    lock_path: PathBuf,
    _lock: Flock<File>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot write {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot lock {}", path.display())]
    Lock { path: PathBuf },
}

impl Error {
    /// One line that says what to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Write { .. } => Some("sessions are written where `--dir DIR` says".into()),
            Self::Lock { .. } => None,
        }
    }
}

fn wrote<T>(path: &Path, result: std::io::Result<T>) -> Result<T, Error> {
    result.map_err(|source| Error::Write { path: path.into(), source })
}

impl Session {
    /// Opens a session whose folder is `root/<id>`; `root/latest` points to it.
    ///
    /// # Errors
    /// Where the folder or the lock file cannot be written.
    pub fn create(root: &Path) -> Result<Self, Error> {
        let now = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
        let id = format!("{now}-{:04x}", rand::rng().random::<u16>());
        let dir = root.join(&id);
        wrote(root, fs::create_dir_all(root))?;
        wrote(&dir, fs::DirBuilder::new().mode(0o755).create(&dir))?;
        let private = dir.join("private");
        wrote(&private, fs::DirBuilder::new().mode(0o700).create(&private))?;
        let locks = lock_dir();
        wrote(&locks, fs::DirBuilder::new().recursive(true).mode(0o700).create(&locks))?;
        let lock_path = locks.join(format!("{id}.lock"));
        let file =
            wrote(&lock_path, OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&lock_path))?;
        let mut lock =
            Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| Error::Lock { path: lock_path.clone() })?;
        wrote(&lock_path, writeln!(lock, "{}\n{}", std::process::id(), dir.display()))?;
        let latest = root.join("latest");
        // Two starting at once race for `latest`; either is right.
        let _ = fs::remove_file(&latest);
        let _ = std::os::unix::fs::symlink(&id, &latest);
        Ok(Self { id, dir, lock_path, _lock: lock })
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// Reports and traces: kept after the run.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Credentials and working files: mode 0700, gone after the run.
    pub fn private(&self) -> PathBuf {
        self.dir.join("private")
    }

    /// What the owner label says: where [`is_alive`] looks.
    pub fn owner(&self) -> String {
        self.lock_path.display().to_string()
    }

    /// Writes a file of mode 0600 under [`Session::private`].
    pub fn write_private(&self, name: &str, contents: &[u8]) -> Result<PathBuf, Error> {
        let path = self.private().join(name);
        let written = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(contents));
        wrote(&path, written)?;
        Ok(path)
    }

    /// Removes the private folder and the lock; the reports stay.
    pub fn close(self) {
        remove_private(&self.dir);
        let _ = fs::remove_file(&self.lock_path);
    }
}

fn remove_private(dir: &Path) {
    if let Err(error) = fs::remove_dir_all(dir.join("private"))
        && error.kind() != std::io::ErrorKind::NotFound
    {
        // Nothing more can be done here; the next start tries again.
    }
}

/// Locks stand outside the checkout, so that every checkout on this host sees the others' sessions.
fn lock_dir() -> PathBuf {
    std::env::temp_dir().join(format!("rehearsal-{}", nix::unistd::getuid()))
}

/// The owner label of a session of this user on this host.
pub fn owner_of(id: &str) -> String {
    lock_dir().join(format!("{id}.lock")).display().to_string()
}

/// Whether the session that wrote this owner label still runs: its lock is held. A lock that another user
/// owns cannot be asked and counts as held.
pub fn is_alive(owner: &str) -> bool {
    match OpenOptions::new().write(true).open(owner) {
        Ok(file) => Flock::lock(file, FlockArg::LockExclusiveNonblock).is_err(),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

/// Ids of dead sessions under `root` that left private files; `sweep` removes those files.
pub fn sweep(root: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(root) else { return Vec::new() };
    let mut swept = Vec::new();
    for entry in entries.flatten() {
        let id = entry.file_name().to_string_lossy().into_owned();
        let lock = owner_of(&id);
        if id != "latest" && entry.path().join("private").is_dir() && !is_alive(&lock) {
            remove_private(&entry.path());
            let _ = fs::remove_file(lock);
            swept.push(id);
        }
    }
    swept
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_session_lives_while_it_is_held_and_leaves_no_secret() {
        let root = tempfile::tempdir().unwrap();
        let session = Session::create(root.path()).unwrap();
        let secret = session.write_private("password", b"x").unwrap();
        assert_eq!(secret.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(session.private().metadata().unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_link(root.path().join("latest")).unwrap(), Path::new(session.id()));
        let (owner, dir) = (session.owner(), session.dir().to_owned());
        assert!(is_alive(&owner));
        assert!(sweep(root.path()).is_empty());
        session.close();
        assert!(!is_alive(&owner));
        assert!(!secret.exists());
        assert!(dir.exists());
    }

    #[test]
    fn what_a_killed_session_left_is_swept() {
        let root = tempfile::tempdir().unwrap();
        let session = Session::create(root.path()).unwrap();
        let secret = session.write_private("password", b"x").unwrap();
        let id = session.id().to_owned();
        drop(session);
        assert_eq!(sweep(root.path()), [id]);
        assert!(!secret.exists());
    }
}
