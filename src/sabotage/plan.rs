//! Labs and faults → what is played on which stages, and which faults do not apply to which labs. Pure.

use std::time::Duration;

use super::change;
use super::facts::{
    account_of, always_asks, fetching, makes_secret, names_secrets, needed_images, only_looks, patches_account,
    printed_text, pulling, refusals, refused, tries_wrong_password, turns_strangers_away, with_twin, witnessed,
};
use super::faults::{Fault, Happening, LabChange, Mechanism};
use crate::hint::Hint;
use crate::registry::ImageRef;
use crate::script::{Lab, ObjectRef};
use crate::stage::Defect;

/// Numbers of broken labs: all of one length, so that no name of one is the beginning of another's.
const FIRST: u32 = 1000;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("there is no fault `{name}`")]
    UnknownFault { name: String, known: Vec<&'static str> },
    #[error("none of the faults applies to lab {lab}: nothing shows that it would notice anything")]
    NothingApplies { lab: u32 },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownFault { known, .. } => Some(format!("there are: {}", known.join(", "))),
            Self::NothingApplies { .. } => Some(
                "`expect`, `pulled`, `without` and `fails` are what faults take hold of: docs/directives.md".into(),
            ),
        }
    }
}

/// A lab to be played with one fault.
#[derive(Debug, Clone)]
pub(crate) struct Broken {
    pub fault: &'static Fault,
    /// The number of the lab that it was made of.
    pub of: u32,
    /// With a number of its own.
    pub lab: Lab,
    /// What happens before which of its steps.
    pub happens: Option<(Happening, usize)>,
    /// Its steps that wait for what does not come.
    waits: Vec<usize>,
}

impl Broken {
    /// Steps that wait for what the fault keeps from coming may take no longer than this.
    pub(crate) fn hurry(&mut self, patience: Duration) {
        for at in &self.waits {
            let timeout = &mut self.lab.steps[*at].timeout;
            *timeout = (*timeout).min(patience);
        }
    }

    /// Whether what happens to it happens to all labs of its stage at once.
    pub(crate) fn is_with_others(&self) -> bool {
        matches!(self.happens, Some((Happening::HoldRegistry | Happening::StopRegistry, _)))
    }
}

/// What broken labs are played on: those with the same are played on one stage, side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StageVariant {
    /// A sound stage.
    Sound,
    Defect(Defect),
    /// The application's files have the second text in place of the first.
    OtherText(String, String),
    /// A sound stage until this happens to its labs; what happens to the registry happens to all at once.
    Until(Happening),
}

/// A fault and a lab to which it does not apply, and why.
#[derive(Debug, Clone)]
pub(crate) struct Inapplicable {
    pub fault: &'static Fault,
    pub lab: u32,
    pub why: String,
}

/// What is to be played.
#[derive(Debug, Default)]
pub(crate) struct SabotagePlan {
    pub stages: Vec<(StageVariant, Vec<Broken>)>,
    pub inapplicable: Vec<Inapplicable>,
}

