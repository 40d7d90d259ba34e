//! docker.io in every node: the stage's registry, told by `hosts.toml`, and what was there before brought back.

use std::net::SocketAddr;
use std::time::Duration;

use crate::cluster::{Challenge, Error};
use crate::docker::Docker;
use crate::session;
use crate::wait::{Probe, Wake, until};

/// Where containerd looks for hosts (its `config_path` in kind's node images).
const HOSTS: &str = "/etc/containerd/certs.d";
/// The first words of a `hosts.toml` of ours; the session's id and its owner follow.
const OURS: &str = "# rehearsal";

/// For `sh`: `toml` is what is known of each of `names`, and what the user had there is kept beside it.
fn tell(hosts: &str, names: &[String], toml: &str) -> String {
    let each = names.iter().map(|name| {
        let file = format!("{hosts}/{name}/hosts.toml");
        format!(
            "mkdir -p '{hosts}/{name}'\n[ ! -e '{file}' ] || mv -f '{file}' '{file}.before'\n\
             cat > '{file}' <<'EOF'\n{toml}EOF\n"
        )
    });
    format!("set -e\n{}", each.collect::<String>())
}

/// For `sh`: what is ours, of one session or of any, goes, and what the user had comes back.
fn forget(hosts: &str, session: Option<&str>) -> String {
    let ours = session.map_or(format!("{OURS} "), |session| format!("{OURS} {session} "));
    format!(
        r#"for file in '{hosts}'/*/hosts.toml; do
  grep -qs '^{ours}' "$file" || continue
  mv -f "$file.before" "$file" 2>/dev/null || {{ rm -f "$file"; rmdir "${{file%/*}}"; }}
done"#
    )
}

