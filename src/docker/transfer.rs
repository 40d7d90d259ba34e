//! Pulls and pushes that bollard cannot ask for. Podman, which serves Docker's API, too, speaks plain HTTP to registries
//! on this machine only where a request says `tlsVerify=false`. And a login goes in the URL's alphabet of base64, while
//! bollard sends the other: the same for most, but not for every password.

use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use serde::Deserialize;
use tokio_util::codec::{FramedRead, LinesCodec};
use tokio_util::io::StreamReader;

use super::error::{Error, Result};
use super::login::AuthConfig;
use super::progress::Progress;
use super::reference::split_reference;
use crate::{exec, registry};

/// A line of a transfer: Docker's form says `status`, Podman's own says `stream`.
#[derive(Deserialize)]
struct Line {
    #[serde(alias = "stream")]
    status: Option<String>,
    error: Option<String>,
    /// Of a request that was refused as a whole: Podman's, and Docker's.
    cause: Option<String>,
    message: Option<String>,
}

/// Whether the image's registry is on this machine.
pub(super) fn is_here(name: &str) -> bool {
    let host = name.split('/').next().unwrap_or_default();
    registry::Endpoint { host: host.to_owned() }.is_here()
}

/// Pulls; with Podman through its own API, since in Docker's form a pull cannot say how
/// (`pkg/api/handlers/libpod/images_pull.go`).
pub(super) fn pull(
    host: &str,
    podman: bool,
    name: &str,
    login: Option<AuthConfig>,
) -> BoxStream<'static, Result<Progress>> {
    let (repository, tag) = split_reference(name);
    let path = match podman {
        true => format!("v4.0.0/libpod/images/pull?reference={name}&tlsVerify={}", !is_here(name)),
        false => format!("images/create?fromImage={repository}&tag={tag}"),
    };
    transfer(host, path, "pulling", name, login)
}

/// Pushes in Docker's form, whose last line has the digest (`pkg/api/handlers/compat/images_push.go`); Docker overlooks
/// what it does not know.
pub(super) fn push(host: &str, name: &str, login: Option<AuthConfig>) -> BoxStream<'static, Result<Progress>> {
    let (repository, tag) = split_reference(name);
    let path = format!("images/{repository}/push?tag={tag}&tlsVerify={}", !is_here(name));
    transfer(host, path, "pushing", name, login)
}

fn transfer(
    host: &str,
    path: String,
    action: &'static str,
    name: &str,
    login: Option<AuthConfig>,
) -> BoxStream<'static, Result<Progress>> {
    let image = name.to_owned();
    let failed = move |message: String| Error::Transfer { action, image: image.clone(), message };
    let (client, base) = match host.strip_prefix("unix://") {
        Some(socket) => (registry::plain_http().unix_socket(socket), "http://engine".to_owned()),
        None => (registry::plain_http(), host.replacen("tcp://", "http://", 1)),
    };
    let begin = async move {
        let told = |error: reqwest::Error| failed(exec::chain(&error));
        // A reference's grammar is a subset of a path's and of a query's.
        let mut request = client.build().map_err(told)?.post(format!("{base}/{path}"));
        if let Some(login) = login {
            request = request.header("X-Registry-Auth", login.header());
        }
        let answer = request.send().await.map_err(told)?;
        let lines = StreamReader::new(answer.bytes_stream().map_err(std::io::Error::other));
        let steps = FramedRead::new(lines, LinesCodec::new()).map(move |line| {
            let line = line.map_err(|error| failed(error.to_string()))?;
            let line: Line = serde_json::from_str(&line).map_err(|_| failed(line))?;
            match line.error.or(line.cause).or(line.message) {
                Some(error) => Err(failed(error)),
                None => Ok(Progress { step: line.status.unwrap_or_default(), ..Progress::default() }),
            }
        });
        Ok(steps)
    };
    stream::once(begin).try_flatten().boxed()
}

#[cfg(test)]
mod tests {
    use axum::extract::Request;
    use axum::routing::post;
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE;
    use futures::TryStreamExt as _;

    use super::*;

    /// What a Podman answers that was asked right; else 400.
    async fn podman(request: Request) -> (http::StatusCode, &'static str) {
        let query = request.uri().query().unwrap_or_default();
        let login = request.headers().get("X-Registry-Auth").map(|login| BASE64_URL_SAFE.decode(login).unwrap());
        let login = login.map(|login| serde_json::from_slice::<serde_json::Value>(&login).unwrap());
        if !query.contains("tlsVerify=false") {
            return (http::StatusCode::BAD_REQUEST, r#"{"cause":"not told","message":"not told: so","response":400}"#);
        }
        match (request.uri().path().contains("/push"), login) {
            (_, None) => (http::StatusCode::OK, "{\"stream\":\"Trying\"}\n{\"error\":\"unauthorized\"}\n"),
            (true, Some(login)) if login["username"] == "ann" => {
                (http::StatusCode::OK, "{\"status\":\"1: digest: sha256:0f size: 7\",\"progressDetail\":{}}\r\n")
            }
            (_, Some(_)) => (http::StatusCode::OK, "{\"stream\":\"Copying\"}\n{\"images\":[\"0f\"],\"id\":\"0f\"}\n"),
        }
    }

    #[tokio::test]
    async fn it_is_told_and_its_lines_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("podman.sock");
        let listener = tokio::net::UnixListener::bind(&socket).unwrap();
        let app = axum::Router::new().route("/{*path}", post(podman));
        tokio::spawn(async move { axum::serve(listener, app).await });
        let host = format!("unix://{}", socket.display());
        let login = || Some(AuthConfig { username: "ann".into(), password: "p".into(), server: "r".into() });
        let steps = async |stream: BoxStream<'static, Result<Progress>>| {
            stream.map_ok(|progress| progress.step).try_collect::<Vec<_>>().await
        };
        let name = "127.0.0.1:5000/a/b:1";
        assert_eq!(steps(pull(&host, true, name, login())).await.unwrap(), ["Copying", ""]);
        assert_eq!(steps(push(&host, name, login())).await.unwrap(), ["1: digest: sha256:0f size: 7"]);
        let refused = steps(pull(&host, true, name, None)).await.unwrap_err();
        assert_eq!(refused.to_string(), "pulling 127.0.0.1:5000/a/b:1 failed: unauthorized");
        let docker = steps(pull(&host, false, name, login())).await.unwrap_err();
        assert_eq!(docker.to_string(), "pulling 127.0.0.1:5000/a/b:1 failed: not told", "Docker need not be");
        let untold = steps(transfer(&host, "images/a/push".into(), "pushing", "127.0.0.1:5000/a/b:1", login()))
            .await
            .unwrap_err();
        assert_eq!(untold.to_string(), "pushing 127.0.0.1:5000/a/b:1 failed: not told");
    }
}
