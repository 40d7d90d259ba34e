//! ServiceAccounts: their pull secrets go into a pod when it is created, and only where it names none.

use super::pulls::{BACK_OFF, POD, RUNNING, SECRET};
use crate::conformance::error::Error;
use crate::conformance::pod::PodSpec;
use crate::conformance::world::{SecretContents, World};
use crate::observe::Trace;

const DEFAULT: &str = "default";
const CUSTOM: &str = "app1-sa";

async fn secrets_of(world: &mut World<'_>, pod: &str) -> Result<(), Error> {
    world
        .play(&format!("kubectl get pod {pod} -o jsonpath='{{.spec.serviceAccountName}} {{.spec.imagePullSecrets}}'"))
        .await
}

pub(super) async fn default_patched_before(world: &mut World<'_>) -> Result<(), Error> {
    world.serve().await?;
    world.secret(SECRET, SecretContents::Right).await?;
    world.service_account(DEFAULT, &[SECRET]).await?;
    world.pod(&PodSpec::named(POD)).await?;
    world.goes_through(POD, RUNNING).await?;
    secrets_of(world, POD).await
}

pub(super) async fn default_patched_after(world: &mut World<'_>) -> Result<(), Error> {
    world.serve().await?;
    world.secret(SECRET, SecretContents::Right).await?;
    // Always: before 1.35 the new pod would bring the image to the node for everybody, and the old one would run.
    world.pod(&PodSpec::named("old").policy("Always")).await?;
    world.goes_through("old", BACK_OFF).await?;
    world.service_account(DEFAULT, &[SECRET]).await?;
    world.pod(&PodSpec::named("new")).await?;
    world.goes_through("new", RUNNING).await?;
    // It tries again after the patch, and is refused again. Its events may say so late: after 25 of them the kubelet
    // holds them back (client-go's spam filter).
    let attempts = |trace: &Trace| trace.states.iter().filter(|state| state.status == "ErrImagePull").count();
    let so_far = attempts(&world.seen("the old pod", "old", |_| true).await?);
    world.seen("another attempt of the old pod", "old", |trace| attempts(trace) > so_far).await?;
    world.goes_through("old", BACK_OFF).await?;
    secrets_of(world, "old").await?;
    secrets_of(world, "new").await
}

pub(super) async fn custom(world: &mut World<'_>) -> Result<(), Error> {
    world.serve().await?;
    world.secret(SECRET, SecretContents::Right).await?;
    world.service_account(CUSTOM, &[SECRET]).await?;
    world.pod(&PodSpec::named(POD).service_account(CUSTOM)).await?;
    world.goes_through(POD, RUNNING).await?;
    secrets_of(world, POD).await
}

/// The default ServiceAccount has the secret: that is not inherited.
pub(super) async fn custom_bare(world: &mut World<'_>) -> Result<(), Error> {
    world.serve().await?;
    world.secret(SECRET, SecretContents::Right).await?;
    world.service_account(DEFAULT, &[SECRET]).await?;
    world.service_account(CUSTOM, &[]).await?;
    world.pod(&PodSpec::named(POD).service_account(CUSTOM)).await?;
    world.goes_through(POD, BACK_OFF).await?;
    secrets_of(world, POD).await
}

pub(super) async fn missing(world: &mut World<'_>) -> Result<(), Error> {
    let created = match world.pod(&PodSpec::named(POD).service_account("nope")).await {
        Err(Error::Kube(kube::Error::Api(status))) => format!("{}: {}", status.code, status.message),
        Err(error) => return Err(error),
        Ok(()) => "taken".into(),
    };
    world.fact("a pod whose ServiceAccount does not exist", created);
    Ok(())
}

/// The ServiceAccount's secret is right, the pod's own is not: they are not added up.
pub(super) async fn own_secret_beside(world: &mut World<'_>) -> Result<(), Error> {
    world.serve().await?;
    world.secret(SECRET, SecretContents::Right).await?;
    world.secret("wrong", SecretContents::WrongPassword).await?;
    world.service_account(DEFAULT, &[SECRET]).await?;
    world.pod(&PodSpec::named(POD).secrets(&["wrong"])).await?;
    world.goes_through(POD, BACK_OFF).await?;
    secrets_of(world, POD).await
}
