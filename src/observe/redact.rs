//! What differs from run to run, taken out in one place, so that a snapshot is equal on every cluster.
//! Knows nothing of files or of who compares.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;

use super::timeline::folded;
use super::trace::Trace;
use crate::script::ObjectRef;

/// A pattern, and what stands for what it finds.
type Rule = (Regex, &'static str);

fn rules<const N: usize>(rules: [(&str, &'static str); N]) -> Vec<Rule> {
    rules.into_iter().map(|(rule, to)| (Regex::new(rule).expect("a literal, tested below"), to)).collect()
}

/// In this order: what is longer and more particular comes first.
static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules([
        (r"sha256:[0-9a-f]{12,64}", "sha256:<digest>"),
        (r"\b[0-9a-f]{64}\b", "<id>"),
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uid>"),
        (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "<time>"),
        (r"\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", "<time>"),
        (r"\bhttps?://[^/\s]*/v2/", "http://<registry>/v2/"),
        (r"\?ns=[^\s:]+", "?ns=<host>"),
        (r"\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b", "<address>"),
        (r"\[::1?\](:\d+)?", "<address>"),
        (r"\blocalhost:\d+", "<address>"),
        (r"\bkube-api-access-[a-z0-9]{5}\b", "kube-api-access-<suffix>"),
        (r"Image size: \d+ bytes", "Image size: <size> bytes"),
        (r"(Successfully assigned \S+ to) \S+", "$1 <node>"),
    ])
});

/// Every duration, after [`RULES`].
static DURATIONS: LazyLock<Vec<Rule>> =
    LazyLock::new(|| rules([(r"\b(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+\b", "<duration>")]));

/// Only the durations that kubectl and the kubelet print of how long something took or is ago, after [`RULES`]: any
/// other may be a value, like a timeout of `30s` or `100m` of a CPU.
static ELAPSED: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules([
        // The rows of events in `kubectl describe`: TYPE, REASON, AGE.
        (
            r"(?m)^([ \t]*(?:Normal|Warning)[ \t]+\w+[ \t]+)(?:(?:\d+[smhdy])+(?: \(x\d+ over (?:\d+[smhdy])+\))?|<unknown>)(\s)",
            "$1<age>$2",
        ),
        // A pod's row without its header: (NAMESPACE,) NAME, READY and, at its end, AGE.
        (r"(?m)^((?:\S+ {2,}){1,2}\d+/\d+ {2,}.* {2,})(?:\d+[smhdy])+$", "$1<age>"),
        (r"\b(?:\d+[smhdy])+ ago\b", "<age> ago"),
        (r#"(\bpulled|image "[^"]*")(\s+in\s+)(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+\b"#, "$1$2<duration>"),
        (r"\b(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+ including waiting\b", "<duration> including waiting"),
        (r"\b([Bb]ack-off) (?:\d+[smh])+ restarting\b", "$1 <duration> restarting"),
    ])
});

/// Takes out what differs from run to run, and the secrets it was told of.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: Vec<String>,
}

impl Redactor {
    /// Also takes out these values, each as it stands.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut secrets: Vec<String> = secrets.into_iter().filter(|secret| !secret.is_empty()).collect();
        // One may be part of another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Redactor { secrets }
    }

    /// A line or more, each secret and each duration replaced by a word in angle brackets.
    pub fn text(&self, text: &str) -> String {
        self.without(text, &DURATIONS)
    }

    /// Leaves durations that may be a value.
    pub fn output(&self, text: &str) -> String {
        self.without(text, &ELAPSED)
    }

    fn without(&self, text: &str, durations: &[Rule]) -> String {
        let mut redacted = Cow::Borrowed(text);
        for secret in self.secrets.iter().filter(|secret| text.contains(secret.as_str())) {
            redacted = Cow::Owned(redacted.replace(secret.as_str(), "<secret>"));
        }
        for (pattern, placeholder) in RULES.iter().chain(durations) {
            if let Cow::Owned(replaced) = pattern.replace_all(&redacted, *placeholder) {
                redacted = Cow::Owned(replaced);
            }
        }
        redacted.into_owned()
    }

    /// The trace without times, counts and repetition.
    pub fn trace(&self, trace: &Trace) -> Redacted {
        let states = folded(&trace.states).into_iter().map(|(state, _)| RedactedState {
            status: state.status.clone(),
            phase: state.phase.clone(),
            ready: state.ready.clone(),
            // A pod that is going keeps the words of the moment it was told to go at.
            message: state.message.as_deref().filter(|_| state.status != "Terminating").map(|m| self.text(m)),
        });
        let mut events: Vec<RedactedEvent> = Vec::new();
        for event in &trace.events {
            let redacted = RedactedEvent {
                type_: event.type_.clone(),
                reason: event.reason.clone(),
                component: event.component.clone(),
                message: self.text(&event.message),
            };
            if !events.contains(&redacted) {
                events.push(redacted);
            }
        }
        let registry = trace.registry.iter().map(|told| self.text(told)).collect();
        Redacted { object: trace.object.clone(), states: states.collect(), events, registry }
    }
}

/// How many secrets, never which.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("secrets", &self.secrets.len()).finish()
    }
}

