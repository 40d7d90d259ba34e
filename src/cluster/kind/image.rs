//! Which node image a kind cluster is made of: the one asked for, a local one, or kind's own default from its hub.

use std::time::Duration;

use crate::cluster::Error;
use crate::docker::Docker;
use crate::exec::chain;
use crate::registry::{Client, Endpoint, ImageRef, ImageSession};

const REPOSITORY: &str = "kindest/node";
/// How long the hub may take to say whether it has an image.
const PROBE: Duration = Duration::from_secs(10);

/// A node image that can be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NodeImage {
    /// On the Engine.
    Local(String),
    /// The hub has it.
    Hub(String),
    /// Whatever this kind was made for; its hub answers.
    KindsOwn,
}

impl NodeImage {
    /// For `kind create cluster --image`.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Local(name) | Self::Hub(name) => Some(name),
            Self::KindsOwn => None,
        }
    }
}

impl std::fmt::Display for NodeImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Local(name) => write!(f, "node image {name}: local"),
            Self::Hub(name) => write!(f, "node image {name}: pulled"),
            Self::KindsOwn => f.write_str("node image: kind's own default, pulled"),
        }
    }
}

/// What is asked of the image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WantedNodeImage {
    /// `--node-image`.
    pub image: Option<String>,
    /// `--kubernetes-version`: `1.36` or `1.36.2`.
    pub version: Option<String>,
}

/// Finds an image: the one named; else a local one of the version; else one that the hub has.
///
/// # Errors
/// [`Error::Image`] where it can be had nowhere.
pub(crate) async fn find(docker: &Docker, wanted: &WantedNodeImage) -> Result<NodeImage, Error> {
    let nowhere = |why: String| Error::Image {
        image: wanted
            .image
            .clone()
            .unwrap_or_else(|| format!("{REPOSITORY}:v{}", wanted.version.as_deref().unwrap_or("*"))),
        why,
    };
    if let Some(image) = &wanted.image {
        return match docker.image(image).await.map_err(Error::Docker)? {
            Some(_) => Ok(NodeImage::Local(image.clone())),
            None => probe(docker, image).await.map(|()| NodeImage::Hub(image.clone())).map_err(nowhere),
        };
    }
    let tags = docker.tags(REPOSITORY).await.map_err(Error::Docker)?;
    if let Some(tag) = newest(&tags, wanted.version.as_deref()) {
        return Ok(NodeImage::Local(tag));
    }
    let hubs = match &wanted.version {
        Some(version) if version.matches('.').count() == 2 => format!("{REPOSITORY}:v{version}"),
        Some(version) => match in_time(tags_on_hub()).await.map(|tags| newest(&tags, Some(version))) {
            Ok(Some(image)) => image,
            Ok(None) => return Err(nowhere(format!("its hub has no release of {version}"))),
            Err(why) => return Err(nowhere(why)),
        },
        // Any tag tells whether the hub can be reached at all.
        None => {
            let any = format!("{REPOSITORY}:v1.34.0");
            return probe(docker, &any).await.map(|()| NodeImage::KindsOwn).map_err(nowhere);
        }
    };
    probe(docker, &hubs).await.map(|()| NodeImage::Hub(hubs.clone())).map_err(nowhere)
}

/// Asks whether the image's registry has it: through the Engine, which will pull it, or in its place where that cannot
/// ask without pulling (Podman).
async fn probe(docker: &Docker, image: &str) -> Result<(), String> {
    in_time(async {
        match docker.is_podman() {
            true => on_registry(image)?.resolve().await.map(drop).map_err(|error| error.chain()),
            false => docker.on_hub(image).await.map_err(|error| chain(&error)),
        }
    })
    .await
}

/// The names of all node images on their hub.
async fn tags_on_hub() -> Result<Vec<String>, String> {
    let tags = on_registry(REPOSITORY)?.tags().await.map_err(|error| error.chain())?;
    Ok(tags.into_iter().map(|tag| format!("{REPOSITORY}:{tag}")).collect())
}

fn on_registry(image: &str) -> Result<ImageSession, String> {
    let reference = ImageRef::parse(image).map_err(|error| error.to_string())?;
    let endpoint = Endpoint { host: reference.registry().to_owned() };
    let client = Client::reaching(&endpoint).map_err(|error| chain(&error))?;
    Ok(client.session(endpoint, reference, None))
}

async fn in_time<T>(asking: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    match tokio::time::timeout(PROBE, asking).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("its hub did not answer within {} s", PROBE.as_secs())),
    }
}

/// The newest of the tags `kindest/node:vX.Y.Z`, of the version when one is wanted (`1.36` takes any patch).
fn newest(tags: &[String], version: Option<&str>) -> Option<String> {
    let numbers =
        |tag: &str| -> Option<Vec<u32>> { tag.rsplit_once(":v")?.1.split('.').map(|part| part.parse().ok()).collect() };
    let wanted: Option<Vec<u32>> = version.map(|v| v.split('.').filter_map(|part| part.parse().ok()).collect());
    tags.iter()
        .filter_map(|tag| Some((numbers(tag)?, tag)))
        .filter(|(numbers, _)| wanted.as_ref().is_none_or(|wanted| numbers.starts_with(wanted)))
        .max()
        .map(|(_, tag)| tag.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_local_image_of_the_version_is_taken() {
        let tags = ["v1.9.1", "v1.36.2", "v1.36.10", "v1.34.9", "latest"].map(|t| format!("kindest/node:{t}"));
        assert_eq!(newest(&tags, None).unwrap(), "kindest/node:v1.36.10");
        assert_eq!(newest(&tags, Some("1.34")).unwrap(), "kindest/node:v1.34.9");
        assert_eq!(newest(&tags, Some("1.36.2")).unwrap(), "kindest/node:v1.36.2");
        assert_eq!(newest(&tags, Some("1.3")), None);
        assert_eq!(newest(&[], None), None);
    }
}
