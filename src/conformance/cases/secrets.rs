//! Pull secrets that are wrong, late, elsewhere or many.

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;

use super::pulls::{BACK_OFF, POD, RUNNING, SECRET};
use crate::conformance::error::Error;
use crate::conformance::pod::PodSpec;
use crate::conformance::world::{SecretContents, World};
use crate::docker::labels;

async fn fails_with(world: &mut World<'_>, login: SecretContents) -> Result<(), Error> {
    world.serve().await?;
    world.secret(SECRET, login).await?;
    world.pod(&PodSpec::named(POD).secrets(&[SECRET])).await?;
    world.goes_through(POD, BACK_OFF).await
}

pub(super) async fn wrong_password(world: &mut World<'_>) -> Result<(), Error> {
    fails_with(world, SecretContents::WrongPassword).await
}

pub(super) async fn for_other_server(world: &mut World<'_>) -> Result<(), Error> {
    fails_with(world, SecretContents::OtherServer).await
}

pub(super) async fn password_corrected(world: &mut World<'_>) -> Result<(), Error> {
    fails_with(world, SecretContents::WrongPassword).await?;
    world.secret(SECRET, SecretContents::Right).await?;
    world.goes_through(POD, RUNNING).await
}

pub(super) async fn missing(world: &mut World<'_>) -> Result<(), Error> {
    world.serve().await?;
    world.pod(&PodSpec::named(POD).secrets(&[SECRET])).await?;
    world.goes_through(POD, BACK_OFF).await
}

pub(super) async fn created_later(world: &mut World<'_>) -> Result<(), Error> {
    missing(world).await?;
    world.secret(SECRET, SecretContents::Right).await?;
    world.goes_through(POD, RUNNING).await
}

pub(super) async fn of_wrong_type(world: &mut World<'_>) -> Result<(), Error> {
    world.serve().await?;
    let mut secret = world.pull_secret(SECRET, SecretContents::Right);
    secret["type"] = json!("Opaque");
    world.put_secret(&secret).await?;
    world.pod(&PodSpec::named(POD).secrets(&[SECRET])).await?;
    world.goes_through(POD, BACK_OFF).await
}

/// The API server refuses a dockerconfigjson without its key; what is left is another key in an Opaque one.
pub(super) async fn without_key(world: &mut World<'_>) -> Result<(), Error> {
    world.serve().await?;
    let mut secret = world.pull_secret(SECRET, SecretContents::Right);
    let config = secret["stringData"][".dockerconfigjson"].take();
    secret["stringData"] = json!({ "config.json": config });
    let refused = match world.put_secret(&secret).await {
        Err(Error::Kube(kube::Error::Api(status))) => format!("{}: {}", status.code, status.message),
        Err(error) => return Err(error),
        Ok(()) => "taken".into(),
    };
    world.fact("a dockerconfigjson secret with another key", refused);
    secret["type"] = json!("Opaque");
    world.put_secret(&secret).await?;
    world.pod(&PodSpec::named(POD).secrets(&[SECRET])).await?;
    world.goes_through(POD, BACK_OFF).await
}

pub(super) async fn with_empty_config(world: &mut World<'_>) -> Result<(), Error> {
    world.serve().await?;
    let mut secret = world.pull_secret(SECRET, SecretContents::Right);
    secret["stringData"][".dockerconfigjson"] = json!(r#"{"auths":{}}"#);
    world.put_secret(&secret).await?;
    world.pod(&PodSpec::named(POD).secrets(&[SECRET])).await?;
    world.goes_through(POD, BACK_OFF).await
}

pub(super) async fn in_other_namespace(world: &mut World<'_>) -> Result<(), Error> {
    let (client, other) = (world.testbed.client.clone(), world.own("secret-elsewhere"));
    let namespace = json!({ "metadata": { "name": other, "labels": { labels::SESSION: world.testbed.session } } });
    let namespace: Namespace = crate::conformance::world::from_json(namespace);
    Api::all(client.clone()).create(&PostParams::default(), &namespace).await?;
    let secret: k8s_openapi::api::core::v1::Secret =
        crate::conformance::world::from_json(world.pull_secret(SECRET, SecretContents::Right));
    Api::namespaced(client, &other).create(&PostParams::default(), &secret).await?;
    missing(world).await
}

pub(super) async fn several(world: &mut World<'_>) -> Result<(), Error> {
    world.serve().await?;
    world.secret("other-server", SecretContents::OtherServer).await?;
    world.secret("wrong", SecretContents::WrongPassword).await?;
    world.secret(SECRET, SecretContents::Right).await?;
    world.pod(&PodSpec::named(POD).secrets(&["other-server", "wrong", SECRET, "absent"])).await?;
    world.goes_through(POD, RUNNING).await
}
