//! Why a stage could not be brought up, each with what to do next.

use super::parts::Part;
use crate::hint::Hint;
use crate::{cluster, images, registry, session};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the {} did not come up", part.name())]
    Docker {
        part: Part,
        #[source]
        source: images::Error,
    },
    #[error("the application's files cannot be had")]
    Application(#[source] images::Error),
    #[error("the cluster did not come up")]
    Cluster(#[source] cluster::Error),
    #[error(transparent)]
    Session(#[from] session::Error),
    #[error("cannot hash the registry's password")]
    Htpasswd(#[source] bcrypt::BcryptError),
    #[error("the registry has nobody to give its tokens")]
    Tokens(#[source] registry::TokenError),
    #[error("the registry does not serve {image} to its own user: {answer}")]
    NotServed { image: String, answer: String },
    #[error("the registry serves {image} as {served}, but {pushed} was pushed")]
    Digest { image: String, pushed: String, served: String },
    #[error("the registry {host} does not take the login of {username}: {answer}")]
    Login { host: String, username: String, answer: String },
    #[error("the registry {host} does not answer: {answer}")]
    Unreachable { host: String, answer: String },
    #[error("the registry serves {image} to anybody")]
    Public { image: String },
    #[error("the stage that is up does not serve its image any more: {answer}")]
    Gone { answer: String },
    /// Another part failed first; its error is the one to tell.
    #[error("the registry never came up")]
    NoRegistry,
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Docker { source, .. } => source.hint(),
            Self::Cluster(source) => source.hint(),
            Self::Login { .. } => Some("check the user name and the password or token, and that it may push".into()),
            Self::Unreachable { .. } => {
                Some("check the host, a proxy, and whether this machine trusts the registry's certificate".into())
            }
            Self::Gone { .. } => Some("`rehearse down` takes it down; then again".into()),
            Self::Public { .. } => {
                Some("labs need a private one: make new repositories private by default there, or take another".into())
            }
            Self::Application(error) => error.hint(),
            Self::Tokens(error) => error.hint(),
            Self::Session(error) => error.hint(),
            Self::NotServed { .. } | Self::Digest { .. } => {
                Some("somebody else may push to that registry; `rehearse down`, then again, gives a new one".into())
            }
            // Nothing but a defect of ours leads to the first; of the second another part tells.
            Self::Htpasswd(_) | Self::NoRegistry => None,
        }
    }
}
