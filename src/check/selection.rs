//! Which items of a lecture are asked for. Pure.

use crate::script::lecture::{Lecture, LectureItem};

/// What `--only` and `--until` leave of a lecture.
pub(crate) struct Selection<'a> {
    /// A line, or words of a heading.
    only: Option<&'a str>,
    /// The line before which it ends.
    until: usize,
}

impl<'a> Selection<'a> {
    /// Both are a line's number, or words that a heading has.
    pub(crate) fn new(only: Option<&'a str>, until: Option<&str>, lecture: &Lecture) -> Self {
        let until = until.and_then(|until| match until.parse() {
            Ok(line) => Some(line),
            Err(_) => lecture.items.iter().find(|item| is_below(item, until)).map(|item| item.lines.first),
        });
        Self { only, until: until.unwrap_or(usize::MAX) }
    }

    pub(crate) fn has(&self, item: &LectureItem) -> bool {
        let only = match self.only.map(|only| (only, only.parse::<usize>())) {
            None => true,
            Some((_, Ok(line))) => (item.lines.first..=item.lines.last).contains(&line),
            Some((words, Err(_))) => is_below(item, words),
        };
        only && item.lines.first < self.until
    }
}

fn is_below(item: &LectureItem, words: &str) -> bool {
    let words = words.to_lowercase();
    item.headings.iter().any(|heading| heading.to_lowercase().contains(&words))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::script::lecture::read_text;

    #[test]
    fn items_are_asked_for_by_line_and_by_heading() {
        let text = "# One\n\n```bash\nkubectl get pods\n```\n\n## Two\n\n```bash\nkubectl get ns\n```\n";
        let lecture = read_text(Path::new("l.md"), text.as_bytes()).unwrap();
        let lines = |only: Option<&str>, until: Option<&str>| {
            let selection = Selection::new(only, until, &lecture);
            let lines = lecture.items.iter().filter(|item| selection.has(item)).map(|item| item.lines.first);
            lines.collect::<Vec<_>>()
        };
        let all = lines(None, None);
        let (first, second) = (all[0], all[1]);
        assert_eq!(lines(Some("two"), None), [second]);
        assert_eq!(lines(Some(&first.to_string()), None), [first]);
        assert_eq!(lines(None, Some("Two")), [first]);
        assert_eq!(lines(None, Some(&second.to_string())), [first]);
        assert!(lines(Some("three"), None).is_empty());
        assert_eq!(lines(None, Some("three")), all, "where it is to end is nowhere");
    }
}
