//! Which programs a lecture's commands may run here, and why others are not run. Knows nothing of how they are played.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::script::lecture::fate;

/// Why an item is not played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Reason {
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

impl Reason {
    /// The reason of that name in the table.
    fn named(name: &str) -> Self {
        serde_json::from_value(name.into()).unwrap_or(Self::UnknownProgram)
    }
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

/// What may be played: the table, and what the user allowed beside it (`--allow PROGRAM`).
#[derive(Debug, Clone, Default)]
pub(crate) struct Programs {
    pub(crate) allowed: Vec<String>,
}

impl Programs {
    /// Why `program` is not run; None where it is.
    pub(crate) fn refusal(&self, program: &str) -> Option<Reason> {
        let name = program.rsplit('/').next().unwrap_or(program);
        if self.allowed.iter().any(|allowed| allowed == name) || program.starts_with("./") {
            return None;
        }
        // mkfs.ext4 is of mkfs' family.
        let family = name.split_once('.').map_or(name, |(stem, _)| stem);
        match fate(name).or_else(|| fate(family)) {
            Some("played") => None,
            Some(reason) => Some(Reason::named(reason)),
            None => Some(Reason::UnknownProgram),
        }
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
}
