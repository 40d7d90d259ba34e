//! Clients that others wrote, from the registries that they are published in, against mini, and in a lab on a cluster of
//! the user's own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::join_all;
use rehearsal::exec::{Tool, chain};
use tokio::sync::Mutex;

use crate::context::Theirs;
use crate::program::{Ground, project, skipped};

/// A program in `tests/clients`, and the package that it is about.
struct Client {
    package: &'static str,
    version: &'static str,
    program: &'static str,
}

const CLIENTS: [Client; 4] = [
    Client { package: "kr8s", version: "0.20.15", program: "kr8s_client.py" },
    Client { package: "lightkube", version: "1.0.1", program: "lightkube_client.py" },
    Client { package: "helm-python-sdk", version: "0.2.2", program: "helm_client.py" },
    Client { package: "@kubernetes/client-node", version: "1.4.0", program: "client-node.mjs" },
];

/// How long a package may take to come; where there is no network, it does not.
const COMING: Duration = Duration::from_secs(40);
const PLAYING: Duration = Duration::from_secs(100);

fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

impl Client {
    fn is_node(&self) -> bool {
        self.program.ends_with(".mjs")
    }

    /// The folder that has the package, kept between runs.
    async fn fetched(&self) -> Result<PathBuf, String> {
        let folder = target().join("clients").join(self.program).join(self.version);
        if folder.join("whole").exists() {
            return Ok(folder);
        }
        // What came half before is nothing to go on from.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let install = if self.is_node() {
            let package = format!("{}@{}", self.package, self.version);
            Tool::new("npm").args(["install", "--no-audit", "--no-fund", "--fetch-retries", "0", &package]).cwd(&folder)
        } else {
            let package = format!("{}=={}", self.package, self.version);
            let quick = ["--no-input", "--disable-pip-version-check", "--retries", "0", "--timeout", "10"];
            let install = Tool::new("python3").args(["-m", "pip", "install", "--quiet"]).args(quick);
            install.arg("--target").arg(&folder).arg(package)
        };
        install.timeout(COMING).run_ok().await.map_err(|why| format!("{}: {}", self.package, chain(&why)))?;
        std::fs::write(folder.join("whole"), "").unwrap();
        Ok(folder)
    }

    /// Plays the program with the package in `folder`.
    async fn play(&self, folder: &Path, kubeconfig: &str, password: &str) {
        let programs = project().join("tests/clients");
        let tool = if self.is_node() {
            Tool::new("node").arg(folder.join(self.program))
        } else {
            Tool::new("python3").arg(programs.join(self.program)).arg(programs.join("chart")).env("PYTHONPATH", folder)
        };
        let tool = tool.env("KUBECONFIG", kubeconfig).env("IMAGE", "docker.io/cloudwithvarjosh/app1:1.0.0");
        let tool = tool.env("REGISTRY_USER", "cloudwithvarjosh").env("REGISTRY_PASSWORD", password);
        // Nothing of Python's or helm's own is to be written beside the sources or the user's files.
        let tool =
            tool.env("PYTHONDONTWRITEBYTECODE", "1").env("HELM_CACHE_HOME", folder).env("HELM_DATA_HOME", folder);
        let played = tool.timeout(PLAYING).run().await.unwrap();
        assert!(played.success(), "{}:\n{}{}", self.package, played.stdout, played.stderr);
        assert_eq!(played.stdout.lines().last(), Some("ok"), "{}", self.package);
    }
}

/// The clients that can be had, each with its folder; of the others it is said that they cannot.
async fn there(test: &str) -> Vec<(&'static Client, PathBuf)> {
    let _one = FETCHING.lock().await;
    let fetched = join_all(CLIENTS.iter().map(Client::fetched)).await;
    let mut there = vec![];
    for (client, fetched) in CLIENTS.iter().zip(fetched) {
        match fetched {
            Ok(folder) => {
                if client.is_node() {
                    // Its packages are looked for beside it.
                    let program = project().join("tests/clients").join(client.program);
                    std::fs::copy(program, folder.join(client.program)).unwrap();
                }
                there.push((client, folder));
            }
            Err(why) => skipped(test, "clients", &why),
        }
    }
    there
}

/// Both tests want the same folders.
static FETCHING: Mutex<()> = Mutex::const_new(());

#[tokio::test]
async fn clients_of_others_work_with_mini() {
    let there = there("clients_of_others_work_with_mini").await;
    if there.is_empty() {
        return;
    }
    let ground = Ground::new().await;
    let stage = ground.up().await;
    join_all(there.iter().map(|(client, folder)| client.play(folder, &stage.kubeconfig, &stage.password))).await;
    ground.rehearse(&["down"]).run().await.exits_with(0);
    ground.nothing_is_left(1).await;
}

/// A lab that plays the clients as a reader would, with what the lab itself is given.
fn lab(there: &[(&Client, PathBuf)]) -> String {
    let programs = project().join("tests/clients");
    let needs = "<!-- rehearse:\n  needs cluster\n  needs image docker.io/cloudwithvarjosh/app1:1.0.0\n-->";
    let mut text = format!(
        "# Clients of others\n\n{needs}\n```bash\nexport IMAGE=docker.io/cloudwithvarjosh/app1:1.0.0 \
         REGISTRY_USER=cloudwithvarjosh\nexport REGISTRY_PASSWORD=\"$DOCKER_PASSWORD\" KUBECONFIG=\"$HOME/.kube/config\"\n\
         export PYTHONDONTWRITEBYTECODE=1 HELM_CACHE_HOME=\"$HOME\" HELM_DATA_HOME=\"$HOME\"\n```\n"
    );
    for (client, folder) in there {
        let (folder, program) = (folder.display(), client.program);
        let play = match client.is_node() {
            true => format!("node {folder}/{program}"),
            false => format!(
                "PYTHONPATH={folder} python3 {} {}",
                programs.join(program).display(),
                programs.join("chart").display()
            ),
        };
        let limit = "<!-- rehearse: timeout 100s -->";
        text += &format!("\n## {}\n\n{limit}\n```bash\n{play}\n```\n\n```text\nok\n```\n", client.package);
    }
    text
}

#[tokio::test]
async fn clients_of_others_stay_within_a_lab_on_a_cluster_of_the_users_own() {
    let there = there("clients_of_others_stay_within_a_lab_on_a_cluster_of_the_users_own").await;
    if there.is_empty() {
        return;
    }
    let theirs = Theirs::up().await;
    // A fence may read what version managers keep at home, and nothing else that lies there.
    let home = theirs.ground.path("home");
    for (name, folder) in [(".pyenv", target().join("clients")), (".nodenv", project().join("tests/clients"))] {
        std::os::unix::fs::symlink(folder, home.join(name)).unwrap();
    }
    theirs.plays_within(&lab(&there)).await;
    theirs.down().await;
}
