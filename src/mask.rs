//! Masking: no form of a secret passes a writer. Knows nothing of who writes.
//!
//! A secret is found with each of its characters as it is or as an encoder writes it (JSON, nested or not, URLs and
//! forms, HTML, shells), in hex, and in base64 at any of the three alignments (of itself or of its JSON forms, alone,
//! inside a `user:password`, inside a whole dockerconfigjson) and in base64 of that. Line breaks in between, as
//! `base64`, `fold` and YAML make them, and the blanks that indent the next line hide nothing.
//!
//! Tokens of ServiceAccounts and private keys are known by their form, whoever made them, and in base64.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock, RwLock};

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::{Regex, RegexBuilder};

/// What stands where a secret was.
pub(crate) const MASK: &str = "•••";

/// Secrets of fewer characters would mask half of every text: they are to be refused, since they are not masked.
pub(crate) const SHORTEST: usize = 4;

/// A shared set of secrets; clones see secrets added later.
#[derive(Clone, Default)]
pub(crate) struct Masker {
    inner: Arc<RwLock<Patterns>>,
}

struct Patterns {
    /// What is masked itself.
    plain: Vec<Regex>,
    /// Base64 of something that holds a secret: the whole run of base64 around it goes, since its neighbours decode to
    /// the rest of the credential.
    encoded: Vec<String>,
    finder: Option<AhoCorasick>,
}

impl Default for Patterns {
    fn default() -> Self {
        let encoded = encodings(FORMED);
        Self { plain: Vec::new(), finder: AhoCorasick::new(&encoded).ok(), encoded }
    }
}

impl std::fmt::Debug for Masker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Masker(..)")
    }
}

/// How a JSON Web Token begins, whose header names its algorithm (RFC 7515), and what stands above a private key
/// (RFC 7468): base64 that holds one of them is a secret.
const FORMED: [&str; 2] = ["eyJhbGciOi", "PRIVATE KEY-----"];

/// A JSON Web Token; a private key in PEM, to its end or the text's, its line breaks escaped or not.
static BY_FORM: LazyLock<Regex> = LazyLock::new(|| {
    let token = r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}";
    let key = "(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\\z)";
    Regex::new(&format!("{token}|{key}")).expect("a literal, tested below")
});

