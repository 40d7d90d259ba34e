//! Manifests, files and fragments: what their commands say of them, and a dry run of what nobody applies.

use super::hindrance;
use super::player::{ItemResult, LecturePlayer, last_line, name_of, stderr};
use crate::event::Verdict;
use crate::place::ShellError;
use crate::script::lecture::{Invocation, ItemKind, LectureCommand, LectureItem, Manifest, Phase, of_manifest};

impl LecturePlayer<'_> {
    /// What is said of manifests, files and fragments that no command has spoken for: a manifest that nobody applies is
    /// tried with a dry run at the server.
    pub(super) async fn files(&mut self) -> Result<(), ShellError> {
        for at in 0..self.lecture.items.len() {
            if self.records[at].is_some() {
                continue;
            }
            let item = &self.lecture.items[at];
            let name = match &item.kind {
                ItemKind::Manifest(manifest) => name_of(item, manifest),
                ItemKind::File(file) => file.name.name.clone(),
                _ => {
                    let reason = Some("a part that no command uses".to_owned());
                    self.record(at, ItemResult::new(Verdict::NotChecked, reason), Vec::new());
                    continue;
                }
            };
            let said = match self.user_of(at, &name) {
                Some(user) => self.as_its_user(user),
                None => match &item.kind {
                    ItemKind::Manifest(manifest) if is_printed(manifest) => {
                        ItemResult::new(Verdict::NotChecked, Some("it is an object as a cluster prints it".into()))
                    }
                    ItemKind::Manifest(manifest) => match to_be_replaced(&item.kind)[..] {
                        [] => self.dry_run(&name, &manifest.text).await?,
                        ref unfilled => {
                            let reason = format!("needs a value for {}", unfilled.join(", "));
                            ItemResult::new(Verdict::NotChecked, Some(reason))
                        }
                    },
                    _ => ItemResult::new(Verdict::NotChecked, Some("no command uses the file".into())),
                },
            };
            self.record(at, said, Vec::new());
        }
        Ok(())
    }

    /// The first command after a file that reads it: by its name, or by the folder that is built or applied.
    fn user_of(&self, at: usize, name: &str) -> Option<usize> {
        let uses = |command: &LectureCommand| command.invocations.iter().any(|invocation| takes(invocation, name));
        (at + 1..self.lecture.items.len())
            .find(|later| self.lecture.items[*later].command().is_some_and(uses) && self.records[*later].is_some())
    }

    /// Why a command cannot be played: a manifest that it takes has something that a reader is to replace.
    pub(super) fn unfilled(&self, at: usize, command: &LectureCommand) -> Option<String> {
        let applies = |invocation: &&Invocation| matches!(invocation.program(), "kubectl" | "k" | "oc");
        let given = |name: &str| {
            let earlier = self.lecture.items[..at].iter().rev();
            earlier.filter_map(|item| Some((item, item.manifest()?))).find(|(item, manifest)| {
                command.invocations.iter().filter(applies).any(|invocation| takes(invocation, &name_of(item, manifest)))
                    && name_of(item, manifest) == name
            })
        };
        let mut names: Vec<String> =
            self.lecture.items[..at].iter().filter_map(|item| Some(name_of(item, item.manifest()?))).collect();
        names.sort();
        names.dedup();
        names.iter().filter_map(|name| given(name)).find_map(|(item, manifest)| {
            let unfilled = to_be_replaced(&item.kind);
            let name = name_of(item, manifest);
            (!unfilled.is_empty()).then(|| format!("needs a value for {} in `{name}`", unfilled.join(", ")))
        })
    }

    /// The earlier item that names one of `wanted` and was not played, and which of them it names.
    pub(super) fn not_played_before<'n>(&self, at: usize, wanted: &[&'n str]) -> Option<(usize, &'n str)> {
        let left_out = |verdict: Verdict| {
            matches!(verdict, Verdict::Skipped | Verdict::Manual | Verdict::Blocked | Verdict::NotChecked)
        };
        (0..at).find_map(|earlier| {
            let item = &self.lecture.items[earlier];
            if let Some(record) = &self.records[earlier] {
                // A Deployment's pod is made by what names the Deployment.
                let found = wanted.iter().find(|name| left_out(record.verdict) && names(&record.text, name))?;
                return Some((earlier, *found));
            }
            let manifest = item.manifest()?;
            let applied = self.user_of(earlier, &name_of(item, manifest)).is_some();
            let makes = |name: &&&str| manifest.documents.iter().any(|document| document.name == **name);
            wanted.iter().filter(|_| !applied).find(makes).map(|name| (earlier, *name))
        })
    }

    /// The line of the solution, further below, that makes one of `wanted`.
    pub(super) fn solved_later(&self, at: usize, wanted: &[&str]) -> Option<usize> {
        let own = self.lecture.items[at].phase;
        let text = |item: &LectureItem| match &item.kind {
            ItemKind::Command(command) => command.script.clone(),
            ItemKind::Manifest(manifest) => manifest.text.clone(),
            _ => String::new(),
        };
        // Who is to verify before anything was made is to make it.
        let solves =
            |item: &&LectureItem| item.phase == Phase::Solution || own == Phase::Verify && item.phase != Phase::CleanUp;
        let mut solution = self.lecture.items[at + 1..].iter().filter(|_| own != Phase::Solution).filter(solves);
        let found = solution.find(|item| wanted.iter().any(|name| names(&text(item), name)))?;
        Some(found.lines.first)
    }

    /// Whether the text gives a file of that name, or of one that is spelt nearly so.
    pub(super) fn is_given(&self, name: &str) -> bool {
        let base = |name: &str| name.trim_end_matches('/').rsplit('/').next().unwrap_or(name).to_owned();
        let near = |given: &str| base(name).len() > 4 && strsim::osa_distance(&base(given), &base(name)) <= 2;
        self.lecture.items.iter().any(|item| match &item.kind {
            ItemKind::Manifest(manifest) => manifest.file.as_ref().is_some_and(|file| near(&file.name)),
            ItemKind::File(file) => near(&file.name.name),
            ItemKind::Command(command) => {
                command.invocations.iter().flat_map(|invocation| &invocation.writes).any(|written| near(written))
            }
            _ => false,
        })
    }

    /// A file is as good as the command that uses it.
    fn as_its_user(&self, user: usize) -> ItemResult {
        let line = self.lecture.items[user].lines.first;
        let verdict = self.records[user].as_ref().map(|record| record.verdict);
        match verdict {
            Some(
                Verdict::Reproduced
                | Verdict::Unproven
                | Verdict::Drifted
                | Verdict::ExpectedFailure
                | Verdict::FailedInSequence,
            ) => ItemResult::new(Verdict::Reproduced, Some(format!("taken by line {line}"))),
            _ => ItemResult::new(Verdict::NotChecked, Some(format!("see line {line}"))),
        }
    }

    async fn dry_run(&self, name: &str, text: &str) -> Result<ItemResult, ShellError> {
        self.setting.shell.write(name, text)?;
        let played = self.run(&format!("kubectl apply --dry-run=server -f '{}'", name.replace('\'', ""))).await?;
        Ok(match played.printed.code {
            0 => ItemResult::new(
                Verdict::Reproduced,
                Some("no command applies it; the server takes it in a dry run".into()),
            ),
            _ if hindrance::lacking(&played.printed.all).is_some() => {
                ItemResult::new(Verdict::Skipped, hindrance::lacking(&played.printed.all))
            }
            // What only lacks something is a part of what the text is about.
            _ if is_part(&played.printed.all) => ItemResult::new(
                Verdict::NotChecked,
                Some(format!("no command applies it, and it is no whole object: {}", last_line(&played.printed.all))),
            ),
            _ if played.printed.all.contains("not found") => ItemResult::new(
                Verdict::NotChecked,
                Some(format!("no command applies it: {}", last_line(&played.printed.all))),
            ),
            _ => ItemResult {
                evidence: vec![stderr(&played.printed)],
                ..ItemResult::new(
                    Verdict::Failed,
                    Some(format!(
                        "no command applies it, and the server refuses it: {}",
                        last_line(&played.printed.all)
                    )),
                )
            },
        })
    }

    /// The fragment behind an edit has the edit's verdict.
    pub(super) fn fragment_follows(&mut self, edit: usize, said: &ItemResult) {
        let id = self.lecture.items[edit].id.clone();
        let line = self.lecture.items[edit].lines.first;
        for at in edit + 1..self.lecture.items.len() {
            if let ItemKind::Fragment(fragment) = &self.lecture.items[at].kind
                && fragment.into.as_ref() == Some(&id)
            {
                let reason = said.reason.clone().unwrap_or_else(|| format!("put in by line {line}"));
                let verdict = if said.verdict == Verdict::Failed { Verdict::Contradicted } else { said.verdict };
                self.record(at, ItemResult::new(verdict, Some(reason)), Vec::new());
                return;
            }
        }
    }
}

