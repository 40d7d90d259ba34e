//! What all cases of one suite share: the stage, the watch that is open before the first of them, and what the
//! records must not depend on. Knows no case.

use std::path::PathBuf;
use std::time::Duration;

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use kube::api::{DeleteParams, ListParams};
use kube::{Api, Client, ResourceExt};

use super::error::Error;
use super::outage;
use super::words::Words;
use crate::docker::labels;
use crate::event::Events;
use crate::exec::Tool;
use crate::mask::Masker;
use crate::place::{self, Watch};
use crate::stage::Stage;

pub(crate) struct Testbed<'a> {
    pub stage: &'a Stage,
    pub kubectl: PathBuf,
    /// Of kubectl: 36 for 1.36.
    pub kubectl_minor: u32,
    /// Of the API server.
    pub server_minor: u32,
    pub program: PathBuf,
    /// Marks what this suite creates.
    pub session: String,
    pub client: Client,
    pub watch: Watch,
    pub masker: Masker,
    pub words: Words,
}

impl<'a> Testbed<'a> {
    /// Opens the watch on `stage`. `program` is this program; `session` labels what is created.
    ///
    /// # Errors
    /// Where the cluster does not answer.
    pub(crate) async fn prepare(
        stage: &'a Stage,
        kubectl: PathBuf,
        program: PathBuf,
        session: &str,
        masker: &Masker,
    ) -> Result<Self, Error> {
        let client = stage.cluster.client();
        // Nobody reads this stream: the records tell everything.
        let (events, _) = Events::channel();
        let (watch, nodes, kubectl_minor) = tokio::join!(
            Watch::open(&client, events, 0),
            async { Api::<Node>::all(client.clone()).list(&ListParams::default()).await },
            minor_of(&kubectl),
        );
        let (watch, nodes) = (watch?, nodes?);
        let names = nodes.iter().map(|node| (node.name_any(), "<node>".to_owned())).collect();
        let server_minor = minor(&stage.cluster.info().server_version).unwrap_or_default();
        Ok(Self {
            stage,
            kubectl,
            kubectl_minor,
            server_minor,
            program,
            session: session.into(),
            client,
            watch,
            masker: masker.clone(),
            words: Words::new(masker.clone(), names),
        })
    }

    /// Starts the registry that an interrupted case had stopped, and removes every namespace this suite has made, its pods first and at once: a namespace would give each its whole
    /// grace period.
    ///
    /// # Errors
    /// Where the cluster does not answer or something does not go.
    pub(crate) async fn sweep(&self) -> Result<(), Error> {
        outage::end(self.stage).await?;
        let ours = ListParams::default().labels(&format!("{}={}", labels::SESSION, self.session));
        let found = Api::<Namespace>::all(self.client.clone()).list(&ours).await?;
        try_join_all(found.iter().map(|namespace| self.remove(namespace.name_any()))).await.map(drop)
    }

    /// Removes one namespace and returns when it has gone.
    pub(super) async fn remove(&self, namespace: String) -> Result<(), Error> {
        let pods = Api::<Pod>::namespaced(self.client.clone(), &namespace);
        let all = pods.list(&ListParams::default()).await?;
        try_join_all(all.iter().map(|pod| gone(pods.clone(), pod.name_any(), Some(0)))).await?;
        gone(Api::<Namespace>::all(self.client.clone()), namespace, None).await
    }

    pub(crate) async fn close(self) {
        self.watch.close().await;
    }
}

/// Deletes and waits, by watching, until it has gone.
pub(super) async fn gone<K>(api: Api<K>, name: String, grace: Option<u32>) -> Result<(), Error>
where
    K: kube::Resource + Clone + std::fmt::Debug + Send + serde::de::DeserializeOwned + 'static,
{
    let how = DeleteParams { grace_period_seconds: grace, ..DeleteParams::default() };
    Ok(place::remove(api, &name, &how).await?)
}

/// `v1.36.2` → 36.
fn minor(version: &str) -> Option<u32> {
    let digits = |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>();
    version.split('.').nth(1).and_then(|part| digits(part).parse().ok())
}

/// 0 where it does not say: then cases that need its words are skipped.
async fn minor_of(kubectl: &std::path::Path) -> u32 {
    let asked = Tool::new(kubectl).args(["version", "--client", "-o", "json"]).timeout(Duration::from_secs(20));
    let Ok(output) = asked.run_ok().await else { return 0 };
    let answer: serde_json::Value = serde_json::from_str(&output.stdout).unwrap_or_default();
    answer["clientVersion"]["gitVersion"].as_str().and_then(minor).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minor_of_a_version() {
        for (version, expected) in [("v1.36.2", Some(36)), ("1.34+", Some(34)), ("v1", None), ("v1.x", None)] {
            assert_eq!(minor(version), expected, "{version}");
        }
    }
}