/// A run of base64: to the end of its line, and over the following lines as long as they hold nothing else.
static RUN: LazyLock<Regex> = LazyLock::new(|| {
    let run = "[A-Za-z0-9+/=_-]+";
    Regex::new(&format!(r#"(?mR){run}(?:\\n{run}|\r?\n[ \t]*{run}["',]*$)*"#)).expect("a literal, tested below")
});

/// What wrapping puts into a run.
static BREAK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\\n|[^A-Za-z0-9+/=_-]").expect("a literal, tested below"));

impl Masker {
    /// Masks `secret` from now on, in every form described above; nothing where it is shorter than [`SHORTEST`].
    pub(crate) fn add(&self, secret: &str) {
        if secret.chars().count() < SHORTEST {
            return;
        }
        let json = serde_json::Value::from(secret).to_string();
        let json = json[1..json.len() - 1].to_owned();
        // As Go's encoding/json writes it, and so kubectl and docker.
        let go = json.replace('&', r"\u0026").replace('<', r"\u003c").replace('>', r"\u003e");
        let plain = [escaped(secret), hex(secret)].map(|pattern| {
            // Keys of cloud registries are whole JSON files.
            let built = RegexBuilder::new(&pattern).size_limit(256 << 20).build();
            built.or_else(|_| Regex::new(&regex::escape(secret)))
        });
        let mut inner = self.inner.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        inner.plain.extend(plain.into_iter().flatten());
        inner.encoded.extend(encodings([secret, &json, &go]));
        inner.encoded.sort();
        inner.encoded.dedup();
        inner.finder = AhoCorasick::new(&inner.encoded).ok();
    }

    /// The text with every secret replaced by [`MASK`].
    pub(crate) fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let inner = self.inner.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(finder) = &inner.finder else { return text.into() };
        let plain = std::iter::once(&*BY_FORM).chain(&inner.plain).flat_map(|secret| secret.find_iter(text));
        let encoded = RUN.find_iter(text).filter(|run| finder.is_match(&*BREAK.replace_all(run.as_str(), "")));
        let mut spans: Vec<_> = plain.chain(encoded).map(|found| (found.start(), found.end())).collect();
        if spans.is_empty() {
            return text.into();
        }
        spans.sort_unstable();
        let (mut masked, mut done) = (String::with_capacity(text.len()), 0);
        for (from, to) in spans {
            if from >= done {
                masked.push_str(&text[done..from]);
                masked.push_str(MASK);
            }
            done = done.max(to);
        }
        masked.push_str(&text[done..]);
        masked.into()
    }

    /// Masks every string inside a JSON value; its keys are ours.
    pub(crate) fn mask_json(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => {
                if let Cow::Owned(masked) = self.mask(text) {
                    *text = masked;
                }
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(|v| self.mask_json(v)),
            serde_json::Value::Object(map) => map.values_mut().for_each(|v| self.mask_json(v)),
            _ => {}
        }
    }
}

/// A pattern for the secret with each character as it is or in any encoder's form; letters and digits have none.
fn escaped(secret: &str) -> String {
    let forms = |c: char| {
        let itself = regex::escape(&c.to_string());
        if c.is_ascii_alphanumeric() {
            return itself;
        }
        let bytes = |before: &str| c.to_string().bytes().map(|byte| format!("{before}{byte:02x}")).collect::<String>();
        let units = c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!(r"\\+u{unit:04x}")).collect::<String>();
        let octal = c.to_string().bytes().map(|byte| format!(r"\\+{byte:03o}")).collect::<String>();
        let code = u32::from(c);
        let own = match c {
            '\\' => r"\\+",
            '\n' => r"\\+n",
            '\r' => r"\\+r",
            '\t' => r"\\+t",
            ' ' => r"\+|\r?\n[ \t]*",
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            '\'' => r#"&apos;|'\\''|'"'"'|''"#,
            _ => "",
        };
        let (percent, hex) = (bytes("%"), bytes(r"\\+x"));
        // The longest first: what is left over of a longer form would stay.
        let own = if own.is_empty() { String::new() } else { format!("{own}|") };
        format!(r"(?:{own}(?i:{percent}|{units}|{hex}|{octal}|&#0*{code};|&#x0*{code:x};)|\\*{itself})")
    };
    secret.chars().map(forms).collect::<Vec<_>>().join(r"(?:\\?\r?\n[ \t]*)?")
}

/// A pattern for the secret's bytes in hex, as `xxd`, `od` and dumps of programs write them.
fn hex(secret: &str) -> String {
    let bytes: Vec<String> = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("(?i){}", bytes.join(r"(?:[\s:,]|\\x|0x)*"))
}

/// The base64 of texts, and the base64 of that.
fn encodings<const N: usize>(texts: [&str; N]) -> Vec<String> {
    let mut once: Vec<String> = texts.into_iter().flat_map(alignments).collect();
    let twice: Vec<String> = once.iter().flat_map(|form| alignments(form)).collect();
    once.extend(twice);
    once
}

