//! What a lab is once it has been read: steps with the checks that hang on them.

use std::path::PathBuf;
use std::time::Duration;

/// A lab: a Markdown file under `labs/N-slug/` that is at once the student's guide and the script.
#[derive(Debug, Clone)]
pub struct Lab {
    /// The number in the folder's name; what `rehearse run N` names.
    pub id: u32,
    /// The folder's name after the number, e.g. `image-pull-secrets`.
    pub slug: String,
    /// The first heading.
    pub title: String,
    pub path: PathBuf,
    /// Conditions the harness brings about before the first step.
    pub needs: Vec<Need>,
    pub steps: Vec<Step>,
}

/// A condition on the stage that must hold before the lab starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// `needs image REF`: the image is in the stage's registry and on no node.
    Image(String),
    /// `needs no-image REF`: the registry does not serve it yet.
    NoImage(String),
    /// `needs cluster`: kubectl commands follow.
    Cluster,
}

/// One fence that is played, with everything that must hold because of it.
#[derive(Debug, Clone)]
pub struct Step {
    /// 1-based line of the fence's opening line.
    pub line: usize,
    /// The nearest heading above.
    pub heading: String,
    pub action: Action,
    pub checks: Vec<Check>,
    /// How long the command and all of its checks may take together.
    pub timeout: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A shell fence, played verbatim by bash in the lab's folder.
    Shell(String),
    /// A fence whose first line names a file (`# pod.yaml`); the contents are written without that line's removal.
    File { name: String, contents: String },
}

/// A check with the 1-based line of its directive (or output fence).
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    pub line: usize,
    pub kind: CheckKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum CheckKind {
    /// `expect pod/NAME [-n NS]: A, B, C`: the states appear in this order in the object's trace.
    Expect {
        object: ObjectRef,
        states: Vec<String>,
    },
    /// `never pod/NAME [-n NS]: A [for 2s]`: none of the states appears while the step lasts, nor in the window after.
    Never {
        object: ObjectRef,
        states: Vec<String>,
        window: Duration,
    },
    /// `event pod/NAME [-n NS]: REASON ["text"]`: an event with this reason whose message contains the text.
    Event {
        object: ObjectRef,
        reason: String,
        contains: Option<String>,
    },
    /// `pulled pod/NAME [-n NS]`: Running was proved: a *Successfully pulled* event, a refusal seen earlier in
    /// this lab for the same image, and the user's success in the registry's access log.
    Pulled { object: ObjectRef },
    /// `fails ["text"]`: the fence must exit non-zero and its output contain the text.
    Fails { contains: Option<String> },
    /// `prints "text"`: the fence's output contains the text.
    Prints { contains: String },
    /// `prints-credentials`: the output is a dockerconfigjson that holds exactly the stage's credentials.
    PrintsCredentials,
    /// A fence of printed output (language `text` or `console` or none) right after a shell fence.
    Output { expected: String },
}

/// `KIND/NAME` in a namespace (`default` when none is given).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct ObjectRef {
    pub kind: String,
    pub namespace: String,
    pub name: String,
}

impl std::fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.namespace.as_str() {
            "default" => write!(f, "{}/{}", self.kind, self.name),
            ns => write!(f, "{}/{} -n {ns}", self.kind, self.name),
        }
    }
}
