//! Why a lab did not pass, beyond what its checks say: asked of the registry, of the pods and of the watch, once something
//! has gone wrong. A step says *what* came out otherwise; this says what made it so. Knows no verdicts.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Secret, ServiceAccount};
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use serde::Serialize;

use super::check::{LabContext, StepRun};
use crate::hint::Hint;
use crate::observe::Trace;
use crate::registry::{self, Credentials, Endpoint, Keyring};
use crate::script::{CheckKind, ObjectRef};

/// How long the stage's registry may think about a question of ours: it is next door.
const ANSWER: Duration = Duration::from_secs(5);
/// How long a watch has been cut when that is a cause.
const CUT: Duration = Duration::from_millis(300);

/// What made a lab come out otherwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(tag = "cause", rename_all = "kebab-case")]
pub(crate) enum Cause {
    #[error("the watch of the cluster is cut, and nothing is seen of its pods: {why}")]
    WatchCut { why: String },
    #[error("the registry's log cannot be read: {why}")]
    LogCut { why: String },
    #[error("the registry does not answer: {why}")]
    RegistryDown { why: String },
    #[error("the registry has not answered within {} s: it is slow, or hangs", ANSWER.as_secs())]
    RegistrySilent,
    #[error("the registry asks nobody for a login")]
    OpenRegistry,
    #[error("the registry lets anybody pull {image}: its tokens grant it to whoever asks")]
    TokensForAnybody { image: String },
    #[error("the registry takes any password of {user}")]
    AnyPassword { user: String },
    #[error("another image stands under {image} than the one that was pushed: {served}, not {pushed}")]
    OtherImage { image: String, served: String, pushed: String },
    #[error("{pod} did not ask the registry: {image} was on its node already")]
    AlreadyOnNode { pod: ObjectRef, image: String },
    #[error("{pod} names the pull secret {secret}, which its namespace does not have{}", others(.has))]
    SecretMissing { pod: ObjectRef, secret: String, has: Vec<String> },
    #[error("{pod} names the pull secret {secret}, which is in namespace {namespace}")]
    SecretElsewhere { pod: ObjectRef, secret: String, namespace: String },
    #[error("the pull secret {secret} of {pod} is for {}, which is not where {image} is", .servers.join(", "))]
    OtherServer { pod: ObjectRef, secret: String, servers: Vec<String>, image: String },
    #[error("{pod} names no pull secret: its ServiceAccount {account} lists {} only since the pod was created", .secrets.join(", "))]
    PatchedLater { pod: ObjectRef, account: String, secrets: Vec<String> },
    #[error("{pod} has the pull secret {} from its ServiceAccount {account}, and was to have none", .secrets.join(", "))]
    LeftoverSecret { pod: ObjectRef, account: String, secrets: Vec<String> },
    #[error("the twin of {pod} without {without} gets its image, too: what is taken away makes no difference")]
    TwinRuns { pod: ObjectRef, without: String },
    #[error("{object} was never {state}: {went}")]
    NeverInState { object: ObjectRef, state: String, went: String },
    #[error("it says otherwise: {printed}")]
    OtherText { printed: String },
}

fn others(has: &[String]) -> String {
    if has.is_empty() { String::new() } else { format!(" (it has {})", has.join(", ")) }
}

impl Cause {
    /// Its word in JSON.
    pub(crate) fn name(&self) -> String {
        let written = serde_json::to_value(self).unwrap_or_default();
        written["cause"].as_str().unwrap_or_default().to_owned()
    }
}

impl Hint for Cause {
    fn hint(&self) -> Option<String> {
        match self {
            Self::WatchCut { .. } => Some("is the cluster still there? `kubectl get --raw /readyz` asks it".into()),
            Self::LogCut { .. } => {
                Some("`docker logs` of the registry's container has to work: does its driver keep any?".into())
            }
            Self::RegistryDown { .. } | Self::RegistrySilent => Some(
                "`docker ps` and `docker stats` tell whether the registry's container runs, and has room to".into(),
            ),
            Self::OpenRegistry | Self::TokensForAnybody { .. } | Self::AnyPassword { .. } => {
                Some("a lab on private images proves something only where the registry turns others away".into())
            }
            Self::OtherImage { .. } => Some("somebody else has pushed to that tag: tags move, digests do not".into()),
            Self::AlreadyOnNode { .. } => {
                Some("take the image off the node (`crictl rmi`), or set `imagePullPolicy: Always`".into())
            }
            Self::SecretMissing { .. } | Self::SecretElsewhere { .. } => {
                Some("a pull secret counts in its own namespace and under its own name only".into())
            }
            Self::OtherServer { .. } => Some("docker.io's server is https://index.docker.io/v1/".into()),
            Self::PatchedLater { .. } => {
                Some("a pod gets its ServiceAccount's list when it is created: create it again".into())
            }
            Self::LeftoverSecret { .. } => Some("take the secret off the ServiceAccount before the step".into()),
            Self::TwinRuns { .. } => {
                Some("does anything else let the pod in: the node, its ServiceAccount, the registry?".into())
            }
            // The state, or the text, is all there is to say.
            Self::NeverInState { .. } | Self::OtherText { .. } => None,
        }
    }
}

