//! Kubernetes objects in a lecture's YAML or JSON, each with its lines. Pure; knows no schema.

use serde::Serialize;
use serde_json::Value;

use serde_saphyr::DuplicateKeyPolicy;

use super::item::{FileName, ItemId, Lines};

/// One block of objects: what is applied as one file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Manifest {
    /// As it is to be written to a file.
    pub text: String,
    pub file: Option<FileName>,
    pub documents: Vec<Document>,
    /// The earlier item that gave this file other contents.
    pub replaces: Option<ItemId>,
}

/// One object.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Document {
    /// Its lines in the lecture.
    pub lines: Lines,
    pub api_version: String,
    pub kind: String,
    /// `metadata.name`; empty where there is none.
    pub name: String,
    pub namespace: Option<String>,
    /// The object; none where its text is no YAML.
    #[serde(skip)]
    pub object: Option<Value>,
    /// Why its text is no YAML, with the line in the lecture.
    pub error: Option<(usize, String)>,
    /// A key that stands twice, with the line in the lecture.
    pub doubled: Option<(usize, String)>,
}

/// Groups whose "objects" are files of tools and no cluster takes, and kinds that are such in groups that it does.
const CONFIGURATIONS: [&str; 14] = [
    "kind.x-k8s.io/",
    "kubeadm.k8s.io/",
    "kubelet.config.k8s.io/",
    "kubeproxy.config.k8s.io/",
    "kubescheduler.config.k8s.io/",
    "apiserver.config.k8s.io/",
    "apiserver.k8s.io/",
    "audit.k8s.io/",
    "client.authentication.k8s.io/",
    "kustomize.config.k8s.io/",
    "skaffold/",
    "k3d.io/",
    "eksctl.io/",
    "ctlptl.dev/",
];

/// Whether the lines hold at least one object: `apiVersion` and `kind` at the top, in YAML or JSON.
pub(super) fn has_objects(lines: &[(usize, String)]) -> bool {
    let indent = indent(lines);
    let starts = |word: &str| {
        lines.iter().any(|(_, line)| {
            let line = line.get(indent.min(line.len())..).unwrap_or_default();
            let json = line.trim_start().strip_prefix('"').and_then(|rest| rest.strip_prefix(word));
            json.is_some_and(|rest| rest.starts_with('"'))
                || line.strip_prefix(word).is_some_and(|rest| rest.starts_with(':'))
        })
    };
    starts("apiVersion") && starts("kind")
}

/// Whether all of them are files of tools.
pub(super) fn are_configurations(documents: &[Document]) -> bool {
    documents.iter().all(|document| {
        let version = document.api_version.as_str();
        let config = version == "v1" && document.kind == "Config" || version == "v2" && document.kind.is_empty();
        config || CONFIGURATIONS.iter().any(|group| version.starts_with(group))
    })
}

/// Whether something is left out (`...`) or filled in by a template, so that nobody can apply it.
pub(super) fn is_partial(lines: &[(usize, String)]) -> bool {
    let elided = |line: &str| {
        let bare =
            line.trim().trim_start_matches(['#', '-', ' ']).trim_matches(['[', ']', '<', '>', '(', ')', '/', '{', '}']);
        !bare.is_empty()
            && bare.chars().all(|c| matches!(c, '.' | '…'))
            && bare.chars().count() >= if bare.contains('…') { 1 } else { 3 }
    };
    lines.iter().any(|(_, line)| elided(line) || line.contains("{{"))
}

/// The text of lines without the columns by which all of them are indented.
pub(super) fn outdented(lines: &[(usize, String)]) -> String {
    let indent = indent(lines);
    let mut text = String::new();
    for (_, line) in lines {
        text.push_str(line.get(indent.min(line.len())..).unwrap_or_default());
        text.push('\n');
    }
    text
}

fn indent(lines: &[(usize, String)]) -> usize {
    let own = |line: &str| line.len() - line.trim_start_matches(' ').len();
    lines.iter().filter(|(_, line)| !line.trim().is_empty()).map(|(_, line)| own(line)).min().unwrap_or(0)
}

/// The objects, cut at `---`.
pub(super) fn documents(lines: &[(usize, String)]) -> Vec<Document> {
    let indent = indent(lines);
    let cut = |line: &str| {
        let line = line.get(indent.min(line.len())..).unwrap_or_default();
        line.trim_end() == "---" || line.starts_with("--- ")
    };
    let parts = lines.split(|(_, line)| cut(line));
    let meaningful = |(_, line): &(usize, String)| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    parts.filter(|part| part.iter().any(meaningful)).map(document).collect()
}

