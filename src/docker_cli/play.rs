//! What each played command does: the Engine through `docker`, the registry in docker.io's place.

use std::io::Read;
use std::path::{Path, PathBuf};

use anstream::{eprintln, println};

use super::STAGE_VARIABLE;
use super::args::{self, Build, Command, Run};
use crate::docker::{self, ContainerRequest, ContextFile, Docker, Login, app, labels, ladder};
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
    #[error("cannot read {path}: {source}", path = path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("the registry serves {served} where {pushed} was pushed")]
    Digest { pushed: String, served: String },
}

/// The Engine's own words where it had any.
fn daemon(error: &docker::Error) -> String {
    if let docker::Error::Transfer { message, .. } = error {
        return message.clone();
    }
    crate::exec::chain(error)
}

/// The Dockerfile's name in the context: it may stand outside of it.
const DOCKERFILE: &str = ".rehearsal-dockerfile";

struct Player {
    handle: Handle,
    docker: Docker,
}

pub async fn play(command: Command) -> Result<(), Error> {
    let path = std::env::var_os(STAGE_VARIABLE).ok_or(Error::NoStage)?;
    let handle = Handle::read(Path::new(&path)).map_err(|_| Error::NoStage)?;
    let player = Player { handle, docker: Docker::connect().await? };
    match command {
        Command::Build(build) => player.build(build).await,
        Command::Tag { source, target } => {
            Ok(player.docker.tag(&player.local(&source)?, &player.local(&target)?).await?)
        }
        Command::Push { image } => player.push(&image).await,
        Command::Pull { image } => player.pull(&image).await,
        Command::Login(login) => player.login(login).await,
        Command::Logout { server } => player.logout(server),
        Command::Run(run) => player.run(run).await,
        Command::Port { container, port } => player.port(&container, port).await,
        Command::Rm { containers, .. } => player.remove(containers).await,
    }
}

impl Player {
    fn reference(&self, name: &str) -> Result<ImageRef, Error> {
        let reference = ImageRef::parse(name).map_err(|source| Error::Reference { name: name.into(), source })?;
        match reference.registry() {
            "docker.io" => Ok(reference),
            // The user's own registry, under its own name.
            other if self.handle.remote.is_some() && other == self.handle.registry => Ok(reference),
            other => Err(Error::OtherRegistry { server: other.into() }),
        }
    }

    /// The Engine's name for what the lab calls `name`: under the stage's registry, whose port no other
    /// session has, so that the user's own images are never touched.
    fn local(&self, name: &str) -> Result<String, Error> {
        Ok(self.reference(name)?.with_registry(&self.handle.registry).to_string())
    }

    fn container(&self, name: &str) -> String {
        format!("rehearsal-{}-{name}", self.handle.scope)
    }

    async fn build(&self, build: Build) -> Result<(), Error> {
        let Some(first) = build.tag.first() else {
            return Err(Error::Usage("a build without -t NAME is not played".into()));
        };
        let dockerfile = build.file.unwrap_or_else(|| build.path.join("Dockerfile"));
        let read = |path: &Path| std::fs::read(path).map_err(|source| Error::Read { path: path.into(), source });
        let mut context = Vec::new();
        collect(&build.path, &build.path, &mut context)?;
        let text = read(&dockerfile)?;
        context.retain(|file| file.path != DOCKERFILE);
        context.push(ContextFile::new(DOCKERFILE, text.clone()));
        let progress = |progress: docker::Progress| {
            if !is_ours(&progress) {
                eprintln!("{}", progress.detail);
            }
        };
        let found = ladder::ensure(&self.docker, docker::HubImage::Python39Slim, &progress).await?;
        let base = app::python_base(&self.docker, &found, &progress).await?;
        let mut request = app::request(&base, context, DOCKERFILE, &self.local(first)?);
        if !String::from_utf8_lossy(&text).lines().any(|line| line.trim_start().starts_with("ARG BASE")) {
            request.args.remove("BASE");
        }
        let given = build.build_arg.iter().filter_map(|arg| arg.split_once('='));
        request.args.extend(given.map(|(key, value)| (key.to_owned(), value.to_owned())));
        request.labels = self.handle.labels();
        let image = self.docker.build(request, &progress).await.map_err(|source| Error::Build { source })?;
        println!("Successfully built {}", short(&image.id));
        for tag in &build.tag {
            self.docker.tag(&image.id, &self.local(tag)?).await?;
            println!("Successfully tagged {tag}");
        }
        Ok(())
    }

