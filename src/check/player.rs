//! Plays a lecture's items in their order, in a place of the lecture's own, and gives a record of each. Knows no
//! terminals and not which cluster it plays on.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::{Api, Client};

use super::action::{Action, action};
use super::adapt::Known;
use super::claim::{Claim, claims};
use super::programs::Programs;
use super::requests::{Makers, ObjectKey, changed_something, made};
use super::twin::{self, Twin};
use super::{Correction, Evidence, Kind, Lines, Record, correction, edit, judge};
use crate::compare::{self, Class, Outcome, Path};
use crate::drift::{self, Versions};
use crate::event::Verdict;
use crate::gateway::Request;
use crate::observe::Trace;
use crate::place::{Printed, Shell, ShellError, Watch};
use crate::script::ObjectRef;
use crate::script::lecture::{Command, Item, ItemKind, Lecture};
use crate::wait::{Probe, Wake, until};

/// How long a command may take.
const COMMAND_WITHIN: Duration = Duration::from_secs(120);

/// The requests that the lecture's gateway has answered, the oldest first.
pub type Requests = Arc<Mutex<Vec<Request>>>;

/// Where a lecture is played.
pub struct Setting<'a> {
    pub shell: &'a Shell,
    pub watch: &'a Watch,
    pub requests: &'a Requests,
    /// The cluster's own client: twins stand outside the lecture's names.
    pub cluster: Client,
    /// What the lecture's namespace is called on the cluster.
    pub namespace_on_cluster: &'a (dyn Fn(&str) -> String + Sync),
    /// A namespace for a twin, by its number.
    pub twin_namespace: &'a (dyn Fn(usize) -> Namespace + Sync),
    /// Whether the stage's registry serves an image to the stage's user.
    pub is_served: &'a (dyn Fn(String) -> futures::future::BoxFuture<'a, bool> + Sync),
    /// The user of the stage's registry.
    pub username: String,
    /// What only the stage's own login prints: its password, alone and encoded.
    pub secrets: Vec<String>,
    /// Text from the cluster in the lecture's names.
    pub in_lectures_names: &'a (dyn Fn(&str) -> String + Sync),
    pub versions: Versions,
    pub programs: &'a [String],
    /// How long a state that the lecture shows is waited for.
    pub state_within: Duration,
}

/// What came of a command.
struct Played {
    printed: Printed,
    script: String,
    /// The lecture's namespaces and pods that it was about come from its requests.
    requests: Vec<Request>,
    began: Instant,
}

/// Plays one lecture.
pub struct Player<'a> {
    lecture: &'a Lecture,
    setting: &'a Setting<'a>,
    programs: Programs,
    makers: Makers,
    /// By the item's number.
    played: Vec<Option<Played>>,
    records: Vec<Option<Record>>,
    printed: Vec<String>,
    /// Pushes that were denied before the lecture logs in, by the item's number.
    denied_pushes: Vec<(usize, String)>,
    twins: usize,
}

/// What is said of a command.
struct Said {
    verdict: Verdict,
    reason: Option<String>,
    evidence: Vec<Evidence>,
    blamed: Option<usize>,
    correction: Option<Correction>,
    explained_by: Vec<String>,
}

impl Said {
    fn new(verdict: Verdict, reason: Option<String>) -> Self {
        Self { verdict, reason, evidence: Vec::new(), blamed: None, correction: None, explained_by: Vec::new() }
    }
}

impl<'a> Player<'a> {
    /// A player that has played nothing yet.
    pub fn new(lecture: &'a Lecture, setting: &'a Setting<'a>) -> Self {
        let items = lecture.items.len();
        Self {
            lecture,
            setting,
            programs: Programs { allowed: setting.programs.to_vec() },
            makers: Makers::default(),
            played: std::iter::repeat_with(|| None).take(items).collect(),
            records: std::iter::repeat_with(|| None).take(items).collect(),
            printed: Vec::new(),
            denied_pushes: Vec::new(),
            twins: 0,
        }
    }

