//! The kubelet's keyring: which logins of which docker configs fit an image (`pkg/credentialprovider`).
//! Pure; does not know where the configs came from.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::Deserialize;

use super::Credentials;

/// The key under which Docker Hub's logins are kept, whatever the image calls it.
const DEFAULT_REGISTRY: &str = "index.docker.io";

/// Why a docker config cannot be read. The contents are secret and never shown.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    #[error("docker config is not valid JSON at line {line} column {column}")]
    Json { line: usize, column: usize },
    #[error(
        "docker config entry {server:?}: unable to parse auth field, must be formatted as base64(username:password)"
    )]
    Auth { server: String },
}

/// A login that fits an image, and which of the added configs it came from (0-based, in order of adding).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    pub config: usize,
    pub credentials: Credentials,
}

/// Logins by server, most specific first.
#[derive(Debug, Default)]
pub struct Keyring {
    /// Reverse order sorts `host/path` before `host`, as the kubelet's index does.
    logins: BTreeMap<Reverse<String>, Vec<Match>>,
    configs: usize,
}

#[derive(Deserialize)]
struct DockerConfigJson {
    #[serde(default)]
    auths: Option<BTreeMap<String, Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    auth: String,
}

impl Keyring {
    /// Adds the contents of a Secret's `.dockerconfigjson`.
    ///
    /// # Errors
    /// When it is not one; the keyring is then unchanged.
    pub fn add_dockerconfigjson(&mut self, bytes: &[u8]) -> Result<(), KeyringError> {
        let config: DockerConfigJson = serde_json::from_slice(bytes).map_err(|error| json_error(&error))?;
        self.add(config.auths.unwrap_or_default())
    }

    /// Adds the contents of a Secret's `.dockercfg`, the older format without `auths`.
    ///
    /// # Errors
    /// As [`Self::add_dockerconfigjson`].
    pub fn add_dockercfg(&mut self, bytes: &[u8]) -> Result<(), KeyringError> {
        self.add(serde_json::from_slice(bytes).map_err(|error| json_error(&error))?)
    }

    fn add(&mut self, entries: BTreeMap<String, Entry>) -> Result<(), KeyringError> {
        let mut logins = Vec::new();
        for (server, entry) in entries {
            let credentials = match entry.auth.as_str() {
                "" => Credentials::new(entry.username, entry.password),
                auth => decode_auth(auth).ok_or_else(|| KeyringError::Auth { server: server.clone() })?,
            };
            logins.push((server_key(&server), credentials));
        }
        for (key, credentials) in logins {
            self.logins.entry(Reverse(key)).or_default().push(Match { config: self.configs, credentials });
        }
        self.configs += 1;
        Ok(())
    }

    /// The logins to try for an image, in order. `image` is registry and repository without tag, normalised.
    #[must_use]
    pub fn lookup(&self, image: &str) -> Vec<Match> {
        let found: Vec<Match> =
            self.logins.iter().filter(|(key, _)| matches(&key.0, image)).flat_map(|(_, found)| found.clone()).collect();
        if found.is_empty() && is_default_registry(image) {
            return self.logins.get(&Reverse(DEFAULT_REGISTRY.to_owned())).cloned().unwrap_or_default();
        }
        found
    }
}

fn json_error(error: &serde_json::Error) -> KeyringError {
    // serde's own message may quote the secret's contents.
    KeyringError::Json { line: error.line(), column: error.column() }
}

