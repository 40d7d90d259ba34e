//! The Docker room against a real engine. Without one these tests fail: an engine is part of the project's ground.

use std::collections::BTreeMap;
use std::sync::Mutex;

use rehearsal::docker::{Docker, Progress, labels};
use rehearsal::hint::Hint;

mod containers;
mod fences;
mod hub_images;
mod images;
mod registry;

/// Longer than the longest silence of a transfer: that has an error of its own.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(180);

async fn engine() -> Docker {
    match Docker::connect().await {
        Ok(docker) => docker,
        Err(error) => panic!("{error}; hint: {}", error.hint().unwrap_or_default()),
    }
}

fn quiet(_: Progress) {}

/// A session of one test: its labels, and everything removed at the end, even when the test's body panicked.
async fn session<F: Future<Output = ()>>(name: &str, body: impl FnOnce(Docker, BTreeMap<String, String>) -> F) {
    use futures::FutureExt;
    let docker = engine().await;
    let id = format!("test-{name}-{:08x}", rand::random::<u32>());
    let labels = BTreeMap::from([(labels::SESSION.to_owned(), id.clone())]);
    let body = tokio::time::timeout(LIMIT, body(docker.clone(), labels));
    let outcome = std::panic::AssertUnwindSafe(body.map(|ended| ended.expect("an end in time"))).catch_unwind().await;
    docker.remove_session(&id).await.unwrap();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
    let left = docker.sessions().await.unwrap();
    assert!(left.iter().all(|session| session.id != id), "{left:?}");
}

/// An image with a shell: the Python image as the ladder finds it.
async fn shell(docker: &Docker) -> String {
    use rehearsal::images::ensure;
    // Side by side, two tests would build the same stand-in twice.
    static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _turn = ONE_AT_A_TIME.lock().await;
    ensure(docker, "python:3.9-slim", &quiet).await.unwrap().image
}

/// A progress sink that keeps what it was told.
#[derive(Default)]
struct Kept(Mutex<Vec<Progress>>);

impl Kept {
    fn details(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|progress| progress.detail.clone()).collect()
    }
}
