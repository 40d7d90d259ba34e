//! What differs from run to run and from cluster to cluster, taken out of a record's texts. Pure.

use std::sync::LazyLock;

use regex::Regex;

use crate::mask::Masker;
use crate::observe::Redactor;

/// Pattern and placeholder; after [`Redactor`]'s own.
static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let rules = [
        (r#"resourceVersion: "\d+""#, r#"resourceVersion: "<version>""#),
        (r#""resourceVersion": "\d+""#, r#""resourceVersion": "<version>""#),
        (r"\b(containerd|docker)://(<id>|[0-9a-f]{12,64})", "<runtime>://<id>"),
        // An image that the node knows under several names is shown with any of them.
        (r"(Image ID:\s+)\S+@sha256", "$1<repository>@sha256"),
        // The cause of an unreachable registry depends on how the cluster's network notices it.
        (r#"failed to do request: .*"#, "failed to do request: <unreachable>"),
        // What a workload's pods and ReplicaSets are called differs with the image; the alphabet has no vowels.
        (r"\bapp1-[bcdf-hj-np-tv-xz2456789]{6,10}-[bcdf-hj-np-tv-xz2456789]{5}\b", "app1-<hash>-<suffix>"),
        (r"\bapp1-[bcdf-hj-np-tv-xz2456789]{6,10}\b", "app1-<hash>"),
        (r"pod-template-hash=[bcdf-hj-np-tv-xz2456789]{6,10}\b", "pod-template-hash=<hash>"),
        // A column is as wide as its widest cell, which may be a name that differs.
        (r"(?m)(\S)[ \t]{2,}", "$1  "),
        (r"(?m)[ \t]+$", ""),
        (r"-{4,}", "----"),
    ];
    rules.into_iter().map(|(rule, to)| (Regex::new(rule).expect("a literal above, tested below"), to)).collect()
});

/// Makes texts equal that mean the same.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    masker: Masker,
    redactor: Redactor,
    /// What stands for what, in this order.
    names: Vec<(String, String)>,
}

impl Words {
    /// `names`: what differs, e.g. a node's name, and what shall stand for it.
    pub(crate) fn new(masker: Masker, names: Vec<(String, String)>) -> Self {
        Self { masker, redactor: Redactor::default(), names }
    }

    /// The same and one name more.
    #[must_use]
    pub(crate) fn and(&self, name: &str, stands_for: &str) -> Self {
        let mut words = self.clone();
        words.names.insert(0, (name.into(), stands_for.into()));
        words
    }

    pub(crate) fn text(&self, text: &str) -> String {
        let mut text = self.masker.mask(text).into_owned();
        for (name, to) in &self.names {
            text = text.replace(name, to);
        }
        let mut text = self.redactor.text(&text);
        for (pattern, to) in RULES.iter() {
            text = pattern.replace_all(&text, *to).into_owned();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_the_same_reads_the_same() {
        let masker = Masker::default();
        masker.add("hunter2-hunter2");
        let words = Words::new(masker, vec![("kind-x-control-plane".into(), "<node>".into())]).and("-7f3a", "");
        for (text, expected) in [
            ("ns-7f3a/mypod on kind-x-control-plane", "ns/mypod on <node>"),
            ("NAME      AGE\ndefault   5s ", "NAME  AGE\ndefault  <duration>"),
            ("  name:   x", "  name:  x"),
            ("    Container ID:   containerd://0123456789abcdef", "    Container ID:  <runtime>://<id>"),
            ("    Image ID:  docker.io/a/b@sha256:0123456789abcdef", "    Image ID:  <repository>@sha256:<digest>"),
            ("resourceVersion: \"42\"", "resourceVersion: \"<version>\""),
            ("app1-9d7dd789-zvnbm of app1-9d7dd789, not app1-sa", "app1-<hash>-<suffix> of app1-<hash>, not app1-sa"),
            ("the password hunter2-hunter2", "the password •••"),
            (
                "x: failed to do request: Head \"http://a:1/\": dial tcp: refused",
                "x: failed to do request: <unreachable>",
            ),
        ] {
            assert_eq!(words.text(text), expected);
        }
    }
}
