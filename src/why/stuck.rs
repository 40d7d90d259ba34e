//! A container whose image does not come, and the logins that its pod has for it. Pure.

use k8s_openapi::api::core::v1::{Container, ContainerStatus, Secret};
use kube::ResourceExt;

use super::facts::{Answer, Answered, Facts};
use super::finding::Observation;
use crate::kubewords::controller;
use crate::kubewords::status::{
    ERR_IMAGE_NEVER_PULL, ERR_IMAGE_PULL, IMAGE_INSPECT_ERROR, IMAGE_PULL_BACK_OFF, INVALID_IMAGE_NAME,
    REGISTRY_UNAVAILABLE,
};
use crate::observe::is_refusal;
use crate::registry::keyring::{KeyringError, Match};
use crate::registry::{Credentials, ImageRef, Keyring};

pub(super) const CONFIG_JSON: (&str, &str) = ("kubernetes.io/dockerconfigjson", ".dockerconfigjson");
pub(super) const CONFIG: (&str, &str) = ("kubernetes.io/dockercfg", ".dockercfg");

pub(super) const DOCKER_HUB: &str = "docker.io";

/// What the kubelet waits with when an image does not come. A damaged secret's own words are STATUS, too.
const WAITING: &[&str] = &[
    ERR_IMAGE_PULL,
    IMAGE_PULL_BACK_OFF,
    ERR_IMAGE_NEVER_PULL,
    IMAGE_INSPECT_ERROR,
    INVALID_IMAGE_NAME,
    REGISTRY_UNAVAILABLE,
    "SignatureValidationFailed",
];

/// The words of Go's decoders, which are STATUS where a secret is damaged (kubelet 1.33 and later).
const DAMAGED: &[&str] =
    &["illegal base64 data", "unable to parse auth field", "json: cannot unmarshal", "invalid character"];

/// One container whose image does not come.
pub(super) struct Stuck<'a> {
    pub(super) facts: &'a Facts,
    pub(super) namespace: String,
    pub(super) container: &'a Container,
    pub(super) image: &'a str,
    pub(super) status: String,
    /// Where in the pod the kubelet's words stand.
    pub(super) field: String,
    pub(super) words: String,
}

/// A pull secret that the pod names.
pub(super) struct Named<'a> {
    pub(super) at: usize,
    pub(super) name: &'a str,
    pub(super) secret: Option<&'a Secret>,
}

impl<'a> Stuck<'a> {
    pub(super) fn named(&self) -> Vec<Named<'a>> {
        let secrets = self.facts.pod.spec.as_ref().and_then(|spec| spec.image_pull_secrets.as_deref());
        let known = self.facts.secrets.as_deref().unwrap_or_default();
        let named = secrets.unwrap_or_default().iter().enumerate().map(|(at, reference)| Named {
            at,
            name: &reference.name,
            secret: known.iter().find(|secret| secret.name_any() == reference.name),
        });
        named.collect()
    }

    /// The secrets that the pod names and that are there.
    pub(super) fn present(&self) -> Vec<(usize, &'a Secret)> {
        self.named().into_iter().filter_map(|named| Some((named.at, named.secret?))).collect()
    }

    pub(super) fn reference(&self) -> Option<ImageRef> {
        ImageRef::parse(self.image).ok()
    }

    pub(super) fn answers(&self) -> &[Answered] {
        self.facts.answers.get(self.image).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn is_served(&self) -> bool {
        self.answers().iter().any(|one| one.answer == Answer::Served)
    }

    /// Whether somebody says that the image is refused for want of a login: the kubelet or the registry.
    pub(super) fn is_refused(&self) -> bool {
        let by_registry = |one: &Answered| matches!(one.answer, Answer::LoginRefused | Answer::Denied);
        !self.is_served() && (self.answers().iter().any(by_registry) || is_refusal(&self.words))
    }

    pub(super) fn says(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.words.contains(word))
    }

    /// The kubelet's words as evidence.
    pub(super) fn kubelets(&self) -> Observation {
        Observation::new(self.pod(), &self.field, self.words.clone())
    }

    pub(super) fn pod(&self) -> String {
        format!("pod/{}", self.facts.pod.name_any())
    }

    pub(super) fn account(&self) -> String {
        let spec = self.facts.pod.spec.as_ref();
        spec.and_then(|spec| spec.service_account_name.clone()).unwrap_or_else(|| "default".into())
    }

    /// The image's host as a docker config names it.
    pub(super) fn server(&self) -> String {
        match self.reference().map(|reference| reference.registry().to_owned()) {
            Some(host) if host == DOCKER_HUB => "https://index.docker.io/v1/".into(),
            Some(host) => host,
            None => "HOST".into(),
        }
    }

    pub(super) fn creation(&self, name: &str) -> String {
        let (server, namespace) = (self.server(), &self.namespace);
        format!(
            "kubectl create secret docker-registry {name} -n {namespace} --docker-server={server} --docker-username=… \
             --docker-password=…"
        )
    }

    pub(super) fn deletion(&self) -> String {
        match controller(&self.facts.pod.metadata) {
            Some(_) => format!(
                "kubectl delete pod {} -n {}   # its owner makes it anew",
                self.facts.pod.name_any(),
                self.namespace
            ),
            None => {
                format!("kubectl delete pod {} -n {} && kubectl apply -f …", self.facts.pod.name_any(), self.namespace)
            }
        }
    }
}

