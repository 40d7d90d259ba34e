//! The namespaces of a lab and what they are called on the cluster; where in a text a name can only be a namespace's.
//! Pure text.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

pub const DEFAULT: &str = "default";

/// The lecture's names and the cluster's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Longest cluster name first; `default` among them.
    pub namespaces: Vec<(String, String)>,
    /// Services that the lab makes: they are hosts.
    pub services: BTreeSet<String>,
}

/// What a lecture's name means where it stands.
enum Meaning {
    Namespace,
    Other,
    Unclear,
}

/// What stands before a name that can only be a namespace's.
static PLACE: LazyLock<Regex> = LazyLock::new(|| {
    let places = [
        r#"\bnamespace["']?(?:\s*:\s*["']?|=+["']?)"#,
        r#"kubernetes\.io/metadata\.name["']?(?:\s*:\s*["']?|=+)"#,
        r"system:serviceaccounts?:",
        r"\b(?:ns|namespaces?)/",
    ];
    Regex::new(&format!("(?:{})$", places.join("|"))).expect("literals above, tested below")
});
/// Longer than what [`PLACE`] looks for.
const BEFORE: usize = 80;

impl Table {
    pub fn lectures(&self) -> impl Iterator<Item = &str> {
        self.namespaces.iter().map(|(lecture, _)| lecture.as_str())
    }

    pub fn played(&self, lecture: &str) -> Option<&str> {
        self.namespaces.iter().find(|(name, _)| name == lecture).map(|(_, played)| played.as_str())
    }

    /// Text in which a name means a namespace only where it can mean nothing else.
    pub fn told(&self, text: &str) -> String {
        self.replaced(text, |_| Ok(())).unwrap_or_else(|_| text.into())
    }

    /// Text that may mean anything.
    ///
    /// # Errors
    /// Where a name stands whose meaning cannot be told.
    pub fn loose(&self, text: &str) -> Result<String, String> {
        self.replaced(text, |name| Err(self.unclear(name)))
    }

    pub fn unclear(&self, name: &str) -> String {
        format!("has `{name}`, a namespace's name, where it cannot be told what is meant")
    }

    fn replaced(&self, text: &str, unclear: impl Fn(&str) -> Result<(), String>) -> Result<String, String> {
        let mut text = text.to_owned();
        for (lecture, played) in &self.namespaces {
            let (mut replaced, mut done) = (String::with_capacity(text.len()), 0);
            for (at, _) in text.match_indices(lecture.as_str()) {
                match self.meaning(&text[..at], lecture, &text[at + lecture.len()..]) {
                    Meaning::Namespace => {
                        replaced = replaced + &text[done..at] + played;
                        done = at + lecture.len();
                    }
                    Meaning::Unclear => unclear(lecture)?,
                    Meaning::Other => {}
                }
            }
            text = replaced + &text[done..];
        }
        Ok(text)
    }

    fn meaning(&self, before: &str, name: &str, after: &str) -> Meaning {
        if before.ends_with(in_name) || after.starts_with(in_name) {
            return Meaning::Other;
        }
        let tail = before.char_indices().rev().nth(BEFORE).map_or(before, |(at, _)| &before[at..]);
        if PLACE.is_match(tail) {
            return Meaning::Namespace;
        }
        let goes_on = after.strip_prefix('.').is_some_and(|rest| rest.starts_with(in_name));
        if let Some(host) = before.strip_suffix('.') {
            return self.in_host(host, name, after, goes_on);
        }
        // A path's part, a file's or a host's first, or an account: `default` is a common name.
        match name == DEFAULT || before.ends_with('/') || goes_on {
            true => Meaning::Other,
            false => Meaning::Unclear,
        }
    }

    /// `SERVICE.NAME`, `….NAME.svc…`. The API server is the cluster's own, whatever else is called default.
    fn in_host(&self, before: &str, name: &str, after: &str, goes_on: bool) -> Meaning {
        let rest = before.trim_end_matches(in_name);
        let label = &before[rest.len()..];
        let of_cluster = ["svc", "pod"].iter().any(|kind| {
            after
                .strip_prefix('.')
                .and_then(|rest| rest.strip_prefix(kind))
                .is_some_and(|rest| !rest.starts_with(in_name))
        });
        match label.is_empty() || (name == DEFAULT && label == "kubernetes") {
            true => Meaning::Other,
            false if of_cluster => Meaning::Namespace,
            false if goes_on || rest.ends_with('.') => Meaning::Other,
            false if self.services.contains(label) => Meaning::Namespace,
            false if name == DEFAULT => Meaning::Other,
            false => Meaning::Unclear,
        }
    }
}

pub fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}
