//! Answers a registry's authentication challenges as containerd does (`core/remotes/docker/authorizer.go`):
//! Basic from the credentials at hand, Bearer by fetching a token from the realm. Knows nothing of manifests.

use std::sync::LazyLock;

use regex::Regex;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use reqwest::{Method, RequestBuilder, Url};
use serde::Deserialize;

use super::Credentials;
use super::error::{Error, Result, request_error};

static PARAMETER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(\w+)=(?:"([^"]*)"|([^",\s]+))"#).expect("the pattern is a constant"));

/// What the last challenge asked for; the credentials stay with one host and one pull.
pub(super) struct Authorizer {
    credentials: Option<Credentials>,
    /// `repository:NAME:pull`.
    scope: String,
    state: State,
}

enum State {
    /// No challenge seen yet: requests go out anonymously.
    Anonymous,
    Basic(Credentials),
    Bearer {
        realm: Url,
        service: String,
        scopes: Vec<String>,
        token: Option<String>,
    },
}

/// What a 401 means for the request that got it.
pub(super) enum Answer {
    Retry,
    /// No scheme that we speak: the 401 stands.
    Unsupported,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

impl Authorizer {
    pub(super) fn new(repository: &str, credentials: Option<Credentials>) -> Self {
        Self { credentials, scope: format!("repository:{repository}:pull"), state: State::Anonymous }
    }

    /// For a login that is about no repository.
    pub(super) fn login(credentials: Credentials) -> Self {
        Self { credentials: Some(credentials), scope: String::new(), state: State::Anonymous }
    }

    /// Adds the Authorization header, fetching a token first where one is needed.
    pub(super) async fn authorize(
        &mut self,
        http: &reqwest::Client,
        request: RequestBuilder,
    ) -> Result<RequestBuilder> {
        match &mut self.state {
            State::Anonymous => Ok(request),
            State::Basic(login) => Ok(request.basic_auth(&login.username, Some(login.password.expose()))),
            State::Bearer { realm, service, scopes, token } => {
                if token.is_none() {
                    let fetched = fetch_token(http, realm, service, scopes, self.credentials.as_ref()).await;
                    let wrapped =
                        |source| Error::Token { anonymous: self.credentials.is_none(), source: Box::new(source) };
                    *token = Some(fetched.map_err(|error| Error::Authorize { source: Box::new(wrapped(error)) })?);
                }
                Ok(request.bearer_auth(token.as_deref().unwrap_or_default()))
            }
        }
    }

    /// Takes the challenge of a 401. `repeated` says that the same request was refused before.
    pub(super) fn challenge(&mut self, headers: &HeaderMap, repeated: bool) -> Result<Answer> {
        let lines: Vec<&str> = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|line| line.to_str().ok()).collect();
        let of_scheme = |scheme: &str| {
            lines.iter().find_map(|line| {
                let (name, parameters) = line.split_once(' ').unwrap_or((line, ""));
                name.eq_ignore_ascii_case(scheme).then_some(parameters)
            })
        };
        if let Some(parameters) = of_scheme("Bearer") {
            return self.bearer(parameters, repeated);
        }
        match (of_scheme("Basic"), &self.credentials) {
            (None, _) => Ok(Answer::Unsupported),
            (Some(_), Some(login)) if !login.username.is_empty() && !login.password.expose().is_empty() => {
                self.state = State::Basic(login.clone());
                Ok(Answer::Retry)
            }
            (Some(_), _) => Err(Error::NoBasicCredentials),
        }
    }

    fn bearer(&mut self, parameters: &str, repeated: bool) -> Result<Answer> {
        let parameter = |wanted: &str| {
            PARAMETER
                .captures_iter(parameters)
                .find(|found| &found[1] == wanted)
                .map(|found| found.get(2).or(found.get(3)).map_or(String::new(), |value| value.as_str().to_owned()))
        };
        match parameter("error") {
            Some(message) if repeated => return Err(Error::Scope { message }),
            Some(_) => self.state = State::Anonymous,
            None => {}
        }
        if matches!(self.state, State::Bearer { .. }) {
            return Ok(Answer::Retry);
        }
        let realm = parameter("realm").ok_or(Error::Realm { realm: None })?;
        let realm = Url::parse(&realm).map_err(|_| Error::Realm { realm: Some(realm) })?;
        let mut scopes: Vec<String> =
            parameter("scope").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        scopes.push(self.scope.clone());
        scopes.retain(|scope| !scope.is_empty());
        scopes.sort();
        scopes.dedup();
        self.state = State::Bearer { realm, service: parameter("service").unwrap_or_default(), scopes, token: None };
        Ok(Answer::Retry)
    }
}

/// With credentials the OAuth2 POST first, and the older GET where a registry does not serve it.
async fn fetch_token(
    http: &reqwest::Client,
    realm: &Url,
    service: &str,
    scopes: &[String],
    credentials: Option<&Credentials>,
) -> Result<String> {
    if let Some(login) = credentials {
        let mut form = Url::parse("http://form").map_err(|_| Error::Realm { realm: None })?;
        form.query_pairs_mut()
            .append_pair("client_id", concat!("rehearsal-mini/", env!("CARGO_PKG_VERSION")))
            .append_pair("grant_type", "password")
            .append_pair("password", login.password.expose())
            .append_pair("scope", &scopes.join(" "))
            .append_pair("service", service)
            .append_pair("username", &login.username);
        let request = http
            .post(realm.clone())
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .body(form.query().unwrap_or_default().to_owned());
        match token(Method::POST, realm, request).await {
            Err(Error::UnexpectedStatus { status: 400 | 401 | 404 | 405, .. }) => {}
            other => return other,
        }
    }
    let mut url = realm.clone();
    for scope in scopes {
        url.query_pairs_mut().append_pair("scope", scope);
    }
    if !service.is_empty() {
        url.query_pairs_mut().append_pair("service", service);
    }
    let mut request = http.get(url.clone());
    if let Some(login) = credentials {
        request = request.basic_auth(&login.username, Some(login.password.expose()));
    }
    token(Method::GET, &url, request).await
}

async fn token(method: Method, url: &Url, request: RequestBuilder) -> Result<String> {
    let response = request.send().await.map_err(|error| request_error(&method, url, &error))?;
    let status = response.status();
    if !status.is_success() && !status.is_redirection() {
        return Err(Error::UnexpectedStatus { method, url: url.to_string(), status: status.as_u16() });
    }
    let body = response.bytes().await.map_err(|error| request_error(&method, url, &error))?;
    let token: Token = serde_json::from_slice(&body).map_err(|_| Error::NoToken)?;
    [token.access_token, token.token].into_iter().find(|token| !token.is_empty()).ok_or(Error::NoToken)
}
