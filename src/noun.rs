//! Nouns for people.

/// `1 lab`, `2 labs`: nouns whose plural is the regular one.
pub(crate) fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
