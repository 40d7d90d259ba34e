//! Plays a list of labs on a stage and adds up what came of it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::event::{Event, Events, Timings, millis};
use super::lab::{self, Played};
use super::shell::{self, Shell};
use super::verdict::Verdict;
use crate::docker::app;
use crate::script::Lab;
use crate::stage::Stage;

pub use super::lab::Error;

/// The programs a lab's fences use.
#[derive(Debug, Clone)]
pub struct Tools {
    /// `rehearse` itself: the fences' `docker`.
    pub program: PathBuf,
    /// None where the labs to be played need no cluster.
    pub kubectl: Option<PathBuf>,
}

/// Plays labs on one stage.
pub struct Player<'a> {
    pub stage: &'a Stage,
    pub tools: &'a Tools,
    pub events: &'a Events,
    /// Ends the lab that is being played.
    pub stop: &'a CancellationToken,
}

impl Player<'_> {
    /// Plays the labs one after the other, whatever comes of each. None: stopped.
    ///
    /// # Errors
    /// The first thing that keeps a lab from being played.
    pub async fn play(&self, labs: &[&Lab]) -> Result<Option<Vec<Played>>, Error> {
        let mut all = Vec::new();
        for lab in labs {
            let shell = self.shell(lab.id)?;
            match lab::play(lab, self.stage, &shell, self.events, self.stop).await? {
                Some(played) => all.push(played),
                None => return Ok(None),
            }
        }
        Ok(Some(all))
    }

    fn shell(&self, lab: u32) -> Result<Shell, shell::Error> {
        let handle = &self.stage.handle;
        let sources = app::context();
        Shell::prepare(&shell::Ground {
            private: &handle.private,
            folder: &format!("lab-{lab}"),
            program: &self.tools.program,
            kubectl: self.tools.kubectl.as_deref(),
            kubeconfig: &handle.kubeconfig,
            stage_file: &handle.private.join("stage.json"),
            credentials: &self.stage.credentials(),
            sources: &sources,
        })
    }
}

/// The verdict on a whole run and where its time went; `began` is the session's beginning, `stage` the time
/// for bringing the stage up and down.
pub fn finish(events: &Events, played: &[Played], began: Instant, stage: Duration) -> Verdict {
    let verdict = played.iter().map(|p| p.verdict).reduce(Verdict::and).unwrap_or(Verdict::Blocked);
    let total = began.elapsed();
    let commands: Duration = played.iter().map(|p| p.commands).sum();
    let cluster: Duration = played.iter().map(|p| p.waits).sum();
    let timings = Timings {
        stage_ms: millis(stage),
        commands_ms: millis(commands),
        cluster_ms: millis(cluster),
        own_ms: millis(total.saturating_sub(stage + commands + cluster)),
    };
    events.emit(Event::SessionFinished { verdict, ms: millis(total), timings });
    verdict
}
