//! What a cluster is started on. Knows none.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use futures::future::BoxFuture;

use crate::docker::Docker;
use crate::session::Ledger;

/// How the stage's registry receives who has no right to its images: so a node can tell it from any other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// It asks for a password.
    Password,
    /// It sends him to this realm for a token.
    Token(String),
    /// It lets him in.
    None,
}

/// What a cluster is started on.
pub(crate) struct StartContext<'a> {
    pub docker: Docker,
    pub session: String,
    /// The session's lock, by which others tell whether it lives.
    pub owner: String,
    /// For files with secrets, and for files nobody reads later.
    pub private: PathBuf,
    /// For logs that stay.
    pub logs: PathBuf,
    pub labels: BTreeMap<String, String>,
    /// Where it is written down what is about to be begun.
    pub ledger: Ledger,
    pub challenge: Challenge,
    /// The stage's registry and its container, once it is up; None when it never comes up.
    pub registry: BoxFuture<'a, Option<(SocketAddr, String)>>,
    /// Once nobody speaks to the registry: a container that joins one network more has its ports published anew, and
    /// every connection through them is cut.
    pub registry_at_rest: BoxFuture<'a, ()>,
}
