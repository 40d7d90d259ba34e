//! The client against a registry that misbehaves on demand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode as Status, header};
use axum::response::{IntoResponse, Response};

use super::*;

/// URL path → media type and body.
type Contents = BTreeMap<String, (String, Vec<u8>)>;

/// What one test's registry does: maps `METHOD path` to an answer, and remembers every request.
#[derive(Clone, Default)]
struct Fake {
    login: Option<String>,
    bearer: bool,
    contents: Arc<Mutex<Contents>>,
    seen: Arc<Mutex<Vec<String>>>,
    host: String,
}

impl Fake {
    async fn start(mut self) -> (String, Self) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.host = listener.local_addr().unwrap().to_string();
        let router = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (self.host.clone(), self)
    }

    /// Serves `contents` under its digest and the given tag; returns the digest.
    fn put(&self, kind: &str, tag: Option<&str>, media_type: &str, contents: &[u8]) -> String {
        let digest = format!("sha256:{}", hex(&Sha256::digest(contents)));
        let mut all = self.contents.lock().unwrap();
        for name in tag.into_iter().chain([digest.as_str()]) {
            all.insert(format!("/v2/o/app/{kind}/{name}"), (media_type.to_owned(), contents.to_vec()));
        }
        digest
    }
}

async fn answer(State(fake): State<Fake>, request: Request) -> Response {
    let (method, uri, headers) = (request.method().clone(), request.uri().clone(), request.headers().clone());
    fake.seen.lock().unwrap().push(format!("{method} {uri}"));
    let login = Credentials::new("u", "right").basic();
    let authorized = |wanted: &str| headers.get(header::AUTHORIZATION).is_some_and(|got| got == wanted);
    if uri.path() == "/token" {
        let known = authorized(&format!("Basic {login}"));
        return match (method.as_str(), headers.contains_key(header::AUTHORIZATION), known) {
            ("POST", ..) => Status::NOT_FOUND.into_response(),
            (_, true, false) => Status::UNAUTHORIZED.into_response(),
            (_, _, known) => format!(r#"{{"token": "{}"}}"#, if known { "good" } else { "anonymous" }).into_response(),
        };
    }
    if uri.path().ends_with("/busy") {
        return Status::TOO_MANY_REQUESTS.into_response();
    }
    let mut challenge = HeaderMap::new();
    if fake.bearer && !authorized("Bearer good") {
        let error = if headers.contains_key(header::AUTHORIZATION) { r#",error="insufficient_scope""# } else { "" };
        let host = &fake.host;
        let value = format!(r#"Bearer realm="http://{host}/token",service="s",scope="repository:o/app:pull"{error}"#);
        challenge.insert(header::WWW_AUTHENTICATE, value.parse().unwrap());
        return (Status::UNAUTHORIZED, challenge).into_response();
    }
    if fake.login.is_some_and(|wanted| !authorized(&format!("Basic {wanted}"))) {
        challenge.insert(header::WWW_AUTHENTICATE, "Basic realm=\"r\"".parse().unwrap());
        return (Status::UNAUTHORIZED, challenge).into_response();
    }
    if method == "POST" {
        let query: BTreeMap<_, _> = uri.query().unwrap().split('&').filter_map(|pair| pair.split_once('=')).collect();
        let blob = query["mount"].replace("%3A", ":");
        let held = |path: &str| fake.contents.lock().unwrap().get(path).cloned();
        return match held(&format!("/v2/{}/blobs/{blob}", query["from"].replace("%2F", "/"))) {
            Some(contents) => {
                let path = uri.path().replace("uploads/", &blob);
                fake.contents.lock().unwrap().insert(path, contents);
                Status::CREATED.into_response()
            }
            None => Status::ACCEPTED.into_response(),
        };
    }
    if method == "PUT" {
        let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap().to_vec();
        let media_type = headers[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        let (repository, _) = uri.path().rsplit_once('/').unwrap();
        let by_digest = format!("{repository}/sha256:{}", hex(&Sha256::digest(&body)));
        for path in [uri.path(), &by_digest] {
            fake.contents.lock().unwrap().insert(path.to_owned(), (media_type.clone(), body.clone()));
        }
        return Status::CREATED.into_response();
    }
    match (uri.path(), uri.query()) {
        ("/v2/o/app/tags/list", None) => {
            let next = [(header::LINK, r#"</v2/o/app/tags/list?last=v1.36.2&n=2>; rel="next""#)];
            return (next, r#"{"name": "o/app", "tags": ["v1.34.0", "v1.36.2"]}"#).into_response();
        }
        ("/v2/o/app/tags/list", Some(_)) => return r#"{"name": "o/app", "tags": null}"#.into_response(),
        _ => {}
    }
    match fake.contents.lock().unwrap().get(uri.path()) {
        Some((media_type, body)) => {
            let digest = format!("sha256:{}", hex(&Sha256::digest(body)));
            let headers = [("content-type", media_type.clone()), ("docker-content-digest", digest)];
            (headers, body.clone()).into_response()
        }
        None => Status::NOT_FOUND.into_response(),
    }
}

fn basic() -> Fake {
    Fake { login: Some(Credentials::new("u", "right").basic()), ..Fake::default() }
}

fn session(host: &str, image: &str, password: Option<&str>) -> ImageSession {
    let credentials = password.map(|password| Credentials::new("u", password));
    let endpoint = Endpoint { host: host.to_owned() };
    Client::new().unwrap().session(endpoint, ImageRef::parse(image).unwrap(), credentials)
}

async fn failure(host: &str, image: &str, password: Option<&str>) -> String {
    session(host, image, password).resolve().await.unwrap_err().chain().replace(host, "HOST")
}

#[tokio::test]
async fn a_basic_registry_refuses_in_containerds_words() {
    let (host, fake) = basic().start().await;
    assert_eq!(
        failure(&host, "o/app:1", None).await,
        "pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials"
    );
    assert_eq!(fake.seen.lock().unwrap().split_off(0), ["HEAD /v2/o/app/manifests/1?ns=docker.io"]);
    assert_eq!(
        failure(&host, "o/app:1", Some("wrong")).await,
        "unexpected status from HEAD request to http://HOST/v2/o/app/manifests/1?ns=docker.io: 401 Unauthorized"
    );
    assert_eq!(fake.seen.lock().unwrap().split_off(0).len(), MAX_ANSWERS);
    assert_eq!(failure(&host, "o/app:1", Some("right")).await, "docker.io/o/app:1: not found");
    assert_eq!(failure(&host, &format!("{host}/o/app:1"), Some("right")).await, "HOST/o/app:1: not found");
    assert_eq!(fake.seen.lock().unwrap().last().unwrap(), "HEAD /v2/o/app/manifests/1");
}

#[tokio::test]
async fn a_token_registry_refuses_in_containerds_words() {
    let (host, fake) = Fake { bearer: true, ..Fake::default() }.start().await;
    assert_eq!(
        failure(&host, "o/app:1", None).await,
        "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed"
    );
    assert_eq!(
        failure(&host, "o/app:1", Some("wrong")).await,
        "failed to authorize: failed to fetch oauth token: unexpected status from GET request to http://HOST/token?scope=repository%3Ao%2Fapp%3Apull&service=s: 401 Unauthorized"
    );
    fake.put("manifests", Some("1"), "application/vnd.oci.image.manifest.v1+json", b"{}");
    assert_eq!(session(&host, "o/app:1", Some("right")).resolve().await.unwrap().size, 2);
}

#[tokio::test]
async fn nobody_listening_and_too_busy() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    assert_eq!(
        failure(&host, "o/app:1", None).await,
        "failed to do request: Head \"http://HOST/v2/o/app/manifests/1?ns=%5BREDACTED%5D\": dial tcp HOST: connect: connection refused"
    );
    let (host, fake) = Fake::default().start().await;
    assert_eq!(
        failure(&host, "o/app:busy", None).await,
        "unexpected status from HEAD request to http://HOST/v2/o/app/manifests/busy?ns=docker.io: 429 Too Many Requests"
    );
    assert_eq!(fake.seen.lock().unwrap().len(), MAX_ANSWERS);
}

#[tokio::test]
async fn an_index_is_resolved_to_the_platform_and_contents_are_checked() {
    let (host, fake) = basic().start().await;
    let config = fake.put("blobs", None, "x", br#"{"os": "linux"}"#);
    let layer = fake.put("blobs", None, "x", b"layer");
    let of = |digest: &str, size: usize| format!(r#"{{"mediaType": "m", "digest": "{digest}", "size": {size}}}"#);
    let manifest = format!(r#"{{"config": {}, "layers": [{}]}}"#, of(&config, 15), of(&layer, 5));
    let digest = fake.put("manifests", None, "application/vnd.oci.image.manifest.v1+json", manifest.as_bytes());
    let index = format!(
        r#"{{"manifests": [{{"mediaType": "m", "digest": "sha256:0", "size": 1, "platform": {{"os": "linux", "architecture": "s390x"}}}},
            {{"mediaType": "m", "digest": "{digest}", "size": {}, "platform": {{"os": "linux", "architecture": "arm64"}}}}]}}"#,
        manifest.len()
    );
    let top = fake.put("manifests", Some("1"), "application/vnd.oci.image.index.v1+json", index.as_bytes());
    let session = session(&host, "o/app:1", Some("right"));
    let size = (index.len() + manifest.len() + 15 + 5) as u64;
    assert_eq!(session.image("arm64").await.unwrap(), Resolved { digest: top, config: config.clone(), size });
    assert!(matches!(session.image("amd64").await, Err(Error::Platform { .. })));
    assert_eq!(session.config(&config).await.unwrap()["os"], "linux");
    assert_eq!(session.blob(&layer).await.unwrap(), 5);

    fake.contents.lock().unwrap().insert(format!("/v2/o/app/blobs/{layer}"), ("x".into(), b"tampered".to_vec()));
    assert!(matches!(session.blob(&layer).await, Err(Error::Digest { what: "blob", .. })));
    fake.contents.lock().unwrap().insert(format!("/v2/o/app/manifests/{digest}"), ("x".into(), b"{}".to_vec()));
    assert!(matches!(session.image("arm64").await, Err(Error::Digest { what: "manifest", .. })));
}

#[tokio::test]
async fn an_image_is_mounted_from_another_repository_or_the_refusal_is_told() {
    let (host, fake) = basic().start().await;
    let (config, layer) = (fake.put("blobs", None, "x", b"{}"), fake.put("blobs", None, "x", b"layer"));
    let manifest = format!(
        r#"{{"config": {{"mediaType": "m", "digest": "{config}", "size": 2}}, "layers": [{{"mediaType": "m", "digest": "{layer}", "size": 5}}]}}"#
    );
    let kind = "application/vnd.docker.distribution.manifest.v2+json";
    let digest = fake.put("manifests", Some("1"), kind, manifest.as_bytes());
    let (from, to) = (session(&host, "o/app:1", Some("right")), session(&host, "p/copy:2", Some("right")));
    to.mount(&from, &digest).await.unwrap();
    let copy = to.resolve().await.unwrap();
    assert_eq!((copy.media_type.as_str(), copy.digest), (kind, digest.clone()));
    assert_eq!(to.layers().await.unwrap(), [layer.as_str()]);
    assert_eq!(to.blob(&layer).await.unwrap(), 5);

    fake.contents.lock().unwrap().remove(&format!("/v2/o/app/blobs/{layer}"));
    let refused = session(&host, "p/third:1", Some("right")).mount(&from, &digest).await.unwrap_err();
    assert!(matches!(refused, Error::UnexpectedStatus { method: Method::POST, status: 202, .. }), "{refused:?}");
}

#[test]
fn this_machine_is_asked_in_the_clear_and_no_other() {
    for (host, url) in [
        ("127.0.0.1:5000", "http://127.0.0.1:5000/v2/"),
        ("127.9.9.9", "http://127.9.9.9/v2/"),
        ("localhost:5000", "http://localhost:5000/v2/"),
        ("[::1]:5000", "http://[::1]:5000/v2/"),
        ("192.168.1.2:5000", "https://192.168.1.2:5000/v2/"),
        ("localhost.example.com", "https://localhost.example.com/v2/"),
        ("ghcr.io", "https://ghcr.io/v2/"),
        ("docker.io", "https://registry-1.docker.io/v2/"),
    ] {
        assert_eq!(Endpoint { host: host.to_owned() }.url(), url);
    }
}

#[tokio::test]
async fn tags_are_listed_page_by_page() {
    let (host, fake) = Fake { bearer: true, ..Fake::default() }.start().await;
    let session = session(&host, &format!("{host}/o/app"), Some("right"));
    assert_eq!(session.tags().await.unwrap(), ["v1.34.0", "v1.36.2"]);
    assert!(fake.seen.lock().unwrap().contains(&"GET /v2/o/app/tags/list?last=v1.36.2&n=2".to_owned()));
}
