//! What one case stands on: a namespace, an image name and a shell of its own, so that cases can be played side by
//! side and each pull is a pull. Knows no case.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Namespace, Pod, Secret, ServiceAccount};
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use kube::config::Kubeconfig;
use kube::runtime::wait::await_condition;
use serde_json::{Value, json};

use super::error::Error;
use super::pod::PodSpec;
use super::record::{CaseRecord, Observation};
use super::testbed::{Testbed, gone};
use super::words::Words;
use crate::docker::labels;
use crate::kubewords::status::{ERR_IMAGE_NEVER_PULL, IMAGE_PULL_BACK_OFF, INVALID_IMAGE_NAME};
use crate::observe::Trace;
use crate::place::{Printed, Shell, ShellSpec};
use crate::registry::Credentials;
use crate::script::ObjectRef;
use crate::wait::{Probe, Wake, until};
use crate::why::{Diagnoser, RegistryLocation};

/// Enough for a fourth attempt in real time, and for pulls that wait for others.
const PATIENCE: Duration = Duration::from_secs(150);

/// The server a pull secret is for where the lecture speaks of Docker Hub.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// What the names of the cases' images begin with, in their records too.
const REPOSITORY: &str = "docker.io/conformance/";

/// Whose credentials a pull secret holds, and for which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretContents {
    Right,
    WrongPassword,
    /// The right ones, but for a server the image is not on.
    OtherServer,
}

pub(crate) struct World<'a> {
    pub testbed: &'a Testbed<'a>,
    /// Different in each run; taken out of the record.
    tag: String,
    pub namespace: String,
    /// What the case's pods run: in the registry under a name no node has ever seen.
    pub image: String,
    /// What pull secrets for it are for.
    server: String,
    words: Words,
    shell: Shell,
    began: Instant,
    record: CaseRecord,
    /// What `why` named each time a pod was seen waiting for its image.
    pub causes: Vec<String>,
}

impl<'a> World<'a> {
    /// Makes the namespace and waits for its default ServiceAccount.
    ///
    /// # Errors
    /// Where the cluster refuses.
    pub(crate) async fn make(testbed: &'a Testbed<'a>, case: &str) -> Result<Self, Error> {
        let tag = format!("-x{:06x}", rand::random::<u32>() & 0xff_ffff);
        let namespace = format!("{case}{tag}");
        let object: Namespace = from_json(json!({
            "metadata": { "name": namespace, "labels": { labels::SESSION: testbed.session } },
        }));
        Api::all(testbed.client.clone()).create(&PostParams::default(), &object).await?;
        let accounts = Api::<ServiceAccount>::namespaced(testbed.client.clone(), &namespace);
        let exists = |account: Option<&ServiceAccount>| account.is_some();
        let comes = tokio::time::timeout(PATIENCE, await_condition(accounts, "default", exists)).await;
        let Ok(Ok(_)) = comes else { return Err(Error::NoServiceAccount) };
        let words = testbed.words.and(&tag, "");
        // A user's own registry may offer no more than one level below its folder.
        let (repository, server) = match &testbed.stage.handle.remote {
            Some(remote) => (format!("{}/conformance-", remote.place()), remote.host.as_str()),
            None => (REPOSITORY.into(), DOCKER_HUB),
        };
        let path = testbed.stage.handle.remote.as_ref().map(|remote| format!("/v2/{}/conformance-", remote.path));
        let words =
            words.and(&path.unwrap_or("/v2/conformance/".into()), "/v2/conformance/").and(&repository, REPOSITORY);
        let image = format!("{repository}{case}{tag}:1.0.0");
        let mut shell = shell(testbed, &namespace)?;
        shell.set("IMAGE", &image);
        shell.set("NAMESPACE", &namespace);
        shell.set("SERVER", server);
        let record = CaseRecord { case: case.into(), seen: Vec::new() };
        let server = server.to_owned();
        Ok(Self { testbed, tag, namespace, image, server, words, shell, began: Instant::now(), record, causes: vec![] })
    }

    /// Everything recorded; the namespace goes.
    ///
    /// # Errors
    /// Where it does not go.
    pub(crate) async fn close(self) -> Result<CaseRecord, Error> {
        if self.testbed.stage.is_users() {
            // What a registry does not delete is left to its own housekeeping.
            let _ = self.testbed.stage.withdraw(&self.image).await;
        }
        self.testbed.remove(self.namespace).await?;
        Ok(self.record)
    }

