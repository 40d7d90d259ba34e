//! A runtime that runs nothing, for tests of everything above it: images, logins and latency are
//! scripted, and refusals carry containerd's words.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::watch;

use crate::mini::runtime::{
    ContainerSpec, Duplex, ExecSession, ExecSpec, Exit, Image, Log, LogOptions, PullError, Runtime, RuntimeError,
    Started, words,
};
use crate::registry::{self, Credentials, ImageRef};

/// See the module.
#[derive(Default)]
pub(crate) struct NullRuntime {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Normalised reference → the login it takes.
    served: BTreeMap<String, Option<Credentials>>,
    /// Normalised references on the node.
    present: BTreeSet<String>,
    latency: Duration,
    stubborn: bool,
    started: Vec<ContainerSpec>,
    pulls: Vec<(String, bool)>,
    containers: BTreeMap<String, watch::Sender<Option<Exit>>>,
}

impl NullRuntime {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves an image from now on: to `login` alone, or to everybody.
    pub(crate) fn serve(&self, image: &str, login: Option<Credentials>) {
        self.state().served.insert(normalised(image), login);
    }

    /// How long each pull takes.
    pub(crate) fn set_latency(&self, latency: Duration) {
        self.state().latency = latency;
    }

    /// Containers use up their grace.
    pub(crate) fn be_stubborn(&self) {
        self.state().stubborn = true;
    }

    /// Ends the running container that was started last under this name.
    pub(crate) fn exit(&self, container: &str, code: i32) {
        let state = self.state();
        let of_name = |id: &&String| id.rsplit_once('.').is_some_and(|(name, _)| name == container);
        let running = state.containers.iter().rev().find(|(id, exit)| of_name(id) && exit.borrow().is_none());
        if let Some((_, exit)) = running {
            exit.send_replace(Some(Exit { code, oom_killed: false }));
        }
    }

    /// Everything started so far, in order.
    pub(crate) fn started(&self) -> Vec<ContainerSpec> {
        self.state().started.clone()
    }

    /// The pulls so far, in order: image, and whether a login came along.
    pub(crate) fn pulls(&self) -> Vec<(String, bool)> {
        self.state().pulls.clone()
    }

    /// How many containers run.
    pub(crate) fn running(&self) -> usize {
        self.state().containers.values().filter(|exit| exit.borrow().is_none()).count()
    }

    fn pull_now(&self, image: &str, auth: Option<Credentials>) -> Result<Image, PullError> {
        let reference = ImageRef::parse(image).map_err(|error| words::unparsed(image, &error))?;
        let mut state = self.state();
        let url = format!("http://registry/v2/{}/manifests/{}", reference.repository(), reference.object());
        let error = match (state.served.get(&reference.canonical()), auth) {
            (None, _) => registry::Error::NotFound { reference: reference.canonical() },
            (Some(Some(_)), None) => {
                registry::Error::AccessDenied { source: Box::new(registry::Error::NoBasicCredentials) }
            }
            (Some(Some(wanted)), Some(auth)) if *wanted != auth => {
                registry::Error::UnexpectedStatus { method: reqwest::Method::HEAD, url, status: 401 }
            }
            _ => {
                state.present.insert(reference.canonical());
                return Ok(described(&reference));
            }
        };
        Err(words::unresolved(&reference, &error))
    }
}

fn normalised(image: &str) -> String {
    ImageRef::parse(image).map_or_else(|_| image.to_owned(), |reference| reference.canonical())
}

/// Made up from the name, so that equal names are equal images.
fn described(reference: &ImageRef) -> Image {
    use sha2::{Digest as _, Sha256};
    let digest: String = Sha256::digest(reference.canonical()).iter().map(|byte| format!("{byte:02x}")).collect();
    let repo_digest = format!("{}@sha256:{digest}", reference.name());
    Image { id: format!("sha256:{digest}"), repo_digest, size: 3_066_995, user: String::new() }
}

