//! A unified diff of the corrections that are safe, for `patch -p0` and `git apply -p0`.
//! Knows nothing of how a correction was found.

use similar::TextDiff;

use super::{Correction, ItemRecord};
use crate::hint::Hint;

/// Lines of context, as `diff -u` gives.
const CONTEXT: usize = 3;

/// A lecture's file as it stands on disk, every byte of it that is text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PatchSource<'a> {
    /// As it was named: relative to the folder that the patch is applied in.
    pub file: &'a str,
    pub text: &'a str,
}

/// Why no patch can be made.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Error {
    #[error("{file} has {lines} lines, but lines {wanted} are to be corrected: it changed meanwhile")]
    Changed { file: String, lines: usize, wanted: String },
    #[error("{file} cannot be named in a patch: its name has a line end or a tab")]
    Name { file: String },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Changed { .. } => Some("check the lecture again as it is now".into()),
            Self::Name { .. } => Some("give the file a plain name".into()),
        }
    }
}

/// The diff of one file; empty where nothing is to be corrected. Of corrections that overlap the first is taken.
///
/// # Errors
/// Where a correction's lines are not in the file.
pub(crate) fn patch(source: PatchSource<'_>, records: &[ItemRecord]) -> Result<String, Error> {
    let of_file = records.iter().filter(|record| record.file == source.file);
    let mut safe: Vec<&Correction> =
        of_file.filter_map(|record| record.correction.as_ref()).filter(|c| c.safe).collect();
    if safe.is_empty() {
        return Ok(String::new());
    }
    if source.file.contains(['\n', '\t', '\r']) {
        return Err(Error::Name { file: source.file.to_owned() });
    }
    safe.sort_by_key(|correction| correction.lines);
    let lines: Vec<&str> = source.text.split_inclusive('\n').collect();
    let mut corrected = String::with_capacity(source.text.len());
    let mut at = 0;
    for correction in safe {
        let (first, last) = (correction.lines.first, correction.lines.last);
        if first == 0 || last < first || last > lines.len() {
            let wanted = correction.lines.to_string();
            return Err(Error::Changed { file: source.file.to_owned(), lines: lines.len(), wanted });
        }
        if first <= at {
            continue;
        }
        corrected.extend(lines[at..first - 1].iter().copied());
        corrected.push_str(&with_ends_of(&lines[first - 1..last], &correction.text));
        at = last;
    }
    corrected.extend(lines[at..].iter().copied());
    let diff = TextDiff::from_lines(source.text, corrected.as_str());
    Ok(diff.unified_diff().context_radius(CONTEXT).header(source.file, source.file).to_string())
}

/// The new lines with the old ones' line ends, the last as it was.
fn with_ends_of(old: &[&str], text: &str) -> String {
    let end_of = |line: &str| {
        if line.ends_with("\r\n") {
            "\r\n"
        } else if line.ends_with('\n') {
            "\n"
        } else {
            ""
        }
    };
    let between = old.first().map_or("\n", |line| if line.ends_with("\r\n") { "\r\n" } else { "\n" });
    let last = old.last().map_or("\n", |line| end_of(line));
    text.split('\n').collect::<Vec<_>>().join(between) + last
}
