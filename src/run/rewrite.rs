//! A lab's names on a cluster that it shares: forward into what is played, back out of what is printed and seen, so
//! that fences run in names of their own while checks, traces and screens keep the lecture's. Pure text and names;
//! knows no client.
//!
//! Rewriting too much is harmless, since everything comes back by the same table; `default` alone is rewritten only
//! where it can be nothing but a namespace, because accounts are called so too.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::commands;
use crate::registry::{ImageRef, InvalidReference};
use crate::script::{Action, CheckKind, Lab, Need};

/// What stands for a lab's own things: everything it makes begins with `id`.
#[derive(Debug, Clone)]
pub struct Scope {
    /// `rehearsal-<session>-lab<N>`: also the namespace that plays `default`.
    pub id: String,
    /// Where images are, when it is not docker.io that the nodes are made to find there.
    pub elsewhere: Option<Elsewhere>,
}

/// A registry under its own name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// `ghcr.io` or `127.0.0.1:5001`.
    pub host: String,
    /// The folder in it; may be empty.
    pub path: String,
    /// Who logs in there, and who the lecture says does.
    pub username: String,
    pub lecture_username: String,
}

/// The table of one lab. The default one changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// The lecture's and the cluster's, longest cluster name first; `default` among them.
    namespaces: Vec<(String, String)>,
    images: Vec<Image>,
    elsewhere: Option<Elsewhere>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Image {
    /// As the lab writes it: `docker.io/cloudwithvarjosh/app1` or without the registry.
    written: String,
    lecture: ImageRef,
    played: ImageRef,
}

const DEFAULT: &str = "default";
const HUB: &str = "docker.io";
/// How secrets and logins name the hub, longest first.
const SERVERS: &[&str] =
    &["https://index.docker.io/v1/", "https://index.docker.io/v1", "https://index.docker.io", "index.docker.io"];
/// Kubernetes' limit on a namespace's name.
const LONGEST: usize = 63;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unconfinable {
    #[error("line {line}: it {what}")]
    Reaches { line: usize, what: &'static str },
    #[error("the namespace {0} would have a name longer than {LONGEST} characters")]
    TooLong(String),
    #[error("the image {image} has no name in that registry")]
    Image {
        image: String,
        #[source]
        source: InvalidReference,
    },
}

impl Unconfinable {
    /// The 1-based line of the step that is in the way, where there is one.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Reaches { line, .. } => Some(*line),
            _ => None,
        }
    }
}

/// Where `default` can only be a namespace.
static DEFAULT_PLACES: LazyLock<Regex> = LazyLock::new(|| {
    let places = [
        r"(?:^|\s)-n[ =]?", // kubectl's short option
        r"--namespace[ =]",
        r"--serviceaccount[ =]",
        r"system:serviceaccount:",
        r#"\bnamespace"?:\s*["']?"#,
        r"\b(?:ns|namespaces?)[ /]",
    ];
    Regex::new(&format!("({})default\\b", places.join("|"))).expect("literals above, tested below")
});

impl Names {
    /// The table for `lab` within `scope`.
    ///
    /// # Errors
    /// The first thing in the lab that would reach beyond namespaces of its own.
    pub fn of(lab: &Lab, scope: &Scope) -> Result<Self, Unconfinable> {
        if let Some((line, what)) = commands::reaches_beyond(lab) {
            return Err(Unconfinable::Reaches { line, what });
        }
        let mut namespaces = Vec::new();
        if lab.needs.contains(&Need::Cluster) {
            let others = named_namespaces(lab).into_iter().map(|name| (format!("{}-{name}", scope.id), name));
            namespaces.extend(others.map(|(played, name)| (name, played)));
            namespaces.push((DEFAULT.to_owned(), scope.id.clone()));
            namespaces.sort_by_key(|(_, played)| std::cmp::Reverse(played.len()));
        }
        if let Some((_, long)) = namespaces.iter().find(|(_, played)| played.len() > LONGEST) {
            return Err(Unconfinable::TooLong(long.clone()));
        }
        let mut images: Vec<Image> = Vec::new();
        for need in &lab.needs {
            let (Need::Image(image) | Need::NoImage(image)) = need else { continue };
            let wrong = |source| Unconfinable::Image { image: image.clone(), source };
            let lecture = ImageRef::parse(image).map_err(wrong)?;
            let played = scope.place(&lecture).map_err(wrong)?;
            if !images.iter().any(|known| known.lecture.name() == lecture.name()) {
                let written = if writes_registry(lab, &lecture) { lecture.name() } else { lecture.repository().into() };
                images.push(Image { written, lecture, played });
            }
        }
        Ok(Self { namespaces, images, elsewhere: scope.elsewhere.clone() })
    }

