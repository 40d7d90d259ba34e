//! What `pip install` inside a build must know of the host's network: its CA bundle, pip's settings, the proxies.
//! Pure but for reading the files; knows no image.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;

use super::error::{Error, Result};

/// Settings that mean the same inside an image; paths of the host (`find-links`, `cert`) do not.
const SETTINGS: [&str; 6] = ["index-url", "extra-index-url", "trusted-host", "timeout", "retries", "proxy"];
/// The sections whose settings apply to `pip install`.
const SECTIONS: [&str; 2] = ["global", "install"];
/// Predefined build arguments: builders pass them to each step and keep them out of the image's history.
const PROXIES: [&str; 5] = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY"];
/// Where distributions keep the bundle their tools use.
const BUNDLES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];
/// The bundle's place in the image.
pub(super) const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The host's network as a build needs it. No `Debug`: a proxy's URL may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct HostNetwork {
    pub ca_bundle: Option<Bytes>,
    /// Contents of `/etc/pip.conf`.
    pub pip_conf: String,
    /// Build arguments; they may hold a proxy's credentials.
    pub proxies: BTreeMap<String, String>,
}

impl HostNetwork {
    pub(super) fn of_this_host() -> Result<HostNetwork> {
        HostNetwork::read(&|name| std::env::var(name).ok(), &|path| std::fs::read(path).ok())
    }

