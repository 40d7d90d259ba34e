//! Blocks → needs and steps: which fence is played, which is a file, which is output, and what hangs on which.
//! Knows nothing of folders.

use std::path::{Component, Path};

use super::directive::{self, Directive};
use super::error::Problem;
use super::markdown::{self, BlockKind};
use super::model::{Action, Check, CheckKind, Need, Step};
use crate::fence::Fence;

const SHELL: &[&str] = &["bash", "sh", "shell"];
const OUTPUT: &[&str] = &["", "text", "console"];
const FILES: &[&str] = &["yaml", "yml", "dockerfile", "python", "py", "json"];
const MARKER: &str = "rehearse";

/// A guide without its folder.
#[derive(Debug, Default)]
pub(super) struct Guide {
    pub title: Option<String>,
    pub needs: Vec<Need>,
    pub steps: Vec<Step>,
}

/// Each problem comes with its 1-based line.
pub(super) fn guide(text: &str) -> Result<Guide, Vec<(usize, Problem)>> {
    let mut assembly = Assembly::default();
    for block in markdown::blocks(text).map_err(|problem| vec![problem])? {
        let line = block.line;
        match block.kind {
            BlockKind::Heading(text) => assembly.heading(text),
            BlockKind::Prose(text) => assembly.output_may_follow &= text.ends_with(':'),
            BlockKind::Comment(lines) => assembly.comment(&lines),
            BlockKind::Fence { language, body } => {
                let fence = assembly.fence(line, &language, body);
                assembly.problems.extend(fence.err());
            }
        }
    }
    assembly.no_pending();
    match assembly.problems.is_empty() {
        true => Ok(assembly.guide),
        false => Err(assembly.problems),
    }
}

struct Pending {
    line: usize,
    word: &'static str,
    directive: Directive,
}

#[derive(Default)]
struct Assembly {
    guide: Guide,
    problems: Vec<(usize, Problem)>,
    heading: String,
    /// Directives that wait for their fence.
    pending: Vec<Pending>,
    /// The last step is a shell fence and nothing but a lead-in came since.
    output_may_follow: bool,
}

impl Assembly {
    fn heading(&mut self, text: String) {
        self.no_pending();
        self.output_may_follow = false;
        self.guide.title.get_or_insert_with(|| text.clone());
        self.heading = text;
    }

    fn comment(&mut self, lines: &[(usize, String)]) {
        let Some(((first_line, first), others)) = lines.split_first() else { return };
        let rest = match after_marker(first) {
            Ok(Some(rest)) => rest,
            Ok(None) => return,
            Err(problem) => return self.problems.push((*first_line, problem)),
        };
        let others = others.iter().map(|(line, text)| (*line, text.as_str()));
        for (line, text) in std::iter::once((*first_line, rest)).chain(others).filter(|(_, text)| !text.is_empty()) {
            match (directive::parse(text), self.guide.steps.first()) {
                (Err(problem), _) => self.problems.push((line, problem)),
                (Ok((_, Directive::Need(need))), None) => self.guide.needs.push(need),
                (Ok((_, Directive::Need(_))), Some(step)) => {
                    self.problems.push((line, Problem::LateNeed { step: step.line }));
                }
                (Ok((rule, directive)), _) => self.pending.push(Pending { line, word: rule.word, directive }),
            }
        }
    }

    fn fence(&mut self, line: usize, language: &str, body: String) -> Result<(), (usize, Problem)> {
        let output_expected = std::mem::take(&mut self.output_may_follow);
        if SHELL.contains(&language) {
            self.shell(line, body);
        } else if FILES.contains(&language)
            && let Some(name) = file_name(&body).map_err(|problem| (line + 1, problem))?
        {
            self.file(line, language, name.to_string(), body)?;
        } else if let (true, Some(step)) = (output_expected, self.guide.steps.last_mut())
            && (OUTPUT.contains(&language) || prints(&step.action, language))
        {
            let kind = CheckKind::Output { expected: body };
            step.checks.push(Check { line, kind });
        }
        Ok(())
    }

