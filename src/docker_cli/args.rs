//! The command lines that are played: docker's own words and letters.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// docker, played by rehearse against the stage's own registry
#[derive(Debug, Parser)]
#[command(name = "docker", after_help = "Other docker commands are not played.")]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build an image from a Dockerfile
    Build(Build),
    /// Create a tag that refers to an image
    Tag { source: String, target: String },
    /// Upload an image to the registry
    Push { image: String },
    /// Download an image from the registry
    Pull { image: String },
    /// Authenticate to the registry
    Login(Login),
    /// Log out from the registry
    Logout { server: Option<String> },
    /// Create and run a new container in the background
    Run(Run),
    /// List port mappings of a container
    Port { container: String, port: Option<String> },
    /// Remove containers
    Rm {
        #[arg(short, long)]
        force: bool,
        #[arg(required = true)]
        containers: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub struct Build {
    /// Name and tag of the image
    #[arg(short, long)]
    pub tag: Vec<String>,
    /// The Dockerfile (default: PATH/Dockerfile)
    #[arg(short, long)]
    pub file: Option<PathBuf>,
    /// KEY=VALUE
    #[arg(long)]
    pub build_arg: Vec<String>,
    /// The build context
    pub path: PathBuf,
}

#[derive(Debug, Args)]
pub struct Login {
    #[arg(short, long)]
    pub username: Option<String>,
    #[arg(short, long)]
    pub password: Option<String>,
    /// Take the password from stdin
    #[arg(long)]
    pub password_stdin: bool,
    pub server: Option<String>,
}

#[derive(Debug, Args)]
pub struct Run {
    /// Run in the background (the only way that is played)
    #[arg(short, long, required = true)]
    pub detach: bool,
    /// Accepted; containers go with the stage at the latest
    #[arg(long)]
    pub rm: bool,
    #[arg(long)]
    pub name: Option<String>,
    /// [[127.0.0.1:]HOST_PORT:]CONTAINER_PORT
    #[arg(short, long)]
    pub publish: Vec<String>,
    /// KEY=VALUE
    #[arg(short, long)]
    pub env: Vec<String>,
    pub image: String,
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
}