    /// A name that no other run has: for a repository or a second namespace.
    pub(crate) fn own(&self, name: &str) -> String {
        format!("{name}{}", self.tag)
    }

    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.testbed.client.clone(), &self.namespace)
    }

    /// Pushes the application under the case's image name.
    ///
    /// # Errors
    /// Where the registry refuses.
    pub(crate) async fn serve(&self) -> Result<(), Error> {
        Ok(self.testbed.stage.serve(&self.image).await?)
    }

    /// Creates a pull secret.
    ///
    /// # Errors
    /// Where the cluster refuses.
    pub(crate) async fn secret(&self, name: &str, login: SecretContents) -> Result<(), Error> {
        self.put_secret(&self.pull_secret(name, login)).await
    }

    /// A pull secret as kubectl makes it, not yet created.
    pub(crate) fn pull_secret(&self, name: &str, login: SecretContents) -> Value {
        let right = self.testbed.stage.credentials();
        let (credentials, server) = match login {
            SecretContents::Right => (right, self.server.as_str()),
            SecretContents::WrongPassword => {
                (Credentials::new(right.username, "not-the-password"), self.server.as_str())
            }
            SecretContents::OtherServer => (right, "registry.example.com"),
        };
        json!({
            "metadata": { "name": name },
            "type": "kubernetes.io/dockerconfigjson",
            "stringData": { ".dockerconfigjson": credentials.dockerconfigjson(&[server]) },
        })
    }

    /// Creates a secret, or puts it in the place of the one there is.
    ///
    /// # Errors
    /// Where the cluster refuses.
    pub(crate) async fn put_secret(&self, secret: &Value) -> Result<(), Error> {
        let api = self.api::<Secret>();
        let secret: Secret = from_json(secret.clone());
        let name = secret.metadata.name.clone().unwrap_or_default();
        match api.create(&PostParams::default(), &secret).await {
            Err(kube::Error::Api(status)) if status.code == 409 => {
                api.patch(&name, &PatchParams::default(), &Patch::Merge(&secret)).await?;
            }
            other => drop(other?),
        }
        Ok(())
    }

    /// Gives a ServiceAccount these pull secrets; creates it where it is not there.
    ///
    /// # Errors
    /// Where the cluster refuses.
    pub(crate) async fn service_account(&self, name: &str, secrets: &[&str]) -> Result<(), Error> {
        let secrets: Vec<_> = secrets.iter().map(|name| json!({ "name": name })).collect();
        let account = json!({ "metadata": { "name": name }, "imagePullSecrets": secrets });
        let api = self.api::<ServiceAccount>();
        match api.create(&PostParams::default(), &from_json(account.clone())).await {
            Err(kube::Error::Api(status)) if status.code == 409 => {
                api.patch(name, &PatchParams::default(), &Patch::Merge(&account)).await?;
            }
            other => drop(other?),
        }
        Ok(())
    }

    /// Creates a pod; the watch is open already.
    ///
    /// # Errors
    /// Where the cluster refuses.
    pub(crate) async fn pod(&self, pod: &PodSpec) -> Result<(), Error> {
        let pod: Pod = from_json(pod.manifest(&self.image));
        self.api().create(&PostParams::default(), &pod).await?;
        Ok(())
    }

    /// Deletes a pod at once and waits until it has gone: what is seen from now on is another pod.
    ///
    /// # Errors
    /// Where it does not go.
    pub(crate) async fn delete_pod(&mut self, name: &str) -> Result<(), Error> {
        gone(self.api::<Pod>(), name.into(), Some(0)).await?;
        self.seen("the end of the pod", name, Trace::ended).await?;
        self.began = Instant::now();
        Ok(())
    }

    /// Waits until a pod has gone through these states and its events say so too, and records what it went through
    /// until then.
    ///
    /// # Errors
    /// [`Error::TimedOut`] with the last state.
    pub(crate) async fn goes_through(&mut self, pod: &str, states: &[&str]) -> Result<(), Error> {
        let states: Vec<String> = states.iter().map(|&state| state.to_owned()).collect();
        let what = format!("{pod} to go through {}", states.join(", "));
        let last = states.last().cloned().unwrap_or_default();
        let reached = |trace: &Trace| went_through(trace, &states) && proven(trace, &last);
        let trace = self.seen(&what, pod, reached).await?;
        self.record.seen.push(Observation::pod(&trace, &self.words));
        if [ERR_IMAGE_NEVER_PULL, IMAGE_PULL_BACK_OFF, INVALID_IMAGE_NAME].contains(&last.as_str()) {
            let registry = match self.testbed.stage.handle.own_registry() {
                Some((_, address)) => RegistryLocation::InHubsPlace(address.to_string()),
                None => RegistryLocation::AsNamed,
            };
            let reader = Diagnoser { client: &self.testbed.client, registry, masker: &self.testbed.masker };
            let diagnosis = reader.diagnosis(self.api::<Pod>().get(pod).await?).await?;
            self.causes.push(diagnosis.cause.map_or_else(|| "none".into(), |cause| cause.id.to_owned()));
        }
        Ok(())
    }

    /// Waits for a pod's newest trace to be as asked, and returns it as it was at that moment.
    ///
    /// # Errors
    /// [`Error::TimedOut`] with the last state.
    pub(crate) async fn seen(&self, what: &str, pod: &str, reached: impl Fn(&Trace) -> bool) -> Result<Trace, Error> {
        let object = ObjectRef { kind: "pod".into(), namespace: self.namespace.clone(), name: pod.into() };
        let watch = &self.testbed.watch;
        let probe = async || {
            watch.look(|recorder| match recorder.latest(&object, self.began) {
                Some(trace) if reached(trace) => Probe::Done(trace.clone()),
                Some(trace) => Probe::Pending(trace.to_string()),
                None => Probe::Pending(format!("{object} never appeared")),
            })
        };
        Ok(until(what, PATIENCE, Wake::Changed(watch.changes()), probe).await?)
    }

    /// Records a question and its answer.
    pub(crate) fn fact(&mut self, fact: &str, is: impl ToString) {
        self.record.seen.push(Observation::Fact { fact: fact.into(), is: self.words.text(&is.to_string()) });
    }

    /// Plays a command in the case's namespace and records what it printed.
    ///
    /// # Errors
    /// Where it does not end.
    pub(crate) async fn play(&mut self, command: &str) -> Result<(), Error> {
        let printed = self.quietly(command).await?;
        self.record.seen.push(Observation::command(command, &printed, &self.words));
        Ok(())
    }

    /// Plays a command without a record of it.
    ///
    /// # Errors
    /// Where it does not end.
    pub(crate) async fn quietly(&self, command: &str) -> Result<Printed, Error> {
        // One pipe for both streams: their order is the program's.
        Ok(self.shell.play(&format!("exec 2>&1\n{command}"), PATIENCE).await?)
    }
}

