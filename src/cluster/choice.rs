//! Which cluster is asked for, and what `auto` takes.

use std::str::FromStr;

use crate::hint::Hint;

/// `--cluster auto|mini|kind|context:NAME`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Choice {
    #[default]
    Auto,
    Mini,
    Kind,
    Context(String),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no cluster; one of: auto, mini, kind, context:NAME")]
pub(crate) struct InvalidChoice(String);

impl Hint for InvalidChoice {
    /// The error names what there is.
    fn hint(&self) -> Option<String> {
        None
    }
}

impl FromStr for Choice {
    type Err = InvalidChoice;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "mini" => Ok(Self::Mini),
            "kind" => Ok(Self::Kind),
            _ => match text.strip_prefix("context:") {
                Some(name) if !name.is_empty() => Ok(Self::Context(name.into())),
                _ => Err(InvalidChoice(text.into())),
            },
        }
    }
}

impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Mini => f.write_str("mini"),
            Self::Kind => f.write_str("kind"),
            Self::Context(name) => write!(f, "context:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_reads_back_as_it_is_written() {
        for text in ["auto", "mini", "kind", "context:prod-eu"] {
            assert_eq!(text.parse::<Choice>().unwrap().to_string(), text);
        }
        for text in ["", "Kind", "context:", "minikube"] {
            assert!(text.parse::<Choice>().is_err(), "{text}");
        }
    }
}
