//! The registry container: closed to strangers, open to its user, gone after its stop.

use std::net::Ipv4Addr;

use futures::TryStreamExt;
use rehearsal::docker::registry::{Auth, RegistryContainer, RegistryRequest};
use rehearsal::docker::{AuthConfig, Docker, Error};
use rehearsal::images::{REGISTRY, ensure};
use rehearsal::registry::{Client, Credentials, Endpoint, Grants, ImageRef, TokenService, access_log, token};

use super::{quiet, session, shell};

const PASSWORD: &str = "s3cret-of-a-test";

async fn request(docker: &Docker, labels: std::collections::BTreeMap<String, String>) -> RegistryRequest {
    let image = ensure(docker, REGISTRY, &quiet).await.unwrap().image;
    let hash = bcrypt::hash(PASSWORD, 4).unwrap();
    RegistryRequest {
        image,
        auth: Auth::Basic { htpasswd: format!("ann:{hash}\n").into(), realm: "test".into() },
        labels,
        port: None,
        layers: None,
    }
}

#[tokio::test]
async fn an_image_is_pushed_by_the_user_only_and_the_log_says_so() {
    session("registry", async |docker, labels| {
        let shell = shell(&docker).await;
        let registry = RegistryContainer::start(&docker, request(&docker, labels).await).await.unwrap();
        assert!(registry.addr.ip().is_loopback());
        let name = format!("{}/team/shell:1", registry.addr);
        docker.tag(&shell, &name).await.unwrap();
        let login = |password: &str| {
            Some(AuthConfig { username: "ann".into(), password: password.into(), server: registry.addr.to_string() })
        };
        for stranger in [None, login("wrong")] {
            let error = docker.push(&name, stranger, &quiet).await.unwrap_err();
            assert!(matches!(error, Error::Transfer { .. }), "{error:?}");
        }
        let pushed = docker.push(&name, login(PASSWORD), &quiet).await.unwrap();
        assert!(pushed.digest.starts_with("sha256:"), "{pushed:?}");
        docker.remove_image(&name).await.unwrap();
        let pulled = docker.pull(&name, login(PASSWORD), &quiet).await.unwrap();
        assert!(pulled.repo_digests.iter().any(|d| d.ends_with(&pushed.digest)), "{pulled:?}");
        docker.remove_image(&name).await.unwrap();

        let user = Credentials::new("ann", PASSWORD);
        let of = |image: &str, credentials: Option<&Credentials>| {
            let endpoint = Endpoint { host: registry.addr.to_string() };
            Client::new().unwrap().session(endpoint, ImageRef::parse(image).unwrap(), credentials.cloned())
        };
        let (from, copy) = (of("team/shell:1", Some(&user)), of("others/shell:2", Some(&user)));
        copy.mount(&from, &pushed.digest).await.unwrap();
        assert_eq!(copy.resolve().await.unwrap().digest, pushed.digest);
        assert!(of("others/shell:3", None).mount(&from, &pushed.digest).await.is_err());

        let log: Vec<_> = registry.logs(false).await.unwrap().try_collect().await.unwrap();
        let log = String::from_utf8_lossy(&log.concat()).into_owned();
        let put = |line: &&str| line.contains("\"PUT /v2/team/shell/manifests/1 HTTP/1.1\" 201");
        assert!(log.lines().any(|line| put(&line)), "{log}");
        assert!(!log.contains(PASSWORD));
        let id = registry.id.clone();
        registry.stop().await.unwrap();
        assert!(docker.wait(&id).await.unwrap_err().is_not_found());
    })
    .await;
}

