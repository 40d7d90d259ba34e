//! What fails under a lab: the cluster, the registry, the disk, the clock. A failure then says nothing of the lab, and
//! neither does one that the text asks for.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use nix::sys::statvfs::{Statvfs, statvfs};

use super::cause::Cause;
use super::check::LabContext;
use super::lab::Stepped;
use crate::clock::SteadyClock;
use crate::event::{Failure, Verdict};
use crate::exec::chain;
use crate::hint::Hint;
use crate::script::Step;
use crate::stage::Stage;

/// Room on a disk, in bytes, below which a command that writes may fail for want of it.
const ROOM: u128 = 64 << 10;

/// How far the wall's clock may get away from the steady one while a lab is played: one that is slewed, as NTP does it,
/// gets away by half a millisecond per second.
const AWAY: Duration = Duration::from_secs(2);

/// How long the Engine may think about a container.
const ANSWER: Duration = Duration::from_secs(2);

/// Whether a command that writes in `folder` may fail for want of room.
pub(super) fn is_full(folder: &Path) -> bool {
    // Blocks are counted in 32 bits on some systems.
    let bytes = |disk: Statvfs| u128::from(disk.blocks_available()) * u128::from(disk.fragment_size());
    statvfs(folder).is_ok_and(|disk| bytes(disk) < ROOM)
}

/// By how many seconds the wall's clock was moved away from the steady one, where it was: set, or a machine that slept,
/// whose steady clock stands still.
fn moved(wall: Timestamp, steady: Timestamp) -> Option<f64> {
    let moved = wall.duration_since(steady).as_secs_f64();
    (moved.abs() > AWAY.as_secs_f64()).then_some(moved)
}

/// What failed, and what to do about it.
#[derive(Debug, PartialEq, thiserror::Error)]
enum Trouble {
    #[error("the cluster failed a request ({0}), which may be why")]
    Cluster(String),
    #[error("the machine's clock was moved by {0:.0} s meanwhile, which may be why")]
    Clock(f64),
    #[error("the disk is full, which may be why: {0} has no room left")]
    Disk(String),
    #[error("the Docker Engine has not kept up what the lab stands on, which may be why: {0}")]
    Engine(String),
    /// One of the causes that were found.
    #[error("{0}, which says nothing of the lab")]
    Stage(Cause),
}

impl Trouble {
    /// What fails under a lab that is played since `began`; `request` is the first that the cluster failed, `full` the
    /// lab's folder where its disk has no room.
    fn find(request: Option<String>, began: SteadyClock, full: Option<&Path>, causes: &[Cause]) -> Option<Self> {
        let of_stage = |cause: &&Cause| {
            matches!(cause, Cause::RegistryDown { .. } | Cause::RegistrySilent | Cause::WatchCut { .. })
        };
        request
            .map(Self::Cluster)
            .or_else(|| moved(Timestamp::now(), began.now()).map(Self::Clock))
            .or_else(|| full.map(|folder| Self::Disk(folder.display().to_string())))
            .or_else(|| causes.iter().find(of_stage).cloned().map(Self::Stage))
    }

    /// What of the Engine fails under a lab on this stage, whose registry is one of its containers.
    async fn of_engine(stage: &Stage) -> Option<Self> {
        let registry = stage.handle.registry_container.as_deref()?;
        let why = match tokio::time::timeout(ANSWER, stage.docker.container_json(registry)).await {
            Ok(Ok(container)) if container["State"]["Running"] == true => return None,
            Ok(Ok(_)) => "the registry's container has been stopped".into(),
            Ok(Err(error)) => chain(&error),
            Err(_) => format!("it has not answered within {} s", ANSWER.as_secs()),
        };
        Some(Self::Engine(why))
    }
}

/// The step with its failure, if it is one, taken for what it is; its lab is played since `began`.
pub(super) async fn judged(mut stepped: Stepped, step: &Step, context: &LabContext<'_>, began: SteadyClock) -> Stepped {
    let message = match stepped.verdict {
        // A watch that was cut has seen nothing.
        Verdict::Unproven => "it proves nothing",
        Verdict::ExpectedFailure => "it failed as the text says",
        verdict if verdict.fails() => "it failed",
        _ => return stepped,
    };
    let (request, folder) = (context.site.gateway.unsteady(), context.site.shell.dir());
    let full = (stepped.is_full || is_full(folder)).then_some(folder);
    let trouble = match Trouble::find(request, began, full, &stepped.causes) {
        None if stepped.verdict != Verdict::ExpectedFailure => Trouble::of_engine(context.stage).await,
        trouble => trouble,
    };
    let Some(trouble) = trouble else { return stepped };
    let failure = stepped.failure.get_or_insert_with(|| Failure {
        file: context.lab.path.display().to_string(),
        line: step.line,
        message: message.into(),
        causes: Vec::new(),
        evidence: Vec::new(),
        hint: None,
    });
    failure.message = format!("{}; {trouble}", failure.message);
    failure.hint = trouble.hint();
    stepped.verdict = Verdict::Unstable;
    stepped
}

impl Hint for Trouble {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Cluster(_) => Some("play it again; where it stays so, look after the cluster first".into()),
            Self::Clock(_) => Some("play it again, with the clock left alone".into()),
            Self::Disk(_) => Some("make room (`docker system df` tells what images take), then play it again".into()),
            Self::Engine(_) => Some("was it restarted? Play it again once `docker info` answers".into()),
            Self::Stage(cause) => cause.hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_moved_when_it_gets_away_from_the_steady_one() {
        let began = Timestamp::now();
        let moved = |wall: i64, steady: i64| {
            let later = |seconds| began + jiff::SignedDuration::from_secs(seconds);
            moved(later(wall), later(steady))
        };
        assert_eq!(moved(3_600, 3_600), None);
        assert_eq!(moved(61, 60), None);
        assert_eq!(moved(3_660, 60), Some(3_600.0));
        assert_eq!(moved(-3_540, 60), Some(-3_600.0));
    }

    #[test]
    fn what_fails_under_a_lab_is_told_from_what_a_lab_does() {
        let of = |request: Option<&str>, causes: &[Cause]| {
            Trouble::find(request.map(Into::into), SteadyClock::default(), None, causes)
        };
        assert_eq!(of(None, &[Cause::OpenRegistry]), None);
        assert_eq!(
            of(None, &[Cause::OpenRegistry, Cause::RegistrySilent]),
            Some(Trouble::Stage(Cause::RegistrySilent))
        );
        assert_eq!(of(Some("get pods: 500"), &[Cause::RegistrySilent]), Some(Trouble::Cluster("get pods: 500".into())));
    }
}
