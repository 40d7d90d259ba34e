//! The kubelet's keyring: which logins of which docker configs fit an image (`pkg/credentialprovider`).
//! Pure; does not know where the configs came from.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Credentials, go_base64};

/// The key under which Docker Hub's logins are kept, whatever the image calls it.
const DEFAULT_REGISTRY: &str = "index.docker.io";

/// Why a docker config cannot be read, in Go's words, as the kubelet has them. The contents are secret and never shown.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum KeyringError {
    #[error("docker config is not valid JSON at line {line} column {column}")]
    Json { line: usize, column: usize },
    #[error("json: cannot unmarshal {found} into Go {into}")]
    Type { found: &'static str, into: String },
    #[error("{}", go_base64::fault(*.at))]
    Base64 { at: usize },
    #[error("unable to parse auth field, must be formatted as base64(username:password)")]
    Auth,
}

/// A login that fits an image, and which of the added configs it came from (0-based, in order of adding).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Match {
    pub config: usize,
    pub credentials: Credentials,
}

/// Logins by server, most specific first.
#[derive(Debug, Default)]
pub(crate) struct Keyring {
    /// Reverse order sorts `host/path` before `host`, as the kubelet's index does.
    logins: BTreeMap<Reverse<String>, Vec<Match>>,
    configs: usize,
}

/// One server's login, before it is read.
#[derive(Default)]
struct Entry {
    username: String,
    password: String,
    auth: String,
}

impl Keyring {
    /// Adds the contents of a Secret's `.dockerconfigjson`.
    ///
    /// # Errors
    /// When it is not one; the keyring is then unchanged.
    pub(crate) fn add_dockerconfigjson(&mut self, bytes: &[u8]) -> Result<(), KeyringError> {
        let config = object(&parse(bytes)?, || "value of type credentialprovider.DockerConfigJSON".to_owned())?;
        let auths = fields(&config, "auths").into_iter();
        let auths = auths.map(|auths| {
            let field = || "struct field DockerConfigJSON.auths of type credentialprovider.DockerConfig".to_owned();
            entries(&object(auths, field)?)
        });
        // Go reads each of them into the same map.
        let all = auths.collect::<Result<Vec<_>, _>>()?;
        self.add(all.into_iter().flatten().collect())
    }

    /// Adds the contents of a Secret's `.dockercfg`, the older format without `auths`.
    ///
    /// # Errors
    /// As [`Self::add_dockerconfigjson`].
    pub(crate) fn add_dockercfg(&mut self, bytes: &[u8]) -> Result<(), KeyringError> {
        let config = object(&parse(bytes)?, || "value of type credentialprovider.DockerConfig".to_owned())?;
        self.add(entries(&config)?)
    }

    fn add(&mut self, entries: BTreeMap<String, Entry>) -> Result<(), KeyringError> {
        let mut logins = Vec::new();
        for (server, entry) in entries {
            let credentials = match entry.auth.as_str() {
                "" => Credentials::new(entry.username, entry.password),
                auth => decode_auth(auth)?,
            };
            logins.push((server_key(&server), credentials));
        }
        for (key, credentials) in logins {
            self.logins.entry(Reverse(key)).or_default().push(Match { config: self.configs, credentials });
        }
        self.configs += 1;
        Ok(())
    }

    /// The servers that there are logins for, as the kubelet keeps them: the most specific first.
    #[must_use]
    pub(crate) fn servers(&self) -> Vec<String> {
        self.logins.keys().map(|key| key.0.clone()).collect()
    }

    /// The logins to try for an image, in order. `image` is registry and repository without tag, normalised.
    #[must_use]
    pub(crate) fn lookup(&self, image: &str) -> Vec<Match> {
        let found: Vec<Match> =
            self.logins.iter().filter(|(key, _)| matches(&key.0, image)).flat_map(|(_, found)| found.clone()).collect();
        if found.is_empty() && is_default_registry(image) {
            return self.logins.get(&Reverse(DEFAULT_REGISTRY.to_owned())).cloned().unwrap_or_default();
        }
        found
    }
}