fn decode_auth(auth: &str) -> Option<Credentials> {
    let auth = auth.trim();
    let engine = if auth.ends_with('=') { &STANDARD } else { &STANDARD_NO_PAD };
    let text = String::from_utf8(engine.decode(auth).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    Some(Credentials::new(username, password))
}

/// Host and path of a config's server; a scheme falls away, and `/v1/` and `/v2/` mean the host itself.
fn server_key(server: &str) -> String {
    let rest = server.strip_prefix("https://").or_else(|| server.strip_prefix("http://")).unwrap_or(server);
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = if path.starts_with("/v1/") || path.starts_with("/v2/") { &path[3..] } else { path };
    format!("{host}{}", if path == "/" { "" } else { path })
}

fn is_default_registry(image: &str) -> bool {
    match image.split_once('/') {
        None => !image.is_empty(),
        Some(("", _)) => false,
        Some(("docker.io" | "index.docker.io", _)) => true,
        Some((first, _)) => !first.contains(['.', ':']),
    }
}

/// `URLsMatch`: same port, as many labels, each label by glob, and the key's path a prefix of the image's.
fn matches(key: &str, image: &str) -> bool {
    let split = |url: &str| -> (Vec<String>, String, String) {
        let (authority, path) = url.split_at(url.find('/').unwrap_or(url.len()));
        let (host, port) = authority.rsplit_once(':').unwrap_or((authority, ""));
        (host.split('.').map(str::to_owned).collect(), port.to_owned(), path.to_owned())
    };
    let ((globs, glob_port, glob_path), (labels, port, path)) = (split(key), split(image));
    glob_port == port
        && globs.len() == labels.len()
        && path.starts_with(&glob_path)
        && globs.iter().zip(&labels).all(|(glob, label)| glob_match(glob.as_bytes(), label.as_bytes()))
}

/// `*` stands for any run: what of Go's `filepath.Match` can stand in a URL's host.
fn glob_match(glob: &[u8], text: &[u8]) -> bool {
    match (glob.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=text.len()).any(|skipped| glob_match(rest, &text[skipped..])),
        (Some((wanted, glob)), Some((got, text))) if wanted == got => glob_match(glob, text),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring(servers: &[&str]) -> Keyring {
        let mut keyring = Keyring::default();
        for server in servers {
            let config = Credentials::new("u", *server).dockerconfigjson(&[server]);
            keyring.add_dockerconfigjson(config.as_bytes()).unwrap();
        }
        keyring
    }

    /// The servers whose logins fit, in order.
    fn found(servers: &[&str], image: &str) -> Vec<String> {
        keyring(servers).lookup(image).into_iter().map(|found| found.credentials.password.expose().to_owned()).collect()
    }

    #[test]
    fn which_spellings_of_the_server_fit_docker_hub() {
        let image = "docker.io/cloudwithvarjosh/app1";
        for (server, fits) in [
            ("https://index.docker.io/v1/", true),
            ("index.docker.io", true),
            ("https://index.docker.io", true),
            ("docker.io", true),
            ("https://docker.io", true),
            ("docker.io/cloudwithvarjosh", true),
            ("*.io", true),
            ("hub.docker.com", false),
            ("registry-1.docker.io", false),
            ("https://index.docker.io/v1", false),
            ("docker.io/otherorg", false),
            ("*", false),
        ] {
            assert_eq!(!found(&[server], image).is_empty(), fits, "{server}");
        }
    }

    #[test]
    fn the_most_specific_server_comes_first_and_secrets_keep_their_order() {
        let image = "localhost:5001/team/app";
        let servers = ["localhost:5001", "localhost:5002", "localhost:5001/team", "http://localhost:5001"];
        assert_eq!(found(&servers, image), ["localhost:5001/team", "localhost:5001", "http://localhost:5001"]);
        assert_eq!(keyring(&servers).lookup(image).iter().map(|m| m.config).collect::<Vec<_>>(), [2, 0, 3]);
        assert!(found(&["localhost"], image).is_empty(), "the port belongs to the server");
        assert_eq!(
            found(&["index.docker.io", "docker.io"], "docker.io/a/b"),
            ["docker.io"],
            "the default is a fallback"
        );
        assert_eq!(
            found(&["*.kubernetes.io", "k8s.kubernetes.io"], "k8s.kubernetes.io/x"),
            ["k8s.kubernetes.io", "*.kubernetes.io"]
        );
    }

    #[test]
    fn both_formats_are_read_and_errors_hide_the_contents() {
        let mut keyring = Keyring::default();
        keyring.add_dockercfg(br#"{"a.b": {"auth": "dTpwOnE", "username": "ignored"}}"#).unwrap();
        assert_eq!(keyring.lookup("a.b/c")[0].credentials, Credentials::new("u", "p:q"));
        for (bytes, message) in [
            (
                &br#"{"auths": {"a": {"auth": "c2VjcmV0"}}}"#[..],
                r#"docker config entry "a": unable to parse auth field, must be formatted as base64(username:password)"#,
            ),
            (br#"{"auths": "hunter2"}"#, "docker config is not valid JSON at line 1 column 19"),
        ] {
            assert_eq!(keyring.add_dockerconfigjson(bytes).unwrap_err().to_string(), message);
        }
        keyring.add_dockerconfigjson(b"{}").unwrap();
    }
}
