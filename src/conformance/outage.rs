//! The registry stopped, and started again: for the one case that needs it. Knows nothing of pods.

use std::time::Duration;

use super::error::Error;
use crate::docker::registry;
use crate::stage::Stage;

/// Whether the registry would come back on the same port: the Engine gives a free one anew at each start.
///
/// # Errors
/// Where Docker does not answer.
pub async fn possible(stage: &Stage) -> Result<bool, Error> {
    Ok(stage.docker.has_fixed_ports(&stage.handle.registry_container).await?)
}

/// # Errors
/// Where Docker does not answer.
pub async fn begin(stage: &Stage) -> Result<(), Error> {
    Ok(stage.docker.stop(&stage.handle.registry_container, Duration::ZERO).await?)
}

/// # Errors
/// Where the registry does not come back.
pub async fn end(stage: &Stage) -> Result<(), Error> {
    let handle = &stage.handle;
    Ok(registry::restart(&stage.docker, &handle.registry_container, handle.registry).await?)
}
