//! Blocks of shell: a command for each statement, and what is printed between them.

use super::{Reading, Session};
use crate::script::lecture::command::{Habit, LectureCommand, Mend};
use crate::script::lecture::habit::habit;
use crate::script::lecture::item::{Cue, ItemKind, LectureItem, Lines};
use crate::script::lecture::manifest::has_objects;
use crate::script::lecture::markdown::{Block, BlockKind, Code, CodeStyle};
use crate::script::lecture::nature::{Segment, SegmentKind, is_error, is_report, is_table_header};
use crate::script::lecture::placeholder::{placeholders, without_brackets};
use crate::script::lecture::prompt::{is_elsewhere, prompted};
use crate::script::lecture::shell::invocations;
use crate::script::lecture::words::{Concept, Cues, last_sentence};

/// Words of states that pods have; what fails then is the pod, and the command ends well.
const OF_PODS: [&str; 16] = [
    "pod",
    "imagepull",
    "errimage",
    "backoff",
    "pending",
    "container",
    "state",
    "status",
    "image",
    "probe",
    "deployment",
    "rollout",
    "node",
    "job",
    "if ",
    "when ",
];

impl Reading {
    pub(super) fn shell(&mut self, code: &Code, segments: &[Segment], next: Option<&Block>) {
        let mut comments: Vec<Cue> = Vec::new();
        let (begun, mut taken) = (self.items.len(), Vec::new());
        let (mut first, mut last) = (None, None);
        for segment in segments {
            let lines = &code.lines[segment.lines.clone()];
            match segment.kind {
                SegmentKind::Comment => {
                    let text = lines[0].1.trim().trim_start_matches(['#', '$', ' ']).to_owned();
                    comments.push(Cue { line: lines[0].0, text });
                }
                SegmentKind::Command { prompt: true } if self.session.is_none() && is_elsewhere(&lines[0].1) => {
                    let part = Code { lines: lines.to_vec(), ..code.clone() };
                    let span = Lines { first: lines[0].0, last: lines[lines.len() - 1].0 };
                    self.illustrate(span, &part, "it is typed on another machine, or in a container");
                    last = None;
                }
                SegmentKind::Command { prompt } => {
                    let lead = if first.is_none() { std::mem::take(&mut self.lead) } else { Vec::new() };
                    self.lead = lead;
                    self.lead.append(&mut comments);
                    let at = self.command(lines, prompt, &mut taken);
                    first.get_or_insert(at);
                    last = Some(at);
                    self.lead.clear();
                }
                // `vi pod.yaml` and the file's lines below it.
                SegmentKind::Output if has_objects(lines) && self.opened.is_some() => {
                    let part = Code { lines: lines.to_vec(), language: String::new(), ..code.clone() };
                    self.objects(Lines { first: lines[0].0, last: lines[lines.len() - 1].0 }, &part);
                }
                SegmentKind::Output => {
                    if let Some(command) = last {
                        let text: String = lines.iter().map(|(_, line)| format!("{line}\n")).collect();
                        let span = Lines { first: lines[0].0, last: lines[lines.len() - 1].0 };
                        self.push_output(span, text, command, None);
                    } else {
                        let part = Code { lines: lines.to_vec(), ..code.clone() };
                        let span = Lines { first: lines[0].0, last: lines[lines.len() - 1].0 };
                        self.illustrate(span, &part, "no command before it prints it");
                    }
                }
            }
        }
        self.name_unnamed(&taken, begun);
        if code.style != CodeStyle::Inline
            && let (Some(at), Some(Block { kind: BlockKind::Prose(text), lines })) = (last, next)
        {
            self.fails_as_told(at, lines.first, text);
        }
    }

    /// One statement.
    fn command(&mut self, lines: &[(usize, String)], prompt: bool, taken: &mut Vec<String>) -> usize {
        let span = Lines { first: lines[0].0, last: lines[lines.len() - 1].0 };
        let original: String = lines.iter().map(|(_, line)| format!("{line}\n")).collect();
        let (script, mended) = mended(lines, prompt);
        if let Some(at) = self.transcribed(&script, prompt) {
            return at;
        }
        let placeholders = placeholders(&script);
        let (invocations, unreadable) = match invocations(&without_brackets(&script, &placeholders)) {
            Ok(found) => (found, None),
            Err(reason) => (Vec::new(), Some(reason)),
        };
        let habit = habit(&script, &invocations);
        let inside = self.inside(&invocations);
        let fails = self.fails_as_led_in();
        let known = invocations.clone();
        let command =
            LectureCommand { script, original, invocations, unreadable, placeholders, habit, inside, fails, mended };
        let leaves =
            command.inside.is_some() && matches!(known.first().map(|i| i.program()), Some("exit" | "logout" | "quit"));
        let at = self.push(span, ItemKind::Command(Box::new(command)));
        taken.extend(self.files_of(at, &known));
        self.last_command = Some(at);
        self.code_since = false;
        if leaves {
            self.session = None;
        }
        if habit == Habit::Session {
            let machine = known.iter().any(|i| matches!(i.program(), "ssh" | "vagrant" | "minikube" | "multipass"));
            self.session = Some(Session { id: self.items[at].id.clone(), machine });
        }
        at
    }

    /// The command of this section that a block with prompts repeats: it shows what that printed, and runs nothing twice.
    fn transcribed(&self, script: &str, prompt: bool) -> Option<usize> {
        let section = self.outline.current();
        let bare =
            |script: &str| script.split(" #").next().unwrap_or(script).split_whitespace().collect::<Vec<_>>().join(" ");
        let here = (0..self.items.len()).rev().take_while(|at| self.places[*at].section == section);
        here.filter(|_| prompt).find(|at| {
            self.items[*at]
                .command()
                .is_some_and(|command| !command.mended.contains(&Mend::Prompt) && bare(&command.script) == bare(script))
        })
    }

