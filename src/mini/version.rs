//! The Kubernetes version mini behaves as.

use crate::hint::Hint;

/// A minor release, e.g. 1.36.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// 1 of 1.36.
    pub major: u32,
    /// 36 of 1.36.
    pub minor: u32,
}

impl Version {
    /// The newest that mini was compared with; of 1.37 it knows what the release notes say of pulling images.
    pub const LATEST: Self = Self { major: 1, minor: 36 };
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Not a version mini knows the behaviour of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no Kubernetes version mini can behave as; one of 1.32 to 1.37, e.g. 1.36")]
pub struct InvalidVersion(String);

impl Hint for InvalidVersion {
    fn hint(&self) -> Option<String> {
        Some("`--cluster kind` plays on any version that there is a node image of".into())
    }
}

impl std::str::FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidVersion(text.to_owned());
        let (major, minor) = text.trim_start_matches('v').split_once('.').ok_or_else(invalid)?;
        match (major, minor.parse()) {
            ("1", Ok(minor @ 32..=37)) => Ok(Self { major: 1, minor }),
            _ => Err(invalid()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_with_known_behaviour_are_taken() {
        assert_eq!("1.34".parse::<Version>().unwrap(), Version { major: 1, minor: 34 });
        assert_eq!("v1.36".parse::<Version>().unwrap().to_string(), "1.36");
        for text in ["", "1", "1.x", "2.36", "1.20", "1.99", "1.36.2"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }
}
