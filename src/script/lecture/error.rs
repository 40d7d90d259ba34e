//! Why a file is no lecture.

use std::path::PathBuf;

use crate::hint::Hint;

/// A file that cannot be read as a lecture. All of these are the user's to mend.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "what each variant is, its message says")]
pub enum ReadError {
    #[error("cannot read {}", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// `limit` in bytes.
    #[error("{} is larger than {} MiB", path.display(), limit >> 20)]
    TooLarge { path: PathBuf, limit: u64 },
    #[error("{} is empty", path.display())]
    Empty { path: PathBuf },
    #[error("{} is not text: {what}", path.display())]
    NotText { path: PathBuf, what: &'static str },
    #[error("{} is {what}, not Markdown", path.display())]
    NotMarkdown { path: PathBuf, what: &'static str },
}

impl Hint for ReadError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => "name a file or a folder",
            Self::Io { .. } => return None,
            Self::TooLarge { .. } => "a lecture is text: split it, or name the folder with its parts",
            Self::Empty { .. } => "name a file with text in it",
            Self::NotText { .. } | Self::NotMarkdown { .. } => "name a Markdown file",
        };
        Some(hint.into())
    }
}
