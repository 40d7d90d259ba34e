//! The stage's registry: a container of its own in docker.io's place, or one that is there already.

use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::sync::watch;

use super::part::{Part, timed};
use super::raising::Raising;
use crate::docker::registry::{Auth, RegistryContainer, RegistryRequest};
use crate::images;
use crate::registry::{self, Client, Credentials, Endpoint, ImageRef, token};
use crate::session::Session;
use crate::stage::{Defect, Error, Remote};

/// A registry that answers.
pub(in crate::stage) struct Registry {
    /// Host and port.
    pub host: String,
    /// Its container, where it is the stage's own.
    pub container: Option<String>,
    /// What the reader should know of it: why a stand-in is used.
    pub note: Option<String>,
}

/// Where the stage's own registry listens, and its container; told as soon as it does.
pub(super) type Address = (SocketAddr, String);

/// Starts the stage's registry, or asks the user's.
///
/// # Errors
/// Where it does not come up, or does not take the login.
pub(super) async fn raise(raising: &Raising<'_>, announce: watch::Sender<Option<Address>>) -> Result<Registry, Error> {
    let Raising { settings, docker, session, credentials, .. } = raising;
    timed(Part::Registry, raising.on_part, async |tell| {
        if let Some((remote, credentials)) = &settings.remote {
            tell("logging in");
            check(remote, credentials).await?;
            let line = format!("{} in docker.io's place, user {}", remote.place(), credentials.username);
            return Ok((Registry { host: remote.host.clone(), container: None, note: None }, line));
        }
        let part = |source| Error::Docker { part: Part::Registry, source };
        let found = images::ensure(docker, images::REGISTRY, &|p| tell(&p.to_string())).await.map_err(part)?;
        tell("starting");
        let request = RegistryRequest {
            image: found.image.clone(),
            auth: auth(raising)?,
            labels: raising.labels(),
            port: settings.registry_port,
            layers: Some(layers_of(session)),
        };
        // The ledger finds it by its label when it is to go.
        let (id, addr) = RegistryContainer::start(docker, request).await.map_err(|error| part(error.into()))?.leave();
        let _ = announce.send(Some((addr, id.clone())));
        let line = format!("{} on {addr} in docker.io's place, user {}", found.label(), credentials.username);
        Ok((Registry { host: addr.to_string(), container: Some(id), note: found.reason() }, line))
    })
    .await
}

/// By its tokens where the stage has a service for them, else by the password.
fn auth(raising: &Raising<'_>) -> Result<Auth, Error> {
    Ok(match raising.tokens {
        _ if raising.settings.defect == Some(Defect::OpenRegistry) => Auth::Nobody,
        Some(tokens) => Auth::Token {
            realm: tokens.realm(),
            service: token::SERVICE.into(),
            issuer: token::ISSUER.into(),
            certificate: tokens.certificate().into(),
        },
        None => Auth::Basic {
            htpasswd: raising.credentials.htpasswd().map_err(Error::Htpasswd)?.into(),
            realm: "rehearsal".into(),
        },
    })
}

/// The registry's address and container, once it is up.
///
/// # Errors
/// [`Error::NoRegistry`] where it never comes up.
pub(super) async fn address_of(mut address: watch::Receiver<Option<Address>>) -> Result<Address, Error> {
    let found = address.wait_for(Option::is_some).await.map_err(|_| Error::NoRegistry)?;
    found.clone().ok_or(Error::NoRegistry)
}

/// Asks a registry that is there whether it takes the login.
///
/// # Errors
/// Where it does not, or does not answer.
pub(crate) async fn check(remote: &Remote, credentials: &Credentials) -> Result<(), Error> {
    let (endpoint, host) = (Endpoint { host: remote.host.clone() }, remote.host.clone());
    let unreachable = |answer: String| Error::Unreachable { host: host.clone(), answer };
    let client = Client::reaching(&endpoint).map_err(|error| unreachable(error.to_string()))?;
    match client.login(&endpoint, credentials).await {
        Ok(()) => Ok(()),
        Err(error @ registry::Error::Request { .. }) => Err(unreachable(error.chain())),
        Err(error) => {
            Err(Error::Login { host: host.clone(), username: credentials.username.clone(), answer: error.chain() })
        }
    }
}

/// A question to the registry about `image`.
///
/// # Errors
/// Where the name is none, or there is no client for the registry.
pub(in crate::stage) fn ask(
    image: &str,
    registry: &str,
    credentials: Option<Credentials>,
) -> Result<registry::ImageSession, Error> {
    let not_served = |answer: String| Error::NotServed { image: image.into(), answer };
    let reference = ImageRef::parse(image).map_err(|error| not_served(error.to_string()))?;
    let endpoint = Endpoint { host: registry.to_owned() };
    let client = Client::reaching(&endpoint).map_err(|error| not_served(error.to_string()))?;
    Ok(client.session(endpoint, reference, credentials))
}

/// The copy of layers stands beside the sessions: `make clean` removes it.
pub(super) fn layers_of(session: &Session) -> PathBuf {
    session.dir().with_file_name("cache").join("layers")
}
