//! Bearer tokens as a registry in Docker Hub's manner asks for them (distribution, "Token Authentication"): a key of this
//! process, what a scope asks for, and what its user is granted. Pure: knows neither sockets nor who runs the registry.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{CertificateParams, DnType, KeyPair};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde::Serialize;
use serde_json::json;

use crate::hint::Hint;

/// What the registry calls itself when it asks for a token; Docker Hub's own word.
pub const SERVICE: &str = "registry.docker.io";
/// Who signs.
pub const ISSUER: &str = "rehearsal";
/// How long a token holds, as Docker Hub's do.
const LIFETIME: Duration = Duration::from_secs(300);
/// Clocks in containers may be behind ours by a moment.
const SKEW: Duration = Duration::from_secs(5);
/// What the registry's user may do with a repository.
const ACTIONS: &[&str] = &["pull", "push", "delete", "*"];

/// Why no tokens can be signed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "what each variant is, its message says")]
pub enum Error {
    #[error("cannot make the key that signs the registry's tokens")]
    Key(#[from] rcgen::Error),
    #[error("cannot use the key that signs the registry's tokens: {reason}")]
    Unusable { reason: String },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            // Nothing but a defect of ours leads here.
            Self::Key(_) | Self::Unusable { .. } => None,
        }
    }
}

/// What a token allows, or a scope asks for: `repository:NAME:pull,push`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Access {
    #[serde(rename = "type")]
    pub(crate) type_: String,
    pub(crate) name: String,
    pub(crate) actions: Vec<String>,
}

impl Access {
    /// None where the scope is no resource with a name and actions.
    pub fn parse(scope: &str) -> Option<Self> {
        // A name may hold a port.
        let (type_, rest) = scope.split_once(':')?;
        let (name, actions) = rest.rsplit_once(':')?;
        if type_.is_empty() || name.is_empty() {
            return None;
        }
        let actions = actions.split(',').filter(|action| !action.is_empty()).map(str::to_owned).collect();
        Some(Self { type_: type_.to_owned(), name: name.to_owned(), actions })
    }
}

/// What is granted of what is asked for: to the registry's user everything with repositories, to anybody else nothing.
/// Whoever may do nothing still gets a token, as from Docker Hub: it is the registry that refuses.
pub fn granted(asked: Vec<Access>, is_user: bool) -> Vec<Access> {
    let allowed = asked.into_iter().filter(|access| is_user && access.type_ == "repository");
    let granted = allowed.map(|mut access| {
        access.actions.retain(|action| ACTIONS.contains(&action.as_str()));
        access
    });
    granted.filter(|access| !access.actions.is_empty()).collect()
}

/// Signs tokens with a key that is made afresh and never leaves the process.
pub struct Issuer {
    key: EcdsaKeyPair,
    random: SystemRandom,
    certificate: rcgen::Certificate,
}

impl Issuer {
    /// # Errors
    /// Where no key can be made.
    pub fn new() -> Result<Self, Error> {
        let pair = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, ISSUER);
        let certificate = params.self_signed(&pair)?;
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pair.serialized_der(), &random)
            .map_err(|rejected| Error::Unusable { reason: rejected.to_string() })?;
        Ok(Self { key, random, certificate })
    }

    /// What the registry trusts (`rootcertbundle`), in PEM.
    pub fn certificate(&self) -> String {
        self.certificate.pem()
    }

    /// A JSON Web Token (RFC 7519) for `subject`, the user or nobody.
    ///
    /// # Errors
    /// Where the system gives no randomness.
    pub fn token(&self, subject: &str, access: &[Access], now: SystemTime) -> Result<String, ring::error::Unspecified> {
        let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let header = json!({"typ": "JWT", "alg": "ES256", "x5c": [STANDARD.encode(self.certificate.der())]});
        let claims = json!({
            "iss": ISSUER,
            "sub": subject,
            "aud": SERVICE,
            "exp": seconds(now + LIFETIME),
            "nbf": seconds(now - SKEW),
            "iat": seconds(now),
            "jti": format!("{:032x}", rand::random::<u128>()),
            "access": access,
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self.key.sign(&self.random, signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// How long a token holds.
    pub fn lifetime() -> Duration {
        LIFETIME
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, KeyPair as _, UnparsedPublicKey};

    use super::*;

    #[test]
    fn scopes_are_read_and_granted_to_the_user_alone() {
        let told = |scope: &str, is_user| {
            let granted = granted(Access::parse(scope).into_iter().collect(), is_user);
            granted.iter().map(|a| format!("{} {} {}", a.type_, a.name, a.actions.join("+"))).collect::<String>()
        };
        for (scope, user, nobody) in [
            ("repository:o/app1:pull", "repository o/app1 pull", ""),
            ("repository:o/app1:pull,push", "repository o/app1 pull+push", ""),
            ("repository:127.0.0.1:5000/o/app1:pull", "repository 127.0.0.1:5000/o/app1 pull", ""),
            ("repository:o/app1:fly", "", ""),
            ("registry:catalog:*", "", ""),
            ("repository:o/app1", "", ""),
            ("repository::pull", "", ""),
            (":o/app1:pull", "", ""),
            ("", "", ""),
        ] {
            assert_eq!((told(scope, true).as_str(), told(scope, false).as_str()), (user, nobody), "{scope}");
        }
    }

    #[test]
    fn a_token_is_signed_and_says_for_whom_and_how_long() {
        let issuer = Issuer::new().unwrap();
        let access = granted(vec![Access::parse("repository:o/app1:pull").unwrap()], true);
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let token = issuer.token("ann", &access, now).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let verify = |signed: &str| {
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, issuer.key.public_key())
                .verify(signed.as_bytes(), &signature)
        };
        assert!(verify(signed).is_ok() && verify(&format!("{signed}x")).is_err());
        let claims = URL_SAFE_NO_PAD.decode(signed.split('.').nth(1).unwrap()).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["sub"], "ann");
        assert_eq!((claims["nbf"].as_u64(), claims["exp"].as_u64()), (Some(999_995), Some(1_000_300)));
        assert_eq!(claims["access"], json!([{"type": "repository", "name": "o/app1", "actions": ["pull"]}]));
        assert!(issuer.certificate().starts_with("-----BEGIN CERTIFICATE-----"));
        assert_ne!(Issuer::new().unwrap().certificate(), issuer.certificate(), "the key is made afresh");
    }
}
