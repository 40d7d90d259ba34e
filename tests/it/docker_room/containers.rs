//! Containers, their output, commands inside them and their end.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use rehearsal::docker::{ContainerRequest, Error, ExecSpec, LogOptions};
use tokio::io::AsyncWriteExt;

use super::{session, shell};

fn sh(image: &str, script: &str, labels: &BTreeMap<String, String>) -> ContainerRequest {
    ContainerRequest {
        image: image.into(),
        command: vec!["sh".into(), "-c".into()],
        args: vec![script.into()],
        labels: labels.clone(),
        ..ContainerRequest::default()
    }
}

#[tokio::test]
async fn a_container_has_its_files_environment_output_and_exit_code() {
    session("run", async |docker, labels| {
        let image = shell(&docker).await;
        let mut request = sh(&image, "cat /var/run/secrets/x/token; echo $WHO in $PWD >&2; exit 7", &labels);
        request.env = vec![("WHO".into(), "ann".into())];
        request.working_dir = Some("/srv".into());
        request.files = BTreeMap::from([("/var/run/secrets/x/token".into(), "t0ken\n".into())]);
        let container = docker.run(request).await.unwrap();
        let exit = docker.wait(&container.id).await.unwrap();
        assert_eq!((exit.code, exit.oom_killed), (7, false));
        let logs = docker.logs(&container.id, LogOptions::default()).await.unwrap();
        let mut lines = String::from_utf8(logs.try_collect::<Vec<_>>().await.unwrap().concat()).unwrap();
        // Docker keeps no order between the two streams.
        let mut sorted: Vec<_> = lines.drain(..).as_str().lines().map(str::to_owned).collect();
        sorted.sort();
        assert_eq!(sorted, ["ann in /srv", "t0ken"]);
        docker.remove(&container.id).await.unwrap();
        docker.remove(&container.id).await.unwrap();
        assert!(docker.wait(&container.id).await.unwrap_err().is_not_found());
    })
    .await;
}

#[tokio::test]
async fn a_command_in_a_container_gives_streams_and_exit_code() {
    session("exec", async |docker, labels| {
        let image = shell(&docker).await;
        let container = docker.run(sh(&image, "sleep 1000", &labels)).await.unwrap();
        let script = "read line; echo got $line; echo oops >&2; exit 5";
        let command = ["sh", "-c", script].map(str::to_owned).to_vec();
        let spec = ExecSpec { command, stdin: true, ..ExecSpec::default() };
        let mut streams = docker.exec(&container.id, spec).await.unwrap();
        streams.stdin.write_all(b"hello\n").await.unwrap();
        streams.stdin.shutdown().await.unwrap();
        let mut seen = BTreeMap::<u8, Vec<u8>>::new();
        while let Some((fd, bytes)) = streams.output.try_next().await.unwrap() {
            seen.entry(fd).or_default().extend(bytes);
        }
        assert_eq!(seen, BTreeMap::from([(1, b"got hello\n".to_vec()), (2, b"oops\n".to_vec())]));
        assert_eq!(streams.exit_code.await.unwrap(), 5);

        // A command whose output ends well before it does.
        let command = ["sh", "-c", "exec >/dev/null 2>&1; sleep 0.3; exit 9"].map(str::to_owned).to_vec();
        let streams = docker.exec(&container.id, ExecSpec { command, ..ExecSpec::default() }).await.unwrap();
        assert_eq!(streams.output.count().await, 0);
        assert_eq!(streams.exit_code.await.unwrap(), 9);

        docker.stop(&container.id, Duration::ZERO).await.unwrap();
        assert_eq!(docker.wait(&container.id).await.unwrap().code, 137);
    })
    .await;
}

#[tokio::test]
async fn a_taken_port_is_named_and_the_container_is_gone() {
    session("port", async |docker, labels| {
        let image = shell(&docker).await;
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut request = sh(&image, "sleep 1000", &labels);
        request.publish = vec![(80, Some(port))];
        let error = docker.run(request).await.unwrap_err();
        assert!(matches!(error, Error::PortTaken { port: taken } if taken == port), "{error:?}");
        let label = labels.iter().map(|(key, value)| format!("{key}={value}")).next().unwrap();
        assert_eq!(docker.containers(&label).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_command_that_does_not_exist_leaves_no_container() {
    session("nosuch", async |docker, labels| {
        let image = shell(&docker).await;
        let mut request = sh(&image, "", &labels);
        request.command = vec!["no-such-program".into()];
        let error = docker.run(request).await.unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("no-such-program"), "{cause}");
        let label = labels.iter().map(|(key, value)| format!("{key}={value}")).next().unwrap();
        assert_eq!(docker.containers(&label).await.unwrap(), []);
    })
    .await;
}
