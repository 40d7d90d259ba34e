//! Masking: no form of a secret passes a writer. Knows nothing of who writes.
//!
//! A secret is found in the text itself, percent-encoded, in base64 at any of the three alignments (alone, inside a
//! `user:password`, inside a whole dockerconfigjson), in base64 of that, and in base64 that `base64`
//! wrapped over several lines: matching ignores line breaks.

use std::sync::{Arc, RwLock};

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What stands where a secret was.
pub const MASK: &str = "•••";

/// A shared set of secrets; clones see secrets added later.
#[derive(Clone, Default)]
pub struct Masker {
    inner: Arc<RwLock<Patterns>>,
}

#[derive(Default)]
struct Patterns {
    needles: Vec<Needle>,
    finder: Option<AhoCorasick>,
}

#[derive(Clone, PartialEq)]
struct Needle {
    text: String,
    /// Base64 of something that holds the secret: the whole run of base64 around it goes, since its
    /// neighbours decode to the rest of the credential.
    encoded: bool,
}

impl std::fmt::Debug for Masker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Masker(..)")
    }
}

/// Shorter secrets would mask half of every text.
const SHORTEST: usize = 6;

impl Masker {
    /// Masks `secret` from now on, in every form described above.
    pub fn add(&self, secret: &str) {
        if secret.len() < SHORTEST {
            return;
        }
        let mut needles = vec![Needle { text: secret.into(), encoded: false }];
        needles.extend(percent_encoded(secret).map(|text| Needle { text, encoded: false }));
        let once = alignments(secret);
        for form in &once {
            needles.extend(alignments(form).into_iter().map(|text| Needle { text, encoded: true }));
        }
        needles.extend(once.into_iter().map(|text| Needle { text, encoded: true }));
        let mut inner = self.inner.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        for needle in needles {
            if !inner.needles.contains(&needle) {
                inner.needles.push(needle);
            }
        }
        inner.finder = AhoCorasick::new(inner.needles.iter().map(|n| &n.text)).ok();
    }

    /// The text with every secret replaced by [`MASK`].
    pub fn mask<'t>(&self, text: &'t str) -> std::borrow::Cow<'t, str> {
        let inner = self.inner.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(finder) = &inner.finder else { return text.into() };
        // Line breaks taken out, with the way back: wrapped base64 is matched as one run.
        let (mut flat, mut origin) = (Vec::with_capacity(text.len()), Vec::with_capacity(text.len()));
        for (at, byte) in text.bytes().enumerate().filter(|(_, b)| !matches!(b, b'\n' | b'\r')) {
            flat.push(byte);
            origin.push(at);
        }
        let mut spans: Vec<(usize, usize)> = Vec::new();
        for found in finder.find_overlapping_iter(&flat) {
            let (mut from, mut to) = (origin[found.start()], origin[found.end() - 1] + 1);
            if inner.needles[found.pattern().as_usize()].encoded {
                let run = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'-' | b'_');
                let bytes = text.as_bytes();
                while from > 0 && run(bytes[from - 1]) {
                    from -= 1;
                }
                while to < bytes.len() && run(bytes[to]) {
                    to += 1;
                }
            }
            spans.push((from, to));
        }
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

    /// Masks every string inside a JSON value, keys included.
    pub fn mask_json(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => {
                if let std::borrow::Cow::Owned(masked) = self.mask(text) {
                    *text = masked;
                }
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(|v| self.mask_json(v)),
            serde_json::Value::Object(map) => map.values_mut().for_each(|v| self.mask_json(v)),
            _ => {}
        }
    }
}

/// As a URL or a form carries it, where that differs.
fn percent_encoded(secret: &str) -> Option<String> {
    let url = reqwest::Url::parse_with_params("http://x/", [("", secret)]).ok()?;
    url.query()?.strip_prefix('=').filter(|encoded| *encoded != secret).map(str::to_owned)
}

/// The part of base64 that depends on `secret` alone, for each place it can have in a group of three bytes;
/// standard and URL-safe alphabets.
fn alignments(secret: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for lead in 0..3 {
        let mut bytes = vec![0; lead];
        bytes.extend_from_slice(secret.as_bytes());
        // The first characters mix with the lead; an incomplete last group mixes with what follows.
        let whole = bytes.len() / 3 * 4;
        let skip = [0, 2, 3][lead];
        let encoded = STANDARD.encode(&bytes);
        if whole > skip + 4 {
            let form = encoded[skip..whole].to_owned();
            if form.contains(['+', '/']) {
                forms.push(form.replace('+', "-").replace('/', "_"));
            }
            forms.push(form);
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
    fn a_url_gives_no_password_away() {
        let masker = Masker::default();
        masker.add("s3cret-Pass!");
        assert_eq!(masker.mask("https://u:s3cret-Pass%21@host/"), "https://u:•••@host/");
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
