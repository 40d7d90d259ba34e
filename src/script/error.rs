//! Everything that can be wrong with a lab before it is played.
//! Knows nothing of how errors are shown; the edge prints the hint on a line of its own.

use std::path::PathBuf;

use crate::hint::Hint;
/// A lab that cannot be read or found. All of these are the author's or the user's to mend.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScriptError {
    /// `line` is 1-based, in the Markdown file.
    #[error("{}:{line}: {problem}", file.display())]
    At { file: PathBuf, line: usize, problem: Problem },
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{} has no {}", dir.display(), super::model::GUIDE)]
    NoGuide { dir: PathBuf },
    /// Never of one alone.
    #[error("{} things are wrong with the labs{}", .0.len(), listed(.0))]
    Several(Vec<ScriptError>),
    #[error("{}: no fence to play", file.display())]
    NoSteps { file: PathBuf },
    #[error("{}: a lab's folder is named NUMBER-slug", path.display())]
    FolderName { path: PathBuf },
    #[error("two labs have the number {id}: {} and {}", first.display(), second.display())]
    SameNumber { id: u32, first: PathBuf, second: PathBuf },
    #[error("no lab in {}", dir.display())]
    NoLabs { dir: PathBuf },
    #[error("no lab `{asked}`")]
    UnknownLab { asked: String, known: Vec<String> },
}

/// Each on a line of its own, with what to do about it.
fn listed(errors: &[ScriptError]) -> String {
    let hint = |error: &ScriptError| error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
    errors.iter().map(|error| format!("\n  {error}{}", hint(error))).collect()
}

/// What is wrong at a place; the place is the caller's to add.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("not UTF-8")]
    NotUtf8,
    #[error("a NUL byte")]
    Nul,
    #[error("unknown directive `{word}`")]
    UnknownDirective { word: String, near: Option<&'static str> },
    #[error("`{word}` is not `rehearse:`")]
    MisspeltMarker { word: String },
    #[error("directive `{word}`: expected {expected}, found `{found}`")]
    Arguments { word: &'static str, usage: &'static str, expected: &'static str, found: String },
    #[error("malformed object reference `{found}`")]
    ObjectRef { found: String },
    #[error("unknown kind `{kind}`")]
    UnknownKind { kind: String, near: Option<String> },
    #[error("directive `{word}` watches pods, not a {kind}")]
    NotAPod { word: &'static str, kind: String },
    #[error("malformed state `{found}`")]
    State { found: String, near: Option<&'static str> },
    #[error("malformed duration `{found}`")]
    Duration { found: String },
    #[error("text without its closing quote: {found}")]
    Quote { found: String },
    #[error("directive `{word}` is not followed by a shell fence in its section")]
    Dangling { word: &'static str },
    #[error("directive `{word}` hangs on the file fence `{file}`, which runs nothing")]
    OnFile { word: &'static str, file: String },
    #[error("`needs` stands after the first step, at line {step}")]
    LateNeed { step: usize },
    #[error("`{name}` leads out of the lab's folder")]
    FileName { name: String },
    /// `reason` is the YAML parser's own, with the line in the Markdown file.
    #[error("`{name}` is not YAML: {reason}")]
    Yaml { name: String, reason: String },
    #[error("comment is never closed")]
    OpenComment,
    #[error("fence is never closed")]
    OpenFence,
}

impl Hint for ScriptError {
    fn hint(&self) -> Option<String> {
        match self {
            ScriptError::At { problem, .. } => problem.hint(),
            ScriptError::NoSteps { .. } => Some("a ```bash fence is a step".into()),
            ScriptError::FolderName { .. } => Some("e.g. labs/4-rotate-credentials".into()),
            ScriptError::UnknownLab { known, .. } => Some(format!("labs are {}", known.join(", "))),
            ScriptError::NoLabs { .. } => Some("a lab is a file NUMBER-slug/README.md in that folder".into()),
            ScriptError::NoGuide { .. } => Some("a lab's guide is the file README.md in its folder".into()),
            ScriptError::Several(_) => None,
            ScriptError::Read { path, .. } if path.ends_with(super::model::GUIDE) => None,
            ScriptError::Read { .. } => Some("name the folder with the labs: `--labs DIR`".into()),
            ScriptError::SameNumber { .. } => Some("give one of the folders another number".into()),
        }
    }
}

impl Hint for Problem {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Problem::UnknownDirective { near: Some(near), .. } | Problem::State { near: Some(near), .. } => {
                format!("did you mean `{near}`?")
            }
            Problem::UnknownKind { near: Some(near), .. } => format!("did you mean `{near}`?"),
            Problem::UnknownDirective { near: None, .. } => "docs/directives.md lists them all".into(),
            Problem::MisspeltMarker { .. } => "directives stand in `<!-- rehearse: … -->`".into(),
            Problem::Arguments { usage, .. } => format!("write `{usage}`"),
            Problem::ObjectRef { .. } => "write `pod/NAME` or `pod/NAME -n NAMESPACE`".into(),
            Problem::State { near: None, .. } => "a state is one word of kubectl's STATUS column".into(),
            Problem::Duration { .. } => "write `90s`, `500ms` or `1m30s`".into(),
            Problem::Dangling { .. } => "put the comment right above its fence".into(),
            Problem::OnFile { .. } => "put the comment above the fence that applies the file".into(),
            Problem::LateNeed { .. } => "move it above the first fence".into(),
            Problem::OpenComment => "close it with `-->`".into(),
            Problem::OpenFence => "close it with as many backticks as it begins with".into(),
            Problem::Yaml { .. } => {
                "a YAML fence with a name is written to that file; one without is only shown".into()
            }
            Problem::Nul => "no shell and no manifest takes one: remove it".into(),
            Problem::NotUtf8 => "save the file as UTF-8".into(),
            Problem::UnknownKind { near: None, .. } => "write `pod/NAME`; docs/directives.md says which kinds".into(),
            Problem::NotAPod { .. } => "write `pod/NAME`, or `event KIND/NAME: REASON`".into(),
            Problem::Quote { .. } => "close it with `\"`; a quote inside is `\\\"`".into(),
            Problem::FileName { .. } => "name a file in the lab's folder, such as `pod.yaml`".into(),
        };
        Some(hint)
    }
}