    fn read(env: &dyn Fn(&str) -> Option<String>, file: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<HostNetwork> {
        let env = &|name: &str| env(name).filter(|value| !value.is_empty());
        let settings = settings(env, file);
        for (setting, (value, origin)) in &settings {
            if value.split_whitespace().any(has_credentials) {
                return Err(Error::PipCredentials { setting: setting.clone(), origin: origin.clone() });
            }
        }
        let named = ["PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"].into_iter().filter_map(env);
        let ca_bundle = named.chain(BUNDLES.map(str::to_owned)).find_map(|path| file(&path));
        let mut pip_conf = "[global]\n".to_owned();
        if ca_bundle.is_some() {
            pip_conf += &format!("cert = {BUNDLE}\n");
        }
        for (setting, (value, _)) in &settings {
            let lines: Vec<_> = value.split_whitespace().collect();
            pip_conf += &format!("{setting} = {}\n", lines.join("\n    "));
        }
        let cases = PROXIES.into_iter().flat_map(|name| [name.to_owned(), name.to_lowercase()]);
        let proxies = cases.filter_map(|name| env(&name).map(|value| (name, value))).collect();
        Ok(HostNetwork { ca_bundle: ca_bundle.map(Bytes::from), pip_conf, proxies })
    }
}

/// Setting → (value, where it was set); the later source wins, as in pip.
fn settings(
    env: &dyn Fn(&str) -> Option<String>,
    file: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> BTreeMap<String, (String, String)> {
    let mut found = BTreeMap::new();
    for path in config_files(env) {
        let text = file(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        for (section, key, value) in entries(&text) {
            if SECTIONS.contains(&section.as_str()) && SETTINGS.contains(&key.as_str()) {
                found.insert(key, (value, path.clone()));
            }
        }
    }
    for setting in SETTINGS {
        let upper = setting.to_uppercase().replace('-', "_");
        for name in [format!("PIP_DEFAULT_{upper}"), format!("PIP_{upper}")] {
            if let Some(value) = env(&name) {
                found.insert(setting.to_owned(), (value, name));
            }
        }
    }
    found
}

/// pip's configuration files, weakest first (pip's user guide, *Configuration Files*).
fn config_files(env: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let own = env("PIP_CONFIG_FILE");
    if own.as_deref() == Some("/dev/null") {
        return Vec::new();
    }
    let mut files = vec!["/etc/xdg/pip/pip.conf".to_owned(), "/etc/pip.conf".to_owned()];
    if let Some(home) = env("HOME").map(PathBuf::from) {
        let config = env("XDG_CONFIG_HOME").map_or_else(|| home.join(".config"), PathBuf::from);
        files.extend([home.join(".pip/pip.conf"), config.join("pip/pip.conf")].map(|path| path.display().to_string()));
    }
    files.extend(own);
    files
}

/// (section, key, value) of an INI file as Python's configparser reads it; an indented line continues a value.
fn entries(text: &str) -> Vec<(String, String, String)> {
    let mut entries: Vec<(String, String, String)> = Vec::new();
    let mut section = String::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with(['#', ';']) && !line.trim().is_empty()) {
        if let (true, Some((_, _, value))) = (line.starts_with([' ', '\t']), entries.last_mut()) {
            value.push('\n');
            value.push_str(line.trim());
        } else if let Some(name) = line.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
        } else if let Some((key, value)) = line.split_once(['=', ':']) {
            let key = key.trim().to_lowercase().replace('_', "-");
            entries.push((section.clone(), key, value.trim().to_owned()));
        }
    }
    entries
}

/// Whether a URL has a user or a password in front of its host.
fn has_credentials(url: &str) -> bool {
    let authority = url.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
    authority.is_some_and(|authority| authority.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hint::Hint as _;

    fn network(env: &[(&str, &str)], files: &[(&str, &str)]) -> Result<HostNetwork> {
        let pick = |pairs: &[(&str, &str)], name: &str| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        HostNetwork::read(&|name| pick(env, name), &|path| pick(files, path).map(String::into_bytes))
    }

    #[test]
    fn only_settings_that_hold_inside_an_image_are_taken_over() {
        let conf = "[global]\ncert = /opt/own-ca.pem\nfind-links = /opt/wheels\nextra_index_url =\n    https://a/simple\n    https://b/simple\n# timeout = 1\n[freeze]\ntimeout = 3\n";
        let host = network(&[("PIP_DEFAULT_TIMEOUT", "180")], &[("/etc/pip.conf", conf)]).unwrap();
        assert_eq!(
            host.pip_conf,
            "[global]\nextra-index-url = https://a/simple\n    https://b/simple\ntimeout = 180\n"
        );
        assert_eq!(host.ca_bundle, None);
    }

    #[test]
    fn the_environment_wins_over_files_and_the_users_file_over_the_systems() {
        let files = [
            ("/etc/pip.conf", "[global]\nindex-url = https://system/simple\nretries = 1\n"),
            ("/home/ann/.config/pip/pip.conf", "[install]\nindex-url = https://user/simple\nretries: 2\n"),
        ];
        let host = network(&[("HOME", "/home/ann"), ("PIP_RETRIES", "3")], &files).unwrap();
        assert_eq!(host.pip_conf, "[global]\nindex-url = https://user/simple\nretries = 3\n");
        let none = network(&[("PIP_CONFIG_FILE", "/dev/null")], &files).unwrap();
        assert_eq!(none.pip_conf, "[global]\n");
    }

    #[test]
    fn the_bundle_a_variable_names_comes_before_the_distributions() {
        let files = [("/opt/ca.pem", "OWN"), ("/etc/ssl/certs/ca-certificates.crt", "SYSTEM")];
        let own = network(&[("REQUESTS_CA_BUNDLE", "/opt/ca.pem")], &files).unwrap();
        assert_eq!(own.ca_bundle.as_deref(), Some(&b"OWN"[..]));
        assert_eq!(own.pip_conf, "[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n");
        let gone = network(&[("SSL_CERT_FILE", "/gone.pem")], &files).unwrap();
        assert_eq!(gone.ca_bundle.as_deref(), Some(&b"SYSTEM"[..]));
    }

    #[test]
    fn credentials_in_a_url_are_refused_and_not_repeated() {
        let conf = "[global]\nextra-index-url =\n    https://a/simple\n    https://ann:hunter2@b/simple\n";
        let error = network(&[], &[("/etc/pip.conf", conf)]).err().unwrap();
        let text = format!("{error} {error:?} {}", error.hint().unwrap());
        assert!(text.contains("extra-index-url") && text.contains("/etc/pip.conf"), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("ann"), "{text}");
        assert!(!has_credentials("https://index.example/simple/@scope"));
    }

    #[test]
    fn proxies_pass_in_the_case_they_were_given() {
        let host = network(&[("https_proxy", "http://p:3128"), ("NO_PROXY", "localhost")], &[]).unwrap();
        let names: Vec<_> = host.proxies.keys().map(String::as_str).collect();
        assert_eq!(names, ["NO_PROXY", "https_proxy"]);
    }
}
