//! What a twin is made of: the pod's containers, and of what stands around it all but the one thing that is taken away.
//! Pure.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Container, LocalObjectReference, Pod, PodSpec, Secret, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;
use serde_json::{Map, Value};

use crate::hint::Hint;
use crate::script::Without;

/// A pod that runs, and what stands around it.
#[derive(Debug, Clone)]
pub(crate) struct Original {
    pub pod: Pod,
    /// Its ServiceAccount.
    pub account: ServiceAccount,
    /// The secrets that it names.
    pub secrets: Vec<Secret>,
}

/// The objects of a twin, for a namespace of its own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TwinObjects {
    pub pod: Pod,
    pub secrets: Vec<Secret>,
    /// Secrets for another namespace than the pod's.
    pub secrets_elsewhere: Vec<Secret>,
    /// None where the namespace's own `default` will do.
    pub account: Option<ServiceAccount>,
}

/// Why there is no twin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NothingToTake {
    #[error("the pod has no spec")]
    NoSpec,
    #[error("the pod names no pull secret that could be taken away")]
    NoSecret,
    #[error("the pod's ServiceAccount lists no pull secret that could be taken away")]
    NoPatch,
    #[error("the pod's ServiceAccount is the namespace's default: there is no other to be taken away")]
    DefaultAccount,
    #[error("no pull secret of the pod holds a docker config that could be spoilt")]
    NoConfig,
}

impl Hint for NothingToTake {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoSpec | Self::NoSecret => "a twin shows something of pods that pull with a secret only".into(),
            Self::NoPatch => "`without secret` takes away what the pod itself names".into(),
            Self::DefaultAccount => "`without patch` takes the secret off the default account".into(),
            Self::NoConfig => "`without secret` takes the secret away as a whole".into(),
        })
    }
}

impl TwinObjects {
    /// The twin of `original` without one thing. With `asks_registry` it asks the registry even where the node has the
    /// image.
    ///
    /// # Errors
    /// Where there is nothing to take away.
    pub(crate) fn new(original: &Original, without: Without, asks_registry: bool) -> Result<Self, NothingToTake> {
        let spec = original.pod.spec.as_ref().ok_or(NothingToTake::NoSpec)?;
        let named = spec.image_pull_secrets.clone().unwrap_or_default();
        let listed = original.account.image_pull_secrets.clone().unwrap_or_default();
        if named.is_empty() {
            return Err(NothingToTake::NoSecret);
        }
        let own_account = |secrets: &[LocalObjectReference]| ServiceAccount {
            metadata: ObjectMeta { name: Some(original.account.name_any()), ..ObjectMeta::default() },
            image_pull_secrets: Some(secrets.to_vec()).filter(|secrets| !secrets.is_empty()),
            ..ServiceAccount::default()
        };
        let has_default_account = original.account.name_any() == DEFAULT;
        let secrets = || original.secrets.iter().map(copied).collect::<Vec<_>>();
        let mut plan = Self {
            pod: bare(&original.pod, spec, asks_registry),
            secrets: Vec::new(),
            secrets_elsewhere: Vec::new(),
            account: None,
        };
        let name_secrets = |plan: &mut Self| {
            if let Some(spec) = &mut plan.pod.spec {
                spec.image_pull_secrets = Some(named.clone());
            }
        };
        match without {
            Without::Secret => {}
            Without::Patch if listed.is_empty() => return Err(NothingToTake::NoPatch),
            Without::Patch => {
                plan.secrets = secrets();
                plan.account = (!has_default_account).then(|| own_account(&[]));
                if let Some(spec) = &mut plan.pod.spec {
                    spec.service_account_name = Some(original.account.name_any());
                }
            }
            Without::ServiceAccountName if has_default_account => return Err(NothingToTake::DefaultAccount),
            Without::ServiceAccountName => {
                plan.secrets = secrets();
                plan.account = Some(own_account(&listed));
            }
            Without::RightPassword => {
                plan.secrets = spoilt(&original.secrets, with_other_password)?;
                name_secrets(&mut plan);
            }
            Without::RightServer => {
                plan.secrets = spoilt(&original.secrets, |auths| {
                    // A name that RFC 2606 keeps free.
                    let entries = std::mem::take(auths).into_iter();
                    auths.extend(entries.enumerate().map(|(at, (_, entry))| (format!("registry{at}.invalid"), entry)));
                })?;
                name_secrets(&mut plan);
            }
            Without::RightNamespace => {
                plan.secrets_elsewhere = secrets();
                name_secrets(&mut plan);
            }
            Without::Nothing => {
                plan.secrets = secrets();
                name_secrets(&mut plan);
            }
        }
        Ok(plan)
    }
}

