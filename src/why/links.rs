//! The chain from the image's name to the registry's answer. Pure.
//!
//! The kubelet's own words (the message beside STATUS, else its newest event) come first: they say what happened on the
//! node. What stands in the cluster says why, and the registry's answer tells cases apart that the words leave open.

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;

use super::facts::{Answer, Answered, Facts, nearest};
use super::finding::{BrokenLink, Diagnosis, Grade, Observation};
use super::stuck::{CONFIG_JSON, DOCKER_HUB, Stuck, config, keyring, logins, stuck};
use crate::kubewords::status::{COMPLETED, ERR_IMAGE_NEVER_PULL, IMAGE_PULL_BACK_OFF, RUNNING, SUCCEEDED};
use crate::observe::{WireTrouble, pod_status, wire_trouble};
use crate::registry::ImageRef;

/// What lies between the node and a registry: the finding's name, what it means, and what to look at.
const fn on_the_way(trouble: WireTrouble) -> (&'static str, &'static str, &'static str) {
    match trouble {
        WireTrouble::NotOfThisStage => (
            "registry-not-of-this-stage",
            "mini's node reaches no registry but the stage's",
            "rehearse up --cluster kind",
        ),
        WireTrouble::PlainHttp => (
            "registry-plain-http",
            "the registry speaks plain HTTP and the node asks for TLS",
            "cat /etc/containerd/certs.d/HOST/hosts.toml   # on the node: name it there with http://",
        ),
        WireTrouble::Untrusted => (
            "registry-untrusted",
            "the node does not trust the registry's certificate",
            "cat /etc/containerd/certs.d/HOST/hosts.toml   # on the node: `ca` names the registry's CA",
        ),
        WireTrouble::Unreachable => (
            "registry-unreachable",
            "the node does not reach the registry",
            "curl -i https://HOST/v2/   # on the node: any answer will do, 401 too",
        ),
        WireTrouble::Limits => (
            "registry-limits",
            "the registry limits how much may be pulled",
            "kubectl create secret docker-registry NAME …   # who logs in may pull more",
        ),
    }
}

/// What is amiss with a pod's images.
pub(super) fn diagnose(facts: &Facts) -> Diagnosis {
    let row = pod_status(&facts.pod);
    let has_status = facts.pod.status.is_some();
    let mut diagnosis = Diagnosis {
        pod: facts.pod.name_any(),
        namespace: facts.pod.namespace().unwrap_or_default(),
        status: if has_status { row.status } else { String::new() },
        container: None,
        image: None,
        holds: Vec::new(),
        cause: None,
        notes: Vec::new(),
    };
    let Some(stuck) = stuck(facts) else {
        if has_status && ![RUNNING, COMPLETED, SUCCEEDED].contains(&diagnosis.status.as_str()) {
            let message = row.message.map(|message| format!(": {message}")).unwrap_or_default();
            diagnosis.notes.push(format!("what it waits for is another matter{message}"));
        }
        return diagnosis;
    };
    diagnosis.container = Some(stuck.container.name.clone());
    diagnosis.image = Some(stuck.image.to_owned());
    for (holds, link) in CHAIN {
        if let Some(finding) = link(&stuck) {
            diagnosis.cause = Some(finding);
            break;
        }
        diagnosis.holds.push(holds);
    }
    if diagnosis.cause.is_none() && has_status {
        diagnosis.cause = Some(unexplained(&stuck));
    }
    diagnosis.notes = notes(&stuck);
    diagnosis
}

