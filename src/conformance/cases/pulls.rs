//! Pulls that fail or not for reasons of their own: no credentials, no image, no registry.

use crate::conformance::error::Error;
use crate::conformance::outage;
use crate::conformance::pod::PodSpec;
use crate::conformance::world::{SecretContents, World};

pub(super) const BACK_OFF: &[&str] = &["ErrImagePull", "ImagePullBackOff"];
pub(super) const RUNNING: &[&str] = &["Running"];
pub(super) const POD: &str = "mypod";
pub(super) const SECRET: &str = "regcred";

pub(super) async fn right_credentials(world: &mut World<'_>) -> Result<(), Error> {
    world.serve().await?;
    world.secret(SECRET, SecretContents::Right).await?;
    world.pod(&PodSpec::named(POD).secrets(&[SECRET])).await?;
    world.goes_through(POD, RUNNING).await
}

pub(super) async fn no_credentials(world: &mut World<'_>) -> Result<(), Error> {
    world.serve().await?;
    world.pod(&PodSpec::named(POD)).await?;
    world.goes_through(POD, BACK_OFF).await
}

pub(super) async fn missing_tag(world: &mut World<'_>) -> Result<(), Error> {
    world.serve().await?;
    world.secret(SECRET, SecretContents::Right).await?;
    let image = world.image.replace(":1.0.0", ":9.9.9");
    world.pod(&PodSpec::named(POD).image(image).secrets(&[SECRET])).await?;
    world.goes_through(POD, BACK_OFF).await
}

pub(super) async fn missing_repository(world: &mut World<'_>) -> Result<(), Error> {
    world.secret(SECRET, SecretContents::Right).await?;
    world.pod(&PodSpec::named(POD).secrets(&[SECRET])).await?;
    world.goes_through(POD, BACK_OFF).await
}

/// The first pod has failed twice, so that its back-off has grown; the second is refused anew at once.
pub(super) async fn recreated_pod(world: &mut World<'_>) -> Result<(), Error> {
    world.serve().await?;
    world.pod(&PodSpec::named(POD)).await?;
    let twice = |trace: &crate::observe::Trace| trace.events_because("Pulling").any(|event| event.count >= 2);
    world.seen("a second attempt", POD, twice).await?;
    world.delete_pod(POD).await?;
    world.pod(&PodSpec::named(POD)).await?;
    world.goes_through(POD, BACK_OFF).await
}

pub(super) async fn deleted_while_stuck(world: &mut World<'_>) -> Result<(), Error> {
    world.serve().await?;
    world.pod(&PodSpec::named(POD)).await?;
    world.goes_through(POD, BACK_OFF).await?;
    world.quietly(&format!("kubectl delete pod {POD}")).await?;
    world.goes_through(POD, &["ImagePullBackOff", "Deleted"]).await
}

pub(super) async fn registry_stopped(world: &mut World<'_>) -> Result<(), Error> {
    world.serve().await?;
    world.secret(SECRET, SecretContents::Right).await?;
    let stage = world.testbed.stage;
    outage::begin(stage).await?;
    let without = async {
        world.pod(&PodSpec::named(POD).secrets(&[SECRET])).await?;
        world.goes_through(POD, BACK_OFF).await
    };
    let seen = without.await;
    // Whatever came of it, other cases need the registry.
    outage::end(stage).await?;
    seen?;
    world.goes_through(POD, RUNNING).await
}
