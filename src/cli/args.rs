//! The command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cluster::Choice;

const EXIT_CODES: &str = "\
Exit codes:
  0    everything came out as the text says
  1    a lab failed
  2    the environment or the command line: no Docker, unknown lab, a lab file that does not parse
  70   a defect in rehearse
  130  interrupted; what had been created is removed";

/// Rehearse a Kubernetes lecture before the class does
#[derive(Debug, Parser)]
#[command(name = "rehearse", version, about, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub common: Common,
    /// Print JSON on stdout: events of a run, one a line; a document elsewhere
    #[arg(long, global = true)]
    pub json: bool,
    /// Colours in the output
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
}

#[derive(Debug, Clone, Args)]
pub struct Common {
    /// The folder with the labs [default: `labs` here or in a folder above]
    #[arg(id = "labs_dir", long = "labs", global = true, value_name = "DIR", env = "REHEARSAL_LABS")]
    pub labs: Option<PathBuf>,
    /// Where sessions and reports are written [default: target/rehearsal beside the labs]
    #[arg(long, global = true, value_name = "DIR", env = "REHEARSAL_DIR")]
    pub dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Play labs: all of them when none is named
    Run(Run),
    /// Play labs on several Kubernetes versions: one table of labs and versions, and what first differs
    Matrix(Matrix),
    /// List the labs
    List,
    /// Bring a stage up and leave it up: registry, image, cluster
    Up(Stage),
    /// Take down the stage that is up, and whatever killed runs left
    Down,
    /// Play the conformance suite and compare what happens with what a real cluster did
    Conformance(Conformance),
    /// Say what a run would use and what is missing, changing nothing
    Preflight,
    /// Get the images a stage needs: local, pulled, or built as stand-ins
    Setup,
}

#[derive(Debug, Args)]
pub struct Run {
    /// Labs by number (`2`, `lab-2`) or name; `all` for all
    #[arg(value_name = "LAB")]
    pub labs: Vec<String>,
    #[command(flatten)]
    pub stage: Stage,
    /// Leave the stage up after the run (`rehearse down` takes it down)
    #[arg(long)]
    pub keep: bool,
    /// How many labs are played at once, each in namespaces of its own [default: as many as there are, up to 4]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=16))]
    pub jobs: Option<u16>,
    /// Print where the time went
    #[arg(long)]
    pub timings: bool,
}

#[derive(Debug, Args)]
pub struct Conformance {
    /// Cases by name; all of them when none is named
    #[arg(value_name = "CASE", conflicts_with_all = ["list", "diff"])]
    pub cases: Vec<String>,
    #[command(flatten)]
    pub stage: Stage,
    /// How many cases side by side
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub parallel: u32,
    /// List the cases
    #[arg(long)]
    pub list: bool,
    /// Show where the records of two clusters part, e.g. `--diff mini kind`; folders will do too
    #[arg(long, num_args = 2, value_names = ["A", "B"])]
    pub diff: Option<Vec<String>>,
}

#[derive(Debug, Args)]
pub struct Matrix {
    /// Labs by number (`2`, `lab-2`) or name; all when none is named
    #[arg(value_name = "LAB")]
    pub labs: Vec<String>,
    /// The versions, e.g. 1.34,1.36
    #[arg(long = "kubernetes-version", value_name = "X.Y[.Z],…", value_delimiter = ',', required = true, value_parser = version)]
    pub versions: Vec<String>,
    /// The kind of cluster: kind or mini
    #[arg(long, default_value = "kind", value_name = "CLUSTER", value_parser = super::matrix::cluster)]
    pub cluster: Choice,
    /// Mini only: how many times faster the kubelet's syncs and back-offs pass; 1 is real time
    #[arg(long, default_value_t = 50.0, value_name = "N", value_parser = timelapse)]
    pub timelapse: f64,
    /// How many labs are played at once [default: as many as there are, up to 4]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=16))]
    pub jobs: Option<u16>,
}

