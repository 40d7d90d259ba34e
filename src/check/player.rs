//! Plays a lecture's items in their order, in a place of the lecture's own, and gives a record of each. Knows no
//! terminals and not which cluster it plays on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use kube::Client;

use super::programs::Programs;
use super::requests::Makers;
use super::{Correction, Evidence, ItemRecord, RecordKind};
use crate::drift::Versions;
use crate::event::Verdict;
use crate::gateway::Request;
use crate::place::{Printed, Shell, ShellError, Watch};
use crate::run::Next;
use crate::script::ObjectRef;
use crate::script::lecture::{ItemKind, Lecture, LectureItem, Manifest};
use crate::twin::{Twin, TwinState};

/// How long a command may take.
pub(super) const COMMAND_WITHIN: Duration = Duration::from_secs(120);
/// The exit code of `timeout`.
const TIMED_OUT: i32 = 124;
/// A program that wrote to one that has ended: 128 and SIGPIPE's number.
const BROKEN_PIPE: i32 = 141;

/// The requests that the lecture's gateway has answered, the oldest first.
pub(crate) type Requests = Arc<Mutex<Vec<Request>>>;

/// Where a lecture is played.
pub(crate) struct Setting<'a> {
    pub shell: &'a Shell,
    pub watch: &'a Watch,
    pub requests: &'a Requests,
    /// The cluster's own client: twins stand outside the lecture's names.
    pub cluster: Client,
    /// What the lecture's namespace is called on the cluster.
    pub namespace_on_cluster: &'a (dyn Fn(&str) -> String + Sync),
    /// A name for a twin's namespace, which nothing has had before.
    pub twin_namespace: &'a (dyn Fn() -> String + Sync),
    /// Is told each state of the twin without a secret of a pod.
    pub on_twin: &'a (dyn Fn(&ObjectRef, TwinState) + Sync),
    /// What the session's namespaces are labelled with.
    pub labels: BTreeMap<String, String>,
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
    /// Is told what a command printed.
    pub on_output: &'a (dyn Fn(&LectureItem, &str) + Sync),
    /// How long a state that the lecture shows is waited for.
    pub state_within: Duration,
}

/// What came of a command.
pub(super) struct Played {
    pub(super) printed: Printed,
    pub(super) script: String,
    /// The lecture's namespaces and pods that it was about come from its requests.
    pub(super) requests: Vec<Request>,
    pub(super) began: Instant,
}

/// Says what a reader who goes step by step wants of an item; waited for.
pub(crate) type BeforeItem<'a> = &'a (dyn Fn(&LectureItem) -> BoxFuture<'a, Next> + Sync);

/// Plays one lecture.
pub(crate) struct LecturePlayer<'a> {
    pub(super) lecture: &'a Lecture,
    pub(super) setting: &'a Setting<'a>,
    before_item: Option<BeforeItem<'a>>,
    pub(super) programs: Programs,
    pub(super) makers: Makers,
    /// By the item's number.
    pub(super) played: Vec<Option<Played>>,
    pub(super) records: Vec<Option<ItemRecord>>,
    pub(super) printed: Vec<String>,
    /// Pushes that were denied before the lecture logs in, by the item's number.
    pub(super) denied_pushes: Vec<(usize, String)>,
    /// What came of twins, by the uid of a pod's owner or of the pod.
    pub(super) twins: BTreeMap<String, Twin>,
}

/// What is said of an item.
pub(super) struct ItemResult {
    pub(super) verdict: Verdict,
    pub(super) reason: Option<String>,
    pub(super) evidence: Vec<Evidence>,
    pub(super) blamed: Option<usize>,
    pub(super) correction: Option<Correction>,
    pub(super) explained_by: Vec<String>,
}

impl ItemResult {
    pub(super) fn new(verdict: Verdict, reason: Option<String>) -> Self {
        Self { verdict, reason, evidence: Vec::new(), blamed: None, correction: None, explained_by: Vec::new() }
    }
}

impl<'a> LecturePlayer<'a> {
    /// A player that has played nothing yet.
    pub(crate) fn new(lecture: &'a Lecture, setting: &'a Setting<'a>) -> Self {
        let items = lecture.items.len();
        Self {
            lecture,
            setting,
            before_item: None,
            programs: Programs { allowed: setting.programs.to_vec() },
            makers: Makers::default(),
            played: std::iter::repeat_with(|| None).take(items).collect(),
            records: std::iter::repeat_with(|| None).take(items).collect(),
            printed: Vec::new(),
            denied_pushes: Vec::new(),
            twins: BTreeMap::new(),
        }
    }

    /// Asks before each item.
    pub(crate) fn asking(self, before_item: Option<BeforeItem<'a>>) -> Self {
        Self { before_item, ..self }
    }

