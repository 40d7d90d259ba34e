//! What the kubelet's events say of pulls: which image came, and which one a registry refused.
//! Knows nothing of who asked, or with which credentials.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;

use super::trace::{EventSeen, Trace};

/// So many writes of events of one type a kubelet makes for a pod at once, then one in five minutes
/// (`client-go/tools/record/events_cache.go`, `defaultSpamBurst`).
const BURST: i32 = 25;

/// How registries refuse, in the words of containerd, CRI-O and Docker: nobody vouched, or not for this. What is not
/// there, does not answer or cannot be unpacked was not refused.
const REFUSALS: &[&str] = &[
    r"\bunauthorized\b",
    r"\bforbidden\b",
    r"\bstatus(?: ?code)?[:= ]+40[13]\b",
    "no basic auth credentials",
    r"\bauthorization failed\b",
    r"\bauthentication required\b",
    r"\baccess denied\b",
    "access to the resource is denied",
    "error from registry: denied",
];

static REFUSAL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(&format!("(?i){}", REFUSALS.join("|"))).expect("literals above, tested below"));

/// An image that a pod got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Came {
    pub image: String,
    pub at: Duration,
    /// An event says that it was pulled; else a container was started from it, and no event says how it came.
    pub told: bool,
}

impl Trace {
    /// The first image that the pod got, not before `since`, by the kubelet's event or, where none tells of that image,
    /// by a container that was started from it.
    pub fn came(&self, since: Duration) -> Option<Came> {
        let events = || self.events.iter().filter(|event| event.at >= since);
        let told = events().find_map(|e| Some(Came { image: e.pulled()?.to_owned(), at: e.at, told: true }));
        let untold = || {
            let was_there = |image: &str| events().any(|event| event.was_there() == Some(image));
            let started = self.images.iter().find(|started| started.at >= since && !was_there(&started.image))?;
            Some(Came { image: started.image.clone(), at: started.at, told: false })
        };
        told.or_else(untold)
    }

    /// Whether the kubelet has written so many events of the pod that it keeps further ones to itself.
    pub fn is_saturated(&self) -> bool {
        ["Normal", "Warning"].into_iter().any(|type_| {
            let own = self.events.iter().filter(|event| event.component == "kubelet" && event.type_ == type_);
            // Each write raises a count by one, and may not have been delivered.
            let last: BTreeMap<_, _> = own.map(|event| ((&event.reason, &event.message), event.count)).collect();
            last.values().sum::<i32>() >= BURST
        })
    }

    /// What is so now, a line each: STATUS with its message and, where events still come, those of the kubelet's last
    /// look at the pod. Of a pod that runs, ran or is gone, nothing.
    pub fn troubles(&self) -> Vec<String> {
        let Some(state) = self.last().filter(|state| state.phase == "Pending" && !state.leaves()) else {
            return vec![];
        };
        let mut lines = vec![format!("{} {}", state.status, state.message.as_deref().unwrap_or_default())];
        if self.is_saturated() {
            return lines;
        }
        let line = |event: &EventSeen| format!("{} {}", event.reason, event.message);
        let last = self.events.iter().map(|event| event.at).max().unwrap_or_default();
        lines.extend(self.events.iter().filter(|event| event.at + LOOK >= last).map(line));
        // Kubelets before 1.32 do not say in a back-off what went wrong.
        if state.message.as_ref().is_none_or(|message| !message.contains(": ")) {
            lines.extend(self.events.iter().rev().find(|event| event.message.starts_with("Failed to pull")).map(line));
        }
        lines
    }
}

/// How far apart the events of one look at a pod may be.
const LOOK: Duration = Duration::from_secs(2);

impl EventSeen {
    /// The image that the node had already, if this event says so.
    pub(crate) fn was_there(&self) -> Option<&str> {
        let told = self.message.strip_prefix("Container image \"").filter(|_| self.reason == "Pulled")?;
        told.split_once("\" already present").map(|(image, _)| image)
    }

    /// The image that was pulled, if this event says so; one that was there already was not.
    pub fn pulled(&self) -> Option<&str> {
        let told = self.message.strip_prefix("Successfully pulled image \"").filter(|_| self.reason == "Pulled")?;
        told.split_once('"').map(|(image, _)| image)
    }

    /// The image whose pull a registry refused, if this event says so.
    pub fn refused(&self) -> Option<&str> {
        let told = self.message.strip_prefix("Failed to pull image \"").filter(|_| self.reason == "Failed")?;
        let (image, why) = told.split_once("\": ")?;
        is_refusal(why).then_some(image)
    }
}