/// Whether an object has what only an API server gives it.
fn is_printed(manifest: &Manifest) -> bool {
    let objects = manifest.documents.iter().filter_map(|document| document.object.as_ref());
    let given = ["/metadata/uid", "/metadata/resourceVersion", "/metadata/selfLink"];
    objects.into_iter().any(|object| given.iter().any(|path| object.pointer(path).is_some()))
}

/// What a reader is to replace in a manifest.
fn to_be_replaced(kind: &ItemKind) -> Vec<String> {
    let ItemKind::Manifest(manifest) = kind else { return Vec::new() };
    manifest.documents.iter().filter_map(|document| document.object.as_ref()).flat_map(of_manifest).collect()
}

/// Whether a text has a name as a whole word.
fn names(text: &str, name: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty()
        && text.match_indices(name).any(|(at, _)| {
            !text[..at].chars().next_back().is_some_and(joins)
                && !text[at + name.len()..].chars().next().is_some_and(|c| joins(c) && c != '.')
        })
}

/// Whether a command reads a file of that name.
fn takes(invocation: &Invocation, name: &str) -> bool {
    let (folder, base) = name.rsplit_once('/').unwrap_or(("", name));
    let is_manifest = [".yaml", ".yml", ".json"].iter().any(|extension| base.ends_with(extension));
    let builds = invocation.program() == "docker" && invocation.arguments().iter().any(|word| word == "build");
    let in_folder = |word: &&str| {
        matches!(word.trim_start_matches("./").trim_end_matches('/'), "" | ".") || word.trim_end_matches('/') == folder
    };
    let folders = invocation.values(Some('f'), "filename").into_iter().chain(invocation.values(Some('k'), "kustomize"));
    invocation.arguments().iter().any(|word| word.rsplit(['/', '=', ',']).next() == Some(base) || word.contains(name))
        || builds && !is_manifest
        || is_manifest && matches!(invocation.program(), "kubectl" | "k") && { folders }.any(|word| in_folder(&word))
}

/// Whether all that a server minds is that something is not there.
fn is_part(printed: &str) -> bool {
    let causes: Vec<&str> = printed.lines().filter(|line| line.contains("value") || line.contains("Invalid")).collect();
    !causes.is_empty()
        && causes.iter().all(|cause| cause.contains("Required value") || cause.contains("missing required field"))
}
