//! Removal by label: what a session made, found on the engine and not in anyone's memory. Knows no ledger and no lock.

use std::collections::BTreeMap;

use bollard::query_parameters::{
    ListImagesOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder, RemoveVolumeOptionsBuilder,
};
use futures::future::try_join_all;

use super::container::by_label;
use super::error::{Error, Result, failed, is_status};
use super::{Docker, labels};
use crate::noun::counted;

/// A session as the engine remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSession {
    pub id: String,
    /// All labels its things carry, [`labels::OWNER`] among them.
    pub labels: BTreeMap<String, String>,
}

impl FoundSession {
    /// The path of the session's lock file, where its maker wrote one.
    pub fn owner(&self) -> Option<&str> {
        self.labels.get(labels::OWNER).map(String::as_str)
    }
}

/// Labels of one thing and how to remove it.
#[derive(Debug)]
enum Thing {
    Container(String),
    Image(String),
    Network(String),
    Volume(String),
}

impl Thing {
    fn noun(&self) -> &'static str {
        match self {
            Self::Container(_) => "container",
            Self::Image(_) => "image",
            Self::Network(_) => "network",
            Self::Volume(_) => "volume",
        }
    }
}

fn of_session(session: &str) -> String {
    format!("{}={session}", labels::SESSION)
}

impl Docker {
    /// Removes everything that carries the session's label: containers, then images, networks and volumes; gives how
    /// many things that were. A second call finds nothing and is fine.
    pub async fn remove_session(&self, session: &str) -> Result<usize> {
        self.remove_labelled(&of_session(session)).await
    }

    /// What carries the session's label, for people: `2 containers`, `1 image`.
    pub async fn left_of_session(&self, session: &str) -> Result<Vec<String>> {
        self.left_with(&of_session(session)).await
    }

    /// As [`Docker::remove_session`], by a label `key=value` of any kind.
    pub async fn remove_labelled(&self, label: &str) -> Result<usize> {
        let found = self.labelled(label).await?;
        let (containers, rest): (Vec<_>, Vec<_>) =
            found.into_iter().map(|(thing, _)| thing).partition(|thing| matches!(thing, Thing::Container(_)));
        try_join_all(containers.iter().map(|thing| self.remove_thing(thing))).await?;
        try_join_all(rest.iter().map(|thing| self.remove_thing(thing))).await?;
        Ok(containers.len() + rest.len())
    }

    /// As [`Docker::left_of_session`], by a label `key=value` of any kind.
    pub async fn left_with(&self, label: &str) -> Result<Vec<String>> {
        let mut counts = BTreeMap::<&str, usize>::new();
        for (thing, _) in self.labelled(label).await? {
            *counts.entry(thing.noun()).or_default() += 1;
        }
        Ok(counts.into_iter().map(|(noun, number)| counted(number, noun)).collect())
    }

    /// The sessions that left something on the engine, by id.
    pub async fn sessions(&self) -> Result<Vec<FoundSession>> {
        let mut sessions: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for (_, found) in self.labelled(labels::SESSION).await? {
            if let Some(id) = found.get(labels::SESSION) {
                sessions.entry(id.clone()).or_default().extend(found);
            }
        }
        Ok(sessions.into_iter().map(|(id, labels)| FoundSession { id, labels }).collect())
    }

    async fn labelled(&self, label: &str) -> Result<Vec<(Thing, BTreeMap<String, String>)>> {
        let filters = by_label(label);
        let images = ListImagesOptionsBuilder::new().filters(&filters).build();
        let networks = ListNetworksOptionsBuilder::new().filters(&filters).build();
        let volumes = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let (containers, images, networks, volumes) = tokio::try_join!(
            self.containers(label),
            async { self.api.list_images(Some(images)).await.map_err(failed("listing images")) },
            async { self.api.list_networks(Some(networks)).await.map_err(failed("listing networks")) },
            async { self.api.list_volumes(Some(volumes)).await.map_err(failed("listing volumes")) },
        )?;
        let mut found: Vec<_> = containers.into_iter().map(|c| (Thing::Container(c.id), c.labels)).collect();
        found.extend(images.into_iter().map(|i| (Thing::Image(i.id), i.labels.into_iter().collect())));
        found.extend(
            networks
                .into_iter()
                .filter_map(|n| Some((Thing::Network(n.id?), n.labels.unwrap_or_default().into_iter().collect()))),
        );
        let volumes = volumes.volumes.unwrap_or_default();
        found.extend(volumes.into_iter().map(|v| (Thing::Volume(v.name), v.labels.into_iter().collect())));
        Ok(found)
    }

    async fn remove_thing(&self, thing: &Thing) -> Result<()> {
        let removed = match thing {
            Thing::Container(id) => return self.remove(id).await,
            Thing::Image(id) => return self.remove_image(id).await,
            Thing::Network(id) => self.api.remove_network(id).await,
            Thing::Volume(name) => {
                let options = RemoveVolumeOptionsBuilder::new().force(true).build();
                self.api.remove_volume(name, Some(options)).await
            }
        };
        match removed {
            Err(error) if !is_status(&error, 404) => {
                Err(Error::Engine { action: format!("removing {thing:?}"), source: error })
            }
            _ => Ok(()),
        }
    }
}