/// What keeps a node from a registry's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WireTrouble {
    /// mini's node reaches one registry only.
    NotOfThisStage,
    PlainHttp,
    Untrusted,
    Unreachable,
    Limits,
}

/// Words of Go's net, net/http and crypto/x509 packages and of registries. The first that fits is meant: what is nearer to
/// the wire hides what lies behind it.
const WIRE: &[(WireTrouble, &[&str])] = &[
    (WireTrouble::NotOfThisStage, &["this node reaches only the stage's registry"]),
    (WireTrouble::PlainHttp, &["server gave HTTP response to HTTPS client"]),
    (WireTrouble::Untrusted, &["x509: ", "tls: failed to verify certificate"]),
    (
        WireTrouble::Unreachable,
        &["dial tcp", "no such host", "i/o timeout", "connection reset by peer", "timeout awaiting response headers"],
    ),
    (WireTrouble::Limits, &["429 Too Many Requests", "toomanyrequests"]),
];

/// What a kubelet's words say of the way to a registry.
pub(crate) fn wire_trouble(told: &str) -> Option<WireTrouble> {
    WIRE.iter().find(|(_, words)| words.iter().any(|word| told.contains(word))).map(|(trouble, _)| *trouble)
}

/// Whether words of a kubelet say that a registry refused: a request that failed was not answered, whatever a proxy on
/// its way says.
pub(crate) fn is_refusal(words: &str) -> bool {
    // Names may sound like anything: they stand in quotes, or have a slash.
    let own = words.split('"').step_by(2).flat_map(str::split_whitespace).filter(|word| !word.contains('/'));
    !words.contains("failed to do request") && REFUSAL.is_match(&own.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::super::trace::tests::{at, event, state, trace};
    use super::super::trace::{StartedImage, Trace, TraceState};
    use super::{BURST, Came};

    /// As containerd says it of `docker.io/o/app:1`.
    fn resolving(cause: &str) -> String {
        let image = "docker.io/o/app:1";
        format!("failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": {cause}")
    }

    #[test]
    fn a_refusal_is_told_from_other_failures() {
        let denied = "pull access denied, repository does not exist or may require authorization:";
        let head = "unexpected status from HEAD request to";
        for (refused, why) in [
            (true, resolving(&format!("{denied} authorization failed: no basic auth credentials"))),
            (true, resolving(&format!("{denied} server message: insufficient_scope: authorization failed"))),
            (true, resolving(&format!("{head} http://r:5000/v2/o/app/manifests/1?ns=docker.io: 401 Unauthorized"))),
            (true, resolving(&format!("{head} https://ghcr.io/v2/o/app/manifests/1: 403 Forbidden"))),
            (
                true,
                resolving(
                    "failed to authorize: failed to fetch oauth token: unexpected status from GET request to \
                     http://r/token?scope=x&service=s: 401 Unauthorized",
                ),
            ),
            (true, "initializing source docker://o/app:1: reading manifest 1 in docker.io/o/app: requested access to the resource is denied".into()),
            (true, "unable to retrieve auth token: invalid username/password: unauthorized: authentication required".into()),
            (true, "Error response from daemon: pull access denied for app, repository does not exist or may require 'docker login'".into()),
            (false, format!("rpc error: code = NotFound desc = {}", resolving("docker.io/o/app:1: not found"))),
            (false, resolving("failed to do request: Head \"http://r/v2/\": dial tcp 10.0.0.1:5000: connect: connection refused")),
            (false, resolving("failed to do request: Head \"https://r/v2/\": Forbidden")),
            (false, resolving("failed to authorize: failed to fetch oauth token: Post \"https://r/token\": dial tcp: i/o timeout")),
            (false, resolving(&format!("{head} http://r/v2/o/app/manifests/401?ns=forbidden: 500 Internal Server Error"))),
            (false, "failed to extract layer: open /var/lib/x: permission denied".into()),
            (false, String::new()),
        ] {
            let event = event(1.0, "Failed", &format!("Failed to pull image \"docker.io/o/app:1\": {why}"), 1);
            assert_eq!(event.refused(), refused.then_some("docker.io/o/app:1"), "{why}");
        }
        let named = "rpc error: code = NotFound desc = x/access-denied:unauthorized: not found";
        assert_eq!(event(1.0, "Failed", &format!("Failed to pull image \"unauthorized\": {named}"), 1).refused(), None);
        let quoted = "Failed to pull image \"forbidden\": failed to resolve reference \"forbidden\": not found";
        assert_eq!(event(1.0, "Failed", quoted, 1).refused(), None);
        assert_eq!(event(1.0, "Failed", "Error: ErrImagePull", 1).refused(), None);
        assert_eq!(event(1.0, "Other", "Failed to pull image \"x\": unauthorized", 1).refused(), None);
    }

    fn started(mut trace: Trace) -> Trace {
        trace.images.push(StartedImage { at: at(5.0), image: "x".into(), digest: None });
        trace
    }

    #[test]
    fn an_image_comes_by_an_event_or_without_one() {
        let came = |trace: &Trace, since: f64| trace.came(at(since)).map(|came| (came.at, came.told));
        let mut pod = started(trace(&[(0.0, "ContainerCreating"), (5.0, "Running")]));
        assert_eq!(came(&pod, 0.0), Some((at(5.0), false)), "no event tells");
        assert_eq!(came(&pod, 6.0), None, "it came before");
        let mut there = pod.clone();
        there.record_event(event(4.9, "Pulled", "Container image \"x\" already present on machine", 1));
        assert_eq!(there.came(at(0.0)), None, "nobody pulled it");
        pod.record_event(event(4.8, "Pulled", "Successfully pulled image \"x\" in 1s", 1));
        assert_eq!(pod.came(at(0.0)), Some(Came { image: "x".into(), at: at(4.8), told: true }));
        assert_eq!(trace(&[(0.0, "Running")]).came(at(0.0)), None);
    }

    #[test]
    fn events_are_saturated_by_the_kubelets_writes_of_one_type() {
        let mut pod = trace(&[(0.0, "Pending")]);
        pod.record_event(event(1.0, "Failed", "Error: ErrImagePull", BURST - 1));
        pod.record_event(event(1.0, "Pulling", "Pulling image", BURST - 1));
        assert!(!pod.is_saturated(), "each type has its own");
        pod.record_event(event(2.0, "Failed", "Failed to pull image", 1));
        assert!(pod.is_saturated());
        let mut others = trace(&[(0.0, "Pending")]);
        others.record_event(super::EventSeen { component: "x".into(), ..event(1.0, "Failed", "m", 2 * BURST) });
        assert!(!others.is_saturated());
    }

    #[test]
    fn what_was_wrong_once_is_no_trouble_now() {
        let mut pod = trace(&[(0.0, "ContainerCreating")]);
        pod.record_event(event(1.0, "FailedToRetrieveImagePullSecret", "Unable to retrieve", 1));
        pod.record(TraceState {
            message: Some("Back-off pulling image \"x\": ErrImagePull: 401".into()),
            ..state(9.0, "ErrImagePull")
        });
        pod.record_event(event(9.0, "BackOff", "Back-off pulling image \"x\"", 1));
        assert_eq!(
            pod.troubles(),
            ["ErrImagePull Back-off pulling image \"x\": ErrImagePull: 401", "BackOff Back-off pulling image \"x\""]
        );
        pod.record_event(event(10.0, "FailedToRetrieveImagePullSecret", "Unable to retrieve", 2));
        assert!(pod.troubles().iter().any(|line| line.starts_with("FailedToRetrieve")), "it is missing still");
        pod.record_event(event(10.0, "Failed", "Error: ErrImagePull", BURST));
        assert_eq!(pod.troubles().len(), 1, "events that end say nothing of now");
        pod.record(state(11.0, "Running"));
        assert_eq!(pod.troubles(), Vec::<String>::new());
    }

    #[test]
    fn a_back_off_of_an_old_kubelet_is_told_with_the_failure_before() {
        let mut pod = trace(&[(0.0, "ContainerCreating")]);
        pod.record_event(event(1.0, "Failed", "Failed to pull image \"x\": 401 Unauthorized", 1));
        pod.record(TraceState {
            message: Some("Back-off pulling image \"x\"".into()),
            ..state(9.0, "ImagePullBackOff")
        });
        pod.record_event(event(9.0, "BackOff", "Back-off pulling image \"x\"", 1));
        assert_eq!(pod.troubles().last().unwrap(), "Failed Failed to pull image \"x\": 401 Unauthorized");
    }

    #[test]
    fn only_an_image_that_came_was_pulled() {
        let event = |message: &str| event(1.0, "Pulled", message, 1).pulled().map(str::to_owned);
        assert_eq!(
            event("Successfully pulled image \"o/app:1\" in 1s (1s including waiting)."),
            Some("o/app:1".into())
        );
        assert_eq!(event("Container image \"o/app:1\" already present on machine"), None);
    }
}