/// The part of base64 that depends on `secret` alone, for each place it can have in a group of three bytes;
/// standard and URL-safe alphabets.
fn alignments(secret: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for (lead, mixed) in [(0, 0), (1, 2), (2, 3)] {
        let bytes = [&[0; 2][..lead], secret.as_bytes()].concat();
        // The first characters mix with the lead, the last one with what follows.
        let whole = bytes.len() * 8 / 6;
        let form = &STANDARD.encode(&bytes)[mixed..whole];
        if form.len() >= SHORTEST {
            forms.extend([form.to_owned(), form.replace('+', "-").replace('/', "_")]);
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "Zx9tQ2mLw7Rk4Vb8Ns3Hd6Yc";

    fn masker() -> Masker {
        let masker = Masker::default();
        masker.add(SECRET);
        masker
    }

    fn b64(text: &str) -> String {
        STANDARD.encode(text)
    }

    #[test]
    fn every_form_is_masked() {
        let config = format!(
            r#"{{"auths":{{"https://index.docker.io/v1/":{{"username":"u","password":"{SECRET}","auth":"{}"}}}}}}"#,
            b64(&format!("u:{SECRET}"))
        );
        let wrapped: String =
            b64(&config).as_bytes().chunks(76).flat_map(|c| [c, b"\n"].concat()).map(char::from).collect();
        for user in ["u", "us", "cloudwithvarjosh"] {
            for text in [
                SECRET.to_owned(),
                b64(SECRET),
                b64(&format!("{user}:{SECRET}")),
                b64(&b64(&format!("{user}:{SECRET}"))),
                config.clone(),
                b64(&config),
                wrapped.clone(),
            ] {
                let shown = masker().mask(&format!("before {text} after")).into_owned();
                assert!(shown.starts_with("before "), "{shown}");
                let squeezed: String = shown.split_whitespace().collect();
                for piece in [SECRET, &SECRET[..12], &b64(SECRET)[4..28]] {
                    assert!(!squeezed.contains(piece), "{piece} is left in {shown}");
                }
                assert!(shown.contains(MASK), "{shown}");
            }
        }
    }

    #[test]
    fn wrapped_base64_leaves_nothing_to_decode() {
        let config = format!("{{\"password\":\"{SECRET}\",\"email\":\"a@example.com\"}}").repeat(3);
        let wrapped: String =
            b64(&config).as_bytes().chunks(76).flat_map(|c| [c, b"\n"].concat()).map(char::from).collect();
        let shown = masker().mask(&wrapped).into_owned();
        let rest: String = shown.replace(MASK, "").split_whitespace().collect();
        let decoded = STANDARD.decode(&rest).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&decoded).contains(&SECRET[..8]), "{shown}");
    }

    #[test]
    fn a_docker_config_gives_no_password_away_wherever_it_stands_in_it() {
        for password in ["s3cret-Pass!", "s3cret-Pass", "s3cret"] {
            let masker = Masker::default();
            masker.add(password);
            let auth = b64(&format!("varjosh:{password}"));
            for server in ["https://index.docker.io/v1/", "localhost:5001", "a"] {
                let config = format!(r#"{{"auths":{{"{server}":{{"password":"{password}","auth":"{auth}"}}}}}}"#);
                let shown = masker.mask(&config);
                assert!(!shown.contains(password) && !shown.contains(&auth), "{shown}");
                assert_eq!(masker.mask(&b64(&config)), MASK);
            }
        }
    }

    #[test]
    fn no_encoder_hides_a_password() {
        let password = r#"a"b\c&d<e>f'g h!i/ü+~j$"#;
        let masker = Masker::default();
        masker.add(password);
        let json = serde_json::to_string(password).unwrap();
        let go = r#""a\"b\\c\u0026d\u003ce\u003ef'g h!i/ü+~j$""#;
        let nested = serde_json::to_string(go).unwrap();
        for text in [
            json.as_str(),
            go,
            &nested,
            r#""a\"b\\c&d<e>f'g h!i\/\u00fc+~j$""#,
            "a%22b%5Cc%26d%3Ce%3Ef%27g%20h%21i%2F%C3%BC%2B~j%24",
            "a%22b%5cc%26d%3ce%3ef%27g+h%21i%2f%c3%bc%2b%7Ej%24",
            r#"a\"b\\c\&d\<e\>f\'g\ h\!i/ü+~j\$"#,
            r#"'a"b\c&d<e>f'\''g h!i/ü+~j$'"#,
            r#"$'a"b\\c&d<e>f\'g h!i/\303\274+~j$'"#,
            r#"a&quot;b\c&amp;d&lt;e&gt;f&#39;g h!i/ü+~j$"#,
            r#"a&#34;b\c&amp;d&lt;e&gt;f&#x27;g h!i/&#252;+~j$"#,
            "6122625c6326643c653e6627672068 21692FC3BC2B7E6A24",
            "61 22 62 5c 63 26 64 3c 65 3e 66 27 67 20 68 21\n 69 2f c3 bc 2b 7e 6a 24",
        ] {
            let shown = masker.mask(text);
            assert_eq!(shown.trim_matches(['"', '\'', '$', '\\']), MASK, "of {text}");
        }
        for form in [password, json.trim_matches('"'), go.trim_matches('"')] {
            for lead in ["", "u", "us"] {
                assert_eq!(masker.mask(&b64(&format!("{lead}{form}{lead}"))), MASK, "base64 of {lead}{form}{lead}");
            }
        }
    }

    #[test]
    fn a_short_password_is_masked_and_a_shorter_one_is_to_be_refused() {
        for password in ["abcd", "p&ss"] {
            let masker = Masker::default();
            masker.add(password);
            assert_eq!(masker.mask(&format!("x {password} y")), "x ••• y");
            for user in ["u", "us", "use"] {
                let auth = b64(&format!("{user}:{password}"));
                assert_eq!(masker.mask(&auth), MASK);
                assert_eq!(masker.mask(&b64(&format!(r#"{{"auth":"{auth}"}}"#))), MASK);
            }
            assert_eq!(masker.mask(&b64(password)), MASK);
        }
        let masker = Masker::default();
        masker.add(&"x".repeat(SHORTEST - 1));
        assert_eq!(masker.mask("xxx"), "xxx");
    }

    #[test]
    fn wrapped_and_indented_base64_goes_as_a_whole() {
        let long = b64(&format!(r#"{{"username":"somebody","password":"{SECRET}","email":"a@example.com"}}"#));
        let pieces = |text: &str, width| -> Vec<String> {
            text.as_bytes().chunks(width).map(|c| String::from_utf8_lossy(c).into_owned()).collect()
        };
        for width in [1, 4, 20, 76] {
            for between in ["\n", "\r\n", "\n  ", "\n\t\t", "\\n"] {
                let wrapped = pieces(&long, width).join(between);
                let shown = masker().mask(&format!("a: b\nkey: {wrapped}\nkind: Secret")).into_owned();
                assert_eq!(shown, format!("a: b\nkey: {MASK}\nkind: Secret"), "{width} between {between:?}");
            }
        }
        assert_eq!(masker().mask(&pieces(SECRET, 5).join("\n    ")), MASK);
    }

    #[test]
    fn a_url_gives_no_password_away() {
        let masker = Masker::default();
        masker.add("s3cret-Pass!");
        assert_eq!(masker.mask("https://u:s3cret-Pass%21@host/"), "https://u:•••@host/");
    }

    #[test]
    fn yaml_hides_no_password() {
        let password = "it's a \"s3cret\" & a: long one";
        let masker = Masker::default();
        masker.add(password);
        for text in [
            r#"'it''s a "s3cret" & a: long one'"#,
            r#""it's a \"s3cret\" & a: long one""#,
            "'it''s a\n    \"s3cret\" & a: long\n    one'",
            "\"it's a \\\"s3c\\\n    ret\\\" & a: long one\"",
            r#""it's a \u0022s3cret\x22 \u0026 a: long one""#,
        ] {
            assert_eq!(masker.mask(text).trim_matches(['"', '\'']), MASK, "of {text}");
        }
    }

    #[test]
    fn tokens_and_private_keys_are_known_by_their_form() {
        let token = "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.eyJpc3MiOiJodHRwczovL2t1YmVybmV0ZXMifQ.c2lnbmF0dXJlLW9mLWl0";
        let key = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIOqvfZ\noAoGCCqGSM49\n-----END EC PRIVATE KEY-----";
        let masker = Masker::default();
        for secret in [token, key, &key.replace('\n', "\\n"), &b64(token), &b64(key), &b64(&b64(token))] {
            assert_eq!(masker.mask(&format!("a {secret} b")), format!("a {MASK} b"));
        }
        assert_eq!(masker.mask(&key[..50]), MASK, "of one that is cut off");
        for text in ["-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "eyJhbGciOi", "a.b.c"] {
            assert_eq!(masker.mask(text), text);
        }
    }

    #[test]
    fn other_text_is_left_alone() {
        let text = "pod/mypod created\n";
        assert!(matches!(masker().mask(text), std::borrow::Cow::Borrowed(t) if t == text));
    }

    #[test]
    fn a_secret_is_masked_wherever_json_hides_it() {
        let mut value = serde_json::json!({"a": [{"b": format!("x{SECRET}y")}], "n": 1});
        masker().mask_json(&mut value);
        assert_eq!(value, serde_json::json!({"a": [{"b": "x•••y"}], "n": 1}));
    }
}
