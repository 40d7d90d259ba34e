//! What is asked of a container that runs: its ports and its whole log. Knows not why.

use std::collections::BTreeMap;

use futures::TryStreamExt;

use super::Docker;
use super::container::{LogOptions, published};
use super::error::{Error, Result};

impl Docker {
    /// Container port → port on 127.0.0.1.
    pub async fn ports(&self, container: &str) -> Result<BTreeMap<u16, u16>> {
        let found = self.inspect(container).await?;
        Ok(published(found.network_settings.and_then(|networks| networks.ports).unwrap_or_default()))
    }

    /// Both streams as far as they have been written.
    pub async fn read_logs(&self, container: &str) -> Result<String> {
        let lost = |_| Error::Missing { what: "log", name: container.to_owned() };
        let chunks: Vec<bytes::Bytes> =
            self.logs(container, LogOptions::default()).await?.try_collect().await.map_err(lost)?;
        Ok(String::from_utf8_lossy(&chunks.concat()).into_owned())
    }
}
