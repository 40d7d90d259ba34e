//! Base64 as Go's `encoding/base64` reads it: line breaks count nowhere, and bits that are left over may be anything.
//! Pure.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The bytes of a text, with padding (`StdEncoding`) or without (`RawStdEncoding`).
///
/// # Errors
/// Where the text is none: at which byte Go says so (`CorruptInputError`).
pub(crate) fn decode(text: &str, padded: bool) -> Result<Vec<u8>, usize> {
    let bytes = text.as_bytes();
    let skip = |at: &mut usize| {
        while bytes.get(*at).is_some_and(|byte| b"\r\n".contains(byte)) {
            *at += 1;
        }
    };
    let (mut out, mut at) = (Vec::with_capacity(bytes.len() / 4 * 3), 0);
    loop {
        let (mut quantum, mut digits) = (0u32, 0);
        let mut last = false;
        while digits < 4 {
            let Some(&byte) = bytes.get(at) else {
                match digits {
                    0 => return Ok(out),
                    1 => return Err(at - digits),
                    _ if padded => return Err(at - digits),
                    _ => break,
                }
            };
            at += 1;
            if let Some(value) = ALPHABET.iter().position(|digit| *digit == byte) {
                quantum = quantum << 6 | u32::try_from(value).unwrap_or_default();
                digits += 1;
                continue;
            }
            if b"\r\n".contains(&byte) {
                continue;
            }
            if byte != b'=' || !padded || digits < 2 {
                return Err(at - 1);
            }
            if digits == 2 {
                // The second of two is to follow.
                skip(&mut at);
                match bytes.get(at) {
                    None => return Err(bytes.len()),
                    Some(b'=') => at += 1,
                    Some(_) => return Err(at - 1),
                }
            }
            skip(&mut at);
            if at < bytes.len() {
                return Err(at);
            }
            last = true;
            break;
        }
        let filled = quantum << (6 * (4 - digits));
        out.extend(filled.to_be_bytes().into_iter().skip(1).take(digits * 6 / 8));
        if last || digits < 4 {
            return Ok(out);
        }
    }
}

/// Go's words about what cannot be decoded.
pub(crate) fn fault(at: usize) -> String {
    format!("illegal base64 data at input byte {at}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_go_reads_them() {
        for (text, padded, expected) in [
            ("", true, Ok("")),
            ("dTpw", true, Ok("u:p")),
            ("dTpwcQ==", true, Ok("u:pq")),
            ("dTpw\ncQ\r\n=\n=\n", true, Ok("u:pq")),
            ("dTpwcX==", true, Ok("u:pq")),
            ("dTpwcQ", false, Ok("u:pq")),
            ("dTpwcQ\n", false, Ok("u:pq")),
            ("user:pass", false, Err(4)),
            ("!!!!not-base64", false, Err(0)),
            ("dTpwcQ", true, Err(4)),
            ("dTpwcQ=", true, Err(7)),
            ("dTpwcQ=a", true, Err(6)),
            ("dTpw=", true, Err(4)),
            ("dTpwcQ==a", true, Err(8)),
            ("dTpwcQ==", false, Err(6)),
            ("dTpwc", false, Err(4)),
            ("dTpw cQ==", true, Err(4)),
        ] {
            let decoded = decode(text, padded).map(|bytes| String::from_utf8(bytes).unwrap());
            assert_eq!(decoded, expected.map(str::to_owned), "{text:?} {padded}");
        }
    }
}