    /// Plays the items that `wanted` chooses, tells each as it begins, and gives the records of all in the lecture's order;
    /// None where the reader wants it from its beginning.
    ///
    /// # Errors
    /// Where the shell cannot be used; what a lecture does wrong is a record.
    pub(crate) async fn play(
        mut self,
        wanted: impl Fn(&LectureItem) -> bool,
        mut on_item: impl FnMut(&LectureItem),
    ) -> Result<Option<Vec<ItemRecord>>, ShellError> {
        for at in 0..self.lecture.items.len() {
            let item = &self.lecture.items[at];
            if !wanted(item) {
                self.record(at, ItemResult::new(Verdict::NotChecked, Some("not asked for".into())), Vec::new());
                continue;
            }
            let next = match self.before_item {
                Some(before_item) => before_item(item).await,
                None => Next::Play,
            };
            match next {
                Next::Play => on_item(item),
                Next::Back => return Ok(None),
                Next::Skip => {
                    self.record(
                        at,
                        ItemResult::new(Verdict::Skipped, Some("the reader skipped it".into())),
                        Vec::new(),
                    );
                    continue;
                }
            }
            match &item.kind {
                ItemKind::Command(command) => self.command(at, command).await?,
                ItemKind::Manifest(manifest) => self.setting.shell.write(&name_of(item, manifest), &manifest.text)?,
                ItemKind::File(file) => self.setting.shell.write(&file.name.name, &file.contents)?,
                ItemKind::Output(output) => {
                    let of = self.lecture.items.iter().position(|other| other.id == output.of);
                    self.output(at, of, &output.text).await?;
                }
                ItemKind::Manual(manual) => {
                    let reason = format!("a person does it: {}", manual.cue);
                    self.record(at, ItemResult::new(Verdict::Manual, Some(reason)), Vec::new());
                }
                ItemKind::Illustration(shown) => {
                    self.record(at, ItemResult::new(Verdict::NotChecked, Some(shown.reason.into())), Vec::new());
                }
                // What it is put into says what came of it.
                ItemKind::Fragment(_) => {}
            }
        }
        self.files().await?;
        Ok(Some(self.records.into_iter().flatten().collect()))
    }

    fn requests(&self) -> MutexGuard<'_, Vec<Request>> {
        self.setting.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The namespaces that the lecture's requests were about.
    pub(super) fn namespaces(&self) -> BTreeSet<String> {
        let requests = self.requests();
        requests.iter().map(|request| &request.namespace).filter(|name| !name.is_empty()).cloned().collect()
    }

    /// Plays a script; with the requests it made. A reader's shell takes a variable that is not set for an empty one,
    /// and does not mind that `head` has read enough.
    pub(super) async fn run(&self, script: &str) -> Result<Played, ShellError> {
        let before = self.requests().len();
        let began = Instant::now();
        let mut printed = match self.setting.shell.play(&format!("set +u\n{script}"), COMMAND_WITHIN).await {
            Ok(printed) => printed,
            Err(ShellError::Exec(error)) => {
                let text = error.to_string();
                Printed { code: TIMED_OUT, failed_at: None, stdout: String::new(), all: text }
            }
            Err(error) => return Err(error),
        };
        if printed.code == BROKEN_PIPE {
            printed.code = 0;
        }
        let requests = self.requests()[before..].to_vec();
        Ok(Played { printed, script: script.to_owned(), requests, began })
    }

    pub(super) fn record(&mut self, at: usize, said: ItemResult, adapted: Vec<String>) {
        if self.records[at].is_some() {
            return;
        }
        let item = &self.lecture.items[at];
        let text = self.lecture.text.lines().skip(item.lines.first - 1).take(item.lines.last + 1 - item.lines.first);
        self.records[at] = Some(ItemRecord {
            file: self.lecture.path.display().to_string(),
            id: item.id.to_string(),
            headings: item.headings.clone(),
            lines: item.lines,
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

/// A manifest's file; one that the text does not name is called by its line.
pub(super) fn name_of(item: &LectureItem, manifest: &Manifest) -> String {
    manifest.file.as_ref().map_or_else(|| format!("line-{}.yaml", item.lines.first), |file| file.name.clone())
}

fn kind(kind: &ItemKind) -> RecordKind {
    match kind {
        ItemKind::Command(_) => RecordKind::Command,
        ItemKind::Manifest(_) => RecordKind::Manifest,
        ItemKind::File(_) => RecordKind::File,
        ItemKind::Fragment(_) => RecordKind::Fragment,
        ItemKind::Output(_) => RecordKind::Output,
        ItemKind::Manual(_) => RecordKind::Manual,
        ItemKind::Illustration(_) => RecordKind::Illustration,
    }
}

/// The line that says what went wrong: the first that looks like an error, else the last.
pub(super) fn last_line(text: &str) -> &str {
    let is_error = |line: &&str| {
        ["error", "Error", "The ", "denied", "fatal", "unable"].iter().any(|word| line.trim_start().starts_with(word))
    };
    let mut lines = text.trim_end().lines();
    let first = lines.clone().find(is_error).filter(|line| !line.starts_with("The push refers"));
    first.or_else(|| lines.next_back()).unwrap_or("it printed nothing").trim()
}

pub(super) fn stderr(printed: &Printed) -> Evidence {
    Evidence { of: "stderr".into(), path: None, says: printed.all.trim_end().to_owned() }
}
