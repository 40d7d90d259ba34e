//! The real Engine with one fault: every connection goes through, but what begins like the faulty request is answered
//! by the fault.

use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A request that goes wrong.
#[derive(Clone, Copy)]
pub(crate) struct Fault {
    pub method: &'static str,
    /// Part of its path.
    pub path: &'static str,
    /// The body of a 200 answer, as the Engine streams it; None where no answer ever comes.
    pub answer: Option<&'static str>,
}

/// What the Engine streams when a build finds its disk full.
pub(crate) const DISK_FULL: Fault = Fault {
    method: "POST",
    path: "/build?",
    answer: Some(concat!(
        r#"{"stream":"Step 1/5 : ARG BASE"}"#,
        "\r\n",
        r#"{"errorDetail":{"message":"write /var/lib/docker/tmp/layer: no space left on device"},"#,
        r#""error":"write /var/lib/docker/tmp/layer: no space left on device"}"#,
        "\r\n"
    )),
};

/// It takes connections and says nothing.
pub(crate) const SILENT: Fault = Fault { method: "GET", path: "/version", answer: None };

/// Removing containers hangs.
pub(crate) const STUCK: Fault = Fault { method: "DELETE", path: "/containers/", answer: None };

/// Serves on a socket in `dir`; gives its `DOCKER_HOST` and the number of faulty requests so far.
pub(crate) fn with_fault(dir: &Path, fault: Fault) -> (String, watch::Receiver<usize>) {
    let path = dir.join("engine.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (count, counted) = watch::channel(0);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            // A connection that breaks is its client's to report.
            tokio::spawn(serve(client, fault, count.clone()));
        }
    });
    (format!("unix://{}", path.display()), counted)
}

/// The real Engine.
async fn engine() -> std::io::Result<UnixStream> {
    let host = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".into());
    UnixStream::connect(host.trim_start_matches("unix://")).await
}

async fn serve(mut client: UnixStream, fault: Fault, count: watch::Sender<usize>) -> std::io::Result<()> {
    let mut engine = engine().await?;
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let request = &asked[..read?];
                if request.is_empty() {
                    return Ok(());
                }
                // A client sends a request's head in one piece and waits for the answer before the next.
                let head = String::from_utf8_lossy(request);
                let head = head.lines().next().unwrap_or_default();
                if head.starts_with(fault.method) && head.contains(fault.path) {
                    count.send_modify(|n| *n += 1);
                    return fail(client, fault).await;
                }
                engine.write_all(request).await?;
            }
            read = engine.read(&mut answered) => match read? {
                0 => return Ok(()),
                read => client.write_all(&answered[..read]).await?,
            },
        }
    }
}

async fn fail(mut client: UnixStream, fault: Fault) -> std::io::Result<()> {
    if let Some(body) = fault.answer {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
        client.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
    }
    // Whatever it goes on to send is read: a closed socket would hide the answer.
    tokio::io::copy(&mut client, &mut tokio::io::sink()).await.map(drop)
}

/// The real Engine until the token is cancelled: then its socket and all connections to it are gone.
pub(crate) fn that_goes(dir: &Path) -> (String, CancellationToken) {
    let path = dir.join("engine.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (host, gone) = (format!("unix://{}", path.display()), CancellationToken::new());
    let going = gone.clone();
    tokio::spawn(async move {
        let (never, _) = watch::channel(0);
        let through = Fault { method: "NONE", path: "", answer: None };
        while let Some(Ok((client, _))) = going.run_until_cancelled(listener.accept()).await {
            let (going, never) = (going.clone(), never.clone());
            tokio::spawn(async move { going.run_until_cancelled(serve(client, through, never)).await.map(drop) });
        }
        std::fs::remove_file(path).unwrap();
    });
    (host, gone)
}

/// The body of the real Engine's answer, which must be no error.
pub(crate) async fn ask(method: &str, path: &str) -> String {
    let (code, body) = answer(method, path).await;
    assert!(code < 400, "{method} {path}: {body}");
    body
}

/// The code and the body of the real Engine's answer.
pub(crate) async fn answer(method: &str, path: &str) -> (u16, String) {
    let mut engine = engine().await.unwrap();
    engine.write_all(format!("{method} {path} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    engine.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let code: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
    (code, body.to_owned())
}
