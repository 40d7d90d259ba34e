//! The table is sound, and its rules explain what was seen and nothing else.

use std::collections::BTreeSet;

use super::rule::Seen;
use super::*;
use crate::compare::typed;

#[test]
fn every_rule_can_be_read_and_is_told_apart() {
    let ids: BTreeSet<&str> = rules().iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids.len(), rules().len());
    for rule in rules() {
        assert!(!rule.what.is_empty() && !rule.source.is_empty() && !rule.seen.is_empty(), "{}", rule.id);
        assert!(rule.until.is_none_or(|until| rule.since.is_some_and(|since| since < until)), "{}", rule.id);
        assert!(rule.what.ends_with('.') && !rule.what.contains('|'), "{}", rule.id);
        for seen in &rule.seen {
            assert!(says_something(seen), "{} explains anything", rule.id);
        }
    }
}

/// A rule without a text and a place would explain any difference.
fn says_something(seen: &Seen) -> bool {
    [&seen.column, &seen.field, &seen.old, &seen.new, &seen.more, &seen.less, &seen.says, &seen.said]
        .iter()
        .any(|pattern| pattern.is_some())
}

#[test]
fn the_page_is_made_from_the_table() {
    crate::files::is_made("docs/drift.md", &page());
}

fn explanation(command: &str, shown: &str, printed: &str, versions: &Versions) -> String {
    let outcome = typed(shown, printed);
    let explanations = explain(&CommandOutput { command, printed, differences: &outcome.differences }, versions);
    let told = explanations.iter().map(|e| match &e.line {
        Some(line) => format!("{} `{line}`", e.rule.id),
        None => format!("{} {:?}", e.rule.id, e.differences),
    });
    told.collect::<Vec<_>>().join(", ")
}

const DESCRIBED: &str =
    "Events:\n  Type    Reason   Age   From      Message\n  ----    ------   ----  ----      -------\n";

#[test]
fn rules_explain_what_was_seen() {
    let now = Versions::new("v1.36.2", "v1.36.4");
    let row = |reason: &str, message: &str| format!("{DESCRIBED}  Normal  {reason}  5s    kubelet   {message}");
    let refused = "Failed to pull image \"o/app1:1\": ";
    for (command, shown, printed, expected) in [
        (
            "kubectl get sa -n app1-ns",
            "NAME      SECRETS   AGE\ndefault   1         2m",
            "NAME      AGE\ndefault   2m",
            "serviceaccount-secrets-column [0]",
        ),
        (
            "kubectl delete pod p",
            "pod \"p\" deleted",
            "pod \"p\" deleted from x namespace",
            "deleted-from-namespace [0]",
        ),
        ("kubectl delete pod p", "pod \"p\" deleted", "pod \"q\" deleted from x namespace", ""),
        (
            "kubectl describe pod p",
            &row("Pulling", "Pulling image \"a:1\""),
            &row("Pulling", "spec.containers{app}: Pulling image \"a:1\""),
            "describe-event-prefix [0]",
        ),
        (
            "kubectl describe pod p",
            &row("Created", "Created container: app"),
            &row("Created", "spec.containers{app}: Container created"),
            "created-container-wording [0], describe-event-prefix [0]",
        ),
        (
            "kubectl describe pod p",
            &row("Pulled", "Successfully pulled image \"a:1\""),
            &row(
                "Pulled",
                "spec.containers{app}: Successfully pulled image \"a:1\" in 1.5s (1.5s including waiting). Image size: 5 bytes.",
            ),
            "pulled-including-waiting [0], pulled-image-size [0], describe-event-prefix [0]",
        ),
        (
            "kubectl describe pod p",
            &row("Pulling", "Pulling image \"a:1\""),
            &row("Pulling", "spec.containers{app}: Pulling image \"a:2\""),
            "",
        ),
        (
            "kubectl describe pod p",
            &format!(
                "{refused}rpc error: code = Unknown desc = Error response from daemon: pull access denied for o/app1"
            ),
            &format!("{refused}failed to pull and unpack image \"docker.io/o/app1:1\": failed to resolve reference"),
            "pull-message-of-containerd [0], pull-message-without-rpc [0]",
        ),
        (
            "kubectl cluster-info",
            "Kubernetes master is running at https://1.2.3.4:6443",
            "Kubernetes control plane is running at https://127.0.0.1:38113",
            "cluster-info-control-plane [0]",
        ),
        (
            "kubectl get sa default -o yaml",
            "kind: ServiceAccount\nsecrets:\n- name: default-token-abcde",
            "kind: ServiceAccount\nmetadata: {}",
            "serviceaccount-token-secrets [0]",
        ),
        (
            "kubectl logs nope",
            "Error from server (NotFound): pods \"nope\" not found",
            "error: error from server (NotFound): pods \"nope\" not found in namespace \"demo\"",
            "logs-not-found-namespace [0]",
        ),
        (
            "kubectl exec mypod ls",
            "",
            "error: exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead\n",
            "exec-needs-dashes `error: exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead`",
        ),
        (
            "kubectl run p --image=a --dry-run -o yaml",
            "",
            "W1128 08:00:00.000000    1 helpers.go:731] --dry-run is deprecated and can be replaced with --dry-run=client.\n",
            "dry-run-without-value `W1128 08:00:00.000000    1 helpers.go:731] --dry-run is deprecated and can be replaced with --dry-run=client.`",
        ),
        ("docker login", "Username: x\nLogin Succeeded", "Login Succeeded", "docker-device-login [0]"),
        ("kubectl get pods", "NAME  STATUS\np  Running", "NAME  STATUS\np  Pending", ""),
        ("kubectl get sa", "NAME  AGE\ndefault  1s", "NAME  AGE\ndefault  2s", ""),
    ] {
        assert_eq!(explanation(command, shown, printed, &now), expected, "{command}\n{shown}");
    }
}

