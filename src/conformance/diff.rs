//! The first difference of two records, and of two clusters' folders of them. Knows nothing of how they came about.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use super::error::Error;

/// Where two records part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordDifference {
    /// 1-based line in both.
    pub line: usize,
    /// What the line belongs to: the pod or the command above it.
    pub of: String,
    /// None where that record ends before.
    pub left: Option<String>,
    pub right: Option<String>,
}

impl RecordDifference {
    /// Of two records' texts; None where they are equal.
    pub(crate) fn first(left: &str, right: &str) -> Option<Self> {
        let (mut lefts, mut rights) = (left.lines(), right.lines());
        let mut of = String::new();
        for line in 1.. {
            let (left, right) = (lefts.next(), rights.next());
            if left != right {
                let trimmed = |text: Option<&str>| text.map(|text| text.trim().to_owned());
                return Some(Self { line, of, left: trimmed(left), right: trimmed(right) });
            }
            let heading = left?.trim();
            if ["\"pod\":", "\"command\":", "\"fact\":"].iter().any(|key| heading.starts_with(key)) {
                of = heading.trim_end_matches(',').to_owned();
            }
        }
        None
    }
}

impl fmt::Display for RecordDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = "(the record ends)";
        writeln!(f, "    line {}, {}", self.line, self.of)?;
        writeln!(f, "    - {}", self.left.as_deref().unwrap_or(end))?;
        write!(f, "    + {}", self.right.as_deref().unwrap_or(end))
    }
}

/// What came of one case in two folders.
pub(super) type Compared = (String, Option<RecordDifference>);

/// Compares all records of two folders, by case; a case that one of them lacks differs at its first line.
///
/// # Errors
/// Where a folder cannot be read.
pub(crate) fn diff(left: &Path, right: &Path) -> Result<Vec<Compared>, Error> {
    let (of_left, of_right) = (names(left)?, names(right)?);
    if let Some((dir, _)) = [(left, &of_left), (right, &of_right)].iter().find(|(_, names)| names.is_empty()) {
        return Err(Error::NoRecords { path: dir.into() });
    }
    let cases: BTreeSet<String> = of_left.into_iter().chain(of_right).collect();
    let text = |dir: &Path, case: &str| std::fs::read_to_string(dir.join(format!("{case}.json"))).unwrap_or_default();
    Ok(cases
        .into_iter()
        .map(|case| {
            let difference = RecordDifference::first(&text(left, &case), &text(right, &case));
            (case, difference)
        })
        .collect())
}

fn names(dir: &Path) -> Result<Vec<String>, Error> {
    let unread = |source| Error::Read { path: dir.into(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(unread)? {
        let name = entry.map_err(unread)?.file_name();
        names.extend(name.to_str().and_then(|name| name.strip_suffix(".json")).map(str::to_owned));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_and_what_it_belongs_to() {
        let left = "{\n  \"pod\": \"mypod\",\n  \"a\",\n  \"b\"\n}\n";
        assert_eq!(RecordDifference::first(left, left), None);
        let found = RecordDifference::first(left, &left.replace("\"b\"", "\"c\"")).unwrap();
        assert_eq!(found.to_string(), "    line 4, \"pod\": \"mypod\"\n    - \"b\"\n    + \"c\"");
        let found = RecordDifference::first(left, "{\n").unwrap();
        assert_eq!((found.line, found.right), (2, None));
    }

    #[test]
    fn folders_are_compared_by_case() {
        let (left, right) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let write =
            |dir: &tempfile::TempDir, name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write(&left, "same.json", "1");
        write(&right, "same.json", "1");
        write(&left, "only-left.json", "1");
        write(&right, "note.txt", "not a record");
        let found = diff(left.path(), right.path()).unwrap();
        let differs: Vec<_> = found.iter().map(|(case, difference)| (case.as_str(), difference.is_some())).collect();
        assert_eq!(differs, [("only-left", true), ("same", false)]);
        assert!(matches!(diff(left.path(), &right.path().join("none")), Err(Error::Read { .. })));
    }
}