    /// Whether nothing is rewritten.
    pub fn is_verbatim(&self) -> bool {
        *self == Self::default()
    }

    /// The cluster's namespaces that are this lab's, the one that plays `default` last; None: all of them.
    pub fn namespaces(&self) -> Option<Vec<&str>> {
        (!self.is_verbatim()).then(|| self.namespaces.iter().map(|(_, played)| played.as_str()).collect())
    }

    /// The namespace that plays `default`, where the lab needs one.
    pub fn default_namespace(&self) -> Option<&str> {
        self.namespaces.iter().find(|(lecture, _)| lecture == DEFAULT).map(|(_, played)| played.as_str())
    }

    /// The images of this lab, as they are called where it is played.
    pub fn images(&self) -> Vec<String> {
        self.images.iter().map(|image| image.played.to_string()).collect()
    }

    /// What the lecture's `image` is called where it is played.
    pub fn image(&self, image: &str) -> String {
        let Ok(reference) = ImageRef::parse(image) else { return image.to_owned() };
        match self.images.iter().find(|known| known.lecture.name() == reference.name()) {
            Some(known) => reference.to_string().replacen(&known.lecture.name(), &known.played.name(), 1),
            None => image.to_owned(),
        }
    }

    /// A fence's text, command or file, as it is to be played.
    pub fn forward(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for image in &self.images {
            text = replace(&text, image.lecture.repository(), is_repository, |before| {
                let spelled = ["index.docker.io/", "docker.io/"].into_iter().find(|hub| before.ends_with(hub));
                (spelled.map_or(0, str::len), image.played.name())
            });
        }
        if let Some(elsewhere) = &self.elsewhere {
            text = elsewhere.forward(&text);
        }
        for (lecture, played) in &self.namespaces {
            text = match lecture.as_str() {
                DEFAULT => DEFAULT_PLACES.replace_all(&text, format!("${{1}}{played}")).into_owned(),
                _ => replace(&text, lecture, is_name, |_| (0, played.clone())),
            };
        }
        text
    }

    /// What was printed or seen, in the lecture's names. Columns keep their places.
    pub fn back(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for image in &self.images {
            text = text.replace(&image.played.name(), &image.written);
            text = text.replace(image.played.repository(), image.lecture.repository());
        }
        for (lecture, played) in &self.namespaces {
            text = replace_in_columns(&text, played, lecture);
        }
        text
    }

    /// An object from the cluster, in the lecture's names.
    pub fn object<K: serde::Serialize + serde::de::DeserializeOwned>(&self, object: K) -> K {
        if self.is_verbatim() {
            return object;
        }
        let text = serde_json::to_string(&object).unwrap_or_default();
        // Names replaced by names: still the same kind of object.
        serde_json::from_str(&self.back(&text)).unwrap_or(object)
    }

    /// What was rewritten, a line each.
    pub fn notes(&self) -> Vec<String> {
        let namespaces = self.namespaces.iter().map(|(from, to)| format!("namespace {from} → {to}"));
        let images = self.images.iter().map(|image| format!("image {} → {}", image.lecture, image.played));
        let elsewhere = self.elsewhere.iter().flat_map(|e| {
            let user = format!("user {} → {}", e.lecture_username, e.username);
            let user = (e.username != e.lecture_username).then_some(user);
            [Some(format!("registry https://index.docker.io/v1/ → {}", e.host)), user].into_iter().flatten()
        });
        namespaces.chain(images).chain(elsewhere).collect()
    }
}

impl Scope {
    /// One level below the folder: the least that every registry offers, and nobody else's.
    fn place(&self, lecture: &ImageRef) -> Result<ImageRef, InvalidReference> {
        let (host, path) = match &self.elsewhere {
            Some(elsewhere) => (elsewhere.host.as_str(), elsewhere.path.trim_matches('/')),
            None => (HUB, ""),
        };
        let repository = format!("{}-{}", self.id, lecture.repository().replace('/', "-"));
        let folders = [host, path, &repository].into_iter().filter(|part| !part.is_empty());
        let name = folders.collect::<Vec<_>>().join("/");
        // A name of one level at the hub would be an official image's.
        let name = if self.elsewhere.is_none() { format!("{HUB}/rehearsal/{repository}") } else { name };
        ImageRef::parse(&lecture.to_string().replacen(&lecture.name(), &name, 1))
    }
}

