//! A twin on a cluster: made, watched until it is refused or has its image, and removed with its namespaces.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::{StreamExt, pin_mut};
use k8s_openapi::api::core::v1::{Namespace, Pod, Secret, ServiceAccount};
use kube::api::{DeleteParams, PostParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};

use super::plan::{Original, TwinObjects};
use crate::event::{Event, millis};
use crate::exec::chain;
use crate::gateway::Names;
use crate::hint::Hint;
use crate::kubewords::status::{
    COMPLETED, CRASH_LOOP_BACK_OFF, CREATE_CONTAINER_ERROR, DELETED, ERR_IMAGE_PULL, ERROR, IMAGE_PULL_BACK_OFF,
    RUN_CONTAINER_ERROR, RUNNING,
};
use crate::observe::pod_status;
use crate::place::{make, remove};
use crate::script::{ObjectRef, Without};

/// How long a twin may take to be refused or to have its image: a kubelet's first attempt, and one more.
const DECIDED_WITHIN: Duration = Duration::from_secs(45);

/// What came of a twin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Twin {
    /// It did not get the image, in the kubelet's words: what was taken away makes the difference.
    Refused(String),
    /// It got the image all the same.
    HasImage,
    /// It could not be told, and why.
    Undecided(String),
}

/// A state of a twin, its end among them.
#[derive(Debug, Clone)]
pub(crate) struct TwinState {
    pub uid: String,
    pub status: String,
    /// Why, in the kubelet's words.
    pub message: Option<String>,
    /// When it came since the twin was made.
    pub at: Duration,
}

impl TwinState {
    /// As the event of lab `lab`, in its reader's names: `of` is the pod that the twin is of.
    pub(crate) fn event(self, lab: u32, of: &ObjectRef, without: Without, names: &Names) -> Event {
        Event::ObjectState {
            lab,
            object: of.to_string(),
            uid: self.uid,
            status: self.status,
            at_object_ms: millis(self.at),
            reason: self.message.map(|message| names.back(&message)),
            without: Some(without.to_string()),
        }
    }
}

/// Where twins stand.
pub(crate) struct Stand<'a> {
    /// The cluster's own client: twins are in nobody's names.
    pub client: &'a Client,
    /// Of the namespace, which is made for the twin.
    pub namespace: String,
    pub labels: &'a BTreeMap<String, String>,
    /// Whether the twin is over only when its namespaces are gone.
    pub until_gone: bool,
    /// Is told each state of the twin.
    pub on_state: &'a (dyn Fn(TwinState) + Sync),
}

impl Original {
    /// A pod with its ServiceAccount and the secrets that it names.
    ///
    /// # Errors
    /// Where the cluster does not answer, or has no such account.
    async fn read(client: &Client, pod: Pod) -> kube::Result<Self> {
        let namespace = &pod.namespace().unwrap_or_default();
        let account = pod.spec.as_ref().and_then(|spec| spec.service_account_name.as_deref()).unwrap_or("default");
        let account = Api::<ServiceAccount>::namespaced(client.clone(), namespace).get(account).await?;
        let named = pod.spec.as_ref().and_then(|spec| spec.image_pull_secrets.clone()).unwrap_or_default();
        let mut secrets = Vec::new();
        for secret in named {
            // A secret that is not there is none that makes the pod run.
            secrets.extend(Api::<Secret>::namespaced(client.clone(), namespace).get_opt(&secret.name).await?);
        }
        Ok(Self { pod, account, secrets })
    }
}

/// What has been seen of a twin.
#[derive(Debug, Default)]
struct Seen(Vec<String>);

impl Seen {
    /// What this state decides; None where more is to come. Refused is a twin that went through `failure`, or, where that
    /// is empty, whose image is refused.
    fn decides(&mut self, pod: &Pod, failure: &[String]) -> Option<Twin> {
        let row = pod_status(pod);
        if self.0.last() != Some(&row.status) {
            self.0.push(row.status.clone());
        }
        let has_image = matches!(
            row.status.as_str(),
            RUNNING | COMPLETED | CRASH_LOOP_BACK_OFF | RUN_CONTAINER_ERROR | CREATE_CONTAINER_ERROR | ERROR
        );
        let mut seen = self.0.iter();
        let refused = match failure {
            [] => matches!(row.status.as_str(), ERR_IMAGE_PULL | IMAGE_PULL_BACK_OFF),
            states => states.iter().all(|state| seen.any(|seen| seen == state)),
        };
        match (refused, has_image) {
            (true, _) => Some(Twin::Refused(row.message.unwrap_or(row.status))),
            // The image is there, and something else may be amiss.
            (false, true) => Some(Twin::HasImage),
            (false, false) => None,
        }
    }
}

