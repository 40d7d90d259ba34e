//! What a lab is once it has been read: steps with the checks that hang on them.
//! Knows nothing of Markdown, nor of how a step is played.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// GitHub shows it as the folder's page.
pub(super) const GUIDE: &str = "README.md";

/// A lab: a Markdown file under `labs/N-slug/` that is at once the student's guide and the script.
#[derive(Debug, Clone)]
pub(crate) struct Lab {
    /// The number in the folder's name; what `rehearse run N` names.
    pub id: u32,
    /// The folder's name after the number, e.g. `image-pull-secrets`.
    pub slug: String,
    /// The first heading; the slug where there is none.
    pub title: String,
    /// The Markdown file.
    pub path: PathBuf,
    /// Conditions the harness brings about before the first step.
    pub needs: Vec<Need>,
    /// In the order of the file; never empty.
    pub steps: Vec<Step>,
}

impl Lab {
    /// Whether a password is changed in it: then its user is not the other labs'.
    pub(crate) fn rotates(&self) -> bool {
        self.steps.iter().any(|step| step.rotates && step.skip.is_none())
    }
}

/// A condition on the stage that must hold before the lab starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Need {
    /// `needs image REF`: the image is in the stage's registry and on no node.
    Image(String),
    /// `needs no-image REF`: the registry does not serve it yet.
    NoImage(String),
    /// `needs cluster`: kubectl commands follow.
    Cluster,
}

/// One fence that is played, with everything that must hold because of it.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// 1-based line of the fence's opening line.
    pub line: usize,
    /// The nearest heading above.
    pub heading: String,
    pub action: Action,
    pub checks: Vec<Check>,
    /// How long the command and all of its checks may take together; [`Step::DEFAULT_TIMEOUT`] unless said.
    pub timeout: Duration,
    /// `skip REASON`: readers see the fence, the harness does not play it and reports the reason.
    pub skip: Option<String>,
    /// `rotate-password`: before it is played, the registry gives the lab's user another password.
    pub rotates: bool,
    /// `hub-only`: it shows something of docker.io's names, which a registry under its own name does not have.
    pub hub_only: bool,
}

impl Step {
    /// Long enough for the kubelet's second look at a failed pull (11–15 s), short enough to notice.
    pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
    /// Long enough for a pod to be scheduled and for its container to start or to fail at once.
    pub(crate) const DEFAULT_WINDOW: Duration = Duration::from_secs(2);

    /// How long after the command a `never` of this step looks where that is not said. An `expect` of the same pod
    /// takes the window's place: the step then lasts until the pod has come as far as the text says.
    pub(crate) fn never_window(&self, object: &ObjectRef) -> Duration {
        let expects = |check: &Check| matches!(&check.kind, CheckKind::Expect { object: of, .. } if of == object);
        if self.checks.iter().any(expects) { Duration::ZERO } else { Self::DEFAULT_WINDOW }
    }
}

/// What playing a fence means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// A shell fence, played verbatim by bash in the lab's folder.
    Shell(String),
    /// A fence whose first line names a file (`# pod.yaml`). The line stays, except in JSON, which has no comments.
    File { name: String, contents: String },
}

/// A check with the 1-based line of its directive (or output fence).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Check {
    pub line: usize,
    pub kind: CheckKind,
}

/// What must hold because a step was played. `Display` is the directive as one would write it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CheckKind {
    /// `expect pod/NAME [-n NS]: A, B, C`: the states appear in this order in the object's trace.
    Expect { object: ObjectRef, states: Vec<String> },
    /// `never pod/NAME [-n NS]: A, B [for 2s]`: none of the states appears while the step lasts, nor until the window
    /// after its command has passed ([`Step::never_window`] where none is said).
    Never { object: ObjectRef, states: Vec<String>, window: Option<Duration> },
    /// `event KIND/NAME [-n NS]: REASON ["text" or "text"]`: an event with this reason whose message contains a text.
    Event { object: ObjectRef, reason: String, contains: AnyOf },
    /// `pulled pod/NAME [-n NS]`: Running was proved: a *Successfully pulled* event, a refusal seen earlier in
    /// this lab for the same image, and the user's success in the registry's access log.
    Pulled { object: ObjectRef },
    /// `without THING pod/NAME [-n NS]: A, B`: the same pod in a namespace beside it, without one thing that it has, goes
    /// through these states and does not get its image.
    Without { what: Without, object: ObjectRef, states: Vec<String> },
    /// `fails ["text" or "text"]`: the fence must exit non-zero and its output contain a text.
    Fails { contains: AnyOf },
    /// `prints "text" [or "text"]`: the fence's output contains a text.
    Prints { contains: AnyOf },
    /// `prints-credentials`: the output is a dockerconfigjson that holds exactly the stage's credentials.
    PrintsCredentials,
    /// A fence of printed output (language `text` or `console` or none) right after a shell fence.
    Output { expected: String },
}

