//! `rehearse list`, `preflight` and `setup`.

use serde_json::{Value, json};

use super::error::Error;
use super::exit::ExitCode;
use super::kubectl;
use super::places::{Common, Places};
use super::printer::Printer;
use crate::cluster::{self, Choice, Plan};
use crate::docker::ladder;
use crate::docker::{Docker, HubImage, app};
use crate::script;

pub fn list(common: &Common, printer: &Printer) -> ExitCode {
    let labs = Places::find(common).and_then(|places| Ok(script::load_all(&places.labs)?));
    match labs {
        Ok(labs) if printer.json => {
            let rows: Vec<Value> = labs
                .iter()
                .map(|lab| json!({"id": lab.id, "name": lab.slug, "title": lab.title, "path": lab.path, "steps": lab.steps.len()}))
                .collect();
            printer.result(&Value::from(rows).to_string());
            ExitCode::Passed
        }
        Ok(labs) => {
            for lab in labs {
                printer.result(&format!("{:>3}  {:<26} {}", lab.id, lab.slug, lab.title));
            }
            ExitCode::Passed
        }
        Err(error) => printer.error(&error, error.hint(), ExitCode::Environment),
    }
}

/// One line of `preflight`.
struct Finding {
    what: String,
    good: bool,
    says: String,
    hint: Option<String>,
}

pub async fn preflight(common: &Common, printer: &Printer) -> ExitCode {
    let mut findings = Vec::new();
    let places = Places::find(common);
    let project = places.as_ref().map(|places| places.project.clone()).unwrap_or_default();
    let labs = places.and_then(|places| Ok(script::load_all(&places.labs)?));
    findings.push(match &labs {
        Ok(labs) => finding("labs", format!("{} labs parse", labs.len())),
        Err(error) => missing("labs", error, error.hint()),
    });
    findings.push(match kubectl::find(&project).await {
        Ok(path) => finding("kubectl", path.display().to_string()),
        Err(error) => missing("kubectl", &error, error.hint()),
    });
    match Docker::connect().await {
        Ok(docker) => {
            findings.push(match docker.engine().await {
                Ok(engine) => finding(
                    "docker",
                    format!(
                        "Engine {} (API {}) at {}, cgroup v{}, {} CPUs, {} MiB",
                        engine.version,
                        engine.api_version,
                        engine.host,
                        engine.cgroup_version,
                        engine.cpus,
                        engine.memory >> 20
                    ),
                ),
                Err(error) => missing("docker", &error, error.hint()),
            });
            findings.push(cluster(&docker).await);
            for image in HubImage::ALL {
                findings.push(match ladder::inspect(&docker, image).await {
                    Ok(outlook) => finding(image.name(), outlook.to_string()),
                    Err(error) => missing(image.name(), &error, error.hint()),
                });
            }
        }
        Err(error) => findings.push(missing("docker", &error, error.hint())),
    }
    show(&findings, printer);
    match findings.iter().all(|f| f.good) {
        true => ExitCode::Passed,
        false => ExitCode::Environment,
    }
}

/// What `--cluster auto` would take.
async fn cluster(docker: &Docker) -> Finding {
    let settings = cluster::Settings { choice: Choice::Auto, ..cluster::Settings::default() };
    match Plan::of(&settings, docker).await {
        Ok((Plan::Kind(kind), _)) => finding("cluster", format!("auto would take kind, {}", kind.source)),
        Ok((_, why)) => finding("cluster", why.join("; ").replace("auto took", "auto would take")),
        Err(error) => missing("cluster", &error, error.hint()),
    }
}

fn finding(what: &str, says: String) -> Finding {
    Finding { what: what.into(), good: true, says, hint: None }
}

fn missing(what: &str, error: &dyn std::error::Error, hint: Option<String>) -> Finding {
    Finding { what: what.into(), good: false, says: error.to_string(), hint }
}

fn show(findings: &[Finding], printer: &Printer) {
    if printer.json {
        let rows: Vec<Value> =
            findings.iter().map(|f| json!({"what": f.what, "good": f.good, "says": f.says, "hint": f.hint})).collect();
        printer.result(&Value::from(rows).to_string());
        return;
    }
    for finding in findings {
        let mark = if finding.good { "✓" } else { "✗" };
        printer.result(&format!("{mark} {:<16} {}", finding.what, finding.says));
        if let Some(hint) = &finding.hint {
            printer.result(&format!("  {:<16} hint: {hint}", ""));
        }
    }
}

pub async fn setup(printer: &Printer) -> ExitCode {
    match try_setup(printer).await {
        Ok(lines) if printer.json => {
            printer.result(&json!(lines).to_string());
            ExitCode::Passed
        }
        Ok(lines) => {
            lines.iter().for_each(|line| printer.result(line));
            ExitCode::Passed
        }
        Err(error) => printer.error(&error, error.hint(), ExitCode::Environment),
    }
}

/// The images, side by side; and the application's layers, so that the first run finds them.
async fn try_setup(printer: &Printer) -> Result<Vec<String>, Error> {
    let docker = Docker::connect().await?;
    let board = indicatif::MultiProgress::new();
    let ensure = async |image: HubImage| {
        let progress = printer.progress(&board, image.name());
        ladder::ensure(&docker, image, &|p| progress.tell(&p)).await
    };
    let (registry, python) = tokio::try_join!(ensure(HubImage::Registry2), ensure(HubImage::Python39Slim))?;
    let progress = printer.progress(&board, "application");
    let base = app::python_base(&docker, &python, &|p| progress.tell(&p)).await?;
    app::build_app(&docker, &base, &|p| progress.tell(&p)).await?;
    Ok([registry, python].iter().map(|found| format!("✓ {found}")).collect())
}
