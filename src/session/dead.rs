//! Dead sessions: found by their folders and by their locks, each paid for by one process at a time, and only then
//! forgotten. Also how many reports are kept.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::ledger::{Ledger, Payer};
use super::living::{OWNER, end_processes, remove};
use super::lock::{self, Life, life};

/// A session that is no more and has not been put away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dead {
    pub id: String,
    /// Its folder, where it is known.
    dir: Option<PathBuf>,
    lock: PathBuf,
}

impl Dead {
    /// The session whose things carry `owner`, if it is dead.
    pub(crate) fn find(id: &str, owner: &str) -> Option<Self> {
        let lock = PathBuf::from(owner);
        (life(owner) == Life::Dead).then(|| Self { id: id.into(), dir: lock::folder_of(&lock), lock })
    }

    fn private(&self) -> Option<PathBuf> {
        self.dir.as_ref().map(|dir| dir.join("private")).filter(|private| private.is_dir())
    }

    /// The right to pay for it; None where another process pays.
    pub(crate) fn payer(&self) -> Option<Option<Payer>> {
        match self.private() {
            // Without a folder there is no ledger that two could write in.
            None => Some(None),
            Some(private) => Payer::find(&private).map(Some),
        }
    }

    /// What it owes; None where its folder is gone, or what it has written there.
    ///
    /// # Errors
    /// Where the ledger is there and cannot be read.
    pub(crate) fn ledger(&self) -> io::Result<Option<Ledger>> {
        self.private().map(|private| Ledger::read(&private)).transpose()
    }

    /// Ends what its fences have started and left.
    pub(crate) fn end_processes(&self) {
        if let Some(private) = self.private() {
            end_processes(&private);
        }
    }

    /// Removes its private folder and its lock. Its reports stay.
    pub(crate) fn forget(self) {
        match &self.dir {
            Some(dir) => remove(dir, &self.lock),
            None => lock::remove(&self.lock),
        }
    }
}

/// The dead sessions of `root`, and those of other folders whose locks are where this user's are.
pub(crate) fn dead(root: &Path) -> Vec<Dead> {
    let mut found = BTreeMap::new();
    for lock in lock::locks() {
        let id = lock::session_of(&lock).unwrap_or_default();
        if let Some(dead) = Dead::find(&id, &lock.display().to_string()) {
            found.insert(id, dead);
        }
    }
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let id = entry.file_name().to_string_lossy().into_owned();
        let private = entry.path().join("private");
        if id == "latest" || !private.is_dir() {
            continue;
        }
        // Its own word: it may have been started with another $TMPDIR, or by another user.
        let lock = match fs::read_to_string(private.join(OWNER)) {
            Ok(text) if !text.is_empty() => PathBuf::from(text),
            // One that is just beginning has not said it yet.
            _ => lock::lock_of(&id).unwrap_or_else(|| lock::path_of_none(&id)),
        };
        if life(&lock.display().to_string()) == Life::Dead {
            found.insert(id.clone(), Dead { id, dir: Some(entry.path()), lock });
        }
    }
    found.into_values().collect()
}

/// The sessions of `root` that are alive: id, and where it can be told, the process.
pub(crate) fn living(root: &Path) -> Vec<(String, Option<u32>)> {
    let here = |lock: &PathBuf| lock::folder_of(lock).is_some_and(|dir| dir.parent() == Some(root));
    let alive = lock::locks().into_iter().filter(here).filter(|lock| life(&lock.display().to_string()) == Life::Alive);
    let named = alive.filter_map(|lock| Some((lock::session_of(&lock)?, lock::process_of(&lock).map(|it| it.pid))));
    named.collect()
}

/// How many sessions' reports are kept.
const REPORTS: usize = 50;

/// Removes the oldest reports.
pub(crate) fn trim_reports(root: &Path) {
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
}

#[cfg(test)]
mod tests {
    use super::super::{Debt, STAGE_VARIABLE, Session};
    use super::*;

    fn found(root: &Path) -> Vec<Dead> {
        // Other tests' sessions have their locks there, too.
        dead(root).into_iter().filter(|dead| dead.dir.as_ref().is_some_and(|dir| dir.starts_with(root))).collect()
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "what a killed session leaves has nobody who waits for it")]
    fn what_a_killed_session_left_is_found_ended_and_forgotten() {
        let root = tempfile::tempdir().unwrap();
        let session = Session::create(root.path()).unwrap();
        let secret = session.write_private("password", b"x").unwrap();
        let (id, owner) = (session.id().to_owned(), session.owner());
        session.owe(Debt::Engine { host: "h".into() }).unwrap();
        let started = |stage: PathBuf| {
            std::process::Command::new("sleep").arg("1000").env(STAGE_VARIABLE, stage).spawn().unwrap()
        };
        let mut left = started(session.private().join("lab/stage.json"));
        let mut others = started("/elsewhere/stage.json".into());
        drop(session);
        let [dead] = &found(root.path())[..] else { panic!("{:?}", found(root.path())) };
        assert_eq!(dead.id, id);
        assert_eq!(dead.ledger().unwrap().unwrap().debts(), [Debt::Engine { host: "h".into() }]);
        assert_eq!(Dead::find(&id, &owner).as_ref(), Some(dead), "by its lock alone, too");
        dead.end_processes();
        assert!(!left.wait().unwrap().success());
        assert!(secret.exists(), "not before its debts are paid");
        let payer = dead.payer().unwrap();
        assert!(dead.payer().is_none());
        drop(payer);
        dead.clone().forget();
        assert!(!secret.exists() && !Path::new(&owner).exists());
        assert!(found(root.path()).is_empty());
        assert!(others.try_wait().unwrap().is_none());
        others.kill().unwrap();
        others.wait().unwrap();
    }

    #[test]
    fn a_session_with_another_tmpdir_is_found_by_its_own_word() {
        let root = tempfile::tempdir().unwrap();
        let session = Session::create(root.path()).unwrap();
        let lock = PathBuf::from(session.owner());
        let moved = root.path().join(lock.file_name().unwrap());
        fs::rename(&lock, &moved).unwrap();
        fs::write(session.private().join(OWNER), moved.display().to_string()).unwrap();
        assert!(found(root.path()).is_empty());
        drop(session);
        assert_eq!(found(root.path()).len(), 1);
    }

    #[test]
    fn a_folder_without_a_word_of_its_owner_is_a_dead_sessions() {
        let root = tempfile::tempdir().unwrap();
        let private = root.path().join("20260101-000000-0000/private");
        fs::create_dir_all(&private).unwrap();
        let [dead] = &found(root.path())[..] else { panic!("{:?}", found(root.path())) };
        assert!(dead.ledger().unwrap().unwrap().is_empty());
        dead.clone().forget();
        assert!(!private.exists());
    }

    #[test]
    fn the_oldest_reports_go() {
        let root = tempfile::tempdir().unwrap();
        for n in 0..REPORTS + 3 {
            let dir = root.path().join(format!("20260101-0000{n:02}-0000"));
            fs::create_dir(&dir).unwrap();
        }
        fs::create_dir(root.path().join("conformance")).unwrap();
        trim_reports(root.path());
        let left: Vec<_> = fs::read_dir(root.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(left.len(), REPORTS + 1);
        assert!(left.iter().any(|name| name == "conformance"));
        assert!(!left.iter().any(|name| name == "20260101-000002-0000"));
    }
}
