//! Broken labs on a stage: what happens to it while they are played, and the row for each.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::Barrier;

use super::facts::needed_images;
use super::faults::Happening;
use super::outcome::FaultRow;
use super::plan::Broken;
use crate::exec::chain;
use crate::place::Site;
use crate::run::{BeforeStep, Next, PlayedLab};
use crate::script::{Lab, Step};
use crate::stage::Stage;

/// How long a lab waits for the others to come to where something happens to all of them.
const TOGETHER: Duration = Duration::from_secs(30);

/// Breaks what the labs of one stage stand on, each at its step.
pub(crate) struct Breaker<'a> {
    stage: &'a Stage,
    labs: &'a [Broken],
    /// What happens to the registry happens to all labs at once.
    together: Barrier,
    /// Of the labs that could not be broken, why.
    failed: Mutex<BTreeMap<u32, String>>,
}

impl<'a> Breaker<'a> {
    pub(crate) fn new(stage: &'a Stage, labs: &'a [Broken]) -> Self {
        Self { stage, labs, together: Barrier::new(labs.len()), failed: Mutex::default() }
    }

    async fn happens(&self, happening: Happening, lab: &Lab, site: &Site) -> Result<(), String> {
        let images = needed_images(lab).into_iter().map(|image| site.gateway.names().image(image));
        match happening {
            Happening::Preload => {
                for image in images {
                    self.stage.preload(&image).await.map_err(|error| chain(&error))?;
                }
            }
            Happening::OtherImage => {
                for image in images {
                    self.stage.serve_another(&image).await.map_err(|error| chain(&error))?;
                }
            }
            Happening::CutWatch => site.gateway.blind(),
            Happening::CutLog => site.cut_log(),
            Happening::HoldRegistry | Happening::StopRegistry => {
                // A lab that never comes here holds up the others for this long only.
                let turn = tokio::time::timeout(TOGETHER, self.together.wait()).await;
                let done = match (turn, happening) {
                    (Ok(turn), _) if !turn.is_leader() => Ok(()),
                    (_, Happening::HoldRegistry) => self.stage.hold_registry(true).await,
                    _ => self.stage.stop_registry().await,
                };
                done.map_err(|error| chain(&error))?;
                // The others go on once it has happened.
                let _ = tokio::time::timeout(TOGETHER, self.together.wait()).await;
            }
        }
        Ok(())
    }

    /// Lets go what was held up, so that the stage can go.
    pub(crate) async fn close(self) -> BTreeMap<u32, String> {
        let held = |broken: &Broken| matches!(broken.happens, Some((Happening::HoldRegistry, _)));
        if self.labs.iter().any(held) {
            // It may never have been held; then there is nothing to let go.
            let _ = self.stage.hold_registry(false).await;
        }
        self.failed.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BeforeStep for Breaker<'_> {
    fn before_step<'a>(&'a self, lab: &'a Lab, step: &'a Step, site: &'a Site) -> BoxFuture<'a, Next> {
        async move {
            let Some(broken) = self.labs.iter().find(|broken| broken.lab.id == lab.id) else { return Next::Play };
            let now = broken.happens.filter(|(_, at)| std::ptr::eq(&raw const lab.steps[*at], step));
            if let Some((happening, _)) = now
                && let Err(why) = self.happens(happening, lab, site).await
            {
                self.failed.lock().unwrap_or_else(PoisonError::into_inner).insert(lab.id, why);
            }
            Next::Play
        }
        .boxed()
    }
}

/// A row for each broken lab that was played.
pub(crate) fn rows(labs: &[Broken], played: &[PlayedLab], failed: &BTreeMap<u32, String>) -> Vec<FaultRow> {
    let row = |broken: &Broken| {
        let played = played.iter().find(|played| played.lab == broken.lab.id);
        let played = played.ok_or_else(|| "it was not played".to_owned());
        FaultRow::new(broken, failed.get(&broken.lab.id).map_or(played, |why| Err(why.clone())))
    };
    labs.iter().map(row).collect()
}
