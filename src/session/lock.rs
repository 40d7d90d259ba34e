//! Locks: whose a thing is, read off the name that it carries. The name says which session, which process on which boot,
//! and which host; the file of that name is locked while the session lives. Knows not what carries it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::process::Process;

/// What can be said of a session by looking at its lock's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Alive,
    /// Nobody's any more: what it left may be removed.
    Dead,
    /// Another host's or another user's: it cannot be asked from here, and is not ours to judge.
    Others,
}

/// Locks stand outside the checkout, so that every checkout on this host sees the others' sessions.
pub fn lock_dir() -> PathBuf {
    dir_of(nix::unistd::getuid().as_raw())
}

fn dir_of(user: u32) -> PathBuf {
    std::env::temp_dir().join(format!("{PREFIX}{user}"))
}

/// What the name of a user's folder of locks begins with; the user's number follows.
const PREFIX: &str = "rehearsal-";

/// The path of a new lock for a session of this process.
pub(super) fn path_of(id: &str) -> PathBuf {
    let process = Process::current().map(|process| format!(".{process}")).unwrap_or_default();
    lock_dir().join(format!("{id}{process}{}", suffix()))
}

/// Where the lock of a session would be that has said nothing of its process: nowhere.
pub(super) fn path_of_none(id: &str) -> PathBuf {
    lock_dir().join(format!("{id}{}", suffix()))
}

/// The lock of the session `id`, of this user and with this $TMPDIR, if there is one.
pub fn lock_of(id: &str) -> Option<PathBuf> {
    locks().into_iter().find(|path| session_of(path).as_deref() == Some(id))
}

/// All locks of this user with this $TMPDIR.
pub(super) fn locks() -> Vec<PathBuf> {
    let entries = fs::read_dir(lock_dir()).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| session_of(path).is_some()).collect()
}

/// The session that a lock's name names.
pub(crate) fn session_of(lock: &Path) -> Option<String> {
    let name = lock.file_name()?.to_str()?.strip_suffix(".lock")?;
    let (ours, _) = name.split_once('@')?;
    Some(ours.split('.').next()?.to_owned())
}

fn suffix() -> String {
    let host = nix::unistd::gethostname().unwrap_or_default();
    format!("@{}.lock", host.to_string_lossy().replace('/', ""))
}

/// Keeps other processes and threads out of a folder of locks until the value is dropped. A lock file exists for a
/// moment before it is locked, and whoever looks at it locks it for a moment: without this, a session that begins would
/// look dead, and a dead one alive to the second of two that look.
fn alone_in(folder: &Path) -> io::Result<Flock<File>> {
    let mut file = File::open(folder)?;
    loop {
        match Flock::lock(file, FlockArg::LockExclusive) {
            Ok(lock) => return Ok(lock),
            Err((again, Errno::EINTR)) => file = again,
            Err((_, error)) => return Err(error.into()),
        }
    }
}

/// Takes a new lock and writes the session's folder into it.
pub(super) fn take(path: &Path, folder: &Path) -> io::Result<Flock<File>> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(lock_dir())?;
    let _alone = alone_in(&lock_dir())?;
    let mut options = OpenOptions::new();
    let file = options.create(true).write(true).truncate(true).mode(0o600).open(path)?;
    let mut lock =
        Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| io::Error::from(ErrorKind::AlreadyExists))?;
    writeln!(lock, "{}", folder.display())?;
    Ok(lock)
}

/// The folder of a session, where its lock is still there to say it.
pub(super) fn folder_of(lock: &Path) -> Option<PathBuf> {
    let text =
        fs::symlink_metadata(lock).ok().filter(|file| file.is_file()).and_then(|_| fs::read_to_string(lock).ok())?;
    text.lines().next().filter(|line| line.starts_with('/')).map(PathBuf::from)
}

/// Whether the session whose things carry `owner`, its lock's path, lives. A process that does not exist is dead
/// whatever became of its lock, and a lock that is no regular file is nobody's: an engine makes a folder of a mount's
/// source that is gone.
pub(crate) fn life(owner: &str) -> Life {
    let path = Path::new(owner);
    if !owner.ends_with(&suffix()) || is_another_users(path) {
        return Life::Others;
    }
    let exists = process_of(path).and_then(|process| process.exists());
    if exists == Some(false) {
        return Life::Dead;
    }
    // A folder that is gone has no locks that could be in the making.
    let _alone = path.parent().map(alone_in);
    // Without a lock the process alone can tell: somebody may have tidied $TMPDIR up.
    let unlocked = if exists == Some(true) { Life::Alive } else { Life::Dead };
    match fs::symlink_metadata(path) {
        Ok(file) if file.is_file() => {}
        Ok(_) => return unlocked,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return Life::Others,
        Err(_) => return unlocked,
    }
    match OpenOptions::new().write(true).open(path) {
        Ok(file) => match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(_) => Life::Dead,
            Err(_) => Life::Alive,
        },
        Err(error) if error.kind() == ErrorKind::NotFound => unlocked,
        Err(_) => Life::Others,
    }
}

