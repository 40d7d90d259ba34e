//! A lab with steps that are others: what is put before a step, or behind its command, is bash as the lab's own.
//! Pure: it is played where all steps are.

use super::faults::SecretChange;
use crate::script::{Action, CheckKind, Lab, ObjectRef, Step, Without};

/// A state that no pod goes into by itself: somebody would have to kill its process for want of memory.
const FOREIGN: &str = "OOMKilled";

/// Puts a step before the step `at`; nothing is asked of it.
fn before(lab: &mut Lab, at: usize, script: String) {
    let Step { line, heading, .. } = lab.steps[at].clone();
    let timeout = Step::DEFAULT_TIMEOUT;
    let step = Step { line, heading, action: Action::Shell(script), checks: Vec::new(), timeout, skip: None };
    lab.steps.insert(at, step);
}

/// Every pull secret of the namespace is another.
pub(super) fn secrets(lab: &mut Lab, at: usize, namespace: &str, change: SecretChange) {
    let (name, to, server) = match change {
        SecretChange::Renamed => ("$secret-renamed", namespace, ""),
        SecretChange::Elsewhere => ("$secret", "rehearsal-elsewhere", ""),
        SecretChange::OtherServer => ("$secret", namespace, "https://registry.invalid/v1/"),
    };
    let makes_namespace = if to == namespace { String::new() } else { format!("kubectl create ns {to}\n") };
    let edit = if server.is_empty() {
        "cat".into()
    } else {
        format!("sed 's#\"auths\":{{\"[^\"]*\"#\"auths\":{{\"{server}\"#'")
    };
    let script = format!(
        r#"({makes_namespace}for secret in $(kubectl get secrets -n {namespace} \
    -o jsonpath='{{.items[?(@.type=="kubernetes.io/dockerconfigjson")].metadata.name}}'); do
  kubectl get secret "$secret" -n {namespace} -o jsonpath='{{.data.\.dockerconfigjson}}' | base64 -d | {edit} > .sabotage
  kubectl delete secret "$secret" -n {namespace}
  kubectl create secret generic "{name}" -n {to} --type=kubernetes.io/dockerconfigjson --from-file=.dockerconfigjson=.sabotage
  rm -f .sabotage
done) > /dev/null
"#
    );
    before(lab, at, script);
}

/// The namespace's ServiceAccounts list their secrets again once the step's command is done.
pub(super) fn patch_later(lab: &mut Lab, at: usize, namespace: &str) {
    let patch = |list: &str| {
        format!(
            "while read -r account secrets; do\n  kubectl patch serviceaccount \"$account\" -n {namespace} \
             -p \"{{\\\"imagePullSecrets\\\": {list}}}\" < /dev/null > /dev/null\ndone < .sabotage\n"
        )
    };
    let look = format!(
        "kubectl get serviceaccounts -n {namespace} -o jsonpath='{{range .items[?(@.imagePullSecrets)]}}\
         {{.metadata.name}}{{\" \"}}{{.imagePullSecrets}}{{\"\\n\"}}{{end}}' > .sabotage\n"
    );
    if let Action::Shell(script) = &mut lab.steps[at].action {
        *script = format!("{}\n{}", script.trim_end(), patch("$secrets"));
    }
    before(lab, at, look + &patch("null"));
}

/// The namespace's default ServiceAccount lists a secret that lets its pods in.
pub(super) fn leftover(lab: &mut Lab, at: usize, namespace: &str, server: &str) {
    let script = format!(
        r#"kubectl wait --for=create serviceaccount/default -n {namespace} --timeout=30s > /dev/null
kubectl create secret docker-registry leftover -n {namespace} --docker-server={server} \
  --docker-username="$DOCKER_USERNAME" --docker-password="$DOCKER_PASSWORD" > /dev/null
kubectl patch serviceaccount default -n {namespace} -p '{{"imagePullSecrets": [{{"name": "leftover"}}]}}' > /dev/null
"#
    );
    before(lab, at, script);
}

/// From twins nothing is taken away, and no particular failure is asked of them.
pub(super) fn whole_twins(lab: &mut Lab) {
    for check in lab.steps.iter_mut().flat_map(|step| &mut step.checks) {
        if let CheckKind::Without { what, .. } = &mut check.kind {
            *what = Without::Nothing;
        }
    }
}

/// The expectation of `pod` in the step `at` names a state that the pod never has, before those that it has.
pub(super) fn foreign_state(lab: &mut Lab, at: usize, pod: &ObjectRef) {
    for check in &mut lab.steps[at].checks {
        if let CheckKind::Expect { object, states } = &mut check.kind
            && object == pod
        {
            states.insert(0, FOREIGN.into());
        }
    }
}
