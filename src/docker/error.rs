//! What can go wrong with the Docker Engine, and what the user can do about it. Knows the engine's wordings, not who
//! asked.

use bollard::errors::Error as Bollard;

use crate::hint::Hint;
/// What the functions of this room return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why the engine does not do what it is asked.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "what each variant is, its message says")]
pub enum Error {
    #[error("no docker socket at {path}")]
    SocketMissing { path: String },
    #[error("no permission to use the docker socket {path}")]
    PermissionDenied { path: String },
    #[error("the docker engine at {host} does not answer")]
    Unreachable {
        host: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("port {port} on 127.0.0.1 is already taken")]
    PortTaken { port: u16 },
    #[error("no space left on docker's disk while {action}")]
    DiskFull { action: String },
    #[error("{kind} {name} not found")]
    NotFound { kind: &'static str, name: String },
    /// A pull or a push failed; `message` is the engine's own, which passes on the registry's.
    #[error("{action} {image} failed: {message}")]
    Transfer { action: &'static str, image: String, message: String },
    /// The engine is there, and a pull or a push does not move.
    #[error("{action} {image} stands still: the docker engine has told nothing for {seconds} s")]
    Stalled { action: &'static str, image: String, seconds: u64 },
    /// A build failed in `step`; `output` holds the last lines the step printed.
    #[error("building {tag} failed at `{step}`: {message}")]
    Build { tag: String, step: String, message: String, output: Vec<String> },
    /// The engine ended a stream without saying what it had promised.
    #[error("the docker engine gave no {what} for {name}")]
    Missing { what: &'static str, name: String },
    #[error("the docker engine failed while {action}")]
    Engine {
        action: String,
        #[source]
        source: Bollard,
    },
    #[error("{action}")]
    Testcontainers {
        action: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the registry on {addr} did not become ready: {last}")]
    RegistryNotReady { addr: std::net::SocketAddr, last: String },
    /// As docker itself says it.
    #[error("error checking context: syntax error in pattern: {pattern}")]
    Ignored { pattern: String },
    #[error("cannot pack {path} into the build context")]
    Context {
        path: String,
        #[source]
        source: std::io::Error,
    },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Error::SocketMissing { .. } => {
                Some("start Docker, or install it: `make setup` does both where it can; or set DOCKER_HOST".into())
            }
            Error::PermissionDenied { .. } => Some(
                "add yourself to the `docker` group (`sudo usermod -aG docker $USER`, then log in again) or set DOCKER_HOST"
                    .into(),
            ),
            Error::Unreachable { host, .. } => Some(match host.split_once("://").map(|(scheme, _)| scheme) {
                Some("unix") => "the socket is there but the engine is not: start it (`make setup`, or `systemctl start docker`)".into(),
                Some("tcp" | "http" | "https") => format!("is DOCKER_HOST right? `docker -H {host} version` tells"),
                Some("ssh") => "bring its socket here: `ssh -NL /tmp/docker.sock:/var/run/docker.sock HOST`, then DOCKER_HOST=unix:///tmp/docker.sock".into(),
                _ => "DOCKER_HOST is like unix:///var/run/docker.sock or tcp://HOST:2375".into(),
            }),
            Error::PortTaken { port } => Some(format!("see who listens there: `ss -ltnp 'sport = :{port}'`")),
            Error::DiskFull { .. } => {
                Some("make room, e.g. with `docker system prune`; `docker system df` shows what is used".into())
            }
            Error::Stalled { .. } => Some(
                "the registry does not answer the engine, or docker's network loses what it says: `make setup` mends the \
                 bridge where that is why; else restart Docker"
                    .into(),
            ),
            Error::Build { output, .. } if !output.is_empty() => {
                Some(format!("the step's last output:\n  {}", output.join("\n  ")))
            }
            Error::Build { .. } | Error::Transfer { .. } | Error::Missing { .. } => None,
            Error::NotFound { kind, .. } => Some(format!("somebody removed the {kind}, or the engine restarted: run it again")),
            Error::Engine { .. } | Error::Testcontainers { .. } => {
                Some("`docker info` and the engine's log (`journalctl -u docker`) tell more".into())
            }
            Error::RegistryNotReady { .. } => {
                Some("is something else on that port, or does Docker's network not reach 127.0.0.1?".into())
            }
            Error::Ignored { .. } => Some("mend the line in `.dockerignore`".into()),
            Error::Context { .. } => Some("the file has to be there, yours to read, and its disk not full".into()),
        }
    }
}

impl Error {
    /// The engine's own words where it had any.
    pub fn words(&self) -> Option<&str> {
        match self {
            Error::Transfer { message, .. } => Some(message),
            Error::Engine { source, .. } => message(source),
            _ => None,
        }
    }

    /// Whether the named thing was simply not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Error::NotFound { .. })
    }
}

/// For `map_err`: an engine error while doing `action`, with the well-known causes told apart.
pub(super) fn failed(action: impl Into<String>) -> impl FnOnce(Bollard) -> Error {
    let action = action.into();
    move |source| match message(&source) {
        Some(text) if is_disk_full(text) => Error::DiskFull { action },
        Some(text) => match taken_port(text) {
            Some(port) => Error::PortTaken { port },
            None => Error::Engine { action, source },
        },
        None => Error::Engine { action, source },
    }
}

/// Like [`failed`], and a 404 becomes [`Error::NotFound`].
pub(super) fn failed_for(action: &str, kind: &'static str, name: &str) -> impl FnOnce(Bollard) -> Error {
    let name = name.to_owned();
    let action = format!("{action} {kind} {name}");
    move |source| {
        if is_status(&source, 404) { Error::NotFound { kind, name } } else { failed(action)(source) }
    }
}

/// A pull or push error in the engine's own words.
pub(super) fn transfer_failed(action: &'static str, image: &str) -> impl FnOnce(Bollard) -> Error {
    let image = image.to_owned();
    move |source| match message(&source).map(str::to_owned) {
        Some(text) if is_disk_full(&text) => Error::DiskFull { action: format!("{action} {image}") },
        Some(message) => Error::Transfer { action, image, message },
        None => Error::Engine { action: format!("{action} {image}"), source },
    }
}

pub(super) fn is_status(error: &Bollard, status: u16) -> bool {
    matches!(error, Bollard::DockerResponseServerError { status_code, .. } if *status_code == status)
}

pub(super) fn message(error: &Bollard) -> Option<&str> {
    match error {
        Bollard::DockerResponseServerError { message, .. } => Some(message),
        Bollard::DockerStreamError { error } => Some(error),
        _ => None,
    }
}

pub(super) fn is_disk_full(message: &str) -> bool {
    message.contains("no space left on device")
}

/// The port an engine could not bind. Wordings: `Bind for 127.0.0.1:5000 failed: port is already allocated`,
/// `listen tcp4 127.0.0.1:5000: bind: address already in use`,
/// `failed to bind host port for 127.0.0.1:5000:172.17.0.2:80/tcp: address already in use`.
fn taken_port(message: &str) -> Option<u16> {
    if !message.contains("port is already allocated") && !message.contains("address already in use") {
        return None;
    }
    let (_, after) = message.split_once("127.0.0.1:")?;
    let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    after[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status_code: u16, message: &str) -> Bollard {
        Bollard::DockerResponseServerError { status_code, message: message.into() }
    }

    #[test]
    fn a_taken_port_is_told_apart_in_every_engines_words() {
        for words in [
            "driver failed programming external connectivity on endpoint x: Bind for 127.0.0.1:5000 failed: port is already allocated",
            "driver failed programming external connectivity on endpoint x: Error starting userland proxy: listen tcp4 127.0.0.1:5000: bind: address already in use",
            "failed to set up container networking: failed to bind host port for 127.0.0.1:5000:172.17.0.2:80/tcp: address already in use",
        ] {
            let error = failed("starting c")(answer(500, words));
            assert!(matches!(error, Error::PortTaken { port: 5000 }), "{error:?}");
            assert!(error.hint().is_some_and(|hint| hint.contains(":5000")));
        }
    }

    #[test]
    fn a_full_disk_is_told_apart_in_answers_and_in_streams() {
        let stream =
            Bollard::DockerStreamError { error: "write /var/lib/docker/tmp/x: no space left on device".into() };
        assert!(matches!(transfer_failed("pulling", "a:1")(stream), Error::DiskFull { .. }));
        let error = failed("creating c")(answer(500, "mkdir /x: no space left on device"));
        assert_eq!(error.to_string(), "no space left on docker's disk while creating c");
    }

    #[test]
    fn a_404_names_what_is_missing_and_other_answers_keep_their_source() {
        let missing = failed_for("inspecting", "container", "web")(answer(404, "No such container: web"));
        assert_eq!(missing.to_string(), "container web not found");
        let other = failed_for("inspecting", "container", "web")(answer(500, "boom"));
        assert_eq!(other.to_string(), "the docker engine failed while inspecting container web");
        assert!(std::error::Error::source(&other).is_some_and(|s| s.to_string().contains("boom")));
    }
}
