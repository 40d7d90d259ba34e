//! The `docker` that a lab's fences find first on their PATH: plays what lectures use of it against the stage's registry
//! and the Engine, so that nothing can reach a real hub by accident, and each lab has names of its own there.
//! Prints what docker prints; knows nothing of labs.

mod args;
mod build;
mod containers;
mod images;
mod names;
mod play;
mod table;

use std::path::Path;

use clap::Parser;

pub use names::take_pushed;
use play::Error;

/// The variable that names the stage's file, for fences.
pub use crate::session::STAGE_VARIABLE;

/// Whether this process was started under the name `docker`.
pub fn is_invoked(argv0: &str) -> bool {
    Path::new(argv0).file_name().is_some_and(|name| name == "docker") && std::env::var_os(STAGE_VARIABLE).is_some()
}

/// Plays one command line; the exit code is docker's: 1 where the daemon or the registry refused, 125 where
/// the command line was not understood, and a container's own.
pub async fn main() -> u8 {
    let command = match args::Cli::try_parse_from(args::short(std::env::args_os().collect())) {
        Ok(cli) => cli.command,
        // Help goes to stdout and is no failure; clap knows which is which.
        Err(error) if !error.use_stderr() => {
            let _ = error.print();
            return 0;
        }
        Err(error) => {
            let (words, code) = args::refusal(&error);
            anstream::eprintln!("{words}");
            return code;
        }
    };
    match play::play(command).await {
        Ok(code) => code,
        Err((words, code)) => {
            anstream::eprintln!("{words}");
            code
        }
    }
}
