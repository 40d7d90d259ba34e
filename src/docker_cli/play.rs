//! Which command is played by what, what docker would have said, and who is logged in.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anstream::println;

use super::STAGE_VARIABLE;
use super::args::{self, Command};
use super::names::{self, Names};
use crate::docker::{self, Docker};
use crate::images;
use crate::registry::{self, Client, Credentials, Endpoint, ImageRef, InvalidReference};
use crate::stage::Handle;

/// What docker would have printed; `{0}` parts are the Engine's or the registry's own words.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no stage: {STAGE_VARIABLE} does not name a stage that is up")]
    NoStage,
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

pub struct Player {
    pub handle: Handle,
    pub docker: Docker,
}

/// Plays a command; what it comes to is an exit code, with the words for it where it failed.
pub async fn play(command: Command) -> Result<u8, (String, u8)> {
    let told = |error: Error| (error.to_string(), error.code());
    let handle = std::env::var_os(STAGE_VARIABLE).and_then(|path| Handle::read(Path::new(&path)).ok());
    let handle = handle.ok_or(Error::NoStage).map_err(told)?;
    let docker = Docker::connect().await.map_err(|error| told(error.into()))?;
    let player = Player { handle, docker };
    player.play(command).await.map_err(|error| (player.names().back(&error.to_string()), error.code()))
}

impl Player {
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

    pub fn names(&self) -> Names<'_> {
        Names(&self.handle)
    }

    pub fn session(&self, image: ImageRef, credentials: Option<Credentials>) -> Result<registry::Session, Error> {
        let client = Client::reaching(&self.endpoint()).map_err(|error| Error::Registry(error.to_string()))?;
        Ok(client.session(self.endpoint(), image, credentials))
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint { host: self.handle.registry.clone() }
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

    async fn login(&self, login: args::Login) -> Result<(), Error> {
        self.hub(login.server.as_deref())?;
        let no_terminal = || Error::Usage("Cannot perform an interactive login from a non TTY device".into());
        let username = login.username.ok_or_else(no_terminal)?;
        let password = match login.password {
            Some(password) => password,
            None if login.password_stdin => {
                let mut text = String::new();
                std::io::stdin()
                    .read_to_string(&mut text)
                    .map_err(|source| Error::Read { path: "stdin".into(), source })?;
                text.trim_end_matches(['\n', '\r']).to_owned()
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
        println!("Login Succeeded");
        Ok(())
    }

    fn logout(&self, server: Option<String>) -> Result<(), Error> {
        self.hub(server.as_deref())?;
        self.write_config(r#"{"auths":{}}"#)?;
        let server = server.filter(|server| self.names().is_registry(server));
        println!("Removing login credentials for {}", server.as_deref().unwrap_or("https://index.docker.io/v1/"));
        Ok(())
    }

    fn config_path(&self) -> PathBuf {
        names::folder(&self.handle.private).join("config.json")
    }

    fn write_config(&self, text: &str) -> Result<(), Error> {
        let path = self.config_path();
        let file = names::private(OpenOptions::new().write(true).truncate(true), &path);
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|source| Error::Write { path, source })
    }

    pub fn logged_in(&self) -> Option<Credentials> {
        let mut keyring = registry::Keyring::default();
        keyring.add_dockerconfigjson(&std::fs::read(self.config_path()).ok()?).ok()?;
        keyring.lookup("docker.io/library/any").into_iter().next().map(|found| found.credentials)
    }
}

/// `KEY=VALUE` as it stands, and `KEY` with the environment's value; none where that has none, as docker has it.
pub fn key_value(given: &str) -> Option<(String, String)> {
    match given.split_once('=') {
        Some((key, value)) => Some((key.to_owned(), value.to_owned())),
        None => Some((given.to_owned(), std::env::var(given).ok()?)),
    }
}

/// The variables for a container.
pub fn environment(given: &[String]) -> Result<Vec<(String, String)>, Error> {
    if let Some(wrong) = given.iter().find(|given| given.is_empty() || given.starts_with('=')) {
        let why = format!("invalid environment variable: {wrong}");
        return Err(Error::Flag { given: wrong.clone(), flag: "-e, --env", why });
    }
    Ok(given.iter().filter_map(|given| key_value(given)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_without_a_value_has_the_environments_and_is_none_without_that() {
        let given = ["A=1", "B=", "C=x=y", "PATH", "REHEARSAL_NO_SUCH_VARIABLE"].map(str::to_owned);
        let path = std::env::var("PATH").unwrap();
        let expected = [("A", "1"), ("B", ""), ("C", "x=y"), ("PATH", &path)];
        assert_eq!(environment(&given).unwrap(), expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let error = environment(&["=x".to_owned()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"invalid argument "=x" for "-e, --env" flag: invalid environment variable: =x"#
        );
        assert_eq!(error.code(), 125);
    }
}