/// What is amiss with what the step stands on, the likeliest first.
pub(super) async fn causes(step_run: &StepRun<'_>, context: &LabContext<'_>) -> Vec<Cause> {
    let mut found: Vec<Cause> = context.site.watch.cut(CUT).map(|why| Cause::WatchCut { why }).into_iter().collect();
    found.extend(of_registry(context).await);
    let objects = super::check::objects(&step_run.step.checks);
    for object in objects.iter().filter(|object| object.kind == "pod") {
        let trace = context.site.watch.look(|recorder| recorder.latest(object, step_run.began).cloned());
        let Some(trace) = trace else { continue };
        found.extend(already_there(&trace));
        let wanted = super::lab::is_wanted(&step_run.step.checks, object);
        // What cannot be read now is no cause that could be told.
        found.extend(of_pod(&context.site.gateway.client(), &trace, wanted).await.ok().flatten());
    }
    let after =
        |object: &ObjectRef| context.site.watch.look(|recorder| recorder.latest(object, step_run.began).cloned());
    found.extend(step_run.step.checks.iter().find_map(|check| match &check.kind {
        CheckKind::Expect { object, states } => {
            let trace = after(object)?;
            let never = states.iter().find(|state| trace.states.iter().all(|seen| seen.status != **state))?;
            Some(Cause::NeverInState { object: object.clone(), state: never.clone(), went: trace.to_string() })
        }
        CheckKind::Prints { contains } if !contains.found_in(&step_run.printed.all) => {
            let printed = step_run.printed.all.lines().rfind(|line| !line.trim().is_empty())?;
            Some(Cause::OtherText { printed: printed.to_owned() })
        }
        _ => None,
    }));
    found
}

async fn of_registry(context: &LabContext<'_>) -> Option<Cause> {
    match tokio::time::timeout(ANSWER, ask_registry(context)).await {
        Ok(Err(error @ registry::Error::Request { .. })) => Some(Cause::RegistryDown { why: error.chain() }),
        // Another answer than the one hoped for is no cause.
        Ok(answer) => answer.ok().flatten(),
        Err(_) => Some(Cause::RegistrySilent),
    }
}

/// Asks the registry for the lab's images as a stranger, as its user with a wrong password, and as its user. A registry
/// of the user's own is not asked with wrong passwords: it may lock the account.
async fn ask_registry(context: &LabContext<'_>) -> Result<Option<Cause>, registry::Error> {
    let stage = context.stage;
    let endpoint = Endpoint { host: stage.handle.registry.clone() };
    let Ok(client) = registry::Client::reaching(&endpoint) else { return Ok(None) };
    if client.asks_nobody(&endpoint).await? {
        return Ok(Some(Cause::OpenRegistry));
    }
    let (names, user) = (context.site.gateway.names(), stage.credentials().username);
    for image in names.images() {
        let Ok(reference) = image.parse() else { continue };
        match client.session(endpoint.clone(), reference, None).resolve().await {
            Err(error) if !error.is_not_found() => {}
            _ => return Ok(Some(Cause::TokensForAnybody { image: names.back(&image) })),
        }
    }
    let wrong = Credentials::new(&user, "not-the-password");
    if !stage.is_users() && client.login(&endpoint, &wrong).await.is_ok() {
        return Ok(Some(Cause::AnyPassword { user }));
    }
    for image in names.images() {
        let Some(pushed) = context.pushed(&image) else { continue };
        let Ok(session) = stage.ask(&image) else { continue };
        match session.resolve().await {
            Ok(found) if found.digest != pushed => {
                let (image, pushed) = (names.back(&image), pushed.to_owned());
                return Ok(Some(Cause::OtherImage { image, served: found.digest, pushed }));
            }
            _ => {}
        }
    }
    Ok(None)
}

fn already_there(trace: &Trace) -> Option<Cause> {
    let image = trace.events.iter().find_map(|event| event.was_there())?;
    Some(Cause::AlreadyOnNode { pod: trace.object.clone(), image: image.to_owned() })
}