impl Elsewhere {
    fn forward(&self, text: &str) -> String {
        let mut text = text.to_owned();
        // The hub under another account keeps its name.
        let servers = if self.host == HUB { &[][..] } else { SERVERS };
        for server in servers {
            text = text.replace(server, &self.host);
        }
        if self.username == self.lecture_username {
            return text;
        }
        let quoted = format!("'{}'", self.username.replace('\'', r"'\''"));
        for option in ["-u ", "--username ", "--username=", "--docker-username ", "--docker-username="] {
            let said = format!("{option}{}", self.lecture_username);
            text = replace(&text, &said, is_name, |_| (0, format!("{option}{quoted}")));
        }
        text
    }
}

/// Namespaces other than `default` that the lab's fences and directives name.
fn named_namespaces(lab: &Lab) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for step in &lab.steps {
        match &step.action {
            Action::Shell(script) => found.extend(commands::namespaces(script)),
            Action::File { contents, .. } => {
                let documents = serde_saphyr::from_multiple::<Value>(contents).unwrap_or_default();
                documents.iter().for_each(|document| in_document(document, &mut found));
            }
        }
        found.extend(step.checks.iter().filter_map(|check| match &check.kind {
            CheckKind::Expect { object, .. }
            | CheckKind::Never { object, .. }
            | CheckKind::Event { object, .. }
            | CheckKind::Pulled { object } => Some(object.namespace.clone()),
            _ => None,
        }));
    }
    found.retain(|name| name != DEFAULT && !name.starts_with("kube-"));
    found
}

fn in_document(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            let is_namespace = map.get("kind").is_some_and(|kind| kind == "Namespace");
            let own = is_namespace.then(|| &value["metadata"]["name"]);
            found.extend(map.get("namespace").into_iter().chain(own).filter_map(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| in_document(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| in_document(value, found)),
        _ => {}
    }
}

/// Whether manifests name the image with its registry.
fn writes_registry(lab: &Lab, image: &ImageRef) -> bool {
    let manifests = lab.steps.iter().filter_map(|step| match &step.action {
        Action::File { contents, .. } => Some(contents),
        Action::Shell(_) => None,
    });
    let with_image: Vec<_> = manifests.filter(|text| text.contains(image.repository())).collect();
    with_image.is_empty() || with_image.iter().any(|text| text.contains(&image.name()))
}

fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

/// Whether a match between `before` and `after` is a whole name, and not part of a file's.
fn is_name(before: &str, after: &str) -> bool {
    let file = [".yaml", ".yml", ".json", ".txt"].iter().any(|extension| after.starts_with(extension));
    !before.ends_with(|c| in_name(c) || c == '.') && !after.starts_with(in_name) && !file
}

fn is_repository(before: &str, after: &str) -> bool {
    let before = before.strip_suffix("docker.io/").map_or(before, |rest| rest.trim_end_matches("index."));
    !before.ends_with(|c| in_name(c) || matches!(c, '.' | '/'))
        && !after.starts_with(|c| in_name(c) || matches!(c, '.' | '/'))
}

/// Replaces `from` where `fits` agrees with what stands around it. `by` says how many bytes before it go too.
fn replace(text: &str, from: &str, fits: fn(&str, &str) -> bool, by: impl Fn(&str) -> (usize, String)) -> String {
    let (mut replaced, mut done) = (String::with_capacity(text.len()), 0);
    for (at, _) in text.match_indices(from) {
        let (before, after) = (&text[..at], &text[at + from.len()..]);
        if at >= done && fits(before, after) {
            let (also, to) = by(before);
            replaced.push_str(&text[done..at - also]);
            replaced.push_str(&to);
            done = at + from.len();
        }
    }
    replaced + &text[done..]
}

/// Replaces a name by a shorter one; where a column's gap follows, it grows by as much.
fn replace_in_columns(text: &str, from: &str, to: &str) -> String {
    let (mut replaced, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(from) {
        let (before, after) = (&rest[..at], &rest[at + from.len()..]);
        replaced.push_str(before);
        if before.ends_with(in_name) || after.starts_with(in_name) {
            replaced.push_str(from);
        } else {
            replaced.push_str(to);
            if after.starts_with("  ") {
                replaced.push_str(&" ".repeat(from.len().saturating_sub(to.len())));
            }
        }
        rest = after;
    }
    replaced + rest
}

#[cfg(test)]
#[path = "rewrite_tests.rs"]
mod tests;