#[derive(Debug, Clone, Args)]
pub struct Stage {
    /// The cluster to play on: auto, mini, kind or context:NAME
    #[arg(long, default_value = "auto", value_name = "CLUSTER", env = "REHEARSAL_CLUSTER")]
    pub cluster: Choice,
    /// Mini only: how many times faster the kubelet's syncs and back-offs pass; 1 is real time
    #[arg(long, default_value_t = 100.0, value_name = "N", value_parser = timelapse)]
    pub timelapse: f64,
    /// The Kubernetes version: mini behaves as it (1.32 to 1.36), kind takes a node image of it
    #[arg(long, value_name = "X.Y[.Z]", value_parser = version)]
    pub kubernetes_version: Option<String>,
    /// Kind only: the node image
    #[arg(long, value_name = "IMAGE")]
    pub node_image: Option<String>,
    /// Kind only: how many workers beside the control plane
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=9))]
    pub workers: u32,
    /// Kind only: a kind config of your own, kept under what a stage needs
    #[arg(long, value_name = "FILE")]
    pub kind_config: Option<PathBuf>,
    /// Kind only: use this cluster, which is there, and leave it
    #[arg(long, value_name = "NAME")]
    pub reuse: Option<String>,
    /// context:NAME only: play even where names say that this is production
    #[arg(long)]
    pub allow_production: bool,
    /// context:NAME only: a registry that its nodes reach; the login comes from REHEARSAL_REGISTRY_USERNAME and
    /// REHEARSAL_REGISTRY_PASSWORD or from a file
    #[arg(long, value_name = "HOST[/PATH]")]
    pub registry: Option<String>,
    /// A docker config, or one line `user:password`; nobody else may read it
    #[arg(long, value_name = "FILE", requires = "registry")]
    pub registry_credentials: Option<PathBuf>,
    /// The port of the registry on 127.0.0.1 [default: a free one]
    #[arg(long, value_name = "PORT")]
    pub registry_port: Option<u16>,
    /// (internal) stay in the foreground and keep the stage up until told to go
    #[arg(long, hide = true)]
    pub foreground: bool,
}

impl Stage {
    /// The same again, for the process that keeps a stage up.
    pub fn to_command(&self, labs: &Path, root: &Path) -> Vec<OsString> {
        let mut command: Vec<OsString> = ["up", "--foreground", "--cluster"].map(OsString::from).into();
        command.push(self.cluster.to_string().into());
        let mut option = |name: &str, value: Option<OsString>| {
            if let Some(value) = value {
                command.extend([name.into(), value]);
            }
        };
        option("--timelapse", Some(self.timelapse.to_string().into()));
        option("--kubernetes-version", self.kubernetes_version.clone().map(Into::into));
        option("--node-image", self.node_image.clone().map(Into::into));
        option("--workers", Some(self.workers.to_string().into()));
        option("--kind-config", self.kind_config.clone().map(Into::into));
        option("--reuse", self.reuse.clone().map(Into::into));
        option("--registry-port", self.registry_port.map(|port| port.to_string().into()));
        option("--registry", self.registry.clone().map(Into::into));
        option("--registry-credentials", self.registry_credentials.clone().map(Into::into));
        option("--labs", Some(labs.into()));
        option("--dir", Some(root.into()));
        if self.allow_production {
            command.push("--allow-production".into());
        }
        command
    }
}

fn version(text: &str) -> Result<String, String> {
    let numbers: Vec<_> = text.trim_start_matches('v').split('.').map(str::parse::<u32>).collect();
    match numbers[..] {
        [Ok(1), Ok(_)] | [Ok(1), Ok(_), Ok(_)] => Ok(text.trim_start_matches('v').to_owned()),
        _ => Err("a version like 1.36 or 1.36.2".into()),
    }
}

fn timelapse(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if (1.0..=10_000.0).contains(&factor) => Ok(factor),
        _ => Err("a number from 1 to 10000".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn clusters_and_versions_are_checked_when_parsed() {
        for bad in [
            &["rehearse", "run", "--cluster", "minikube"][..],
            &["rehearse", "run", "--timelapse", "0"],
            &["rehearse", "run", "--kubernetes-version", "1"],
            &["rehearse", "conformance", "--diff", "mini"],
            &["rehearse", "conformance", "--list", "digest"],
        ] {
            assert!(Cli::try_parse_from(bad).is_err(), "{bad:?}");
        }
        assert!(Cli::try_parse_from(["rehearse", "run", "0", "2", "--cluster", "context:kind-x", "--keep"]).is_ok());
    }
}
