//! The variables that fences have: none of the user's but those of this list. Knows no fence.

use std::ffi::{OsStr, OsString};

/// What tools need of the machine they run on, beside [`PROXIES`] and [`FILES`]: where programs are, how people write. No
/// list of the user's credentials begins with these names.
const KEPT: &[&str] = &["LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TERM", "TZ", "USER"];

/// In both spellings. A proxy's address may hold its password: without it nothing is reached.
const PROXIES: &[&str] = &["ALL_PROXY", "FTP_PROXY", "HTTP_PROXY", "HTTPS_PROXY"];

/// Where the lab's own API server and docker listen: no proxy stands before them.
const LOOPBACK: &str = "127.0.0.1,localhost";

/// Whom the network trusts: kept, too, and the files that these name may be read by fences wherever they are.
pub(super) const FILES: &[&str] = &[
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "NIX_SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
];

/// What is kept of an environment.
pub(super) fn kept(all: impl Iterator<Item = (OsString, OsString)>) -> Vec<(OsString, OsString)> {
    let (mut kept, mut no_proxy) = (Vec::new(), OsString::new());
    for (name, value) in all {
        let upper = name.to_string_lossy().to_uppercase();
        if upper == "NO_PROXY" {
            no_proxy = value;
        } else if KEPT.iter().chain(FILES).any(|known| name == *known)
            || upper.starts_with("LC_")
            || PROXIES.contains(&&*upper)
        {
            kept.push((name, value));
        }
    }
    let mut listed = no_proxy;
    if !listed.is_empty() {
        listed.push(",");
    }
    listed.push(LOOPBACK);
    kept.extend(["NO_PROXY", "no_proxy"].map(|name| (OsStr::new(name).to_owned(), listed.clone())));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_users_is_kept_but_what_tools_need() {
        let all = [
            ("PATH", "/bin"),
            ("LC_ALL", "C.UTF-8"),
            ("https_proxy", "http://proxy:3128"),
            ("NO_PROXY", "internal"),
            ("AWS_SECRET_ACCESS_KEY", "k"),
            ("REHEARSAL_REGISTRY_PASSWORD", "p"),
            ("KUBECONFIG", "/home/u/.kube/config"),
            ("DOCKER_HOST", "unix:///run/docker.sock"),
            ("LD_PRELOAD", "/x.so"),
            ("BASH_FUNC_kubectl%%", "() { evil; }"),
            ("SSH_AUTH_SOCK", "/run/agent"),
            ("path", "x"),
        ];
        let kept = kept(all.iter().map(|(name, value)| (name.into(), value.into())));
        let kept: Vec<_> = kept.iter().map(|(name, value)| (name.to_str().unwrap(), value.to_str().unwrap())).collect();
        let expected = [
            ("PATH", "/bin"),
            ("LC_ALL", "C.UTF-8"),
            ("https_proxy", "http://proxy:3128"),
            ("NO_PROXY", "internal,127.0.0.1,localhost"),
            ("no_proxy", "internal,127.0.0.1,localhost"),
        ];
        assert_eq!(kept, expected);
    }
}
