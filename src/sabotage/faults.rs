//! The table of faults: what is broken, by which mechanism, and which cause has to be named. A new lab gets them from its
//! own directives; a new fault is a row.

use super::plan::Error;
use crate::stage::Defect;

/// One thing that can be broken.
#[derive(Debug)]
pub(crate) struct Fault {
    pub name: &'static str,
    /// What is broken, in one sentence.
    pub what: &'static str,
    /// The cause that has to be named before any other, by its word ([`crate::run::Cause::name`]).
    pub cause: &'static str,
    pub mechanism: Mechanism,
}

/// How it is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mechanism {
    /// The stage is brought up so.
    Stage(Defect),
    /// The application is built with another text.
    OtherText,
    /// Something happens to what the lab stands on before one of its steps.
    Happening(Happening),
    /// The lab's own steps are others.
    Lab(LabChange),
    /// Nothing is broken: what comes of it has to be called *not caught*.
    Nothing,
}

/// What happens to the stage of a lab that is being played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happening {
    /// Before the first step the node has the lab's images.
    Preload,
    /// Before the first step another image stands under the lab's tag.
    OtherImage,
    /// Before the step that pulls, the registry ceases to answer.
    HoldRegistry,
    /// Before the step that pulls, the registry is stopped.
    StopRegistry,
    /// Before the step that pulls, the harness' view of the cluster is cut off.
    CutWatch,
    /// Before the step that pulls, the registry's log is kept from the harness.
    CutLog,
}

/// What of a lab is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LabChange {
    /// Before the step that pulls, its namespace's pull secrets are others.
    Secret(SecretChange),
    /// The ServiceAccounts list their pull secrets only once the pod has been created.
    PatchLater,
    /// Before the step that is to be refused, the default ServiceAccount lists a good pull secret.
    Leftover,
    /// Expectations name a state that no pod of theirs goes into.
    ForeignState,
    /// From its twins nothing is taken away.
    WholeTwins,
}

/// How a pull secret is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretChange {
    Renamed,
    Elsewhere,
    OtherServer,
}

use Mechanism::{Happening as Happens, Lab, Nothing, OtherText, Stage};

pub(crate) const FAULTS: &[Fault] = &[
    fault("registry-open", "the registry asks nobody for a login", "open-registry", Stage(Defect::OpenRegistry)),
    fault("any-password", "the registry takes any password of its user", "any-password", Stage(Defect::AnyPassword)),
    fault(
        "tokens-for-everybody",
        "the registry's token service grants everybody everything",
        "tokens-for-anybody",
        Stage(Defect::GrantsEverything),
    ),
    fault("image-preloaded", "the node has the image already", "already-on-node", Happens(Happening::Preload)),
    fault("other-text", "the application says another text", "other-text", OtherText),
    fault("other-image", "another image stands under the tag", "other-image", Happens(Happening::OtherImage)),
    fault(
        "secret-renamed",
        "the secret has another name",
        "secret-missing",
        Lab(LabChange::Secret(SecretChange::Renamed)),
    ),
    fault(
        "wrong-server",
        "the secret is for another server",
        "other-server",
        Lab(LabChange::Secret(SecretChange::OtherServer)),
    ),
    fault(
        "secret-elsewhere",
        "the secret is in another namespace",
        "secret-elsewhere",
        Lab(LabChange::Secret(SecretChange::Elsewhere)),
    ),
    fault("patched-later", "the ServiceAccount is patched after the pod", "patched-later", Lab(LabChange::PatchLater)),
    fault(
        "leftover-secret",
        "the default ServiceAccount carries a leftover secret",
        "leftover-secret",
        Lab(LabChange::Leftover),
    ),
    fault("registry-slow", "the registry answers late", "registry-silent", Happens(Happening::HoldRegistry)),
    fault("registry-down", "the registry goes down half-way", "registry-down", Happens(Happening::StopRegistry)),
    fault(
        "foreign-state",
        "an expectation names a state that never was",
        "never-in-state",
        Lab(LabChange::ForeignState),
    ),
    fault("watch-cut", "the watch is cut", "watch-cut", Happens(Happening::CutWatch)),
    fault("log-cut", "the registry's log cannot be read", "log-cut", Happens(Happening::CutLog)),
    fault("whole-twins", "from twins nothing is taken away", "twin-runs", Lab(LabChange::WholeTwins)),
];

/// The control: it is asked for by name only.
static NOTHING: Fault = fault("nothing", "nothing is broken", "", Nothing);

const fn fault(name: &'static str, what: &'static str, cause: &'static str, mechanism: Mechanism) -> Fault {
    Fault { name, what, cause, mechanism }
}

/// The faults of these names in their order, or all of the table where none is named.
///
/// # Errors
/// [`Error::UnknownFault`].
pub(crate) fn chosen(names: &[String]) -> Result<Vec<&'static Fault>, Error> {
    if names.is_empty() {
        return Ok(FAULTS.iter().collect());
    }
    let known = || FAULTS.iter().chain([&NOTHING]);
    let find = |name: &String| {
        let found = known().find(|fault| fault.name == name);
        found
            .ok_or_else(|| Error::UnknownFault { name: name.clone(), known: known().map(|fault| fault.name).collect() })
    };
    names.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_fault_has_a_name_and_a_cause_of_its_own() {
        let names: BTreeSet<_> = FAULTS.iter().map(|fault| fault.name).collect();
        let causes: BTreeSet<_> = FAULTS.iter().map(|fault| fault.cause).collect();
        assert_eq!((names.len(), causes.len()), (FAULTS.len(), FAULTS.len()));
    }

    #[test]
    fn faults_are_chosen_by_name() {
        let names = |of: &[&str]| chosen(&of.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(names(&[]).unwrap().len(), FAULTS.len());
        assert_eq!(names(&["watch-cut", "nothing"]).unwrap()[1].mechanism, Nothing);
        assert!(names(&["watch"]).unwrap_err().to_string().contains("`watch`"));
    }
}
