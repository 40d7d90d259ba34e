//! A command of a lecture: how it is played, and what is said of how it ended.

use super::action::{CommandAction, action};
use super::adapt::AdaptContext;
use super::hindrance::{self, generated_names, stem, wanted};
use super::player::{ItemResult, LecturePlayer, Played, last_line, name_of, stderr};
use super::requests::{ObjectKey, changed_something};
use super::{Evidence, correction, edit};
use crate::drift;
use crate::event::Verdict;
use crate::gateway::Request;
use crate::observe::Trace;
use crate::place::{Printed, ShellError};
use crate::script::lecture::{Invocation, ItemKind, LectureCommand, LectureItem};

impl LecturePlayer<'_> {
    pub(super) async fn command(&mut self, at: usize, command: &LectureCommand) -> Result<(), ShellError> {
        if let Some(why) = &command.unreadable
            && command.placeholders.is_empty()
        {
            self.record(
                at,
                ItemResult::new(Verdict::NotChecked, Some(format!("bash cannot read it: {why}"))),
                Vec::new(),
            );
            return Ok(());
        }
        if let Some(reason) = self.unfilled(at, command) {
            self.record(at, ItemResult::new(Verdict::Skipped, Some(reason)), Vec::new());
            return Ok(());
        }
        let session = command.inside.as_ref().and_then(|id| self.lecture.items.iter().find(|other| other.id == *id));
        let around = self.around(at);
        let wrong_on_purpose =
            ["wrong", "invalid", "incorrect", "bad credentials"].iter().any(|word| around.contains(word));
        let known = AdaptContext { username: &self.setting.username, printed: &self.printed, wrong_on_purpose };
        let decided = action(command, session.and_then(LectureItem::command), &self.programs, &known);
        let (script, adapted) = match decided {
            CommandAction::Skip(reason) => {
                self.record(at, ItemResult::new(Verdict::Skipped, Some(reason)), Vec::new());
                return Ok(());
            }
            CommandAction::Manual(reason) => {
                self.record(at, ItemResult::new(Verdict::Manual, Some(reason)), Vec::new());
                return Ok(());
            }
            CommandAction::Play { script, mut adapted } => match self.with_todays_names(&script) {
                Ok(todays) => {
                    if todays != script {
                        adapted.push("generated names are today's".into());
                    }
                    (todays, adapted)
                }
                Err(name) => {
                    let reason = format!("no pod of today stands for `{name}`");
                    self.record(at, ItemResult::new(Verdict::Skipped, Some(reason)), adapted);
                    return Ok(());
                }
            },
            CommandAction::Edit { script, get, adapted } => match self.edited(at, &script, &get).await? {
                Ok(script) => (script, adapted),
                Err(reason) => {
                    self.record(at, ItemResult::new(Verdict::NotChecked, Some(reason)), adapted);
                    return Ok(());
                }
            },
        };
        self.write_what_is_shown(at, command)?;
        let needing = session.and_then(LectureItem::command).unwrap_or(command);
        let mut played = match self.played_unless_lacking(needing, &script).await? {
            Ok(played) => played,
            Err(image) => {
                self.record(at, lacks(&image), adapted);
                return Ok(());
            }
        };
        if !played.printed.all.is_empty() {
            (self.setting.on_output)(&self.lecture.items[at], &played.printed.all);
        }
        let mut said = self.verdict(at, command, &mut played).await?;
        if said.verdict == Verdict::Reproduced && command.calls("docker", "login") {
            self.push_again(at).await?;
        }
        self.makers.note(at, &played.requests);
        self.printed.push(played.printed.stdout.clone());
        if said.verdict == Verdict::Reproduced {
            self.claims(at, &played, &mut said).await;
        }
        self.played[at] = Some(played);
        self.fragment_follows(at, &said);
        self.record(at, said, adapted);
        Ok(())
    }

    /// A file that a command shows, and whose contents only stand below it, is there before.
    fn write_what_is_shown(&self, at: usize, command: &LectureCommand) -> Result<(), ShellError> {
        let shows = |name: &str| {
            let mut words = command.invocations.iter().filter(|i| i.program() == "cat").flat_map(Invocation::arguments);
            words.any(|word| word.trim_start_matches("./") == name)
        };
        let Some((item, manifest)) = self.lecture.items.get(at + 1).and_then(|next| Some((next, next.manifest()?)))
        else {
            return Ok(());
        };
        let name = name_of(item, manifest);
        if shows(&name)
            && !self.lecture.items[..at].iter().any(|item| item.manifest().is_some_and(|m| name_of(item, m) == name))
        {
            self.setting.shell.write(&name, &manifest.text)?;
        }
        Ok(())
    }

    /// The script with the names that controllers generate replaced by those of today's pods; a name for which none
    /// stands.
    fn with_todays_names(&self, script: &str) -> Result<String, String> {
        let mut todays = script.to_owned();
        for name in generated_names(script) {
            let same = |trace: &&Trace| stem(&trace.object.name) == stem(name);
            let is_there = |trace: &&Trace| trace.states.last().is_some_and(|state| !state.leaves());
            let found = self.setting.watch.look(|recorder| {
                let mut traces = recorder.traces().filter(same).filter(is_there);
                traces.next().map(|trace| trace.object.name.clone())
            });
            todays = todays.replace(name, &found.ok_or_else(|| name.to_owned())?);
        }
        Ok(todays)
    }

    /// The lecture's text from the heading above the item to the item, in lower case.
    fn around(&self, at: usize) -> String {
        let first = self.lecture.items[at].lines.first;
        let lines: Vec<&str> = self.lecture.text.lines().take(first).collect();
        let heading = lines.iter().rposition(|line| line.trim_start().starts_with('#')).unwrap_or(0);
        lines[heading..].join("\n").to_lowercase()
    }

    /// `kubectl edit` with an editor that puts the fragment behind it into the object; or why there is none.
    async fn edited(&self, at: usize, script: &str, get: &str) -> Result<Result<String, String>, ShellError> {
        let id = &self.lecture.items[at].id;
        let fragment = self.lecture.items[at + 1..].iter().find_map(|item| match &item.kind {
            ItemKind::Fragment(fragment) if fragment.into.as_ref() == Some(id) => Some(fragment),
            _ => None,
        });
        let Some((fragment, fields)) = fragment.and_then(|fragment| Some((fragment, fragment.fields.as_ref()?))) else {
            return Ok(Err("nothing says what is to be edited".into()));
        };
        let object = self.run(get).await?.printed;
        let Ok(object) = serde_json::from_str(&object.stdout) else {
            return Ok(Err(format!("there is nothing to be edited: {}", last_line(&object.all))));
        };
        let under = fragment.under.as_ref().map(|under| under.path.as_str()).filter(|path| !path.is_empty());
        let edited = edit::merged(&object, fields, under);
        self.setting.shell.write(EDITED, &edited.to_string())?;
        Ok(Ok(format!("KUBE_EDITOR=\"cp $PWD/{EDITED}\" {script}")))
    }

    async fn verdict(
        &mut self,
        at: usize,
        command: &LectureCommand,
        played: &mut Played,
    ) -> Result<ItemResult, ShellError> {
        let code = played.printed.code;
        let printed = stderr(&played.printed);
        let failed = || vec![printed.clone()];
        if let Some(cue) = &command.fails {
            return Ok(match code {
                0 => ItemResult {
                    evidence: vec![stderr(&played.printed)],
                    ..ItemResult::new(
                        Verdict::Contradicted,
                        Some(format!("it exits with 0; line {} says that it fails", cue.line)),
                    )
                },
                _ => ItemResult { evidence: failed(), ..ItemResult::new(Verdict::ExpectedFailure, None) },
            });
        }
        if code == 0 {
            return Ok(self.succeeded(at, command, played));
        }
        let mut reason = Some(format!("exit code {code}: {}", last_line(&played.printed.all)));
        if played.script.starts_with("KUBE_EDITOR=") {
            // kubectl edit keeps the server's words in a file; a dry run of the same object has them.
            let tried = self.run(&format!("kubectl replace --dry-run=server -f {EDITED}")).await?;
            reason = Some(format!("the server refuses what the text asks for: {}", last_line(&tried.printed.all)));
        }
        let output = drift::CommandOutput { command: &command.script, printed: &played.printed.all, differences: &[] };
        let explained = drift::explain(&output, &self.setting.versions);
        if !explained.is_empty() {
            let mut said = ItemResult { evidence: failed(), ..ItemResult::new(Verdict::Drifted, reason) };
            said.explained_by = explained.iter().map(|explanation| explanation.rule.id.clone()).collect();
            if let Some(mended) = drift::mended(&command.script, &explained) {
                let lines = self.lecture.items[at].lines;
                said.correction = correction::command(&self.lecture.text, lines, &command.original, &mended);
                // The items after it stand on what it would have done.
                *played = self.run(&mended).await?;
            }
            return Ok(said);
        }
        if let Some((key, maker, code)) = self.makers.in_the_way(&played.requests) {
            return self.in_sequence(at, played, key, maker, code).await;
        }
        if let Some(said) = self.no_fault_of_the_lectures(at, command, played).await {
            return Ok(ItemResult { evidence: failed(), ..said });
        }
        if command.calls("docker", "push") && played.printed.all.contains("denied: requested access") {
            self.denied_pushes.push((at, played.script.clone()));
        }
        let login = self.lecture.items[at + 1..]
            .iter()
            .find(|item| item.command().is_some_and(|later| later.calls("docker", "login")));
        let reason = match login {
            Some(login) if !self.denied_pushes.is_empty() => {
                reason.map(|reason| format!("{reason}; `docker login` comes only at line {}", login.lines.first))
            }
            _ => reason,
        };
        Ok(ItemResult { evidence: failed(), ..ItemResult::new(Verdict::Failed, reason) })
    }

    fn succeeded(&self, at: usize, command: &LectureCommand, played: &Played) -> ItemResult {
        let item = &self.lecture.items[at];
        let alternative = item.alternative.as_ref().filter(|alternative| alternative.number > 1);
        let changes = ["edit", "patch", "apply"].iter().any(|verb| command.calls("kubectl", verb));
        if let Some(alternative) = alternative
            && changes
            && !changed_something(&played.requests)
        {
            let first = self.lecture.items.iter().find(|other| other.id == alternative.group);
            let line = first.map_or(0, |first| first.lines.first);
            let reason = format!("it changed nothing: the other way, from line {line} on, had been taken");
            return ItemResult::new(Verdict::Unproven, Some(reason));
        }
        ItemResult::new(Verdict::Reproduced, None)
    }

    /// What is said of a failure that the stage, an item that was not played, or the command's own way to answer explains.
    async fn no_fault_of_the_lectures(
        &self,
        at: usize,
        command: &LectureCommand,
        played: &Played,
    ) -> Option<ItemResult> {
        let printed = played.printed.all.as_str();
        if refused_by_rehearsal(printed) {
            let reason = format!("the rehearsal does not allow it: {}", last_line(printed));
            return Some(ItemResult::new(Verdict::Skipped, Some(reason)));
        }
        if let Some(reason) = hindrance::lacking(printed) {
            return Some(ItemResult::new(Verdict::Skipped, Some(reason)));
        }
        if let Some(wanted) = wanted(command)
            && let Some(image) = self.lacking(&wanted.pod).await
        {
            return Some(lacks(&image));
        }
        if let Some(said) = answered(command, &played.printed) {
            return Some(said);
        }
        if let Some(path) = hindrance::denied(printed).filter(|_| wanted(command).is_none()) {
            return Some(ItemResult::new(Verdict::Skipped, Some(format!("the rehearsal lets nothing touch `{path}`"))));
        }
        let file = hindrance::missing_file(printed).or_else(|| empty_file(command, printed));
        let objects = missing(&played.requests);
        // A file by its own name: its folder may be another in the lecture's place.
        let base = file.map(|file| file.trim_end_matches('/').rsplit('/').next().unwrap_or(file));
        let gone = base.into_iter().chain(objects.iter().map(String::as_str)).collect::<Vec<_>>();
        if let Some((earlier, what)) = self.not_played_before(at, &gone) {
            let line = self.lecture.items[earlier].lines.first;
            let reason = format!("line {line}, which is to make `{what}`, was not played");
            return Some(ItemResult { blamed: Some(earlier), ..ItemResult::new(Verdict::NotChecked, Some(reason)) });
        }
        if let Some(line) = self.solved_later(at, &gone) {
            let reason = format!("readers are to make it themselves: line {line} is the solution");
            return Some(ItemResult::new(Verdict::NotChecked, Some(reason)));
        }
        if let Some(file) = file.filter(|file| !self.is_given(file)) {
            let reason = format!("needs the file `{file}`, which is neither in the text nor beside it");
            return Some(ItemResult::new(Verdict::Skipped, Some(reason)));
        }
        None
    }

    /// A command that an earlier item's object stands in the way of.
    async fn in_sequence(
        &mut self,
        at: usize,
        played: &mut Played,
        key: ObjectKey,
        maker: usize,
        code: u16,
    ) -> Result<ItemResult, ShellError> {
        let item = &self.lecture.items[at];
        let line = self.lecture.items[maker].lines.first;
        let is_other_way = item.condition.is_some() || item.alternative.as_ref().is_some_and(|way| way.number > 1);
        if code == 409 && is_other_way {
            let reason = format!("{key} is there since line {line}, and the text leaves this to the reader");
            return Ok(ItemResult { blamed: Some(maker), ..ItemResult::new(Verdict::Skipped, Some(reason)) });
        }
        let reason = format!("{key} from line {line} is in the way: {}", last_line(&played.printed.all));
        let mut said = ItemResult {
            blamed: Some(maker),
            evidence: vec![stderr(&played.printed)],
            ..ItemResult::new(Verdict::FailedInSequence, Some(reason))
        };
        if matches!(code, 409 | 422) {
            // The items after it stand on what it would have done: without what is in the way it is played once more.
            let namespace = if key.namespace.is_empty() { String::new() } else { format!(" -n {}", key.namespace) };
            let removal = format!("kubectl delete {} {}{namespace} --now --ignore-not-found", key.kind(), key.name);
            self.run(&removal).await?;
            let again = self.run(&played.script).await?;
            self.makers.note(at, &again.requests);
            let says = match again.printed.code {
                0 => format!("after `{removal}` it is as the text says"),
                _ => format!("it fails after `{removal}`, too: {}", last_line(&again.printed.all)),
            };
            said.evidence.push(Evidence { of: key.to_string(), path: None, says });
            if again.printed.code == 0 {
                let mut after = ItemResult::new(Verdict::Reproduced, None);
                self.claims(at, &again, &mut after).await;
                said.evidence.extend(after.evidence);
                said.reason = match after.verdict {
                    Verdict::Reproduced => said.reason,
                    verdict => said
                        .reason
                        .map(|reason| format!("{reason}; without it {verdict}: {}", after.reason.unwrap_or_default())),
                };
                // What the text shows is held against what it would have printed.
                *played = again;
            }
        }
        Ok(said)
    }

    /// Pushes that were denied for want of a login are made up for, so that what follows can be judged.
    async fn push_again(&mut self, login: usize) -> Result<(), ShellError> {
        for (at, script) in std::mem::take(&mut self.denied_pushes) {
            let again = self.run(&script).await?;
            let line = self.lecture.items[login].lines.first;
            let says = match again.printed.code {
                0 => format!("after the login of line {line} it succeeds"),
                _ => format!("it fails after the login of line {line}, too: {}", last_line(&again.printed.all)),
            };
            if let Some(record) = &mut self.records[at] {
                record.evidence.push(Evidence { of: "registry".into(), path: None, says });
            }
        }
        Ok(())
    }
}