/// What a twin is without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Without {
    /// Neither the pod nor its namespace has a pull secret.
    Secret,
    /// The pod's ServiceAccount lists no pull secret.
    Patch,
    /// The pod runs under its namespace's default ServiceAccount.
    ServiceAccountName,
    /// The secret holds another password.
    RightPassword,
    /// The secret is for another registry.
    RightServer,
    /// The secret is in another namespace.
    RightNamespace,
    /// Nothing is taken away, and the twin proves nothing: no directive says so, sabotage does.
    Nothing,
}

impl Without {
    pub(super) const WORDS: [(&str, Self); 6] = [
        ("secret", Self::Secret),
        ("patch", Self::Patch),
        ("serviceAccountName", Self::ServiceAccountName),
        ("right-password", Self::RightPassword),
        ("right-server", Self::RightServer),
        ("right-namespace", Self::RightNamespace),
    ];
}

impl fmt::Display for Without {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::WORDS.iter().find(|(_, without)| without == self).map_or("nothing", |(word, _)| word))
    }
}

/// Texts of which one must occur, case and all; none at all asks for nothing. Registries and versions word the
/// same refusal differently, so a check may name several wordings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AnyOf(pub Vec<String>);

impl AnyOf {
    pub(crate) fn found_in(&self, haystack: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|text| haystack.contains(text.as_str()))
    }
}

impl fmt::Display for AnyOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, text) in self.0.iter().enumerate() {
            let or = if index == 0 { "" } else { " or " };
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
            write!(f, "{or}\"{escaped}\"")?;
        }
        Ok(())
    }
}

/// `KIND/NAME` in a namespace (`default` when none is given); the kind in its canonical lower-case singular. A name that
/// ends in `*` is the beginning of one: a controller gives its pods the rest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct ObjectRef {
    pub kind: String,
    pub namespace: String,
    pub name: String,
}

impl ObjectRef {
    /// Whether `object` is what is meant.
    pub fn means(&self, object: &Self) -> bool {
        match self.name.strip_suffix('*') {
            Some(begins) => {
                self.kind == object.kind && self.namespace == object.namespace && object.name.starts_with(begins)
            }
            None => self == object,
        }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "default" => write!(f, "{}/{}", self.kind, self.name),
            ns => write!(f, "{}/{} -n {ns}", self.kind, self.name),
        }
    }
}

impl fmt::Display for CheckKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with_text = |f: &mut fmt::Formatter<'_>, head: String, text: &AnyOf| match text.0.is_empty() {
            true => f.write_str(&head),
            false => write!(f, "{head} {text}"),
        };
        match self {
            CheckKind::Expect { object, states } => {
                write!(f, "expect {object}: {}", states.join(", "))
            }
            CheckKind::Never { object, states, window } => {
                write!(f, "never {object}: {}", states.join(", "))?;
                window.map_or(Ok(()), |window| write!(f, " for {window:?}"))
            }
            CheckKind::Event { object, reason, contains } => {
                with_text(f, format!("event {object}: {reason}"), contains)
            }
            CheckKind::Pulled { object } => write!(f, "pulled {object}"),
            CheckKind::Without { what, object, states } => write!(f, "without {what} {object}: {}", states.join(", ")),
            CheckKind::Fails { contains } => with_text(f, "fails".into(), contains),
            CheckKind::Prints { contains } => write!(f, "prints {contains}"),
            CheckKind::PrintsCredentials => f.write_str("prints-credentials"),
            CheckKind::Output { .. } => f.write_str("output as shown"),
        }
    }
}