/// For `sh`: takes off the node what a session's pods have pulled. Such images are nobody else's: the session is in their
/// names, and in their layers.
fn remove_images(session: &str) -> String {
    format!(r#"{} | while read -r image; do crictl rmi "$image" >/dev/null 2>&1; done; true"#, images_of(session))
}

fn images_of(session: &str) -> String {
    format!(r#"crictl images -o json 2>/dev/null | grep -o '"[^"@ ]*{session}[^"@ ]*"' | tr -d '"' | sort -u"#)
}

/// For `sh`: prints what there is still of a session.
fn look(hosts: &str, session: &str) -> String {
    format!("grep -ls '^{OURS} {session} ' '{hosts}'/*/hosts.toml; {}; true", images_of(session))
}

/// How often a node is looked at, and how many looks in a row must find nothing: what a session that was killed had begun
/// to say to a node may come to its end there.
const LOOKS: Duration = Duration::from_millis(250);
const QUIET_LOOKS: usize = 2;
const LAST_LOOK: Duration = Duration::from_secs(10);

/// Brings back what the nodes knew of docker.io before `session`, takes off them what its pods have pulled, and gives what
/// is left there. A node that is no more has nothing left.
///
/// # Errors
/// Where the engine does not answer.
pub(crate) async fn give_back(docker: &Docker, session: &str, nodes: &[String]) -> Result<Vec<String>, Error> {
    let each = nodes.iter().map(async |node| match docker.is_running(node).await {
        Ok(None) => Ok(Vec::new()),
        Ok(Some(false)) => Ok(vec![format!("docker.io of the node {node}, which is stopped: start it first")]),
        Ok(Some(true)) => match clean(docker, session, node).await {
            // It went meanwhile, with its cluster.
            Err(_) if docker.is_running(node).await.is_ok_and(|runs| runs.is_none()) => Ok(Vec::new()),
            cleaned => cleaned,
        },
        Err(error) => Err(Error::Docker(error)),
    });
    Ok(futures::future::try_join_all(each).await?.concat())
}

async fn clean(docker: &Docker, session: &str, node: &str) -> Result<Vec<String>, Error> {
    let script = format!("{}\n{}\n{}", forget(HOSTS, Some(session)), remove_images(session), look(HOSTS, session));
    let mut quiet = 0;
    let quietly = async || match docker.run_in(node, &["sh", "-c", &script]).await {
        Ok((_, left)) if left.trim().is_empty() => {
            quiet += 1;
            if quiet < QUIET_LOOKS { Probe::Pending(String::new()) } else { Probe::Done(Ok(())) }
        }
        Ok((_, left)) => {
            quiet = 0;
            Probe::Pending(left.trim().replace('\n', ", "))
        }
        Err(error) => Probe::Done(Err(Error::Docker(error))),
    };
    match until("the node to be as it was", LAST_LOOK, Wake::Every(LOOKS), quietly).await {
        Ok(cleaned) => cleaned.map(|()| Vec::new()),
        Err(timeout) => Ok(vec![format!("on the node {node}: {}", timeout.last)]),
    }
}

/// Whose registry a node takes for docker.io: session and owner; None where it is none of ours.
///
/// # Errors
/// Where the engine does not answer.
pub(super) async fn whose(docker: &Docker, node: &str) -> Result<Option<(String, String)>, Error> {
    let file = format!("{HOSTS}/docker.io/hosts.toml");
    let (code, text) = docker.run_in(node, &["cat", &file]).await.map_err(Error::Docker)?;
    let first = text.lines().next().filter(|_| code == 0);
    let told = first.and_then(|line| line.strip_prefix(OURS)?.trim().split_once(' '));
    Ok(told.map(|(session, owner)| (session.to_owned(), owner.to_owned())))
}

/// The name under which nodes reach a session's registry.
pub(super) fn alias(session: &str) -> String {
    format!("rehearsal-registry-{session}")
}

/// The nodes of one cluster, and whose registry they are told of.
pub(super) struct Wiring<'a> {
    pub docker: &'a Docker,
    pub nodes: &'a [String],
    pub challenge: &'a Challenge,
}

impl Wiring<'_> {
    /// `hosts.toml` for docker.io and for the registry's own name, which nodes reach as `host`. `server` names the
    /// registry too: without it containerd would go on to the real docker.io, with the lab's credentials.
    ///
    /// # Errors
    /// [`Error::Wiring`] where a node refuses, or does not ask the registry afterwards; [`Error::InUse`].
    pub(super) async fn connect(
        &self,
        (session, owner): (&str, &str),
        host: &str,
        registry: SocketAddr,
    ) -> Result<(), Error> {
        self.free().await?;
        self.disconnect().await?;
        let url = format!("http://{host}:5000");
        let toml = format!(
            "{OURS} {session} {owner}\nserver = \"{url}\"\n\n[host.\"{url}\"]\n  capabilities = [\"pull\", \"resolve\"]\n"
        );
        let script = tell(HOSTS, &["docker.io".into(), registry.to_string()], &toml);
        self.in_each(&["sh", "-c", &script]).await?;
        self.verify(session).await
    }

    /// As it was before anybody of ours came.
    ///
    /// # Errors
    /// Where a node refuses.
    async fn disconnect(&self) -> Result<(), Error> {
        self.in_each(&["sh", "-c", &forget(HOSTS, None)]).await
    }

    /// Whether nobody else's run has the nodes: each wants docker.io to be its own.
    ///
    /// # Errors
    /// [`Error::InUse`].
    async fn free(&self) -> Result<(), Error> {
        let Some(node) = self.nodes.first() else { return Err(Error::NoNodes) };
        match whose(self.docker, node).await?.filter(|(_, owner)| session::is_alive(owner)) {
            Some((session, _)) => Err(Error::InUse { node: node.clone(), session }),
            None => Ok(()),
        }
    }

    /// A pull must be refused by *our* registry: one with passwords says so to whoever brings none, where the real
    /// docker.io hands out tokens; one with tokens sends whoever brings a wrong password to its own realm; one that is open
    /// says that it has no such image, where the real one denies access. Anything else means that a lab's failure would
    /// prove nothing.
    async fn verify(&self, session: &str) -> Result<(), Error> {
        let image = format!("docker.io/rehearsal/wiring:{session}");
        let with_login = ["crictl", "pull", "--creds", "nobody:wrong", &image];
        let (command, refusal) = match self.challenge {
            Challenge::Password => (vec!["crictl", "pull", &image], "no basic auth credentials"),
            Challenge::Token(realm) => (with_login.to_vec(), realm.as_str()),
            Challenge::None => (with_login.to_vec(), ": not found"),
        };
        let each = self.nodes.iter().map(async |node| {
            let (_, answer) = self.docker.run_in(node, &command).await.map_err(Error::Docker)?;
            match answer.contains(refusal) {
                true => Ok(()),
                false => Err(self.why(node, answer).await),
            }
        });
        futures::future::try_join_all(each).await.map(drop)
    }

    /// Why a node did not ask the registry: its containerd may read no hosts at all.
    async fn why(&self, node: &str, answer: String) -> Error {
        match self.docker.run_in(node, &["containerd", "config", "dump"]).await {
            Ok((0, config)) if !reads_hosts(&config) => {
                let config_path = config_paths(&config).join(", ");
                Error::NoHosts { node: node.into(), hosts: HOSTS, config_path }
            }
            _ => Error::Wiring { node: node.into(), answer },
        }
    }

    async fn in_each(&self, command: &[&str]) -> Result<(), Error> {
        let each = self.nodes.iter().map(async |node| {
            match self.docker.run_in(node, command).await.map_err(Error::Docker)? {
                (0, _) => Ok(()),
                (_, answer) => Err(Error::Wiring { node: node.clone(), answer }),
            }
        });
        futures::future::try_join_all(each).await.map(drop)
    }
}

