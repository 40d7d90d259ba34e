//! What the commands make of the manifests in order: a field that cannot change applied again, a manifest that nobody
//! applies, a file whose name is spelt in two ways.

use std::collections::HashMap;

use serde_json::Value;

use super::finding::{Finding, Rule};
use crate::kubewords;
use crate::script::lecture::{Document, Invocation, ItemId, ItemKind, Lecture, LectureItem, NamedBy};

type Name = (String, String, String);

pub(super) fn check(lecture: &Lecture, findings: &mut Vec<Finding>) {
    let mut walk = Walk { lecture, files: HashMap::new(), live: HashMap::new(), used: Vec::new() };
    for item in &lecture.items {
        walk.item(item, findings);
    }
    unused(lecture, &walk.used, findings);
}

struct Walk<'a> {
    lecture: &'a Lecture,
    /// Which item a file's contents are from.
    files: HashMap<&'a str, &'a LectureItem>,
    /// The objects there are, each with the item that was applied.
    live: HashMap<Name, (&'a LectureItem, &'a Document)>,
    used: Vec<&'a ItemId>,
}

impl<'a> Walk<'a> {
    fn item(&mut self, item: &'a LectureItem, findings: &mut Vec<Finding>) {
        match &item.kind {
            ItemKind::Manifest(manifest) => {
                if let Some(file) = &manifest.file {
                    self.files.insert(base_name(&file.name), item);
                }
            }
            ItemKind::File(file) => drop(self.files.insert(base_name(&file.name.name), item)),
            ItemKind::Command(command) if command.inside.is_none() => {
                for invocation in &command.invocations {
                    self.invocation(item, invocation, findings);
                }
            }
            _ => {}
        }
    }

    fn invocation(&mut self, item: &'a LectureItem, invocation: &'a Invocation, findings: &mut Vec<Finding>) {
        for name in &invocation.writes {
            // What a command writes is not what the text showed.
            self.files.remove(base_name(name));
        }
        if !matches!(invocation.program(), "kubectl" | "k" | "oc") {
            return;
        }
        let verb = invocation.arguments().iter().find(|word| !word.starts_with('-')).map_or("", String::as_str);
        let dry = invocation.arguments().iter().any(|word| word.starts_with("--dry-run"));
        let force = invocation.arguments().iter().any(|word| word == "--force");
        for name in invocation.values(Some('f'), "filename").into_iter().flat_map(|value| value.split(',')) {
            let given = self.given(name);
            if given.is_empty() {
                findings.extend(self.misspelt(item, name));
            }
            for source in given {
                self.used.push(&source.id);
                let Some(manifest) = source.manifest() else { continue };
                for document in &manifest.documents {
                    match verb {
                        "delete" => self.forget(document, invocation),
                        "apply" | "create" | "replace" if dry => {}
                        "apply" => self.apply(item, source, document, invocation, findings),
                        "replace" if !force => self.apply(item, source, document, invocation, findings),
                        "create" | "replace" => {
                            self.live.insert(name_of(document, invocation), (source, document));
                        }
                        _ => {}
                    }
                }
            }
        }
        if verb == "delete" {
            self.delete(invocation);
        }
    }