type Link = fn(&Stuck<'_>) -> Option<BrokenLink>;

/// Each link by its name.
const CHAIN: &[(&str, Link)] = &[
    ("name", invalid_name),
    ("pull policy", never_pulled),
    ("way to the registry", wire),
    ("repository and tag", not_there),
    ("secret named", no_secret),
    ("secret there", missing),
    ("its type and key", wrong_type),
    ("its form", damaged),
    ("its server", other_server),
    ("its login", refused),
    ("next attempt", healed),
];

fn invalid_name(stuck: &Stuck<'_>) -> Option<BrokenLink> {
    let error = ImageRef::parse(stuck.image).err()?;
    let at = stuck
        .facts
        .pod
        .spec
        .as_ref()
        .and_then(|spec| spec.containers.iter().position(|container| container.name == stuck.container.name));
    let path = format!(".spec.containers[{}].image", at.map_or("*".into(), |at| at.to_string()));
    let finding = BrokenLink::new("image-name-invalid", format!("`{}` names no image: {error}", stuck.image));
    let finding = finding.shown_by(Observation::new(stuck.pod(), &path, stuck.image));
    Some(finding.mended(
        Grade::Change,
        format!(
            "kubectl set image pod/{} {}=[HOST/]NAME[:TAG] -n {}",
            stuck.facts.pod.name_any(),
            stuck.container.name,
            stuck.namespace
        ),
    ))
}

fn never_pulled(stuck: &Stuck<'_>) -> Option<BrokenLink> {
    if stuck.status != ERR_IMAGE_NEVER_PULL {
        return None;
    }
    let says = "the pod forbids pulling, and the node does not have the image, or not for this pod";
    let finding = BrokenLink::new("never-pulled", says);
    let finding = finding.shown_by(Observation::new(stuck.pod(), ".spec.containers[*].imagePullPolicy", "Never"));
    Some(finding.mended(Grade::Destroys, format!("{}   # with imagePullPolicy: IfNotPresent", stuck.deletion())))
}

fn wire(stuck: &Stuck<'_>) -> Option<BrokenLink> {
    let (id, says, command) = on_the_way(wire_trouble(&stuck.words)?);
    let host = stuck.reference().map(|reference| reference.registry().to_owned()).unwrap_or_default();
    let finding = BrokenLink::new(id, format!("{says} ({host})")).shown_by(stuck.kubelets());
    Some(finding.mended(Grade::Inspect, command.replace("HOST", &host)))
}

/// The kubelet was let in and found nothing, or nothing for its processor; or, before it has asked, the registry says so.
fn not_there(stuck: &Stuck<'_>) -> Option<BrokenLink> {
    let reference = stuck.reference()?;
    // A refusal may be a repository's that is not there; an answer to the pod's own login tells.
    let told = stuck
        .answers()
        .iter()
        .find(|one| matches!(one.answer, Answer::TagUnknown { .. } | Answer::RepositoryUnknown | Answer::NoPlatform));
    let by_words = stuck.says(&[": not found", "manifest unknown", "MANIFEST_UNKNOWN", "NAME_UNKNOWN"]);
    let no_platform = stuck.says(&["no match for platform"]);
    let name = reference.name();
    let finding = match told.map(|one| &one.answer) {
        Some(Answer::RepositoryUnknown) => {
            BrokenLink::new("repository-unknown", format!("the registry has no repository `{name}`"))
        }
        Some(Answer::TagUnknown { near }) => {
            let near = near.as_ref().map(|near| format!("; it has `{near}`")).unwrap_or_default();
            BrokenLink::new("tag-unknown", format!("`{name}` has no `{}`{near}", reference.object()))
        }
        _ if no_platform || told.is_some() => {
            let node = stuck.facts.node.as_ref().and_then(|node| node.status.as_ref()?.node_info.as_ref());
            let architecture = node.map_or("the node's processor", |info| info.architecture.as_str());
            BrokenLink::new("platform-missing", format!("`{}` is not made for {architecture}", stuck.image))
        }
        _ if by_words => {
            BrokenLink::new("image-unknown", format!("the registry has no such repository or tag: `{}`", stuck.image))
        }
        _ => return None,
    };
    let finding = match told {
        Some(one) => finding.shown_by(Observation::new(format!("registry {}", reference.registry()), "", &*one.words)),
        None => finding,
    };
    let finding = if stuck.words.is_empty() { finding } else { finding.shown_by(stuck.kubelets()) };
    Some(finding.mended(
        Grade::Change,
        format!(
            "kubectl set image pod/{} {}={name}:TAG -n {}",
            stuck.facts.pod.name_any(),
            stuck.container.name,
            stuck.namespace
        ),
    ))
}

fn no_secret(stuck: &Stuck<'_>) -> Option<BrokenLink> {
    if !stuck.named().is_empty() || !stuck.is_refused() {
        return None;
    }
    let account = stuck.account();
    let listed = stuck.facts.account.as_ref().and_then(|account| account.image_pull_secrets.as_deref());
    let listed: Vec<&str> = listed.unwrap_or_default().iter().map(|one| one.name.as_str()).collect();
    if let [secret, ..] = listed[..] {
        let says = format!(
            "ServiceAccount `{account}` lists the pull secret `{secret}` now; the pod was created before and has none"
        );
        let finding = BrokenLink::new("account-patched-late", says);
        let finding = finding
            .shown_by(Observation::new(format!("serviceaccount/{account}"), ".imagePullSecrets[0].name", secret))
            .shown_by(Observation::new(stuck.pod(), ".spec.imagePullSecrets", "not set"));
        return Some(finding.mended(Grade::Destroys, stuck.deletion()));
    }
    let says = format!(
        "neither the pod nor its ServiceAccount `{account}` names a pull secret, and the registry asks for one"
    );
    let finding = BrokenLink::new("no-secret-named", says)
        .shown_by(Observation::new(stuck.pod(), ".spec.imagePullSecrets", "not set"))
        .shown_by(Observation::new(format!("serviceaccount/{account}"), ".imagePullSecrets", "not set"));
    let finding = if stuck.words.is_empty() { finding } else { finding.shown_by(stuck.kubelets()) };
    let patch = |name: &str| {
        format!(
            "kubectl patch serviceaccount {account} -n {} -p '{{\"imagePullSecrets\":[{{\"name\":\"{name}\"}}]}}'",
            stuck.namespace
        )
    };
    // One that is there and would do is only to be named.
    let finding = match &stuck.facts.would_do {
        Some(name) => finding
            .shown_by(Observation::new(format!("secret/{name}"), "", "would do, and nobody names it"))
            .mended(Grade::Change, patch(name)),
        None => finding.mended(Grade::Change, stuck.creation("NAME")).mended(Grade::Change, patch("NAME")),
    };
    Some(finding.mended(Grade::Destroys, stuck.deletion()))
}

/// Only where no other of the pod's secrets has a login for the image.
fn missing(stuck: &Stuck<'_>) -> Option<BrokenLink> {
    stuck.facts.secrets.as_ref().filter(|_| !stuck.is_served())?;
    let named = stuck.named();
    let gone = named.iter().find(|named| named.secret.is_none())?;
    let present: Vec<&Secret> = stuck.present().into_iter().map(|(_, secret)| secret).collect();
    if !logins(stuck, &present).is_empty() {
        return None;
    }
    let elsewhere = stuck.facts.elsewhere.get(gone.name).map(Vec::as_slice).unwrap_or_default();
    let known: Vec<String> = stuck.facts.secrets.iter().flatten().map(ResourceExt::name_any).collect();
    let near = nearest(gone.name, &known);
    let namespace = &stuck.namespace;
    let says = format!("the pod names the pull secret `{}`, which {namespace} does not have", gone.name);
    let path = format!(".spec.imagePullSecrets[{}].name", gone.at);
    let finding = BrokenLink::new("secret-missing", says).shown_by(Observation::new(stuck.pod(), &path, gone.name));
    let finding = match (elsewhere, &near) {
        ([], Some(near)) => {
            finding.shown_by(Observation::new(format!("secret/{near}"), ".metadata.name", "is there, spelt otherwise"))
        }
        ([], None) => finding,
        (there, _) => finding.shown_by(Observation::new(
            format!("secret/{}", gone.name),
            ".metadata.namespace",
            format!("is in {} only; a pod reads those of its own namespace", there.join(", ")),
        )),
    };
    Some(
        finding
            .mended(Grade::Inspect, format!("kubectl get secrets -n {namespace}"))
            .mended(Grade::Change, stuck.creation(gone.name)),
    )
}

fn wrong_type(stuck: &Stuck<'_>) -> Option<BrokenLink> {
    let present = stuck.present();
    let (at, secret) = present.iter().find(|(_, secret)| config(secret).is_none())?;
    let all: Vec<&Secret> = present.iter().map(|(_, secret)| *secret).collect();
    if stuck.is_served() || !logins(stuck, &all).is_empty() {
        return None;
    }
    let name = secret.name_any();
    let type_ = secret.type_.clone().unwrap_or_default();
    let keys: Vec<_> = secret.data.iter().flatten().map(|(key, _)| key.clone()).collect();
    let says = format!("the kubelet reads no login in secret `{name}`: its type is `{type_}`, not `{}`", CONFIG_JSON.0);
    let finding = BrokenLink::new("secret-of-wrong-type", says)
        .shown_by(Observation::new(stuck.pod(), &format!(".spec.imagePullSecrets[{at}].name"), &*name))
        .shown_by(Observation::new(format!("secret/{name}"), ".type", type_))
        .shown_by(Observation::new(format!("secret/{name}"), ".data", format!("has the keys: {}", keys.join(", "))));
    let anew = format!("kubectl delete secret {name} -n {}   # a secret's type cannot be changed", stuck.namespace);
    Some(finding.mended(Grade::Change, anew).mended(Grade::Change, stuck.creation(&name)))
}

/// One damaged secret fails all of a pod's.
fn damaged(stuck: &Stuck<'_>) -> Option<BrokenLink> {
    let found = stuck.present().into_iter().find_map(|(at, secret)| Some((at, secret, keyring(&[secret]).err()?)));
    let (at, secret, error) = found?;
    let name = secret.name_any();
    let says = format!("the login in secret `{name}` cannot be read: {error}");
    let key = config(secret).map_or(CONFIG_JSON.1, |(key, _)| key);
    let finding = BrokenLink::new("secret-damaged", says)
        .shown_by(Observation::new(stuck.pod(), &format!(".spec.imagePullSecrets[{at}].name"), &*name))
        .shown_by(Observation::new(format!("secret/{name}"), &format!(".data['{key}']"), error.to_string()));
    let anew = format!("kubectl delete secret {name} -n {} && {}", stuck.namespace, stuck.creation(&name));
    Some(finding.mended(Grade::Change, anew))
}

fn other_server(stuck: &Stuck<'_>) -> Option<BrokenLink> {
    let present: Vec<&Secret> = stuck.present().into_iter().map(|(_, secret)| secret).collect();
    if present.is_empty() || !stuck.is_refused() || !logins(stuck, &present).is_empty() {
        return None;
    }
    let servers = keyring(&present).ok()?.servers();
    let host = stuck.reference()?.registry().to_owned();
    let first = present[0].name_any();
    let has = if servers.is_empty() { "none".to_owned() } else { servers.join(", ") };
    let says = format!("the pull secret has no login for `{host}`, where the image is; it has: {has}");
    let finding = BrokenLink::new("secret-for-other-server", says)
        .shown_by(Observation::new(stuck.pod(), ".spec.containers[*].image", stuck.image))
        .shown_by(Observation::new(format!("secret/{first}"), ".data['.dockerconfigjson'] → auths", has));
    let anew = format!("kubectl delete secret {first} -n {} && {}", stuck.namespace, stuck.creation(&first));
    Some(finding.mended(Grade::Change, anew))
}

/// There is a login for the image, and it is not enough.
fn refused(stuck: &Stuck<'_>) -> Option<BrokenLink> {
    let present: Vec<&Secret> = stuck.present().into_iter().map(|(_, secret)| secret).collect();
    let ring = keyring(&present).ok()?;
    let logins = logins(stuck, &present);
    let login = logins.first()?;
    let own: Vec<&Answered> = stuck.answers().iter().filter(|one| one.user.is_some()).collect();
    let host = stuck.reference()?.registry().to_owned();
    let is = |wanted: &Answer| own.iter().find(|one| one.answer == *wanted);
    let asked = own.iter().any(|one| !matches!(one.answer, Answer::Unknown(_)));
    if own.iter().any(|one| one.answer == Answer::Served) {
        return None;
    }
    let by_words = !asked && !stuck.words.is_empty();
    let unauthorized =
        ["401 Unauthorized", "failed to authorize", "incorrect username or password", "invalid username"];
    let denied = ["insufficient_scope", "access denied", "403 Forbidden", "access to the resource is denied"];
    let name = present.get(login.config).map(|secret| secret.name_any()).unwrap_or_default();
    let user = &login.credentials.username;
    let hides = ring.servers().iter().any(|server| server == "index.docker.io")
        && ring.servers().iter().any(|server| server.split('/').next() == Some(DOCKER_HUB))
        && host == DOCKER_HUB;
    let finding = if hides && (asked || by_words) {
        let says =
            "the entry `docker.io` fits the image and hides `https://index.docker.io/v1/`, whose login is not tried";
        BrokenLink::new("entry-hidden", says).shown_by(Observation::new(
            format!("secret/{name}"),
            ".data['.dockerconfigjson'] → auths",
            ring.servers().join(", "),
        ))
    } else if is(&Answer::LoginRefused).is_some() || by_words && stuck.says(&unauthorized) {
        let says = format!("{host} does not take the login of `{user}` in secret `{name}`: wrong user or password");
        BrokenLink::new("login-refused", says)
    } else if is(&Answer::Denied).is_some() || by_words && stuck.says(&denied) {
        let says = format!("{host} knows `{user}` and does not give the image: no right to it, or no such repository");
        BrokenLink::new("not-allowed", says)
    } else {
        return None;
    };
    let finding = match own.first() {
        Some(one) => finding.shown_by(Observation::new(format!("registry {host}, asked as {user}"), "", &*one.words)),
        None => finding,
    };
    let finding = if stuck.words.is_empty() { finding } else { finding.shown_by(stuck.kubelets()) };
    let look = format!(
        "kubectl get secret {name} -n {} -o jsonpath='{{.data.\\.dockerconfigjson}}' | base64 -d",
        stuck.namespace
    );
    let anew = format!("kubectl delete secret {name} -n {} && {}", stuck.namespace, stuck.creation(&name));
    Some(finding.mended(Grade::Inspect, look).mended(Grade::Change, anew))
}

/// The registry gives the image to the pod's login now: the next attempt has it.
fn healed(stuck: &Stuck<'_>) -> Option<BrokenLink> {
    let served = stuck.answers().iter().find(|one| one.answer == Answer::Served)?;
    stuck.facts.pod.status.as_ref()?;
    let host = stuck.reference()?.registry().to_owned();
    let who = served.user.as_ref().map_or("anybody".to_owned(), |user| format!("`{user}`"));
    let says =
        format!("nothing is broken any more: {host} gives the image to {who}, and the kubelet's next attempt has it");
    let finding = BrokenLink::new("waits-for-next-attempt", says).shown_by(stuck.kubelets());
    Some(finding.mended(Grade::Destroys, format!("{}   # it need not wait then", stuck.deletion())))
}

fn unexplained(stuck: &Stuck<'_>) -> BrokenLink {
    let says = "the image does not come, for a reason that neither the cluster nor the registry shows from here";
    let finding = BrokenLink::new("unexplained", says).shown_by(stuck.kubelets());
    let pod = stuck.facts.pod.name_any();
    finding.mended(Grade::Inspect, format!("kubectl describe pod {pod} -n {}", stuck.namespace))
}

/// What could not be looked at, and where the back-off stands.
fn notes(stuck: &Stuck<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    if stuck.facts.secrets.is_none() {
        notes.push(format!("you may not read the secrets of {}: what is in them was not looked at", stuck.namespace));
    }
    for one in stuck.answers() {
        if let Answer::Unknown(why) = &one.answer {
            notes.push(format!("the registry could not be asked from here: {why}"));
            break;
        }
    }
    let pulling = stuck.facts.events.iter().rev().find(|event| event.reason.as_deref() == Some("Pulling"));
    let attempts = pulling.and_then(|event| event.count).unwrap_or(0);
    if stuck.status == IMAGE_PULL_BACK_OFF && attempts > 0 {
        // kubelet: `imageBackOff`, 10 s doubled to five minutes.
        let waits = 10_u64.saturating_mul(1 << u32::try_from(attempts - 1).unwrap_or(0).min(5)).min(300);
        notes.push(format!("{attempts} attempts so far; the kubelet waits up to {waits} s for the next"));
    }
    notes
}
