//! What a reader asks of the engine, which says so where it refuses; and what of it goes again. Knows the labels by which
//! that is found, not who reads.

use std::collections::{BTreeMap, BTreeSet};

use bollard::query_parameters::{ListImagesOptions, RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder};
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryFutureExt as _, TryStreamExt as _};
use serde_json::Value;

use super::container::LogOptions;
use super::error::{Result, failed, failed_for};
use super::exec::with_fd;
use super::{Docker, labels};

/// An image as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSummary {
    pub id: String,
    /// Its names, `repository:tag`.
    pub tags: Vec<String>,
    /// Seconds since 1970.
    pub created: i64,
    /// Bytes.
    pub size: u64,
    pub labels: BTreeMap<String, String>,
}

impl Docker {
    /// All images that have a name.
    pub async fn images(&self) -> Result<Vec<ImageSummary>> {
        let found = self.api.list_images(None::<ListImagesOptions>).await.map_err(failed("listing images"))?;
        let named = found.into_iter().filter(|image| image.repo_tags.iter().any(|tag| !tag.starts_with("<none>")));
        let summary = |image: bollard::models::ImageSummary| ImageSummary {
            id: image.id,
            tags: image.repo_tags,
            created: image.created,
            size: image.size.try_into().unwrap_or_default(),
            labels: image.labels.into_iter().collect(),
        };
        Ok(named.map(summary).collect())
    }

    /// Removes a container with its anonymous volumes, which nobody would find again; a running one with force only.
    pub async fn rm(&self, id: &str, force: bool) -> Result<()> {
        if force {
            return self.remove(id).await;
        }
        let options = RemoveContainerOptionsBuilder::new().v(true).build();
        let removed = self.api.remove_container(id, Some(options)).await;
        removed.map_err(failed_for("removing", "container", id))
    }

    /// Takes a name from an image, and removes the image with its last name; gives docker's lines.
    pub async fn rmi(&self, name: &str, force: bool) -> Result<Vec<String>> {
        let options = RemoveImageOptionsBuilder::new().force(force).build();
        let removed = self.api.remove_image(name, Some(options), None).await;
        let lines = removed.map_err(failed_for("removing", "image", name))?.into_iter().flat_map(|item| {
            let untagged = item.untagged.map(|name| format!("Untagged: {name}"));
            untagged.into_iter().chain(item.deleted.map(|id| format!("Deleted: {id}")))
        });
        Ok(lines.collect())
    }

    /// Everything the engine knows of a container.
    pub async fn container_json(&self, id: &str) -> Result<Value> {
        Ok(serde_json::to_value(self.inspect(id).await?).unwrap_or_default())
    }

    /// Everything the engine knows of an image.
    pub async fn image_json(&self, name: &str) -> Result<Value> {
        let image = self.api.inspect_image(name).await.map_err(failed_for("inspecting", "image", name))?;
        Ok(serde_json::to_value(image).unwrap_or_default())
    }

    /// A container's output with the stream (1 or 2) each piece came on.
    pub fn output(&self, id: &str, options: &LogOptions) -> BoxStream<'static, std::io::Result<(u8, bytes::Bytes)>> {
        let (docker, id, options) = (self.clone(), id.to_owned(), options.clone());
        let logs = async move {
            let now = docker.now_for(&options).await.map_err(std::io::Error::other)?;
            let logs = docker.api.clone().logs(&id, Some(options.query(now)));
            Ok(logs.map_ok(with_fd).map_err(std::io::Error::other))
        };
        logs.try_flatten_stream().boxed()
    }

    /// Removes what a lab has left: its containers, the images it has built, and all names that begin as its images'
    /// do where it is one among others.
    pub async fn remove_lab(&self, scope: &str) -> Result<()> {
        for container in self.containers(&format!("{}={scope}", labels::LAB)).await? {
            self.remove(&container.id).await?;
        }
        self.remove_lab_images(scope).await
    }

    /// Removes what the labs of a session have left on a stage that was another's: as [`Docker::remove_lab`] for each of
    /// the scopes that begin with `prefix`; gives how many there were.
    pub async fn remove_labs(&self, prefix: &str) -> Result<usize> {
        let scope =
            |labels: &BTreeMap<String, String>, key| labels.get(key).filter(|scope| scope.starts_with(prefix)).cloned();
        let containers = self.containers(labels::LAB).await?;
        let mut scopes: BTreeSet<_> = containers.iter().filter_map(|found| scope(&found.labels, labels::LAB)).collect();
        for image in self.images().await? {
            scopes.extend(scope(&image.labels, labels::BUILT));
            let named = image.tags.iter().filter_map(|tag| Some(tag.split_once("/rehearsal-")?.1));
            // `SESSION-labN-IMAGE`
            let named = named.filter(|name| name.starts_with(prefix)).filter_map(|name| {
                let digits = name[prefix.len()..].find(|c: char| !c.is_ascii_digit())?;
                Some(name[..prefix.len() + digits].to_owned())
            });
            scopes.extend(named);
        }
        for scope in &scopes {
            self.remove_lab(scope).await?;
        }
        Ok(scopes.len())
    }

    async fn remove_lab_images(&self, scope: &str) -> Result<()> {
        let own = format!("/rehearsal-{scope}-");
        for image in self.images().await? {
            let built = image.labels.get(labels::BUILT).is_some_and(|by| by == scope);
            // By name: one that another is built on loses its names now, and goes with the other.
            for tag in image.tags.iter().filter(|tag| built || tag.contains(&own)) {
                self.remove_image(tag).await?;
            }
        }
        Ok(())
    }
}
