//! Which programs a lecture's commands may run here, and why others are not run. A table, and questions to it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why an item is not played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It changes or asks the machine itself: packages, services, a node.
    NeedsHost,
    /// It talks to a cloud's account.
    NeedsCloud,
    /// It makes or removes a cluster: the stage has one.
    NeedsCluster,
    /// It fetches from the internet.
    NeedsInternet,
    /// It wants somebody at a terminal or a screen.
    NeedsPerson,
    /// It could destroy what is not the lecture's.
    Dangerous,
    /// Nothing is known of the program.
    UnknownProgram,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NeedsHost => "needs-host",
            Self::NeedsCloud => "needs-cloud",
            Self::NeedsCluster => "needs-cluster",
            Self::NeedsInternet => "needs-internet",
            Self::NeedsPerson => "needs-person",
            Self::Dangerous => "dangerous",
            Self::UnknownProgram => "unknown-program",
        })
    }
}

/// Programs that work on the lecture's own files, text and cluster.
const PLAYED: &[&str] = &[
    "[",
    "awk",
    "base64",
    "basename",
    "bash",
    "cat",
    "cd",
    "chmod",
    "command",
    "cp",
    "curl",
    "cut",
    "date",
    "diff",
    "dirname",
    "docker",
    "echo",
    "egrep",
    "env",
    "envsubst",
    "export",
    "expr",
    "false",
    "fgrep",
    "file",
    "find",
    "for",
    "grep",
    "gunzip",
    "gzip",
    "head",
    "htpasswd",
    "id",
    "if",
    "jq",
    "k",
    "kubectl",
    "ls",
    "md5sum",
    "mkdir",
    "mktemp",
    "mv",
    "openssl",
    "printenv",
    "printf",
    "pwd",
    "read",
    "rm",
    "sed",
    "seq",
    "set",
    "sh",
    "sha256sum",
    "sleep",
    "sort",
    "source",
    "stat",
    "tail",
    "tar",
    "tee",
    "test",
    "time",
    "timeout",
    "touch",
    "tr",
    "tree",
    "true",
    "type",
    "uniq",
    "unset",
    "until",
    "wait",
    "watch",
    "wc",
    "which",
    "while",
    "whoami",
    "xargs",
    "yq",
    "alias",
    "kill",
    "jobs",
    "python",
    "python3",
    "clear",
    "uname",
    "hostname",
];

const NOT_PLAYED: &[(Reason, &[&str])] = &[
    (
        Reason::NeedsHost,
        &[
            "apk",
            "apt",
            "apt-get",
            "apt-key",
            "add-apt-repository",
            "brew",
            "choco",
            "chown",
            "containerd",
            "crictl",
            "ctr",
            "dnf",
            "dpkg",
            "firewall-cmd",
            "groupadd",
            "ifconfig",
            "ip",
            "iptables",
            "iscsiadm",
            "journalctl",
            "kubelet",
            "modprobe",
            "mount",
            "nerdctl",
            "netstat",
            "npm",
            "pip",
            "pip3",
            "podman",
            "scp",
            "service",
            "snap",
            "ss",
            "ssh",
            "ssh-keygen",
            "su",
            "sudo",
            "swapoff",
            "sysctl",
            "systemctl",
            "ufw",
            "umount",
            "useradd",
            "usermod",
            "winget",
            "yum",
            "zypper",
            "buildah",
            "skopeo",
            "newgrp",
            "make",
            "go",
            "mvn",
            "gradle",
            "node",
            "java",
        ],
    ),
    (
        Reason::NeedsCloud,
        &[
            "aliyun",
            "aws",
            "az",
            "civo",
            "doctl",
            "eksctl",
            "gcloud",
            "gh",
            "glab",
            "gsutil",
            "hcloud",
            "ibmcloud",
            "linode-cli",
            "oc",
            "oci",
            "pulumi",
            "terraform",
            "tofu",
            "vault",
            "scw",
            "exo",
            "ecr-login",
        ],
    ),
    (
        Reason::NeedsCluster,
        &["k0s", "k3d", "k3s", "kind", "kops", "kubeadm", "microk8s", "minikube", "talosctl", "colima", "vagrant"],
    ),
    (
        Reason::NeedsInternet,
        &[
            "git",
            "wget",
            "helm",
            "kustomize",
            "krew",
            "istioctl",
            "flux",
            "argocd",
            "kubeseal",
            "trivy",
            "dig",
            "nslookup",
            "ping",
            "nc",
            "telnet",
            "host",
        ],
    ),
    (
        Reason::NeedsPerson,
        &[
            "code", "emacs", "gedit", "k9s", "less", "man", "more", "nano", "notepad", "open", "start", "tmux", "vi",
            "vim", "nvim", "xdg-open", "subl", "top", "htop",
        ],
    ),
    (
        Reason::Dangerous,
        &[
            "dd", "fdisk", "halt", "killall", "mkfs", "mkswap", "pkill", "poweroff", "reboot", "shred", "shutdown",
            "wipefs", "init",
        ],
    ),
];

/// What may be played: the table, and what the user allowed beside it (`--allow PROGRAM`).
#[derive(Debug, Clone, Default)]
pub(crate) struct Programs {
    pub(crate) allowed: Vec<String>,
}

impl Programs {
    /// Why `program` is not run; None where it is.
    pub(crate) fn refusal(&self, program: &str) -> Option<Reason> {
        let name = program.rsplit('/').next().unwrap_or(program);
        if PLAYED.contains(&name) || self.allowed.iter().any(|allowed| allowed == name) || program.starts_with("./") {
            return None;
        }
        let listed = NOT_PLAYED.iter().find(|(_, programs)| programs.contains(&name)).map(|(reason, _)| *reason);
        // mkfs.ext4 and its like.
        let family = name.split_once('.').and_then(|(stem, _)| NOT_PLAYED.iter().find(|(_, all)| all.contains(&stem)));
        listed.or(family.map(|(reason, _)| *reason)).or(Some(Reason::UnknownProgram))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listed_runs_and_the_rest_says_why_not() {
        let programs = Programs { allowed: vec!["helm".into()] };
        for (program, refusal) in [
            ("kubectl", None),
            ("/usr/bin/cat", None),
            ("./setup.sh", None),
            ("helm", None),
            ("sudo", Some(Reason::NeedsHost)),
            ("aws", Some(Reason::NeedsCloud)),
            ("minikube", Some(Reason::NeedsCluster)),
            ("mkfs.ext4", Some(Reason::Dangerous)),
            ("frobnicate", Some(Reason::UnknownProgram)),
        ] {
            assert_eq!(programs.refusal(program), refusal, "{program}");
        }
    }

    #[test]
    fn no_program_stands_in_two_lists() {
        let mut all: Vec<&str> =
            PLAYED.iter().chain(NOT_PLAYED.iter().flat_map(|(_, programs)| *programs)).copied().collect();
        all.sort_unstable();
        let doubled: Vec<_> = all.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert!(doubled.is_empty(), "{doubled:?}");
    }
}