fn parse(bytes: &[u8]) -> Result<Value, KeyringError> {
    // serde's own message may quote the secret's contents.
    serde_json::from_slice(bytes).map_err(|error| KeyringError::Json { line: error.line(), column: error.column() })
}

/// An object; null is one without fields.
fn object(value: &Value, into: impl Fn() -> String) -> Result<Map<String, Value>, KeyringError> {
    let found = match value {
        Value::Object(map) => return Ok(map.clone()),
        Value::Null => return Ok(Map::new()),
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
    };
    Err(KeyringError::Type { found, into: into() })
}

/// Every value that Go reads into the field `name`: it compares names without case.
fn fields<'a>(map: &'a Map<String, Value>, name: &str) -> Vec<&'a Value> {
    map.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}

fn entries(config: &Map<String, Value>) -> Result<BTreeMap<String, Entry>, KeyringError> {
    let entry = |(server, value): (&String, &Value)| {
        const TYPE: &str = "dockerConfigEntryWithAuth";
        let map = object(value, || format!("value of type credentialprovider.{TYPE}"))?;
        let mut entry = Entry::default();
        for (name, slot) in
            [("username", &mut entry.username), ("password", &mut entry.password), ("auth", &mut entry.auth)]
        {
            for value in fields(&map, name).into_iter().filter(|value| !value.is_null()) {
                let into = || format!("struct field {TYPE}.{name} of type string");
                match value {
                    Value::String(text) => slot.clone_from(text),
                    other => {
                        object(other, into)?;
                        return Err(KeyringError::Type { found: "object", into: into() });
                    }
                }
            }
        }
        Ok((server.clone(), entry))
    };
    config.iter().map(entry).collect()
}

/// `decodeDockerConfigFieldAuth`.
fn decode_auth(auth: &str) -> Result<Credentials, KeyringError> {
    let bytes = go_base64::decode(auth, auth.trim().ends_with('=')).map_err(|at| KeyringError::Base64 { at })?;
    let text = String::from_utf8_lossy(&bytes);
    let (username, password) = text.split_once(':').ok_or(KeyringError::Auth)?;
    Ok(Credentials::new(username, password))
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
                "unable to parse auth field, must be formatted as base64(username:password)",
            ),
            (br#"{"auths": {"a": {"auth": "user:pass"}}}"#, "illegal base64 data at input byte 4"),
            (
                br#"{"auths": []}"#,
                "json: cannot unmarshal array into Go struct field DockerConfigJSON.auths of type credentialprovider.DockerConfig",
            ),
            (
                br#""hunter2""#,
                "json: cannot unmarshal string into Go value of type credentialprovider.DockerConfigJSON",
            ),
            (
                br#"{"auths": {"a": {"auth": 5}}}"#,
                "json: cannot unmarshal number into Go struct field dockerConfigEntryWithAuth.auth of type string",
            ),
            (br#"{"auths": hunter2}"#, "docker config is not valid JSON at line 1 column 11"),
        ] {
            assert_eq!(keyring.add_dockerconfigjson(bytes).unwrap_err().to_string(), message);
        }
        keyring.add_dockerconfigjson(b"{}").unwrap();
        keyring.add_dockerconfigjson(br#"{"auths": null}"#).unwrap();
    }

    /// What a real cluster was seen to take.
    #[test]
    fn fields_have_their_names_in_any_case_and_auth_wins() {
        for config in [
            r#"{"Auths": {"a.b": {"UserName": "u", "PASSWORD": "p"}}}"#,
            r#"{"auths": {"a.b": {"auth": "dTpw"}}}"#,
            r#"{"auths": {"a.b": {"auth": "dTpw\n"}}}"#,
            r#"{"auths": {"a.b": {"username": "x", "password": "y", "auth": "dTpw"}}}"#,
            r#"{"auths": {"a.b": {"auth": "dTpw", "email": "a@b.c", "identitytoken": ""}}, "HttpHeaders": {"User-Agent": "x"}}"#,
        ] {
            let mut keyring = Keyring::default();
            keyring.add_dockerconfigjson(config.as_bytes()).unwrap();
            assert_eq!(keyring.lookup("a.b/c")[0].credentials, Credentials::new("u", "p"), "{config}");
        }
    }
}
