//! ServiceAccount tokens: JWTs signed with a key of this process, and TokenRequest.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, SigningKey};
use serde_json::{Value, json};

use super::User;
use crate::mini::registry::{Registry, new_uid};
use crate::mini::request::RequestInfo;
use crate::mini::resources;
use crate::mini::status::{ApiError, FieldError};
use crate::mini::store::Key;

/// The issuer kubeadm sets up.
const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
/// The least a token may be asked for, in seconds.
const SHORTEST: i64 = 600;
const DEFAULT_SECONDS: i64 = 3600;
/// What a kubelet asks for where nothing else is said: such a token lasts a year and only warns after that time
/// (`--service-account-extend-token-expiration`).
const WARN_ONLY_SECONDS: i64 = 3607;
const EXTENDED_SECONDS: i64 = 365 * 24 * 3600;

/// Issues and verifies tokens (EdDSA, RFC 8037).
pub struct Tokens {
    key: KeyPair,
}

impl Tokens {
    pub fn new() -> Result<Self, rcgen::Error> {
        Ok(Tokens { key: KeyPair::generate_for(&rcgen::PKCS_ED25519)? })
    }

    fn issue(&self, claims: &Value) -> Result<String, ApiError> {
        let part = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
        let body = format!("{}.{}", part(&json!({"alg": "EdDSA", "typ": "JWT"})), part(claims));
        let signature = self.key.sign(body.as_bytes()).map_err(|e| ApiError::Internal(e.to_string()))?;
        Ok(format!("{body}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The ServiceAccount whose valid token this is; its account must still exist.
    pub fn verify(&self, registry: &Registry, token: &str) -> Option<User> {
        let (body, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, self.key.public_key_raw());
        key.verify(body.as_bytes(), &signature).ok()?;
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body.split_once('.')?.1).ok()?).ok()?;
        let about = &claims["kubernetes.io"];
        if claims["exp"].as_i64()? < jiff::Timestamp::now().as_second() {
            return None;
        }
        let (namespace, name) = (about["namespace"].as_str()?, about["serviceaccount"]["name"].as_str()?);
        let is_there = |resource, known: &Value| {
            let found = registry.get(resource, &Key::new(namespace, known["name"].as_str().unwrap_or_default()));
            found.is_ok_and(|object| object.value()["metadata"]["uid"] == known["uid"])
        };
        let there = is_there(&resources::SERVICE_ACCOUNTS, &about["serviceaccount"])
            && (about["pod"].is_null() || is_there(&resources::PODS, &about["pod"]));
        there.then(|| User::service_account(namespace, name))
    }
}

/// `POST serviceaccounts/NAME/token`.
pub fn token_request(
    registry: &Registry,
    tokens: &Tokens,
    info: &RequestInfo,
    mut request: Value,
) -> Result<Value, ApiError> {
    let key = Key::new(&info.namespace, &info.name);
    let account = registry.get(&resources::SERVICE_ACCOUNTS, &key)?.value();
    let seconds = request["spec"]["expirationSeconds"].as_i64().unwrap_or(DEFAULT_SECONDS);
    if seconds < SHORTEST {
        let detail = "may not specify a duration less than 10 minutes";
        let cause = FieldError::invalid("spec.expirationSeconds", &json!(seconds), detail);
        return Err(ApiError::invalid("TokenRequest", "authentication.k8s.io", cause));
    }
    let now = jiff::Timestamp::now();
    let end = now.as_second() + seconds;
    let mut about = json!({
        "namespace": info.namespace,
        "serviceaccount": {"name": info.name, "uid": account["metadata"]["uid"]},
    });
    let bound = &request["spec"]["boundObjectRef"];
    if bound["kind"] == "Pod" {
        let pod = registry
            .get(&resources::PODS, &Key::new(&info.namespace, bound["name"].as_str().unwrap_or_default()))?
            .value();
        about["pod"] = json!({"name": bound["name"], "uid": pod["metadata"]["uid"]});
        if let Some(node) = pod["spec"]["nodeName"].as_str() {
            let found = registry.get(&resources::NODES, &Key::new("", node))?.value();
            about["node"] = json!({"name": node, "uid": found["metadata"]["uid"]});
        }
    }
    let audiences = match &request["spec"]["audiences"] {
        Value::Array(list) if !list.is_empty() => json!(list),
        _ => json!([ISSUER]),
    };
    let extended = seconds == WARN_ONLY_SECONDS && about["pod"].is_object() && audiences == json!([ISSUER]);
    if extended {
        about["warnafter"] = json!(end);
    }
    let expiry = if extended { now.as_second() + EXTENDED_SECONDS } else { end };
    let claims = json!({
        "aud": audiences, "exp": expiry, "iat": now.as_second(), "nbf": now.as_second(), "iss": ISSUER, "jti": new_uid(),
        "sub": format!("system:serviceaccount:{}:{}", info.namespace, info.name), "kubernetes.io": about,
    });
    let expires = jiff::Timestamp::from_second(end).map_err(|e| ApiError::BadRequest(e.to_string()))?;
    request["apiVersion"] = json!("authentication.k8s.io/v1");
    request["kind"] = json!("TokenRequest");
    request["metadata"] = json!({"name": info.name, "namespace": info.namespace, "creationTimestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()});
    request["spec"]["audiences"] = audiences;
    request["spec"]["expirationSeconds"] = json!(seconds);
    request["status"] = json!({"token": tokens.issue(&claims)?, "expirationTimestamp": expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()});
    Ok(request)
}
