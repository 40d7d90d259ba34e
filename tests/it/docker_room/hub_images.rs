//! Hub images and the application on top of them.

use std::time::Instant;

use rehearsal::docker::{ContainerRequest, Progress};
use rehearsal::images::{Application, Base, How, Outlook, ensure, inspect};
use rehearsal::wait::{self, Probe, Wake};

use crate::program::project;

use super::{Kept, quiet, session, shell};

#[tokio::test]
async fn an_image_that_was_found_once_is_found_again_without_a_word() {
    session("ladder", async |docker, _| {
        shell(&docker).await;
        let kept = Kept::default();
        let sink = |progress: Progress| kept.0.lock().unwrap().push(progress);
        let found = ensure(&docker, "python:3.9-slim", &sink).await.unwrap();
        assert_eq!(kept.details(), Vec::<String>::new());
        assert_eq!(inspect(&docker, "python:3.9-slim").await.unwrap(), Outlook::Found(found.clone()));
        match &found.how {
            How::StandIn { why } => {
                assert!(!why.is_empty());
                assert!(found.to_string().contains("stand-in"));
                assert_eq!(docker.image("python:3.9-slim").await.unwrap(), None, "the hub's name is not taken");
            }
            How::Local | How::Pulled => assert_eq!(found.image, "python:3.9-slim"),
        }
    })
    .await;
}

#[tokio::test]
async fn the_application_is_built_answers_and_is_built_again_from_the_cache() {
    session("app", async |docker, labels| {
        shell(&docker).await;
        let application = Application::read(&project().join("labs")).unwrap();
        let found = ensure(&docker, &application.base, &quiet).await.unwrap();
        let base = Base::ensure(&docker, &found, &quiet).await.unwrap();
        let first = base.build(&docker, &application, &quiet).await.unwrap();
        let kept = Kept::default();
        let again = Instant::now();
        let progress = |progress| kept.0.lock().unwrap().push(progress);
        let second = base.build(&docker, &application, &progress).await.unwrap();
        println!("warm build: {:?}; image: {} bytes", again.elapsed(), second.size);
        assert_eq!(first.id, second.id);
        assert!(kept.details().iter().any(|line| line.contains("Using cache")), "{:?}", kept.details());

        let request =
            ContainerRequest { image: application.cached(), labels, publish: vec![(5000, None)], ..Default::default() };
        let container = docker.run(request).await.unwrap();
        let url = format!("http://127.0.0.1:{}/", container.ports[&5000]);
        let probe = async || match get(&url).await {
            Ok(body) => Probe::Done(body),
            Err(error) => Probe::Pending(error),
        };
        let every = Wake::Every(std::time::Duration::from_millis(20));
        let body = wait::until("the app", std::time::Duration::from_secs(20), every, probe).await.unwrap();
        assert_eq!(body, "Hello, Docker!");
    })
    .await;
}

async fn get(url: &str) -> Result<String, String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = tokio::net::TcpStream::connect(host).await.map_err(|e| e.to_string())?;
    let request = format!("GET / HTTP/1.0\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(|e| e.to_string())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.map_err(|e| e.to_string())?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer yet")?;
    if head.contains(" 200 ") { Ok(body.to_owned()) } else { Err(head.to_owned()) }
}
