//! Processes as others find them: who one is, told so that it is known again later, and the ending of those that carry a
//! variable in their environment. Knows neither sessions nor tools.

use std::fmt;
use std::fs;
use std::str::FromStr;
use std::sync::OnceLock;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::hint::Hint;

/// In the environment of every tool that this program starts: the [`Process`] that has started it.
pub const STARTED_BY: &str = "REHEARSAL_PROCESS";

/// How often processes are looked for that are to be ended: one that is being ended may start another.
const LOOKS: usize = 200;

/// One process, and no later one of the same number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Process {
    /// As this process sees it: in its own PID namespace.
    pub pid: u32,
    /// Clock ticks from the machine's start to its own (proc(5), field 22 of `stat`).
    started: u64,
    /// Where the number means this process: a digest of the machine's boot and of the PID namespace.
    realm: String,
}

impl Process {
    /// This one; None where there is no `/proc` to know processes by.
    pub fn current() -> Option<&'static Self> {
        static CURRENT: OnceLock<Option<Process>> = OnceLock::new();
        let known = || {
            let pid = std::process::id();
            Some(Self { pid, started: started(pid)?, realm: realm()?.to_owned() })
        };
        CURRENT.get_or_init(known).as_ref()
    }

    /// Whether it runs still; None where that cannot be seen from here (another boot's number may be anybody's).
    pub fn exists(&self) -> Option<bool> {
        (realm()? == self.realm).then(|| started(self.pid) == Some(self.started))
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.pid, self.started, self.realm)
    }
}

/// The text is no process as [`Process`] prints one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no process is written like this")]
pub struct Unreadable;

impl Hint for Unreadable {
    fn hint(&self) -> Option<String> {
        // Only what this program has written is read.
        let Self = self;
        None
    }
}

impl FromStr for Process {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let mut parts = text.splitn(3, '-');
        let mut next = || parts.next().filter(|part| !part.is_empty()).ok_or(Unreadable);
        let (pid, started, realm) = (next()?, next()?, next()?);
        Ok(Self {
            pid: pid.parse().map_err(|_| Unreadable)?,
            started: started.parse().map_err(|_| Unreadable)?,
            realm: realm.to_owned(),
        })
    }
}

impl TryFrom<String> for Process {
    type Error = Unreadable;

    fn try_from(text: String) -> Result<Self, Unreadable> {
        text.parse()
    }
}

impl From<Process> for String {
    fn from(process: Process) -> Self {
        process.to_string()
    }
}

/// When a process has started; None where there is none, or only its exit code is left of it.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses, which may have blanks and parentheses in it.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ended = matches!(*fields.first()?, "Z" | "X");
    (!ended).then(|| fields.get(19)?.parse().ok()).flatten()
}

fn realm() -> Option<&'static str> {
    static REALM: OnceLock<Option<String>> = OnceLock::new();
    let read = || {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
        let digest = Sha256::digest(format!("{boot}{}", namespace.display()).as_bytes());
        Some(digest[..4].iter().map(|byte| format!("{byte:02x}")).collect())
    };
    REALM.get_or_init(read).as_deref()
}

/// A process that was found by its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundProcess {
    /// As this process sees it: in its own PID namespace.
    pub pid: u32,
    /// The name of its program, of which the kernel keeps 15 bytes.
    pub name: String,
}

/// The processes that have been started with the variable `name` and a value that `is` what is looked for. Another
/// user's cannot be read and are not found; nor is this one. Where there is no `/proc`, nothing is found.
pub fn with_variable(name: &str, is: impl Fn(&str) -> bool) -> Vec<FoundProcess> {
    let wanted = |variable: &[u8]| {
        let text = String::from_utf8_lossy(variable);
        text.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')).is_some_and(&is)
    };
    let found = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let environment = fs::read(entry.path().join("environ")).ok()?;
        let has = environment.split(|byte| *byte == 0).any(wanted);
        (has && pid != std::process::id()).then(|| FoundProcess { pid, name: program(pid) })
    });
    found.collect()
}