/// A trace as snapshots hold it: equal on mini and on a real cluster for the same scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Redacted {
    pub(crate) object: ObjectRef,
    pub(crate) states: Vec<RedactedState>,
    /// Each once, in the order they first came.
    pub(crate) events: Vec<RedactedEvent>,
    /// The registry's lane.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub registry: Vec<String>,
}

/// [`super::State`] without time, node and restarts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct RedactedState {
    pub status: String,
    pub phase: String,
    pub ready: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// [`super::EventSeen`] without time and count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct RedactedEvent {
    #[serde(rename = "type")]
    pub type_: String,
    pub reason: String,
    pub component: String,
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::super::trace::tests::{event, state, trace};
    use super::*;

    #[test]
    fn what_differs_from_run_to_run() {
        let redactor = Redactor::new(["hunter2".into(), "hunter2-long".into(), String::new()]);
        for (text, expected) in [
            (
                "Successfully pulled image \"r\" in 1m2.5s (196ms including waiting). Image size: 3067021 bytes.",
                "Successfully pulled image \"r\" in <duration> (<duration> including waiting). Image size: <size> bytes.",
            ),
            ("Successfully assigned demo/mypod to ref-control-plane", "Successfully assigned demo/mypod to <node>"),
            (
                "unexpected status from HEAD request to http://kind-registry:5000/v2/a/b/manifests/c?ns=localhost%3A5001: 401 Unauthorized",
                "unexpected status from HEAD request to http://<registry>/v2/a/b/manifests/c?ns=<host>: 401 Unauthorized",
            ),
            ("dial tcp 172.18.0.1:5999: connect", "dial tcp <address>: connect"),
            ("dial tcp [::1]:5001: connect", "dial tcp <address>: connect"),
            ("docker.io/cloudwithvarjosh/app1:1.0.0", "docker.io/cloudwithvarjosh/app1:1.0.0"),
            ("x@sha256:02d156d58144d3445e06572fa406e0bc1bcfad7d24dbd556036da7b59b45b0f7", "x@sha256:<digest>"),
            ("uid d9ea1cb1-a86d-4ab3-89e8-48ed11300f13", "uid <uid>"),
            ("at 2026-11-23T22:18:23Z", "at <time>"),
            ("Mon, 23 Nov 2026 22:18:27 +0000", "<time>"),
            ("kube-api-access-hm2tg", "kube-api-access-<suffix>"),
            ("hunter2-long and hunter2", "<secret> and <secret>"),
            ("1 of 3 containers, app1", "1 of 3 containers, app1"),
        ] {
            assert_eq!(redactor.text(text), expected);
        }
        assert_eq!(format!("{redactor:?}"), "Redactor { secrets: 2 }");
    }

    #[test]
    fn output_keeps_durations_that_may_be_values() {
        for (text, expected) in [
            ("cpu: 100m", "cpu: 100m"),
            ("timeout=30s in 5s", "timeout=30s in 5s"),
            ("mypod   100m   5s", "mypod   100m   5s"),
            (
                "Successfully pulled image \"r\" in 1m2.5s (196ms including waiting). Image size: 3067021 bytes.",
                "Successfully pulled image \"r\" in <duration> (<duration> including waiting). Image size: <size> bytes.",
            ),
            ("  Normal  Pulling  5s  kubelet  timeout 5s", "  Normal  Pulling  <age>  kubelet  timeout 5s"),
            (
                "  Warning  Failed     3s (x2 over 1m15s)  kubelet  Error: ErrImagePull",
                "  Warning  Failed     <age>  kubelet  Error: ErrImagePull",
            ),
            (
                "a\nmypod   1/1   Running   2 (3m10s ago)   5d2h\n\nb",
                "a\nmypod   1/1   Running   2 (<age> ago)   <age>\n\nb",
            ),
            ("ns   mypod   1/1   Running   0   5s", "ns   mypod   1/1   Running   0   <age>"),
            ("Step 1/8 : RUN sleep 5s", "Step 1/8 : RUN sleep 5s"),
            ("back-off 10s restarting failed container", "back-off <duration> restarting failed container"),
            ("uid d9ea1cb1-a86d-4ab3-89e8-48ed11300f13", "uid <uid>"),
        ] {
            assert_eq!(Redactor::default().output(text), expected);
        }
    }

    #[test]
    fn a_redacted_trace_is_equal_however_long_it_was_watched() {
        let mut short = trace(&[(0.0, "Pending"), (0.6, "ErrImagePull"), (1.0, "ImagePullBackOff")]);
        short.record_event(event(0.5, "Pulling", "Pulling image \"x\"", 1));
        short.record_event(event(0.6, "Failed", "Error: ErrImagePull", 1));
        let mut long = short.clone();
        for (at, status) in [(26.0, "ErrImagePull"), (40.0, "ImagePullBackOff"), (50.0, "ErrImagePull")] {
            long.record(state(at, status));
            long.record_event(event(at, "Failed", "Error: ErrImagePull", at as i32));
        }
        for trace in [&mut short, &mut long] {
            trace.record(state(60.0, "Running"));
            trace.record_event(event(60.0, "Pulled", "Successfully pulled image \"x\" in 1s", 1));
        }
        long.states[0].at = std::time::Duration::from_millis(5);
        let redactor = Redactor::default();
        assert_eq!(redactor.trace(&short), redactor.trace(&long));
        insta::assert_yaml_snapshot!(redactor.trace(&long));
    }
}
