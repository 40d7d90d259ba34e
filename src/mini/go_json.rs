//! JSON from clients, with syntax errors in the words of Go's `encoding/json`, which clients of a real cluster see.
//! Pure.

use serde::de::DeserializeOwned;

/// What the bytes hold, or Go's message about why they are no JSON. The depth is bounded: all that follows recurses.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| words(bytes, &error))
}

fn words(bytes: &[u8], error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "unexpected end of JSON input".to_owned();
    }
    let text = error.to_string();
    // Line and column count the bytes up to the one at fault, with it.
    let lines = bytes.split_inclusive(|b| *b == b'\n').take(error.line().saturating_sub(1)).map(<[u8]>::len);
    let at = (lines.sum::<usize>() + error.column()).saturating_sub(1);
    let (before, Some(&fault)) = (&bytes[..at.min(bytes.len())], bytes.get(at)) else { return text };
    let context = match text.split(" at line").next().unwrap_or_default() {
        "expected `:`" => "after object key",
        "expected `,` or `]`" => "after array element",
        "expected `,` or `}`" => "after object key:value pair",
        "expected value" => "looking for beginning of value",
        "trailing comma" if fault == b']' => "looking for beginning of value",
        "key must be a string" | "trailing comma" => "looking for beginning of object key string",
        "trailing characters" => "after top-level value",
        "recursion limit exceeded" => return "exceeded max depth".to_owned(),
        "expected ident" => return unexpected(fault, &literal(before)),
        "invalid number" => match before {
            [.., b'.'] => "after decimal point in numeric literal",
            [.., b'e' | b'E'] | [.., b'e' | b'E', b'+' | b'-'] => "in exponent of numeric literal",
            _ => "in numeric literal",
        },
        "invalid escape" => match before {
            // The four digits are read at once.
            [.., b'\\', b'u', a, b, c] => {
                let digits = [*a, *b, *c, fault];
                let wrong = digits.into_iter().find(|b| !b.is_ascii_hexdigit()).unwrap_or(fault);
                return unexpected(wrong, r"in \u hexadecimal character escape");
            }
            _ => "in string escape code",
        },
        control if control.starts_with("control character") => "in string literal",
        _ => return text,
    };
    unexpected(fault, context)
}

/// Which word the bytes began, and what it goes on with.
fn literal(before: &[u8]) -> String {
    let begun = |word: &&str| (1..word.len()).find(|n| before.ends_with(&word.as_bytes()[..*n]));
    let word = ["true", "false", "null"].into_iter().find(|word| begun(word).is_some()).unwrap_or("null");
    let expected = char::from(word.as_bytes()[begun(&word).unwrap_or_default()]);
    format!("in literal {word} (expecting '{expected}')")
}

fn unexpected(byte: u8, context: &str) -> String {
    let shown = match byte {
        b'\'' | b'\\' | b'\n' | b'\r' | b'\t' => format!("{:?}", char::from(byte)),
        b' '..=b'~' | 0x80.. => format!("'{}'", char::from(byte)),
        _ => format!(r"'\x{byte:02x}'"),
    };
    format!("invalid character {shown} {context}")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn faults_are_named_as_go_names_them() {
        for (text, message) in [
            ("{bad json", "invalid character 'b' looking for beginning of object key string"),
            ("{", "unexpected end of JSON input"),
            ("", "unexpected end of JSON input"),
            (r#"{"a" 1}"#, "invalid character '1' after object key"),
            (r#"{"a":1 "b"}"#, "invalid character '\"' after object key:value pair"),
            (r#"{"a":1,}"#, "invalid character '}' looking for beginning of object key string"),
            ("[1 2]", "invalid character '2' after array element"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("{\n\n\"a\":\n}", "invalid character '}' looking for beginning of value"),
            ("\u{feff}", "invalid character 'ï' looking for beginning of value"),
            ("{} x", "invalid character 'x' after top-level value"),
            ("nul", "unexpected end of JSON input"),
            ("tree", "invalid character 'e' in literal true (expecting 'u')"),
            ("nule", "invalid character 'e' in literal null (expecting 'l')"),
            ("fax", "invalid character 'x' in literal false (expecting 'l')"),
            ("-x", "invalid character 'x' in numeric literal"),
            ("1.x", "invalid character 'x' after decimal point in numeric literal"),
            ("1e-x", "invalid character 'x' in exponent of numeric literal"),
            ("\"\\q\"", "invalid character 'q' in string escape code"),
            (r#""\u12g4""#, r"invalid character 'g' in \u hexadecimal character escape"),
            ("\"a\nb\"", r"invalid character '\n' in string literal"),
            ("\"\u{1}\"", r"invalid character '\x01' in string literal"),
        ] {
            assert_eq!(parse::<Value>(text.as_bytes()).unwrap_err(), message, "{text}");
        }
        assert!(parse::<Value>(br#" {"a": [1, -2.5e+3, true, null, "\u00e9"]} "#).is_ok());
    }

    #[test]
    fn depth_is_bounded() {
        assert_eq!(parse::<Value>("[".repeat(10_000).as_bytes()).unwrap_err(), "exceeded max depth");
    }
}
