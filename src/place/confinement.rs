//! What a fence can touch: on Linux, Landlock for files, and a filter of system calls for what Landlock leaves out. Knows
//! no fence and no lab; ARCHITECTURE.md has the threats that it is for.

use std::path::{Path, PathBuf};

/// What a fence may touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FileAccess {
    /// Folders below which everything may be changed.
    pub writable: Vec<PathBuf>,
    /// Files and folders that may be read although something of [`FileAccess::hidden`] is above them.
    pub readable: Vec<PathBuf>,
    /// Files and folders that must not be read.
    pub hidden: Vec<PathBuf>,
}

/// Folders that hold what is the user's, or other programs' for the user.
const HIDDEN: &[&str] = &[
    "/home",
    "/root",
    "/tmp",
    "/var/tmp",
    "/run/user",
    "/run/containerd",
    "/run/docker",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/lib/kubelet",
    "/var/lib/rancher",
    "/etc/kubernetes",
    "/etc/rancher",
    "/etc/ssh",
    "/etc/shadow",
    "/etc/gshadow",
];

/// What is at home for programs alone: languages and their packages, as version managers keep them there.
const TOOLCHAINS: &[&str] = &[
    ".asdf",
    ".goenv",
    ".linuxbrew",
    ".nodenv",
    ".nvm/versions",
    ".pyenv",
    ".rbenv",
    ".rustup/toolchains",
    "anaconda3",
    "miniconda3",
];

/// Variables that name files with credentials, wherever they are; a colon may stand between several.
const CREDENTIALS: &[&str] = &["KUBECONFIG", "DOCKER_CONFIG", "HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "TMPDIR"];

impl FileAccess {
    /// Everything but what is the user's, and no place to write.
    pub(crate) fn of_user() -> Self {
        let named = CREDENTIALS.iter().filter_map(std::env::var_os);
        let named: Vec<_> = named.flat_map(|value| std::env::split_paths(&value).collect::<Vec<_>>()).collect();
        let home = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten().map(|user| user.dir);
        let homes: Vec<_> = home.into_iter().chain(std::env::var_os("HOME").map(PathBuf::from)).collect();
        let readable = homes.iter().flat_map(|home| TOOLCHAINS.iter().map(|name| home.join(name))).collect();
        let all = HIDDEN.iter().map(PathBuf::from).chain(named).chain(homes);
        // A home that is the whole machine, as a service's may be, hides nothing.
        let hidden = all.filter(|path| path.is_absolute() && path.parent().is_some());
        Self { hidden: hidden.collect(), readable, ..Self::default() }
    }

    /// The highest files and folders that have nothing hidden in them, and those that may be read all the same.
    fn readable(&self) -> Vec<PathBuf> {
        let real = |paths: &[PathBuf]| paths.iter().filter_map(|path| path.canonicalize().ok()).collect::<Vec<_>>();
        let mut found = real(&self.readable);
        around(Path::new("/"), &real(&self.hidden), &mut found);
        found
    }
}

/// What is below `folder` without what is `hidden`.
fn around(folder: &Path, hidden: &[PathBuf], found: &mut Vec<PathBuf>) {
    if hidden.iter().any(|path| path == folder) {
        return;
    }
    if !hidden.iter().any(|path| path.starts_with(folder)) {
        return found.push(folder.to_owned());
    }
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        // A link leads to a place that is judged there.
        if entry.file_type().is_ok_and(|kind| !kind.is_symlink()) {
            around(&entry.path(), hidden, found);
        }
    }
}

