//! Containers: run, exec, list, logs, ports, stop, remove; those of this lab and no others.

use std::time::Duration;

use futures::TryStreamExt;
use tokio::io::AsyncWriteExt;

use super::args::{Exec, Logs, Ps, Remove, Run};
use super::play::{Error, Player};
use super::table::{age, render, short};
use crate::docker::{ContainerRequest, ContainerSummary, ExecSpec, LogOptions, labels};

/// What is done to a container.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// At the latest after this time.
    Stop(Duration),
    Remove {
        force: bool,
    },
}

impl Player {
    pub(super) async fn run(&self, run: Run) -> Result<u8, Error> {
        let publish = run.publish.iter().map(|spec| publish(spec)).collect::<Result<_, _>>()?;
        let env = self.environment(&run.env)?;
        let mut words = run.words.into_iter();
        let image = self.image_or_pull(&words.next().unwrap_or_default()).await?;
        let mut labels = self.lab.handle.labels();
        labels.insert(labels::LAB.into(), self.lab.handle.scope.clone());
        let request = ContainerRequest {
            image,
            name: run.name.as_deref().map(|name| self.names().container(name)),
            command: run.entrypoint.into_iter().collect(),
            args: words.collect(),
            env,
            working_dir: run.workdir,
            user: run.user,
            labels,
            publish,
            // In the foreground it has to be there until its output and exit code have been read.
            auto_remove: run.rm && run.detach,
            ..ContainerRequest::default()
        };
        let id = self.lab.docker.run(request).await?.id;
        if run.detach {
            self.out.print(format_args!("{id}"));
            return Ok(0);
        }
        self.show(&id, LogOptions { follow: true, ..LogOptions::default() }).await?;
        let code = self.lab.docker.wait(&id).await?.code;
        if run.rm {
            self.lab.docker.remove(&id).await?;
        }
        Ok(u8::try_from(code).unwrap_or(1))
    }

    /// Both streams of a container, each to ours.
    async fn show(&self, id: &str, options: LogOptions) -> Result<(), Error> {
        let mut output = self.lab.docker.output(id, &options);
        while let Some((fd, bytes)) = output.try_next().await.map_err(read_failed)? {
            self.out.bytes(fd, &bytes).await;
        }
        Ok(())
    }

    pub(super) async fn exec(&self, exec: Exec) -> Result<u8, Error> {
        let mut words = exec.words.into_iter();
        let container = self.container(&words.next().unwrap_or_default()).await?;
        if exec.tty {
            return Err(Error::Words("the input device is not a TTY".into()));
        }
        let env = self.environment(&exec.env)?;
        let (command, stdin) = (words.collect(), exec.interactive);
        let spec = ExecSpec { command, env, working_dir: exec.workdir, stdin, ..ExecSpec::default() };
        let mut streams = self.lab.docker.exec(&container.id, spec).await?;
        let feed = async {
            // What the command does not read is nobody's loss.
            while let Some(bytes) = if stdin { self.input().await } else { None } {
                let _ = streams.stdin.write_all(&bytes).await;
            }
            let _ = streams.stdin.shutdown().await;
            std::future::pending::<()>().await;
        };
        let show = async {
            while let Some((fd, bytes)) = streams.output.try_next().await.map_err(read_failed)? {
                self.out.bytes(fd, &bytes).await;
            }
            Ok::<_, Error>(())
        };
        tokio::select! {
            shown = show => shown?,
            () = feed => {}
        }
        Ok(u8::try_from(streams.exit_code.await?).unwrap_or(1))
    }

    pub(super) async fn ps(&self, asked: &Ps) -> Result<(), Error> {
        let titles = ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"];
        let mut rows = vec![titles.map(str::to_owned).to_vec()];
        let now = jiff::Timestamp::now().as_second();
        for container in self.own_containers().await? {
            if !asked.all && container.state != "running" {
                continue;
            }
            if asked.quiet {
                self.out.print(format_args!("{}", short(&container.id)));
                continue;
            }
            let ports = container.ports.iter().map(|(inside, outside)| match outside {
                Some(outside) => format!("127.0.0.1:{outside}->{inside}/tcp"),
                None => format!("{inside}/tcp"),
            });
            // Twenty characters of the command, the last of them an ellipsis where there are more.
            let mut command: String = container.command.chars().take(20).collect();
            if command.len() < container.command.len() {
                command = command.chars().take(19).chain(['…']).collect();
            }
            let (age, ports) = (age(now - container.created), ports.collect::<Vec<_>>().join(", "));
            let (image, names) = (self.names().written(&container.image), container.names.join(","));
            let cells = [short(&container.id), &image, &format!("\"{command}\""), &age, &container.status, &ports];
            let mut row = cells.map(str::to_owned).to_vec();
            row.push(self.names().back(&names));
            rows.push(row);
        }
        if !asked.quiet {
            self.out.text(format_args!("{}", render(&rows, |cell| self.names().width(cell))));
        }
        Ok(())
    }

