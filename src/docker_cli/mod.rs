//! The `docker` that a lab's fences find first on their PATH: plays build, tag, push, pull, login, logout, run,
//! port and rm against the stage's registry and the Engine, so that nothing can reach a real hub by accident.
//! Prints what docker prints; knows nothing of labs.

mod args;
mod play;

use std::path::Path;

use clap::Parser;

/// The variable that names the stage's file, for fences.
pub use crate::session::STAGE_VARIABLE;

/// Whether this process was started under the name `docker`.
pub fn is_invoked(argv0: &str) -> bool {
    Path::new(argv0).file_name().is_some_and(|name| name == "docker") && std::env::var_os(STAGE_VARIABLE).is_some()
}

/// Plays one command line; the exit code is docker's: 1 where the daemon or the registry refused, 125 where
/// the command line was not understood.
pub async fn main() -> u8 {
    let command = match args::Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => {
            // Help goes to stdout and is no failure; clap knows which is which.
            let _ = error.print();
            return if error.use_stderr() { 125 } else { 0 };
        }
    };
    match play::play(command).await {
        Ok(()) => 0,
        Err(error) => {
            anstream::eprintln!("{error}");
            1
        }
    }
}