#[cfg(target_os = "linux")]
pub(crate) use linux::missing;
#[cfg(target_os = "linux")]
pub(super) use linux::restriction;

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::io;
    use std::sync::Arc;

    use landlock::{
        ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreated,
        RulesetCreatedAttr, RulesetError, make_bitflags, path_beneath_rules,
    };
    use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};
    use seccompiler::{
        BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule,
    };

    use super::FileAccess;
    use crate::exec::Restriction;

    /// Device files that programs write to.
    const DEVICES: &[&str] =
        &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx", "/dev/pts"];
    /// The rules that this program knows; an older kernel applies those that it has.
    const RULES: ABI = ABI::V5;

    /// What makes root more than a user: with these it reads other processes' environments, mounts, traces and loads code
    /// into the kernel, whatever Landlock says.
    const CAPABILITIES: &[CapabilitySet] = &[
        CapabilitySet::SYS_ADMIN,
        CapabilitySet::SYS_PTRACE,
        CapabilitySet::PERFMON,
        CapabilitySet::BPF,
        CapabilitySet::SYS_MODULE,
        CapabilitySet::SYS_RAWIO,
        CapabilitySet::SYS_BOOT,
        CapabilitySet::SYS_TIME,
        CapabilitySet::MKNOD,
        CapabilitySet::CHECKPOINT_RESTORE,
    ];

    /// What is made ready in the parent, for there is little that a child may do.
    struct Confined {
        files: RulesetCreated,
        calls: Option<BpfProgram>,
    }

    impl std::fmt::Debug for Confined {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.debug_struct("Confined").field("calls", &self.calls.is_some()).finish_non_exhaustive()
        }
    }

    impl Restriction for Confined {
        fn apply(&self) -> io::Result<()> {
            for capability in CAPABILITIES {
                // A process that may not drop a capability does not have it.
                let _ = remove_capability_from_bounding_set(*capability);
            }
            self.files.try_clone()?.restrict_self().map_err(|_| io::Error::last_os_error())?;
            match &self.calls {
                Some(filter) => seccompiler::apply_filter(filter).map_err(|_| io::Error::last_os_error()),
                None => Ok(()),
            }
        }
    }

    fn has_landlock() -> bool {
        let strict = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
        strict.handle_access(AccessFs::from_all(ABI::V1)).is_ok()
    }

    /// What confines a fence to `reach`; None where the kernel has no Landlock.
    ///
    /// # Errors
    /// Where the kernel does not take the rules.
    pub(crate) fn restriction(reach: &FileAccess) -> io::Result<Option<Arc<dyn Restriction>>> {
        if !has_landlock() {
            return Ok(None);
        }
        let files = files(reach).map_err(io::Error::other)?;
        let calls = calls(std::process::id()).ok();
        Ok(Some(Arc::new(Confined { files, calls })))
    }

    /// What of the confinement this kernel does not offer, in words for people; None where nothing is missing.
    pub(crate) fn missing() -> Option<String> {
        if !has_landlock() {
            return Some("this kernel has no Landlock: fences can read and change whatever you can".into());
        }
        let filter = calls(std::process::id()).is_err();
        filter.then(|| {
            "fences can reach sockets of this machine, Docker's among them: no filter for this processor".into()
        })
    }

    fn files(reach: &FileAccess) -> Result<RulesetCreated, RulesetError> {
        let all = AccessFs::from_all(RULES);
        let read = AccessFs::from_read(RULES);
        // A device that a fence makes would be the machine's own.
        let own = all & !make_bitflags!(AccessFs::{MakeChar | MakeBlock});
        let device: BitFlags<AccessFs> =
            make_bitflags!(AccessFs::{ReadFile | ReadDir | WriteFile | Truncate | IoctlDev});
        let rules = Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(all)?.create()?;
        rules
            .add_rules(path_beneath_rules(reach.readable(), read))?
            .add_rules(path_beneath_rules(&reach.writable, own))?
            .add_rules(path_beneath_rules(DEVICES, device))
    }

    /// What Landlock leaves out. Sockets of this machine are not asked for: Docker, agents and buses listen there; a pair of
    /// sockets stays. Signals, tracing and the like do not reach `program`, and no ring of requests goes round the filter.
    fn calls(program: u32) -> Result<BpfProgram, BackendError> {
        let equals = |at: u8, value: i64| {
            SeccompCondition::new(at, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, u64::from(value as u32))
        };
        let when = |at: u8, values: &[i64]| {
            values.iter().map(|value| SeccompRule::new(vec![equals(at, *value)?])).collect::<Result<Vec<_>, _>>()
        };
        let program = i64::from(program);
        // A group of processes is named by its leader's number below zero, and everybody by -1.
        let whole = [program, -program, -1];
        let rules: BTreeMap<i64, Vec<SeccompRule>> = [
            (libc::SYS_socket, when(0, &[i64::from(libc::AF_UNIX)])?),
            (libc::SYS_io_uring_setup, Vec::new()),
            (libc::SYS_kill, when(0, &whole)?),
            (libc::SYS_tkill, Vec::new()),
            (libc::SYS_tgkill, when(0, &[program])?),
            (libc::SYS_rt_sigqueueinfo, when(0, &whole)?),
            (libc::SYS_rt_tgsigqueueinfo, when(0, &[program])?),
            (libc::SYS_pidfd_open, when(0, &[program])?),
        ]
        .into_iter()
        .collect();
        let refuse = SeccompAction::Errno(libc::EACCES as u32);
        let arch = std::env::consts::ARCH.try_into()?;
        SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch)?.try_into()
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn restriction(_: &FileAccess) -> std::io::Result<Option<std::sync::Arc<dyn crate::exec::Restriction>>> {
    Ok(None)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn missing() -> Option<String> {
    Some("this system has no Landlock: fences can read and change whatever you can".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_readable_has_nothing_hidden_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        for folder in ["a/b/secret", "a/c", "d"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        std::os::unix::fs::symlink(root.join("a"), root.join("link")).unwrap();
        let mut found = Vec::new();
        around(&root, &[root.join("a/b/secret")], &mut found);
        found.sort();
        assert_eq!(found, [root.join("a/c"), root.join("d")]);
    }
}
