//! `rehearse why`.

use std::path::PathBuf;

use clap::Args;
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;

use super::error::Error;
use super::exit::{ExitCode, conclude};
use super::kept;
use super::places::{Common, Places};
use super::printer::Printer;
use crate::cluster::{self, Choice};
use crate::why::{Diagnoser, Diagnosis, DiagnosisTarget, RegistryLocation};

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 no trouble with images, 1 a cause was found, 2 it could not be looked at.\n\
                        Reads and changes nothing. As a plugin of kubectl's: a link named `kubectl-rehearse` on PATH to this program.")]
pub(super) struct WhyArgs {
    /// A pod, or deploy/NAME, rs/NAME, job/NAME
    #[arg(value_name = "POD", required_unless_present_any = ["all", "filename"])]
    target: Option<DiagnosisTarget>,
    /// The namespace [default: the context's]
    #[arg(short, long)]
    namespace: Option<String>,
    /// Every pod of the cluster that waits for an image
    #[arg(short = 'A', long = "all-namespaces", conflicts_with_all = ["target", "namespace"])]
    all: bool,
    /// The pods of a manifest that is not applied yet; `-` reads stdin
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["target", "all"])]
    filename: Option<PathBuf>,
    /// Which cluster: context:NAME, or the stage that is up on mini or kind [default: the kubeconfig's current context]
    #[arg(long, env = "REHEARSAL_CLUSTER", default_value_t)]
    cluster: Choice,
    /// Do not ask the registry
    #[arg(long)]
    offline: bool,
}

pub(super) async fn why(args: &WhyArgs, common: &Common, printer: &Printer) -> ExitCode {
    conclude(diagnoses(args, common, printer).await, printer)
}

/// A cluster to be asked.
struct Asked {
    client: Client,
    namespace: String,
    registry: RegistryLocation,
}

async fn asked(args: &WhyArgs, common: &Common) -> Result<Asked, Error> {
    // A kubeconfig may be the stage's: `rehearse up` prints it.
    let stage = Places::find(common).ok().and_then(|places| kept::find(&places.root));
    let kubeconfig = std::env::var_os("KUBECONFIG").map(PathBuf::from);
    let (name, stage) = match &args.cluster {
        Choice::Context(name) => (Some(name.as_str()), None),
        Choice::Auto => (None, stage.filter(|stage| kubeconfig.as_ref() == Some(&stage.kubeconfig))),
        Choice::Mini | Choice::Kind => (None, Some(stage.ok_or(Error::NoStage)?)),
    };
    let file = stage.as_ref().map(|stage| stage.kubeconfig.as_path());
    let (client, namespace) = cluster::reader(file, name).await.map_err(cluster::Error::from)?;
    let registry = match stage.filter(|stage| stage.remote.is_none()) {
        _ if args.offline => RegistryLocation::Unasked,
        Some(stage) => RegistryLocation::InHubsPlace(stage.registry),
        None => RegistryLocation::AsNamed,
    };
    Ok(Asked { client, namespace, registry })
}

async fn diagnoses(args: &WhyArgs, common: &Common, printer: &Printer) -> Result<ExitCode, Error> {
    let Asked { client, namespace, registry } = asked(args, common).await?;
    let namespace = args.namespace.clone().unwrap_or(namespace);
    let pods: Vec<Pod> = match (&args.filename, &args.target) {
        (Some(path), _) => DiagnosisTarget::of_manifest(&text_of(path)?, &namespace)?,
        (None, Some(target)) => target.pods(&client, &namespace).await?,
        (None, None) => DiagnosisTarget::All.pods(&client, &namespace).await?,
    };
    let reader = Diagnoser { client: &client, registry, masker: &printer.masker };
    let found = try_join_all(pods.into_iter().map(|pod| reader.diagnosis(pod))).await;
    let mut found: Vec<Diagnosis> = found.map_err(crate::why::Error::from)?;
    if args.all {
        found.retain(|diagnosis| diagnosis.cause.is_some());
    }
    if printer.json {
        printer.result(&serde_json::to_string(&found).unwrap_or_default());
    } else {
        found.iter().for_each(|diagnosis| printer.result(&diagnosis.to_string()));
        if found.is_empty() {
            printer.note("no pod waits for an image");
        }
    }
    let broken = found.iter().any(|diagnosis| diagnosis.cause.is_some());
    Ok(if broken { ExitCode::LabFailed } else { ExitCode::Passed })
}

fn text_of(path: &PathBuf) -> Result<String, Error> {
    let read = match path.to_str() {
        Some("-") => std::io::read_to_string(std::io::stdin()),
        _ => std::fs::read_to_string(path),
    };
    read.map_err(|source| Error::Unreadable { path: path.clone(), source })
}
