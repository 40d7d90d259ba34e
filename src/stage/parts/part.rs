//! A part of the stage: its name, how far it has come, and who is told.

use std::time::Instant;

use crate::event::PartState;
use crate::stage::Error;

/// A part of the stage, each with its line of progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Registry,
    Image,
    Cluster,
}

impl Part {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Image => "image",
            Self::Cluster => "cluster",
        }
    }
}

/// Told of every step a part makes: the part, its state, a line for people, milliseconds since the part began.
pub(crate) type OnPart<'a> = &'a (dyn Fn(Part, PartState, &str, u64) + Sync);

/// Runs one part with its line of progress.
pub(super) async fn timed<T>(
    part: Part,
    on_part: OnPart<'_>,
    work: impl AsyncFnOnce(&(dyn Fn(&str) + Sync)) -> Result<(T, String), Error>,
) -> Result<T, Error> {
    let begun = Instant::now();
    let ms = || u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    on_part(part, PartState::Started, "", 0);
    match work(&|detail: &str| on_part(part, PartState::Progress, detail, ms())).await {
        Ok((value, line)) => {
            on_part(part, PartState::Ready, &line, ms());
            Ok(value)
        }
        Err(error) => {
            if !matches!(error, Error::NoRegistry) {
                on_part(part, PartState::Failed, &error.to_string(), ms());
            }
            Err(error)
        }
    }
}
