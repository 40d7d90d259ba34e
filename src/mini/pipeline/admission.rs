//! Admission at creation: NamespaceLifecycle and ServiceAccount (Kubernetes `plugin/pkg/admission`).

use serde_json::{Value, json};

use super::{Pipeline, random_suffix};
use crate::mini::resource::Resource;
use crate::mini::resources;
use crate::mini::status::ApiError;
use crate::mini::store::Key;

/// Where a token, the cluster's CA and the namespace are mounted.
const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// An hour and seven seconds: tells injected tokens from asked ones (`serviceaccount.WarnOnlyBoundTokenExpirationSeconds`).
const TOKEN_SECONDS: i64 = 3607;

impl Pipeline {
    pub(super) fn admit_create(
        &self,
        resource: &'static Resource,
        namespace: &str,
        object: &mut Value,
    ) -> Result<(), ApiError> {
        if resource.namespaced {
            self.namespace_lifecycle(resource, namespace, object)?;
        }
        if resource.kind == "Pod" {
            self.service_account(resource, namespace, object)?;
            priority(resource, object)?;
        }
        Ok(())
    }

    /// Nothing is created in a namespace that is absent or on its way out.
    fn namespace_lifecycle(
        &self,
        resource: &'static Resource,
        namespace: &str,
        object: &Value,
    ) -> Result<(), ApiError> {
        let found = self.get(&resources::NAMESPACES, &Key::new("", namespace))?;
        if found.field("status.phase") == Some("Terminating") {
            return Err(ApiError::Terminating {
                resource: resource.qualified(),
                name: object["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
                namespace: namespace.to_owned(),
            });
        }
        Ok(())
    }

    /// Gives the pod its ServiceAccount's token volume and, if it names none itself, its pull secrets. Later changes
    /// of the ServiceAccount do not reach the pod.
    fn service_account(&self, resource: &'static Resource, namespace: &str, pod: &mut Value) -> Result<(), ApiError> {
        let named = [&pod["spec"]["serviceAccountName"], &pod["spec"]["serviceAccount"]];
        let name = named.iter().find_map(|v| v.as_str().filter(|s| !s.is_empty())).unwrap_or("default").to_owned();
        pod["spec"]["serviceAccountName"] = json!(name);
        pod["spec"]["serviceAccount"] = json!(name);
        let key = Key::new(namespace, &name);
        let account = self.get(&resources::SERVICE_ACCOUNTS, &key).map_err(|error| ApiError::Forbidden {
            resource: resource.qualified(),
            name: pod["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
            why: format!(
                "error looking up service account {namespace}/{name}: {}",
                error.to_string().replace("serviceaccounts", "serviceaccount")
            ),
        })?;
        let account = account.value();
        let wanted = [&pod["spec"]["automountServiceAccountToken"], &account["automountServiceAccountToken"]];
        if wanted.iter().find_map(|v| v.as_bool()).unwrap_or(true) {
            mount_token(&mut pod["spec"]);
        }
        if pod["spec"]["imagePullSecrets"].as_array().is_none_or(Vec::is_empty)
            && account["imagePullSecrets"].is_array()
        {
            pod["spec"]["imagePullSecrets"] = account["imagePullSecrets"].clone();
        }
        Ok(())
    }
}

/// The plugin Priority: a number is the PriorityClass' to give, and there is none that gives another than 0.
fn priority(resource: &'static Resource, pod: &Value) -> Result<(), ApiError> {
    let Some(given) = pod["spec"]["priority"].as_i64().filter(|given| *given != 0) else { return Ok(()) };
    Err(ApiError::Forbidden {
        resource: resource.qualified(),
        name: pod["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
        why: format!(
            "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller \
             computed 0 from the given PriorityClass name"
        ),
    })
}

fn mount_token(spec: &mut Value) {
    let volume = format!("kube-api-access-{}", random_suffix(5));
    let mut mounted = false;
    for list in ["initContainers", "containers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let mounts = container["volumeMounts"].as_array().cloned().unwrap_or_default();
            if mounts.iter().any(|m| m["mountPath"] == TOKEN_PATH) {
                continue;
            }
            let own = json!({"mountPath": TOKEN_PATH, "name": volume, "readOnly": true});
            container["volumeMounts"] = mounts.into_iter().chain([own]).collect();
            mounted = true;
        }
    }
    if !mounted {
        return;
    }
    let mut volumes = spec["volumes"].as_array().cloned().unwrap_or_default();
    volumes.push(json!({"name": volume, "projected": {"defaultMode": 0o644, "sources": [
        {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
        {"configMap": {"items": [{"key": "ca.crt", "path": "ca.crt"}], "name": "kube-root-ca.crt"}},
        {"downwardAPI": {"items": [{"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}, "path": "namespace"}]}},
    ]}}));
    spec["volumes"] = Value::Array(volumes);
}
