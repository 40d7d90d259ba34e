//! Any bytes read as a lecture, and linted: `cargo +nightly fuzz run lecture`. Lines stay within the file.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use rehearsal::lint::lint;
use rehearsal::script::lecture::read_text;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(lecture) = read_text(Path::new("lecture.md"), bytes) {
        let last = lecture.text.lines().count();
        for item in &lecture.items {
            let lines = item.lines;
            assert!(1 <= lines.first && lines.first <= lines.last && lines.last <= last + 1);
        }
        lint(&lecture, &|_| false);
    }
});
