//! The registry that is there already: its name from the command line, its login from the environment or a file, never
//! from the command line.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::stage::StageArgs;
use crate::cluster::Choice;
use crate::hint::Hint;
use crate::mask::SHORTEST;
use crate::registry::{Credentials, ImageRef, Keyring};
use crate::stage::Remote;

const USERNAME: &str = "REHEARSAL_REGISTRY_USERNAME";
const PASSWORD: &str = "REHEARSAL_REGISTRY_PASSWORD";

#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("`--cluster context:NAME` needs `--registry HOST[/PATH]`")]
    NoRegistry,
    #[error("`--registry` goes with `--cluster context:NAME` only: other clusters get a registry of their own")]
    NotHere,
    #[error("`{0}` is no registry: HOST[:PORT][/PATH], in lower case")]
    Name(String),
    #[error("no login for {host}")]
    NoLogin { host: String },
    #[error(
        "the password for {host} is shorter than {SHORTEST} characters: it could not be kept out of what is printed"
    )]
    Short { host: String },
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{} can be read by others (mode {mode:o})", path.display())]
    Open { path: PathBuf, mode: u32 },
    #[error("{} is neither a docker config nor `user:password`", path.display())]
    Format { path: PathBuf },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoRegistry => Some("e.g. `--registry ghcr.io/OWNER/rehearsal`; its nodes must reach it".into()),
            Self::NoLogin { .. } | Self::Format { .. } => Some(format!(
                "set {USERNAME} and {PASSWORD}, or give `--registry-credentials FILE`: a docker config with an entry for \
                 that host, or one line `user:password`"
            )),
            Self::Short { .. } => Some("use a token or a longer password".into()),
            Self::Open { path, .. } => Some(format!("chmod 600 {}", path.display())),
            Self::NotHere => Some("leave it out, or name the cluster: `--cluster context:NAME`".into()),
            Self::Name(_) => Some("e.g. `ghcr.io/owner/rehearsal` or `127.0.0.1:5001`".into()),
            Self::Read { .. } => Some("the file has to be there and yours to read".into()),
        }
    }
}

/// The registry and its login, where the cluster is the user's own.
///
/// # Errors
/// Where one is said without the other, or there is no login.
pub(super) fn chosen(stage: &StageArgs) -> Result<Option<(Remote, Credentials)>, Error> {
    let is_context = matches!(stage.cluster, Choice::Context(_));
    let name = match (&stage.registry, is_context) {
        (None, false) => return Ok(None),
        (None, true) => return Err(Error::NoRegistry),
        (Some(_), false) => return Err(Error::NotHere),
        (Some(name), true) => name,
    };
    let remote = parse(name)?;
    let credentials = match &stage.registry_credentials {
        Some(file) => from_file(file, &remote)?,
        None => match (std::env::var(USERNAME), std::env::var(PASSWORD)) {
            (Ok(username), Ok(password)) if !password.is_empty() => Credentials::new(username, password),
            _ => return Err(Error::NoLogin { host: remote.host }),
        },
    };
    if credentials.password.expose().chars().count() < SHORTEST {
        return Err(Error::Short { host: remote.host });
    }
    Ok(Some((remote, credentials)))
}

fn parse(name: &str) -> Result<Remote, Error> {
    let wrong = || Error::Name(name.into());
    let trimmed = name.trim_end_matches('/');
    let (host, path) = trimmed.split_once('/').unwrap_or((trimmed, ""));
    let image = ImageRef::parse(&format!("{trimmed}/x")).map_err(|_| wrong())?;
    match image.registry() == host && !host.is_empty() {
        true => Ok(Remote { host: host.into(), path: path.into() }),
        false => Err(wrong()),
    }
}

fn from_file(path: &Path, remote: &Remote) -> Result<Credentials, Error> {
    let read = |source| Error::Read { path: path.into(), source };
    let mode = std::fs::metadata(path).map_err(read)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Error::Open { path: path.into(), mode });
    }
    let text = std::fs::read_to_string(path).map_err(read)?;
    if !text.trim_start().starts_with('{') {
        let (username, password) = text.trim().split_once(':').ok_or_else(|| Error::Format { path: path.into() })?;
        return Ok(Credentials::new(username, password));
    }
    let mut keyring = Keyring::default();
    keyring.add_dockerconfigjson(text.as_bytes()).map_err(|_| Error::Format { path: path.into() })?;
    let image = format!("{}/{}/x", remote.host, remote.path).replace("//", "/");
    let found = keyring.lookup(&image).into_iter().next();
    Ok(found.ok_or_else(|| Error::NoLogin { host: remote.host.clone() })?.credentials)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_a_host_and_maybe_a_folder() {
        for (name, host, path) in [
            ("ghcr.io/me/x/", "ghcr.io", "me/x"),
            ("127.0.0.1:5001", "127.0.0.1:5001", ""),
            ("docker.io/me", "docker.io", "me"),
        ] {
            assert_eq!(parse(name).unwrap(), Remote { host: host.into(), path: path.into() }, "{name}");
        }
        for name in ["", "me", "https://ghcr.io", "ghcr.io/Me", "ghcr.io/x:1"] {
            assert!(parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_login_comes_from_a_file_that_nobody_else_reads() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("login");
        let remote = parse("ghcr.io/me").unwrap();
        let written = |text: &str, mode: u32| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            from_file(&path, &remote)
        };
        assert_eq!(written("me:pass:word\n", 0o600).unwrap(), Credentials::new("me", "pass:word"));
        let config = Credentials::new("me", "secret-1").dockerconfigjson(&["ghcr.io"]);
        assert_eq!(written(&config, 0o600).unwrap(), Credentials::new("me", "secret-1"));
        assert!(matches!(written(&config, 0o644), Err(Error::Open { mode: 0o644, .. })));
        let other = Credentials::new("me", "secret-1").dockerconfigjson(&["quay.io"]);
        assert!(matches!(written(&other, 0o600), Err(Error::NoLogin { .. })));
        let error = written("secret-1", 0o600).unwrap_err();
        assert!(matches!(error, Error::Format { .. }) && !format!("{error:?}").contains("secret-1"));
    }
}
