//! The application's image: built, given the session's label, pushed, and served by the registry as it was pushed.

use std::path::Path;

use tokio::sync::watch;

use super::part::{Part, timed};
use super::raising::Raising;
use super::registry::{Address, address_of, ask, layers_of};
use crate::docker::{self, AuthConfig, Docker, layers};
use crate::images::{self, Base};
use crate::registry::{Credentials, ImageRef};
use crate::stage::Error;

/// The application's image on the Engine.
pub(in crate::stage) struct AppImage {
    pub id: String,
    /// Under which the registry serves it; empty where it is pushed for each lab.
    pub digest: String,
    /// What the reader should know of it: why a stand-in is used.
    pub note: Option<String>,
}

/// Builds the image and, on a registry of the stage's own, pushes it; `rest` is told once the registry is left alone.
///
/// # Errors
/// Where it cannot be built, or the registry does not serve what was pushed.
pub(super) async fn raise(
    raising: &Raising<'_>,
    address: watch::Receiver<Option<Address>>,
    rest: watch::Sender<bool>,
) -> Result<AppImage, Error> {
    let Raising { settings, docker, session, credentials, .. } = raising;
    timed(Part::Image, raising.on_part, async |tell| {
        let part = |source| Error::Docker { part: Part::Image, source };
        let progress = |p: docker::Progress| tell(&p.to_string());
        let application = &settings.application;
        let found = images::ensure(docker, &application.base, &progress).await.map_err(part)?;
        let base = Base::ensure(docker, &found, &progress).await.map_err(part)?;
        base.build(docker, application, &progress).await.map_err(part)?;
        // The same layers once more, with the session's label: every name it gets goes with the session.
        let name = application.named(session.id());
        let mut request = base.request(application.context().map_err(part)?, "Dockerfile", &name);
        request.labels = raising.labels();
        let id = docker.build(request, &progress).await.map_err(|error| part(error.into()))?.id;
        if settings.remote.is_some() {
            // Pushed for each lab, to repositories that nobody else uses.
            let line = format!("{} built on {}", application.image, found.label());
            return Ok((AppImage { id, digest: String::new(), note: found.reason() }, line));
        }
        let (registry, container) = address_of(address).await?;
        let registry = &registry.to_string();
        tell("pushing");
        let digest = push(&application.image, docker, &id, registry, credentials).await?;
        keep_layers(&application.image, docker, &container, registry, credentials, &layers_of(session)).await;
        let built = ask(&application.image, registry, Some(Credentials::clone(credentials)))?;
        let mounts = settings.served.iter().map(|image| async {
            // A lab whose image is not mounted here brings it about itself, and then says why it cannot be.
            if let Ok(session) = ask(image, registry, Some(Credentials::clone(credentials))) {
                let _ = session.mount(&built, &digest).await;
            }
        });
        futures::future::join_all(mounts).await;
        let _ = rest.send(true);
        let shown = &digest[..19.min(digest.len())];
        let line = format!("{} built on {} and pushed, {shown}", application.image, found.label());
        Ok((AppImage { id, digest, note: found.reason() }, line))
    })
    .await
}

/// Keeps what was pushed for the next session, unless it is kept already. Failing costs only time.
async fn keep_layers(
    image: &str,
    docker: &Docker,
    container: &str,
    registry: &str,
    credentials: &Credentials,
    to: &Path,
) {
    let Ok(session) = ask(image, registry, Some(credentials.clone())) else { return };
    if let Ok(layers) = session.layers().await
        && !layers::has(to, &layers)
    {
        let _ = docker.keep_layers(container, to).await;
    }
}

/// Pushes the image `id` as `image` and checks that the registry serves what was pushed.
///
/// # Errors
/// Where the push fails, or another digest is served.
pub(in crate::stage) async fn push(
    image: &str,
    docker: &Docker,
    id: &str,
    registry: &str,
    credentials: &Credentials,
) -> Result<String, Error> {
    let part = |source: docker::Error| Error::Docker { part: Part::Image, source: source.into() };
    let not_served = |answer: String| Error::NotServed { image: image.into(), answer };
    let reference = ImageRef::parse(image).map_err(|error| not_served(error.to_string()))?;
    let name = reference.with_registry(registry).to_string();
    let login = AuthConfig {
        username: credentials.username.clone(),
        password: credentials.password.clone(),
        server: registry.to_string(),
    };
    docker.tag(id, &name).await.map_err(part)?;
    let pushed = docker.push(&name, Some(login), &|_| {}).await.map_err(part)?.digest;
    let session = ask(image, registry, Some(credentials.clone()))?;
    let served = session.resolve().await.map_err(|error| not_served(error.chain()))?.digest;
    if served != pushed {
        return Err(Error::Digest { image: image.into(), pushed, served });
    }
    Ok(pushed)
}