impl SabotagePlan {
    /// `sources` are the texts of the application's files.
    ///
    /// # Errors
    /// [`Error::NothingApplies`].
    pub(crate) fn new(labs: &[&Lab], faults: &[&'static Fault], sources: &[String]) -> Result<Self, Error> {
        let mut plan = Self::default();
        for lab in labs {
            let before = plan.inapplicable.len();
            for fault in faults {
                match broken(lab, fault, sources) {
                    Ok((variant, broken)) => plan.add(variant, broken),
                    Err(why) => plan.inapplicable.push(Inapplicable { fault, lab: lab.id, why }),
                }
            }
            if plan.inapplicable.len() - before == faults.len() {
                return Err(Error::NothingApplies { lab: lab.id });
            }
        }
        // The stage with the most labs takes longest.
        plan.stages.sort_by_key(|(_, labs)| std::cmp::Reverse(labs.len()));
        Ok(plan)
    }

    fn add(&mut self, variant: StageVariant, mut broken: Broken) {
        let number = self.stages.iter().map(|(_, labs)| labs.len()).sum::<usize>();
        broken.lab.id = FIRST + u32::try_from(number).unwrap_or_default();
        match self.stages.iter_mut().find(|(known, _)| *known == variant) {
            Some((_, labs)) => labs.push(broken),
            None => self.stages.push((variant, vec![broken])),
        }
    }
}

/// Before its fault a lab is as it is: steps that only look are not played, which spares half of its commands.
fn without_looks(lab: &mut Lab, until: usize) {
    for step in lab.steps.iter_mut().take(until).filter(|step| only_looks(step)) {
        step.skip.get_or_insert_with(|| "it only looks, and nothing is broken yet".into());
    }
}

/// The lab with the fault, and what it is played on.
///
/// # Errors
/// Why the fault does not apply.
fn broken(lab: &Lab, fault: &'static Fault, sources: &[String]) -> Result<(StageVariant, Broken), String> {
    let mut broken = Broken { fault, of: lab.id, lab: lab.clone(), happens: None, waits: Vec::new() };
    let refused = refused(lab).map(|(at, _)| at);
    let variant = match fault.mechanism {
        Mechanism::Nothing => StageVariant::Sound,
        Mechanism::Stage(Defect::AnyPassword) if !tries_wrong_password(lab) => {
            return Err("nobody in it tries a wrong password".into());
        }
        Mechanism::Stage(_) if !turns_strangers_away(lab) => return Err("nobody in it is to be turned away".into()),
        Mechanism::Stage(defect) => {
            broken.waits.extend(refusals(lab));
            StageVariant::Defect(defect)
        }
        Mechanism::OtherText => {
            let text = printed_text(lab, sources).ok_or("nothing in it looks at what the application says")?;
            StageVariant::OtherText(text, "What is it?".into())
        }
        Mechanism::Happening(happening) => {
            let at = before(lab, happening)?;
            broken.happens = Some((happening, at));
            without_looks(&mut broken.lab, at);
            broken.waits = match happening {
                Happening::Preload => refused.into_iter().chain(pulling(lab).map(|(at, _)| at)).collect(),
                Happening::OtherImage | Happening::CutLog => Vec::new(),
                Happening::HoldRegistry | Happening::StopRegistry | Happening::CutWatch => vec![at],
            };
            match happening {
                // A node that has pulled the same image for another lab's pod knows that it takes credentials.
                Happening::HoldRegistry | Happening::StopRegistry | Happening::Preload => {
                    StageVariant::Until(happening)
                }
                Happening::OtherImage | Happening::CutWatch | Happening::CutLog => StageVariant::Sound,
            }
        }
        Mechanism::Lab(change) => {
            let at = apply(change, &mut broken.lab)?;
            // Behind the step that was put before it.
            broken.waits.push(at + broken.lab.steps.len() - lab.steps.len());
            without_looks(&mut broken.lab, at);
            StageVariant::Sound
        }
    };
    Ok((variant, broken))
}

const NO_POD: &str = "no pod of it is to get an image";

/// Before which step it happens.
fn before(lab: &Lab, happening: Happening) -> Result<usize, String> {
    let pulling = || pulling(lab).ok_or(NO_POD);
    match happening {
        Happening::Preload if always_asks(lab) => Err("its pods ask the registry whatever their node has".into()),
        Happening::Preload | Happening::OtherImage => {
            pulling()?;
            if needed_images(lab).is_empty() { Err("the stage serves it no image".into()) } else { Ok(0) }
        }
        Happening::HoldRegistry | Happening::StopRegistry => {
            fetching(lab).ok_or_else(|| "nobody in it is to get an image".into())
        }
        Happening::CutWatch => Ok(pulling()?.0),
        Happening::CutLog => Ok(witnessed(lab).ok_or("no pull of it is held against the registry's log")?.0),
    }
}

/// Makes the change; gives the step before which nothing is changed.
///
/// # Errors
/// Why there is nothing to change.
fn apply(change: LabChange, lab: &mut Lab) -> Result<usize, String> {
    let of = |found: Option<(usize, &ObjectRef)>| found.map(|(at, pod)| (at, pod.clone()));
    let (pulling, refused) = (of(pulling(lab)), of(refused(lab)));
    let at = match change {
        LabChange::Secret(change) => {
            let (at, pod) = pulling.ok_or(NO_POD)?;
            if !makes_secret(lab) {
                return Err("it makes no pull secret".into());
            }
            change::secrets(lab, at, &pod.namespace, change);
            at
        }
        LabChange::PatchLater => {
            let (at, pod) = pulling.ok_or(NO_POD)?;
            if !patches_account(lab, at) {
                return Err("no ServiceAccount of it is given a pull secret".into());
            }
            if refused.as_ref().is_some_and(|(_, pod)| names_secrets(lab, pod)) {
                return Err("its pods name their pull secrets themselves".into());
            }
            change::patch_later(lab, at, &pod.namespace);
            at
        }
        LabChange::Leftover => {
            let (at, pod) = refused.ok_or("no pod of it is to be refused an image")?;
            if let Some(account) = account_of(lab, &pod) {
                return Err(format!("its {pod} runs under {account}, not under the default ServiceAccount"));
            }
            if names_secrets(lab, &pod) {
                return Err(format!("its {pod} names its pull secrets itself"));
            }
            let image = needed_images(lab).first().and_then(|image| ImageRef::parse(image).ok());
            let image = image.ok_or("the stage serves it no image")?;
            let server = match image.registry() {
                "docker.io" => "https://index.docker.io/v1/".to_owned(),
                registry => registry.to_owned(),
            };
            change::leftover(lab, at, &pod.namespace, &server);
            at
        }
        LabChange::ForeignState => {
            let (at, pod) = pulling.or(refused).ok_or("it expects no state of a pod")?;
            change::foreign_state(lab, at, &pod);
            at
        }
        LabChange::WholeTwins => {
            let (at, _) = with_twin(lab).ok_or("nothing of it has a twin")?;
            change::whole_twins(lab);
            at
        }
    };
    Ok(at)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::sabotage::faults::{FAULTS, chosen};
    use crate::script::{Action, load_all};

    fn labs() -> Vec<Lab> {
        load_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("labs")).unwrap()
    }