/// A reason among a pod's events, and how the message begins, that belong to a state. The events come by another
/// watch than the pod and may be late.
fn proof_of(status: &str) -> &'static [(&'static str, &'static str)] {
    const PROOFS: &[(&str, &[(&str, &str)])] = &[
        ("ErrImagePull", &[("Failed", "Error: ErrImagePull")]),
        ("ImagePullBackOff", &[("BackOff", ""), ("Failed", "Error: ImagePullBackOff")]),
        ("ErrImageNeverPull", &[("Failed", "Error: ErrImageNeverPull")]),
        ("InvalidImageName", &[("Failed", "Error: InvalidImageName")]),
        ("Running", &[("Started", "")]),
    ];
    PROOFS.iter().find(|(of, _)| *of == status).map(|(_, proof)| *proof).unwrap_or_default()
}

/// Literally: an event that tells of a state is not the state, and a record needs both.
fn went_through(trace: &Trace, states: &[String]) -> bool {
    let mut seen = trace.states.iter();
    states.iter().all(|status| seen.any(|state| state.status == *status))
}

fn proven(trace: &Trace, status: &str) -> bool {
    proof_of(status)
        .iter()
        .all(|(reason, begins)| trace.events_because(reason).any(|event| event.message.starts_with(begins)))
}

/// A shell whose kubectl speaks to the case's namespace.
fn shell(testbed: &Testbed<'_>, namespace: &str) -> Result<Shell, Error> {
    let handle = &testbed.stage.handle;
    let folder = handle.private.join("conformance").join(namespace);
    let unfit = |error: &dyn std::fmt::Display| Error::Kubeconfig(error.to_string());
    let mut config = Kubeconfig::read_from(&handle.kubeconfig).map_err(|error| unfit(&error))?;
    for context in config.contexts.iter_mut().filter_map(|named| named.context.as_mut()) {
        context.namespace = Some(namespace.into());
    }
    Ok(Shell::prepare(&ShellSpec {
        folder: &folder,
        name: "case",
        // All cases speak to the same server, and find out about it once.
        cache: Some(&handle.private.join("kubectl-cache")),
        sessions: &handle.sessions(),
        program: &testbed.program,
        kubectl: Some(&testbed.kubectl),
        // JSON is YAML; the folder is its owner's alone.
        kubeconfig: &serde_json::to_string(&config).map_err(|error| unfit(&error))?,
        docker: None,
        credentials: &testbed.stage.credentials(),
        sources: &[],
    })?)
}

pub(super) fn from_json<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("a manifest written in this room fits its type")
}
