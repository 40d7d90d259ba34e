//! A session: one run, with an id that labels everything it creates, a folder for what it writes, and a lock
//! that tells the living from the dead. Knows not how things are made.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::RngExt;

use crate::hint::Hint;
use crate::secret::private_file;

/// How often a session's id is drawn anew where it is taken.
const TRIES: usize = 5;

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

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Write { .. } => Some("sessions are written where `--dir DIR` says".into()),
            Self::Lock { .. } => Some("locks are in $TMPDIR: its file system has to know `flock`".into()),
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
    pub fn create(root: &Path) -> Result<Self, Error> {
        // Another session of the same second may have the same number.
        let taken = |error: &Error| match error {
            Error::Write { source, .. } => source.kind() == std::io::ErrorKind::AlreadyExists,
            Error::Lock { .. } => true,
        };
        let mut tries = std::iter::repeat_with(|| Self::open(root)).take(TRIES);
        tries.find(|opened| !opened.as_ref().is_err_and(taken)).unwrap_or_else(|| Self::open(root))
    }

    fn open(root: &Path) -> Result<Self, Error> {
        let now = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
        let id = format!("{now}-{:04x}", rand::rng().random::<u16>());
        let dir = root.join(&id);
        // The lock first: a folder without one is a dead session's.
        let lock_path = PathBuf::from(owner_of(&id));
        let locks = lock_dir();
        wrote(&locks, fs::DirBuilder::new().recursive(true).mode(0o700).create(&locks))?;
        let file =
            wrote(&lock_path, OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&lock_path))?;
        let mut lock =
            Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| Error::Lock { path: lock_path.clone() })?;
        wrote(&lock_path, writeln!(lock, "{}\n{}", std::process::id(), dir.display()))?;
        wrote(root, fs::create_dir_all(root))?;
        wrote(&dir, fs::DirBuilder::new().mode(0o700).create(&dir))?;
        let private = dir.join("private");
        wrote(&private, fs::DirBuilder::new().mode(0o700).create(&private))?;
        let owner = private.join(OWNER);
        wrote(&owner, fs::write(&owner, lock_path.display().to_string()))?;
        Ok(Self { id, dir, lock_path, _lock: lock })
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// Reports and traces: mode 0700, kept after the run.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Credentials and working files: mode 0700, gone after the run.
    pub fn private(&self) -> PathBuf {
        self.dir.join("private")
    }

    /// Makes `latest`, beside its folder, point to it.
    pub fn is_latest(&self) {
        let latest = self.dir.with_file_name("latest");
        // Two starting at once race for it; either is right.
        let _ = fs::remove_file(&latest);
        let _ = std::os::unix::fs::symlink(&self.id, &latest);
    }

    /// What the owner label says: where [`is_alive`] looks.
    pub fn owner(&self) -> String {
        self.lock_path.display().to_string()
    }

    /// Writes a file of mode 0600 under [`Session::private`].
    pub fn write_private(&self, name: &str, contents: &[u8]) -> Result<PathBuf, Error> {
        let path = self.private().join(name);
        let written = private_file(&path).and_then(|mut file| file.write_all(contents));
        wrote(&path, written)?;
        Ok(path)
    }

    /// Removes the private folder and the lock; the reports stay.
    pub fn close(self) {
        remove_private(&self.dir);
        let _ = fs::remove_file(&self.lock_path);
    }
}

/// What does not go now is tried again at the next start.
fn remove_private(dir: &Path) {
    let _ = fs::remove_dir_all(dir.join("private"));
}

/// The file in a session's private folder that says where its lock is.
const OWNER: &str = "owner";

/// Locks stand outside the checkout, so that every checkout on this host sees the others' sessions.
pub fn lock_dir() -> PathBuf {
    std::env::temp_dir().join(format!("rehearsal-{}", nix::unistd::getuid()))
}

/// The owner label of a session of this user, on this host and with this $TMPDIR: its lock's path. The name says which
/// host, for an engine may serve several.
pub fn owner_of(id: &str) -> String {
    lock_dir().join(format!("{id}{}", suffix())).display().to_string()
}

fn suffix() -> String {
    let host = nix::unistd::gethostname().unwrap_or_default();
    format!("@{}.lock", host.to_string_lossy().replace('/', ""))
}

/// Whether the session that wrote this owner label still runs: its lock is held. A lock of another host or of another
/// user cannot be asked and counts as held.
pub fn is_alive(owner: &str) -> bool {
    match OpenOptions::new().write(true).open(owner) {
        Ok(file) => Flock::lock(file, FlockArg::LockExclusiveNonblock).is_err(),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound || !owner.ends_with(&suffix()),
    }
}

/// What fences are started with, and what they start is known by: a file under the session's private folder.
pub const STAGE_VARIABLE: &str = "REHEARSAL_STAGE";

