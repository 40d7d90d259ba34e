//! The command lines that are played: docker's own words and letters, and its words for those it does not understand.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Parser, Subcommand};

/// docker, played by rehearse against the stage's own registry
#[derive(Debug, Parser)]
#[command(name = "docker", after_help = "Other docker commands are not played.")]
pub(super) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Build an image from a Dockerfile
    Build(Build),
    /// Create a tag that refers to an image
    Tag { source: String, target: String },
    /// Upload an image to the registry
    Push { image: String },
    /// Download an image from the registry
    Pull { image: String },
    /// List images
    Images(Images),
    /// Remove images
    Rmi(Remove),
    /// Authenticate to the registry
    Login(LoginArgs),
    /// Log out from the registry
    Logout { server: Option<String> },
    /// Create and run a new container
    Run(Run),
    /// Run a command in a running container
    Exec(Exec),
    /// List containers
    Ps(Ps),
    /// Fetch the logs of a container
    Logs(Logs),
    /// List port mappings of a container
    Port { container: String, port: Option<String> },
    /// Stop running containers
    Stop {
        /// Seconds until they are killed
        #[arg(short, long, visible_alias = "timeout", default_value_t = 10)]
        time: u64,
        #[arg(required = true)]
        containers: Vec<String>,
    },
    /// Remove containers
    Rm(Remove),
    /// Return low-level information on containers and images
    Inspect {
        #[arg(required = true)]
        names: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub(super) struct Build {
    /// Name and tag of the image
    #[arg(short, long)]
    pub tag: Vec<String>,
    /// The Dockerfile (default: PATH/Dockerfile)
    #[arg(short, long)]
    pub file: Option<PathBuf>,
    /// KEY=VALUE, or KEY with the environment's value
    #[arg(long)]
    pub build_arg: Vec<String>,
    /// Do not use the cache
    #[arg(long)]
    pub no_cache: bool,
    /// The build context
    pub path: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Images {
    /// Only ids
    #[arg(short, long)]
    pub quiet: bool,
    /// Accepted: nameless images are never shown
    #[arg(short, long)]
    pub all: bool,
    pub repository: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct LoginArgs {
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
pub(super) struct Run {
    /// Run in the background and print the container's id
    #[arg(short, long)]
    pub detach: bool,
    /// Remove the container when it ends
    #[arg(long)]
    pub rm: bool,
    #[arg(long)]
    pub name: Option<String>,
    /// [[127.0.0.1:]HOST_PORT:]CONTAINER_PORT
    #[arg(short, long)]
    pub publish: Vec<String>,
    /// KEY=VALUE, or KEY with the environment's value
    #[arg(short, long)]
    pub env: Vec<String>,
    #[arg(short, long)]
    pub workdir: Option<String>,
    #[arg(short, long)]
    pub user: Option<String>,
    #[arg(long)]
    pub entrypoint: Option<String>,
    /// IMAGE [COMMAND] [ARG...]: what follows the image is the container's, options too
    #[arg(required = true, trailing_var_arg = true, value_name = "IMAGE [COMMAND]")]
    pub words: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct Exec {
    /// Hand standard input on
    #[arg(short, long)]
    pub interactive: bool,
    /// Refused: a fence has no terminal
    #[arg(short, long)]
    pub tty: bool,
    /// KEY=VALUE, or KEY with the environment's value
    #[arg(short, long)]
    pub env: Vec<String>,
    #[arg(short, long)]
    pub workdir: Option<String>,
    /// CONTAINER COMMAND [ARG...]
    #[arg(required = true, trailing_var_arg = true, num_args = 2.., value_name = "CONTAINER COMMAND")]
    pub words: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct Ps {
    /// Ended ones, too
    #[arg(short, long)]
    pub all: bool,
    /// Only ids
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
pub(super) struct Logs {
    /// Go on until the container ends
    #[arg(short, long)]
    pub follow: bool,
    /// How many lines from the end, or `all`
    #[arg(short = 'n', long)]
    pub tail: Option<String>,
    #[arg(short, long)]
    pub timestamps: bool,
    pub container: String,
}

#[derive(Debug, Args)]
pub(super) struct Remove {
    #[arg(short, long)]
    pub force: bool,
    #[arg(required = true)]
    pub names: Vec<String>,
}

/// `docker image rm` is `docker rmi`, and so on.
pub(super) fn short(mut words: Vec<OsString>) -> Vec<OsString> {
    let word = |at: usize| words.get(at).and_then(|word| word.to_str()).unwrap_or_default();
    let short = match (word(1), word(2)) {
        ("image", "ls" | "list") => "images",
        ("image", "rm" | "remove") => "rmi",
        ("container", "ls" | "list" | "ps") => "ps",
        ("image", same @ ("build" | "tag" | "push" | "pull" | "inspect"))
        | ("container", same @ ("run" | "exec" | "logs" | "port" | "stop" | "rm" | "inspect")) => same,
        _ => return words,
    };
    let short = short.into();
    words.splice(1..3, [short]);
    words
}

/// What docker says of a command line that it does not understand, and its exit code.
pub(super) fn refusal(error: &clap::Error) -> (String, u8) {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    };
    let usage = match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => format!("\n\n{usage}"),
        _ => String::new(),
    };
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let word = text(ContextKind::InvalidArg);
            match word.strip_prefix('-') {
                Some(flag) if flag.starts_with('-') => (format!("unknown flag: {word}{usage}"), 125),
                Some(letter) => (format!("unknown shorthand flag: '{letter}' in {word}{usage}"), 125),
                None => (format!("docker: one argument too many: {word}{usage}"), 1),
            }
        }
        ErrorKind::InvalidSubcommand => {
            let word = text(ContextKind::InvalidSubcommand);
            let help = "Run 'docker --help' for what is played";
            (format!("docker: unknown command: docker {word}\n\n{help}"), 1)
        }
        ErrorKind::MissingRequiredArgument | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            (error.to_string(), 1)
        }
        _ => (error.to_string(), 125),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, (String, u8)> {
        let words = short(line.split(' ').map(Into::into).collect());
        Cli::try_parse_from(words).map(|cli| cli.command).map_err(|error| refusal(&error))
    }

    #[test]
    fn what_follows_the_image_is_the_containers() {
        let Command::Run(run) = parse("docker run -d -e A=1 app:1 -e -p 80 --rm").unwrap() else { panic!() };
        assert_eq!((run.env, run.publish.len(), run.rm), (vec!["A=1".to_owned()], 0, false));
        assert_eq!(run.words, ["app:1", "-e", "-p", "80", "--rm"]);
        let Command::Exec(exec) = parse("docker exec -i app ls -l").unwrap() else { panic!() };
        assert_eq!((exec.interactive, exec.words), (true, ["app", "ls", "-l"].map(str::to_owned).to_vec()));
    }

    #[test]
    fn the_longer_names_of_commands_are_the_shorter_ones() {
        assert!(matches!(parse("docker image rm a").unwrap(), Command::Rmi(_)));
        assert!(matches!(parse("docker container ls -a").unwrap(), Command::Ps(Ps { all: true, .. })));
        assert!(matches!(parse("docker image build .").unwrap(), Command::Build(_)));
    }

    #[test]
    fn what_is_not_played_is_named_with_dockers_exit_code() {
        for (line, words, code) in [
            ("docker run -d --memory 1g app", "unknown flag: --memory", 125),
            ("docker run -v /a:/b app", "unknown shorthand flag: 'v' in -v", 125),
            ("docker compose up", "docker: unknown command: docker compose", 1),
            ("docker image prune", "docker: unknown command: docker image", 1),
            ("docker tag a b c", "docker: one argument too many: c", 1),
            ("docker rm", "CONTAINERS", 1),
            ("docker exec app", "value", 1),
        ] {
            let (said, exit) = parse(line).unwrap_err();
            let words = if line == "docker rm" { "<NAMES>" } else { words };
            assert!(said.contains(words), "{line}: {said}");
            assert_eq!(exit, code, "{line}");
        }
    }
}