    /// Plays the items that `wanted` chooses, tells each record as it is known, and gives all of them in the lecture's
    /// order.
    ///
    /// # Errors
    /// Where the shell cannot be used; what a lecture does wrong is a record.
    pub async fn play(
        mut self,
        wanted: impl Fn(&Item) -> bool,
        mut on_item: impl FnMut(&Item),
    ) -> Result<Vec<Record>, ShellError> {
        for at in 0..self.lecture.items.len() {
            let item = &self.lecture.items[at];
            if !wanted(item) {
                self.record(at, Said::new(Verdict::NotChecked, Some("not asked for".into())), Vec::new());
                continue;
            }
            on_item(item);
            match &item.kind {
                ItemKind::Command(command) => self.command(at, command).await?,
                ItemKind::Manifest(manifest) => {
                    let name = manifest.file.as_ref().map_or_else(|| unnamed(item), |file| file.name.clone());
                    self.setting.shell.write(&name, &manifest.text)?;
                }
                ItemKind::File(file) => self.setting.shell.write(&file.name.name, &file.contents)?,
                ItemKind::Output(output) => {
                    let of = self.lecture.items.iter().position(|other| other.id == output.of);
                    self.output(at, of, &output.text).await?;
                }
                ItemKind::Manual(manual) => {
                    let reason = format!("a person does it: {}", manual.cue);
                    self.record(at, Said::new(Verdict::Manual, Some(reason)), Vec::new());
                }
                ItemKind::Illustration(shown) => {
                    self.record(at, Said::new(Verdict::NotChecked, Some(shown.reason.into())), Vec::new());
                }
                // What it is put into says what came of it.
                ItemKind::Fragment(_) => {}
            }
        }
        self.files().await?;
        Ok(self.records.into_iter().flatten().collect())
    }

