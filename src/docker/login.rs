//! A registry's login, as the engine reads it.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use bollard::auth::DockerCredentials;

use crate::secret::Secret;

/// A registry's username and password.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthConfig {
    /// Who is let in.
    pub username: String,
    /// A password, or a token that the registry takes for one.
    pub password: Secret,
    /// The registry's host, or `https://index.docker.io/v1/`.
    pub server: String,
}

impl std::fmt::Debug for AuthConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthConfig")
            .field("username", &self.username)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl From<AuthConfig> for DockerCredentials {
    fn from(login: AuthConfig) -> Self {
        DockerCredentials {
            username: Some(login.username),
            password: Some(login.password.expose().to_owned()),
            serveraddress: Some(login.server),
            ..Default::default()
        }
    }
}

impl AuthConfig {
    /// For the header `X-Registry-Auth` (Docker Engine API, "Authentication").
    pub(super) fn header(&self) -> String {
        BASE64_URL_SAFE.encode(self.json())
    }

    /// Whether bollard, which has another alphabet, would send something else.
    pub(super) fn is_misspelt(&self) -> bool {
        BASE64_STANDARD.encode(self.json()).contains(['+', '/'])
    }

    fn json(&self) -> Vec<u8> {
        // Strings always serialize.
        serde_json::to_vec(&DockerCredentials::from(self.clone())).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logins_debug_hides_the_password() {
        let login = AuthConfig { username: "ann".into(), password: "hunter2".into(), server: "r".into() };
        let text = format!("{login:?}");
        assert!(text.contains("ann") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn a_login_is_misspelt_where_the_alphabets_differ() {
        let login =
            |password: &str| AuthConfig { username: "ann".into(), password: password.into(), server: "r".into() };
        assert!(!login("hunter2").is_misspelt());
        assert!(login(">>>???~~~").is_misspelt());
    }
}