/// The images of containers that wait for them; of a pod that is on no cluster yet, all.
pub(super) fn waited_for(facts: &Facts) -> Vec<String> {
    match (&facts.pod.status, stuck(facts)) {
        (None, _) => {
            let spec = facts.pod.spec.as_ref();
            let containers =
                spec.into_iter().flat_map(|spec| spec.init_containers.iter().flatten().chain(&spec.containers));
            containers.filter_map(|container| container.image.clone()).collect()
        }
        (Some(_), stuck) => stuck.into_iter().map(|stuck| stuck.image.to_owned()).collect(),
    }
}

/// The first container whose image does not come; of a pod that is on no cluster yet the first that is refused.
pub(super) fn stuck<'a>(facts: &'a Facts) -> Option<Stuck<'a>> {
    let spec = facts.pod.spec.as_ref()?;
    let mut containers = spec.init_containers.iter().flatten().chain(&spec.containers);
    let namespace = facts.pod.namespace().unwrap_or_default();
    let Some(status) = &facts.pod.status else {
        let is_served = |container: &&Container| {
            let image = container.image.as_deref().unwrap_or_default();
            facts.answers.get(image).is_some_and(|all| all.iter().any(|one| one.answer == Answer::Served))
        };
        let container = containers.find(|container| !is_served(container))?;
        let image = container.image.as_deref().unwrap_or_default();
        let (status, field, words) = Default::default();
        return Some(Stuck { facts, namespace, container, image, status, field, words });
    };
    let of = |list: &'static str, statuses: &'a Option<Vec<ContainerStatus>>| {
        let numbered = statuses.iter().flatten().enumerate();
        numbered.map(move |(at, status)| (format!(".status.{list}[{at}].state.waiting.message"), status))
    };
    let statuses = of("initContainerStatuses", &status.init_container_statuses)
        .chain(of("containerStatuses", &status.container_statuses));
    let waiting = |status: &ContainerStatus| {
        let waiting = status.state.as_ref()?.waiting.clone()?;
        let reason = waiting.reason.unwrap_or_default();
        let damaged = DAMAGED.iter().any(|words| reason.contains(words));
        (WAITING.contains(&reason.as_str()) || damaged).then(|| (reason, waiting.message.unwrap_or_default()))
    };
    let mut waiting = statuses.filter_map(|(field, status)| Some((field, &status.name, waiting(status)?)));
    let (field, name, (status, message)) = waiting.next()?;
    let container = containers.find(|container| container.name == *name)?;
    let image = container.image.as_deref().unwrap_or_default();
    // Kubelets before 1.32 do not say in a back-off what went wrong, and later ones say no more than that at first.
    let told = |message: &str| message.starts_with("Failed to pull") && message.contains(&format!("\"{image}\""));
    let event = facts.events.iter().rev().filter_map(|event| event.message.clone()).find(|message| told(message));
    let (field, words) = match event.filter(|_| !message.contains(": ")) {
        Some(event) => ("event Failed".to_owned(), event),
        None => (field, message),
    };
    Some(Stuck { facts, namespace, container, image, status, field, words })
}

/// The key that the kubelet reads in a secret of this type, and its contents (`MakeDockerKeyring`).
pub(super) fn config(secret: &Secret) -> Option<(&'static str, &[u8])> {
    let (_, key) = [CONFIG_JSON, CONFIG].into_iter().find(|(type_, _)| secret.type_.as_deref() == Some(type_))?;
    let contents = &secret.data.as_ref()?.get(key)?.0;
    (!contents.is_empty()).then_some((key, contents.as_slice()))
}

/// The logins of these secrets as the kubelet holds them. A secret that it does not read is an empty one.
pub(super) fn keyring(secrets: &[&Secret]) -> Result<Keyring, KeyringError> {
    let mut ring = Keyring::default();
    for secret in secrets {
        match config(secret) {
            Some((key, contents)) if key == CONFIG.1 => ring.add_dockercfg(contents)?,
            Some((_, contents)) => ring.add_dockerconfigjson(contents)?,
            None => ring.add_dockerconfigjson(b"{}")?,
        }
    }
    Ok(ring)
}

pub(super) fn logins(stuck: &Stuck<'_>, secrets: &[&Secret]) -> Vec<Match> {
    let Some(reference) = stuck.reference() else { return Vec::new() };
    keyring(secrets).map(|ring| ring.lookup(&reference.name())).unwrap_or_default()
}

/// The logins that the kubelet would try for an image of a pod, in its order.
pub(super) fn tried(facts: &Facts, image: &ImageRef) -> Vec<Credentials> {
    let spec = facts.pod.spec.as_ref();
    let named = spec.and_then(|spec| spec.image_pull_secrets.as_deref()).unwrap_or_default().iter();
    let known = facts.secrets.as_deref().unwrap_or_default();
    let secrets: Vec<&Secret> =
        named.filter_map(|named| known.iter().find(|secret| secret.name_any() == named.name)).collect();
    logins_of(&secrets, image)
}

/// The logins of secrets for an image; none where one of them is damaged.
pub(super) fn logins_of(secrets: &[&Secret], image: &ImageRef) -> Vec<Credentials> {
    let found = keyring(secrets).map(|ring| ring.lookup(&image.name())).unwrap_or_default();
    found.into_iter().map(|found| found.credentials).collect()
}