const DEFAULT: &str = "default";
const CONFIG: &str = ".dockerconfigjson";

/// The pod as it would be without credentials: its containers' images and nothing that could bring a secret in.
fn bare(pod: &Pod, spec: &PodSpec, asks_registry: bool) -> Pod {
    let bare = |container: &Container| Container {
        name: container.name.clone(),
        image: container.image.clone(),
        image_pull_policy: match asks_registry {
            true => Some("Always".into()),
            false => container.image_pull_policy.clone(),
        },
        command: container.command.clone(),
        args: container.args.clone(),
        ..Container::default()
    };
    let spec = PodSpec {
        containers: spec.containers.iter().map(bare).collect(),
        // The twin goes to the node that has the image, past the scheduler.
        node_name: spec.node_name.clone(),
        tolerations: spec.tolerations.clone(),
        automount_service_account_token: Some(false),
        termination_grace_period_seconds: Some(0),
        ..PodSpec::default()
    };
    let metadata = ObjectMeta { name: Some(pod.name_any()), ..ObjectMeta::default() };
    Pod { metadata, spec: Some(spec), status: None }
}

fn copied(secret: &Secret) -> Secret {
    Secret {
        metadata: ObjectMeta { name: Some(secret.name_any()), ..ObjectMeta::default() },
        type_: secret.type_.clone(),
        data: secret.data.clone(),
        ..Secret::default()
    }
}

/// Copies whose entries `spoil` has changed.
fn spoilt(secrets: &[Secret], spoil: impl Fn(&mut Map<String, Value>)) -> Result<Vec<Secret>, NothingToTake> {
    let one = |secret: &Secret| {
        let config = &secret.data.as_ref()?.get(CONFIG)?.0;
        let mut config: Value = serde_json::from_slice(config).ok()?;
        spoil(config.get_mut("auths")?.as_object_mut().filter(|auths| !auths.is_empty())?);
        let data = BTreeMap::from([(CONFIG.to_owned(), ByteString(config.to_string().into_bytes()))]);
        Some(Secret { data: Some(data), ..copied(secret) })
    };
    let secrets: Vec<Secret> = secrets.iter().filter_map(one).collect();
    if secrets.is_empty() { Err(NothingToTake::NoConfig) } else { Ok(secrets) }
}

