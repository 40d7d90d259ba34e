//! A username and password for a registry, and the forms in which they are handed on.
//! Knows nothing of where they are used.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::RngExt as _;
use rand::distr::Alphanumeric;
use serde_json::{Map, Value, json};

use crate::secret::Secret;

const PASSWORD_LENGTH: usize = 24;

/// bcrypt's cost as a power of two. The password is random and lives as long as one session, so there is
/// nothing to slow a guesser down for; and the registry pays this price on every request it authenticates.
const BCRYPT_COST: u32 = 5;

/// A login. No error shows its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Who is let in.
    pub username: String,
    /// A password, or a token that the registry takes for one.
    pub password: Secret,
}

impl Credentials {
    /// A login that somebody else has made up.
    #[must_use]
    pub fn new(username: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self { username: username.into(), password: password.into() }
    }

    /// A new random password of letters and digits: safe unquoted in a shell, YAML and a URL.
    #[must_use]
    pub fn fresh(username: impl Into<String>) -> Self {
        let password: String = rand::rng().sample_iter(Alphanumeric).take(PASSWORD_LENGTH).map(char::from).collect();
        Self::new(username, password)
    }

    /// A line of an htpasswd file, without the newline.
    ///
    /// # Errors
    /// bcrypt refuses passwords that hold a NUL byte.
    pub fn htpasswd(&self) -> Result<String, bcrypt::BcryptError> {
        let hash = bcrypt::hash_with_result(self.password.expose(), BCRYPT_COST)?;
        // `$2y$` is what htpasswd(1) writes and every registry reads.
        Ok(format!("{}:{}", self.username, hash.format_for_version(bcrypt::Version::TwoY)))
    }

    /// What `kubectl create secret docker-registry` stores, for each of the servers.
    #[must_use]
    pub fn dockerconfigjson(&self, servers: &[&str]) -> String {
        let entry = json!({ "username": self.username, "password": self.password.expose(), "auth": self.basic() });
        let auths: Map<String, Value> = servers.iter().map(|server| ((*server).to_owned(), entry.clone())).collect();
        json!({ "auths": auths }).to_string()
    }

    /// base64 of `username:password`, as the Basic scheme and a dockerconfigjson's `auth` carry it.
    #[must_use]
    pub fn basic(&self) -> String {
        STANDARD.encode(format!("{}:{}", self.username, self.password.expose()))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_random_and_not_shown_by_debug() {
        let credentials = Credentials::fresh("varjosh");
        let password = credentials.password.expose();
        assert!(password.len() >= 24 && password.bytes().all(|b| b.is_ascii_alphanumeric()));
        assert!(credentials.password != Credentials::fresh("varjosh").password);
        let debug = format!("{credentials:?}");
        assert!(!debug.contains(password) && !debug.contains(&credentials.basic()), "{debug}");
    }

    #[test]
    fn the_htpasswd_line_verifies_the_password() {
        let credentials = Credentials::fresh("varjosh");
        let line = credentials.htpasswd().unwrap();
        let (user, hash) = line.split_once(':').unwrap();
        assert_eq!(user, "varjosh");
        assert!(hash.starts_with("$2y$05$") && bcrypt::verify(credentials.password.expose(), hash).unwrap());
    }

    #[test]
    fn the_docker_config_is_kubectls() {
        let credentials = Credentials::new("varjosh", "s3cret-Pass!");
        assert_eq!(
            credentials.dockerconfigjson(&["localhost:5001"]),
            r#"{"auths":{"localhost:5001":{"username":"varjosh","password":"s3cret-Pass!","auth":"dmFyam9zaDpzM2NyZXQtUGFzcyE="}}}"#
        );
    }
}
