//! Clients that others wrote, from the registries that they are published in, against mini.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::join_all;
use rehearsal::exec::{Tool, chain};
use serde_json::Value;

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

impl Client {
    fn is_node(&self) -> bool {
        self.program.ends_with(".mjs")
    }

    /// The folder that has the package, kept between runs.
    async fn fetched(&self) -> Result<PathBuf, String> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients").join(self.program).join(self.version);
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
            // Its packages are looked for beside it.
            std::fs::copy(programs.join(self.program), folder.join(self.program)).unwrap();
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

#[tokio::test]
async fn clients_of_others_work_with_mini() {
    let fetched = join_all(CLIENTS.iter().map(Client::fetched)).await;
    let mut there = vec![];
    for (client, fetched) in CLIENTS.iter().zip(fetched) {
        match fetched {
            Ok(folder) => there.push((client, folder)),
            Err(why) => skipped("clients_of_others_work_with_mini", "clients", &why),
        }
    }
    if there.is_empty() {
        return;
    }
    let ground = Ground::new().await;
    let up = ground.rehearse(&["up", "--cluster", "mini", "--json"]).run().await.exits_with(0);
    let stage: Value = serde_json::from_str(&up.stdout).unwrap();
    let private = ground.root().join(stage["session"].as_str().unwrap()).join("private/stage.json");
    let handle: Value = serde_json::from_str(&std::fs::read_to_string(private).unwrap()).unwrap();
    let (kubeconfig, password) = (stage["kubeconfig"].as_str().unwrap(), handle["password"].as_str().unwrap());
    join_all(there.iter().map(|(client, folder)| client.play(folder, kubeconfig, password))).await;
    ground.rehearse(&["down"]).run().await.exits_with(0);
    ground.nothing_is_left(1).await;
}
