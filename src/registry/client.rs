//! A small client of the distribution v2 protocol that asks, and words its failures, as containerd does
//! (`core/remotes/docker/resolver.go`). Speaks plain HTTP to this machine, TLS to
//! others, and to no host but those it is given.

use std::time::Duration;

use futures::TryStreamExt as _;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, LINK};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use super::authorizer::{Answer, Authorizer};
use super::error::{Error, Result, request_error};
use super::{Credentials, ImageRef};

const MANIFESTS: &str = "application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.oci.image.index.v1+json, */*";
/// containerd's dial timeout.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest silence within an answer. containerd waits for ever; a rehearsal does not.
const SILENCE: Duration = Duration::from_secs(60);
/// containerd gives up after this many answers to one request.
const MAX_ANSWERS: usize = 6;

/// Where a registry listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Host and port, e.g. `127.0.0.1:5000`.
    pub host: String,
}

impl Endpoint {
    /// Where its API begins, e.g. `http://127.0.0.1:5000/v2/`.
    #[must_use]
    pub fn url(&self) -> String {
        match self.host.as_str() {
            host if self.is_here() => format!("http://{host}/v2/"),
            // The hub's API has a name of its own.
            "docker.io" => "https://registry-1.docker.io/v2/".to_owned(),
            host => format!("https://{host}/v2/"),
        }
    }

    /// On this machine: as docker does, no TLS is asked of it.
    #[must_use]
    pub fn is_here(&self) -> bool {
        let name = match self.host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => &self.host,
        };
        let address = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        name == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

/// What a reference resolved to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    pub(crate) media_type: String,
    /// `sha256:…`
    pub digest: String,
    pub(crate) size: u64,
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Platform {
    architecture: String,
    os: String,
}

/// An image for one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// What the reference named: an index's digest where there is one.
    pub digest: String,
    /// The image's id: the digest of its configuration.
    pub config: String,
    /// Compressed bytes of everything that belongs to it.
    pub size: u64,
}

/// An index has `manifests`, a manifest has `config` and `layers`.
#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    manifests: Vec<Descriptor>,
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
}

/// `null` where there are none.
#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

/// What mini's node calls itself.
pub(super) const NODE_AGENT: &str = concat!("rehearsal-mini/", env!("CARGO_PKG_VERSION"));

/// Holds the connections; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
}

impl Client {
    /// For registries on this machine.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new() -> reqwest::Result<Self> {
        Ok(Self { http: plain_http().build()? })
    }

    /// For mini's node, which the registry's log tells from the program that it is part of.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn of_node() -> reqwest::Result<Self> {
        Ok(Self { http: plain_http().user_agent(NODE_AGENT).build()? })
    }

    /// For `endpoint`, wherever it is: elsewhere, with the system's roots of trust and proxies.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn reaching(endpoint: &Endpoint) -> reqwest::Result<Self> {
        if endpoint.is_here() {
            return Self::new();
        }
        let mut roots = rustls::RootCertStore::empty();
        // What cannot be read of them is missed at the handshake, whose error says so.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Ok(Self { http: builder(roots).build()? })
    }

    /// Asks whether the registry takes a login, as `docker login` does: `GET /v2/`, with a token where it asks for one.
    ///
    /// # Errors
    /// [`Error::UnexpectedStatus`] with 401 where it does not.
    pub async fn login(&self, endpoint: &Endpoint, credentials: &Credentials) -> Result<()> {
        let url = endpoint.url();
        let place = Url::parse(&url).expect("an endpoint is a host and port");
        let mut authorizer = Authorizer::login(credentials.clone());
        for answers in 1.. {
            let request = authorizer.authorize(&self.http, self.http.get(&url)).await?;
            let response = request.send().await.map_err(|error| request_error(&Method::GET, &place, &error))?;
            match response.status() {
                status if status.is_success() => return Ok(()),
                StatusCode::UNAUTHORIZED if answers == 1 => match authorizer.challenge(response.headers(), false)? {
                    Answer::Retry => {}
                    Answer::Unsupported => {
                        return Err(Error::UnexpectedStatus { method: Method::GET, url, status: 401 });
                    }
                },
                status => return Err(Error::UnexpectedStatus { method: Method::GET, url, status: status.as_u16() }),
            }
        }
        unreachable!("the second answer ends it")
    }

    /// Whether the registry lets anybody in who brings no login at all: `GET /v2/`.
    ///
    /// # Errors
    /// Where it does not answer.
    pub async fn asks_nobody(&self, endpoint: &Endpoint) -> Result<bool> {
        let url = Url::parse(&endpoint.url()).expect("an endpoint is a host and port");
        let response = self.http.get(url.clone()).send().await;
        let response = response.map_err(|error| request_error(&Method::GET, &url, &error))?;
        Ok(response.status().is_success())
    }

    /// Begins asking `endpoint` about one image, with at most one login.
    #[must_use]
    pub fn session(&self, endpoint: Endpoint, reference: ImageRef, credentials: Option<Credentials>) -> ImageSession {
        let authorizer = Mutex::new(Authorizer::new(reference.repository(), credentials));
        ImageSession { http: self.http.clone(), endpoint, reference, authorizer }
    }
}

