//! `rehearse list` and `setup`.

use serde_json::{Value, json};

use super::error::Error;
use super::exit::ExitCode;
use super::places::{Common, Places};
use super::printer::Printer;
use crate::docker::Docker;
use crate::hint::Hint;
use crate::images::{self, Application, Base};
use crate::script;

pub(super) fn list(common: &Common, printer: &Printer) -> ExitCode {
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

pub(super) async fn setup(common: &Common, printer: &Printer) -> ExitCode {
    match try_setup(common, printer).await {
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
async fn try_setup(common: &Common, printer: &Printer) -> Result<Vec<String>, Error> {
    let application = Application::read(&Places::find(common)?.labs)?;
    let docker = Docker::connect().await?;
    let moves = printer.moves();
    let ensure = async |image: &str| {
        let progress = printer.progress(&moves, image);
        images::ensure(&docker, image, &|p| progress.tell(&p)).await
    };
    let (registry, found) = tokio::try_join!(ensure(images::REGISTRY), ensure(&application.base))?;
    let progress = printer.progress(&moves, "application");
    let base = Base::ensure(&docker, &found, &|p| progress.tell(&p)).await?;
    base.build(&docker, &application, &|p| progress.tell(&p)).await?;
    Ok([registry, found].iter().map(|found| format!("✓ {found}")).collect())
}
