//! What is still there of a session, as it was found by looking.

use std::fmt;

/// What was found, and what could not be looked at. Nothing of either: everything was looked for and is gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Remains {
    /// `2 containers`, `namespace rehearsal-…`.
    pub left: Vec<String>,
    /// What could not be seen, and why.
    pub unseen: Vec<String>,
}

impl Remains {
    pub(crate) fn is_nothing(&self) -> bool {
        self.left.is_empty() && self.unseen.is_empty()
    }

    /// With those of another session or thing.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.left.extend(other.left);
        self.unseen.extend(other.unseen);
        self
    }
}

impl fmt::Display for Remains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.left[..], &self.unseen[..]) {
            ([], []) => f.write_str("nothing is left"),
            (left, []) => write!(f, "there is left: {}", left.join(", ")),
            ([], unseen) => write!(f, "what is left could not be seen: {}", unseen.join("; ")),
            (left, unseen) => {
                write!(f, "there is left: {}; what else could not be seen: {}", left.join(", "), unseen.join("; "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_to_be_gone_that_was_not_seen_to_be() {
        let said = |left: &[&str], unseen: &[&str]| {
            let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
            Remains { left: owned(left), unseen: owned(unseen) }.to_string()
        };
        assert_eq!(said(&[], &[]), "nothing is left");
        assert_eq!(said(&["2 containers", "1 image"], &[]), "there is left: 2 containers, 1 image");
        assert_eq!(said(&[], &["the engine: refused"]), "what is left could not be seen: the engine: refused");
        assert_eq!(said(&["1 image"], &["n: x"]), "there is left: 1 image; what else could not be seen: n: x");
    }
}