/// What is amiss with the pull secrets of a pod: of one that was to run and has no image, or was to be refused and has.
async fn of_pod(client: &Client, trace: &Trace, wanted: bool) -> kube::Result<Option<Cause>> {
    let ObjectRef { namespace, name, .. } = &trace.object;
    let object = || trace.object.clone();
    let pods = Api::<Pod>::namespaced(client.clone(), namespace);
    let Some(spec) = pods.get_opt(name).await?.and_then(|pod| pod.spec) else { return Ok(None) };
    let account = spec.service_account_name.clone().unwrap_or_else(|| "default".into());
    let accounts = Api::<ServiceAccount>::namespaced(client.clone(), namespace);
    let listed = accounts.get_opt(&account).await?.and_then(|account| account.image_pull_secrets).unwrap_or_default();
    let listed: Vec<String> = listed.into_iter().map(|secret| secret.name).collect();
    let named: Vec<String> = spec.image_pull_secrets.iter().flatten().map(|secret| secret.name.clone()).collect();
    match (wanted, !trace.images.is_empty()) {
        (false, true) => {
            let secrets: Vec<String> = named.into_iter().filter(|name| listed.contains(name)).collect();
            let leftover = !secrets.is_empty();
            return Ok(leftover.then(|| Cause::LeftoverSecret { pod: object(), account, secrets }));
        }
        (true, false) if named.is_empty() => {
            let patched = !listed.is_empty();
            return Ok(patched.then(|| Cause::PatchedLater { pod: object(), account, secrets: listed }));
        }
        (true, false) => {}
        (true, true) | (false, false) => return Ok(None),
    }
    let all = Api::<Secret>::all(client.clone()).list(&ListParams::default()).await?.items;
    let own = |secret: &&Secret| secret.namespace().as_ref() == Some(namespace);
    let image = spec.containers.iter().find_map(|container| container.image.clone()).unwrap_or_default();
    for secret in named {
        let called = |found: &&Secret| found.name_any() == secret;
        let Some(there) = all.iter().filter(own).find(called) else {
            let has = all.iter().filter(own).filter(|found| config(found).is_some());
            let has: Vec<_> = has.map(ResourceExt::name_any).collect();
            return Ok(Some(match all.iter().find(called).and_then(ResourceExt::namespace) {
                Some(namespace) if has.is_empty() => Cause::SecretElsewhere { pod: object(), secret, namespace },
                // Where the namespace has pull secrets, it is rather a name that is wrong.
                _ => Cause::SecretMissing { pod: object(), secret, has },
            }));
        };
        if let Some(servers) = config(there).and_then(|config| servers_of_others(config, &image)) {
            return Ok(Some(Cause::OtherServer { pod: object(), secret, servers, image }));
        }
    }
    Ok(None)
}

fn config(secret: &Secret) -> Option<&[u8]> {
    Some(&secret.data.as_ref()?.get(".dockerconfigjson")?.0)
}

/// The servers of a docker config none of which is the image's.
fn servers_of_others(config: &[u8], image: &str) -> Option<Vec<String>> {
    let mut keyring = Keyring::default();
    keyring.add_dockerconfigjson(config).ok()?;
    let name = registry::ImageRef::parse(image).ok()?.name();
    let written: serde_json::Value = serde_json::from_slice(config).ok()?;
    let servers = written["auths"].as_object()?.keys().cloned().collect();
    Some(servers).filter(|_| keyring.lookup(&name).is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_has_a_word_a_sentence_and_mostly_something_to_do() {
        let pod = ObjectRef { kind: "pod".into(), namespace: "default".into(), name: "p".into() };
        let missing = Cause::SecretMissing { pod, secret: "s".into(), has: vec!["t".into()] };
        assert_eq!(missing.name(), "secret-missing");
        assert_eq!(missing.to_string(), "pod/p names the pull secret s, which its namespace does not have (it has t)");
        assert!(missing.hint().is_some());
        assert_eq!(Cause::OpenRegistry.name(), "open-registry");
    }

    #[test]
    fn a_server_is_anothers_where_no_login_fits_the_image() {
        let config = |server: &str| Credentials::new("u", "p").dockerconfigjson(&[server]).into_bytes();
        let others = |server: &str| servers_of_others(&config(server), "docker.io/o/app:1");
        assert_eq!(others("https://index.docker.io/v1/"), None);
        assert_eq!(others("https://registry.invalid/v1/"), Some(vec!["https://registry.invalid/v1/".into()]));
    }
}
