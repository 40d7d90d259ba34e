//! Images: inspect, pull, tag, push, remove. Knows no container, and not why an image is wanted.

use bollard::models::{CreateImageInfo, ProgressDetail, PushImageInfo};
use bollard::query_parameters::{
    CreateImageOptionsBuilder, PushImageOptionsBuilder, RemoveImageOptions, RemoveImageOptionsBuilder,
    TagImageOptionsBuilder,
};
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};

use super::error::{Error, Result, failed, failed_for, is_status, message, transfer_failed};
use super::login::AuthConfig;
use super::progress::{OnProgress, Progress};
use super::reference::split_reference;
use super::{Docker, transfer};

/// The longest silence of a pull or a push. The engine tells every chunk; a layer that waits for another's end is
/// what it says least of.
const SILENCE: Duration = Duration::from_secs(120);

/// An image that the engine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageInfo {
    /// `sha256:…`: the config's digest (with containerd's image store, the manifest's).
    pub id: String,
    /// Bytes, unpacked.
    pub size: u64,
    /// Its names, `repository:tag`.
    pub(crate) tags: Vec<String>,
    /// `repository@sha256:…` for each registry it was pulled from or pushed to.
    pub repo_digests: Vec<String>,
    pub(crate) labels: std::collections::BTreeMap<String, String>,
}

/// What a registry took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The manifest's digest, `sha256:…`.
    pub digest: String,
    /// Bytes of the manifest.
    pub(crate) size: u64,
}

impl Docker {
    /// The image by name or id; None when the engine does not have it.
    pub async fn image(&self, name: &str) -> Result<Option<ImageInfo>> {
        match self.api.inspect_image(name).await {
            Ok(image) => Ok(Some(ImageInfo {
                id: image.id.unwrap_or_default(),
                size: image.size.unwrap_or_default().try_into().unwrap_or_default(),
                tags: image.repo_tags.unwrap_or_default(),
                repo_digests: image.repo_digests.unwrap_or_default(),
                labels: image.config.and_then(|c| c.labels).unwrap_or_default().into_iter().collect(),
            })),
            Err(error) if is_status(&error, 404) => Ok(None),
            Err(error) => Err(failed(format!("inspecting image {name}"))(error)),
        }
    }

    /// Pulls one image. The engine's error inside the stream is an error.
    pub async fn pull(&self, name: &str, login: Option<AuthConfig>, progress: OnProgress<'_>) -> Result<ImageInfo> {
        let mut stream = self.pull_stream(name, login);
        while let Some(step) = next(&mut stream, "pulling", name).await? {
            progress(step);
        }
        let missing = || Error::NotFound { kind: "image", name: name.to_owned() };
        self.image(name).await?.ok_or_else(missing)
    }

