//! The registry stopped, and started again: for the one case that needs it. Knows nothing of pods.

use std::time::Duration;

use super::error::Error;
use crate::docker::registry;
use crate::stage::Stage;

/// Whether the registry would come back on the same port: the Engine gives a free one anew at each start.
///
/// # Errors
/// Where Docker does not answer.
pub(super) async fn possible(stage: &Stage) -> Result<bool, Error> {
    match stage.handle.own_registry() {
        Some((container, _)) => Ok(stage.docker.has_fixed_ports(container).await?),
        None => Ok(false),
    }
}

/// # Errors
/// Where Docker does not answer.
pub(super) async fn begin(stage: &Stage) -> Result<(), Error> {
    match stage.handle.own_registry() {
        Some((container, _)) => Ok(stage.docker.stop(container, Duration::ZERO).await?),
        None => Ok(()),
    }
}

/// # Errors
/// Where the registry does not come back.
pub(super) async fn end(stage: &Stage) -> Result<(), Error> {
    match stage.handle.own_registry() {
        Some((container, address)) => Ok(registry::restart(&stage.docker, container, address).await?),
        None => Ok(()),
    }
}
