//! The kubelet's decision about one image (`pkg/kubelet/images/image_manager.go`, `EnsureImageExists`).
//! Pure: says what to do and what to tell; does not pull.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;

use super::records::{PullRecords, SecretRecord};
use super::state::{Failure, Node, PodState};
use crate::kubewords::status::{ERR_IMAGE_NEVER_PULL, ERR_IMAGE_PULL, IMAGE_PULL_BACK_OFF, INVALID_IMAGE_NAME};
use crate::mini::events::ObjectEvent;
use crate::mini::runtime::{Image, PullError};
use crate::registry::keyring::{Keyring, KeyringError};
use crate::registry::{Credentials, ImageRef};

/// A login to try, and where it came from.
#[derive(Debug, Clone)]
pub(super) struct TrackedAuthConfig {
    pub credentials: Credentials,
    pub source: SecretRecord,
}

/// What to do about an image. Events are about the container.
#[derive(Debug)]
pub(super) enum Decision {
    /// It is on the node and the pod may use it.
    Use {
        event: ObjectEvent,
    },
    /// Pull with each login in turn; anonymously when there is none.
    Pull {
        logins: Vec<TrackedAuthConfig>,
        event: ObjectEvent,
    },
    /// The pull fails before it asks anybody.
    Broken {
        message: String,
        event: ObjectEvent,
    },
    Refuse {
        failure: Failure,
        event: Option<ObjectEvent>,
    },
}

/// The name to ask the runtime for: a bare name is tagged, nothing else changes.
///
/// # Errors
/// `InvalidImageName` with the kubelet's message.
pub(super) fn tagged(image: &str) -> Result<(String, ImageRef), Failure> {
    let reference = ImageRef::parse(image).map_err(|error| Failure {
        reason: INVALID_IMAGE_NAME.into(),
        message: format!("Failed to apply default image tag {image:?}: couldn't parse image name {image:?}: {error}"),
    })?;
    let bare = reference.digest().is_none() && !image.ends_with(&format!(":{}", reference.object()));
    Ok((if bare { format!("{image}:latest") } else { image.to_owned() }, reference))
}

/// The logins of a pod's pull secrets that fit an image, in the order the kubelet tries them. Secrets of other
/// types, or without the type's key, are passed over.
///
/// # Errors
/// When a docker config is malformed: then no secret counts, and the container waits with this message.
pub(super) fn logins(secrets: &[Secret], reference: &ImageRef) -> Result<Vec<TrackedAuthConfig>, KeyringError> {
    let mut keyring = Keyring::default();
    let mut sources = Vec::new();
    for secret in secrets {
        let bytes = |key: &str| secret.data.as_ref()?.get(key).map(|data| data.0.as_slice()).filter(|b| !b.is_empty());
        match (secret.type_.as_deref(), bytes(".dockerconfigjson"), bytes(".dockercfg")) {
            (Some("kubernetes.io/dockerconfigjson"), Some(config), _) => keyring.add_dockerconfigjson(config)?,
            (Some("kubernetes.io/dockercfg"), _, Some(config)) => keyring.add_dockercfg(config)?,
            _ => continue,
        }
        sources.push(&secret.metadata);
    }
    let login = |found: crate::registry::keyring::Match| {
        let meta = sources[found.config];
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        let (namespace, name, uid) = (text(&meta.namespace), text(&meta.name), text(&meta.uid));
        let source = SecretRecord::new(&namespace, &name, &uid, &found.credentials);
        TrackedAuthConfig { credentials: found.credentials, source }
    };
    Ok(keyring.lookup(&reference.name()).into_iter().map(login).collect())
}

/// Decides from what the node has (`present`), the policy, the secrets, and the failures so far.
#[must_use]
pub(super) fn decide(
    node: &Node,
    state: &PodState,
    records: &mut PullRecords,
    (image, policy): (&str, &str),
    present: Option<&Image>,
    secrets: &[Secret],
    now: Timestamp,
) -> Decision {
    let never = || {
        let message = format!("Container image {image:?} is not present with pull policy of Never");
        let event = Some(ObjectEvent::warning(ERR_IMAGE_NEVER_PULL, message.clone()));
        Decision::Refuse { failure: Failure { reason: ERR_IMAGE_NEVER_PULL.into(), message }, event }
    };
    let present = present.filter(|_| policy != "Always");
    if present.is_none() && policy == "Never" {
        return never();
    }
    if present.is_some() && !node.verifies_present_images() {
        let message = format!("Container image {image:?} already present on machine");
        return Decision::Use { event: ObjectEvent::normal("Pulled", message) };
    }
    let reference = match tagged(image) {
        Ok((_, reference)) => reference,
        Err(failure) => {
            return Decision::Refuse { failure, event: None };
        }
    };
    let logins = match logins(secrets, &reference) {
        Ok(logins) => logins,
        // Until 1.32 the secrets were read within the pull, which then failed and backed off.
        Err(error) if node.version.minor <= 32 => {
            return match waits(state, image, now) {
                Some(refused) => refused,
                None => Decision::Broken { message: error.to_string(), event: pulling(image) },
            };
        }
        // Since then they are read before: the error itself is the reason, and there is no back-off.
        Err(error) => {
            let message = error.to_string();
            let failure = Failure { reason: message.clone().into(), message };
            return Decision::Refuse { failure, event: None };
        }
    };
    if let Some(present) = present {
        let sources: Vec<_> = logins.iter().map(|login| login.source.clone()).collect();
        if !records.must_pull(&present.id, &reference.name(), &sources) {
            let message =
                format!("Container image {image:?} already present on machine and can be accessed by the pod");
            return Decision::Use { event: ObjectEvent::normal("Pulled", message) };
        }
    }
    if policy == "Never" {
        return never();
    }
    waits(state, image, now).unwrap_or_else(|| Decision::Pull { logins, event: pulling(image) })
}

