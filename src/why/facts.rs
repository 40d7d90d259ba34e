//! What a cluster says of a pod and what stands around it, and what the registry answers to the pod's logins.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Event, Node, Pod, Secret, ServiceAccount};

use crate::registry::Error;

/// What a registry answers about one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Served,
    /// It does not know the user, or not with this password.
    LoginRefused,
    /// It knows who asks, and does not give the image.
    Denied,
    /// The repository is there; the tag that is spelt nearly so, if there is one.
    TagUnknown {
        near: Option<String>,
    },
    RepositoryUnknown,
    /// The image is not for the node's processor.
    NoPlatform,
    /// It could not be asked from here, and why.
    Unknown(String),
}

/// The answer to one login, or to none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answered {
    /// The user's name; None for nobody.
    pub user: Option<String>,
    pub answer: Answer,
    /// The answer in containerd's words.
    pub words: String,
}

impl Answer {
    /// `tags` are those of the repository, None where it has none or is not there.
    pub(super) fn new(error: &Error, tag: Option<&str>, tags: Option<&[String]>) -> Self {
        match error {
            Error::NotFound { .. } => match (tags, tag) {
                (Some(tags), Some(tag)) => Self::TagUnknown { near: nearest(tag, tags) },
                (Some(_), None) => Self::TagUnknown { near: None },
                (None, _) => Self::RepositoryUnknown,
            },
            Error::UnexpectedStatus { status: 401, .. } | Error::NoBasicCredentials => Self::LoginRefused,
            Error::UnexpectedStatus { status: 403, .. } | Error::Scope { .. } => Self::Denied,
            Error::Platform { .. } => Self::NoPlatform,
            Error::AccessDenied { source } | Error::Authorize { source } | Error::Token { source, .. } => {
                Self::new(source, tag, tags)
            }
            other => Self::Unknown(other.chain()),
        }
    }
}

/// Of `names` the one that is spelt nearly as `name`.
pub(super) fn nearest(name: &str, names: &[String]) -> Option<String> {
    let distance = |other: &&String| strsim::osa_distance(name, other);
    let near = names.iter().min_by_key(distance)?;
    let is_near = strsim::osa_distance(name, near) <= 2 || near.contains(name) || name.contains(near.as_str());
    is_near.then(|| near.clone())
}

/// All that the chain is walked with.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub pod: Pod,
    /// None where it is not there, or may not be read.
    pub account: Option<ServiceAccount>,
    /// The Secrets of the pod's namespace; None where they may not be read.
    pub secrets: Option<Vec<Secret>>,
    /// The namespaces in which a Secret stands that the pod names, by the Secret's name.
    pub elsewhere: BTreeMap<String, Vec<String>>,
    /// The pod's own, the oldest first.
    pub events: Vec<Event>,
    pub node: Option<Node>,
    /// A Secret of the namespace whose login the registry takes for an image of a pod that names none.
    pub would_do: Option<String>,
    /// What the registry answers, by the image as the pod has it.
    pub answers: BTreeMap<String, Vec<Answered>>,
}