    pub(super) async fn logs(&self, asked: Logs) -> Result<(), Error> {
        let container = self.container(&asked.container).await?;
        let tail = asked.tail.filter(|lines| lines != "all").map(|lines| {
            let why = || Error::Registry(format!("invalid value for tail: {lines}"));
            lines.parse().map_err(|_| why())
        });
        let (follow, timestamps) = (asked.follow, asked.timestamps);
        let options = LogOptions { follow, timestamps, tail_lines: tail.transpose()?, ..LogOptions::default() };
        self.show(&container.id, options).await
    }

    pub(super) async fn port(&self, name: &str, port: Option<String>) -> Result<(), Error> {
        let ports = self.lab.docker.ports(&self.container(name).await?.id).await?;
        let Some(wanted) = port else {
            for (inside, outside) in ports {
                self.out.print(format_args!("{inside}/tcp -> 127.0.0.1:{outside}"));
            }
            return Ok(());
        };
        let inside = wanted.split('/').next().and_then(|p| p.parse::<u16>().ok());
        match inside.and_then(|p| ports.get(&p)) {
            Some(outside) => self.out.print(format_args!("127.0.0.1:{outside}")),
            None => return Err(Error::Words(format!("Error: No public port '{wanted}' published for {name}"))),
        }
        Ok(())
    }

    pub(super) async fn stop(&self, seconds: u64, names: &[String]) -> Result<u8, Error> {
        self.each(names, Act::Stop(Duration::from_secs(seconds))).await
    }

    pub(super) async fn rm(&self, remove: Remove) -> Result<u8, Error> {
        self.each(&remove.names, Act::Remove { force: remove.force }).await
    }

    /// Does something to each container, whatever comes of the others, as docker does. What is not there is told, and
    /// is no failure of a forced removal.
    async fn each(&self, names: &[String], act: Act) -> Result<u8, Error> {
        let mut code = 0;
        for name in names {
            match self.act_on(name, act).await {
                Ok(()) => self.out.print(name),
                Err(error) => {
                    self.out.warn(self.names().back(&error.to_string()));
                    let forgiven = matches!((&error, act), (Error::Absent { .. }, Act::Remove { force: true }));
                    code = if forgiven { code } else { 1 };
                }
            }
        }
        Ok(code)
    }

    async fn act_on(&self, name: &str, act: Act) -> Result<(), Error> {
        let id = self.container(name).await?.id;
        match act {
            Act::Stop(time) => self.lab.docker.stop(&id, time).await?,
            Act::Remove { force } => self.lab.docker.rm(&id, force).await?,
        }
        Ok(())
    }

    /// The lab's container of this name, or whose id begins so.
    pub(super) async fn container(&self, name: &str) -> Result<ContainerSummary, Error> {
        let own = self.own_containers().await?;
        let called = name.trim_start_matches('/');
        let played = self.names().container(called);
        let named =
            |container: &&ContainerSummary| container.names.iter().any(|name| *name == played || name == called);
        let found = own.iter().find(named).or_else(|| {
            let ids: Vec<_> =
                own.iter().filter(|container| !called.is_empty() && container.id.starts_with(called)).collect();
            if let [only] = ids[..] { Some(only) } else { None }
        });
        found.cloned().ok_or_else(|| Error::Absent { kind: "container", name: name.to_owned() })
    }

    /// The containers that this lab has started, the newest first.
    async fn own_containers(&self) -> Result<Vec<ContainerSummary>, Error> {
        Ok(self.lab.docker.containers(&format!("{}={}", labels::LAB, self.lab.handle.scope)).await?)
    }
}

fn read_failed(source: std::io::Error) -> Error {
    Error::Read { path: "the container's output".into(), source }
}

/// `[[127.0.0.1:]HOST:]CONTAINER`; the host's side is always 127.0.0.1.
fn publish(spec: &str) -> Result<(u16, Option<u16>), Error> {
    let invalid = |why: String| Error::Flag { given: spec.to_owned(), flag: "-p, --publish", why };
    let port = |text: &str| text.parse::<u16>().map_err(|_| invalid(format!("invalid containerPort: {spec}")));
    match spec.trim_end_matches("/tcp").split(':').collect::<Vec<_>>()[..] {
        [inside] => Ok((port(inside)?, None)),
        [outside, inside] => Ok((port(inside)?, Some(port(outside)?))),
        ["127.0.0.1" | "localhost", "", inside] => Ok((port(inside)?, None)),
        ["127.0.0.1" | "localhost", outside, inside] => Ok((port(inside)?, Some(port(outside)?))),
        [host, ..] => Err(invalid(format!("only 127.0.0.1 is published on, not {host}"))),
        [] => Err(invalid(format!("invalid containerPort: {spec}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_as_docker_reads_them_and_bound_to_loopback() {
        assert_eq!(publish("5000").unwrap(), (5000, None));
        assert_eq!(publish("8080:5000/tcp").unwrap(), (5000, Some(8080)));
        assert_eq!(publish("127.0.0.1::5000").unwrap(), (5000, None));
        assert_eq!(publish("127.0.0.1:8080:5000").unwrap(), (5000, Some(8080)));
        assert!(publish("0.0.0.0:8080:5000").is_err());
        assert!(publish("http").is_err());
    }
}