/// Makes the twin of a pod that lives, without one thing that it has, and tells what comes of it: whether it fails as
/// `failure` says, in this order; the first refusal of its image where that is empty. With `asks_registry` it asks the
/// registry even where the node has the image. It is gone afterwards.
///
/// # Errors
/// Why there is no twin: nothing to take away, or a cluster that does not answer.
pub(crate) async fn play(
    stand: &Stand<'_>,
    pod: Pod,
    without: Without,
    asks_registry: bool,
    failure: &[String],
) -> Result<Twin, String> {
    let original = Original::read(stand.client, pod).await.map_err(|error| error.to_string())?;
    let plan = &TwinObjects::new(&original, without, asks_registry)
        .map_err(|why| format!("{why}: {}", why.hint().unwrap_or_default()))?;
    let elsewhere = format!("{}-elsewhere", stand.namespace);
    let twin = tokio::time::timeout(DECIDED_WITHIN, decided(stand, plan, &elsewhere, failure)).await;
    let twin = match twin {
        Ok(twin) => twin.unwrap_or_else(Twin::Undecided),
        Err(_) => Twin::Undecided(format!("nothing was decided within {} s", DECIDED_WITHIN.as_secs())),
    };
    let now = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
    let pods = Api::<Pod>::namespaced(stand.client.clone(), &stand.namespace);
    // What does not go now goes with the session's other namespaces.
    let _ = pods.delete(&plan.pod.name_any(), &now).await;
    for namespace in
        [&stand.namespace, &elsewhere].into_iter().take(1 + usize::from(!plan.secrets_elsewhere.is_empty()))
    {
        let namespaces = Api::<Namespace>::all(stand.client.clone());
        match stand.until_gone {
            true => drop(remove(namespaces, namespace, &now).await),
            false => drop(namespaces.delete(namespace, &now).await),
        }
    }
    Ok(twin)
}

async fn decided(stand: &Stand<'_>, plan: &TwinObjects, elsewhere: &str, failure: &[String]) -> Result<Twin, String> {
    let say = |error: kube::Error| error.to_string();
    let Stand { client, namespace, labels, .. } = stand;
    make(client, namespace, labels).await.map_err(|error| chain(&error))?;
    let create = PostParams::default();
    if !plan.secrets_elsewhere.is_empty() {
        make(client, elsewhere, labels).await.map_err(|error| chain(&error))?;
    }
    for (secrets, namespace) in [(&plan.secrets, namespace.as_str()), (&plan.secrets_elsewhere, elsewhere)] {
        for secret in secrets {
            Api::<Secret>::namespaced((*client).clone(), namespace).create(&create, secret).await.map_err(say)?;
        }
    }
    if let Some(account) = &plan.account {
        Api::<ServiceAccount>::namespaced((*client).clone(), namespace).create(&create, account).await.map_err(say)?;
    }
    let pods = Api::<Pod>::namespaced((*client).clone(), namespace);
    pods.create(&create, &plan.pod).await.map_err(say)?;
    let began = Instant::now();
    let states = watcher(pods, watcher::Config::default()).default_backoff().applied_objects();
    pin_mut!(states);
    let mut seen = Seen::default();
    while let Some(state) = states.next().await {
        let Ok(pod) = state else { continue };
        let (row, uid) = (pod_status(&pod), pod.uid().unwrap_or_default());
        (stand.on_state)(TwinState { uid: uid.clone(), status: row.status, message: row.message, at: began.elapsed() });
        if let Some(twin) = seen.decides(&pod, failure) {
            // It has shown what it was made for, and is removed.
            (stand.on_state)(TwinState { uid, status: DELETED.into(), message: None, at: began.elapsed() });
            return Ok(twin);
        }
    }
    Err("its watch ended".into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state(phase: &str, state: serde_json::Value) -> Pod {
        let status =
            json!({"name": "c", "image": "i", "imageID": "", "ready": true, "restartCount": 0, "state": state});
        let spec = json!({"containers": [{"name": "c"}]});
        let pod = json!({"metadata": {}, "spec": spec, "status": {"phase": phase, "containerStatuses": [status]}});
        serde_json::from_value(pod).unwrap()
    }

    fn waiting(reason: &str) -> Pod {
        state("Pending", json!({"waiting": {"reason": reason, "message": "no basic auth"}}))
    }

    #[test]
    fn a_twin_is_decided_by_its_first_container_that_says_something() {
        let decides = |pod: &Pod| Seen::default().decides(pod, &[]);
        assert_eq!(decides(&waiting("ErrImagePull")), Some(Twin::Refused("no basic auth".into())));
        assert_eq!(decides(&waiting("ContainerCreating")), None);
        assert_eq!(decides(&waiting("CrashLoopBackOff")), Some(Twin::HasImage));
        assert_eq!(decides(&state("Running", json!({"running": {}}))), Some(Twin::HasImage));
        let ended = state("Succeeded", json!({"terminated": {"exitCode": 0, "reason": "Completed"}}));
        assert_eq!(decides(&ended), Some(Twin::HasImage));
        assert_eq!(decides(&Pod::default()), None);
    }

    #[test]
    fn a_named_failure_is_its_states_in_order() {
        let failure = ["ErrImagePull".to_owned(), "ImagePullBackOff".to_owned()];
        let mut seen = Seen::default();
        assert_eq!(seen.decides(&waiting("ErrImagePull"), &failure), None);
        assert_eq!(seen.decides(&waiting("ImagePullBackOff"), &failure), Some(Twin::Refused("no basic auth".into())));
        assert_eq!(Seen::default().decides(&waiting("ImagePullBackOff"), &failure), None, "the first was never seen");
        let crash = ["CrashLoopBackOff".to_owned()];
        let refused = Some(Twin::Refused("no basic auth".into()));
        assert_eq!(Seen::default().decides(&waiting("CrashLoopBackOff"), &crash), refused, "it is what was named");
    }
}
