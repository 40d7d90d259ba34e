//! Why an image cannot be had, and what the user can do about it.

use std::path::PathBuf;

use crate::docker;
use crate::hint::Hint;

/// What the functions of this room return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an image cannot be had.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "what each variant is, its message says")]
pub enum Error {
    #[error(transparent)]
    Docker(#[from] docker::Error),
    #[error("{image} cannot be pulled ({why}) and no stand-in can be built without `{tool}`")]
    NoStandIn { image: String, why: String, tool: &'static str },
    #[error("{image} cannot be pulled ({why}) and there is no stand-in for it")]
    NoRecipe { image: String, why: String },
    #[error("building the stand-in for {image} failed")]
    StandIn {
        image: String,
        #[source]
        source: crate::exec::Error,
    },
    #[error("cannot read the stand-in for {image} back")]
    StandInFile {
        image: String,
        #[source]
        source: std::io::Error,
    },
    /// A URL with a user or password must not enter an image.
    #[error("pip's setting `{setting}` in {origin} holds credentials, which must not enter an image")]
    PipCredentials { setting: String, origin: String },
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{} is not understood", path.display())]
    Lecture {
        path: PathBuf,
        #[source]
        source: Box<toml::de::Error>,
    },
    #[error("{}: `{value}` is no {key}", path.display())]
    Value { path: PathBuf, key: &'static str, value: String },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Docker(error) => error.hint(),
            Self::NoStandIn { image, .. } | Self::NoRecipe { image, .. } => Some(format!(
                "bring it from a machine that can pull: `docker pull {image} && docker save {image} -o image.tar` there, \
                 `docker load -i image.tar` here"
            )),
            Self::StandIn { .. } => Some("`apt-get update` has to work on this machine, as root or not".into()),
            Self::StandInFile { .. } => Some("$TMPDIR has to have room for an image".into()),
            Self::PipCredentials { setting, .. } => {
                Some(format!("set `{setting}` to a URL without user and password, e.g. of a proxy that adds them"))
            }
            Self::Read { .. } => Some("`lecture.toml` beside the labs names the application's image and folder".into()),
            Self::Lecture { .. } | Self::Value { .. } => {
                Some("its `[application]` has `image`, `user`, `base` and `folder`, each a text".into())
            }
        }
    }
}
