//! A runtime for what is measured beside it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use rehearsal::mini::runtime::{
    ContainerSpec, Duplex, ExecSession, ExecSpec, Exit, Image, Log, LogOptions, PullError, Runtime, RuntimeError,
    Started,
};
use rehearsal::registry::Credentials;
use tokio_util::sync::CancellationToken;

/// A runtime that has every image, starts nothing and stops at once: what is measured is mini's own.
#[derive(Default)]
pub(crate) struct Nothing {
    stopped: Mutex<BTreeMap<String, CancellationToken>>,
}

impl Nothing {
    fn token(&self, id: &str) -> CancellationToken {
        self.stopped.lock().expect("no panic").entry(id.to_owned()).or_default().clone()
    }
}

fn image(name: &str) -> Image {
    Image { id: "sha256:1".into(), repo_digest: format!("{name}@sha256:1"), size: 1, user: String::new() }
}

fn refused<T: Send + 'static>() -> BoxFuture<'static, Result<T, RuntimeError>> {
    async { Err(RuntimeError::Failed("nothing runs here".into())) }.boxed()
}

impl Runtime for Nothing {
    fn scheme(&self) -> &'static str {
        "bench"
    }

    fn image_status<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Option<Image>> {
        async { Some(image(name)) }.boxed()
    }

    fn pull<'a>(&'a self, name: &'a str, _: Option<Credentials>) -> BoxFuture<'a, Result<Image, PullError>> {
        async { Ok(image(name)) }.boxed()
    }

    fn remove_image<'a>(&'a self, _: &'a str) -> BoxFuture<'a, ()> {
        async {}.boxed()
    }

    fn start(&self, spec: ContainerSpec) -> BoxFuture<'_, Result<Started, RuntimeError>> {
        async { Ok(Started { id: spec.pod_uid, ip: "10.0.0.1".into() }) }.boxed()
    }

    fn wait<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Exit, RuntimeError>> {
        self.token(id).cancelled_owned().map(|()| Ok(Exit { code: 137, oom_killed: false })).boxed()
    }

    fn stop<'a>(&'a self, id: &'a str, _: Duration) -> BoxFuture<'a, Result<(), RuntimeError>> {
        self.token(id).cancel();
        async { Ok(()) }.boxed()
    }

    fn halt<'a>(&'a self, id: &'a str, grace: Duration) -> BoxFuture<'a, Result<(), RuntimeError>> {
        self.stop(id, grace)
    }

    fn logs<'a>(&'a self, _: &'a str, _: LogOptions) -> BoxFuture<'a, Result<Log, RuntimeError>> {
        refused()
    }

    fn exec<'a>(&'a self, _: &'a str, _: ExecSpec) -> BoxFuture<'a, Result<ExecSession, RuntimeError>> {
        refused()
    }

    fn attach<'a>(&'a self, _: &'a str, _: bool) -> BoxFuture<'a, Result<ExecSession, RuntimeError>> {
        refused()
    }

    fn dial<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, Result<Box<dyn Duplex>, RuntimeError>> {
        refused()
    }
}