    fn shell(&mut self, line: usize, body: String) {
        let mut step = self.step(line, Action::Shell(body));
        for pending in std::mem::take(&mut self.pending) {
            match pending.directive {
                Directive::Check(kind) => step.checks.push(Check { line: pending.line, kind }),
                Directive::Timeout(timeout) => step.timeout = timeout,
                Directive::Skip(reason) => step.skip = Some(reason),
                Directive::RotatePassword => step.rotates = true,
                Directive::HubOnly => step.hub_only = true,
                Directive::Need(_) => {}
            }
        }
        self.guide.steps.push(step);
        self.output_may_follow = true;
    }

    fn file(&mut self, line: usize, language: &str, name: String, body: String) -> Result<(), (usize, Problem)> {
        if let Some(pending) = std::mem::take(&mut self.pending).first() {
            return Err((pending.line, Problem::OnFile { word: pending.word, file: name }));
        }
        let contents = match language {
            "json" => body.split_once('\n').map(|(_, rest)| rest.to_string()).unwrap_or_default(),
            _ => body,
        };
        if matches!(language, "yaml" | "yml") {
            check_yaml(line, &name, &contents)?;
        }
        let step = self.step(line, Action::File { name, contents });
        self.guide.steps.push(step);
        Ok(())
    }

    fn step(&self, line: usize, action: Action) -> Step {
        Step {
            line,
            heading: self.heading.clone(),
            action,
            checks: Vec::new(),
            timeout: Step::DEFAULT_TIMEOUT,
            skip: None,
            rotates: false,
            hub_only: false,
        }
    }

    fn no_pending(&mut self) {
        let dangling = std::mem::take(&mut self.pending).into_iter().next();
        self.problems.extend(dangling.map(|pending| (pending.line, Problem::Dangling { word: pending.word })));
    }
}

/// Whether a step asks kubectl for output in the fence's language: `-o yaml`.
fn prints(action: &Action, language: &str) -> bool {
    let Action::Shell(script) = action else { return false };
    let format = if language == "yml" { "yaml" } else { language };
    ["yaml", "json"].contains(&format) && Fence::parse(script).is_ok_and(|fence| fence.prints_as(format))
}

/// What follows `rehearse:` when the comment is ours. A near miss is an error: its checks would silently not run.
fn after_marker(text: &str) -> Result<Option<&str>, Problem> {
    let (word, rest) = text.split_once(|c: char| c == ':' || c.is_whitespace()).unwrap_or((text, ""));
    let colon = text[word.len()..].starts_with(':');
    let names_directive = directive::RULES.iter().any(|rule| rest.split_whitespace().next() == Some(rule.word));
    match (word == MARKER, colon) {
        (true, true) => Ok(Some(rest.trim())),
        (false, true) if strsim::osa_distance(&word.to_lowercase(), MARKER) <= 2 => {
            Err(Problem::MisspeltMarker { word: format!("{word}:") })
        }
        (true, false) if names_directive => Err(Problem::MisspeltMarker { word: word.into() }),
        _ => Ok(None),
    }
}

/// The name in a first line like `# pod.yaml` or `# Dockerfile`; other comments are only comments.
fn file_name(body: &str) -> Result<Option<&str>, Problem> {
    let Some(name) = body.lines().next().and_then(|line| line.strip_prefix('#')).map(str::trim) else {
        return Ok(None);
    };
    let last = name.rsplit('/').next().unwrap_or_default();
    let named_so = (last.contains('.') && !last.ends_with('.')) || last == "Dockerfile";
    let path_like = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
    if !named_so || !path_like {
        return Ok(None);
    }
    match Path::new(name).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        true => Ok(Some(name)),
        false => Err(Problem::FileName { name: name.into() }),
    }
}

/// Parses the documents behind as many empty lines as stand above them, so that lines are the Markdown's own.
fn check_yaml(fence_line: usize, name: &str, contents: &str) -> Result<(), (usize, Problem)> {
    let shifted = "\n".repeat(fence_line) + contents;
    let Err(error) = serde_saphyr::from_multiple::<serde_json::Value>(&shifted) else {
        return Ok(());
    };
    let line = error.location().map_or(fence_line, |location| location.line() as usize);
    let problem = Problem::Yaml {
        name: name.into(),
        reason: error.without_snippet().render_with_formatter(&serde_saphyr::UserMessageFormatter),
    };
    Err((line, problem))
}

#[cfg(test)]
pub(super) mod tests;
