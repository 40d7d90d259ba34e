//! A username and password for a registry, and every form in which they are written down.
//! Knows nothing of where they are used.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use rand::RngExt as _;
use rand::distr::Alphanumeric;
use serde_json::{Map, Value, json};

const PASSWORD_LENGTH: usize = 24;

/// bcrypt's cost as a power of two. The password is random and lives as long as one session, so there is
/// nothing to slow a guesser down for; and the registry pays this price on every request it authenticates.
const BCRYPT_COST: u32 = 5;

/// A login. Neither Debug nor any error shows the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub username: String,
    pub password: String,
}

impl Credentials {
    #[must_use]
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self { username: username.into(), password: password.into() }
    }

    /// A new random password of letters and digits: safe unquoted in a shell, YAML and a URL.
    #[must_use]
    pub fn fresh(username: impl Into<String>) -> Self {
        let password = rand::rng().sample_iter(Alphanumeric).take(PASSWORD_LENGTH).map(char::from).collect();
        Self { username: username.into(), password }
    }

    /// A line of an htpasswd file, without the newline.
    ///
    /// # Errors
    /// bcrypt refuses passwords that hold a NUL byte.
    pub fn htpasswd(&self) -> Result<String, bcrypt::BcryptError> {
        let hash = bcrypt::hash_with_result(&self.password, BCRYPT_COST)?;
        // `$2y$` is what htpasswd(1) writes and every registry reads.
        Ok(format!("{}:{}", self.username, hash.format_for_version(bcrypt::Version::TwoY)))
    }

    /// What `kubectl create secret docker-registry` stores, for each of the servers.
    #[must_use]
    pub fn dockerconfigjson(&self, servers: &[&str]) -> String {
        let entry = json!({ "username": self.username, "password": self.password, "auth": self.basic() });
        let auths: Map<String, Value> = servers.iter().map(|server| ((*server).to_owned(), entry.clone())).collect();
        json!({ "auths": auths }).to_string()
    }

    /// base64 of `username:password`, as the Basic scheme and a dockerconfigjson's `auth` carry it.
    #[must_use]
    pub fn basic(&self) -> String {
        STANDARD.encode(format!("{}:{}", self.username, self.password))
    }

    /// Every string that gives the password away and must be masked: plain, percent-encoded, base64 of the
    /// password, of `user:password`, with and without padding, and the stretches that stay the same wherever
    /// the password sits in a longer base64 text (a whole dockerconfigjson in a Secret's `data`).
    #[must_use]
    pub fn secret_forms(&self) -> Vec<String> {
        let mut forms = vec![self.password.clone(), percent_encoded(&self.password)];
        for plain in [self.password.clone(), format!("{}:{}", self.username, self.password)] {
            forms.extend([STANDARD.encode(&plain), STANDARD_NO_PAD.encode(&plain)]);
        }
        // The `auth` field is base64 itself; inside a Secret's data it is encoded once more.
        for inner in [self.password.clone(), self.basic()] {
            forms.extend((0..3).map(|offset| shifted_base64(&inner, offset)));
        }
        forms.retain(|form| !form.is_empty());
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        forms
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

fn percent_encoded(text: &str) -> String {
    reqwest::Url::parse_with_params("http://x/", [("p", text)])
        .ok()
        .and_then(|url| url.query().and_then(|query| query.strip_prefix("p=")).map(str::to_owned))
        .unwrap_or_default()
}

/// The characters that `text` alone determines when it starts `offset` bytes into a base64 group.
fn shifted_base64(text: &str, offset: usize) -> String {
    let padded = [vec![0; offset], text.as_bytes().to_vec()].concat();
    let whole = padded.len() / 3 * 3;
    let encoded = STANDARD_NO_PAD.encode(&padded[..whole]);
    let skip = if offset == 0 { 0 } else { 4 };
    encoded.get(skip..).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_is_shown_by_debug_and_all_are_known() {
        let credentials = Credentials::fresh("varjosh");
        assert!(credentials.password.len() >= 24 && credentials.password.bytes().all(|b| b.is_ascii_alphanumeric()));
        assert_ne!(credentials, Credentials::fresh("varjosh"));
        let debug = format!("{credentials:?}");
        assert!(credentials.secret_forms().iter().all(|form| !debug.contains(form.as_str())), "{debug}");
    }

    #[test]
    fn base64_of_a_whole_document_still_holds_a_known_form() {
        let credentials = Credentials::fresh("varjosh");
        for servers in [&["https://index.docker.io/v1/"][..], &["localhost:5001"], &["a", "bc", "d.e:1"]] {
            let document = credentials.dockerconfigjson(servers);
            let encoded = STANDARD.encode(&document);
            let forms = credentials.secret_forms();
            assert!(forms.iter().any(|form| encoded.contains(form.as_str())), "{}", servers.len());
            let masked = forms.iter().fold(document, |text, form| text.replace(form.as_str(), "***"));
            assert!(!masked.contains(&credentials.password) && !masked.contains(&credentials.basic()));
        }
    }

    #[test]
    fn the_htpasswd_line_verifies_the_password() {
        let credentials = Credentials::fresh("varjosh");
        let line = credentials.htpasswd().unwrap();
        let (user, hash) = line.split_once(':').unwrap();
        assert_eq!(user, "varjosh");
        assert!(hash.starts_with("$2y$05$") && bcrypt::verify(&credentials.password, hash).unwrap());
    }

    #[test]
    fn the_docker_config_is_kubectls() {
        let credentials = Credentials::new("varjosh", "s3cret-Pass!");
        assert_eq!(
            credentials.dockerconfigjson(&["localhost:5001"]),
            r#"{"auths":{"localhost:5001":{"username":"varjosh","password":"s3cret-Pass!","auth":"dmFyam9zaDpzM2NyZXQtUGFzcyE="}}}"#
        );
        assert!(credentials.secret_forms().contains(&"s3cret-Pass%21".to_owned()));
    }
}
