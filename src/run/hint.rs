//! What to do next about a pod that will not pull, read from what was seen of it. Knows words only.

use crate::observe::{WireTrouble, wire_trouble};

/// What helps where the node does not get the registry's answer.
const fn on_the_way(trouble: WireTrouble) -> &'static str {
    match trouble {
        WireTrouble::NotOfThisStage => {
            "mini's node reaches no registry but the stage's: images of others are for `--cluster kind`"
        }
        WireTrouble::PlainHttp => {
            "the registry speaks plain HTTP and the node asks for TLS: give the registry a certificate, or name it in \
             every node's `/etc/containerd/certs.d/HOST/hosts.toml`"
        }
        WireTrouble::Untrusted => {
            "the node does not trust the registry's certificate: give every node its CA, as `ca` in \
             `/etc/containerd/certs.d/HOST/hosts.toml`"
        }
        WireTrouble::Unreachable => {
            "the node does not reach the registry: on a node, `curl -i https://HOST/v2/` has to answer, 401 being fine. \
             `localhost` and 127.0.0.1 are the node itself there"
        }
        WireTrouble::Limits => {
            "the registry limits how much may be pulled: log in, wait, or play on a stage with a registry of its own"
        }
    }
}

/// Words of the kubelet and of the scheduler, and what helps: what is nearer to the wire goes before.
const CAUSES: &[(&[&str], &str)] = &[
    (&["ErrImageNeverPull"], "the pod forbids pulling (`imagePullPolicy: Never`) and the node does not have the image"),
    (
        &["FailedScheduling"],
        "no node takes the pod: `kubectl describe node` tells taints and what is left of CPU and memory",
    ),
];

/// Why a registry that answers did not let a pod have its image: a cause only where the pod was to run, since a lecture on
/// pull secrets has such pods on purpose. In the words of the kubelet, of containerd and of registries.
const REFUSALS: &[(&[&str], &str)] = &[
    (
        &["FailedToRetrieveImagePullSecret"],
        "the pod names a pull secret that its namespace does not have: `kubectl get secrets` there, and mind the spelling",
    ),
    (
        &["401 Unauthorized", "failed to authorize"],
        "the registry does not take the login in the pod's pull secret: wrong user or password? `kubectl get secret NAME \
         -o jsonpath='{.data.\\.dockerconfigjson}' | base64 -d` shows it",
    ),
    (
        &["no basic auth credentials", "insufficient_scope", "pull access denied"],
        "no pull secret fits the image's registry: either neither the pod nor, when it was created, its ServiceAccount \
         names one, or the secret is for another server (docker.io's is https://index.docker.io/v1/). A stage's registry \
         stands in docker.io's place and serves what labs push, not Docker Hub's other images",
    ),
    (&[": not found"], "the registry takes the login and has no such repository or tag"),
];

/// What helps where a command did not end in time.
pub(super) const ENDLESS: &str = "`timeout` in a directive gives a step more time; what never ends by itself (`-w`, `logs -f`, \
                           `port-forward`) is played as `timeout 5 …`";

/// What helps against the first cause that the troubles name, which are those of now; `wanted`: the pod was to run.
pub(super) fn against(troubles: &[String], wanted: bool) -> Option<String> {
    let named = |word: &&str| troubles.iter().any(|line| line.contains(word));
    if let Some(trouble) = wire_trouble(&troubles.join("\n")) {
        return Some(on_the_way(trouble).to_owned());
    }
    let causes = CAUSES.iter().chain(REFUSALS.iter().filter(|_| wanted));
    causes.into_iter().find(|(words, _)| words.iter().any(named)).map(|(_, hint)| (*hint).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wires_own_trouble_is_named_and_a_mere_refusal_is_not() {
        for (line, expected) in [
            (
                "Failed: … Head \"https://10.0.0.9:5000/v2/\": dial tcp 10.0.0.9:5000: i/o timeout",
                Some("does not reach"),
            ),
            ("dial tcp: lookup registry.example on 10.0.0.2:53: no such host", Some("does not reach")),
            ("http: server gave HTTP response to HTTPS client", Some("plain HTTP")),
            ("tls: failed to verify certificate: x509: certificate signed by unknown authority", Some("trust")),
            ("unexpected status from HEAD request to http://R/v2/a: 429 Too Many Requests", Some("limits")),
            ("authorization failed: no basic auth credentials", None),
            ("401 Unauthorized", None),
        ] {
            let hint = against(&["pod/mypod  0.00 Pending".into(), line.into()], false);
            match expected {
                Some(words) => assert!(hint.as_ref().is_some_and(|hint| hint.contains(words)), "{line}: {hint:?}"),
                None => assert_eq!(hint, None, "{line}"),
            }
        }
    }
    #[test]
    fn why_a_pod_that_was_to_run_was_refused() {
        for (line, expected) in [
            ("Warning FailedToRetrieveImagePullSecret x1: … no basic auth credentials", "does not have"),
            ("unexpected status from HEAD request to http://R/v2/a: 401 Unauthorized", "wrong user or password"),
            ("pull access denied, … authorization failed: no basic auth credentials", "https://index.docker.io/v1/"),
            ("rpc error: code = NotFound desc = … docker.io/a/b:nope: not found", "no such repository or tag"),
        ] {
            assert!(against(&[line.into()], true).is_some_and(|hint| hint.contains(expected)), "{line}");
            assert_eq!(against(&[line.into()], false), None, "{line}");
        }
    }
}
