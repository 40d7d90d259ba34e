//! The realm of a registry in Docker Hub's manner: a listener that gives tokens. Without credentials it gives one that
//! allows nothing, to its user one for what was asked, and to a wrong password none.
//! Knows nothing of the registry but that it trusts [`Issuer`]'s certificate.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode, header};
use reqwest::Url;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Credentials;
use super::token::{self, Access, Issuer, granted};
use crate::hint::Hint;

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "what each variant is, its message says")]
pub enum Error {
    #[error(transparent)]
    Issuer(#[from] token::Error),
    #[error("cannot listen on {address} for the registry's tokens")]
    Listen {
        address: IpAddr,
        #[source]
        source: std::io::Error,
    },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Issuer(source) => source.hint(),
            Self::Listen { address, .. } if address.is_loopback() => {
                Some("is loopback up, and are there ports left? `ss -s` tells".into())
            }
            Self::Listen { .. } => {
                Some("the engine's gateway is no address of this machine: use `--registry-auth basic`".into())
            }
        }
    }
}

/// A service that gives tokens. Ends with [`TokenService::close`]; one that is only dropped ends unwaited.
pub struct TokenService {
    address: SocketAddr,
    certificate: String,
    shutdown: DropGuard,
    task: JoinHandle<()>,
}

/// To whom the service gives a token that allows something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Grants {
    /// To its user.
    #[default]
    User,
    /// To whoever gives a password, whatever it is: only sabotage asks for it.
    AnyPassword,
    /// To everybody: only sabotage asks for it.
    Everybody,
}

struct Giver {
    issuer: Issuer,
    user: Credentials,
    grants: Grants,
}

impl TokenService {
    /// Listens on a free port of `address`. Anybody who reaches it may ask: without the user's password a token allows
    /// nothing.
    ///
    /// # Errors
    /// Where no key can be made, or `address` is not this machine's.
    pub async fn start(address: IpAddr, user: Credentials, grants: Grants) -> Result<Self, Error> {
        let issuer = Issuer::new()?;
        let certificate = issuer.certificate();
        let listen = |source| Error::Listen { address, source };
        let listener = TcpListener::bind((address, 0)).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let app = Router::new().route("/token", get(give)).with_state(Arc::new(Giver { issuer, user, grants }));
        let shutdown = CancellationToken::new();
        let ended = shutdown.clone().cancelled_owned();
        let task = tokio::spawn(async move {
            // It fails only where the listener does, and then nobody gets a token: the registry's client says so.
            let _ = axum::serve(listener, app).with_graceful_shutdown(ended).await;
        });
        Ok(Self { address, certificate, shutdown: shutdown.drop_guard(), task })
    }

    /// Where clients of the registry are sent for a token.
    pub fn realm(&self) -> String {
        format!("http://{}/token", self.address)
    }

    /// What the registry trusts, in PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Ends it, and waits for requests that are being answered.
    pub async fn close(self) {
        drop(self.shutdown);
        let _ = self.task.await;
    }
}

/// `GET /token?service=…&scope=…`. Clients that speak OAuth2 ask by POST first and come back with GET when that is not
/// allowed (containerd `core/remotes/docker/authorizer.go`).
async fn give(State(giver): State<Arc<Giver>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let is_user = match headers.get(header::AUTHORIZATION) {
        None => false,
        Some(value) if giver.grants != Grants::User || giver.is_user(value.as_bytes()) => true,
        Some(_) => {
            let refused = Json(json!({"details": "incorrect username or password"}));
            return (StatusCode::UNAUTHORIZED, refused).into_response();
        }
    };
    let is_allowed = is_user || giver.grants == Grants::Everybody;
    let access = granted(scopes(query.as_deref().unwrap_or_default()), is_allowed);
    let subject = if is_user { giver.user.username.as_str() } else { "" };
    match giver.issuer.token(subject, &access, SystemTime::now()) {
        Ok(token) => {
            let seconds = Issuer::lifetime().as_secs();
            Json(json!({"token": token, "access_token": token, "expires_in": seconds})).into_response()
        }
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// Each `scope` parameter holds one or more, with spaces between.
fn scopes(query: &str) -> Vec<Access> {
    let Ok(url) = Url::parse(&format!("http://token/?{query}")) else { return Vec::new() };
    let values = url.query_pairs().filter(|(name, _)| name == "scope").map(|(_, value)| value.into_owned());
    values.flat_map(|value| value.split(' ').filter_map(Access::parse).collect::<Vec<_>>()).collect()
}

impl Giver {
    /// Whether the header holds the user's name and password. Digests are compared, so that the time that it takes tells
    /// nothing of them.
    fn is_user(&self, authorization: &[u8]) -> bool {
        let basic = authorization.split_at_checked(6).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"basic "));
        let decoded = basic.and_then(|(_, value)| STANDARD.decode(value.trim_ascii()).ok());
        let right = format!("{}:{}", self.user.username, self.user.password.expose());
        decoded.is_some_and(|decoded| Sha256::digest(decoded) == Sha256::digest(right))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    #[tokio::test]
    async fn the_user_gets_what_is_asked_and_nobody_else_does() {
        let user = Credentials::new("ann", "pass:word");
        let service = TokenService::start(Ipv4Addr::LOCALHOST.into(), user, Grants::User).await.unwrap();
        let http = crate::registry::plain_http().build().unwrap();
        let realm = service.realm();
        let scope =
            "service=registry.docker.io&scope=repository:o/a:pull,push&scope=repository:o/b:pull%20repository:o/c:pull";
        let asked = async |login: Option<(&str, &str)>| {
            let request = http.get(format!("{realm}?{scope}"));
            let request =
                login.map_or(request.try_clone().unwrap(), |(user, password)| request.basic_auth(user, Some(password)));
            let answer = request.send().await.unwrap();
            let status = answer.status().as_u16();
            let body: serde_json::Value = answer.json().await.unwrap();
            let claims = body["token"].as_str().and_then(|token| URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok());
            let claims: serde_json::Value =
                claims.and_then(|claims| serde_json::from_slice(&claims).ok()).unwrap_or_default();
            let names =
                claims["access"].as_array().map(|access| access.iter().map(|a| a["name"].clone()).collect::<Vec<_>>());
            (status, claims["sub"].clone(), names)
        };
        assert_eq!(
            asked(Some(("ann", "pass:word"))).await,
            (200, json!("ann"), Some(vec![json!("o/a"), json!("o/b"), json!("o/c")]))
        );
        assert_eq!(asked(None).await, (200, json!(""), Some(vec![])));
        for wrong in [("ann", "password"), ("bob", "pass:word"), ("", "")] {
            assert_eq!(asked(Some(wrong)).await, (401, json!(null), None), "{wrong:?}");
        }
        assert_eq!(http.post(&realm).send().await.unwrap().status(), 405);
        let nonsense = http.get(&realm).header("Authorization", "Basic %%%").send().await.unwrap();
        assert_eq!(nonsense.status(), 401);
        assert!(http.get(&realm).send().await.unwrap().text().await.unwrap().contains("\"expires_in\":300"));
        service.close().await;
        assert!(http.get(&realm).send().await.is_err(), "it is gone");
    }
}
