//! ServiceAccount tokens: JWTs signed with a key of this process, and TokenRequest.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use rcgen::{KeyPair, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::User;
use crate::mini::pipeline::{Pipeline, new_uid};
use crate::mini::request::RequestInfo;
use crate::mini::resources;
use crate::mini::schema;
use crate::mini::status::{ApiError, FieldError};
use crate::mini::store::Key;

/// The issuer kubeadm sets up.
pub(crate) const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
/// For how long a token may be asked, in seconds.
const SHORTEST: i64 = 600;
const LONGEST: i64 = 1 << 32;
const DEFAULT_SECONDS: i64 = 3600;
/// What a kubelet asks for where nothing else is said: such a token lasts a year and only warns after that time
/// (`--service-account-extend-token-expiration`).
const WARN_ONLY_SECONDS: i64 = 3607;
const EXTENDED_SECONDS: i64 = 365 * 24 * 3600;

/// Issues and verifies tokens (EdDSA, RFC 8037).
pub(crate) struct Tokens {
    key: KeyPair,
}

impl Tokens {
    pub(crate) fn new() -> Result<Self, rcgen::Error> {
        Ok(Tokens { key: KeyPair::generate_for(&rcgen::PKCS_ED25519)? })
    }

    /// The key's id: its digest.
    fn key_id(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.key.public_key_raw()))
    }

    /// The public key as a JSON Web Key Set (RFC 7517, RFC 8037).
    pub(crate) fn key_set(&self) -> Value {
        let key = URL_SAFE_NO_PAD.encode(self.key.public_key_raw());
        json!({"keys": [{
            "use": "sig", "kty": "OKP", "kid": self.key_id(), "crv": "Ed25519", "alg": "EdDSA", "x": key,
        }]})
    }

    fn issue(&self, claims: &Value) -> Result<String, ApiError> {
        let part = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
        let head = json!({"alg": "EdDSA", "kid": self.key_id(), "typ": "JWT"});
        let body = format!("{}.{}", part(&head), part(claims));
        let signature = self.key.sign(body.as_bytes()).map_err(|e| ApiError::Internal(e.to_string()))?;
        Ok(format!("{body}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The ServiceAccount whose valid token for one of `audiences` this is, and for which of them; its account must still
    /// exist.
    pub(crate) fn verify(&self, pipeline: &Pipeline, token: &str, audiences: &[&str]) -> Option<(User, Vec<String>)> {
        let (body, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, self.key.public_key_raw());
        key.verify(body.as_bytes(), &signature).ok()?;
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body.split_once('.')?.1).ok()?).ok()?;
        let about = &claims["kubernetes.io"];
        let its = claims["aud"].as_array()?.iter().filter_map(Value::as_str).filter(|one| audiences.contains(one));
        let its: Vec<String> = its.map(str::to_owned).collect();
        if its.is_empty() || claims["exp"].as_i64()? < jiff::Timestamp::now().as_second() {
            return None;
        }
        let (namespace, name) = (about["namespace"].as_str()?, about["serviceaccount"]["name"].as_str()?);
        let is_there = |resource, known: &Value| {
            let found = pipeline.get(resource, &Key::new(namespace, known["name"].as_str().unwrap_or_default()));
            found.is_ok_and(|object| object.value()["metadata"]["uid"] == known["uid"])
        };
        let there = is_there(&resources::SERVICE_ACCOUNTS, &about["serviceaccount"])
            && (about["pod"].is_null() || is_there(&resources::PODS, &about["pod"]));
        let mut extra =
            json!({"authentication.kubernetes.io/credential-id": [format!("JTI={}", claims["jti"].as_str()?)]});
        for field in ["name", "uid"].into_iter().filter(|_| about["pod"].is_object()) {
            extra[format!("authentication.kubernetes.io/pod-{field}")] = json!([about["pod"][field]]);
        }
        let more = json!({"uid": about["serviceaccount"]["uid"], "extra": extra});
        there.then(|| (User { more, ..User::service_account(namespace, name) }, its))
    }
}

/// `POST serviceaccounts/NAME/token`.
pub(crate) fn token_request(
    pipeline: &Pipeline,
    tokens: &Tokens,
    info: &RequestInfo,
    request: Value,
) -> Result<TokenRequest, ApiError> {
    let words = "TokenRequest in version \"v1\" cannot be handled as a TokenRequest";
    let refuse = |wrong: String| ApiError::BadRequest(format!("{words}: {wrong}"));
    let request = schema::decode_value(request, "io.k8s.api.authentication.v1.TokenRequest").map_err(refuse)?;
    let mut request: TokenRequest = serde_json::from_value(request).map_err(|wrong| refuse(wrong.to_string()))?;
    let account = pipeline.get(&resources::SERVICE_ACCOUNTS, &Key::new(&info.namespace, &info.name))?.value();
    let spec = request.spec.get_or_insert_default();
    let seconds = *spec.expiration_seconds.get_or_insert(DEFAULT_SECONDS);
    let fault = match seconds {
        ..SHORTEST => Some("may not specify a duration less than 10 minutes"),
        SHORTEST..=LONGEST => None,
        _ => Some("may not specify a duration larger than 2^32 seconds"),
    };
    if let Some(detail) = fault {
        let cause = FieldError::invalid("spec.expirationSeconds", &json!(seconds), detail);
        return Err(ApiError::invalid("TokenRequest", "authentication.k8s.io", cause));
    }
    let now = jiff::Timestamp::now();
    let (begin, end) = (now.as_second(), now.as_second() + seconds);
    let mut about = json!({
        "namespace": info.namespace,
        "serviceaccount": {"name": info.name, "uid": account["metadata"]["uid"]},
    });
    if let Some(bound) = spec.bound_object_ref.as_ref().filter(|bound| bound.kind.as_deref() == Some("Pod")) {
        let name = bound.name.as_deref().unwrap_or_default();
        let pod = pipeline.get(&resources::PODS, &Key::new(&info.namespace, name))?.value();
        about["pod"] = json!({"name": name, "uid": pod["metadata"]["uid"]});
        if let Some(node) = pod["spec"]["nodeName"].as_str() {
            let found = pipeline.get(&resources::NODES, &Key::new("", node))?.value();
            about["node"] = json!({"name": node, "uid": found["metadata"]["uid"]});
        }
    }
    let audiences = spec.audiences.get_or_insert_default();
    if audiences.is_empty() {
        audiences.push(ISSUER.to_owned());
    }
    let extended = seconds == WARN_ONLY_SECONDS && about["pod"].is_object() && *audiences == [ISSUER];
    if extended {
        about["warnafter"] = json!(end);
    }
    let claims = json!({
        "aud": audiences, "exp": if extended { begin + EXTENDED_SECONDS } else { end }, "iat": begin, "nbf": begin,
        "iss": ISSUER, "jti": new_uid(), "sub": format!("system:serviceaccount:{}:{}", info.namespace, info.name),
        "kubernetes.io": about,
    });
    let expiration_timestamp = Some(Time(now + jiff::SignedDuration::from_secs(seconds)));
    request.status = Some(TokenRequestStatus { expiration_timestamp, token: Some(tokens.issue(&claims)?) });
    let metadata = &mut request.metadata;
    metadata.name = Some(info.name.clone());
    metadata.namespace = Some(info.namespace.clone());
    metadata.creation_timestamp = Some(Time(now));
    Ok(request)
}