impl Runtime for NullRuntime {
    fn scheme(&self) -> &'static str {
        "null"
    }

    fn image_status<'a>(&'a self, image: &'a str) -> BoxFuture<'a, Option<Image>> {
        let found = ImageRef::parse(image).ok().filter(|image| self.state().present.contains(&image.canonical()));
        async move { found.as_ref().map(described) }.boxed()
    }

    fn pull<'a>(&'a self, image: &'a str, auth: Option<Credentials>) -> BoxFuture<'a, Result<Image, PullError>> {
        async move {
            let latency = {
                let mut state = self.state();
                state.pulls.push((image.to_owned(), auth.is_some()));
                state.latency
            };
            if !latency.is_zero() {
                tokio::time::sleep_until(tokio::time::Instant::now() + latency).await;
            }
            self.pull_now(image, auth)
        }
        .boxed()
    }

    fn remove_image<'a>(&'a self, image: &'a str) -> BoxFuture<'a, ()> {
        self.state().present.remove(&normalised(image));
        async {}.boxed()
    }

    fn start(&self, spec: ContainerSpec) -> BoxFuture<'_, Result<Started, RuntimeError>> {
        let mut state = self.state();
        let number = state.started.len();
        let id = format!("{}.{number:08}", spec.name);
        let ip = format!("10.244.{}.{}", number / 250 % 250, number % 250 + 2);
        state.containers.insert(id.clone(), watch::channel(None).0);
        state.started.push(spec);
        async { Ok(Started { id, ip }) }.boxed()
    }

    fn wait<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Exit, RuntimeError>> {
        let receiver = self.state().containers.get(id).map(watch::Sender::subscribe);
        async move {
            let gone = || RuntimeError::NotFound(id.to_owned());
            let mut receiver = receiver.ok_or_else(gone)?;
            let exit = receiver.wait_for(Option::is_some).await.map_err(|_| gone())?;
            exit.ok_or_else(gone)
        }
        .boxed()
    }

    fn stop<'a>(&'a self, id: &'a str, grace: Duration) -> BoxFuture<'a, Result<(), RuntimeError>> {
        async move {
            self.halt(id, grace).await?;
            self.state().containers.remove(id);
            Ok(())
        }
        .boxed()
    }

    fn halt<'a>(&'a self, id: &'a str, grace: Duration) -> BoxFuture<'a, Result<(), RuntimeError>> {
        async move {
            let stubborn = self.state().stubborn;
            if stubborn {
                tokio::time::sleep_until(tokio::time::Instant::now() + grace).await;
            }
            if let Some(exit) = self.state().containers.get(id) {
                let killed = Exit { code: 137, oom_killed: false };
                exit.send_if_modified(|exit| exit.is_none() && exit.replace(killed).is_none());
            }
            Ok(())
        }
        .boxed()
    }

    fn logs<'a>(&'a self, id: &'a str, _options: LogOptions) -> BoxFuture<'a, Result<Log, RuntimeError>> {
        let known = self.state().containers.contains_key(id);
        async move {
            match known {
                true => Ok(futures::stream::iter([Ok(Bytes::from(format!("{id} started\n")))]).boxed()),
                false => Err(RuntimeError::NotFound(id.to_owned())),
            }
        }
        .boxed()
    }

    fn exec<'a>(&'a self, _id: &'a str, _spec: ExecSpec) -> BoxFuture<'a, Result<ExecSession, RuntimeError>> {
        async { Err(RuntimeError::Failed("the null runtime runs no commands".to_owned())) }.boxed()
    }

    fn attach<'a>(&'a self, _id: &'a str, _stdin: bool) -> BoxFuture<'a, Result<ExecSession, RuntimeError>> {
        async { Err(RuntimeError::Failed("the null runtime runs no process".to_owned())) }.boxed()
    }

    fn dial<'a>(&'a self, _id: &'a str, port: u16) -> BoxFuture<'a, Result<Box<dyn Duplex>, RuntimeError>> {
        async move { Err(RuntimeError::Failed(format!("the null runtime has nothing on port {port}"))) }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn refusals_carry_containerds_words() {
        let runtime = NullRuntime::new();
        runtime.serve("docker.io/o/app:1", Some(Credentials::new("u", "p")));
        let auth = |password: &str| Some(Credentials::new("u", password));
        let mut said = Vec::new();
        for (image, auth) in [("o/app:1", None), ("o/app:1", auth("x")), ("o/app:2", auth("p")), ("o/app:1", auth("p"))]
        {
            said.push(match runtime.pull(image, auth).await {
                Ok(image) => image.repo_digest.split('@').next().unwrap_or_default().to_owned(),
                Err(error) => error.to_string(),
            });
        }
        insta::assert_snapshot!(said.join("\n"), @r#"
        failed to pull and unpack image "docker.io/o/app:1": failed to resolve reference "docker.io/o/app:1": pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials
        failed to pull and unpack image "docker.io/o/app:1": failed to resolve reference "docker.io/o/app:1": unexpected status from HEAD request to http://registry/v2/o/app/manifests/1: 401 Unauthorized
        rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/o/app:2": failed to resolve reference "docker.io/o/app:2": docker.io/o/app:2: not found
        docker.io/o/app
        "#);
        assert!(runtime.image_status("o/app:1").await.is_some());
        runtime.remove_image("docker.io/o/app:1").await;
        assert!(runtime.image_status("o/app:1").await.is_none());
    }
}
