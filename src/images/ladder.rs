//! How a hub image is found: already local, else pulled from its hub, else a stand-in built from Debian packages.
//! Knows the order and its limits; what a stand-in is made of is another file's affair.

use std::fmt;
use std::time::Duration;

use futures::StreamExt;
use tokio::time::timeout;

use super::error::{Error, Result};
use super::stand_in;
use crate::docker::{self, Docker, OnProgress};

/// How long a hub may take to say that it has the image.
const HUB_ANSWERS: Duration = Duration::from_secs(10);
/// How long a pull may stand still once it has begun.
const STALLED: Duration = Duration::from_secs(60);

/// How an image was come by.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub enum How {
    /// The engine had it.
    Local,
    /// From its hub.
    Pulled,
    /// Made of Debian packages.
    StandIn {
        /// What kept it from being pulled.
        why: String,
    },
}

/// An image the engine has.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FoundImage {
    /// The name on its hub, `registry:2`.
    pub hub: String,
    /// The name to use, `registry:2` or `rehearsal/registry:2-stand-in`.
    pub image: String,
    /// Whether it is the hub's own.
    pub how: How,
}

impl FoundImage {
    /// The hub's name, and that it is a stand-in where it is one.
    pub fn label(&self) -> String {
        match &self.how {
            How::StandIn { .. } => format!("{} (stand-in)", self.hub),
            How::Local | How::Pulled => self.hub.clone(),
        }
    }

    /// Why a stand-in is used, where one is.
    pub fn reason(&self) -> Option<String> {
        match &self.how {
            How::StandIn { why } => {
                // Which request it was says nothing; what became of the connection does.
                let why = why.rsplit_once(": dial tcp: ").map_or(why.as_str(), |(_, cause)| cause);
                Some(format!("{} stands in for {}: {why}", self.image, self.hub))
            }
            How::Local | How::Pulled => None,
        }
    }
}

impl fmt::Display for FoundImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hub = &self.hub;
        match &self.how {
            How::Local => write!(f, "{hub}: local"),
            How::Pulled => write!(f, "{hub}: pulled"),
            How::StandIn { why } => write!(f, "{hub}: stand-in {} ({why})", self.image),
        }
    }
}

/// What [`ensure`] would do.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub enum Outlook {
    /// Nothing: the engine has it.
    Found(FoundImage),
    /// The hub answers.
    WouldPull,
    /// Packages and tools for a stand-in are at hand.
    WouldBuildStandIn {
        /// Why the hub does not give it.
        why: String,
    },
    /// No hub and no stand-in.
    Nowhere {
        /// Why the hub does not give it.
        why: String,
        /// The first tool that is not on PATH; None where nobody knows how to build a stand-in.
        missing: Option<&'static str>,
    },
}

impl fmt::Display for Outlook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outlook::Found(found) => found.fmt(f),
            Outlook::WouldPull => write!(f, "would be pulled"),
            Outlook::WouldBuildStandIn { why } => write!(f, "a stand-in would be built ({why})"),
            Outlook::Nowhere { why, missing: Some(tool) } => {
                write!(f, "cannot be had ({why}; no `{tool}` to build a stand-in)")
            }
            Outlook::Nowhere { why, missing: None } => write!(f, "cannot be had ({why}; nothing stands in for it)"),
        }
    }
}

/// Finds the image, pulling or building it where it must. A stand-in that is there is not tried to be replaced:
/// nothing is looked for twice.
///
/// # Errors
/// Where its hub does not give it and no stand-in can be built, and where Docker fails.
pub async fn ensure(docker: &Docker, image: &str, progress: OnProgress<'_>) -> Result<FoundImage> {
    if let Some(found) = on_engine(docker, image).await? {
        return Ok(found);
    }
    let why = match pull(docker, image, progress).await? {
        None => return Ok(FoundImage { hub: image.to_owned(), image: image.to_owned(), how: How::Pulled }),
        Some(why) => why,
    };
    stand_in::build(docker, image, &why, progress).await?;
    Ok(FoundImage { hub: image.to_owned(), image: stand_in::stand_in_of(image), how: How::StandIn { why } })
}

/// What [`ensure`] would do, without changing anything.
///
/// # Errors
/// Where Docker fails.
pub async fn inspect(docker: &Docker, image: &str) -> Result<Outlook> {
    if let Some(found) = on_engine(docker, image).await? {
        return Ok(Outlook::Found(found));
    }
    let why = match timeout(HUB_ANSWERS, docker.refusal(image)).await {
        Ok(refusal) => match refusal? {
            None => return Ok(Outlook::WouldPull),
            Some(why) => why,
        },
        Err(_) => no_answer(),
    };
    Ok(match stand_in::can_be_built(image) {
        Ok(()) => Outlook::WouldBuildStandIn { why },
        Err(missing) => Outlook::Nowhere { why, missing },
    })
}

async fn on_engine(docker: &Docker, image: &str) -> Result<Option<FoundImage>> {
    let hub = image.to_owned();
    if docker.image(image).await?.is_some() {
        return Ok(Some(FoundImage { image: hub.clone(), hub, how: How::Local }));
    }
    let why = stand_in::existing(docker, image).await?;
    Ok(why.map(|why| FoundImage { hub, image: stand_in::stand_in_of(image), how: How::StandIn { why } }))
}

/// Pulls within limits; the reason when the hub is why it failed. A full disk or a dead engine stays an error.
async fn pull(docker: &Docker, image: &str, progress: OnProgress<'_>) -> Result<Option<String>> {
    let mut stream = docker.pull_stream(image, None);
    let mut limit = HUB_ANSWERS;
    loop {
        match timeout(limit, stream.next()).await {
            Ok(Some(Ok(step))) => progress(step),
            Ok(Some(Err(docker::Error::Transfer { message, .. }))) => return Ok(Some(message)),
            Ok(Some(Err(error))) => return Err(Error::Docker(error)),
            Ok(None) => return Ok(None),
            Err(_) if limit == HUB_ANSWERS => return Ok(Some(no_answer())),
            Err(_) => return Ok(Some(format!("its hub sent nothing for {} s", STALLED.as_secs()))),
        }
        limit = STALLED;
    }
}

fn no_answer() -> String {
    format!("its hub did not answer within {} s", HUB_ANSWERS.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_is_named_as_one_with_its_reason() {
        let how = How::StandIn { why: "no such host".into() };
        let found = FoundImage { hub: "registry:2".into(), image: stand_in::stand_in_of("registry:2"), how };
        assert_eq!(found.to_string(), "registry:2: stand-in rehearsal/registry:2-stand-in (no such host)");
        let why =
            "Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host".into();
        let reason = FoundImage { how: How::StandIn { why }, ..found }.reason();
        let told = "rehearsal/registry:2-stand-in stands in for registry:2: lookup registry-1.docker.io: no such host";
        assert_eq!(reason.as_deref(), Some(told));
    }
}
