//! What a block of code is, by its tag and, above all, by what is in it: tags are often missing or wrong. Pure.

use std::ops::RangeInclusive;

use super::habit::{is_program, is_surely_program};
use super::manifest;
use super::markdown::{Code, CodeStyle};
use super::prompt::{PromptKind, prompted};
use super::statement;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Nature {
    Shell(Vec<Segment>),
    /// PowerShell or cmd, which no bash plays.
    Windows,
    /// Kubernetes objects.
    Objects,
    /// Fields or other YAML.
    Yaml,
    Json,
    Dockerfile,
    /// Code in some language, by its tag.
    Source,
    Diff,
    /// Printed by something, by its tag or its shape.
    Printed,
    Text,
}

/// Some lines of a shell block, by their indexes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Segment {
    pub lines: RangeInclusive<usize>,
    pub kind: SegmentKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SegmentKind {
    Command { prompt: bool },
    Comment,
    Output,
}

const SHELL: [&str; 21] = [
    "bash",
    "sh",
    "shell",
    "zsh",
    "console",
    "shell-session",
    "shellsession",
    "sh-session",
    "terminal",
    "ksh",
    "fish",
    "command",
    "commands",
    "cli",
    "term",
    "shellscript",
    "bash-session",
    "cmdline",
    "sh-shell",
    "language-bash",
    "$",
];
const WINDOWS: [&str; 7] = ["powershell", "ps", "ps1", "pwsh", "bat", "batch", "cmd"];
const YAML: [&str; 5] = ["yaml", "yml", "k8s", "kubernetes", "manifest"];
const JSON: [&str; 4] = ["json", "jsonc", "json5", "javascript"];
/// Pages, which may have fences of their own.
const MARKUP: [&str; 5] = ["md", "markdown", "mdx", "asciidoc", "rst"];
const PRINTED: [&str; 6] = ["output", "log", "logs", "stdout", "result", "out"];
/// Tags that say nothing of what is inside.
const ANY: [&str; 10] = ["", "text", "txt", "plain", "plaintext", "none", "code", "no-highlight", "nohighlight", "raw"];

pub(super) fn nature(code: &Code) -> Nature {
    let language = code.language.as_str();
    let lines = &code.lines;
    let Some(first) = lines.iter().map(|(_, line)| line.trim()).find(|line| is_meaningful(line)) else {
        return if SHELL.contains(&language) { Nature::Shell(segments(lines)) } else { Nature::Text };
    };
    if code.style == CodeStyle::Inline {
        let program = first.split_whitespace().next().unwrap_or_default();
        return if is_surely_program(program) { Nature::Shell(segments(lines)) } else { Nature::Text };
    }
    if PRINTED.contains(&language) {
        return Nature::Printed;
    }
    let objects = manifest::has_objects(lines);
    // Only a change marks lines with a plus sign.
    if language == "diff" || language == "patch" || objects && lines.iter().any(|(_, line)| line.starts_with("+ ")) {
        return Nature::Diff;
    }
    if MARKUP.contains(&language) {
        return Nature::Source;
    }
    if objects && !has_prompt(lines) && !begins_with_program(first) {
        return Nature::Objects;
    }
    let back_ticked = |line: &str| line.ends_with(" `") || line.ends_with(";`");
    if WINDOWS.contains(&language) || lines.iter().filter(|(_, line)| back_ticked(line.trim_end())).count() >= 1 {
        return of_windows(lines);
    }
    let is_shell = SHELL.contains(&language);
    if is_shell || ANY.contains(&language) || YAML.contains(&language) {
        if let Some(nature) = by_shape(first, lines, language) {
            return nature;
        }
        if let Some(segments) = shell(lines, is_shell) {
            return Nature::Shell(segments);
        }
    }
    match language {
        _ if is_shell => {
            if looks_like_yaml(lines) {
                Nature::Yaml
            } else {
                Nature::Text
            }
        }
        _ if YAML.contains(&language) => Nature::Yaml,
        _ if JSON.contains(&language) && first.starts_with(['{', '[']) => Nature::Json,
        "dockerfile" | "docker" | "containerfile" => of_docker(first, lines),
        _ if ANY.contains(&language) => untagged(first, lines),
        _ => Nature::Source,
    }
}

