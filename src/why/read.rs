//! Asks the cluster, and the image's registry as the pod would. Changes nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::core::v1::{Event, Node, Pod, Secret, ServiceAccount};
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};

use super::facts::{Answer, Answered, Facts};
use super::finding::Diagnosis;
use super::links::diagnose;
use super::stuck::{logins_of, tried, waited_for};
use crate::mask::Masker;
use crate::registry::{self, Credentials, Endpoint, ImageRef};

/// How long a registry may take to answer: somebody waits.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How many of a pod's logins are tried.
const LOGINS: usize = 4;

/// Where the images' registries are, seen from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RegistryLocation {
    /// They are not asked.
    Unasked,
    /// Where the images say.
    AsNamed,
    /// The stage's registry, at this host and port, is docker.io to the nodes; others are where the images say.
    InHubsPlace(String),
}

/// Reads what a diagnosis rests on.
pub(crate) struct Diagnoser<'a> {
    pub client: &'a Client,
    pub registry: RegistryLocation,
    /// Learns the passwords that are read.
    pub masker: &'a Masker,
}

impl Diagnoser<'_> {
    /// Why the pod cannot have its images, if it cannot. A pod that has no status is one of a manifest.
    ///
    /// # Errors
    /// Where the cluster does not answer; what may not be read is a note.
    pub(crate) async fn diagnosis(&self, pod: Pod) -> kube::Result<Diagnosis> {
        let facts = self.facts(pod).await?;
        Ok(diagnose(&facts))
    }

    async fn facts(&self, mut pod: Pod) -> kube::Result<Facts> {
        let namespace = pod.namespace().unwrap_or_default();
        let spec = pod.spec.clone().unwrap_or_default();
        let account = spec.service_account_name.as_deref().unwrap_or("default");
        let events = ListParams::default().fields(&format!("involvedObject.name={}", pod.name_any()));
        let (accounts, secrets, all_events, nodes) = (
            Api::<ServiceAccount>::namespaced(self.client.clone(), &namespace),
            Api::<Secret>::namespaced(self.client.clone(), &namespace),
            Api::<Event>::namespaced(self.client.clone(), &namespace),
            Api::<Node>::all(self.client.clone()),
        );
        let (account, secrets, events, node) =
            tokio::join!(accounts.get_opt(account), self.secrets(&secrets, &spec), all_events.list(&events), async {
                match spec.node_name.as_deref() {
                    Some(node) => nodes.get_opt(node).await,
                    None => Ok(None),
                }
            },);
        let account = readable(account)?.flatten();
        let mut events = readable(events)?.map(|list| list.items).unwrap_or_default();
        events.retain(|event| event.involved_object.uid == pod.uid());
        events.sort_by_key(|event| event.last_timestamp.as_ref().map(|time| time.0));
        if pod.status.is_none()
            && let Some(spec) = &mut pod.spec
            && spec.image_pull_secrets.as_ref().is_none_or(Vec::is_empty)
        {
            // As admission does it (`plugin/pkg/admission/serviceaccount`).
            spec.image_pull_secrets = account.as_ref().and_then(|account| account.image_pull_secrets.clone());
        }
        let mut facts =
            Facts { pod, account, secrets: secrets?, events, node: readable(node)?.flatten(), ..Facts::default() };
        let (elsewhere, answers, would_do) =
            tokio::join!(self.elsewhere(&facts), self.answers(&facts), self.would_do(&facts));
        (facts.elsewhere, facts.answers, facts.would_do) = (elsewhere, answers, would_do);
        Ok(facts)
    }

    /// All Secrets, or where they may not be listed those that the pod names; None where neither may be read.
    async fn secrets(
        &self,
        api: &Api<Secret>,
        spec: &k8s_openapi::api::core::v1::PodSpec,
    ) -> kube::Result<Option<Vec<Secret>>> {
        if let Some(list) = readable(api.list(&ListParams::default()).await)? {
            return Ok(Some(list.items));
        }
        let named = spec.image_pull_secrets.iter().flatten();
        let mut found = Vec::new();
        for got in join_all(named.map(|named| api.get_opt(&named.name))).await {
            match readable(got)? {
                Some(secret) => found.extend(secret),
                None => return Ok(None),
            }
        }
        Ok(Some(found).filter(|found| !found.is_empty()))
    }

    /// Where else the Secrets stand that the pod names and its namespace lacks.
    async fn elsewhere(&self, facts: &Facts) -> BTreeMap<String, Vec<String>> {
        let spec = facts.pod.spec.as_ref();
        let named = spec.and_then(|spec| spec.image_pull_secrets.as_deref()).unwrap_or_default();
        let is_there = |name: &str| facts.secrets.iter().flatten().any(|secret| secret.name_any() == name);
        let missing = named.iter().filter(|named| !is_there(&named.name));
        let asked = missing.map(|named| async {
            let of_name = ListParams::default().fields(&format!("metadata.name={}", named.name));
            // Who may not look there is not told.
            let found = Api::<Secret>::all(self.client.clone()).list_metadata(&of_name).await.ok()?;
            Some((named.name.clone(), found.iter().filter_map(ResourceExt::namespace).collect()))
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// A Secret that nobody names and that would do.
    async fn would_do(&self, facts: &Facts) -> Option<String> {
        let named = facts.pod.spec.as_ref().and_then(|spec| spec.image_pull_secrets.as_deref()).unwrap_or_default();
        let image = ImageRef::parse(waited_for(facts).first().filter(|_| named.is_empty())?).ok()?;
        let fits = |secret: &Secret| Some((secret.name_any(), logins_of(&[secret], &image).into_iter().next()?));
        let fitting = facts.secrets.iter().flatten().filter_map(fits).take(LOGINS).collect::<Vec<_>>();
        let asked = fitting.into_iter().filter(|_| self.registry != RegistryLocation::Unasked).map(|(name, login)| {
            self.masker.add(login.password.expose());
            let image = &image;
            async move { (name, self.ask(image, Some(login), architecture(facts)).await) }
        });
        join_all(asked).await.into_iter().find(|(_, one)| one.answer == Answer::Served).map(|(name, _)| name)
    }

    async fn answers(&self, facts: &Facts) -> BTreeMap<String, Vec<Answered>> {
        let architecture = architecture(facts);
        let asked = waited_for(facts).into_iter().map(|image| async move {
            let reference = ImageRef::parse(&image).ok().filter(|_| self.registry != RegistryLocation::Unasked)?;
            let logins = tried(facts, &reference);
            logins.iter().for_each(|login| self.masker.add(login.password.expose()));
            let logins: Vec<Option<Credentials>> = match logins.is_empty() {
                true => vec![None],
                false => logins.into_iter().take(LOGINS).map(Some).collect(),
            };
            let all = join_all(logins.into_iter().map(|login| self.ask(&reference, login, architecture))).await;
            Some((image, all))
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    async fn ask(&self, image: &ImageRef, login: Option<Credentials>, architecture: &str) -> Answered {
        let user = login.as_ref().map(|login| login.username.clone());
        let unknown = |words: String| Answered { user: user.clone(), answer: Answer::Unknown(words.clone()), words };
        let host = match &self.registry {
            RegistryLocation::InHubsPlace(host) if image.registry() == "docker.io" => host.clone(),
            _ => image.registry().to_owned(),
        };
        let endpoint = Endpoint { host };
        let Ok(client) = registry::Client::reaching(&endpoint) else { return unknown("no HTTP client".into()) };
        let session = client.session(endpoint, image.clone(), login);
        let asked = async {
            let error = match session.image(architecture).await {
                Ok(_) => return Answered { user: user.clone(), answer: Answer::Served, words: "200 OK".into() },
                Err(error) => error,
            };
            let tags = if error.is_not_found() { session.tags().await.ok() } else { None };
            let answer = Answer::new(&error, image.tag(), tags.as_deref());
            Answered { user: user.clone(), answer, words: error.chain() }
        };
        let within = tokio::time::timeout(ANSWER_WITHIN, asked).await;
        within.unwrap_or_else(|_| unknown(format!("no answer within {} s", ANSWER_WITHIN.as_secs())))
    }
}

/// Of the pod's node, or what most are.
fn architecture(facts: &Facts) -> &str {
    let platform = facts.node.as_ref().and_then(|node| node.status.as_ref()?.node_info.as_ref());
    platform.map_or("amd64", |info| info.architecture.as_str())
}

/// None for what may not be read.
fn readable<T>(asked: kube::Result<T>) -> kube::Result<Option<T>> {
    match asked {
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(None),
        other => other.map(Some),
    }
}
