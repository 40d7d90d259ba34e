//! Small questions on a fence's commands. Knows no parser.

use super::command::Command;
use super::parse::Fence;

/// Whether a fence speaks of kubectl as a program: as a command, behind another one, or within a script that one is given.
/// A comment does not; of a fence that is no bash each word counts.
pub(crate) fn uses_kubectl(script: &str) -> bool {
    let apart = |c: char| !(c.is_alphanumeric() || "-_./".contains(c));
    let names = |text: &str| text.split(apart).any(|word| word.rsplit('/').next() == Some("kubectl"));
    match Fence::parse(script) {
        Ok(fence) => fence.commands().iter().flat_map(|command| &command.words).any(|word| names(&word.written)),
        Err(_) => names(script),
    }
}

impl Fence {
    /// How many of its commands begin with these words.
    pub(crate) fn calls(&self, words: &[&str]) -> usize {
        self.commands().iter().filter(|command| command.begins_with(words)).count()
    }

    /// Whether a kubectl command asks for this output format: `-o yaml`.
    pub(crate) fn prints_as(&self, format: &str) -> bool {
        let kubectl = self.commands().iter().filter(|command| command.program() == Some("kubectl"));
        kubectl.filter_map(|command| command.option('o', "output")).any(|asked| asked == format)
    }

    /// The images that `docker push` names, where the name is literal.
    pub(crate) fn pushed_images(&self) -> Vec<&str> {
        self.commands().iter().filter_map(pushed_image).collect()
    }
}

fn pushed_image(command: &Command) -> Option<&str> {
    let words = [&["docker", "push"][..], &["docker", "image", "push"]];
    let behind = words.iter().find(|words| command.begins_with(words))?.len();
    let mut literals = command.words[behind..].iter().filter_map(|word| word.literal.as_deref());
    literals.find(|word| !word.starts_with('-'))
}