/// Shapes that count whatever the tag says.
fn by_shape(first: &str, lines: &[(usize, String)], language: &str) -> Option<Nature> {
    if first.starts_with("FROM ") && lines.iter().any(|(_, line)| is_instruction(line)) {
        return Some(Nature::Dockerfile);
    }
    if YAML.contains(&language) {
        return None;
    }
    if hash_is_prompt(lines) {
        return None;
    }
    if is_table_header(first) || is_report(first) && !begins_with_program(first) {
        return Some(Nature::Printed);
    }
    None
}

fn untagged(first: &str, lines: &[(usize, String)]) -> Nature {
    if first.starts_with(['{', '[']) && lines.last().is_some_and(|(_, line)| line.trim_end().ends_with(['}', ']'])) {
        return Nature::Json;
    }
    if looks_like_yaml(lines) { Nature::Yaml } else { Nature::Text }
}

/// The tag `docker` stands for commands, too.
fn of_docker(first: &str, lines: &[(usize, String)]) -> Nature {
    let commands = begins_with_program(first) || has_prompt(lines);
    if commands { Nature::Shell(segments(lines)) } else { Nature::Dockerfile }
}

/// kubectl is the same in PowerShell; what only PowerShell reads is not played.
fn of_windows(lines: &[(usize, String)]) -> Nature {
    let bare = |line: &str| prompted(line).map_or(line.trim(), |prompted| prompted.command.trim()).to_owned();
    let mut commands = lines.iter().map(|(_, line)| bare(line)).filter(|line| is_meaningful(line)).peekable();
    let same = commands.peek().is_some()
        && commands.all(|line| {
            begins_with_program(&line) && !line.contains("$env:") && !line.ends_with('`') && !line.ends_with('^')
        });
    if same { Nature::Shell(segments(lines)) } else { Nature::Windows }
}

/// The segments of a block that holds commands; none where it holds none. Without a tag of a shell the first line
/// must be one beyond doubt.
fn shell(lines: &[(usize, String)], tagged: bool) -> Option<Vec<Segment>> {
    let found = segments(lines);
    let is_command = |segment: &&Segment| matches!(segment.kind, SegmentKind::Command { .. });
    let first = found.iter().find(|segment| segment.kind != SegmentKind::Comment)?;
    let SegmentKind::Command { prompt } = first.kind else {
        return tagged.then_some(found).filter(|found| found.iter().any(|segment| is_command(&segment)));
    };
    if tagged || prompt {
        return Some(found);
    }
    let line = &lines[*first.lines.start()].1;
    let sure = begins_with_program(line.trim());
    sure.then_some(found)
}

/// A line that begins with a program's name and goes on as a command does.
fn begins_with_program(line: &str) -> bool {
    if line
        .split_once('=')
        .is_some_and(|(name, value)| is_name(name) && (value.starts_with("$(") || value.starts_with('`')))
    {
        return true;
    }
    let mut words = line.split_whitespace().skip_while(|word| is_assignment(word));
    let Some(first) = words.next() else { return is_setting(line) };
    let second = words.next().unwrap_or_default();
    let first = first.trim_end_matches(';');
    is_surely_program(first) && !second.starts_with(':') && second != "is" && second != "are" && second != "="
        || is_program(first)
            && (second.starts_with(['-', '/', '<', '>', '.', '$', '"', '\''])
                || WORD_COMMANDS.contains(&(first, second)))
        || is_path(first)
}

/// `NS=web` alone: a variable for the commands to come.
fn is_setting(line: &str) -> bool {
    let name = line.split('=').next().unwrap_or_default();
    !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// Second words after which a word of prose is a program.
const WORD_COMMANDS: [(&str, &str); 14] = [
    ("kind", "create"),
    ("kind", "delete"),
    ("kind", "load"),
    ("kind", "get"),
    ("kind", "export"),
    ("go", "mod"),
    ("go", "run"),
    ("go", "build"),
    ("python", "app.py"),
    ("python3", "app.py"),
    ("node", "app.js"),
    ("for", "i"),
    ("while", "true;"),
    ("source", "~/.bashrc"),
];

fn is_path(word: &str) -> bool {
    word.starts_with("./") && word.len() > 2 && !word.ends_with(':')
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| is_name(name))
}

