//! The pods that cases create. Pure.

use serde_json::{Value, json};

/// One container with the case's image; everything else as said.
#[derive(Debug, Clone, Default)]
pub(crate) struct PodSpec {
    name: String,
    image: Option<String>,
    secrets: Vec<&'static str>,
    policy: Option<&'static str>,
    service_account: Option<&'static str>,
    automount: Option<bool>,
}

impl PodSpec {
    pub(crate) fn named(name: &str) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Another image than the case's.
    pub(crate) fn image(mut self, image: impl Into<String>) -> Self {
        self.image = Some(image.into());
        self
    }

    pub(crate) fn secrets(mut self, secrets: &[&'static str]) -> Self {
        self.secrets = secrets.to_vec();
        self
    }

    pub(crate) fn policy(mut self, policy: &'static str) -> Self {
        self.policy = Some(policy);
        self
    }

    pub(crate) fn service_account(mut self, name: &'static str) -> Self {
        self.service_account = Some(name);
        self
    }

    pub(crate) fn automount(mut self, mount: bool) -> Self {
        self.automount = Some(mount);
        self
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The manifest, with `image` where none was said.
    pub(crate) fn manifest(&self, image: &str) -> Value {
        let mut container = json!({ "name": "app", "image": self.image.as_deref().unwrap_or(image) });
        let mut spec = json!({});
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                spec[key] = value;
            }
        };
        let secrets: Vec<_> = self.secrets.iter().map(|name| json!({ "name": name })).collect();
        put("imagePullSecrets", (!secrets.is_empty()).then_some(secrets.into()));
        put("serviceAccountName", self.service_account.map(Into::into));
        put("automountServiceAccountToken", self.automount.map(Into::into));
        if let Some(policy) = self.policy {
            container["imagePullPolicy"] = policy.into();
        }
        spec["containers"] = json!([container]);
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": self.name }, "spec": spec })
    }
}