/// For what listens on this machine: an empty set of roots spares reading the system's.
pub(crate) fn plain_http() -> reqwest::ClientBuilder {
    builder(rustls::RootCertStore::empty()).no_proxy()
}

fn builder(roots: rustls::RootCertStore) -> reqwest::ClientBuilder {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring supports the default protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("rehearsal/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(SILENCE)
}

/// Requests about one image that share an authorization.
pub struct ImageSession {
    http: reqwest::Client,
    endpoint: Endpoint,
    reference: ImageRef,
    authorizer: Mutex<Authorizer>,
}

impl ImageSession {
    /// Asks for the manifest's descriptor (HEAD).
    ///
    /// # Errors
    /// In containerd's words for `failed to resolve reference …`.
    pub async fn resolve(&self) -> Result<Descriptor> {
        let path = format!("manifests/{}", self.reference.object());
        let response = self.get(Method::HEAD, &path).await.map_err(|error| match error {
            Error::NoBasicCredentials | Error::Scope { .. } => Error::AccessDenied { source: Box::new(error) },
            other => other,
        })?;
        let header = |name| header(&response, name);
        let media_type = header(CONTENT_TYPE.as_str()).unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().to_owned();
        let digest = self.reference.digest().map(str::to_owned).or_else(|| header("docker-content-digest"));
        let size = header(CONTENT_LENGTH.as_str()).and_then(|size| size.parse().ok());
        if let (Some(digest), Some(size)) = (digest, size) {
            return Ok(Descriptor { media_type, digest, size, platform: None });
        }
        let body = self.body(&path).await?;
        let digest = format!("sha256:{}", hex(&Sha256::digest(&body)));
        Ok(Descriptor { media_type, digest, size: body.len() as u64, platform: None })
    }

    /// Resolves the reference down to the image for linux on `architecture` (Go's names: `amd64`, `arm64`).
    ///
    /// # Errors
    /// As [`Self::resolve`]; or no manifest for the platform; or contents that do not have their digest.
    pub async fn image(&self, architecture: &str) -> Result<Resolved> {
        let target = self.resolve().await?;
        let mut size = target.size;
        let mut manifest: Manifest = self.manifest(&target.digest).await?;
        if !manifest.manifests.is_empty() {
            let fits = |platform: &Platform| platform.os == "linux" && platform.architecture == architecture;
            let mut candidates = manifest.manifests.into_iter();
            let chosen = candidates
                .find(|candidate| candidate.platform.as_ref().is_none_or(fits))
                .ok_or_else(|| Error::Platform { digest: target.digest.clone() })?;
            size += chosen.size;
            manifest = self.manifest(&chosen.digest).await?;
        }
        let config = manifest.config.ok_or_else(|| Error::Platform { digest: target.digest.clone() })?;
        size += config.size + manifest.layers.iter().map(|layer| layer.size).sum::<u64>();
        Ok(Resolved { digest: target.digest, config: config.digest, size })
    }

    /// Digests of the layers of a single-platform image.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub async fn layers(&self) -> Result<Vec<String>> {
        let manifest: Manifest = self.manifest(&self.resolve().await?.digest).await?;
        Ok(manifest.layers.into_iter().map(|layer| layer.digest).collect())
    }

    /// All tags of the repository, page by page (distribution spec, "Listing Tags").
    ///
    /// # Errors
    /// As [`Self::resolve`], or when the list is not readable.
    pub async fn tags(&self) -> Result<Vec<String>> {
        let mut tags = Vec::new();
        let mut next = Some(self.url("tags/list"));
        while let Some(url) = next {
            let response = self.request(Method::GET, url, None).await?;
            let url = response.url().clone();
            let more = header(&response, LINK.as_str());
            let page = response.bytes().await.map_err(|error| request_error(&Method::GET, &url, &error))?;
            let malformed = |source| Error::Malformed { what: "tag list", digest: url.to_string(), source };
            tags.extend(serde_json::from_slice::<Tags>(&page).map_err(malformed)?.tags.unwrap_or_default());
            // `</v2/NAME/tags/list?last=…>; rel="next"`
            let more = more.as_deref().and_then(|link| link.strip_prefix('<')?.split_once('>'));
            next = more.and_then(|(path, _)| url.join(path).ok());
        }
        Ok(tags)
    }

    async fn manifest<T: DeserializeOwned>(&self, digest: &str) -> Result<T> {
        let body = self.body(&format!("manifests/{digest}")).await?;
        verify("manifest", digest, &hex(&Sha256::digest(&body)))?;
        let malformed = |source| Error::Malformed { what: "manifest", digest: digest.to_owned(), source };
        serde_json::from_slice(&body).map_err(malformed)
    }

    /// The image's configuration document.
    ///
    /// # Errors
    /// As [`Self::blob`], or when it is not JSON.
    pub async fn config(&self, digest: &str) -> Result<serde_json::Value> {
        let body = self.body(&format!("blobs/{digest}")).await?;
        verify("config", digest, &hex(&Sha256::digest(&body)))?;
        let malformed = |source| Error::Malformed { what: "config", digest: digest.to_owned(), source };
        serde_json::from_slice(&body).map_err(malformed)
    }

    /// Removes a manifest by its digest, and every tag with it.
    ///
    /// # Errors
    /// [`Error::UnexpectedStatus`] with 405 where the registry does not allow deletion.
    pub async fn delete(&self, digest: &str) -> Result<()> {
        self.get(Method::DELETE, &format!("manifests/{digest}")).await.map(drop)
    }

    /// Gives this repository, under this session's tag, the image that `from` has in the same registry as `digest`. No
    /// layer is moved (distribution spec, "Mounting a blob from another repository").
    ///
    /// # Errors
    /// Where the registry does not mount: what it answered. An index is [`Error::Platform`].
    pub async fn mount(&self, from: &ImageSession, digest: &str) -> Result<()> {
        let (media_type, body) = from.document(&format!("manifests/{digest}")).await?;
        verify("manifest", digest, &hex(&Sha256::digest(&body)))?;
        let malformed = |source| Error::Malformed { what: "manifest", digest: digest.to_owned(), source };
        let manifest: Manifest = serde_json::from_slice(&body).map_err(malformed)?;
        let config = manifest.config.ok_or_else(|| Error::Platform { digest: digest.to_owned() })?;
        let mut blobs: Vec<String> = manifest.layers.into_iter().map(|layer| layer.digest).collect();
        blobs.extend([config.digest]);
        for blob in blobs {
            let mut url = self.url("blobs/uploads/");
            url.query_pairs_mut().append_pair("mount", &blob).append_pair("from", from.reference.repository());
            let response = self.request(Method::POST, url, None).await?;
            // 202 is an upload of its own that was begun instead: the registry forgets it in time.
            if response.status() != StatusCode::CREATED {
                return unexpected(Method::POST, &response);
            }
        }
        let url = self.url(&format!("manifests/{}", self.reference.object()));
        self.request(Method::PUT, url, Some((media_type, body))).await.map(drop)
    }

    /// Reads a blob to its end and checks its digest, keeping nothing; returns its size in bytes.
    ///
    /// # Errors
    /// When it is not served whole, or is not what the digest says.
    pub async fn blob(&self, digest: &str) -> Result<u64> {
        let response = self.get(Method::GET, &format!("blobs/{digest}")).await?;
        let url = response.url().clone();
        let (hash, size) = response
            .bytes_stream()
            .try_fold((Sha256::new(), 0), |(mut hash, size), chunk| async move {
                hash.update(&chunk);
                Ok((hash, size + chunk.len() as u64))
            })
            .await
            .map_err(|error| request_error(&Method::GET, &url, &error))?;
        verify("blob", digest, &hex(&hash.finalize()))?;
        Ok(size)
    }

    async fn body(&self, path: &str) -> Result<bytes::Bytes> {
        Ok(self.document(path).await?.1)
    }

    /// A document and its media type.
    async fn document(&self, path: &str) -> Result<(String, bytes::Bytes)> {
        let response = self.get(Method::GET, path).await?;
        let url = response.url().clone();
        let media_type = header(&response, CONTENT_TYPE.as_str()).unwrap_or_default();
        let body = response.bytes().await.map_err(|error| request_error(&Method::GET, &url, &error))?;
        Ok((media_type, body))
    }

    async fn get(&self, method: Method, path: &str) -> Result<Response> {
        self.request(method, self.url(path), None).await
    }

    /// One request with containerd's retries: challenges are answered, HEAD falls back to GET, and a busy
    /// registry is asked again.
    async fn request(&self, mut method: Method, url: Url, body: Option<(String, bytes::Bytes)>) -> Result<Response> {
        let mut authorizer = self.authorizer.lock().await;
        let mut refusals = 0;
        for answers in 1.. {
            let mut request = self.http.request(method.clone(), url.clone()).header(ACCEPT, MANIFESTS);
            if let Some((media_type, body)) = &body {
                request = request.header(CONTENT_TYPE, media_type).body(body.clone());
            }
            let request = authorizer.authorize(&self.http, request).await?;
            let response = request.send().await.map_err(|error| request_error(&method, &url, &error))?;
            let retry = answers < MAX_ANSWERS
                && match response.status() {
                    StatusCode::UNAUTHORIZED => {
                        refusals += 1;
                        matches!(authorizer.challenge(response.headers(), refusals > 1)?, Answer::Retry)
                    }
                    StatusCode::METHOD_NOT_ALLOWED if method == Method::HEAD => {
                        method = Method::GET;
                        true
                    }
                    StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => true,
                    StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => true,
                    _ => false,
                };
            if !retry {
                return self.served(method, response);
            }
        }
        unreachable!("the loop ends after {MAX_ANSWERS} answers")
    }

    fn served(&self, method: Method, response: Response) -> Result<Response> {
        match response.status() {
            status if status.is_success() => Ok(response),
            StatusCode::NOT_FOUND => Err(Error::NotFound { reference: self.reference.canonical() }),
            _ => unexpected(method, &response),
        }
    }

    fn url(&self, path: &str) -> Url {
        let host = &self.endpoint.host;
        let mut url = Url::parse(&format!("{}{}/{path}", self.endpoint.url(), self.reference.repository()))
            .expect("an endpoint is a host and port, a repository's grammar is a subset of a URL path's");
        // Tells a mirror which registry it stands in for.
        if self.reference.registry() != host {
            url.query_pairs_mut().append_pair("ns", self.reference.registry());
        }
        url
    }
}

fn unexpected<T>(method: Method, response: &Response) -> Result<T> {
    let (url, status) = (response.url().to_string(), response.status().as_u16());
    Err(Error::UnexpectedStatus { method, url, status })
}

fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn verify(what: &'static str, digest: &str, hex: &str) -> Result<()> {
    let actual = format!("sha256:{hex}");
    if digest == actual { Ok(()) } else { Err(Error::Digest { what, digest: digest.to_owned(), actual }) }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
