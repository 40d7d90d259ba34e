//! The words of a command that a rule may ask for.

/// The words of a command, quotes and continuations taken off.
pub(crate) fn words(command: &str) -> impl Iterator<Item = &str> {
    command
        .split(|c: char| c.is_whitespace() || c == '\\')
        .map(|word| word.trim_matches(['\'', '"', ';']))
        .filter(|word| !word.is_empty())
}
