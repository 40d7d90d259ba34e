//! What a container's process may do and use: security contexts and limits. Pure.

use k8s_openapi::api::core::v1::{Container, Pod};

use super::state::PodExt as _;
use crate::kubewords::quantity;
use crate::mini::runtime::Confinement;

/// The container's own settings, else the pod's (`securitycontext.DetermineEffectiveSecurityContext`).
#[must_use]
pub(super) fn confinement(pod: &Pod, container: &Container) -> Confinement {
    let (own, pods) = (container.security_context.as_ref(), pod.pod_spec().security_context.as_ref());
    let user = run_as_user(pod, container).map(|id| id.to_string());
    let group = own.and_then(|own| own.run_as_group).or(pods.and_then(|pods| pods.run_as_group));
    let capabilities = own.and_then(|own| own.capabilities.clone()).unwrap_or_default();
    let limits = container.resources.as_ref().and_then(|resources| resources.limits.as_ref());
    Confinement {
        user: group.map(|group| format!("{}:{group}", user.clone().unwrap_or_default())).or(user),
        add: capabilities.add.unwrap_or_default(),
        drop: capabilities.drop.unwrap_or_default(),
        memory: limits.and_then(|limits| limits.get("memory")).map(|limit| quantity::whole(&limit.0)),
    }
}

fn run_as_user(pod: &Pod, container: &Container) -> Option<i64> {
    let own = container.security_context.as_ref().and_then(|own| own.run_as_user);
    own.or_else(|| pod.pod_spec().security_context.as_ref()?.run_as_user)
}

/// Refuses a container that must not run as root and would, or might (`verifyRunAsNonRoot`).
///
/// # Errors
/// The kubelet's message.
pub(super) fn verify_non_root(pod: &Pod, container: &Container, image_user: &str) -> Result<(), String> {
    let (own, pods) = (container.security_context.as_ref(), pod.pod_spec().security_context.as_ref());
    let non_root = own.and_then(|own| own.run_as_non_root).or(pods.and_then(|pods| pods.run_as_non_root));
    let name = image_user.split(':').next().unwrap_or_default();
    let wrong = match (run_as_user(pod, container), name.parse::<i64>()) {
        _ if non_root != Some(true) => return Ok(()),
        (Some(0), _) => "container's runAsUser breaks non-root policy".to_owned(),
        (None, Ok(0)) => "container has runAsNonRoot and image will run as root".to_owned(),
        (None, Err(_)) if name.is_empty() => "container has runAsNonRoot and image will run as root".to_owned(),
        (None, Err(_)) => {
            format!(
                "container has runAsNonRoot and image has non-numeric user ({name}), cannot verify user is non-root"
            )
        }
        (Some(_), _) | (None, Ok(_)) => return Ok(()),
    };
    Err(format!("{wrong} (pod: {:?}, container: {})", pod.formatted(), container.name))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(of_pod: Value, of_container: Value) -> Pod {
        let container = json!({
            "name": "c", "securityContext": of_container, "resources": {"limits": {"memory": "1.5Mi"}},
        });
        let spec = json!({"securityContext": of_pod, "containers": [container]});
        serde_json::from_value(json!({"metadata": {"name": "p", "namespace": "n", "uid": "u"}, "spec": spec})).unwrap()
    }

    #[test]
    fn the_containers_own_settings_come_first() {
        let pod = pod(
            json!({"runAsUser": 1, "runAsGroup": 2}),
            json!({"runAsUser": 3, "capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}}),
        );
        let found = confinement(&pod, &pod.containers()[0]);
        assert_eq!(found.user.as_deref(), Some("3:2"));
        assert_eq!((found.add, found.drop), (vec!["NET_ADMIN".to_owned()], vec!["ALL".to_owned()]));
        assert_eq!(found.memory, Some(3 << 19));
    }

    #[test]
    fn root_is_refused_where_it_must_not_be() {
        let said = |of_pod: Value, image_user: &str| {
            let pod = pod(of_pod, json!({"runAsNonRoot": true}));
            verify_non_root(&pod, &pod.containers()[0], image_user).err()
        };
        let root = "container has runAsNonRoot and image will run as root (pod: \"p_n(u)\", container: c)";
        for image_user in ["", "0", "0:0"] {
            assert_eq!(said(json!({}), image_user).as_deref(), Some(root));
        }
        assert!(said(json!({}), "www").unwrap().contains("non-numeric user (www)"));
        assert!(
            said(json!({"runAsUser": 0}), "5").unwrap().starts_with("container's runAsUser breaks non-root policy")
        );
        assert_eq!(said(json!({}), "5:6"), None);
        assert_eq!(said(json!({"runAsUser": 7}), ""), None);
    }
}