/// The process in a lock's name.
pub(crate) fn process_of(lock: &Path) -> Option<Process> {
    let (ours, _) = lock.file_name()?.to_str()?.split_once('@')?;
    ours.split_once('.')?.1.parse().ok()
}

/// By the folder's name, which says whose it is even when nothing is there any more, and by the file's owner.
fn is_another_users(lock: &Path) -> bool {
    let me = nix::unistd::getuid().as_raw();
    let named = lock.parent().and_then(|dir| dir.file_name()?.to_str()?.strip_prefix(PREFIX)?.parse::<u32>().ok());
    let owned = fs::symlink_metadata(lock).ok().filter(fs::Metadata::is_file);
    named.is_some_and(|user| user != me) || owned.is_some_and(|file| file.uid() != me)
}

/// Removes what is left of a lock, whatever it has become.
pub(super) fn remove(lock: &Path) {
    if fs::remove_file(lock).is_err() {
        // An empty folder that an engine has made of it, and nothing else.
        let _ = fs::remove_dir(lock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lock of a process that does not exist: no process has a number as large as this.
    fn dead(dir: &Path) -> PathBuf {
        let process = Process::current().unwrap().to_string();
        let process = process.split_once('-').map(|(_, rest)| format!("4194999-{rest}")).unwrap();
        dir.join(format!("20260101-000000-0000.{process}{}", suffix()))
    }

    fn life_of(path: &Path) -> Life {
        life(&path.display().to_string())
    }

    #[test]
    fn a_name_tells_the_session_the_process_and_the_host() {
        let path = path_of("20260101-000000-0000");
        assert_eq!(session_of(&path).as_deref(), Some("20260101-000000-0000"));
        assert_eq!(process_of(&path).as_ref(), Process::current());
        assert_eq!(session_of(Path::new("/tmp/x")), None);
        let short = path.with_file_name(format!("20260101-000000-0000{}", suffix()));
        assert_eq!((session_of(&short), process_of(&short)), (session_of(&path), None));
    }

    #[test]
    fn a_process_that_does_not_exist_is_dead_whatever_its_lock_says() {
        let dir = tempfile::tempdir().unwrap();
        let path = dead(dir.path());
        assert_eq!(life_of(&path), Life::Dead, "no lock at all");
        let _held = Flock::lock(File::create(&path).unwrap(), FlockArg::LockExclusiveNonblock).unwrap();
        assert_eq!(life_of(&path), Life::Dead, "a lock that somebody holds");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(life_of(&path), Life::Dead, "a folder, as an engine makes them of mounts whose source is gone");
        fs::remove_dir(&path).unwrap();
        std::os::unix::fs::symlink("/nowhere", &path).unwrap();
        assert_eq!(life_of(&path), Life::Dead, "a link to nowhere");
    }

    #[test]
    fn a_lock_that_names_no_process_is_asked_itself_and_no_regular_file_is_nobodys() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(format!("20260101-000000-0000{}", suffix()));
        assert_eq!(life_of(&path), Life::Dead);
        fs::create_dir(&path).unwrap();
        assert_eq!(life_of(&path), Life::Dead);
        remove(&path);
        let held = Flock::lock(File::create(&path).unwrap(), FlockArg::LockExclusiveNonblock).unwrap();
        assert_eq!(life_of(&path), Life::Alive);
        drop(held);
        assert_eq!(life_of(&path), Life::Dead);
    }

    #[test]
    fn a_dead_lock_is_dead_to_each_of_many_that_look() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(format!("20260101-000000-0000{}", suffix()));
        File::create(&path).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..500).for_each(|_| assert_eq!(life_of(&path), Life::Dead)));
            }
        });
    }

    #[test]
    fn a_living_process_keeps_its_session_when_its_lock_was_tidied_away() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(path_of("20260101-000000-0000").file_name().unwrap());
        assert_eq!(life_of(&path), Life::Alive);
        fs::create_dir(&path).unwrap();
        assert_eq!(life_of(&path), Life::Alive);
    }

    #[test]
    fn another_hosts_and_another_users_are_not_ours_to_judge() {
        let dir = tempfile::tempdir().unwrap();
        let name = dead(dir.path()).file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(life_of(&dir.path().join(name.replace(&suffix(), "@elsewhere.lock"))), Life::Others);
        let me = nix::unistd::getuid().as_raw();
        assert_eq!(life_of(&dir.path().join(format!("{PREFIX}{}", me + 1)).join(&name)), Life::Others);
        assert_eq!(life_of(&dir.path().join(format!("{PREFIX}{me}")).join(&name)), Life::Dead);
        if nix::unistd::getuid().is_root() {
            let path = dir.path().join(&name);
            File::create(&path).unwrap();
            std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
            assert_eq!(life_of(&path), Life::Others);
        }
    }
}
