//! What the kubelet's events say of pulls: which image came, and which one a registry refused.
//! Knows nothing of who asked, or with which credentials.

use std::sync::LazyLock;

use regex::Regex;

use super::trace::EventSeen;

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

impl EventSeen {
    /// The image that was pulled, if this event says so; one that was there already was not.
    pub fn pulled(&self) -> Option<&str> {
        let told = self.message.strip_prefix("Successfully pulled image \"").filter(|_| self.reason == "Pulled")?;
        told.split_once('"').map(|(image, _)| image)
    }

    /// The image whose pull a registry refused, if this event says so.
    pub fn refused(&self) -> Option<&str> {
        let told = self.message.strip_prefix("Failed to pull image \"").filter(|_| self.reason == "Failed")?;
        let (image, why) = told.split_once("\": ")?;
        // A request that failed was not answered, whatever a proxy on its way says.
        let answered = !why.contains("failed to do request");
        // Names may sound like anything: they stand in quotes, or have a slash.
        let own = why.split('"').step_by(2).flat_map(str::split_whitespace).filter(|word| !word.contains('/'));
        (answered && REFUSAL.is_match(&own.collect::<Vec<_>>().join(" "))).then_some(image)
    }
}

#[cfg(test)]
mod tests {
    use super::super::trace::tests::event;

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
