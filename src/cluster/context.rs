//! Any cluster the user already has, by kubeconfig context. The user's kubeconfig is only read; what is used is a copy
//! with that one context. Nothing is touched but namespaces named after sessions, and nothing is begun before it is
//! known that those may be made.

use std::net::IpAddr;
use std::path::Path;

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::api::PostParams;
use kube::config::{Kubeconfig, KubeconfigError};
use kube::{Api, Client};

use super::{Error as ClusterError, Info, namespaces};
use crate::hint::Hint;

/// Words that make a name production's, whole and in any case.
const PRODUCTION: &[&str] = &["prod", "production", "prd", "live"];

/// What a lab does: verb, resource, and whether in a namespace.
const RIGHTS: &[(&str, &str, bool)] = &[
    ("create", "namespaces", false),
    ("delete", "namespaces", false),
    ("create", "pods", true),
    ("delete", "pods", true),
    ("watch", "pods", true),
    ("watch", "events", true),
    ("create", "secrets", true),
    ("patch", "serviceaccounts", true),
];

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the kubeconfig cannot be read")]
    Kubeconfig(#[source] Box<KubeconfigError>),
    #[error("the kubeconfig has no context `{name}`")]
    Unknown { name: String, known: Vec<String> },
    #[error("context `{name}` looks like production: `{because}` has the word `{word}` in it")]
    Production { name: String, because: String, word: &'static str },
    #[error("the cluster of context `{name}` at {server} does not answer")]
    Unreachable {
        name: String,
        server: String,
        #[source]
        source: Box<kube::Error>,
    },
    #[error("in context `{name}` you may not {}", missing.join(", nor "))]
    Forbidden { name: String, missing: Vec<String> },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Kubeconfig(_) => Some("is $KUBECONFIG, or ~/.kube/config, there and yours to read?".into()),
            Self::Unknown { known, .. } if known.is_empty() => Some("it has no context at all".into()),
            Self::Unknown { known, .. } => Some(format!("it has: {}", known.join(", "))),
            Self::Production { .. } => Some(format!(
                "refused when the context, its cluster or its server's host has one of the words {}; \
                 `--allow-production` says that you mean it",
                PRODUCTION.join(", ")
            )),
            Self::Unreachable { name, .. } => Some(format!("does `kubectl --context {name} version` work?")),
            Self::Forbidden { .. } => {
                Some("ask for a role with these rights, or play on `--cluster kind` or `--cluster mini`".into())
            }
        }
    }
}

/// A context that was found fit.
#[derive(Clone)]
pub(crate) struct Fit {
    name: String,
    /// JSON, which is YAML; has the user's credentials.
    kubeconfig: String,
    client: Client,
    server_version: String,
    notes: Vec<String>,
}

/// Not the kubeconfig, which has credentials.
impl std::fmt::Debug for Fit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fit").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Fit {
    /// Reads the user's kubeconfig ($KUBECONFIG, else ~/.kube/config) and asks the cluster whether labs can be played
    /// on it. Changes nothing.
    ///
    /// # Errors
    /// Each reason why not, see [`Error`].
    pub(crate) async fn check(name: &str, allow_production: bool) -> Result<Self, Error> {
        let kubeconfig = Kubeconfig::read().map_err(|error| Error::Kubeconfig(Box::new(error)))?;
        let kubeconfig = at_home(only(kubeconfig, name)?, std::env::var("HOME").ok());
        let server = server(&kubeconfig);
        if !allow_production {
            production(&kubeconfig, name)?;
        }
        let unreachable =
            |source| Error::Unreachable { name: name.into(), server: server.clone(), source: Box::new(source) };
        let config = super::config_of(kubeconfig.clone()).await;
        let client = Client::try_from(config.map_err(|error| Error::Kubeconfig(Box::new(error)))?);
        let client = client.map_err(unreachable)?;
        let version = client.apiserver_version().await.map_err(unreachable)?;
        let missing = missing_rights(&client).await.map_err(unreachable)?;
        if !missing.is_empty() {
            return Err(Error::Forbidden { name: name.into(), missing });
        }
        let mut notes = vec![format!("context {name} at {server}: labs are played in namespaces of their own")];
        if !is_private(&server) {
            notes.push(format!("{server} is no address of a private network: others may use this cluster"));
        }
        Ok(Self {
            name: name.into(),
            kubeconfig: serde_json::to_string(&kubeconfig).unwrap_or_default(),
            client,
            server_version: version.git_version,
            notes,
        })
    }
}

