//! docker.io in every node: the stage's registry, told by `hosts.toml`, and what was there before brought back.

use std::net::SocketAddr;

use crate::cluster::Error;
use crate::docker::Docker;
use crate::session;

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

/// For `sh`: ours goes everywhere, and what the user had comes back.
fn forget(hosts: &str) -> String {
    format!(
        r#"for file in '{hosts}'/*/hosts.toml; do
  grep -qs '^{OURS} ' "$file" || continue
  mv -f "$file.before" "$file" 2>/dev/null || {{ rm -f "$file"; rmdir "${{file%/*}}"; }}
done"#
    )
}

/// The name under which nodes reach a session's registry.
pub fn alias(session: &str) -> String {
    format!("rehearsal-registry-{session}")
}

/// The nodes of one cluster, and whose registry they are told of.
pub struct Wiring<'a> {
    pub docker: &'a Docker,
    pub nodes: &'a [String],
}

impl Wiring<'_> {
    /// `hosts.toml` for docker.io and for the registry's own name, which nodes reach as `host`. `server` names the
    /// registry too: without it containerd would go on to the real docker.io, with the lab's credentials.
    ///
    /// # Errors
    /// [`Error::Wiring`] where a node refuses, or does not ask the registry afterwards; [`Error::InUse`].
    pub async fn connect(&self, (session, owner): (&str, &str), host: &str, registry: SocketAddr) -> Result<(), Error> {
        self.free().await?;
        self.disconnect().await?;
        let url = format!("http://{host}:5000");
        let toml = format!(
            "{OURS} {session} {owner}\nserver = \"{url}\"\n\n[host.\"{url}\"]\n  capabilities = [\"pull\", \"resolve\"]\n"
        );
        let script = tell(HOSTS, &["docker.io".into(), registry.to_string()], &toml);
        let told = async {
            self.in_each(&["sh", "-c", &script]).await?;
            self.verify(session).await
        };
        let told = told.await;
        if told.is_err() {
            // The error that is told is the first.
            let _ = self.disconnect().await;
        }
        told
    }

    /// As it was before.
    ///
    /// # Errors
    /// Where a node refuses.
    pub async fn disconnect(&self) -> Result<(), Error> {
        self.in_each(&["sh", "-c", &forget(HOSTS)]).await
    }

    /// Whether nobody else's run has the nodes: each wants docker.io to be its own.
    async fn free(&self) -> Result<(), Error> {
        let Some(node) = self.nodes.first() else { return Err(Error::NoNodes) };
        let file = format!("{HOSTS}/docker.io/hosts.toml");
        let (code, text) = self.docker.run_in(node, &["cat", &file]).await.map_err(Error::Docker)?;
        let other = text.lines().next().and_then(|line| line.strip_prefix(OURS)?.trim().split_once(' '));
        match other.filter(|(_, owner)| code == 0 && session::is_alive(owner)) {
            Some((session, _)) => Err(Error::InUse { node: node.clone(), session: session.into() }),
            None => Ok(()),
        }
    }

    /// A pull without credentials must be refused by *our* registry, in the words that one with passwords gets: the
    /// real docker.io hands out tokens. Anything else means that a lab's failure would prove nothing.
    async fn verify(&self, session: &str) -> Result<(), Error> {
        let image = format!("docker.io/rehearsal/wiring:{session}");
        let each = self.nodes.iter().map(async |node| {
            let (_, answer) = self.docker.run_in(node, &["crictl", "pull", &image]).await.map_err(Error::Docker)?;
            match answer.contains("no basic auth credentials") {
                true => Ok(()),
                false => Err(Error::Wiring { node: node.clone(), answer }),
            }
        });
        futures::future::try_join_all(each).await.map(drop)
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
        sh(tell(at, &names, &format!("{OURS} s1\nserver = \"http://r:5000\"\n"))).await;
        for name in &names {
            assert_eq!(fs::read_to_string(file(name)).unwrap(), format!("{OURS} s1\nserver = \"http://r:5000\"\n"));
        }
        sh(forget(at)).await;
        for users in ["docker.io", "ghcr.io"] {
            assert_eq!(fs::read_to_string(file(users)).unwrap(), "server = \"https://mirror.example\"\n");
            assert_eq!(fs::read_dir(hosts.join(users)).unwrap().count(), 1);
        }
        assert!(!hosts.join("127.0.0.1:5000").exists());
        // Again, and where there is nothing at all: not an error.
        sh(forget(at)).await;
        sh(forget(dir.path().join("none").to_str().unwrap())).await;
    }
}
