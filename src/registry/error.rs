//! Why a registry did not serve, in containerd's and Go's words.

use std::error::Error as _;

use reqwest::{Method, StatusCode, Url};

pub(super) type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a registry did not serve. Each message is one link of containerd's; [`Error::chain`] joins them.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "what each variant is, its message says")]
pub enum Error {
    #[error("pull access denied, repository does not exist or may require authorization")]
    AccessDenied { source: Box<Error> },
    #[error("authorization failed: no basic auth credentials")]
    NoBasicCredentials,
    /// A Bearer registry's own word, e.g. `insufficient_scope`.
    #[error("server message: {message}: authorization failed")]
    Scope { message: String },
    #[error("failed to authorize")]
    Authorize { source: Box<Error> },
    #[error("failed to fetch {} token", if *.anonymous { "anonymous" } else { "oauth" })]
    Token { anonymous: bool, source: Box<Error> },
    #[error("authorization server did not include a token in the response")]
    NoToken,
    #[error("invalid token auth challenge realm: {realm:?}")]
    Realm { realm: Option<String> },
    #[error("{reference}: not found")]
    NotFound { reference: String },
    #[error("unexpected status from {method} request to {url}: {}", status_line(*.status))]
    UnexpectedStatus { method: Method, url: String, status: u16 },
    /// No answer at all, in the words of Go's net package.
    #[error("failed to do request: {method} \"{url}\": {cause}")]
    Request { method: String, url: String, cause: String },
    #[error("{what} {digest}: content has digest {actual}")]
    Digest { what: &'static str, digest: String, actual: String },
    #[error("{what} {digest} is not readable")]
    Malformed { what: &'static str, digest: String, source: serde_json::Error },
    #[error("no match for platform in manifest {digest}")]
    Platform { digest: String },
}

impl Error {
    /// The whole chain, joined with colons: what containerd reports.
    #[must_use]
    pub fn chain(&self) -> String {
        crate::exec::chain(self)
    }

    /// Whether the registry answered that the image is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}

/// Words a transport error as Go's `url.Error` does, its query values hidden as containerd hides them.
pub(super) fn request_error(method: &Method, url: &Url, error: &reqwest::Error) -> Error {
    let mut shown = url.clone();
    if shown.query().is_some() {
        let names: Vec<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
        shown.query_pairs_mut().clear().extend_pairs(names.iter().map(|name| (name, "[REDACTED]")));
    }
    let causes = || std::iter::successors(error.source(), |error| (*error).source());
    let io = causes().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    let address = format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
    let cause = match io.map(std::io::Error::kind) {
        Some(std::io::ErrorKind::ConnectionRefused) => {
            format!("dial tcp {address}: connect: connection refused")
        }
        Some(std::io::ErrorKind::TimedOut) => format!("dial tcp {address}: i/o timeout"),
        Some(std::io::ErrorKind::ConnectionReset) => {
            format!("read tcp {address}: read: connection reset by peer")
        }
        Some(std::io::ErrorKind::UnexpectedEof) => "EOF".to_owned(),
        _ if error.is_connect() && error.is_timeout() => format!("dial tcp {address}: i/o timeout"),
        _ if error.is_timeout() => "net/http: timeout awaiting response headers".to_owned(),
        _ => causes().last().map_or_else(|| error.to_string(), ToString::to_string),
    };
    let name = method.as_str();
    let method = format!("{}{}", &name[..1], name[1..].to_lowercase());
    Error::Request { method, url: shown.to_string(), cause }
}

/// `401 Unauthorized`, as Go prints a status.
pub(super) fn status_line(status: u16) -> String {
    StatusCode::from_u16(status).map_or_else(|_| status.to_string(), |status| status.to_string())
}
