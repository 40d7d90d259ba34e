//! What all parts of one stage are raised with, and all of them side by side.

use std::collections::BTreeMap;

use tokio::sync::watch;

use super::cluster::{self, Raised, Slot};
use super::image::{self, AppImage};
use super::part::OnPart;
use super::registry::{self, Registry};
use crate::docker::{Docker, labels};
use crate::registry::{Credentials, TokenService};
use crate::session::Session;
use crate::stage::{Error, StageSettings};

/// What parts are raised with.
pub(in crate::stage) struct Raising<'a> {
    pub settings: &'a StageSettings,
    pub docker: &'a Docker,
    pub session: &'a Session,
    pub credentials: &'a Credentials,
    pub on_part: OnPart<'a>,
    /// Where the registry has tokens.
    pub tokens: Option<&'a TokenService>,
}

impl Raising<'_> {
    /// The labels of everything that is created.
    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        labels::of_session(self.session.id(), &self.session.owner())
    }

    /// Raises all parts; each waits only for what it needs of another. The cluster is left in `slot`.
    ///
    /// # Errors
    /// The first part's.
    pub(crate) async fn all(&self, slot: &Slot) -> Result<(Registry, AppImage, Raised), Error> {
        let (announce, address) = watch::channel(None);
        let (rest, at_rest) = watch::channel(false);
        tokio::try_join!(
            registry::raise(self, announce),
            image::raise(self, address.clone(), rest),
            cluster::raise(self, address, at_rest, slot),
        )
    }
}
