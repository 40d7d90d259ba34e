//! `rehearse preflight`: what a run would use and what is missing, changing nothing.

use std::path::Path;

use anstyle::{AnsiColor, Style};
use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};
use serde_json::{Value, json};

use super::error::Error;
use super::exit::ExitCode;
use super::places::{Common, Places};
use super::printer::Printer;
use super::stage::{StageArgs, cluster_settings};
use super::{kept, kubectl, remote};
use crate::cluster::{Choice, Plan};
use crate::docker::Docker;
use crate::exec::chain;
use crate::hint::Hint;
use crate::images::{self, Application};
use crate::place;
use crate::script;
use crate::stage;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Yellow.on_default();

/// What a run may write: its events, kubectl's cache, a cluster's logs.
const ROOM_MIB: u64 = 200;

/// One line of it.
struct Assessment {
    what: String,
    good: bool,
    says: String,
    hint: Option<String>,
}

impl Assessment {
    fn new(what: &str, found: Result<String, Error>) -> Self {
        match found {
            Ok(says) => Self { what: what.into(), good: true, says, hint: None },
            Err(error) => Self { what: what.into(), good: false, says: chain(&error), hint: error.hint() },
        }
    }
}

pub(super) async fn preflight(args: &StageArgs, common: &Common, printer: &Printer) -> ExitCode {
    let mut findings = Vec::new();
    let places = Places::find(common);
    let project = places.as_ref().map(|places| places.project.clone()).unwrap_or_default();
    let root = places.as_ref().ok().map(|places| places.root.clone());
    let application = places.as_ref().ok().map(|places| Application::read(&places.labs));
    findings.push(Assessment::new("labs", places.and_then(|places| labs(&places))));
    if let Some(root) = &root {
        findings.push(Assessment::new("sessions", writable(root)));
    }
    findings.push(Assessment::new("bash", super::run::bash().map(|path| path.display().to_string())));
    let confined = place::missing_confinement().unwrap_or_else(|| "confined to their lab's folder".into());
    findings.push(Assessment { what: "fences".into(), good: true, says: confined, hint: None });
    findings.push(Assessment::new("kubectl", kubectl(&project).await));
    match Docker::connect().await {
        Ok(docker) => {
            findings.push(Assessment::new("docker", engine(&docker).await));
            findings.push(Assessment::new("cluster", cluster(args, &docker).await));
            match remote::chosen(args) {
                Ok(None) => findings.push(Assessment::new(images::REGISTRY, image(&docker, images::REGISTRY).await)),
                Ok(Some((place, login))) => {
                    let answer = stage::check(&place, &login).await.map_err(Error::Stage);
                    let says = format!("{} takes the login of {}", place.place(), login.username);
                    findings.push(Assessment::new("registry", answer.map(|()| says)));
                }
                Err(error) => findings.push(Assessment::new("registry", Err(error.into()))),
            }
            match application {
                Some(Ok(Application { base, .. })) => {
                    findings.push(Assessment::new(&base, image(&docker, &base).await))
                }
                Some(Err(error)) => findings.push(Assessment::new("application", Err(error.into()))),
                None => {}
            }
        }
        Err(error) => findings.push(Assessment::new("docker", Err(error.into()))),
    }
    if let Some(stage) = root.and_then(|root| kept::find(&root)) {
        let says = format!("up since before: {} {}", stage.cluster.name, stage.cluster.server_version);
        findings.push(Assessment::new("stage", Ok(says)));
    }
    show(&findings, printer);
    match findings.iter().all(|f| f.good) {
        true => ExitCode::Passed,
        false => ExitCode::Environment,
    }
}

fn labs(places: &Places) -> Result<String, Error> {
    let labs = script::load_all(&places.labs)?;
    Ok(format!("{} in {} parse", labs.len(), places.labs.display()))
}

/// The nearest folder above that is there can be written, and has room.
fn writable(root: &Path) -> Result<String, Error> {
    for dir in [&std::env::temp_dir(), root] {
        let there = dir.ancestors().find(|dir| dir.exists()).unwrap_or(dir);
        if !there.is_dir() || access(there, AccessFlags::W_OK).is_err() {
            return Err(Error::NotWritable { path: there.into() });
        }
        let disk = statvfs(there).map_err(|errno| Error::Report(errno.into()))?;
        has_room(there, (disk.blocks_available() * disk.fragment_size()) >> 20)?;
    }
    Ok(format!("written to {}", root.display()))
}

fn has_room(path: &Path, free_mib: u64) -> Result<(), Error> {
    if free_mib < ROOM_MIB { Err(Error::NoRoom { path: path.into(), free_mib }) } else { Ok(()) }
}

async fn kubectl(project: &Path) -> Result<String, Error> {
    let found = kubectl::find(project).await?;
    Ok(format!("{} {}", found.version, found.path.display()))
}

async fn engine(docker: &Docker) -> Result<String, Error> {
    let engine = docker.engine().await?;
    Ok(format!(
        "{} {} (API {}) at {}, cgroup v{}, {} CPUs, {} MiB",
        if docker.is_podman() { "Podman" } else { "Engine" },
        engine.version,
        engine.api_version,
        engine.host,
        engine.cgroup_version,
        engine.cpus,
        engine.memory >> 20
    ))
}

/// What would be taken.
async fn cluster(args: &StageArgs, docker: &Docker) -> Result<String, Error> {
    let settings = cluster_settings(args)?;
    let (plan, notes) = Plan::choose(&settings, docker).await?;
    let taken = match &plan {
        Plan::Mini(mini) => format!("mini, as Kubernetes {}", mini.version),
        Plan::Kind(kind) => format!("kind, {}", kind.source),
        Plan::Context(_) => settings.choice.to_string(),
    };
    Ok(match settings.choice {
        Choice::Auto => format!("auto would take {taken}: {}", notes.join("; ").replace("auto took ", "")),
        _ => [vec![taken], notes].concat().join("; "),
    })
}

async fn image(docker: &Docker, image: &str) -> Result<String, Error> {
    let outlook = images::inspect(docker, image).await?.to_string();
    Ok(outlook.strip_prefix(&format!("{image}: ")).map_or(outlook.clone(), str::to_owned))
}

fn show(findings: &[Assessment], printer: &Printer) {
    if printer.json {
        let rows: Vec<Value> =
            findings.iter().map(|f| json!({"what": f.what, "good": f.good, "says": f.says, "hint": f.hint})).collect();
        printer.result(&Value::from(rows).to_string());
        return;
    }
    for finding in findings {
        let mark = if finding.good { format!("{GOOD}✓{GOOD:#}") } else { format!("{BAD}✗{BAD:#}") };
        printer.result(&format!("{mark} {:<16} {}", finding.what, finding.says));
        if let Some(hint) = &finding.hint {
            printer.result(&format!("  {:<16} {HINT}hint:{HINT:#} {hint}", ""));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_is_nearly_full_is_told() {
        assert!(has_room(Path::new("/x"), ROOM_MIB).is_ok());
        let error = has_room(Path::new("/x"), 36).unwrap_err();
        assert_eq!(error.to_string(), "only 36 MiB are free at /x");
        assert!(error.hint().unwrap().contains("make room"));
    }
}
