//! Answers that go wrong on purpose: how a cluster that fails now and then is rehearsed. Which ones is a matter of a seed
//! and of the request's number.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use futures::{StreamExt as _, stream};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::error::Refusal;

/// One of so many answers goes wrong.
const ONE_IN: u32 = 50;

/// What goes wrong before one cluster; clones count the same requests.
#[derive(Debug, Clone)]
pub struct Faults {
    seed: u64,
    answers: Arc<AtomicU64>,
}

impl Faults {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, answers: Arc::default() }
    }

    /// The answer as the client gets it. The cluster has carried out what was asked all the same: a 500 takes its place,
    /// or the connection is cut in the middle of it.
    pub(super) fn strike(&self, response: Response) -> (Response, Struck) {
        let number = self.answers.fetch_add(1, Ordering::Relaxed);
        let mut random = StdRng::seed_from_u64(self.seed.wrapping_mul(1 << 32).wrapping_add(number));
        if !random.random_ratio(1, ONE_IN) {
            return (response, Struck::Not);
        }
        if random.random_bool(0.5) {
            return (Refusal::internal("this answer went wrong on purpose").into_response(), Struck::Replaced);
        }
        let (parts, body) = response.into_parts();
        let cut = stream::once(async { Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)) });
        let begun = body.into_data_stream().take(usize::from(random.random_bool(0.5)));
        let begun = begun.map(|chunk| chunk.map_err(std::io::Error::other));
        (Response::from_parts(parts, Body::from_stream(begun.chain(cut))), Struck::Cut)
    }
}

/// What was done to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Struck {
    Not,
    Replaced,
    Cut,
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn one_of_fifty_goes_wrong_by_the_seed() {
        let struck = |seed| {
            let faults = Faults::new(seed);
            (0..1000).map(|_| faults.strike("x".into_response()).1).collect::<Vec<_>>()
        };
        assert_eq!(struck(1), struck(1));
        assert_ne!(struck(1), struck(2));
        let count = |kind| struck(1).into_iter().filter(|one| *one == kind).count();
        assert!((3..20).contains(&count(Struck::Replaced)) && (3..20).contains(&count(Struck::Cut)));
        let faults = Faults::new(1);
        let (cut, _) = std::iter::repeat_with(|| faults.strike("x".into_response()))
            .find(|(_, struck)| *struck == Struck::Cut)
            .unwrap();
        assert!(cut.into_body().collect().await.is_err());
    }
}
