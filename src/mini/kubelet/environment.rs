//! A container's environment, command and arguments: values from ConfigMaps, Secrets and pod fields, and
//! `$(VAR)` expansion. Reads the API; a missing source is a CreateContainerConfigError.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Container, EnvVar, EnvVarSource, Pod, Secret};

use super::fields;
use super::sources::get;
use super::state::{Node, PodExt as _};

/// The variables in the order they are defined; later ones win.
///
/// # Errors
/// The kubelet's message, e.g. `secret "x" not found` or `couldn't find key k in Secret ns/x`.
pub(super) async fn variables(
    client: &kube::Client,
    node: &Node,
    pod: &Pod,
    pod_ip: &str,
    container: &Container,
) -> Result<Vec<(String, String)>, String> {
    let sources = Sources { client, namespace: pod.namespace() };
    let mut variables: Vec<(String, String)> = Vec::new();
    for source in container.env_from.iter().flatten() {
        let prefix = source.prefix.clone().unwrap_or_default();
        let values = if let Some(from) = &source.config_map_ref {
            sources.config_map(&from.name, from.optional).await?
        } else if let Some(from) = &source.secret_ref {
            sources.secret(&from.name, from.optional).await?
        } else {
            Values::new()
        };
        variables.extend(values.into_iter().map(|(key, value)| (format!("{prefix}{key}"), value)));
    }
    for EnvVar { name, value, value_from } in container.env.iter().flatten() {
        let value = match value_from {
            None => Some(expand(value.as_deref().unwrap_or_default(), &variables)),
            Some(from) => sources.value(node, pod, pod_ip, from).await?,
        };
        variables.extend(value.map(|value| (name.clone(), value)));
    }
    Ok(variables)
}

struct Sources<'a> {
    client: &'a kube::Client,
    namespace: &'a str,
}

type Values = BTreeMap<String, String>;

impl Sources<'_> {
    async fn value(&self, node: &Node, pod: &Pod, pod_ip: &str, from: &EnvVarSource) -> Result<Option<String>, String> {
        let namespace = self.namespace;
        if let Some(key) = &from.secret_key_ref {
            let values = self.secret(&key.name, key.optional).await?;
            return found(values, &key.key, key.optional, || format!("Secret {namespace}/{}", key.name));
        }
        if let Some(key) = &from.config_map_key_ref {
            let values = self.config_map(&key.name, key.optional).await?;
            return found(values, &key.key, key.optional, || format!("ConfigMap {namespace}/{}", key.name));
        }
        match &from.field_ref {
            Some(field) => fields::value(pod, &field.field_path, Some((pod_ip, node))).map(Some),
            None => Err("environment variable source is not supported on mini".to_owned()),
        }
    }

    async fn secret(&self, name: &str, optional: Option<bool>) -> Result<Values, String> {
        let secret = get::<Secret>(self.client, self.namespace, name, optional).await?;
        let text = |ByteString(bytes)| String::from_utf8_lossy(&bytes).into_owned();
        Ok(secret.data.into_iter().flatten().map(|(key, value)| (key, text(value))).collect())
    }

    async fn config_map(&self, name: &str, optional: Option<bool>) -> Result<Values, String> {
        Ok(get::<ConfigMap>(self.client, self.namespace, name, optional).await?.data.unwrap_or_default())
    }
}

fn found(
    mut values: Values,
    key: &str,
    optional: Option<bool>,
    whence: impl Fn() -> String,
) -> Result<Option<String>, String> {
    match values.remove(key) {
        None if optional != Some(true) => Err(format!("couldn't find key {key} in {}", whence())),
        value => Ok(value),
    }
}

/// `$(VAR)` becomes its value; an unknown one stays, and `$$` is a dollar.
#[must_use]
pub(super) fn expand(text: &str, variables: &[(String, String)]) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        let name = after.strip_prefix('(').and_then(|after| after.split_once(')'));
        rest = match (after.strip_prefix('$'), name) {
            (Some(after), _) => {
                expanded.push('$');
                after
            }
            (None, Some((name, after))) => {
                match variables.iter().rev().find(|(known, _)| known == name) {
                    Some((_, value)) => expanded.push_str(value),
                    None => expanded.push_str(&format!("$({name})")),
                }
                after
            }
            (None, None) => {
                expanded.push('$');
                after
            }
        };
    }
    expanded + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_expanded_as_kubernetes_does() {
        let variables = [("A", "1"), ("B", "2"), ("A", "3")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        for (text, expanded) in [
            ("$(A)-$(B)", "3-2"),
            ("$(NOPE)", "$(NOPE)"),
            ("$$(A)", "$(A)"),
            ("$A $(A", "$A $(A"),
            ("cost: 5$", "cost: 5$"),
            ("", ""),
        ] {
            assert_eq!(expand(text, &variables), expanded);
        }
    }
}