/// A client for a context of a kubeconfig, which is the user's where none is given, and the namespace that it names. The
/// current context is taken where none is named. Nothing is asked yet.
///
/// # Errors
/// Where there is no such context, or its credentials cannot be used.
pub(crate) async fn reader(file: Option<&Path>, name: Option<&str>) -> Result<(Client, String), Error> {
    let kubeconfig = file
        .map_or_else(Kubeconfig::read, Kubeconfig::read_from)
        .map_err(|error| Error::Kubeconfig(Box::new(error)))?;
    let current = kubeconfig.current_context.clone().unwrap_or_default();
    let kubeconfig = only(kubeconfig, name.unwrap_or(&current))?;
    let (name, server) = (name.unwrap_or(&current).to_owned(), server(&kubeconfig));
    let config = super::config_of(kubeconfig).await.map_err(|error| Error::Kubeconfig(Box::new(error)))?;
    let namespace = config.default_namespace.clone();
    let client = Client::try_from(config);
    Ok((client.map_err(|source| Error::Unreachable { name, server, source: Box::new(source) })?, namespace))
}

/// A cluster that is not ours: used, and left.
pub(crate) struct ContextCluster {
    client: Client,
    kubeconfig: String,
    info: Info,
}

impl ContextCluster {
    /// Takes the context into use: what dead sessions of this user left there is removed first.
    ///
    /// # Errors
    /// Where the cluster stops answering.
    pub(crate) async fn start(fit: &Fit) -> Result<Self, ClusterError> {
        let mut notes = fit.notes.clone();
        notes.extend(namespaces::reap(&fit.client).await.map_err(ClusterError::Client)?);
        let info = Info {
            name: format!("{PREFIX}{}", fit.name),
            server_version: fit.server_version.clone(),
            notes,
            nodes: Vec::new(),
            is_users: true,
        };
        Ok(Self { client: fit.client.clone(), kubeconfig: fit.kubeconfig.clone(), info })
    }

    pub(crate) fn info(&self) -> &Info {
        &self.info
    }

    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    pub(crate) fn kubeconfig(&self) -> String {
        self.kubeconfig.clone()
    }
}

/// What such a cluster's name begins with.
pub(super) const PREFIX: &str = "context:";

/// The kubeconfig with one context, its cluster and its user.
fn only(mut kubeconfig: Kubeconfig, name: &str) -> Result<Kubeconfig, Error> {
    let known = || kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
    let found = kubeconfig.contexts.iter().find(|context| context.name == name).cloned();
    let unknown = || Error::Unknown { name: name.into(), known: known() };
    let named = found.ok_or_else(unknown)?;
    let context = named.context.clone().ok_or_else(unknown)?;
    kubeconfig.clusters.retain(|cluster| cluster.name == context.cluster);
    kubeconfig.auth_infos.retain(|user| Some(&user.name) == context.user.as_ref());
    kubeconfig.current_context = Some(name.into());
    kubeconfig.contexts = vec![named];
    Ok(kubeconfig)
}

/// Credential plugins (`aws`, `gke-gcloud-auth-plugin`) find their own login at home, which fences are not: it is named
/// in their environment, unless the user has done so.
fn at_home(mut kubeconfig: Kubeconfig, home: Option<String>) -> Kubeconfig {
    let Some(home) = home else { return kubeconfig };
    for plugin in kubeconfig.auth_infos.iter_mut().filter_map(|user| user.auth_info.as_mut()?.exec.as_mut()) {
        let named = plugin.env.get_or_insert_default();
        if !named.iter().any(|one| one.get("name").is_some_and(|name| name == "HOME")) {
            named.push([("name".to_owned(), "HOME".to_owned()), ("value".to_owned(), home.clone())].into());
        }
    }
    kubeconfig
}

fn server(kubeconfig: &Kubeconfig) -> String {
    let cluster = kubeconfig.clusters.first().and_then(|named| named.cluster.as_ref());
    cluster.and_then(|cluster| cluster.server.clone()).unwrap_or_default()
}

fn host(server: &str) -> String {
    server.parse::<http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default()
}

fn production(kubeconfig: &Kubeconfig, name: &str) -> Result<(), Error> {
    let cluster = kubeconfig.clusters.first().map(|named| named.name.clone()).unwrap_or_default();
    for because in [name.to_owned(), cluster, host(&server(kubeconfig))] {
        let said = because
            .split(|c: char| !c.is_ascii_alphabetic())
            .find_map(|said| PRODUCTION.iter().copied().find(|word| said.eq_ignore_ascii_case(word)));
        if let Some(word) = said {
            return Err(Error::Production { name: name.into(), because, word });
        }
    }
    Ok(())
}

/// Loopback, a private network's address, or a name without a domain.
fn is_private(server: &str) -> bool {
    let host = host(server);
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        Err(_) => !host.contains('.') || host.ends_with(".local") || host.ends_with(".internal"),
    }
}

