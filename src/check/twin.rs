//! The twin of a pod that runs: the same containers on the same node, in a namespace beside it, without the secret that
//! the lecture credits. A twin that gets the image, too, shows that the secret proves nothing. Knows no lecture.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt, pin_mut};
use k8s_openapi::api::core::v1::{Container, Namespace, Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, PostParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};

use crate::exec::chain;
use crate::kubewords::status::{
    COMPLETED, CRASH_LOOP_BACK_OFF, CREATE_CONTAINER_ERROR, ERR_IMAGE_PULL, ERROR, IMAGE_PULL_BACK_OFF,
    RUN_CONTAINER_ERROR, RUNNING,
};
use crate::observe::pod_status;
use crate::place::make;

/// How long a twin may take to be refused or to have its image: a kubelet's first attempt, and one more.
const DECIDED_WITHIN: Duration = Duration::from_secs(45);

/// What came of a twin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Twin {
    /// It did not get the image, in the kubelet's words: the secret is what makes the difference.
    Refused(String),
    /// It got the image without the secret.
    HasImage,
    /// It could not be told, and why.
    Undecided(String),
}

/// The pod as it would be without credentials: its containers' images and nothing that could bring a secret in.
fn without_credentials(pod: &Pod, namespace: &str) -> Option<Pod> {
    let spec = pod.spec.as_ref()?;
    let bare = |container: &Container| Container {
        name: container.name.clone(),
        image: container.image.clone(),
        image_pull_policy: container.image_pull_policy.clone(),
        command: container.command.clone(),
        args: container.args.clone(),
        ..Container::default()
    };
    let spec = PodSpec {
        containers: spec.containers.iter().map(bare).collect(),
        // The node that has the image, past the scheduler.
        node_name: spec.node_name.clone(),
        tolerations: spec.tolerations.clone(),
        automount_service_account_token: Some(false),
        termination_grace_period_seconds: Some(0),
        ..PodSpec::default()
    };
    let metadata =
        ObjectMeta { name: Some(pod.name_any()), namespace: Some(namespace.into()), ..ObjectMeta::default() };
    Some(Pod { metadata, spec: Some(spec), status: None })
}

/// What a twin's STATUS says; None where it is not decided yet.
fn decided(pod: &Pod) -> Option<Twin> {
    let row = pod_status(pod);
    match row.status.as_str() {
        ERR_IMAGE_PULL | IMAGE_PULL_BACK_OFF => Some(Twin::Refused(row.message.unwrap_or(row.status))),
        // The image is there, and something else may be amiss.
        RUNNING | COMPLETED | CRASH_LOOP_BACK_OFF | RUN_CONTAINER_ERROR | CREATE_CONTAINER_ERROR | ERROR => {
            Some(Twin::HasImage)
        }
        _ => None,
    }
}

/// Creates the twin of `pod` in `namespace`, which is made for it, and tells what comes of it; the namespace goes again.
pub(crate) async fn play(client: &Client, pod: &Pod, namespace: &str, labels: &BTreeMap<String, String>) -> Twin {
    let Some(twin) = without_credentials(pod, namespace) else { return Twin::Undecided("the pod has no spec".into()) };
    let outcome =
        async {
            make(client, namespace, labels).await.map_err(|error| chain(&error))?;
            let pods = Api::<Pod>::namespaced(client.clone(), namespace);
            pods.create(&PostParams::default(), &twin).await.map_err(|error| error.to_string())?;
            let states = watcher(pods, watcher::Config::default()).default_backoff().applied_objects();
            pin_mut!(states);
            let first = async {
                while let Some(state) = states.next().await {
                    if let Some(twin) = state.ok().as_ref().and_then(decided) {
                        return Some(twin);
                    }
                }
                None
            };
            let first = tokio::time::timeout(DECIDED_WITHIN, first).await;
            Ok::<_, String>(first.ok().flatten().unwrap_or_else(|| {
                Twin::Undecided(format!("nothing was decided within {} s", DECIDED_WITHIN.as_secs()))
            }))
        };
    let outcome = outcome.await.unwrap_or_else(Twin::Undecided);
    let now = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
    // What does not go now goes with the lecture's other namespaces.
    let _ = Api::<Pod>::namespaced(client.clone(), namespace).delete(&twin.name_any(), &now).await;
    let _ = Api::<Namespace>::all(client.clone()).delete(namespace, &now).await;
    outcome
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(value: serde_json::Value) -> Pod {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_twin_has_the_image_and_the_node_and_no_way_to_a_secret() {
        let original = pod(json!({
            "metadata": {"name": "p", "namespace": "a"},
            "spec": {
                "nodeName": "n", "serviceAccountName": "sa", "imagePullSecrets": [{"name": "s"}],
                "volumes": [{"name": "v", "secret": {"secretName": "s"}}],
                "containers": [{"name": "c", "image": "i:1", "env": [{"name": "X", "value": "y"}],
                                "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
            },
        }));
        let twin = serde_json::to_value(without_credentials(&original, "beside").unwrap()).unwrap();
        assert_eq!(twin["metadata"], json!({"name": "p", "namespace": "beside"}));
        assert_eq!(
            twin["spec"],
            json!({
                "nodeName": "n", "containers": [{"name": "c", "image": "i:1"}],
                "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 0,
            })
        );
    }

    #[test]
    fn a_twin_is_decided_by_its_first_container_that_says_something() {
        let state = |phase: &str, state: serde_json::Value| {
            let status =
                json!({"name": "c", "image": "i", "imageID": "", "ready": true, "restartCount": 0, "state": state});
            let spec = json!({"containers": [{"name": "c"}]});
            decided(&pod(
                json!({"metadata": {}, "spec": spec, "status": {"phase": phase, "containerStatuses": [status]}}),
            ))
        };
        let waiting =
            |reason: &str| state("Pending", json!({"waiting": {"reason": reason, "message": "no basic auth"}}));
        assert_eq!(waiting("ErrImagePull"), Some(Twin::Refused("no basic auth".into())));
        assert_eq!(waiting("ContainerCreating"), None);
        assert_eq!(waiting("CrashLoopBackOff"), Some(Twin::HasImage));
        assert_eq!(state("Running", json!({"running": {}})), Some(Twin::HasImage));
        assert_eq!(
            state("Succeeded", json!({"terminated": {"exitCode": 0, "reason": "Completed"}})),
            Some(Twin::HasImage)
        );
        assert_eq!(decided(&pod(json!({"metadata": {}}))), None);
    }
}