fn is_name(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Where commands begin that stand below objects in one block: the index of their first line.
pub(super) fn commands_below_objects(lines: &[(usize, String)]) -> Option<usize> {
    if !manifest::has_objects(lines)
        || begins_with_program(lines.iter().map(|(_, line)| line.trim()).find(|line| is_meaningful(line))?)
    {
        return None;
    }
    let command = |line: &str| begins_with_program(line) && !line.contains(": ") && !line.ends_with(':');
    (1..lines.len()).find(|at| command(lines[*at].1.as_str()) && manifest::has_objects(&lines[..*at]))
}

fn is_meaningful(line: &str) -> bool {
    !line.is_empty() && !line.starts_with('#')
}

fn has_prompt(lines: &[(usize, String)]) -> bool {
    lines.iter().any(|(_, line)| prompted(line).is_some_and(|prompted| is_prompted_command(&prompted)))
}

fn is_prompted_command(prompted: &super::prompt::Prompted<'_>) -> bool {
    prompted.kind == PromptKind::Shell || prompted.kind == PromptKind::Windows
}

/// Commands, comments and outputs of a shell block.
pub(super) fn segments(lines: &[(usize, String)]) -> Vec<Segment> {
    let shell = lines.iter().any(|(_, line)| prompted(line).is_some_and(|prompted| is_prompted_command(&prompted)));
    if shell {
        return by_prompts(lines, |line| prompted(line).filter(is_prompted_command).map(|prompted| prompted.command));
    }
    if hash_is_prompt(lines) {
        return by_prompts(lines, hash_command);
    }
    by_lines(lines)
}

/// `# kubectl …` with nothing else that could be the command is a root's prompt.
fn hash_is_prompt(lines: &[(usize, String)]) -> bool {
    let commands = lines.iter().filter(|(_, line)| hash_command(line).is_some()).count();
    let bare = lines.iter().any(|(_, line)| begins_with_program(line.trim()) || line.trim_end().ends_with('\\'));
    let continued =
        lines.windows(2).any(|pair| hash_command(&pair[0].1).is_some() && pair[0].1.trim_end().ends_with('\\'));
    commands > 0 && (!bare || continued) && lines.first().is_some_and(|(_, line)| hash_command(line).is_some())
}

fn hash_command(line: &str) -> Option<&str> {
    let prompted = prompted(line).filter(|prompted| prompted.kind == PromptKind::Hash)?;
    begins_with_program(prompted.command.trim()).then_some(prompted.command)
}

/// A prompt begins a command; what follows until the next is output, but for what the command still needs.
fn by_prompts<'a>(lines: &'a [(usize, String)], command: impl Fn(&'a str) -> Option<&'a str>) -> Vec<Segment> {
    let mut found: Vec<Segment> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at].1.as_str();
        let (last, kind) = match command(line) {
            Some(text) if text.trim().is_empty() => (at, SegmentKind::Comment),
            Some(text) if text.trim_start().starts_with('#') => (at, SegmentKind::Comment),
            Some(text) => {
                let rest = lines[at + 1..].iter().map(|(_, line)| continuation(line));
                let whole = statement::first(std::iter::once(text).chain(rest));
                let last = whole.filter(|statement| !statement.open).map_or(at, |statement| at + statement.last);
                // What would swallow the next prompt is an apostrophe in some output.
                let swallows = lines[at + 1..=last].iter().any(|(_, line)| command(line).is_some());
                (if swallows { at } else { last }, SegmentKind::Command { prompt: true })
            }
            None if line.trim().is_empty() && found.last().is_none_or(|last| last.kind != SegmentKind::Output) => {
                at += 1;
                continue;
            }
            None if is_label(line) => (at, SegmentKind::Comment),
            None if line.starts_with('#') && found.last().is_none_or(|last| last.kind == SegmentKind::Comment) => {
                (at, SegmentKind::Comment)
            }
            None => (at, SegmentKind::Output),
        };
        match found.last_mut() {
            Some(before) if before.kind == SegmentKind::Output && kind == SegmentKind::Output => {
                before.lines = *before.lines.start()..=last;
            }
            _ => found.push(Segment { lines: at..=last, kind }),
        }
        at = last + 1;
    }
    trimmed(found, lines)
}

