//! Where a run's stage comes from: one that is kept up, or one of its own.

use super::error::Error;
use super::places::Places;
use super::stage::{StageArgs, cluster_settings};
use super::{kept, remote};
use crate::cluster::Plan;
use crate::docker::Docker;
use crate::images::Application;
use crate::stage::StageSettings;

pub(super) enum Origin {
    Kept(Box<kept::Turn>),
    New(Box<StageSettings>),
}

impl Origin {
    /// The stage that is up, if `on_kept` allows, it is what is asked for and nobody plays on it; else one to be brought
    /// up. With what the reader should know of the choice.
    ///
    /// # Errors
    /// Where the cluster asked for cannot be had.
    pub(super) async fn choose(
        args: &StageArgs,
        places: &Places,
        on_kept: bool,
        docker: &Docker,
    ) -> Result<(Self, Vec<String>), Error> {
        let mut notes = Vec::new();
        let application = Application::read(&places.labs)?;
        if let Some(stage) = kept::find(&places.root).filter(|_| on_kept) {
            let why = match args.is_met_by(&stage)? && stage.application == application {
                false => "is not what is asked for",
                true => match kept::Turn::on(stage) {
                    Some(turn) => return Ok((Self::Kept(Box::new(turn)), notes)),
                    None => "is another run's just now",
                },
            };
            notes.push(format!("the stage that is up {why}: bringing up another"));
        }
        let remote = remote::chosen(args)?;
        let (plan, of_plan) = Plan::choose(&cluster_settings(args)?, docker).await?;
        notes.extend(of_plan);
        let registry_auth = args.registry_auth.map(Into::into).unwrap_or_default();
        let settings = StageSettings {
            plan,
            registry_port: args.registry_port,
            registry_auth,
            kept: None,
            application,
            served: Vec::new(),
            remote,
            defect: None,
        };
        Ok((Self::New(Box::new(settings)), notes))
    }
}