#[test]
fn a_rule_is_read_the_other_way_round_where_the_program_is_older() {
    let old = Versions::new("v1.33.1", "v1.33.0");
    let with = "NAME      SECRETS   AGE\ndefault   0         2m";
    let without = "NAME      AGE\ndefault   2m";
    assert_eq!(explanation("kubectl get sa", without, with, &old), "serviceaccount-secrets-column [0]");
    assert_eq!(explanation("kubectl get sa", with, without, &old), "");
    assert_eq!(explanation("kubectl get sa", with, without, &Versions::default()), "", "nobody knows the version");
    let deleted = "pod \"p\" deleted from x namespace";
    assert_eq!(explanation("kubectl delete pod p", deleted, "pod \"p\" deleted", &old), "deleted-from-namespace [0]");
    assert_eq!(
        explanation("kubectl describe svc s", "Traffic Distribution:  PreferClose", "Name:  s", &old),
        "describe-service-traffic-distribution [0]"
    );
    assert_eq!(
        explanation(
            "kubectl describe svc s",
            "Traffic Distribution:  PreferClose",
            "Name:  s",
            &Versions::new("v1.36.0", "v1.36.0")
        ),
        ""
    );
}

#[test]
fn commands_are_mended_as_little_as_can_be() {
    let fails = "error: exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead";
    let warns = "--dry-run is deprecated and can be replaced with --dry-run=client.";
    let unknown = "error: unknown flag: --short";
    let now = Versions::new("v1.36.2", "v1.36.4");
    for (command, printed, expected) in [
        ("kubectl exec mypod ls", fails, Some("kubectl exec mypod -- ls")),
        ("kubectl exec -it mypod -n x -c app sh", fails, Some("kubectl exec -it mypod -n x -c app -- sh")),
        ("kubectl exec -n x mypod ls -l", fails, Some("kubectl exec -n x mypod -- ls -l")),
        ("kubectl exec -it mypod \\\n  sh", fails, Some("kubectl exec -it mypod \\\n  -- sh")),
        ("kubectl run p --image=a --dry-run -o yaml", warns, Some("kubectl run p --image=a --dry-run=client -o yaml")),
        ("kubectl version --short", unknown, Some("kubectl version")),
        ("kubectl get pods", fails, None),
    ] {
        let explanations = explain(&CommandOutput { command, printed, differences: &[] }, &now);
        assert_eq!(mended(command, &explanations).as_deref(), expected, "{command}");
    }
}

#[test]
fn versions_are_read_as_programs_write_them() {
    for (text, expected) in [
        ("v1.36.4", Some(MinorVersion(1, 36))),
        ("1.37.0-rc.1", Some(MinorVersion(1, 37))),
        ("29.0.1", Some(MinorVersion(29, 0))),
        ("v1.36+", Some(MinorVersion(1, 36))),
        ("mini", None),
        ("", None),
        ("1", None),
    ] {
        assert_eq!(MinorVersion::parse(text), expected, "{text}");
    }
    assert!(MinorVersion(1, 9) < MinorVersion(1, 35));
}
