//! JSON syntax errors in the words of Go's `encoding/json` scanner, which clients of a real cluster see. Pure.

use std::fmt::Write;

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// `Ok` when `bytes` is one JSON value, else Go's message.
pub fn check(bytes: &[u8]) -> Result<(), String> {
    let mut scanner = Scanner { bytes, at: 0 };
    scanner.value(0)?;
    match scanner.token() {
        None => Ok(()),
        Some(_) => Err(scanner.unexpected("after top-level value")),
    }
}

const MAX_DEPTH: usize = 10_000;

impl Scanner<'_> {
    /// The next byte that is not white space, not consumed.
    fn token(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.bytes.get(self.at) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    fn unexpected(&self, context: &str) -> String {
        let Some(rest) = self.bytes.get(self.at..).filter(|r| !r.is_empty()) else {
            return "unexpected end of JSON input".to_owned();
        };
        let mut message = "invalid character ".to_owned();
        let _ = match rest[0] {
            b'\'' => write!(message, r"'\''"),
            b'"' => write!(message, "'\"'"),
            b'\n' => write!(message, r"'\n'"),
            b'\t' => write!(message, r"'\t'"),
            b @ (0x20..=0x7e | 0x80..) => write!(message, "'{}'", char::from(b)),
            b => write!(message, r"'\x{b:02x}'"),
        };
        format!("{message} {context}")
    }

    /// Goes past the next byte if `is` says so.
    fn take(&mut self, is: impl Fn(u8) -> bool) -> bool {
        let taken = self.bytes.get(self.at).is_some_and(|byte| is(*byte));
        self.at += usize::from(taken);
        taken
    }

    fn want(&mut self, is: impl Fn(u8) -> bool, context: &str) -> Result<(), String> {
        if self.take(is) { Ok(()) } else { Err(self.unexpected(context)) }
    }

    /// As [`Self::take`], for one byte after white space.
    fn take_token(&mut self, wanted: u8) -> bool {
        self.token() == Some(wanted) && self.take(|_| true)
    }

    fn value(&mut self, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err("exceeded max depth".to_owned());
        }
        match self.token() {
            Some(b'{') => self.elements(b'}', "after object key:value pair", |scanner| {
                if scanner.token() != Some(b'"') {
                    return Err(scanner.unexpected("looking for beginning of object key string"));
                }
                scanner.string()?;
                if !scanner.take_token(b':') {
                    return Err(scanner.unexpected("after object key"));
                }
                scanner.value(depth + 1)
            }),
            Some(b'[') => self.elements(b']', "after array element", |scanner| scanner.value(depth + 1)),
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => Err(self.unexpected("looking for beginning of value")),
        }
    }

    /// What stands between a bracket and `close`, with commas between.
    fn elements(
        &mut self,
        close: u8,
        after: &str,
        element: impl Fn(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        self.at += 1;
        if self.take_token(close) {
            return Ok(());
        }
        loop {
            element(self)?;
            if self.take_token(close) {
                return Ok(());
            }
            self.want(|byte| byte == b',', after)?;
        }
    }

    fn string(&mut self) -> Result<(), String> {
        self.at += 1;
        while !self.take(|byte| byte == b'"') {
            if self.take(|byte| byte == b'\\') {
                self.escape()?;
            } else {
                self.want(|byte| byte >= 0x20, "in string literal")?;
            }
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<(), String> {
        if !self.take(|byte| byte == b'u') {
            return self.want(|byte| br#"bfnrt\/""#.contains(&byte), "in string escape code");
        }
        (0..4).try_for_each(|_| self.want(|byte| byte.is_ascii_hexdigit(), "in \\u hexadecimal character escape"))
    }

    fn digits(&mut self, context: &str) -> Result<(), String> {
        self.want(|byte| byte.is_ascii_digit(), context)?;
        while self.take(|byte| byte.is_ascii_digit()) {}
        Ok(())
    }

    fn number(&mut self) -> Result<(), String> {
        self.take(|byte| byte == b'-');
        if !self.take(|byte| byte == b'0') {
            self.digits("in numeric literal")?;
        }
        if self.take(|byte| byte == b'.') {
            self.digits("after decimal point in numeric literal")?;
        }
        if self.take(|byte| matches!(byte, b'e' | b'E')) {
            self.take(|byte| matches!(byte, b'+' | b'-'));
            self.digits("in exponent of numeric literal")?;
        }
        Ok(())
    }

    fn literal(&mut self, word: &str) -> Result<(), String> {
        for expected in word.bytes() {
            if !self.take(|byte| byte == expected) {
                let expected = char::from(expected);
                return Err(self.unexpected(&format!("in literal {word} (expecting '{expected}')")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_named_as_go_names_them() {
        for (text, message) in [
            ("{bad json", "invalid character 'b' looking for beginning of object key string"),
            ("{", "unexpected end of JSON input"),
            ("", "unexpected end of JSON input"),
            (r#"{"a" 1}"#, "invalid character '1' after object key"),
            (r#"{"a":1 "b"}"#, "invalid character '\"' after object key:value pair"),
            ("[1 2]", "invalid character '2' after array element"),
            ("{} x", "invalid character 'x' after top-level value"),
            ("nul", "unexpected end of JSON input"),
            ("tree", "invalid character 'e' in literal true (expecting 'u')"),
            ("-x", "invalid character 'x' in numeric literal"),
            ("\"\\q\"", "invalid character 'q' in string escape code"),
        ] {
            assert_eq!(check(text.as_bytes()).unwrap_err(), message, "{text}");
        }
        assert_eq!(check(br#" {"a": [1, -2.5e+3, true, null, "\u00e9"]} "#), Ok(()));
    }
}