/// The file with an object as it is after an edit.
const EDITED: &str = ".edited.json";

/// A command that the stage has no image for.
pub(super) fn lacks(image: &str) -> ItemResult {
    ItemResult::new(Verdict::Blocked, Some(format!("the stage does not have the image {image}")))
}

/// The file that kubectl found nothing in.
fn empty_file<'a>(command: &'a LectureCommand, printed: &str) -> Option<&'a str> {
    let files = || command.invocations.iter().flat_map(|invocation| invocation.values(Some('f'), "filename"));
    files().next().filter(|_| printed.contains("no objects passed to"))
}

/// The objects that requests asked for in vain.
fn missing(requests: &[Request]) -> Vec<String> {
    let mut names: Vec<String> = requests
        .iter()
        .filter(|request| request.code == 404 && !request.resource.is_empty() && !request.name.is_empty())
        .map(|request| request.name.clone())
        .collect();
    names.dedup();
    names
}

/// Programs that answer a question with their exit code: 1 is `no`, not a failure.
fn answered(command: &LectureCommand, printed: &Printed) -> Option<ItemResult> {
    let last = command.invocations.last()?;
    let verb = last.arguments().first().map(String::as_str);
    match (last.program(), verb) {
        _ if printed.code != 1 => None,
        ("kubectl" | "k", Some("auth")) if printed.stdout.trim_end().ends_with("no") => {
            Some(ItemResult::new(Verdict::Reproduced, Some("it answers `no`".into())))
        }
        ("kubectl" | "k", Some("diff")) | ("diff", _) => {
            Some(ItemResult::new(Verdict::Reproduced, Some("there are differences".into())))
        }
        ("grep" | "egrep" | "fgrep", _) if printed.all.trim().is_empty() => {
            Some(ItemResult::new(Verdict::Unproven, Some("grep finds nothing".into())))
        }
        _ => None,
    }
}

/// The gateway's own refusals name its rule.
fn refused_by_rehearsal(text: &str) -> bool {
    // `src/gateway/rights.rs`
    text.contains("beyond the lab's own namespaces") || text.contains("reads and changes its own namespaces")
}