    /// The items that a file or a folder is from.
    fn given(&self, name: &str) -> Vec<&'a LectureItem> {
        if let Some(item) = self.files.get(base_name(name)) {
            return vec![item];
        }
        let folder = name == "." || name.ends_with('/') || name == "./";
        if folder { self.files.values().copied().collect() } else { Vec::new() }
    }

    fn apply(
        &mut self,
        by: &'a LectureItem,
        source: &'a LectureItem,
        document: &'a Document,
        invocation: &Invocation,
        findings: &mut Vec<Finding>,
    ) {
        let name = name_of(document, invocation);
        if let Some((before, old)) = self.live.insert(name, (source, document))
            && before.id != source.id
            && !are_ways(before, source)
            && let (Some(old_object), Some(new_object)) = (&old.object, &document.object)
            && let Some(field) = changed(&document.kind, old_object, new_object)
        {
            let kind = &document.kind;
            let message = format!(
                "{kind} `{}` of line {} is there already, and `{field}` of a {kind} cannot change: the command at line {} fails",
                document.name, old.lines.first, by.lines.first
            );
            let suggestion = format!(
                "`kubectl delete {} {}` before, or give this one another name",
                kind.to_lowercase(),
                document.name
            );
            findings.push(Finding::new(Rule::ImmutableField, document.lines, message, Some(suggestion)));
        }
    }

    fn forget(&mut self, document: &Document, invocation: &Invocation) {
        self.live.remove(&name_of(document, invocation));
    }

    /// `kubectl delete pod NAME`, `kubectl delete pods --all`, `kubectl delete ns NAME`.
    fn delete(&mut self, invocation: &Invocation) {
        let namespace = namespace(invocation);
        let mut words = invocation
            .arguments()
            .iter()
            .skip_while(|word| *word != "delete")
            .skip(1)
            .filter(|word| !word.starts_with('-'));
        let Some(first) = words.next() else { return };
        let kinds: Vec<&str> = first.split(',').map(|kind| kind.split('/').next().unwrap_or(kind)).collect();
        let mut names: Vec<&str> = first.split_once('/').map(|(_, name)| name).into_iter().collect();
        names.extend(words.map(|word| word.rsplit('/').next().unwrap_or(word)));
        let all = invocation.has(None, "all") || names.is_empty();
        let is = |kind: &str| {
            kinds.iter().any(|word| {
                *word == "all" || kubewords::spelled(&word.to_lowercase()).is_some_and(|known| known.kind == kind)
            })
        };
        let is_namespace = is("Namespace") && !kinds.contains(&"all");
        self.live.retain(|(kind, of, name), _| {
            if is_namespace {
                return !names.contains(&of.as_str());
            }
            !(is(kind) && (all || names.contains(&name.as_str())) && (*of == namespace || namespace.is_empty()))
        });
    }

    /// A file that nothing gives while another of nearly that name is there.
    fn misspelt(&self, item: &LectureItem, name: &str) -> Option<Finding> {
        let name = base_name(name);
        if name.contains("://") || !name.contains('.') || name.len() < 6 {
            return None;
        }
        let near = self.files.keys().find(|known| **known != name && distance(known, name) == 1)?;
        let later = self.lecture.items.iter().any(|other| matches!(&other.kind, ItemKind::Manifest(manifest) if manifest.file.as_ref().is_some_and(|file| base_name(&file.name) == name)));
        let message = format!("no text gives `{name}`; `{near}` was given");
        (!later).then(|| Finding::new(Rule::MisspeltFile, item.lines, message, Some(format!("did you mean `{near}`?"))))
    }
}

/// Letters apart, of which a digit is none: `pod1.yaml` and `pod2.yaml` are two files.
fn distance(one: &str, other: &str) -> usize {
    let letters = |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    strsim::osa_distance(&letters(one), &letters(other)).max(usize::from(one == other))
}

fn base_name(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(path)
}

/// Two options of the same choice: a reader takes one.
fn are_ways(one: &LectureItem, other: &LectureItem) -> bool {
    let group = |item: &LectureItem| item.alternative.as_ref().map(|way| (way.group.clone(), way.number));
    matches!((group(one), group(other)), (Some((a, n)), Some((b, m))) if a == b && n != m)
}

fn namespace(invocation: &Invocation) -> String {
    invocation.values(Some('n'), "namespace").first().map_or("default", |name| *name).to_owned()
}

fn name_of(document: &Document, invocation: &Invocation) -> Name {
    let namespace = document.namespace.clone().unwrap_or_else(|| namespace(invocation));
    (document.kind.clone(), namespace, document.name.clone())
}