    async fn push(&self, name: &str) -> Result<(), Error> {
        let (reference, local) = (self.reference(name)?, self.local(name)?);
        println!("The push refers to repository [{}]", reference.name());
        let credentials = self.logged_in().ok_or(Error::NotLoggedIn)?;
        let pushed = self.docker.push(&local, Some(self.engine_login(&credentials)), &|_| {}).await?;
        let served = self.session(reference.clone(), Some(credentials))?.resolve().await;
        let served = served.map_err(|error| Error::Registry(error.chain()))?.digest;
        if served != pushed.digest {
            return Err(Error::Digest { pushed: pushed.digest, served });
        }
        println!("{}: digest: {} size: {}", reference.object(), pushed.digest, pushed.size);
        Ok(())
    }

    async fn pull(&self, name: &str) -> Result<(), Error> {
        let (reference, local) = (self.reference(name)?, self.local(name)?);
        let credentials = self.logged_in();
        let login = credentials.as_ref().map(|credentials| self.engine_login(credentials));
        println!("{}: Pulling from {}", reference.object(), reference.repository());
        self.docker.pull(&local, login, &|_| {}).await?;
        let resolved = self.session(reference.clone(), credentials)?.resolve().await;
        println!("Digest: {}", resolved.map_err(|error| Error::Registry(error.chain()))?.digest);
        println!("Status: Image is up to date for {}", reference.canonical());
        Ok(())
    }

    fn engine_login(&self, credentials: &Credentials) -> Login {
        Login {
            username: credentials.username.clone(),
            password: credentials.password.clone(),
            server: self.handle.registry.clone(),
        }
    }

    fn session(&self, reference: ImageRef, credentials: Option<Credentials>) -> Result<registry::Session, Error> {
        let client = Client::reaching(&self.endpoint()).map_err(|error| Error::Registry(error.to_string()))?;
        Ok(client.session(self.endpoint(), reference, credentials))
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint { host: self.handle.registry.clone() }
    }

    fn hub(server: Option<&str>) -> Result<(), Error> {
        match server {
            None | Some("docker.io" | "index.docker.io" | "https://index.docker.io/v1/" | "registry-1.docker.io") => {
                Ok(())
            }
            Some(other) => Err(Error::OtherRegistry { server: other.into() }),
        }
    }

