//! Bytes → text: encodings found and mended, line ends made one, size and kind of the file checked. Pure.

use encoding_rs::{Encoding, MACINTOSH, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::item::{Note, NoteKind};

/// Text with `\n` at line ends, whose lines are the file's, and what was done to it.
#[derive(Debug, PartialEq)]
pub(super) struct Source {
    pub text: String,
    pub notes: Vec<Note>,
}

/// What is wrong with bytes that are no lecture.
#[derive(Debug, PartialEq)]
pub(super) enum Fault {
    Empty,
    NotText(&'static str),
    NotMarkdown(&'static str),
}

/// First bytes of what is no text, or another kind of text.
const MAGIC: &[(&[u8], &str)] = &[
    (b"%PDF", "a PDF file"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x7fELF", "a program"),
    (b"{\\rtf", "a word processor's file"),
    (b"\xd0\xcf\x11\xe0", "a word processor's file"),
];

/// First words of text that is no Markdown; compared without case.
const OTHER_TEXT: &[(&str, &str)] = &[
    ("<!doctype html", "a web page"),
    ("<html", "a web page"),
    ("<?xml", "XML"),
    ("#!/", "a script"),
    ("syntax = \"proto", "a program's source"),
];

pub(super) fn decode(bytes: &[u8]) -> Result<Source, Fault> {
    if let Some((_, what)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(Fault::NotText(what));
    }
    let mut notes = Vec::new();
    let mut text = text(bytes, &mut notes)?;
    if text.contains('\r') {
        notes.push(Note { line: 1, kind: NoteKind::CarriageReturns });
        text = text.replace("\r\n", "\n").replace('\r', "\n");
    }
    let begins = text.trim_start();
    if begins.is_empty() {
        return Err(Fault::Empty);
    }
    let start: String = begins.chars().take(16).flat_map(char::to_lowercase).collect();
    if let Some((_, what)) = OTHER_TEXT.iter().find(|(word, _)| start.starts_with(word)) {
        return Err(Fault::NotMarkdown(what));
    }
    if begins.starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(begins).is_ok() {
        return Err(Fault::NotMarkdown("JSON"));
    }
    let text = unmangled(text, &mut notes);
    Ok(Source { text, notes })
}

fn text(bytes: &[u8], notes: &mut Vec<Note>) -> Result<String, Fault> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let (text, _) = encoding.decode_without_bom_handling(&bytes[mark..]);
        if encoding != UTF_8 {
            notes.push(Note { line: 1, kind: NoteKind::Encoding { name: encoding.name() } });
        }
        return if text.contains('\0') { Err(Fault::NotText("it has NUL bytes")) } else { Ok(text.into_owned()) };
    }
    if bytes.contains(&0) {
        return wide(bytes, notes).ok_or(Fault::NotText("it has NUL bytes"));
    }
    let control = bytes.iter().filter(|byte| **byte < 9 || (14..27).contains(*byte)).count();
    if control * 50 > bytes.len() {
        return Err(Fault::NotText("it has control characters"));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Ok(foreign(bytes, notes)),
    }
}

/// UTF-16 without its mark: every other byte is NUL in most of what is written in Latin letters.
fn wide(bytes: &[u8], notes: &mut Vec<Note>) -> Option<String> {
    let share = |from: usize| bytes.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count() * 4 > bytes.len();
    let encoding = if share(1) {
        UTF_16LE
    } else if share(0) {
        UTF_16BE
    } else {
        return None;
    };
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
    notes.push(Note { line: 1, kind: NoteKind::Encoding { name: encoding.name() } });
    (!text.contains('\0')).then(|| text.into_owned())
}

/// Not UTF-8: mostly UTF-8 with a few bytes of Windows-1252, or another encoding altogether.
fn foreign(bytes: &[u8], notes: &mut Vec<Note>) -> String {
    let (mut good, mut bad) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        bad += chunk.invalid().len();
    }
    if good > bad * 4 {
        let mut text = String::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            text.push_str(&WINDOWS_1252.decode_without_bom_handling(chunk.invalid()).0);
        }
        let line = 1 + bytes.utf8_chunks().next().map_or(0, |chunk| chunk.valid().matches('\n').count());
        notes.push(Note { line, kind: NoteKind::Replaced { count: bad } });
        return text;
    }
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    let encoding = detector.guess(None, chardetng::Utf8Detection::Deny);
    notes.push(Note { line: 1, kind: NoteKind::Encoding { name: encoding.name() } });
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

/// Repairs UTF-8 that was once read as a one-byte encoding: a run of foreign characters whose bytes in that encoding
/// are UTF-8 was UTF-8. Text that is right is no UTF-8 then and stays.
fn unmangled(mut text: String, notes: &mut Vec<Note>) -> String {
    for (encoding, name) in [(WINDOWS_1252, "Windows-1252"), (MACINTOSH, "Mac Roman")] {
        let (mut total, mut first) = (0, 0);
        // What was mangled twice is mended twice.
        for _ in 0..3 {
            let Some((mended, count, line)) = unmangled_once(&text, encoding) else { break };
            (text, total, first) = (mended, total + count, line);
        }
        if total > 0 {
            notes.push(Note { line: first, kind: NoteKind::Mojibake { read_as: name, count: total } });
        }
    }
    text
}

/// The text with its mangled runs repaired, how many, and the line of the first; none where there is none.
fn unmangled_once(text: &str, encoding: &'static Encoding) -> Option<(String, usize, usize)> {
    let (mut out, mut count, mut first, mut done) = (String::new(), 0, 0, 0);
    let mut rest = 0;
    while let Some(start) = text[rest..].find(|c: char| !c.is_ascii()).map(|at| rest + at) {
        let end = text[start..].find(|c: char| c.is_ascii()).map_or(text.len(), |at| start + at);
        if let Some(mended) = original(&text[start..end], encoding) {
            out.push_str(&text[done..start]);
            out.push_str(&mended);
            (done, count) = (end, count + 1);
            if count == 1 {
                first = 1 + text[..start].matches('\n').count();
            }
        }
        rest = end;
    }
    out.push_str(&text[done..]);
    (count > 0).then_some((out, count, first))
}

/// What a run of foreign characters was before.
fn original(run: &str, encoding: &'static Encoding) -> Option<String> {
    // One character is one byte there, and no byte alone is UTF-8.
    run.chars().nth(1)?;
    let (bytes, _, unmappable) = encoding.encode(run);
    if unmappable {
        return None;
    }
    let mended = std::str::from_utf8(&bytes).ok()?;
    mended.chars().all(|c| !c.is_control()).then(|| mended.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> (String, Vec<NoteKind>) {
        let source = decode(bytes).unwrap();
        (source.text, source.notes.into_iter().map(|note| note.kind).collect())
    }

    #[test]
    fn text_that_is_right_stays() {
        for text in ["# Título: día é à ü ß", "# 私有镜像 — “quoted”", "# Приватный реестр", "# ⭐ é", "Ã alone, â too"]
        {
            assert_eq!(read(text.as_bytes()), (text.to_owned(), vec![]));
        }
    }

    #[test]
    fn what_was_read_in_another_encoding_is_mended() {
        let right = "It’s a “café” — ok 🔗";
        for (encoding, name) in [(WINDOWS_1252, "Windows-1252"), (MACINTOSH, "Mac Roman")] {
            let mangled = encoding.decode_without_bom_handling(right.as_bytes()).0;
            let (text, notes) = read(mangled.as_bytes());
            assert_eq!(text, right, "{mangled}");
            assert_eq!(notes, [NoteKind::Mojibake { read_as: name, count: 5 }]);
        }
        let twice = WINDOWS_1252.decode_without_bom_handling("é".as_bytes()).0;
        let twice = WINDOWS_1252.decode_without_bom_handling(twice.as_bytes()).0;
        assert_eq!(read(twice.as_bytes()).0, "é");
    }

    #[test]
    fn other_encodings_are_read() {
        let russian = "# Приватный реестр образов\nСоздайте секрет и примените манифест\n";
        let (bytes, ..) = encoding_rs::WINDOWS_1251.encode(russian);
        assert_eq!(read(&bytes), (russian.to_owned(), vec![NoteKind::Encoding { name: "windows-1251" }]));
        let chinese = "# 私有镜像仓库\n创建密钥并应用清单，然后查看结果。\n";
        let (bytes, ..) = encoding_rs::GBK.encode(chinese);
        assert_eq!(read(&bytes).0, chinese);
        let wide: Vec<u8> = "\u{feff}# Title\r\ntext\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(read(&wide).0, "# Title\ntext\n");
        let bare: Vec<u8> = "# Title\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(read(&bare).0, "# Title\n");
        assert_eq!(read("\u{feff}# Title".as_bytes()), ("# Title".into(), vec![]));
        let stray = b"\xe2\x80\x94\xe2\x80\x94\xe2\x80\x94\xe2\x80\x94\xe2\x80\x94 it\x92s".as_slice();
        assert_eq!(read(stray), ("————— it’s".into(), vec![NoteKind::Replaced { count: 1 }]));
    }

    #[test]
    fn what_is_no_lecture_is_refused() {
        for (bytes, fault) in [
            (b"".as_slice(), Fault::Empty),
            (b" \r\n\n", Fault::Empty),
            (b"\xef\xbb\xbf", Fault::Empty),
            (b"%PDF-1.7", Fault::NotText("a PDF file")),
            (b"a\0b", Fault::NotText("it has NUL bytes")),
            (b"\x01\x02\x03abc", Fault::NotText("it has control characters")),
            (b"<!DOCTYPE html><p>", Fault::NotMarkdown("a web page")),
            (b"{\"cells\": []}", Fault::NotMarkdown("JSON")),
        ] {
            assert_eq!(decode(bytes), Err(fault), "{bytes:?}");
        }
    }
}
