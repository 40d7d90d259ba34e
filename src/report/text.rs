//! Text of others made harmless for a page: what moves a cursor, turns a line round or cannot be seen is gone, or
//! shown as its number. Markup is the writer's to escape.

use std::borrow::Cow;

/// Text without colours, control sequences and control characters; what turns the direction of text or cannot be seen
/// stands there as its number.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| matches!(c, '\n' | '\t') || !c.is_control() && !is_unseen(c);
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let stripped = anstream::adapter::strip_str(text).to_string();
    for c in stripped.chars().filter(|c| *c != '\r') {
        match c {
            c if is_plain(c) => plain.push(c),
            c => plain.push_str(&format!("⟨U+{:04X}⟩", u32::from(c))),
        }
    }
    Cow::Owned(plain)
}

fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The first lines of a text, as many bytes at most, and how many lines are left out.
pub(super) fn head(text: &str, bytes: usize) -> (&str, usize) {
    let text = text.trim_end();
    if text.len() <= bytes {
        return (text, 0);
    }
    let at = (0..=bytes).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let kept = text[..at].rfind('\n').map_or(&text[..at], |end| &text[..end]);
    (kept, text[kept.len()..].lines().filter(|line| !line.is_empty()).count())
}

/// A time for people.
pub(super) fn seconds(ms: u64) -> String {
    let seconds = std::time::Duration::from_millis(ms).as_secs_f64();
    if seconds < 10.0 { format!("{seconds:.2} s") } else { format!("{seconds:.1} s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_gone_or_shown() {
        for (text, shown) in [
            ("a\tb\nc", "a\tb\nc"),
            ("\u{1b}[31mred\u{1b}[0m\r\n", "red\n"),
            ("a\u{0}b\u{7}\u{8}", "ab"),
            ("x\u{202e}gpj", "x⟨U+202E⟩gpj"),
            ("\u{9b}2J", "⟨U+009B⟩2J"),
        ] {
            assert_eq!(plain(text), shown, "{text:?}");
        }
    }

    #[test]
    fn the_head_of_a_text_ends_with_a_line() {
        assert_eq!(head("one\ntwo\nthree\n", 100), ("one\ntwo\nthree", 0));
        assert_eq!(head("one\ntwo\nthree\n", 9), ("one\ntwo", 1));
        assert_eq!(head("üüüü", 3), ("ü", 1));
    }
}
