//! What the requests of one lab share: the cluster, the names as they are known by now, and who is told.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::back::Replacer;
use super::error::Refusal;
use super::names::Names;
use super::path::Target;
use super::record::Request;
use super::rights::{Reach, Right};
use super::server::Upstream;
use crate::secret::Secret;

pub(crate) struct Shared {
    pub(crate) upstream: Upstream,
    pub(crate) reach: Reach,
    /// The lab's own, of this gateway only.
    pub(crate) token: Secret,
    pub(crate) told: Box<dyn Fn(Request) + Send + Sync>,
    /// Ends answers that do not end by themselves, and connections.
    pub(crate) shutdown: CancellationToken,
    pub(crate) tasks: TaskTracker,
    /// Cancelled when the view in process is cut off.
    pub(crate) blind: CancellationToken,
    known: RwLock<KnownNames>,
    needs_alone: OnceLock<String>,
    unsteady: OnceLock<String>,
    /// Paths of the cluster-scoped objects that the lab made.
    made: Mutex<Vec<String>>,
}

/// The names as they are known by now; they grow with what the lab makes.
#[derive(Clone)]
pub(crate) struct KnownNames {
    pub(crate) names: Arc<Names>,
    pub(crate) back: Arc<Replacer>,
}

impl KnownNames {
    fn new(names: Names) -> Self {
        Self { back: Arc::new(names.replacer()), names: Arc::new(names) }
    }
}

impl Shared {
    pub(crate) fn new(
        upstream: Upstream,
        names: Names,
        reach: Reach,
        token: Secret,
        told: Box<dyn Fn(Request) + Send + Sync>,
    ) -> Self {
        Self {
            upstream,
            reach,
            token,
            told,
            shutdown: CancellationToken::new(),
            blind: CancellationToken::new(),
            tasks: TaskTracker::new(),
            known: RwLock::new(KnownNames::new(names)),
            needs_alone: OnceLock::new(),
            unsteady: OnceLock::new(),
            made: Mutex::default(),
        }
    }

    pub(crate) fn known(&self) -> KnownNames {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has the names grow.
    pub(crate) fn learn(&self, learn: impl FnOnce(&mut Names)) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let mut names = (*known.names).clone();
        learn(&mut names);
        if names != *known.names {
            *known = KnownNames::new(names);
        }
    }

    pub(crate) fn needs_alone(&self) -> Option<String> {
        self.needs_alone.get().cloned()
    }

    pub(crate) fn unsteady(&self) -> Option<String> {
        self.unsteady.get().cloned()
    }

    /// Remembers the first request that the cluster has failed.
    pub(crate) fn note_failure(&self, request: &Request, how: &str) {
        let parts = [&request.verb, &request.resource, &request.name].into_iter().filter(|part| !part.is_empty());
        let what: Vec<&str> = parts.map(String::as_str).collect();
        let _ = self.unsteady.set(format!("{}: {how}", what.join(" ")));
    }

    pub(crate) fn made(&self) -> Vec<String> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn add_made(&self, path: String) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if !made.contains(&path) {
            made.push(path);
        }
    }

    /// Lets a request pass, or says why not; remembers the first that wants the cluster to itself.
    ///
    /// # Errors
    /// Where the lab has not that right.
    pub(crate) fn demand(&self, right: Right, target: &Target) -> Result<(), Refusal> {
        match right {
            Right::Given => Ok(()),
            Right::Refused(why) => Err(Refusal::forbidden(&target.info, why)),
            Right::Alone(why) => {
                let info = &target.info;
                let what = if info.is_resource { &info.resource } else { &info.path };
                let of = [info.name.as_str(), info.namespace.as_str()].into_iter().find(|name| !name.is_empty());
                let _ = self
                    .needs_alone
                    .set(format!("{} {what} {}", info.verb, of.unwrap_or_default()).trim_end().to_owned());
                Err(Refusal::forbidden(info, why))
            }
        }
    }
}
