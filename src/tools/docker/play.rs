//! Which command is played by what, what docker would have said, and who is logged in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc::Receiver;

use super::args::{self, Command};
use super::names::LabNames;
use super::server::{LabDocker, Notes, Output};
use crate::docker;
use crate::files;
use crate::images;
use crate::registry::{self, Client, Credentials, Endpoint, ImageRef, InvalidReference};

/// What docker would have printed; `{0}` parts are the Engine's or the registry's own words.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("invalid argument \"{name}\": {source}")]
    Reference { name: String, source: InvalidReference },
    #[error("error: {server} is not played: the stage's registry stands for docker.io only")]
    OtherRegistry { server: String },
    #[error("ERROR: {source}")]
    Build { source: docker::Error },
    #[error("Error response from daemon: {}", daemon(.0))]
    Daemon(#[from] docker::Error),
    #[error("Error response from daemon: {}", base(.0))]
    Base(#[from] images::Error),
    #[error("Error response from daemon: No such {kind}: {name}")]
    Absent { kind: &'static str, name: String },
    #[error("An image does not exist locally with the tag: {0}")]
    NotLocal(String),
    #[error(
        "denied: requested access to the resource is denied\nlog in first: `docker login -u NAME --password-stdin`"
    )]
    NotLoggedIn,
    #[error("Error response from daemon: Get \"{url}\": {words}")]
    Login { url: String, words: String },
    #[error("Error response from daemon: {0}")]
    Registry(String),
    #[error("error: {0}")]
    Usage(String),
    #[error("invalid argument \"{given}\" for \"{flag}\" flag: {why}")]
    Flag { given: String, flag: &'static str, why: String },
    /// As docker says it, to the letter.
    #[error("{0}")]
    Words(String),
    #[error("docker: {0}")]
    Run(Box<Error>),
    #[error("cannot read {path}: {source}", path = path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot write {path}: {source}", path = path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("the registry serves {served} where {pushed} was pushed")]
    Digest { pushed: String, served: String },
}

impl Error {
    /// docker's exit code: `run` tells its own failures from the container's.
    fn code(&self) -> u8 {
        match self {
            Error::Flag { .. } => 125,
            Error::Run(error) => match error.to_string() {
                words if words.contains("executable file not found") || words.contains("no such file") => 127,
                words if words.contains("permission denied") => 126,
                _ => 125,
            },
            _ => 1,
        }
    }
}

/// The Engine's own words where it had any.
fn daemon(error: &docker::Error) -> String {
    match error {
        docker::Error::NotFound { kind, name } => format!("No such {kind}: {name}"),
        error => error.words().map_or_else(|| crate::exec::chain(error), str::to_owned),
    }
}

fn base(error: &images::Error) -> String {
    match error {
        images::Error::Docker(error) => daemon(error),
        error => crate::exec::chain(error),
    }
}

/// The longest password in bytes, and the longest docker config.
const PASSWORD: usize = 1 << 16;
const CONFIG: u64 = 1 << 20;

/// One call.
pub(super) struct Player {
    pub lab: Arc<LabDocker>,
    pub notes: Arc<Mutex<Notes>>,
    /// Where the fence stands.
    pub cwd: PathBuf,
    /// The fence's variables.
    pub env: BTreeMap<String, String>,
    pub out: Output,
    /// What the client reads from its standard input; an empty piece is its end.
    pub stdin: tokio::sync::Mutex<Receiver<Vec<u8>>>,
}

impl Player {
    /// Plays a command and tells why it failed. Returns docker's exit code.
    pub(super) async fn play_to_end(&self, command: Command) -> u8 {
        match self.play(command).await {
            Ok(code) => code,
            Err(error) => {
                self.out.warn(self.names().back(&error.to_string()));
                error.code()
            }
        }
    }

    async fn play(&self, command: Command) -> Result<u8, Error> {
        let done = |()| 0;
        match command {
            Command::Build(build) => self.build(build).await.map(done),
            Command::Tag { source, target } => self.tag(&source, &target).await.map(done),
            Command::Push { image } => self.push(&image).await.map(done),
            Command::Pull { image } => self.pull(&image).await.map(done),
            Command::Images(images) => self.images(images).await.map(done),
            Command::Rmi(remove) => self.rmi(remove).await,
            Command::Login(login) => self.login(login).await.map(done),
            Command::Logout { server } => self.logout(server).map(done),
            Command::Run(run) => self.run(run).await.map_err(|error| Error::Run(Box::new(error))),
            Command::Exec(exec) => self.exec(exec).await,
            Command::Ps(ps) => self.ps(&ps).await.map(done),
            Command::Logs(logs) => self.logs(logs).await.map(done),
            Command::Port { container, port } => self.port(&container, port).await.map(done),
            Command::Stop { time, containers } => self.stop(time, &containers).await,
            Command::Rm(remove) => self.rm(remove).await,
            Command::Inspect { names } => self.inspect(&names).await,
        }
    }

    pub(super) fn names(&self) -> LabNames<'_> {
        LabNames { handle: &self.lab.handle, notes: &self.notes }
    }

    /// A piece of standard input; None at its end.
    pub(super) async fn input(&self) -> Option<Vec<u8>> {
        self.stdin.lock().await.recv().await.filter(|bytes| !bytes.is_empty())
    }

    pub(super) fn session(
        &self,
        image: ImageRef,
        credentials: Option<Credentials>,
    ) -> Result<registry::ImageSession, Error> {
        let client = Client::reaching(&self.endpoint()).map_err(|error| Error::Registry(error.to_string()))?;
        Ok(client.session(self.endpoint(), image, credentials))
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint { host: self.lab.handle.registry.clone() }
    }

    /// The hub, which the stage's registry plays, or the user's own in its place.
    fn hub(&self, server: Option<&str>) -> Result<(), Error> {
        match server {
            None | Some("docker.io" | "index.docker.io" | "https://index.docker.io/v1/" | "registry-1.docker.io") => {
                Ok(())
            }
            Some(other) if self.names().is_registry(other) => Ok(()),
            Some(other) => Err(Error::OtherRegistry { server: other.into() }),
        }
    }

    async fn login(&self, login: args::LoginArgs) -> Result<(), Error> {
        self.hub(login.server.as_deref())?;
        let no_terminal = || Error::Usage("Cannot perform an interactive login from a non TTY device".into());
        let username = login.username.ok_or_else(no_terminal)?;
        let password = match login.password {
            Some(password) => password,
            None if login.password_stdin => {
                let mut text = Vec::new();
                while let (Some(bytes), true) = (self.input().await, text.len() < PASSWORD) {
                    text.extend(bytes);
                }
                String::from_utf8_lossy(&text).trim_end_matches(['\n', '\r']).to_owned()
            }
            None => return Err(no_terminal()),
        };
        let credentials = Credentials::new(username, password);
        let client = Client::reaching(&self.endpoint()).map_err(|error| Error::Registry(error.to_string()))?;
        client
            .login(&self.endpoint(), &credentials)
            .await
            .map_err(|error| Error::Login { url: self.endpoint().url(), words: error.chain() })?;
        self.write_config(&credentials.dockerconfigjson(&["https://index.docker.io/v1/"]))?;
        self.out.print(format_args!("Login Succeeded"));
        Ok(())
    }

    fn logout(&self, server: Option<String>) -> Result<(), Error> {
        self.hub(server.as_deref())?;
        self.write_config(r#"{"auths":{}}"#)?;
        let server = server.filter(|server| self.names().is_registry(server));
        self.out.print(format_args!(
            "Removing login credentials for {}",
            server.as_deref().unwrap_or("https://index.docker.io/v1/")
        ));
        Ok(())
    }

    fn write_config(&self, text: &str) -> Result<(), Error> {
        let path = self.lab.config.clone();
        let written = files::write_below(&self.lab.folder, &path, text.as_bytes(), 0o600);
        written.map_err(|source| Error::Write { path, source })
    }

    pub(super) fn logged_in(&self) -> Option<Credentials> {
        let mut keyring = registry::Keyring::default();
        let config = files::read_plain(&self.lab.config, CONFIG).ok()?;
        keyring.add_dockerconfigjson(config.as_bytes()).ok()?;
        keyring.lookup("docker.io/library/any").into_iter().next().map(|found| found.credentials)
    }
}

impl Player {
    /// `KEY=VALUE` as it stands, and `KEY` with the fence's value; None where it has none, as docker has it.
    pub(super) fn key_value(&self, given: &str) -> Option<(String, String)> {
        key_value(given, &self.env)
    }

    /// The variables for a container.
    pub(super) fn environment(&self, given: &[String]) -> Result<Vec<(String, String)>, Error> {
        environment(given, &self.env)
    }
}

fn key_value(given: &str, env: &BTreeMap<String, String>) -> Option<(String, String)> {
    match given.split_once('=') {
        Some((key, value)) => Some((key.to_owned(), value.to_owned())),
        None => Some((given.to_owned(), env.get(given)?.clone())),
    }
}

fn environment(given: &[String], env: &BTreeMap<String, String>) -> Result<Vec<(String, String)>, Error> {
    if let Some(wrong) = given.iter().find(|given| given.is_empty() || given.starts_with('=')) {
        let why = format!("invalid environment variable: {wrong}");
        return Err(Error::Flag { given: wrong.clone(), flag: "-e, --env", why });
    }
    Ok(given.iter().filter_map(|given| key_value(given, env)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_without_a_value_has_the_environments_and_is_none_without_that() {
        let given = ["A=1", "B=", "C=x=y", "PATH", "REHEARSAL_NO_SUCH_VARIABLE"].map(str::to_owned);
        let env = BTreeMap::from([("PATH".to_owned(), "/bin".to_owned())]);
        let expected = [("A", "1"), ("B", ""), ("C", "x=y"), ("PATH", "/bin")];
        assert_eq!(environment(&given, &env).unwrap(), expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let error = environment(&["=x".to_owned()], &env).unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"invalid argument "=x" for "-e, --env" flag: invalid environment variable: =x"#
        );
        assert_eq!(error.code(), 125);
    }
}
