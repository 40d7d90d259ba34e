//! A lab's names on a cluster that it shares: forward into what is played, back out of what is printed and seen, so
//! that fences run in names of their own while checks, traces and screens keep the lecture's. Pure text and names;
//! knows no client.
//!
//! Forward a name is rewritten only where it can be nothing but a namespace's, because files, images, programs and
//! accounts are called so, too; where that cannot be told, the lab is not confined. Back it is rewritten everywhere:
//! the cluster's names mean nothing else.

use std::collections::BTreeSet;

use super::commands::{self, Fence, Spot};
use super::manifest;
use super::names::{DEFAULT, Table, in_name};
use crate::hint::Hint;
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
    table: Table,
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

const HUB: &str = "docker.io";
/// How secrets and logins name the hub, longest first.
const SERVERS: &[&str] =
    &["https://index.docker.io/v1/", "https://index.docker.io/v1", "https://index.docker.io", "index.docker.io"];
/// Kubernetes' limit on a namespace's name.
const LONGEST: usize = 63;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unconfinable {
    #[error("line {line}: it {what}")]
    Reaches { line: usize, what: String },
    #[error("the namespace {0} would have a name longer than {LONGEST} characters")]
    TooLong(String),
    #[error("the image {image} has no name in that registry")]
    Image {
        image: String,
        #[source]
        source: InvalidReference,
    },
}

impl Hint for Unconfinable {
    fn hint(&self) -> Option<String> {
        Some("play it on `--cluster kind` or `--cluster mini`".into())
    }
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

impl Names {
    /// The table for `lab` within `scope`.
    ///
    /// # Errors
    /// The first thing in the lab that would reach beyond namespaces of its own.
    pub fn of(lab: &Lab, scope: &Scope) -> Result<Self, Unconfinable> {
        let reaches = |(line, what)| Unconfinable::Reaches { line, what };
        let named = commands::look(lab).map_err(reaches)?;
        let mut namespaces = Vec::new();
        if lab.needs.contains(&Need::Cluster) {
            let others = others(lab, named.namespaces).into_iter().map(|name| (format!("{}-{name}", scope.id), name));
            namespaces.extend(others.map(|(played, name)| (name, played)));
            namespaces.push((DEFAULT.to_owned(), scope.id.clone()));
            namespaces.sort_by_key(|(_, played)| std::cmp::Reverse(played.len()));
        }
        if let Some((_, long)) = namespaces.iter().find(|(_, played)| played.len() > LONGEST) {
            return Err(Unconfinable::TooLong(long.clone()));
        }
        let table = Table { namespaces, services: named.services };
        rewritable(lab, &table).map_err(reaches)?;
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
        Ok(Self { table, images, elsewhere: scope.elsewhere.clone() })
    }

    /// Whether nothing is rewritten.
    pub fn is_verbatim(&self) -> bool {
        *self == Self::default()
    }

    /// The cluster's namespaces that are this lab's, the one that plays `default` last; None: all of them.
    pub fn namespaces(&self) -> Option<Vec<&str>> {
        (!self.is_verbatim()).then(|| self.table.namespaces.iter().map(|(_, played)| played.as_str()).collect())
    }

    /// The namespace that plays `default`, where the lab needs one.
    pub fn default_namespace(&self) -> Option<&str> {
        self.table.played(DEFAULT)
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

    /// A shell fence as it is to be played.
    pub fn forward(&self, script: &str) -> String {
        // What cannot be rewritten makes no table.
        self.in_registry(shell(script, &self.table).unwrap_or_else(|_| script.into()))
    }

    /// A file as it is to be written.
    pub fn forward_file(&self, name: &str, contents: &str) -> String {
        self.in_registry(file(name, contents, &self.table).unwrap_or_else(|_| contents.into()))
    }

    /// With the names of images and their registry.
    fn in_registry(&self, mut text: String) -> String {
        for image in &self.images {
            text = replace(&text, image.lecture.repository(), is_repository, |before| {
                let spelled = ["index.docker.io/", "docker.io/"].into_iter().find(|hub| before.ends_with(hub));
                (spelled.map_or(0, str::len), image.played.name())
            });
        }
        if let Some(elsewhere) = &self.elsewhere {
            text = elsewhere.forward(&text);
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
        for (lecture, played) in &self.table.namespaces {
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
        let namespaces = self.table.namespaces.iter().map(|(from, to)| format!("namespace {from} → {to}"));
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
fn others(lab: &Lab, mut found: BTreeSet<String>) -> BTreeSet<String> {
    let checks = lab.steps.iter().flat_map(|step| &step.checks);
    found.extend(checks.filter_map(|check| match &check.kind {
        CheckKind::Expect { object, .. }
        | CheckKind::Never { object, .. }
        | CheckKind::Event { object, .. }
        | CheckKind::Pulled { object } => Some(object.namespace.clone()),
        _ => None,
    }));
    found.retain(|name| name != DEFAULT && !name.starts_with("kube-"));
    found
}

/// Whether it can be told of every fence where it names namespaces.
fn rewritable(lab: &Lab, table: &Table) -> Result<(), (usize, String)> {
    let mut played = lab.steps.iter().filter(|step| step.skip.is_none());
    played.try_for_each(|step| match &step.action {
        Action::Shell(script) => shell(script, table)
            .map(drop)
            .map_err(|(at, what)| (step.line + 1 + script[..at].matches('\n').count(), what)),
        Action::File { name, contents } => file(name, contents, table).map(drop).map_err(|what| (step.line, what)),
    })
}

/// A shell fence in the table's names, or where that cannot be had.
fn shell(script: &str, table: &Table) -> Result<String, (usize, String)> {
    let Fence { places, documents, loose, .. } =
        commands::fence(script).map_err(|refused| (refused.at, refused.what))?;
    let mut edits = Vec::new();
    let mut edit = |spot: &Spot, new: String| {
        let span = spot.span.clone();
        match new == spot.text {
            true => Ok(()),
            false if script[span.clone()] == spot.text => {
                edits.push((span, new));
                Ok(())
            }
            // Quotes or escapes within it.
            false => Err((span.start, format!("writes a namespace in a way not understood: `{}`", &script[span]))),
        }
    };
    for spot in &places {
        edit(spot, table.played(&spot.text).unwrap_or(&spot.text).to_owned())?;
    }
    for spot in &documents {
        edit(spot, manifest::forward(&spot.text, table).map_err(|what| (spot.span.start, what))?)?;
    }
    for spot in &loose {
        edit(spot, table.loose(&spot.text).map_err(|what| (spot.span.start, what))?)?;
    }
    edits.sort_by_key(|(span, _)| (span.start, span.end));
    edits.dedup();
    let (mut text, mut done) = (String::with_capacity(script.len()), 0);
    for (span, new) in edits {
        if span.start < done {
            return Err((span.start, "names a namespace within a word not understood".into()));
        }
        text = text + &script[done..span.start] + &new;
        done = span.end;
    }
    Ok(text + &script[done..])
}

/// A file in the table's names. What builds an image knows no namespace.
fn file(name: &str, contents: &str, table: &Table) -> Result<String, String> {
    match name.rsplit('/').next() {
        Some(name) if name.starts_with("Dockerfile") => Ok(contents.into()),
        Some(name) if commands::is_manifest(name) && manifest::is_readable(contents) => {
            manifest::forward(contents, table)
        }
        _ => table.loose(contents),
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