    /// The session that a command is typed into; kubectl and docker are typed outside, and end one.
    fn inside(&mut self, invocations: &[crate::script::lecture::Invocation]) -> Option<crate::script::lecture::ItemId> {
        let outside = ["kubectl", "docker", "minikube", "helm", "kind", "k", "oc", "podman", "k3d"];
        let leaves = |session: &Session| !session.machine && invocations.iter().any(|i| outside.contains(&i.program()));
        if self.session.as_ref().is_some_and(leaves) {
            self.session = None;
        }
        self.session.as_ref().map(|session| session.id.clone())
    }

    /// A sentence or a comment before the command says that it fails.
    fn fails_as_led_in(&self) -> Option<Cue> {
        let cue = self.lead.last()?;
        fails(last_sentence(&cue.text)).then(|| Cue { line: cue.line, text: last_sentence(&cue.text).to_owned() })
    }

    /// The sentence right after the command says that it failed.
    fn fails_as_told(&mut self, at: usize, line: usize, text: &str) {
        let end = text.find(['.', '。', '\n', ':', '：']).unwrap_or(text.len());
        let sentence = &text[..end];
        let told = fails(sentence) && Cues::new(sentence).has(Concept::Output);
        if let (true, ItemKind::Command(command)) = (told, &mut self.items[at].kind) {
            command.fails.get_or_insert(Cue { line, text: sentence.to_owned() });
        }
    }

    /// The output shown is an error.
    pub(super) fn fails_as_shown(&mut self, at: usize, lines: Lines, text: &str) {
        let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let error = if is_error(first) { first } else { last };
        if let (true, ItemKind::Command(command)) = (is_error(error), &mut self.items[at].kind)
            && !command.invocations.last().is_some_and(|last| matches!(last.program(), "echo" | "true" | "exit"))
        {
            command.fails = Some(Cue { line: lines.first, text: error.trim().to_owned() });
        }
    }
}

/// Whether a sentence says, without an if, that a command ends with an error.
fn fails(sentence: &str) -> bool {
    let cues = Cues::new(sentence);
    let lower = sentence.to_lowercase();
    cues.has(Concept::Failure) && !cues.has(Concept::Condition) && !OF_PODS.iter().any(|word| lower.contains(word))
}

/// What bash gets of a statement's lines.
fn mended(lines: &[(usize, String)], prompt: bool) -> (String, Vec<Mend>) {
    let mut mends = Vec::new();
    let width = lines[0].1.len() - lines[0].1.trim_start().len();
    let mut script = String::new();
    for (index, (_, line)) in lines.iter().enumerate() {
        let mut line = match (index, prompt) {
            (0, true) => prompted(line).map_or(line.as_str(), |prompted| prompted.command).to_owned(),
            (_, true) => line.strip_prefix("> ").unwrap_or(line).to_owned(),
            _ => outdented(line, width).to_owned(),
        };
        if line.ends_with([' ', '\t']) && line.trim_end().ends_with('\\') {
            line.truncate(line.trim_end().len());
            mends.push(Mend::BlankAfterBackslash);
        }
        if index == 0 || index + 1 == lines.len() {
            let straight = straightened(&line);
            if straight != line {
                mends.push(Mend::OddCharacters);
                line = straight;
            }
        }
        script.push_str(&line);
        script.push('\n');
    }
    if prompt {
        mends.push(Mend::Prompt);
    }
    mends.sort_unstable();
    mends.dedup();
    (script, mends)
}

fn outdented(line: &str, width: usize) -> &str {
    let own = line.len() - line.trim_start().len();
    line.get(own.min(width)..).unwrap_or(line)
}

/// `–name` and `“x”` are what a word processor made of `--name` and `"x"`.
fn straightened(line: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in line.split(' ') {
        let word = match word.strip_prefix(['–', '—']) {
            Some(rest) if rest.starts_with(|c: char| c.is_ascii_alphabetic()) => format!("--{rest}"),
            _ => word.to_owned(),
        };
        words.push(word);
    }
    let line = words.join(" ");
    if line.contains(['"', '\'']) { line } else { line.replace(['“', '”'], "\"").replace(['‘', '’'], "'") }
}

/// Which of the commands of a block prints a text: of those before the last one that has no output yet, the one whose
/// kind of output it is.
pub(super) fn printer_of(items: &[LectureItem], last: usize, text: &str) -> usize {
    let first_line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let makes = |at: usize| verb(items, at).is_some_and(|verb| MAKING.contains(&verb));
    let block = (0..=last).rev().take_while(|at| {
        let near = items.get(at + 1).is_none_or(|next| items[*at].lines.last + 2 >= next.lines.first);
        items[*at].command().is_some() && (*at == last || near && items[*at].headings == items[last].headings)
    });
    if is_table_header(first_line) && makes(last)
        || !is_table_header(first_line) && is_report(first_line) && !is_error(first_line) && !makes(last)
    {
        let wants_maker = !is_table_header(first_line);
        return block.into_iter().find(|at| makes(*at) == wants_maker).unwrap_or(last);
    }
    last
}

/// Verbs of kubectl that report what they made of an object.
const MAKING: [&str; 14] = [
    "apply", "create", "delete", "patch", "replace", "run", "expose", "scale", "label", "annotate", "edit", "set",
    "taint", "rollout",
];

fn verb(items: &[LectureItem], at: usize) -> Option<&str> {
    let invocations = &items[at].command()?.invocations;
    invocations
        .iter()
        .find(|i| matches!(i.program(), "kubectl" | "k" | "oc"))?
        .arguments()
        .iter()
        .map(String::as_str)
        .find(|word| !word.starts_with('-'))
}