#[tokio::test]
async fn a_registry_with_tokens_refuses_in_docker_hubs_words() {
    session("tokens", async |docker, labels| {
        let shell = shell(&docker).await;
        let user = Credentials::new("ann", PASSWORD);
        let tokens = TokenService::start(Ipv4Addr::LOCALHOST.into(), user.clone(), Grants::User).await.unwrap();
        let auth = Auth::Token {
            realm: tokens.realm(),
            service: token::SERVICE.into(),
            issuer: token::ISSUER.into(),
            certificate: tokens.certificate().into(),
        };
        let request = RegistryRequest { auth, ..request(&docker, labels).await };
        let registry = RegistryContainer::start(&docker, request).await.unwrap();
        let host = registry.addr.to_string();
        let name = format!("{host}/team/shell:1");
        docker.tag(&shell, &name).await.unwrap();
        let login =
            |password: &str| AuthConfig { username: "ann".into(), password: password.into(), server: host.clone() };
        for stranger in [None, Some(login("wrong"))] {
            let error = docker.push(&name, stranger, &quiet).await.unwrap_err();
            assert!(matches!(error, Error::Transfer { .. }), "{error:?}");
        }
        let pushed = docker.push(&name, Some(login(PASSWORD)), &quiet).await.unwrap();
        docker.remove_image(&name).await.unwrap();
        let pulled = docker.pull(&name, Some(login(PASSWORD)), &quiet).await.unwrap();
        assert!(pulled.repo_digests.iter().any(|d| d.ends_with(&pushed.digest)), "{pulled:?}");
        docker.remove_image(&name).await.unwrap();

        let client = Client::new().unwrap();
        let endpoint = Endpoint { host: host.clone() };
        client.login(&endpoint, &user).await.unwrap();
        assert!(client.login(&endpoint, &Credentials::new("ann", "wrong")).await.is_err());
        let asked = async |image: &str, credentials: Option<&Credentials>| {
            let session = client.session(endpoint.clone(), ImageRef::parse(image).unwrap(), credentials.cloned());
            session.resolve().await.map(|found| found.digest).map_err(|error| error.chain())
        };
        assert_eq!(asked("team/shell:1", Some(&user)).await, Ok(pushed.digest.clone()));
        assert_eq!(
            asked("team/shell:1", None).await.unwrap_err(),
            "pull access denied, repository does not exist or may require authorization: server message: \
             insufficient_scope: authorization failed"
        );
        let wrong = asked("team/shell:1", Some(&Credentials::new("ann", "wrong"))).await.unwrap_err();
        let head = "failed to authorize: failed to fetch oauth token: unexpected status from GET request to ";
        assert!(wrong.starts_with(&format!("{head}{}?", tokens.realm())), "{wrong}");
        assert!(wrong.ends_with(": 401 Unauthorized"), "{wrong}");
        assert!(asked("team/shell:2", Some(&user)).await.unwrap_err().ends_with("team/shell:2: not found"));

        // What labs need of it, too: images mounted elsewhere, and taken away.
        let of = |image: &str| client.session(endpoint.clone(), ImageRef::parse(image).unwrap(), Some(user.clone()));
        let copy = of("others/shell:2");
        copy.mount(&of("team/shell:1"), &pushed.digest).await.unwrap();
        assert_eq!(copy.resolve().await.unwrap().digest, pushed.digest);
        copy.delete(&pushed.digest).await.unwrap();
        assert!(copy.resolve().await.unwrap_err().is_not_found());

        let log: Vec<_> = registry.logs(false).await.unwrap().try_collect().await.unwrap();
        let log = String::from_utf8_lossy(&log.concat()).into_owned();
        let entries = access_log::parse(&log);
        let seen = |status: u16, by: Option<&str>| {
            entries.iter().any(|e| e.reference == "1" && e.status == status && e.user.as_deref() == by)
        };
        assert!(seen(401, None) && seen(200, Some("ann")), "{entries:?}");
        assert!(!log.contains(PASSWORD));
        registry.stop().await.unwrap();
        tokens.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_registry_on_a_taken_port_is_refused_and_leaves_nothing() {
    session("taken", async |docker, labels| {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let request = RegistryRequest { port: Some(port), ..request(&docker, labels.clone()).await };
        let error = RegistryContainer::start(&docker, request).await.err().unwrap();
        assert!(matches!(error, Error::PortTaken { port: taken } if taken == port), "{error:?}");
        let label = labels.iter().map(|(key, value)| format!("{key}={value}")).next().unwrap();
        assert_eq!(docker.containers(&label).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_registry_that_was_left_is_found_by_its_label() {
    session("left", async |docker, labels| {
        let registry = RegistryContainer::start(&docker, request(&docker, labels.clone()).await).await.unwrap();
        let (id, _) = registry.leave();
        let label = labels.iter().map(|(key, value)| format!("{key}={value}")).next().unwrap();
        let found = docker.containers(&label).await.unwrap();
        assert_eq!(found.iter().map(|c| (&c.id, c.state.as_str())).collect::<Vec<_>>(), [(&id, "running")]);
    })
    .await;
}