    async fn login(&self, login: args::Login) -> Result<(), Error> {
        Self::hub(login.server.as_deref())?;
        let username = login
            .username
            .ok_or_else(|| Error::Usage("Cannot perform an interactive login from a non TTY device".into()))?;
        let password = match login.password {
            Some(password) => password,
            None if login.password_stdin => {
                let mut text = String::new();
                std::io::stdin()
                    .read_to_string(&mut text)
                    .map_err(|source| Error::Read { path: "stdin".into(), source })?;
                text.trim_end_matches(['\n', '\r']).to_owned()
            }
            None => return Err(Error::Usage("Cannot perform an interactive login from a non TTY device".into())),
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
        Self::hub(server.as_deref())?;
        self.write_config(r#"{"auths":{}}"#)?;
        println!("Removing login credentials for https://index.docker.io/v1/");
        Ok(())
    }

    /// The session's own docker config, never the user's.
    fn config_path(&self) -> PathBuf {
        self.handle.private.join("docker/config.json")
    }

    fn write_config(&self, text: &str) -> Result<(), Error> {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        let path = self.config_path();
        let failed = |source| Error::Read { path: path.clone(), source };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.create(true).write(true).truncate(true).mode(0o600).open(&path).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)
    }

    fn logged_in(&self) -> Option<Credentials> {
        let mut keyring = registry::Keyring::default();
        keyring.add_dockerconfigjson(&std::fs::read(self.config_path()).ok()?).ok()?;
        keyring.lookup("docker.io/library/any").into_iter().next().map(|found| found.credentials)
    }

    async fn run(&self, run: Run) -> Result<(), Error> {
        let publish = run.publish.iter().map(|spec| publish(spec)).collect::<Result<_, _>>()?;
        let mut labels = self.handle.labels();
        labels.insert(labels::LAB.into(), self.handle.scope.clone());
        let request = ContainerRequest {
            image: self.local(&run.image)?,
            name: run.name.as_deref().map(|name| self.container(name)),
            args: run.command,
            env: run.env.iter().filter_map(|e| e.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect(),
            labels,
            publish,
            ..ContainerRequest::default()
        };
        println!("{}", self.docker.run(request).await?.id);
        Ok(())
    }

    async fn port(&self, name: &str, port: Option<String>) -> Result<(), Error> {
        let ports = self.docker.ports(&self.container(name)).await?;
        let Some(wanted) = port else {
            for (inside, outside) in ports {
                println!("{inside}/tcp -> 127.0.0.1:{outside}");
            }
            return Ok(());
        };
        let inside = wanted.split('/').next().and_then(|p| p.parse::<u16>().ok());
        match inside.and_then(|p| ports.get(&p)) {
            Some(outside) => println!("127.0.0.1:{outside}"),
            None => return Err(Error::Usage(format!("No public port '{wanted}' published for {name}"))),
        }
        Ok(())
    }

    async fn remove(&self, names: Vec<String>) -> Result<(), Error> {
        for name in names {
            self.docker.remove(&self.container(&name)).await?;
            println!("{name}");
        }
        Ok(())
    }
}

fn short(id: &str) -> &str {
    id.trim_start_matches("sha256:").get(..12).unwrap_or(id)
}

/// The step that labels the image, and the last words: the Engine knows the image by other names.
fn is_ours(progress: &docker::Progress) -> bool {
    let labels = progress.step.starts_with("LABEL ") && progress.step.contains("\"rehearsal.");
    labels || progress.detail.starts_with("Successfully ")
}

/// `[[127.0.0.1:]HOST:]CONTAINER`; the host's side is always 127.0.0.1.
fn publish(spec: &str) -> Result<(u16, Option<u16>), Error> {
    let invalid = || Error::Usage(format!("Invalid containerPort: {spec}"));
    let port = |text: &str| text.parse::<u16>().map_err(|_| invalid());
    match spec.trim_end_matches("/tcp").split(':').collect::<Vec<_>>()[..] {
        [inside] => Ok((port(inside)?, None)),
        [outside, inside] => Ok((port(inside)?, Some(port(outside)?))),
        ["127.0.0.1", "", inside] => Ok((port(inside)?, None)),
        ["127.0.0.1", outside, inside] => Ok((port(inside)?, Some(port(outside)?))),
        [host, ..] => Err(Error::Usage(format!("only 127.0.0.1 is published on, not {host}"))),
        [] => Err(invalid()),
    }
}

/// The files below `dir`, with paths relative to `root`.
fn collect(root: &Path, dir: &Path, into: &mut Vec<ContextFile>) -> Result<(), Error> {
    let failed = |source| Error::Read { path: dir.into(), source };
    let mut entries: Vec<_> = std::fs::read_dir(dir).map_err(failed)?.flatten().map(|e| e.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(root, &path, into)?;
        } else if let Ok(relative) = path.strip_prefix(root) {
            let contents = std::fs::read(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
            into.push(ContextFile::new(relative.to_string_lossy(), contents));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_as_docker_reads_them_and_bound_to_loopback() {
        assert_eq!(publish("5000").unwrap(), (5000, None));
        assert_eq!(publish("8080:5000/tcp").unwrap(), (5000, Some(8080)));
        assert_eq!(publish("127.0.0.1::5000").unwrap(), (5000, None));
        assert_eq!(publish("127.0.0.1:8080:5000").unwrap(), (5000, Some(8080)));
        assert!(publish("0.0.0.0:8080:5000").is_err());
        assert!(publish("http").is_err());
    }

    #[test]
    fn the_step_that_labels_the_image_is_not_shown() {
        let ours = |step: &str, detail: &str| {
            is_ours(&docker::Progress { step: step.into(), detail: detail.into(), ..docker::Progress::default() })
        };
        let step = r#"LABEL "rehearsal.owner"="x.lock" "rehearsal.session"="1""#;
        assert!(ours(step, &format!("Step 8/8 : {step}")) && ours(step, "---> Using cache"));
        assert!(ours(step, "Successfully tagged 127.0.0.1:5000/x"));
        assert!(!ours("LABEL version=1", "Step 7/8 : LABEL version=1") && !ours("RUN true", "---> Using cache"));
    }
}
