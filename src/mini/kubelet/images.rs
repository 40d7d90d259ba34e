//! The node's images: pulls one at a time, tries several logins in turn, and remembers who may use what.
//! Owns the queue and the records; the decision to pull is `image`'s.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::image::TrackedAuthConfig;
use super::pass::Answer;
use super::records::PullRecords;
use crate::mini::runtime::{Image, PullError, Runtime};

/// See the module.
pub(super) struct Images {
    runtime: Arc<dyn Runtime>,
    records: Mutex<PullRecords>,
    /// `serializeImagePulls`: while one pull hangs, the others wait.
    queue: tokio::sync::Mutex<()>,
}

impl Images {
    pub(super) fn new(runtime: Arc<dyn Runtime>) -> Self {
        Self { runtime, records: Mutex::default(), queue: tokio::sync::Mutex::default() }
    }

    pub(super) fn records(&self) -> MutexGuard<'_, PullRecords> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn status(&self, image: &str) -> Option<Image> {
        self.runtime.image_status(image).await
    }

    /// Pulls when the queue lets it. Dropping the future leaves the queue.
    pub(super) async fn pull(&self, image: &str, logins: Vec<TrackedAuthConfig>) -> Answer {
        let queued = Instant::now();
        let turn = self.queue.lock().await;
        let begun = Instant::now();
        let result = self.try_logins(image, logins).await;
        drop(turn);
        Answer::Pulled { result, took: begun.elapsed(), waited: queued.elapsed() }
    }

    async fn try_logins(
        &self,
        image: &str,
        logins: Vec<TrackedAuthConfig>,
    ) -> Result<(Image, Option<TrackedAuthConfig>), PullError> {
        if logins.is_empty() {
            return self.runtime.pull(image, None).await.map(|image| (image, None));
        }
        let mut errors = Vec::new();
        for login in logins {
            match self.runtime.pull(image, Some(login.credentials.clone())).await {
                Ok(image) => return Ok((image, Some(login))),
                Err(error) => errors.push(error.message),
            }
        }
        Err(PullError { message: aggregate(errors) })
    }
}

/// `utilerrors.Aggregate`: equal messages once, several in brackets.
fn aggregate(errors: Vec<String>) -> String {
    let mut different: Vec<String> = Vec::new();
    for error in errors {
        if !different.contains(&error) {
            different.push(error);
        }
    }
    match &different[..] {
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_aggregated_as_the_kubelet_does() {
        let of = |errors: &[&str]| aggregate(errors.iter().map(|error| (*error).to_owned()).collect());
        assert_eq!(of(&["a"]), "a");
        assert_eq!(of(&["a", "a"]), "a");
        assert_eq!(of(&["a", "b", "a"]), "[a, b]");
    }
}