/// Kills whatever fences have started under `private` and left behind: it has [`STAGE_VARIABLE`] in its environment.
/// Where there is no `/proc`, nothing is found.
pub fn end_processes(private: &Path) {
    let wanted = format!("{STAGE_VARIABLE}={}/", private.display()).into_bytes();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // Another user's cannot be read, and is none of ours.
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        if environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(&wanted)) {
            // Gone already is what is wanted.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

/// How many sessions' reports are kept.
const REPORTS: usize = 50;

/// Ids of dead sessions under `root` that left private files; `sweep` ends what they had started and removes those
/// files, and the oldest reports.
pub fn sweep(root: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(root) else { return Vec::new() };
    let mut swept = Vec::new();
    for entry in entries.flatten() {
        let id = entry.file_name().to_string_lossy().into_owned();
        let private = entry.path().join("private");
        if id == "latest" || !private.is_dir() {
            continue;
        }
        // Its own word: it may have been started with another $TMPDIR, or by another user.
        let lock = fs::read_to_string(private.join(OWNER)).unwrap_or_else(|_| owner_of(&id));
        if !is_alive(&lock) {
            end_processes(&private);
            remove_private(&entry.path());
            let _ = fs::remove_file(lock);
            swept.push(id);
        }
    }
    // `20260101-000000-0000`, with a report in it or not.
    let is_id = |name: &str| {
        let parts: Vec<_> = name.split('-').map(|part| (part.len(), u64::from_str_radix(part, 16).is_ok())).collect();
        parts == [(8, true), (6, true), (4, true)]
    };
    let is_report = |dir: &PathBuf| dir.file_name().and_then(|name| name.to_str()).is_some_and(is_id) && dir.is_dir();
    let mut reports: Vec<_> = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    reports.retain(|dir| is_report(dir) && !dir.join("private").exists());
    // Names begin with the time.
    reports.sort();
    for oldest in reports.iter().rev().skip(REPORTS) {
        let _ = fs::remove_dir_all(oldest);
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
        session.is_latest();
        assert_eq!(fs::read_link(root.path().join("latest")).unwrap(), Path::new(session.id()));
        fs::write(session.dir().join("events.jsonl"), "").unwrap();
        let (owner, dir) = (session.owner(), session.dir().to_owned());
        assert!(is_alive(&owner));
        assert!(sweep(root.path()).is_empty());
        session.close();
        assert!(!is_alive(&owner));
        assert!(!secret.exists());
        assert!(dir.exists());
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "what a killed session leaves has nobody who waits for it")]
    fn what_a_killed_session_left_is_swept() {
        let root = tempfile::tempdir().unwrap();
        let session = Session::create(root.path()).unwrap();
        let secret = session.write_private("password", b"x").unwrap();
        let id = session.id().to_owned();
        let started = |stage: PathBuf| {
            std::process::Command::new("sleep").arg("1000").env(STAGE_VARIABLE, stage).spawn().unwrap()
        };
        let mut left = started(session.private().join("lab/stage.json"));
        let mut others = started("/elsewhere/stage.json".into());
        drop(session);
        assert_eq!(sweep(root.path()), [id]);
        assert!(!secret.exists());
        assert!(!left.wait().unwrap().success());
        assert!(others.try_wait().unwrap().is_none());
        others.kill().unwrap();
        others.wait().unwrap();
    }

    #[test]
    fn only_what_can_be_asked_is_dead() {
        let root = tempfile::tempdir().unwrap();
        let gone = owner_of("20260101-000000-0000");
        assert!(!is_alive(&gone), "of this host, without a lock");
        assert!(is_alive(&gone.replace(&suffix(), "@elsewhere.lock")), "an engine's other host");
        // A session that was started with another $TMPDIR.
        let session = Session::create(root.path()).unwrap();
        let moved = root.path().join(format!("x{}", suffix()));
        fs::rename(&session.lock_path, &moved).unwrap();
        fs::write(session.private().join(OWNER), moved.display().to_string()).unwrap();
        assert!(sweep(root.path()).is_empty());
        drop(session);
        assert_eq!(sweep(root.path()).len(), 1);
    }

    #[test]
    fn sessions_that_begin_are_not_swept() {
        let root = tempfile::tempdir().unwrap();
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (done, path) = (&done, root.path());
            scope.spawn(move || {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    assert_eq!(sweep(path), Vec::<String>::new());
                }
            });
            let sessions: Vec<_> = (0..100).map(|_| Session::create(path).unwrap()).collect();
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            sessions
        })
        .into_iter()
        .for_each(Session::close);
    }

    #[test]
    fn the_oldest_reports_go() {
        let root = tempfile::tempdir().unwrap();
        for n in 0..REPORTS + 3 {
            let dir = root.path().join(format!("20260101-0000{n:02}-0000"));
            fs::create_dir(&dir).unwrap();
        }
        fs::create_dir(root.path().join("conformance")).unwrap();
        sweep(root.path());
        let left: Vec<_> = fs::read_dir(root.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(left.len(), REPORTS + 1);
        assert!(left.iter().any(|name| name == "conformance"));
        assert!(!left.iter().any(|name| name == "20260101-000002-0000"));
    }
}