/// What the user may not do, as `create namespaces`.
async fn missing_rights(client: &Client) -> kube::Result<Vec<String>> {
    let reviews = Api::<SelfSubjectAccessReview>::all(client.clone());
    let asked = RIGHTS.iter().map(|(verb, resource, namespaced)| {
        let attributes = ResourceAttributes {
            verb: Some((*verb).into()),
            resource: Some((*resource).into()),
            // Not there yet: rights for all namespaces, or by a rule for names like it, are what counts.
            namespace: namespaced.then(|| "rehearsal".into()),
            ..ResourceAttributes::default()
        };
        let spec = SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..SelfSubjectAccessReviewSpec::default()
        };
        let review = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
        let reviews = reviews.clone();
        async move {
            let answer = reviews.create(&PostParams::default(), &review).await?;
            let allowed = answer.status.is_some_and(|status| status.allowed);
            Ok::<_, kube::Error>((!allowed).then(|| format!("{verb} {resource}")))
        }
    });
    Ok(futures::future::try_join_all(asked).await?.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kubeconfig(context: &str, cluster: &str, server: &str) -> Kubeconfig {
        let text = format!(
            r#"{{"apiVersion": "v1", "kind": "Config", "current-context": "other",
            "contexts": [{{"name": "{context}", "context": {{"cluster": "{cluster}", "user": "u"}}}},
                         {{"name": "other", "context": {{"cluster": "c2", "user": "u2"}}}}],
            "clusters": [{{"name": "{cluster}", "cluster": {{"server": "{server}"}}}},
                         {{"name": "c2", "cluster": {{"server": "https://1.2.3.4"}}}}],
            "users": [{{"name": "u", "user": {{"token": "hunter2"}}}}, {{"name": "u2", "user": {{"token": "other"}}}}]}}"#
        );
        Kubeconfig::from_yaml(&text).unwrap()
    }

    #[test]
    fn the_copy_has_one_context_and_its_credentials() {
        let whole = kubeconfig("kind-x", "kind-x", "https://127.0.0.1:6443");
        let copy = serde_json::to_string(&only(whole.clone(), "kind-x").unwrap()).unwrap();
        assert!(copy.contains("hunter2") && copy.contains(r#""current-context":"kind-x""#), "{copy}");
        assert!(!copy.contains("c2") && !copy.contains("1.2.3.4"), "{copy}");
        let error = only(whole, "nope").unwrap_err();
        assert_eq!(error.hint().as_deref(), Some("it has: kind-x, other"));
    }

    #[test]
    fn a_credential_plugin_is_told_where_home_is() {
        let with = |env: &str| {
            let text = format!(
                r#"{{"users": [{{"name": "u", "user": {{"exec": {{"apiVersion": "client.authentication.k8s.io/v1",
                "command": "aws", "args": ["eks", "get-token"], "env": {env}}}}}}}, {{"name": "v", "user": {{}}}}]}}"#
            );
            let told = at_home(Kubeconfig::from_yaml(&text).unwrap(), Some("/home/ann".into()));
            serde_json::to_value(told).unwrap()["users"][0]["user"]["exec"]["env"].clone()
        };
        let profile = serde_json::json!({"name": "AWS_PROFILE", "value": "x"});
        let home = |at: &str| serde_json::json!({"name": "HOME", "value": at});
        assert_eq!(with("null"), serde_json::json!([home("/home/ann")]));
        assert_eq!(with(&format!("[{profile}]")), serde_json::json!([profile, home("/home/ann")]));
        assert_eq!(with(&format!("[{}]", home("/other"))), serde_json::json!([home("/other")]));
    }

    #[test]
    fn production_is_a_word_of_the_context_the_cluster_or_the_host() {
        for (context, cluster, server, refused) in [
            ("prod", "c", "https://10.0.0.1", true),
            ("eu_PROD-1", "c", "https://10.0.0.1", true),
            ("c", "arn:aws:eks:eu-west-1:1:cluster/production", "https://10.0.0.1", true),
            ("c", "c", "https://api.live.example.com:6443", true),
            ("product-demo", "reproduction", "https://delivery.example.com", false),
            ("kind-x", "kind-x", "https://127.0.0.1:6443", false),
        ] {
            let one = only(kubeconfig(context, cluster, server), context).unwrap();
            assert_eq!(production(&one, context).is_err(), refused, "{context} {cluster} {server}");
        }
    }

    #[test]
    fn private_addresses() {
        for (server, private) in [
            ("https://127.0.0.1:6443", true),
            ("https://[::1]:6443", true),
            ("https://192.168.49.2:8443", true),
            ("https://k3s:6443", true),
            ("https://34.1.2.3", false),
            ("https://ABC.gr7.eu-west-1.eks.amazonaws.com", false),
        ] {
            assert_eq!(is_private(server), private, "{server}");
        }
    }
}