    fn sources() -> Vec<String> {
        vec!["def greeting(): return \"Hello, Docker!\"".into()]
    }

    #[test]
    fn each_fault_applies_to_a_lab_or_says_why_it_does_not() {
        let labs = labs();
        let faults: Vec<_> = FAULTS.iter().collect();
        let plan = SabotagePlan::new(&labs.iter().collect::<Vec<_>>(), &faults, &sources()).unwrap();
        let mut told: Vec<_> =
            plan.inapplicable.iter().map(|i| format!("{} {}: {}", i.lab, i.fault.name, i.why)).collect();
        told.sort();
        insta::assert_snapshot!(told.join("\n"));
        let played: Vec<_> = plan.stages.iter().flat_map(|(_, labs)| labs).collect();
        assert_eq!(played.len() + told.len(), labs.len() * FAULTS.len());
        assert!(FAULTS.iter().all(|fault| played.iter().any(|broken| broken.fault.name == fault.name)));
        let mut numbers: Vec<_> = played.iter().map(|broken| broken.lab.id).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), played.len(), "each has a number of its own");
    }

    #[test]
    fn a_lab_is_changed_before_the_step_that_pulls() {
        let labs = labs();
        let one = |name: &str| {
            let plan = SabotagePlan::new(&[&labs[2]], &chosen(&[name.to_owned()]).unwrap(), &[]).unwrap();
            plan.stages[0].1[0].lab.clone()
        };
        let (at, _) = pulling(&labs[2]).unwrap();
        let script = |lab: &Lab, at: usize| match &lab.steps[at].action {
            Action::Shell(script) => script.clone(),
            Action::File { .. } => String::new(),
        };
        assert!(script(&one("secret-renamed"), at).contains("\"$secret-renamed\" -n app1-ns"));
        assert!(script(&one("wrong-server"), at).contains("registry.invalid"));
        assert!(script(&one("secret-elsewhere"), at).contains("kubectl create ns rehearsal-elsewhere"));
        let later = one("patched-later");
        assert!(script(&later, at).contains("null") && script(&later, at + 1).contains("$secrets"));
        assert!(script(&later, at + 1).starts_with("kubectl apply -f pod.yaml\n"));
    }

    #[test]
    fn what_only_looks_before_the_fault_is_not_played() {
        let labs = labs();
        let plan = SabotagePlan::new(&[&labs[1]], &chosen(&["watch-cut".to_owned()]).unwrap(), &[]).unwrap();
        let broken = &plan.stages[0].1[0];
        let (skipped, at) = (|at: usize| broken.lab.steps[at].skip.is_some(), broken.happens.unwrap().1);
        let script = |at: usize| match &broken.lab.steps[at].action {
            Action::Shell(script) => script.lines().next().unwrap_or_default(),
            Action::File { .. } => "",
        };
        let played: Vec<_> = (0..=at).filter(|at| !skipped(*at)).map(script).filter(|line| !line.is_empty()).collect();
        let create = "kubectl create secret docker-registry dockerhub-secret \\";
        assert_eq!(
            played,
            ["kubectl apply -f pod.yaml", create, "kubectl delete pod mypod", "kubectl apply -f pod.yaml"]
        );
        assert!((at..broken.lab.steps.len() - 1).all(|at| !skipped(at)), "what comes after it is");
    }

    #[test]
    fn a_lab_that_nothing_applies_to_is_an_error() {
        let mut lab = labs().remove(0);
        lab.steps.truncate(1);
        let plan = SabotagePlan::new(&[&lab], &FAULTS.iter().collect::<Vec<_>>(), &sources());
        assert!(matches!(plan, Err(Error::NothingApplies { lab: 0 })));
    }
}