/// `(2) From a file` between commands: who writes a block counts its parts.
fn is_label(line: &str) -> bool {
    let rest = line.trim_start().trim_start_matches(['(', '（']);
    let text = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let mark = text.chars().next();
    text.len() < rest.len() && matches!(mark, Some(')' | '）' | '、')) && text.chars().any(char::is_alphabetic)
}

/// bash's second prompt.
fn continuation(line: &str) -> &str {
    line.strip_prefix("> ").unwrap_or(line)
}

fn by_lines(lines: &[(usize, String)]) -> Vec<Segment> {
    let mut found: Vec<Segment> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at].1.trim();
        if line.is_empty() {
            at += 1;
            continue;
        }
        if line.starts_with('#') {
            found.push(Segment { lines: at..=at, kind: SegmentKind::Comment });
            at += 1;
            continue;
        }
        let in_output = found.last().is_some_and(|before| before.kind == SegmentKind::Output);
        let after_command = found.iter().any(|before| matches!(before.kind, SegmentKind::Command { .. }));
        let is_output = !begins_with_program(line)
            && (in_output && !is_program(line.split_whitespace().next().unwrap_or_default())
                || is_printed(line, after_command));
        if is_output {
            match found.last_mut() {
                Some(before) if in_output => before.lines = *before.lines.start()..=at,
                _ => found.push(Segment { lines: at..=at, kind: SegmentKind::Output }),
            }
            at += 1;
            continue;
        }
        let whole = statement::first(lines[at..].iter().map(|(_, line)| line.as_str()));
        let last = whole.map_or(at, |statement| at + statement.last);
        found.push(Segment { lines: at..=last, kind: SegmentKind::Command { prompt: false } });
        at = last + 1;
    }
    found
}

/// Outputs without the blank lines at their ends.
fn trimmed(mut found: Vec<Segment>, lines: &[(usize, String)]) -> Vec<Segment> {
    for segment in found.iter_mut().filter(|segment| segment.kind == SegmentKind::Output) {
        let (start, mut end) = (*segment.lines.start(), *segment.lines.end());
        while end > start && lines[end].1.trim().is_empty() {
            end -= 1;
        }
        segment.lines = start..=end;
    }
    found
}

/// A line that a program printed rather than a person typed.
fn is_printed(line: &str, after_command: bool) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default();
    let typed = is_program(first)
        || is_assignment(first)
        || is_path(first)
        || line.starts_with(['{', '}', '(', '/', '.', '~', '-', '<', '$', '"', '\'']);
    if is_table_header(line) || is_report(line) {
        return true;
    }
    if typed {
        // JSON and tables after a command begin like this.
        return after_command
            && (matches!(line, "{" | "[" | "}" | "]" | "---") || line.starts_with("--- ") || line.starts_with("{\""));
    }
    let columns = line.split("  ").filter(|cell| !cell.trim().is_empty()).count() >= 3;
    let field = first.ends_with(':') || line.contains(": ") && !line.contains(" -");
    let sentence = line.ends_with(['.', '!', ':']) || first.chars().next().is_some_and(char::is_uppercase);
    columns
        || field
        || sentence
        || !line.is_ascii() && !line.contains(['\'', '"', '<'])
        || after_command && !line.contains(" -") && line.split_whitespace().count() <= 1
}

/// `NAME READY STATUS`: words in capitals alone.
pub(super) fn is_table_header(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let capital = |word: &str| {
        let bare = word.trim_matches(|c: char| matches!(c, '(' | ')' | '%' | '/' | '-' | '*' | ':'));
        !bare.is_empty() && bare.chars().all(|c| c.is_ascii_uppercase() || matches!(c, '-' | '_' | '(' | ')' | '/'))
    };
    words.len() >= 2
        && words.iter().all(|word| capital(word))
        && words.iter().any(|word| word.len() > 2)
        && HEADERS.iter().any(|known| words.contains(known))
}

/// Columns that tables of kubectl, docker, helm and their like have.
const HEADERS: [&str; 22] = [
    "NAME",
    "READY",
    "STATUS",
    "AGE",
    "TYPE",
    "NAMESPACE",
    "REPOSITORY",
    "IMAGE",
    "CONTAINER",
    "REASON",
    "CURRENT",
    "SECRETS",
    "REVISION",
    "CLASS",
    "NETWORK",
    "CPU(cores)",
    "ENDPOINTS",
    "VERSION",
    "ID",
    "PID",
    "ROLES",
    "CREATED",
];

