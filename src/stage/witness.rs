//! The log of the stage's own registry, followed as it is written: who asked for what, and what was answered.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::up::Stage;
use crate::clock::SteadyClock;
use crate::docker::{self, LogOptions};
use crate::registry::access_log::{LogEntry, LogReader};

/// What the registry has answered since the value was made, the log of a stage that is kept up being long. It is followed
/// from the first question on.
#[derive(Default)]
pub(super) struct Log {
    since: SteadyClock,
    heard: Arc<Mutex<Heard>>,
    /// Changes at each answer, also of a registry that has been started again.
    changed: watch::Sender<u64>,
    witness: tokio::sync::Mutex<Option<Arc<Witness>>>,
}

/// How long an engine that keeps no log may take to say so; one that has nothing to tell yet says nothing.
const REFUSES_WITHIN: Duration = Duration::from_millis(500);

#[derive(Default)]
struct Heard {
    entries: Vec<LogEntry>,
    /// How long after the time that it bears an answer was heard of at least, by a clock that nobody sets. The registry may
    /// have another clock than we, and either may be set meanwhile.
    lag: Option<SignedDuration>,
}

impl Heard {
    /// The log is read from its beginning again where the registry has been restarted.
    fn hear(&mut self, mut entries: Vec<LogEntry>, now: Timestamp) {
        entries.retain(|entry| !self.entries.contains(entry));
        let lags = entries.iter().map(|entry| now.duration_since(entry.time));
        self.lag = lags.chain(self.lag).min();
        self.entries.extend(entries);
    }
}

/// See the module.
pub(crate) struct Witness {
    heard: Arc<Mutex<Heard>>,
    changes: watch::Receiver<u64>,
    clock: SteadyClock,
    follows: AbortOnDropHandle<()>,
}

impl Witness {
    /// All answers so far, the oldest first, and the time by the registry's own clock; keep it short, further ones wait.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&[LogEntry], Timestamp) -> T) -> T {
        let heard = self.heard();
        let now = self.clock.now();
        at(&heard.entries, now.checked_sub(heard.lag.unwrap_or_default()).unwrap_or(now))
    }

    /// Wakes at each answer.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By what nodes are known in the registry's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NodeMark {
    /// By what mini's node calls itself: it is part of this program, and has no address of its own.
    Mini,
    /// By its addresses.
    Addresses(Vec<IpAddr>),
}

impl NodeMark {
    /// Whether one of the nodes has asked.
    pub(crate) fn is_on(&self, entry: &LogEntry) -> bool {
        match self {
            Self::Mini => entry.is_minis(),
            Self::Addresses(addresses) => entry.remote.is_some_and(|remote| addresses.contains(&remote.to_canonical())),
        }
    }
}

impl Stage {
    /// By what a node of the cluster is known in the registry's log. A node of kind is a container of its own name.
    ///
    /// # Errors
    /// Where the Engine does not know the node's container, or its addresses.
    pub(crate) async fn node_mark(&self, node: &str) -> Result<NodeMark, docker::Error> {
        self.mark(&[node]).await
    }

    /// As [`Stage::node_mark`], of all the cluster's nodes.
    ///
    /// # Errors
    /// See there.
    pub(crate) async fn nodes_mark(&self) -> Result<NodeMark, docker::Error> {
        let nodes: Vec<_> = self.cluster.info().nodes.iter().map(String::as_str).collect();
        self.mark(&nodes).await
    }

    async fn mark(&self, nodes: &[&str]) -> Result<NodeMark, docker::Error> {
        if self.cluster.is_mini() {
            return Ok(NodeMark::Mini);
        }
        let addresses = try_join_all(nodes.iter().map(|node| self.docker.addresses(node))).await?;
        Ok(NodeMark::Addresses(addresses.concat()))
    }

    /// What the registry has answered; None where its log is not ours to read. A log ends with its container, and goes on
    /// where that has been started again.
    ///
    /// # Errors
    /// Where the Engine does not hand the log out: its logging driver may keep none.
    pub(crate) async fn witness(&self) -> Result<Option<Arc<Witness>>, docker::Error> {
        let Some(container) = &self.handle.registry_container else { return Ok(None) };
        let mut witness = self.log.witness.lock().await;
        if let Some(follows) = witness.as_ref().filter(|witness| !witness.follows.is_finished()) {
            return Ok(Some(follows.clone()));
        }
        let new = Arc::new(self.follow(container).await?);
        *witness = Some(new.clone());
        Ok(Some(new))
    }

    async fn follow(&self, container: &str) -> Result<Witness, docker::Error> {
        let options = LogOptions {
            follow: true,
            // The log of a stage that is our own begins with it. Whole seconds, and one more for what they leave out.
            since_seconds: self.outlives_run().then(|| self.log.since.elapsed().as_secs() as i64 + 1),
            ..LogOptions::default()
        };
        let mut log = self.docker.logs(container, options).await?;
        let first = match tokio::time::timeout(REFUSES_WITHIN, log.next()).await {
            Ok(Some(Err(_)) | None) => {
                return Err(docker::Error::Missing { what: "log", name: container.to_owned() });
            }
            Ok(Some(Ok(first))) => first,
            Err(_) => Bytes::new(),
        };
        let (heard, clock, changed) = (self.log.heard.clone(), self.log.since, self.log.changed.clone());
        let (kept, changes) = (heard.clone(), changed.subscribe());
        let follows = tokio::spawn(async move {
            let (mut reader, mut next) = (LogReader::default(), Some(Ok(first)));
            while let Some(Ok(bytes)) = next {
                let read = reader.read(&String::from_utf8_lossy(&bytes));
                if !read.is_empty() {
                    kept.lock().unwrap_or_else(PoisonError::into_inner).hear(read, clock.now());
                    changed.send_modify(|count| *count += 1);
                }
                next = log.next().await;
            }
        });
        Ok(Witness { heard, changes, clock, follows: AbortOnDropHandle::new(follows) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registrys_clock_is_known_by_what_it_writes() {
        let (wall, mut heard) = (Timestamp::now(), Heard::default());
        let clock = SteadyClock::starting_at(wall);
        let entry = |behind: i64| {
            let time = wall - SignedDuration::from_secs(behind);
            let text = format!(
                "time=\"{time}\" msg=\"response completed\" http.request.id=1 http.request.method=GET vars.name=a \
                 vars.reference=b http.response.status=200\n"
            );
            crate::registry::access_log::parse(&text)
        };
        // A registry an hour behind, first heard of five seconds late.
        heard.hear(entry(3_605), wall);
        heard.hear(entry(3_600), wall);
        assert_eq!((heard.entries.len(), heard.lag), (2, Some(SignedDuration::from_secs(3_600))));
        let (_, changes) = watch::channel(0);
        let follows = AbortOnDropHandle::new(tokio::runtime::Runtime::new().unwrap().spawn(async {}));
        let witness = Witness { heard: Arc::new(Mutex::new(heard)), changes, clock, follows };
        let behind = witness.look(|_, now| clock.now().duration_since(now));
        assert!((3_600..3_601).contains(&behind.as_secs()), "{behind}");
    }
}