/// Where a containerd looks for hosts, out of its configuration: `config_path` of its image service's registry section
/// (containerd's docs/hosts.md), empty where it looks nowhere.
fn config_paths(config: &str) -> Vec<&str> {
    let mut section = "";
    let paths = config.lines().map(str::trim).filter_map(|line| {
        if line.starts_with('[') {
            section = line;
        }
        let (key, value) = line.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        (key.trim() == "config_path" && section.contains("registry")).then_some(value)
    });
    paths.collect()
}

fn reads_hosts(config: &str) -> bool {
    config_paths(config).iter().any(|path| path.split(':').any(|dir| dir == HOSTS))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::exec::Tool;

    #[tokio::test]
    async fn what_the_user_had_comes_back_and_nothing_else_stays() {
        let dir = tempfile::tempdir().unwrap();
        let hosts = dir.path().join("certs.d");
        let file = |name: &str| hosts.join(name).join("hosts.toml");
        let sh = async |script: String| {
            Tool::new("sh").args(["-c", &script]).run_ok().await.unwrap();
        };
        for users in ["docker.io", "ghcr.io"] {
            fs::create_dir_all(hosts.join(users)).unwrap();
            fs::write(file(users), "server = \"https://mirror.example\"\n").unwrap();
        }
        let (at, names) = (hosts.to_str().unwrap(), ["docker.io".to_owned(), "127.0.0.1:5000".to_owned()]);
        sh(tell(at, &names, &format!("{OURS} s1 /l\nserver = \"http://r:5000\"\n"))).await;
        for name in &names {
            assert_eq!(fs::read_to_string(file(name)).unwrap(), format!("{OURS} s1 /l\nserver = \"http://r:5000\"\n"));
        }
        sh(forget(at, Some("s2"))).await;
        assert!(fs::read_to_string(file("docker.io")).unwrap().starts_with(OURS), "another session's");
        sh(forget(at, Some("s1"))).await;
        for users in ["docker.io", "ghcr.io"] {
            assert_eq!(fs::read_to_string(file(users)).unwrap(), "server = \"https://mirror.example\"\n");
            assert_eq!(fs::read_dir(hosts.join(users)).unwrap().count(), 1);
        }
        assert!(!hosts.join("127.0.0.1:5000").exists());
        // Again, and where there is nothing at all: not an error.
        sh(forget(at, None)).await;
        sh(forget(dir.path().join("none").to_str().unwrap(), None)).await;
    }

    #[test]
    fn where_containerd_looks_for_hosts_is_read_off_its_configuration() {
        let config = |path: &str| {
            format!(
                "version = 3\n[plugins.'io.containerd.grpc.v1.cri'.x509_key_pair_streaming]\n  config_path = '/no'\n\
                 [plugins.'io.containerd.cri.v1.images'.registry]\n    config_path = {path}\n"
            )
        };
        for (path, reads) in [
            ("'/etc/containerd/certs.d'", true),
            ("\"/etc/containerd/certs.d:/etc/docker/certs.d\"", true),
            ("''", false),
            ("'/etc/elsewhere'", false),
        ] {
            assert_eq!(reads_hosts(&config(path)), reads, "{path}");
        }
        assert_eq!(config_paths(&config("''")), [""]);
        assert!(!reads_hosts("version = 2\n"));
    }
}
