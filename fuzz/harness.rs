//! What the fuzz target does with its bytes; the tests do the same with the corpus.

use std::path::Path;

use rehearsal::lint::lint;
use rehearsal::script::lecture::read_text;

/// Reads any bytes as a lecture, and lints it. Lines stay within the file.
pub(super) fn lecture(bytes: &[u8]) {
    let Ok(lecture) = read_text(Path::new("lecture.md"), bytes) else { return };
    let last = lecture.text.lines().count();
    for item in &lecture.items {
        let lines = item.lines;
        assert!(1 <= lines.first && lines.first <= lines.last && lines.last <= last + 1, "{item:?}");
    }
    lint(&lecture, &|_| false);
}