fn document(lines: &[(usize, String)]) -> Document {
    let first = lines.iter().find(|(_, line)| !line.trim().is_empty()).or(lines.first());
    let last = lines.iter().rfind(|(_, line)| !line.trim().is_empty()).or(lines.last());
    let span = Lines { first: first.map_or(1, |(line, _)| *line), last: last.map_or(1, |(line, _)| *line) };
    let text = outdented(lines);
    let placed = |(at, what): (usize, String)| {
        (lines.get(at.saturating_sub(1)).or(lines.last()).map_or(span.first, |(line, _)| *line), what)
    };
    let (object, error) = match parsed(&text) {
        Ok(value) => (Some(value), None),
        Err(error) => (None, Some(placed(error))),
    };
    let doubled = object.as_ref().and_then(|_| doubled_key(&text)).map(placed);
    let field = |path: &str| object.as_ref().and_then(|object| object.pointer(path)).and_then(Value::as_str);
    // What is no YAML is still somebody's Pod.
    let by_line = |key: &str| {
        let line = lines.iter().find_map(|(_, line)| line.trim().strip_prefix(key)?.strip_prefix(':'));
        line.map(|rest| rest.trim().trim_matches(['"', '\'']).to_owned()).filter(|_| object.is_none())
    };
    let text = |path: &str, key: &str| field(path).map(str::to_owned).or_else(|| by_line(key)).unwrap_or_default();
    Document {
        lines: span,
        api_version: text("/apiVersion", "apiVersion"),
        kind: text("/kind", "kind"),
        name: text("/metadata/name", "name"),
        namespace: field("/metadata/namespace").map(str::to_owned),
        error,
        object,
        doubled,
    }
}

/// YAML or JSON as kubectl reads it, which knows YAML 1.1 (`0555` is octal) and takes the last of two equal keys; else
/// the 1-based line and the reason.
pub(super) fn parsed(text: &str) -> Result<Value, (usize, String)> {
    parsed_by(text, DuplicateKeyPolicy::LastWins)
}

/// The line and the name of a key that stands twice.
fn doubled_key(text: &str) -> Option<(usize, String)> {
    let (line, reason) = parsed_by(text, DuplicateKeyPolicy::Error).err()?;
    Some((line, reason.split('`').nth(1)?.to_owned()))
}

fn parsed_by(text: &str, duplicate_keys: DuplicateKeyPolicy) -> Result<Value, (usize, String)> {
    let options = serde_saphyr::options! { duplicate_keys: duplicate_keys, legacy_octal_numbers: true };
    serde_saphyr::from_str_with_options::<Value>(text, options).map_err(|error| {
        let line = error.location().map_or(1, |location| location.line() as usize);
        (line, error.without_snippet().render_with_formatter(&serde_saphyr::UserMessageFormatter))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(usize, String)> {
        (11..).zip(text.lines().map(str::to_owned)).collect()
    }

    #[test]
    fn objects_with_their_lines() {
        let text = "# two\napiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n---\n\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: b, namespace: ns}\n---\n# nothing\n";
        let found = documents(&lines(text));
        let shown: Vec<String> = found
            .iter()
            .map(|d| format!("{} {} {} {} {:?}", d.lines, d.api_version, d.kind, d.name, d.namespace))
            .collect();
        assert_eq!(shown, ["11-15 v1 Pod a None", "18-20 apps/v1 Deployment b Some(\"ns\")"]);
    }

    #[test]
    fn what_is_no_yaml_says_where() {
        let found = documents(&lines("apiVersion: v1\nkind: Pod\nmetadata:\n\tname: a\n"));
        assert_eq!((found[0].kind.as_str(), found[0].error.as_ref().map(|e| e.0)), ("Pod", Some(14)));
    }

    #[test]
    fn objects_may_be_indented_or_json() {
        assert!(has_objects(&lines("  apiVersion: v1\n  kind: Pod\n")));
        assert!(has_objects(&lines("{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"Pod\"\n}")));
        assert!(!has_objects(&lines("spec:\n  apiVersion: v1\n  kind: x\n")));
        assert!(
            is_partial(&lines("a:\n  ...\n")) && is_partial(&lines("a: {{ .x }}")) && !is_partial(&lines("a: 1...2"))
        );
        assert!(are_configurations(&documents(&lines("apiVersion: kind.x-k8s.io/v1alpha4\nkind: Cluster\n"))));
    }

    #[test]
    fn a_bomb_is_no_object() {
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for n in 1..12 {
            bomb.push_str(&format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(",")));
        }
        assert!(parsed(&bomb).is_err());
        assert!(parsed(&"[".repeat(100_000)).is_err());
    }
}