/// What kubectl, docker and shells report in one line: `pod/a created`, `Error from server …`.
pub(super) fn is_report(line: &str) -> bool {
    let line = line.trim();
    // `pod/web patched (no change)`, `pod/web created (server dry run)`
    let words: Vec<&str> = line.split(" (").next().unwrap_or_default().split_whitespace().collect();
    let (first, last) = (words.first().copied().unwrap_or_default(), words.last().copied().unwrap_or_default());
    let done = [
        "created",
        "configured",
        "unchanged",
        "deleted",
        "patched",
        "labeled",
        "annotated",
        "scaled",
        "edited",
        "exposed",
        "tainted",
        "cordoned",
        "replaced",
        "evicted",
        "drained",
    ];
    let object = first.contains('/') && !first.starts_with(['.', '/']) && !first.contains("://");
    let about = object && words.len() <= 4 && done.contains(&last);
    let quoted = line.contains("\" deleted") || line.ends_with("\" created") || line.contains("\" created (");
    about || quoted || is_error(line)
}

/// What tells that a command ended with an error.
pub(super) fn is_error(line: &str) -> bool {
    let line = line.trim();
    let begins = [
        "error:",
        "Error:",
        "ERROR:",
        "Error from server",
        "The connection to the server",
        "Unable to connect",
        "curl: (",
        "wget: ",
        "fatal:",
        "command terminated with exit code",
        "denied:",
        "unauthorized:",
        "Error response from daemon",
        "Cannot connect to the Docker daemon",
        "Forbidden:",
        "error parsing",
        "error validating",
        "error when",
        "ping: ",
        "ssh: ",
        "no such host",
    ];
    // kubectl's words for an object that the API server refuses, of whichever kind.
    let refused = line.starts_with("The ") && (line.contains("\" is invalid:") || line.contains("request is invalid:"));
    refused
        || begins.iter().any(|begin| line.starts_with(begin))
        || line.contains("command not found")
        || line.ends_with("No such file or directory")
}

fn is_instruction(line: &str) -> bool {
    [
        "RUN ",
        "COPY ",
        "ADD ",
        "CMD ",
        "WORKDIR ",
        "ENTRYPOINT ",
        "EXPOSE ",
        "ENV ",
        "LABEL ",
        "ARG ",
        "USER ",
        "VOLUME ",
        "MAINTAINER ",
        "FROM ",
    ]
    .iter()
    .any(|word| line.trim_start().starts_with(word))
}

/// Most lines are `key: value`, `key:` or list items, and one is a key.
pub(super) fn looks_like_yaml(lines: &[(usize, String)]) -> bool {
    let meaningful: Vec<&str> = lines.iter().map(|(_, line)| line.trim()).filter(|line| is_meaningful(line)).collect();
    let key = |line: &str| {
        let line = line.trim_start_matches("- ");
        let end = line.find(": ").or_else(|| line.strip_suffix(':').map(str::len));
        end.is_some_and(|end| {
            line[..end].chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '/' | '_' | '-' | '"'))
        })
    };
    let keys = meaningful.iter().filter(|line| key(line)).count();
    let fitting = meaningful.iter().filter(|line| key(line) || line.starts_with("- ") || **line == "---").count();
    keys > 0 && fitting * 4 >= meaningful.len() * 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubectl_reports_and_refuses_is_known_whatever_the_kind() {
        for line in [
            "pod/web created",
            "configmap/settings patched (no change)",
            "deployment.apps/web created (server dry run)",
            "pod \"web\" deleted",
        ] {
            assert!(is_report(line) && !is_error(line), "{line}");
        }
        for line in [
            "The ConfigMap \"settings\" is invalid: data: Forbidden: field is immutable when `immutable` is set",
            "The StatefulSet \"db\" is invalid: ",
            "The request is invalid: patch: Invalid value",
            "Error from server (NotFound): pods \"web\" not found",
        ] {
            assert!(is_error(line), "{line}");
        }
        for line in ["The page \"web\" is new", "see docs/web (it is created)", "web is patched"] {
            assert!(!is_report(line), "{line}");
        }
    }
}