fn pulling(image: &str) -> ObjectEvent {
    ObjectEvent::normal("Pulling", format!("Pulling image {image:?}"))
}

/// Refuses an image whose pull has failed and is not due again.
fn waits(state: &PodState, image: &str, now: Timestamp) -> Option<Decision> {
    if !state.image_backoff.waits(image, now) {
        return None;
    }
    let bare = format!("Back-off pulling image {image:?}");
    // The status names the cause, the event does not.
    let message = match state.pull_errors.get(image) {
        Some(cause) => format!("{bare}: {cause}"),
        None => bare.clone(),
    };
    let failure = Failure { reason: IMAGE_PULL_BACK_OFF.into(), message };
    Some(Decision::Refuse { failure, event: Some(ObjectEvent::normal("BackOff", bare)) })
}

/// Notes a failed pull: its back-off begins.
pub(super) fn pull_failed(
    state: &mut PodState,
    image: &str,
    error: &PullError,
    now: Timestamp,
) -> (Failure, ObjectEvent) {
    state.image_backoff.next(image, now);
    let failure = Failure { reason: ERR_IMAGE_PULL.into(), message: error.message.clone() };
    state.pull_errors.insert(image.to_owned(), format!("{}: {}", failure.reason, failure.message));
    (failure, ObjectEvent::warning("Failed", format!("Failed to pull image {image:?}: {}", error.message)))
}

/// Notes a pull that succeeded with `login`, or with None anonymously. `waited` includes the queue for the puller.
pub(super) fn pull_succeeded(
    records: &mut PullRecords,
    image: &str,
    pulled: &Image,
    login: Option<TrackedAuthConfig>,
    (took, waited): (Duration, Duration),
) -> ObjectEvent {
    if let Ok(reference) = ImageRef::parse(image) {
        records.pulled(&pulled.id, &reference.name(), login.map(|login| login.source));
    }
    let (took, waited) = (go_duration(took), go_duration(waited));
    let size = pulled.size;
    let message = format!(
        "Successfully pulled image {image:?} in {took} ({waited} including waiting). Image size: {size} bytes."
    );
    ObjectEvent::normal("Pulled", message)
}

/// Go's `Duration.String` after truncation to milliseconds.
pub(super) fn go_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    match (millis / 60_000, millis % 60_000) {
        (0, 0) => "0s".to_owned(),
        (0, millis) if millis < 1000 => format!("{millis}ms"),
        (0, millis) => format!("{}s", millis as f64 / 1000.0),
        (minutes, millis) if minutes < 60 => format!("{minutes}m{}s", millis as f64 / 1000.0),
        (minutes, millis) => format!("{}h{}m{}s", minutes / 60, minutes % 60, millis as f64 / 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_go_prints_them() {
        for (millis, text) in
            [(0, "0s"), (196, "196ms"), (1000, "1s"), (2500, "2.5s"), (61_001, "1m1.001s"), (3_600_000, "1h0m0s")]
        {
            assert_eq!(go_duration(Duration::from_micros(millis * 1000 + 900)), text);
        }
    }

    #[test]
    fn a_bare_name_is_tagged_and_a_bad_one_explained() {
        for (image, tagged_name) in [
            ("nginx", "nginx:latest"),
            ("localhost:5001/a/b", "localhost:5001/a/b:latest"),
            ("a/b:1", "a/b:1"),
            ("a/b:latest", "a/b:latest"),
        ] {
            assert_eq!(tagged(image).unwrap().0, tagged_name);
        }
        assert_eq!(
            tagged("a::b").unwrap_err().message,
            r#"Failed to apply default image tag "a::b": couldn't parse image name "a::b": invalid reference format"#
        );
    }
}
