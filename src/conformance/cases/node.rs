//! Image names and pull policies, and what the node already has.

use super::pulls::{BACK_OFF, POD, RUNNING, SECRET};
use crate::conformance::error::Error;
use crate::conformance::pod::PodSpec;
use crate::conformance::world::{SecretContents, World};

const NEVER_PULLED: &[&str] = &["ErrImageNeverPull"];

/// The image is on the node, pulled with the right secret.
async fn on_the_node(world: &mut World<'_>) -> Result<(), Error> {
    world.serve().await?;
    world.secret(SECRET, SecretContents::Right).await?;
    world.pod(&PodSpec::named("first").secrets(&[SECRET])).await?;
    world.goes_through("first", RUNNING).await
}

/// One more pod of the image, and what becomes of it.
async fn then(world: &mut World<'_>, pod: PodSpec, states: &[&str]) -> Result<(), Error> {
    world.pod(&pod).await?;
    world.goes_through(pod.name(), states).await
}

pub(super) async fn if_not_present(world: &mut World<'_>) -> Result<(), Error> {
    on_the_node(world).await?;
    then(world, PodSpec::named("again").secrets(&[SECRET]).policy("IfNotPresent"), RUNNING).await?;
    // Without the secret's name in the pod it is the image's own name that counts: gone from the registry, it runs.
    let image = world.image.clone();
    world.testbed.stage.withdraw(&image).await?;
    then(world, PodSpec::named("withdrawn").secrets(&[SECRET]).policy("IfNotPresent"), RUNNING).await
}

pub(super) async fn always(world: &mut World<'_>) -> Result<(), Error> {
    on_the_node(world).await?;
    then(world, PodSpec::named("again").secrets(&[SECRET]).policy("Always"), RUNNING).await?;
    then(world, PodSpec::named("refused").policy("Always"), BACK_OFF).await
}

pub(super) async fn never(world: &mut World<'_>) -> Result<(), Error> {
    world.serve().await?;
    world.secret(SECRET, SecretContents::Right).await?;
    then(world, PodSpec::named("absent").secrets(&[SECRET]).policy("Never"), NEVER_PULLED).await?;
    then(world, PodSpec::named("first").secrets(&[SECRET]), RUNNING).await?;
    then(world, PodSpec::named("present").secrets(&[SECRET]).policy("Never"), RUNNING).await
}

/// Whether another pod runs is decided by who pulled the image, with which secret.
pub(super) async fn verified(world: &mut World<'_>) -> Result<(), Error> {
    on_the_node(world).await?;
    then(world, PodSpec::named("same-secret").secrets(&[SECRET]), RUNNING).await?;
    then(world, PodSpec::named("no-secret"), BACK_OFF).await?;
    then(world, PodSpec::named("no-secret-never").policy("Never"), NEVER_PULLED).await?;
    world.secret("wrong", SecretContents::WrongPassword).await?;
    then(world, PodSpec::named("wrong-password").secrets(&["wrong"]), BACK_OFF).await?;
    world.secret("same-credentials", SecretContents::Right).await?;
    then(world, PodSpec::named("other-secret").secrets(&["same-credentials"]), RUNNING).await
}

pub(super) async fn unverified(world: &mut World<'_>) -> Result<(), Error> {
    on_the_node(world).await?;
    then(world, PodSpec::named("no-secret"), RUNNING).await?;
    then(world, PodSpec::named("no-secret-never").policy("Never"), RUNNING).await?;
    then(world, PodSpec::named("no-secret-always").policy("Always"), BACK_OFF).await
}

pub(super) async fn policy_defaults(world: &mut World<'_>) -> Result<(), Error> {
    let repository = world.image.trim_end_matches(":1.0.0").to_owned();
    let digest = format!("@sha256:{}", "0".repeat(64));
    for (name, suffix) in [("latest", ":latest"), ("untagged", ""), ("tagged", ":1.0.0"), ("digest", &digest)] {
        world.pod(&PodSpec::named(name).image(format!("{repository}{suffix}"))).await?;
        world.play(&format!("kubectl get pod {name} -o jsonpath='{{.spec.containers[*].imagePullPolicy}}'")).await?;
    }
    Ok(())
}

pub(super) async fn untagged(world: &mut World<'_>) -> Result<(), Error> {
    let repository = world.image.trim_end_matches(":1.0.0").to_owned();
    world.secret(SECRET, SecretContents::Right).await?;
    world.testbed.stage.serve(&format!("{repository}:latest")).await?;
    then(world, PodSpec::named(POD).image(repository.clone()).secrets(&[SECRET]), RUNNING).await?;
    then(world, PodSpec::named("refused").image(repository), BACK_OFF).await
}

pub(super) async fn digest(world: &mut World<'_>) -> Result<(), Error> {
    world.serve().await?;
    world.secret(SECRET, SecretContents::Right).await?;
    let repository = world.image.trim_end_matches(":1.0.0").to_owned();
    let image = format!("{repository}@{}", world.testbed.stage.handle.app_digest);
    then(world, PodSpec::named(POD).image(image).secrets(&[SECRET]), RUNNING).await?;
    let absent = format!("{repository}@sha256:{}", "0".repeat(64));
    then(world, PodSpec::named("absent").image(absent).secrets(&[SECRET]), BACK_OFF).await
}

pub(super) async fn invalid_name(world: &mut World<'_>) -> Result<(), Error> {
    for (name, image) in
        [("upper-case", "docker.io/Conformance/App:1"), ("two-colons", "a:b:c"), ("scheme", "https://docker.io/a:1")]
    {
        then(world, PodSpec::named(name).image(image), &["InvalidImageName"]).await?;
    }
    Ok(())
}