    fn requests(&self) -> Vec<Request> {
        self.setting.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Plays a script; with the requests it made.
    async fn run(&self, script: &str) -> Result<Played, ShellError> {
        let before = self.requests().len();
        let began = Instant::now();
        let printed = match self.setting.shell.play(script, COMMAND_WITHIN).await {
            Ok(printed) => printed,
            Err(ShellError::Exec(error)) => {
                let text = error.to_string();
                Printed { code: 124, failed_at: None, stdout: String::new(), all: text }
            }
            Err(error) => return Err(error),
        };
        let requests = self.requests().split_off(before);
        Ok(Played { printed, script: script.to_owned(), requests, began })
    }

    async fn command(&mut self, at: usize, command: &Command) -> Result<(), ShellError> {
        if let Some(why) = &command.unreadable
            && command.placeholders.is_empty()
        {
            self.record(at, Said::new(Verdict::NotChecked, Some(format!("bash cannot read it: {why}"))), Vec::new());
            return Ok(());
        }
        let session = command.inside.as_ref().and_then(|id| self.lecture.items.iter().find(|other| other.id == *id));
        let around = self.around(at);
        let wrong_on_purpose =
            ["wrong", "invalid", "incorrect", "bad credentials"].iter().any(|word| around.contains(word));
        let known = Known { username: &self.setting.username, printed: &self.printed, wrong_on_purpose };
        let decided = action(command, session.and_then(Item::command), &self.programs, &known);
        let (script, adapted) = match decided {
            Action::Skip(reason) => {
                self.record(at, Said::new(Verdict::Skipped, Some(reason)), Vec::new());
                return Ok(());
            }
            Action::Manual(reason) => {
                self.record(at, Said::new(Verdict::Manual, Some(reason)), Vec::new());
                return Ok(());
            }
            Action::Play { script, adapted } => (script, adapted),
            Action::Edit { script, get, adapted } => match self.edited(at, &script, &get).await? {
                Ok(script) => (script, adapted),
                Err(reason) => {
                    self.record(at, Said::new(Verdict::NotChecked, Some(reason)), adapted);
                    return Ok(());
                }
            },
        };
        let played = self.run(&script).await?;
        let mut said = self.verdict(at, command, &played).await?;
        if said.verdict == Verdict::Reproduced && command.script.contains("docker") && command.script.contains("login")
        {
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

    async fn verdict(&mut self, at: usize, command: &Command, played: &Played) -> Result<Said, ShellError> {
        let code = played.printed.code;
        let failed = || vec![stderr(&played.printed)];
        if let Some(cue) = &command.fails {
            return Ok(match code {
                0 => Said {
                    evidence: vec![stderr(&played.printed)],
                    ..Said::new(
                        Verdict::Contradicted,
                        Some(format!("it exits with 0; line {} says that it fails", cue.line)),
                    )
                },
                _ => Said { evidence: failed(), ..Said::new(Verdict::ExpectedFailure, None) },
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
        let output = drift::Output { command: &command.script, printed: &played.printed.all, differences: &[] };
        let explained = drift::explain(&output, &self.setting.versions);
        if !explained.is_empty() {
            let mut said = Said { evidence: failed(), ..Said::new(Verdict::Drifted, reason) };
            said.explained_by = explained.iter().map(|explanation| explanation.rule.id.clone()).collect();
            if let Some(mended) = drift::mended(&command.script, &explained) {
                let lines = lines(self.lecture.items[at].lines);
                said.correction = correction::command(&self.lecture.text, lines, &command.original, &mended);
                // The items after it stand on what it would have done.
                let again = self.run(&mended).await?;
                self.makers.note(at, &again.requests);
            }
            return Ok(said);
        }
        if let Some((key, maker, code)) = self.makers.in_the_way(&played.requests) {
            return self.in_sequence(at, played, key, maker, code).await;
        }
        if refused_by_rehearsal(&played.printed.all) {
            let reason = format!("the rehearsal does not allow it: {}", last_line(&played.printed.all));
            return Ok(Said { evidence: failed(), ..Said::new(Verdict::Skipped, Some(reason)) });
        }
        if command.script.contains("docker") && played.printed.all.contains("denied: requested access") {
            self.denied_pushes.push((at, played.script.clone()));
        }
        let login = self.lecture.items[at + 1..]
            .iter()
            .find(|item| item.command().is_some_and(|later| later.script.contains("docker login")));
        let reason = match login {
            Some(login) if !self.denied_pushes.is_empty() => {
                reason.map(|reason| format!("{reason}; `docker login` comes only at line {}", login.lines.first))
            }
            _ => reason,
        };
        Ok(Said { evidence: failed(), ..Said::new(Verdict::Failed, reason) })
    }

    fn succeeded(&self, at: usize, command: &Command, played: &Played) -> Said {
        let item = &self.lecture.items[at];
        let alternative = item.alternative.as_ref().filter(|alternative| alternative.number > 1);
        let changes = ["edit", "patch", "apply"].iter().any(|verb| command.script.contains(verb));
        if let Some(alternative) = alternative
            && changes
            && !changed_something(&played.requests)
        {
            let first = self.lecture.items.iter().find(|other| other.id == alternative.group);
            let line = first.map_or(0, |first| first.lines.first);
            let reason = format!("it changed nothing: the other way, from line {line} on, had been taken");
            return Said::new(Verdict::Unproven, Some(reason));
        }
        Said::new(Verdict::Reproduced, None)
    }

    /// A command that an earlier item's object stands in the way of.
    async fn in_sequence(
        &mut self,
        at: usize,
        played: &Played,
        key: ObjectKey,
        maker: usize,
        code: u16,
    ) -> Result<Said, ShellError> {
        let item = &self.lecture.items[at];
        let line = self.lecture.items[maker].lines.first;
        let is_other_way = item.condition.is_some() || item.alternative.as_ref().is_some_and(|way| way.number > 1);
        if code == 409 && is_other_way {
            let reason = format!("{key} is there since line {line}, and the text leaves this to the reader");
            return Ok(Said { blamed: Some(maker), ..Said::new(Verdict::Skipped, Some(reason)) });
        }
        let reason = format!("{key} from line {line} is in the way: {}", last_line(&played.printed.all));
        let mut said = Said {
            blamed: Some(maker),
            evidence: vec![stderr(&played.printed)],
            ..Said::new(Verdict::FailedInSequence, Some(reason))
        };
        if code == 422 {
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
                let mut after = Said::new(Verdict::Reproduced, None);
                self.claims(at, &again, &mut after).await;
                said.evidence.extend(after.evidence);
                said.reason = match after.verdict {
                    Verdict::Reproduced => said.reason,
                    verdict => said
                        .reason
                        .map(|reason| format!("{reason}; without it {verdict}: {}", after.reason.unwrap_or_default())),
                };
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

    /// What the prose claims of the pods that a command made or showed.
    async fn claims(&mut self, at: usize, played: &Played, said: &mut Said) {
        let item = &self.lecture.items[at];
        let until = self.lecture.items.get(at + 1).map_or(usize::MAX, |next| next.lines.first);
        let claims = claims(&self.lecture.text, item.lines, until);
        let pods = concerned(played);
        for claim in &claims {
            for pod in &pods {
                self.claim(claim, pod, played.began, said).await;
                if said.verdict != Verdict::Reproduced {
                    return;
                }
            }
        }
    }

    async fn claim(&mut self, claim: &Claim, pod: &ObjectRef, began: Instant, said: &mut Said) {
        let trace = self.reached(pod, claim.state, began).await;
        match trace {
            Ok(trace) => {
                said.evidence.push(Evidence { of: pod.to_string(), path: None, says: trace });
                if claim.state == "Running" {
                    self.prove(pod, said).await;
                }
            }
            Err((trace, image)) => {
                let line = claim.line;
                let missing = match image {
                    Some(image) if !(self.setting.is_served)(image.clone()).await => Some(image),
                    _ => None,
                };
                (said.verdict, said.reason) = match missing {
                    Some(image) if claim.state == "Running" => {
                        (Verdict::Blocked, Some(format!("the stage does not have the image {image}")))
                    }
                    _ => (Verdict::Contradicted, Some(format!("line {line} says {}; {trace}", claim.state))),
                };
                said.evidence.push(Evidence { of: pod.to_string(), path: None, says: trace });
            }
        }
    }

    /// Waits until a pod has been in a state. Its timeline; else that, and its image.
    async fn reached(&self, pod: &ObjectRef, state: &str, began: Instant) -> Result<String, (String, Option<String>)> {
        let seen = |trace: &Trace| trace.states.iter().any(|seen| seen.status == state);
        let probe = async || {
            self.setting.watch.look(|recorder| match recorder.latest(pod, began) {
                Some(trace) if seen(trace) => Probe::Done(trace.to_string()),
                Some(trace) => Probe::Pending(trace.to_string()),
                None => Probe::Pending(format!("{pod} was never seen")),
            })
        };
        let wake = Wake::Changed(self.setting.watch.changes());
        match until("a state", self.setting.state_within, wake, probe).await {
            Ok(trace) => Ok(trace),
            Err(timeout) => {
                let namespace = (self.setting.namespace_on_cluster)(&pod.namespace);
                let api = Api::<Pod>::namespaced(self.setting.cluster.clone(), &namespace);
                let live = api.get_opt(&pod.name).await.ok().flatten();
                let image = live.and_then(|live| live.spec?.containers.first()?.image.clone());
                Err((timeout.last, image))
            }
        }
    }

    /// Whether a pod that runs owes that to its pull secret: its twin without one must be refused.
    async fn prove(&mut self, pod: &ObjectRef, said: &mut Said) {
        let namespace = (self.setting.namespace_on_cluster)(&pod.namespace);
        let api = Api::<Pod>::namespaced(self.setting.cluster.clone(), &namespace);
        let Ok(Some(live)) = api.get_opt(&pod.name).await else { return };
        let secrets = live.spec.as_ref().and_then(|spec| spec.image_pull_secrets.as_ref()).map_or(0, Vec::len);
        if secrets == 0 {
            return;
        }
        self.twins += 1;
        let twin = twin::play(&self.setting.cluster, &live, (self.setting.twin_namespace)(self.twins)).await;
        let of = format!("{pod} without its pull secret");
        let unproven = match twin {
            Twin::Refused(words) => {
                said.evidence.push(Evidence {
                    of,
                    path: Some(".status.containerStatuses[0].state.waiting.message".into()),
                    says: (self.setting.in_lectures_names)(&words),
                });
                return;
            }
            Twin::HasImage => "the same pod runs without the pull secret, too".to_owned(),
            Twin::Undecided(why) => format!("the same pod without the pull secret could not be tried: {why}"),
        };
        said.verdict = Verdict::Unproven;
        said.reason = Some(unproven);
    }

    async fn output(&mut self, at: usize, of: Option<usize>, shown: &str) -> Result<(), ShellError> {
        let Some((of, played)) = of.and_then(|of| Some((of, self.played[of].as_ref()?))) else {
            let line = of.map_or(0, |of| self.lecture.items[of].lines.first);
            let reason = format!("the command of line {line} was not played");
            self.record(at, Said::new(Verdict::NotChecked, Some(reason)), Vec::new());
            return Ok(());
        };
        let command = self.lecture.items[of].command().map(|command| command.script.clone()).unwrap_or_default();
        let (mut printed, script) = (played.printed.all.clone(), played.script.clone());
        let mut outcome = self.compared(shown, &mut printed);
        let mut evidence = Vec::new();
        if outcome.may_come() && only_looks(&command) {
            (printed, outcome) = self.come(shown, &script, printed, outcome, &mut evidence).await?;
        }
        let explained = {
            let output = drift::Output { command: &command, printed: &printed, differences: &outcome.differences };
            drift::explain(&output, &self.setting.versions)
        };
        let judged = judge(&command, &outcome, &explained);
        let item = &self.lecture.items[at];
        let mut said = Said { evidence, explained_by: judged.explained_by, ..Said::new(judged.verdict, judged.reason) };
        let (inner, explains) =
            (lines(item.lines), |number: usize| explained.iter().any(|e| e.differences.contains(&number)));
        said.correction = match judged.verdict {
            Verdict::Drifted => correction::output(
                &self.lecture.text,
                inner,
                shown,
                &outcome,
                |number, difference| explains(number) || difference.class.is_shape(),
                true,
            ),
            Verdict::Contradicted => correction::output(
                &self.lecture.text,
                inner,
                shown,
                &outcome,
                |_, difference| difference.class.counts(),
                false,
            ),
            _ => None,
        };
        if judged.verdict == Verdict::Contradicted {
            said.evidence.push(Evidence { of: "stdout".into(), path: None, says: printed.trim_end().to_owned() });
        }
        self.record(at, said, Vec::new());
        if let Some(record) = &mut self.records[at] {
            record.fidelity = judged.fidelity;
            record.differences = outcome.differences;
        }
        Ok(())
    }

    /// Compares. The stage's login is no difference to the lecture's dummy one, nor are the words in which a registry with
    /// basic authentication refuses to those of one with tokens, which Docker Hub is.
    fn compared(&self, shown: &str, printed: &mut String) -> Outcome {
        if shown.contains(TOKENS_REFUSAL) {
            *printed = printed.replace(BASIC_REFUSAL, TOKENS_REFUSAL);
        }
        let mut outcome = compare::typed(shown, printed);
        let is_login = |printed: &String| self.setting.secrets.iter().any(|secret| printed.contains(secret.as_str()));
        outcome.differences.retain(|difference| !difference.printed.as_ref().is_some_and(is_login));
        outcome
    }

    /// Looks again, at each change of the cluster, until the shown states have come or time is up. A state that a pod
    /// went through while nobody printed it counts by its trace.
    async fn come(
        &self,
        shown: &str,
        script: &str,
        printed: String,
        outcome: Outcome,
        evidence: &mut Vec<Evidence>,
    ) -> Result<(String, Outcome), ShellError> {
        let latest = Mutex::new((printed, outcome, Vec::new()));
        let lock = || latest.lock().unwrap_or_else(PoisonError::into_inner);
        let probe = async || {
            let mut printed = match self.run(script).await {
                Ok(again) => again.printed.all,
                Err(error) => return Probe::Done(Err(error)),
            };
            let mut outcome = self.compared(shown, &mut printed);
            let mut seen = Vec::new();
            outcome.differences.retain(|difference| match self.traced(difference) {
                Some(trace) => {
                    seen.push(trace);
                    false
                }
                None => true,
            });
            let is_over = !outcome.may_come();
            *lock() = (printed, outcome, seen);
            if is_over { Probe::Done(Ok(())) } else { Probe::Pending(String::new()) }
        };
        let wake = Wake::Changed(self.setting.watch.changes());
        if let Ok(Err(error)) = until("the shown state", self.setting.state_within, wake, probe).await {
            return Err(error);
        }
        let (printed, outcome, seen) = latest.into_inner().unwrap_or_else(PoisonError::into_inner);
        evidence.extend(seen);
        Ok((printed, outcome))
    }

    /// The trace that has the shown STATUS in it, of the row's pod; READY and RESTARTS of that moment are not known.
    fn traced(&self, difference: &compare::Difference) -> Option<Evidence> {
        let (Class::State, Path::Cell { row, column, .. }) = (difference.class, &difference.path) else { return None };
        let shown = difference.shown.as_deref().filter(|_| column == "STATUS")?;
        self.setting.watch.look(|recorder| {
            let of_row = recorder.traces().filter(|trace| trace.object.name == *row);
            let mut with = of_row.filter(|trace| trace.states.iter().any(|state| state.status == shown));
            let trace = with.next()?;
            Some(Evidence { of: trace.object.to_string(), path: None, says: trace.to_string() })
        })
    }

    /// What is said of manifests, files and fragments that no command has spoken for: a manifest that nobody applies is
    /// tried with a dry run at the server.
    async fn files(&mut self) -> Result<(), ShellError> {
        for at in 0..self.lecture.items.len() {
            if self.records[at].is_some() {
                continue;
            }
            let item = &self.lecture.items[at];
            let name = match &item.kind {
                ItemKind::Manifest(manifest) => {
                    manifest.file.as_ref().map_or_else(|| unnamed(item), |file| file.name.clone())
                }
                ItemKind::File(file) => file.name.name.clone(),
                _ => {
                    let reason = Some("a part that no command uses".to_owned());
                    self.record(at, Said::new(Verdict::NotChecked, reason), Vec::new());
                    continue;
                }
            };
            let said = match self.user_of(at, &name) {
                Some(user) => self.as_its_user(user),
                None => match &item.kind {
                    ItemKind::Manifest(manifest) => self.dry_run(&name, &manifest.text).await?,
                    _ => Said::new(Verdict::NotChecked, Some("no command uses the file".into())),
                },
            };
            self.record(at, said, Vec::new());
        }
        Ok(())
    }

    /// The first command after a file that reads it, by its name or by the folder that is built.
    fn user_of(&self, at: usize, name: &str) -> Option<usize> {
        let base = name.rsplit('/').next().unwrap_or(name);
        let uses = |command: &Command| {
            let script = &command.script;
            let builds = script.contains("docker") && script.contains(" build");
            script.contains(base) || (builds && !base.ends_with(".yaml") && !base.ends_with(".yml"))
        };
        (at + 1..self.lecture.items.len())
            .find(|later| self.lecture.items[*later].command().is_some_and(uses) && self.played[*later].is_some())
    }

    /// A file is as good as the command that uses it.
    fn as_its_user(&self, user: usize) -> Said {
        let line = self.lecture.items[user].lines.first;
        let verdict = self.records[user].as_ref().map(|record| record.verdict);
        match verdict {
            Some(
                Verdict::Reproduced
                | Verdict::Unproven
                | Verdict::Drifted
                | Verdict::ExpectedFailure
                | Verdict::FailedInSequence,
            ) => Said::new(Verdict::Reproduced, Some(format!("taken by line {line}"))),
            _ => Said::new(Verdict::NotChecked, Some(format!("see line {line}"))),
        }
    }

    async fn dry_run(&self, name: &str, text: &str) -> Result<Said, ShellError> {
        self.setting.shell.write(name, text)?;
        let played = self.run(&format!("kubectl apply --dry-run=server -f '{}'", name.replace('\'', ""))).await?;
        Ok(match played.printed.code {
            0 => Said::new(Verdict::Reproduced, Some("no command applies it; the server takes it in a dry run".into())),
            _ if played.printed.all.contains("namespaces \"") && played.printed.all.contains("not found") => Said::new(
                Verdict::NotChecked,
                Some(format!("no command applies it: {}", last_line(&played.printed.all))),
            ),
            _ => Said {
                evidence: vec![stderr(&played.printed)],
                ..Said::new(
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
    fn fragment_follows(&mut self, edit: usize, said: &Said) {
        let id = self.lecture.items[edit].id.clone();
        let line = self.lecture.items[edit].lines.first;
        for at in edit + 1..self.lecture.items.len() {
            if let ItemKind::Fragment(fragment) = &self.lecture.items[at].kind
                && fragment.into.as_ref() == Some(&id)
            {
                let reason = said.reason.clone().unwrap_or_else(|| format!("put in by line {line}"));
                let verdict = if said.verdict == Verdict::Failed { Verdict::Contradicted } else { said.verdict };
                self.record(at, Said::new(verdict, Some(reason)), Vec::new());
                return;
            }
        }
    }

    fn record(&mut self, at: usize, said: Said, adapted: Vec<String>) {
        if self.records[at].is_some() {
            return;
        }
        let item = &self.lecture.items[at];
        let text = self.lecture.text.lines().skip(item.lines.first - 1).take(item.lines.last + 1 - item.lines.first);
        self.records[at] = Some(Record {
            file: self.lecture.path.display().to_string(),
            id: item.id.to_string(),
            headings: item.headings.clone(),
            lines: lines(item.lines),
            kind: kind(&item.kind),
            text: text.collect::<Vec<_>>().join("\n"),
            verdict: said.verdict,
            fidelity: None,
            reason: said.reason,
            adapted,
            differences: Vec::new(),
            evidence: said.evidence,
            correction: said.correction,
            explained_by: said.explained_by,
            blamed: said.blamed.map(|maker| self.lecture.items[maker].id.to_string()),
        });
    }
}

/// How containerd words the refusal of a registry with tokens, and of one with basic authentication
/// (core/remotes/docker/authorizer.go).
const TOKENS_REFUSAL: &str = "server message: insufficient_scope: authorization failed";
const BASIC_REFUSAL: &str = "authorization failed: no basic auth credentials";

/// The file with an object as it is after an edit.
const EDITED: &str = ".edited.json";

fn unnamed(item: &Item) -> String {
    format!("line-{}.yaml", item.lines.first)
}

fn lines(lines: crate::script::lecture::Lines) -> Lines {
    Lines { first: lines.first, last: lines.last }
}

fn kind(kind: &ItemKind) -> Kind {
    match kind {
        ItemKind::Command(_) => Kind::Command,
        ItemKind::Manifest(_) => Kind::Manifest,
        ItemKind::File(_) => Kind::File,
        ItemKind::Fragment(_) => Kind::Fragment,
        ItemKind::Output(_) => Kind::Output,
        ItemKind::Manual(_) => Kind::Manual,
        ItemKind::Illustration(_) => Kind::Illustration,
    }
}

/// The line that says what went wrong: the first that looks like an error, else the last.
fn last_line(text: &str) -> &str {
    let is_error = |line: &&str| {
        ["error", "Error", "The ", "denied", "fatal", "unable"].iter().any(|word| line.trim_start().starts_with(word))
    };
    let mut lines = text.trim_end().lines();
    let first = lines.clone().find(is_error).filter(|line| !line.starts_with("The push refers"));
    first.or_else(|| lines.next_back()).unwrap_or("it printed nothing").trim()
}

fn stderr(printed: &Printed) -> Evidence {
    Evidence { of: "stderr".into(), path: None, says: printed.all.trim_end().to_owned() }
}

/// The gateway's own refusals name its rule.
fn refused_by_rehearsal(text: &str) -> bool {
    text.contains("rehears") && text.contains("orbidden")
}

/// A command that may be played any number of times.
fn only_looks(command: &str) -> bool {
    let mut words = command.split_whitespace();
    matches!(words.next(), Some("kubectl" | "k"))
        && words.any(|word| matches!(word, "get" | "describe" | "logs" | "top" | "events"))
}

/// The pods that a command made or showed.
fn concerned(played: &Played) -> Vec<ObjectRef> {
    let pod =
        |namespace: &str, name: &str| ObjectRef { kind: "pod".into(), namespace: namespace.into(), name: name.into() };
    let mut pods: Vec<ObjectRef> = made(&played.requests, "pods").map(|key| pod(&key.namespace, &key.name)).collect();
    let patched = played.requests.iter().filter(|request| {
        request.resource == "pods" && request.verb == "patch" && request.code == 200 && request.subresource.is_empty()
    });
    pods.extend(patched.map(|request| pod(&request.namespace, &request.name)));
    let shown = played
        .requests
        .iter()
        .filter(|request| request.resource == "pods" && matches!(request.verb.as_str(), "get" | "list"));
    for request in shown.filter(|_| only_looks(&played.script)) {
        match request.name.as_str() {
            "" => {
                let mut table = played.printed.stdout.lines();
                let is_table =
                    table.next().is_some_and(|header| header.starts_with("NAME ") && header.contains("STATUS"));
                let rows = table.filter_map(|row| row.split_whitespace().next());
                pods.extend(rows.filter(|_| is_table).map(|name| pod(&request.namespace, name)));
            }
            name => pods.push(pod(&request.namespace, name)),
        }
    }
    pods.sort();
    pods.dedup();
    pods
}