fn program(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim_end().to_owned()
}

/// Kills a process. One that is gone already is what is wanted.
pub fn end(pid: u32) {
    let _ = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL);
}

/// Kills what [`with_variable`] finds and `doomed` says, until nothing is found any more.
pub fn end_all(name: &str, is: impl Fn(&str) -> bool, doomed: impl Fn(&FoundProcess) -> bool) {
    for _ in 0..LOOKS {
        let mut found = with_variable(name, &is);
        found.retain(&doomed);
        if found.is_empty() {
            return;
        }
        found.iter().for_each(|found| end(found.pid));
        std::thread::yield_now();
    }
}

/// Kills what programs of ours that are no more have started and left: [`STARTED_BY`] names a process that does not
/// exist.
pub fn end_orphans(doomed: impl Fn(&FoundProcess) -> bool) {
    let orphaned = |value: &str| value.parse::<Process>().is_ok_and(|by| by.exists() == Some(false));
    end_all(STARTED_BY, orphaned, doomed);
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "what is ended here is nobody's tool")]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_is_known_again_and_is_not_taken_for_a_later_one() {
        let this = Process::current().unwrap();
        assert_eq!(this.to_string().parse(), Ok(this.clone()));
        assert_eq!(this.exists(), Some(true));
        assert_eq!(
            Process { started: this.started + 1, ..this.clone() }.exists(),
            Some(false),
            "another of this number"
        );
        assert_eq!(Process { realm: "00000000".into(), ..this.clone() }.exists(), None, "another boot's");
        for text in ["", "1", "1-2", "1-2-", "x-2-3", "1-x-3", "1--3"] {
            assert_eq!(text.parse::<Process>(), Err(Unreadable), "{text}");
        }
    }

    #[test]
    fn one_that_has_ended_and_was_not_waited_for_does_not_exist() {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let process =
            Process { pid: child.id(), started: started(child.id()).unwrap(), ..Process::current().unwrap().clone() };
        assert_eq!(process.exists(), Some(true));
        child.kill().unwrap();
        while process.exists() == Some(true) {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert_eq!(process.exists(), Some(false));
    }

    #[test]
    fn what_is_ended_is_told_by_its_variable_and_its_name() {
        let start = |value: &str| Command::new("sleep").arg("1000").env("REHEARSAL_TEST", value).spawn().unwrap();
        let value = format!("ours-{}", std::process::id());
        let (mut ours, mut others) = (start(&value), start(&format!("{value}-not")));
        end_all("REHEARSAL_TEST", |found| found == value, |found| found.name != "sleep");
        assert!(ours.try_wait().unwrap().is_none(), "its name was to be spared");
        end_all("REHEARSAL_TEST", |found| found == value, |_| true);
        assert!(!ours.wait().unwrap().success());
        assert!(others.try_wait().unwrap().is_none());
        others.kill().unwrap();
        others.wait().unwrap();
    }

    #[test]
    fn orphans_are_those_whose_starter_does_not_exist() {
        let this = Process::current().unwrap();
        let dead = Process { started: this.started + 1, ..this.clone() };
        let elsewhere = Process { realm: "00000000".into(), ..dead.clone() };
        let start = |by: &Process| Command::new("sleep").arg("1000").env(STARTED_BY, by.to_string()).spawn().unwrap();
        let [mut orphan, mut child, mut others] = [&dead, this, &elsewhere].map(start);
        let pids = [orphan.id(), child.id(), others.id()];
        end_orphans(|found| pids.contains(&found.pid));
        assert!(!orphan.wait().unwrap().success());
        for left in [&mut child, &mut others] {
            assert!(left.try_wait().unwrap().is_none());
            left.kill().unwrap();
            left.wait().unwrap();
        }
    }
}
