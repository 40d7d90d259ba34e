//! A command of a lecture: what is to be played, and what is known of it before.

use serde::Serialize;

use super::item::{Cue, ItemId};
use super::shell::Invocation;

/// One statement of a shell fence with the comment above it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LectureCommand {
    /// What bash gets once the placeholders are filled: without prompts, carriage returns and odd blanks.
    pub script: String,
    /// As it stands in the file, prompt and all.
    pub original: String,
    /// The programs it starts, in order, those within loops and conditions too; empty where bash cannot read it.
    pub invocations: Vec<Invocation>,
    /// Why bash cannot read it.
    pub unreadable: Option<String>,
    pub placeholders: Vec<Placeholder>,
    pub habit: Habit,
    /// The interactive session that it is typed into: not the reader's own shell.
    pub inside: Option<ItemId>,
    /// The words that say it ends with an error.
    pub fails: Option<Cue>,
    /// What makes `script` another text than `original`.
    pub mended: Vec<Mend>,
}

/// What a command does to the terminal it is typed into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Habit {
    /// It ends by itself.
    Plain,
    /// It opens an editor on an object of the cluster: `kubectl edit`.
    EditsObject,
    /// It opens an editor on a file: `vim pod.yaml`.
    EditsFile,
    /// It asks for something: `docker login`.
    Asks,
    /// It opens a shell elsewhere, and the commands after it are typed there: `kubectl exec -it … -- sh`.
    Session,
    /// It runs until it is stopped: `kubectl get pods -w`.
    Endless,
    /// It opens a window or a page.
    Window,
}

/// Text that a reader replaces by something of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Placeholder {
    /// As it stands in the script: `<base64-value>`, `YOUR_PASSWORD`.
    pub text: String,
    /// Its words in lower case, with `-` between: `base64-value`, `your-password`.
    pub name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mend {
    /// `$ ` and the like before the command.
    Prompt,
    /// A no-break space and its like; dashes and quotes that a word processor made.
    OddCharacters,
    /// A blank after the backslash that continues a line.
    BlankAfterBackslash,
}

impl LectureCommand {
    /// The script with each placeholder replaced by what `fill` knows for it; those it does not know are returned.
    pub fn filled(&self, fill: impl Fn(&Placeholder) -> Option<String>) -> Result<String, Vec<Placeholder>> {
        let (mut script, mut unknown) = (self.script.clone(), Vec::new());
        for placeholder in &self.placeholders {
            match fill(placeholder) {
                Some(value) => script = script.replace(&placeholder.text, &value),
                None => unknown.push(placeholder.clone()),
            }
        }
        if unknown.is_empty() { Ok(script) } else { Err(unknown) }
    }

    /// Whether it calls a program with a verb, its first word that is no option: `docker login`. `k` is kubectl.
    pub fn calls(&self, program: &str, verb: &str) -> bool {
        self.invocations.iter().any(|invocation| {
            let name = if invocation.program() == "k" { "kubectl" } else { invocation.program() };
            name == program
                && invocation.arguments().iter().find(|word| !word.starts_with('-')).is_some_and(|word| word == verb)
        })
    }

    /// The names of the programs it starts, each once.
    pub fn programs(&self) -> Vec<&str> {
        let mut programs = Vec::new();
        for invocation in &self.invocations {
            if !programs.contains(&invocation.program()) {
                programs.push(invocation.program());
            }
        }
        programs
    }
}