fn with_other_password(auths: &mut Map<String, Value>) {
    for entry in auths.values_mut().filter_map(Value::as_object_mut) {
        // `auth` repeats username and password, and would count before them.
        entry.remove("auth");
        entry.insert("password".into(), "not-the-password".into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const AUTHS: &str = r#"{"auths":{"https://index.docker.io/v1/":{"username":"u","password":"p","auth":"dTpw"}}}"#;

    fn original(account: &str, listed: bool) -> Original {
        let pod = json!({
            "metadata": {"name": "p", "namespace": "a"},
            "spec": {
                "nodeName": "n", "serviceAccountName": account, "imagePullSecrets": [{"name": "s"}],
                "volumes": [{"name": "v", "secret": {"secretName": "s"}}],
                "containers": [{"name": "c", "image": "i:1", "env": [{"name": "X", "value": "y"}],
                                "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
            },
        });
        let secrets = if listed { json!([{"name": "s"}]) } else { json!([]) };
        let secret = Secret {
            metadata: ObjectMeta { name: Some("s".into()), uid: Some("1".into()), ..ObjectMeta::default() },
            data: Some(BTreeMap::from([(CONFIG.into(), ByteString(AUTHS.into()))])),
            ..Secret::default()
        };
        Original {
            pod: serde_json::from_value(pod).unwrap(),
            account: serde_json::from_value(json!({"metadata": {"name": account}, "imagePullSecrets": secrets}))
                .unwrap(),
            secrets: vec![secret],
        }
    }

    fn config(plan: &TwinObjects) -> Value {
        serde_json::from_slice(&plan.secrets[0].data.as_ref().unwrap()[CONFIG].0).unwrap()
    }

    fn spec(plan: &TwinObjects) -> Value {
        serde_json::to_value(plan.pod.spec.as_ref().unwrap()).unwrap()
    }

    #[test]
    fn a_twin_has_the_image_and_the_node_and_no_way_to_a_secret() {
        let plan = TwinObjects::new(&original("sa", true), Without::Secret, false).unwrap();
        assert_eq!(plan.pod.metadata, ObjectMeta { name: Some("p".into()), ..ObjectMeta::default() });
        let bare = json!({
            "nodeName": "n", "containers": [{"name": "c", "image": "i:1"}],
            "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 0,
        });
        assert_eq!(spec(&plan), bare);
        assert_eq!((plan.secrets.len(), plan.secrets_elsewhere.len(), plan.account.is_some()), (0, 0, false));
        let asking = TwinObjects::new(&original("sa", true), Without::Secret, true).unwrap();
        assert_eq!(spec(&asking)["containers"][0]["imagePullPolicy"], "Always");
    }

    #[test]
    fn an_account_is_there_without_the_patch_or_is_not_named() {
        let plan = TwinObjects::new(&original("sa", true), Without::Patch, false).unwrap();
        assert_eq!(spec(&plan)["serviceAccountName"], "sa");
        assert_eq!(plan.account.unwrap().image_pull_secrets, None);
        assert_eq!(plan.secrets[0].metadata, ObjectMeta { name: Some("s".into()), ..ObjectMeta::default() });
        assert_eq!(TwinObjects::new(&original("default", true), Without::Patch, false).unwrap().account, None);
        let plan = TwinObjects::new(&original("sa", true), Without::ServiceAccountName, false).unwrap();
        assert_eq!(spec(&plan)["serviceAccountName"], Value::Null);
        assert_eq!(plan.account.unwrap().image_pull_secrets.unwrap()[0].name, "s");
    }

    #[test]
    fn a_secret_is_wrong_or_elsewhere() {
        let plan = |without| TwinObjects::new(&original("default", false), without, false).unwrap();
        let wrong = plan(Without::RightPassword);
        let entry = &config(&wrong)["auths"]["https://index.docker.io/v1/"];
        assert_eq!(*entry, json!({"username": "u", "password": "not-the-password"}));
        assert_eq!(spec(&wrong)["imagePullSecrets"], json!([{"name": "s"}]));
        let other = plan(Without::RightServer);
        assert_eq!(config(&other)["auths"]["registry0.invalid"]["password"], "p");
        let elsewhere = plan(Without::RightNamespace);
        assert_eq!((elsewhere.secrets.len(), elsewhere.secrets_elsewhere.len()), (0, 1));
    }

    #[test]
    fn where_there_is_nothing_to_take_there_is_no_twin() {
        let why = |original: &Original, without| TwinObjects::new(original, without, false).unwrap_err();
        assert_eq!(why(&original("default", false), Without::Patch), NothingToTake::NoPatch);
        assert_eq!(why(&original("default", true), Without::ServiceAccountName), NothingToTake::DefaultAccount);
        let mut broken = original("default", true);
        broken.secrets[0].data = Some(BTreeMap::from([(CONFIG.into(), ByteString(b"{".to_vec()))]));
        assert_eq!(why(&broken, Without::RightPassword), NothingToTake::NoConfig);
        broken.pod.spec.as_mut().unwrap().image_pull_secrets = None;
        assert_eq!(why(&broken, Without::Secret), NothingToTake::NoSecret);
    }
}
