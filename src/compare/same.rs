//! Whether two short texts, a line or a cell, say the same.
//! Knows nothing of where they stand.

use std::cell::OnceCell;

use regex::Regex;

use super::volatile::{self, VolatileKind, collapsed, masked};
use super::{Class, elision};

/// How two texts are alike; best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sameness {
    /// But for spacing.
    Equal,
    /// But for what differs from run to run.
    Volatile,
    /// But for what the shown one leaves out.
    Elided,
    /// They say different things.
    Other,
}

impl Sameness {
    /// The class of a difference that is none; None for equal texts and for those that do differ.
    pub(super) fn class(self) -> Option<Class> {
        match self {
            Self::Volatile => Some(Class::Volatile),
            Self::Elided => Some(Class::Elided),
            Self::Equal | Self::Other => None,
        }
    }
}

/// How a shown text and a printed one are alike.
pub(crate) fn sameness(shown: &str, printed: &str) -> Sameness {
    Said::new(shown).in_words_of(&Said::new(printed))
}

/// A text that is compared with many others.
#[derive(Debug)]
pub(super) struct Said {
    /// With single spaces.
    pub(super) plain: String,
    masked: OnceCell<String>,
    /// For the plain and the masked one, where something is left out.
    patterns: OnceCell<Option<(Regex, Regex)>>,
}

impl Said {
    pub(super) fn new(text: &str) -> Self {
        Self { plain: collapsed(text), masked: OnceCell::new(), patterns: OnceCell::new() }
    }

    /// The same text with marks for what differs from run to run.
    pub(super) fn masked(&self) -> &str {
        self.masked.get_or_init(|| masked(&self.plain))
    }

    /// How this text, as it is shown, and a printed one are alike.
    pub(super) fn in_words_of(&self, printed: &Said) -> Sameness {
        if self.plain == printed.plain {
            return Sameness::Equal;
        }
        if self.masked() == printed.masked() || self.has_names_of(printed) {
            return Sameness::Volatile;
        }
        let patterns = || elision::pattern(&self.plain).zip(elision::pattern(self.masked()));
        let elided =
            |(plain, masked): &(Regex, Regex)| plain.is_match(&printed.plain) || masked.is_match(printed.masked());
        if self.patterns.get_or_init(patterns).as_ref().is_some_and(elided) {
            return Sameness::Elided;
        }
        Sameness::Other
    }

    /// Whether they are equal word by word where an author made up a generated suffix, like `web-abc12-abcde`.
    fn has_names_of(&self, printed: &Said) -> bool {
        if !printed.masked().contains(volatile::HASH) {
            return false;
        }
        let words = |text: &'_ str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let (plain, made) = (words(&self.plain), words(&printed.plain));
        let (of_shown, of_printed) = (words(self.masked()), words(printed.masked()));
        // A time or an age may be several words: then they cannot be told apart one by one.
        if plain.len() != of_shown.len() || made.len() != of_printed.len() || plain.len() != made.len() {
            return false;
        }
        (0..plain.len()).all(|at| of_shown[at] == of_printed[at] || is_same_name(&plain[at], &made[at]))
    }
}

/// Whether a printed name with generated suffixes is the shown one with suffixes of the same shape.
fn is_same_name(shown: &str, printed: &str) -> bool {
    let hashes: Vec<_> = volatile::spans(printed).into_iter().filter(|span| span.kind == VolatileKind::Hash).collect();
    if hashes.is_empty() || shown.len() > LONGEST_NAME {
        return false;
    }
    let (mut pattern, mut from) = (String::from("^"), 0);
    for span in hashes {
        pattern.push_str(&regex::escape(&printed[from..span.range.start]));
        pattern.push_str("[a-z0-9]{4,12}");
        from = span.range.end;
    }
    pattern.push_str(&regex::escape(&printed[from..]));
    pattern.push('$');
    Regex::new(&pattern).is_ok_and(|pattern| pattern.is_match(shown))
}

/// Of a name with its kind, group and quotes around it.
const LONGEST_NAME: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_same_but_for_what_may_differ() {
        for (shown, printed, expected) in [
            ("pod/mypod   created", "pod/mypod created", Sameness::Equal),
            ("web-6799fc88d8-x2x8k", "web-55b445bb5c-9bkbv", Sameness::Volatile),
            ("web-abc12-abcde", "web-55b445bb5c-9bkbv", Sameness::Volatile),
            ("web-6799fc88d8-xxxxx", "web-55b445bb5c-9bkbv", Sameness::Volatile),
            ("web-<hash>", "web-55b445bb5c-9bkbv", Sameness::Elided),
            ("cloudwithvarjosh@gmail.com", "cloudwithvarjoshi@gmail.com", Sameness::Other),
            ("1/1", "0/1", Sameness::Other),
            ("app1:1.0.0", "app1:1.0.1", Sameness::Other),
            ("api-xxxxx", "web-9bkbv", Sameness::Other),
            ("api-abcde", "web-9bkbv", Sameness::Other),
            ("my-https", "my-httpd", Sameness::Other),
            ("exit code 1", "exit code 2", Sameness::Other),
            ("timeout: 30s", "timeout: 1h", Sameness::Other),
        ] {
            assert_eq!(sameness(shown, printed), expected, "{shown}");
        }
    }
}
