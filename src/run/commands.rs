//! What a lab's commands reach for: the namespaces they name, and whether they would reach beyond them. Reads shell
//! text as a person skims it, and knows no shell grammar: what it cannot judge, it refuses.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::script::{Action, Lab};

/// kubectl's verbs that change something.
const CHANGES: &str = r"\bkubectl\b.*\b(?:annotate|apply|attach|autoscale|create|debug|delete|edit|expose|label|patch|replace|rollout|run|scale|set)\b";
const CLUSTER_KINDS: &str = r"(?:cluster-?role(?:binding)?|pv|persistentvolume|node|no|sc|storageclass|priorityclass|pc|crd|customresourcedefinition|apiservice|csr|ingressclass)s?";

/// Commands that no namespace holds, and what each does.
static BEYOND: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let rules = [
        (format!(r"{CHANGES}.*(?:\s-A\b|--all-namespaces)"), "changes objects of all namespaces"),
        (format!(r"{CHANGES}.*(?:-n|--namespace)[ =]?kube-"), "changes the cluster's own namespaces"),
        (format!(r"{CHANGES}\s+{CLUSTER_KINDS}(?:[\s/]|$)"), "changes objects that are in no namespace"),
        (format!(r"{CHANGES}\s+(?:ns|namespaces?)\s.*(?:--all\b|-l\b|--selector)"), "chooses namespaces by a pattern"),
        (format!(r"{CHANGES}.*(?:-f|--filename)[ =]https?://"), "applies a manifest from elsewhere"),
        (r"\bkubectl\b.*\b(?:drain|cordon|uncordon|taint|certificate|proxy)\b".into(), "changes the cluster itself"),
        (
            r"\bkubectl\b.*--(?:context|kubeconfig|cluster|server|user|token|raw)\b".into(),
            "chooses a cluster by itself",
        ),
        (r"\bkubectl\b.*\bconfig\s+(?:set|use|delete|unset|rename)".into(), "changes the kubeconfig"),
        (r"\bKUBECONFIG=".into(), "chooses a kubeconfig"),
        (r"(?:\s-n|--namespace|\b(?:ns|namespaces?))[ =]?\s*\S*\$".into(), "computes the name of a namespace"),
        (
            format!(r"{CHANGES}\s+(?:ns|namespaces?)\s+(?:[^a-z0-9\s]|\S+\s+[a-z0-9])"),
            "names a namespace in a way not understood",
        ),
        (
            r"^(?:sudo\s+)?(?:helm|kustomize|kind|minikube|k3d|istioctl)\b".into(),
            "runs a tool whose doings are not looked into",
        ),
    ];
    rules.into_iter().map(|(rule, what)| (Regex::new(&rule).expect("literals above, tested below"), what)).collect()
});

/// Kinds in manifests that are in no namespace; a Namespace itself is renamed.
const BEYOND_KINDS: &[&str] = &[
    "APIService",
    "CertificateSigningRequest",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "IngressClass",
    "MutatingWebhookConfiguration",
    "Node",
    "PersistentVolume",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingWebhookConfiguration",
];

static NAMESPACES: LazyLock<Regex> = LazyLock::new(|| {
    let name = "([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)";
    let place = r"(?:(?:^|\s)-n[ =]?\s*|--namespace[ =]\s*|\b(?:ns|namespaces?)[ /]\s*)";
    Regex::new(&format!("{place}{name}")).expect("literals above, tested below")
});

/// The namespaces that a script names.
pub fn namespaces(script: &str) -> Vec<String> {
    let kubectl = commands(script).into_iter().filter(|command| command.contains("kubectl"));
    kubectl
        .flat_map(|command| NAMESPACES.captures_iter(&command).map(|c| c[1].to_owned()).collect::<Vec<_>>())
        .collect()
}

/// The first step that would reach beyond namespaces: its line, and what it does.
pub fn reaches_beyond(lab: &Lab) -> Option<(usize, &'static str)> {
    lab.steps.iter().filter(|step| step.skip.is_none()).find_map(|step| {
        let what = match &step.action {
            Action::Shell(script) => commands(script)
                .iter()
                .find_map(|command| BEYOND.iter().find(|(rule, _)| rule.is_match(command)).map(|(_, what)| *what)),
            Action::File { contents, .. } => manifest_beyond(contents),
        };
        what.map(|what| (step.line, what))
    })
}

fn manifest_beyond(contents: &str) -> Option<&'static str> {
    let documents = serde_saphyr::from_multiple::<Value>(contents).ok()?;
    let items = documents.iter().flat_map(|document| {
        let items = document["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        std::iter::once(document).chain(items)
    });
    for item in items {
        if item["kind"].as_str().is_some_and(|kind| BEYOND_KINDS.contains(&kind)) {
            return Some("makes an object that is in no namespace");
        }
        if item["metadata"]["namespace"].as_str().is_some_and(|ns| ns.starts_with("kube-")) {
            return Some("changes the cluster's own namespaces");
        }
    }
    None
}

/// One command a line, continued lines joined, comments gone.
fn commands(script: &str) -> Vec<String> {
    let joined = script.replace("\\\n", " ");
    let lines = joined.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.flat_map(|line| line.split(['|', ';', '&'])).map(|c| c.trim().to_owned()).filter(|c| !c.is_empty()).collect()
}