/// What of a kind may not change once it is there, and what of that may all the same. From the API server's validation.
const FIXED: [(&str, &[&str], &[&str]); 10] = [
    ("Pod", &["/spec"], &["/spec/activeDeadlineSeconds", "/spec/tolerations", "/spec/terminationGracePeriodSeconds"]),
    ("Deployment", &["/spec/selector"], &[]),
    ("ReplicaSet", &["/spec/selector"], &[]),
    ("DaemonSet", &["/spec/selector"], &[]),
    (
        "StatefulSet",
        &["/spec/selector", "/spec/serviceName", "/spec/volumeClaimTemplates", "/spec/podManagementPolicy"],
        &[],
    ),
    ("Job", &["/spec/selector", "/spec/template", "/spec/completionMode"], &[]),
    ("PersistentVolumeClaim", &["/spec"], &["/spec/resources", "/spec/volumeName"]),
    ("RoleBinding", &["/roleRef"], &[]),
    ("ClusterRoleBinding", &["/roleRef"], &[]),
    ("Secret", &["/type"], &[]),
];

/// The first field that changed and may not.
fn changed(kind: &str, old: &Value, new: &Value) -> Option<String> {
    let (_, fixed, free) = FIXED.iter().find(|(known, ..)| *known == kind)?;
    let strip = |object: &Value| {
        let mut object = object.clone();
        for path in *free {
            let (parent, field) = path.rsplit_once('/').unwrap_or_default();
            if let Some(map) = object.pointer_mut(parent).and_then(Value::as_object_mut) {
                map.shift_remove(field);
            }
        }
        for list in ["containers", "initContainers"] {
            let containers = object.pointer_mut(&format!("/spec/{list}")).and_then(Value::as_array_mut);
            for container in containers.into_iter().flatten().filter(|_| kind == "Pod") {
                container.as_object_mut().map(|container| container.shift_remove("image"));
            }
        }
        object
    };
    let (old, new) = (strip(old), strip(new));
    fixed.iter().find_map(|path| {
        let differs = old.pointer(path) != new.pointer(path);
        differs.then(|| narrowed(path, old.pointer(path), new.pointer(path)))
    })
}

/// `spec.imagePullSecrets` rather than `spec`.
fn narrowed(path: &str, old: Option<&Value>, new: Option<&Value>) -> String {
    let dotted = path.trim_start_matches('/').replace('/', ".");
    let (Some(old), Some(new)) = (old.and_then(Value::as_object), new.and_then(Value::as_object)) else {
        return dotted;
    };
    let field = old.keys().chain(new.keys()).find(|field| old.get(*field) != new.get(*field));
    field.map_or(dotted.clone(), |field| format!("{dotted}.{field}"))
}

fn unused(lecture: &Lecture, used: &[&ItemId], findings: &mut Vec<Finding>) {
    let applies_all = lecture.items.iter().filter_map(LectureItem::command).any(|command| {
        command.invocations.iter().any(|invocation| !invocation.values(Some('k'), "kustomize").is_empty())
    });
    for item in &lecture.items {
        let Some(manifest) = item.manifest() else { continue };
        if applies_all || manifest.documents.iter().all(|document| document.object.is_none()) {
            continue;
        }
        let is_used = used.contains(&&item.id);
        let what = manifest.documents.first().map_or("manifest", |document| document.kind.as_str());
        let message = match &manifest.file {
            None => format!("no text says which file this {what} is, and no command takes it"),
            Some(file) if !is_used => format!("no command takes `{}`", file.name),
            Some(file) if file.by == NamedBy::Command => {
                format!("only the command that takes it says that this {what} is `{}`", file.name)
            }
            Some(_) => continue,
        };
        findings.push(Finding::new(
            Rule::UnusedManifest,
            item.lines,
            message,
            Some("begin it with a comment that is its name: `# pod.yaml`".into()),
        ));
    }
}