    /// The pull as it goes: the first item proves that the registry answered.
    pub(crate) fn pull_stream(&self, name: &str, login: Option<AuthConfig>) -> BoxStream<'static, Result<Progress>> {
        let (repository, tag) = split_reference(name);
        if self.is_beyond_bollard(name, login.as_ref()) {
            return transfer::pull(&self.host, self.is_podman(), name, login);
        }
        let options = CreateImageOptionsBuilder::new().from_image(repository).tag(tag).build();
        let image = name.to_owned();
        self.api
            .create_image(Some(options), None, login.map(Into::into))
            .map(move |item| item.map(Progress::from).map_err(transfer_failed("pulling", &image)))
            .boxed()
    }

    /// Asks the registry of an image for it. Returns the registry's answer where it does not give it.
    ///
    /// # Errors
    /// Where the engine itself fails.
    pub(crate) async fn refusal(&self, image: &str) -> Result<Option<String>> {
        match self.api.inspect_registry_image(image, None).await {
            Ok(_) => Ok(None),
            Err(error) => match message(&error) {
                Some(message) => Ok(Some(message.to_owned())),
                None => Err(failed(format!("asking the hub for {image}"))(error)),
            },
        }
    }

    /// Gives an image another name, `repository:tag`.
    pub async fn tag(&self, image: &str, name: &str) -> Result<()> {
        let (repository, tag) = split_reference(name);
        let options = TagImageOptionsBuilder::new().repo(repository).tag(tag).build();
        self.api.tag_image(image, Some(options)).await.map_err(failed_for("tagging", "image", image))
    }

    /// Removes a name, and the image with its last name; by id, the image with all its names. Absent is fine.
    pub async fn remove_image(&self, name: &str) -> Result<()> {
        let options = RemoveImageOptionsBuilder::new().force(true).build();
        match self.api.remove_image(name, Some(options), None).await {
            Err(error) if !is_status(&error, 404) => Err(failed(format!("removing image {name}"))(error)),
            _ => Ok(()),
        }
    }

    /// Removes an image that has lost its last name, with its parents that have none either. One that something is
    /// built on or runs from stays.
    pub(super) async fn discard(&self, id: &str) {
        let nameless = self.image(id).await.ok().flatten().is_some_and(|image| image.tags.is_empty());
        if nameless {
            // A refusal is what *stays* means.
            let _ = self.api.remove_image(id, None::<RemoveImageOptions>, None).await;
        }
    }

    /// Pushes `repository:tag` to the registry in its name. The stream is drained to its end: the engine reports a
    /// refusal inside a 200 answer.
    pub async fn push(&self, name: &str, login: Option<AuthConfig>, progress: OnProgress<'_>) -> Result<Pushed> {
        let mut stream = self.push_stream(name, login);
        let mut pushed = None;
        while let Some(step) = next(&mut stream, "pushing", name).await? {
            pushed = parse_pushed(&step.step).or(pushed);
            progress(step);
        }
        pushed.ok_or_else(|| Error::Missing { what: "digest", name: name.to_owned() })
    }

    fn push_stream(&self, name: &str, login: Option<AuthConfig>) -> BoxStream<'static, Result<Progress>> {
        let (repository, tag) = split_reference(name);
        if self.is_beyond_bollard(name, login.as_ref()) {
            return transfer::push(&self.host, name, login);
        }
        let options = PushImageOptionsBuilder::new().tag(tag).build();
        let image = name.to_owned();
        self.api
            .push_image(repository, Some(options), login.map(Into::into))
            .map(move |item| item.map(Progress::from).map_err(transfer_failed("pushing", &image)))
            .boxed()
    }

    fn is_beyond_bollard(&self, name: &str, login: Option<&AuthConfig>) -> bool {
        // Over TLS the engine is bollard's alone to speak to.
        let plain = !self.host.starts_with("https://");
        plain && (self.is_podman() && transfer::is_here(name) || login.is_some_and(AuthConfig::is_misspelt))
    }
}

/// What the engine tells next of a transfer; dropping the stream after an error is what makes the engine give up, too.
async fn next<T>(
    stream: &mut (impl Stream<Item = Result<T>> + Unpin),
    action: &'static str,
    image: &str,
) -> Result<Option<T>> {
    match tokio::time::timeout(SILENCE, stream.next()).await {
        Ok(item) => item.transpose(),
        Err(_) => Err(Error::Stalled { action, image: image.to_owned(), seconds: SILENCE.as_secs() }),
    }
}

/// `TAG: digest: sha256:… size: N`, the engine's last word of a push.
fn parse_pushed(status: &str) -> Option<Pushed> {
    let (_, rest) = status.split_once("digest: ")?;
    let (digest, size) = rest.split_once(" size: ")?;
    let size = size.trim().parse().ok()?;
    digest.starts_with("sha256:").then(|| Pushed { digest: digest.to_owned(), size })
}

fn progress(status: Option<String>, id: Option<String>, counts: Option<ProgressDetail>) -> Progress {
    let counts = counts.unwrap_or_default();
    let bytes = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok());
    Progress {
        step: status.unwrap_or_default(),
        detail: id.unwrap_or_default(),
        current: bytes(counts.current),
        total: bytes(counts.total),
    }
}

impl From<CreateImageInfo> for Progress {
    fn from(info: CreateImageInfo) -> Self {
        progress(info.status, info.id, info.progress_detail)
    }
}

impl From<PushImageInfo> for Progress {
    fn from(info: PushImageInfo) -> Self {
        progress(info.status, None, info.progress_detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_transfer_that_stands_still_is_given_up() {
        let mut stream = futures::stream::iter([Ok(1)]).chain(futures::stream::pending()).boxed();
        assert_eq!(next(&mut stream, "pushing", "a:1").await.unwrap(), Some(1));
        let error = next(&mut stream, "pushing", "a:1").await.unwrap_err();
        assert_eq!(error.to_string(), "pushing a:1 stands still: the docker engine has told nothing for 120 s");
    }

    #[test]
    fn the_digest_is_read_from_the_pushs_last_word_only() {
        let pushed = parse_pushed("1.0.0: digest: sha256:ab12 size: 528").unwrap();
        assert_eq!((pushed.digest.as_str(), pushed.size), ("sha256:ab12", 528));
        assert_eq!(parse_pushed("The push refers to repository [127.0.0.1:5000/a]"), None);
    }
}
