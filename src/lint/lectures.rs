//! Lectures of our own with a trap in each section: what the reader makes of them, and what lint finds.

use std::fmt::Write as _;
use std::path::Path;

use super::lint;
use crate::script::lecture::{ItemKind, Lecture, LectureItem, ReadError, read, read_text};

fn lecture(name: &str) -> Lecture {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lectures").join(name)).unwrap()
}

/// One line an item, with what ties it to others.
fn listing(lecture: &Lecture) -> String {
    let mut out = format!("{}\n", lecture.title);
    for note in &lecture.notes {
        writeln!(out, "{}: note: {}", note.line, note.kind).unwrap();
    }
    for item in &lecture.items {
        let way = item.alternative.as_ref().map(|way| format!(" way {} of {}", way.number, way.group));
        let condition = item.condition.as_ref().map(|cue| format!(" if {:?}", cue.text));
        let (way, condition) = (way.unwrap_or_default(), condition.unwrap_or_default());
        writeln!(out, "{} {} {:?}{way}{condition}\n    {}", item.lines, item.id, item.phase, what(item)).unwrap();
    }
    out
}

fn what(item: &LectureItem) -> String {
    match &item.kind {
        ItemKind::Command(command) => {
            let placeholders: Vec<&String> = command.placeholders.iter().map(|placeholder| &placeholder.text).collect();
            let mut out = format!("command {:?} {:?}", command.habit, command.script);
            if !placeholders.is_empty() {
                write!(out, " placeholders {placeholders:?}").unwrap();
            }
            if !command.mended.is_empty() {
                write!(out, " mended {:?}", command.mended).unwrap();
            }
            if let Some(session) = &command.inside {
                write!(out, " inside {session}").unwrap();
            }
            if let Some(cue) = &command.fails {
                write!(out, " fails: {:?}", cue.text).unwrap();
            }
            if let Some(reason) = &command.unreadable {
                write!(out, " unreadable: {reason}").unwrap();
            }
            out
        }
        ItemKind::Manifest(manifest) => {
            let objects = manifest.documents.iter().map(|document| format!("{}/{}", document.kind, document.name));
            let file = manifest.file.as_ref().map(|file| format!("{} by {:?}", file.name, file.by));
            let replaces = manifest.replaces.as_ref().map(|id| format!(" instead of {id}")).unwrap_or_default();
            format!("manifest {:?} {file:?}{replaces}", objects.collect::<Vec<_>>())
        }
        ItemKind::File(file) => format!("file {} by {:?} {:?}", file.name.name, file.name.by, file.contents),
        ItemKind::Fragment(fragment) => {
            let under = fragment.under.as_ref().map(|under| &under.path);
            format!("fragment into {:?} under {under:?}", fragment.into.as_ref().map(ToString::to_string))
        }
        ItemKind::Output(output) => {
            format!("output of {} after {:?}: {:?}", output.of, output.cue.as_ref().map(|cue| &cue.text), output.text)
        }
        ItemKind::Manual(manual) => format!("manual, for {:?}: {:?}", manual.cue, manual.text),
        ItemKind::Illustration(shown) => format!("not played, {}: {:?}", shown.reason, shown.text),
    }
}

#[test]
fn every_trap_is_read_for_what_it_is() {
    for name in ["traps.md", "mangled.md", "slides.md", "styles.md"] {
        insta::assert_snapshot!(format!("items-{name}"), listing(&lecture(name)));
    }
}

#[test]
fn every_trap_that_needs_no_cluster_is_found() {
    for name in ["traps.md", "styles.md"] {
        let findings = lint(&lecture(name), &Path::exists);
        let lines = findings.iter().map(|finding| {
            let hint = finding.suggestion.as_ref().map(|hint| format!("\n    hint: {hint}")).unwrap_or_default();
            format!("{} {} {}: {}{hint}\n", finding.lines, finding.severity, finding.rule.id(), finding.message)
        });
        insta::assert_snapshot!(format!("findings-{name}"), lines.collect::<String>());
    }
}

#[test]
fn what_is_no_lecture_is_answered_in_bounded_time() {
    let begun = std::time::Instant::now();
    let answer = |bytes: &[u8]| read_text(Path::new("x.md"), bytes).map(|lecture| lecture.items.len());
    assert!(matches!(answer(b""), Err(ReadError::Empty { .. })));
    assert!(matches!(answer(b"\x7fELF\x02\x01"), Err(ReadError::NotText { .. })));
    assert!(matches!(answer(&vec![b'a'; 50 << 20]), Err(ReadError::TooLarge { .. })));
    assert!(matches!(answer(b"{\"cells\": []}"), Err(ReadError::NotMarkdown { .. })));
    assert_eq!(answer(b"Only words.").unwrap(), 0);
    // Texts whose reading takes a square of their length, or the stack, when it is done naively.
    let pieces =
        ["```bash\n", "> ", "- ", "[", "`", "    ", "<a ", "$(", "{\"a\": ", "cat <<END\n", "'\n", "*_", "|a|\n"];
    for piece in pieces {
        let many = piece.repeat(5_000);
        let text = format!("x\n\n```bash\n{many}\n```\n\n{many}");
        answer(text.as_bytes()).unwrap();
    }
    // Minutes on a naive reader; the bound leaves room for a busy machine.
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}
