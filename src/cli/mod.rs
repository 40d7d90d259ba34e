//! Arguments, streams and exit codes. Nothing calls it but `main`.

mod args;
mod conformance;
mod error;
mod exit;
mod kubectl;
mod matrix;
mod origin;
mod places;
mod printer;
mod remote;
mod run;
mod show;
mod stage;
mod up;

use clap::Parser;

pub use exit::ExitCode;
use printer::Printer;

/// The whole program: returns the exit code.
pub fn main() -> std::process::ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        anstream::eprintln!("error: a defect in rehearse: {panic}\nhint: please report it, with the command line");
    }));
    std::panic::catch_unwind(guarded).unwrap_or_else(|_| ExitCode::Bug.into())
}

fn guarded() -> std::process::ExitCode {
    if let Some(host) = crate::docker::host_elsewhere() {
        // SAFETY: this is the only thread so far.
        unsafe { std::env::set_var(crate::docker::DOCKER_HOST, host) };
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            anstream::eprintln!("error: cannot start: {error}");
            return ExitCode::Bug.into();
        }
    };
    let argv0 = std::env::args().next().unwrap_or_default();
    let code = if crate::docker_cli::is_invoked(&argv0) {
        std::process::ExitCode::from(runtime.block_on(crate::docker_cli::main()))
    } else {
        runtime.block_on(rehearse()).into()
    };
    // A blocking read of a terminal or a stuck socket must not hold the process.
    runtime.shutdown_timeout(std::time::Duration::from_millis(100));
    code
}

async fn rehearse() -> ExitCode {
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::Environment } else { ExitCode::Passed };
        }
    };
    let printer = Printer::new(cli.json, cli.color);
    let interrupts = match crate::signal::Interrupts::listen() {
        Ok(interrupts) => interrupts,
        Err(error) => return printer.error(&error, None, ExitCode::Bug),
    };
    match cli.command {
        args::Command::Run(run) => run::run(run, cli.common, &printer, interrupts).await,
        args::Command::Matrix(args) => matrix::matrix(args, cli.common, &printer, interrupts).await,
        args::Command::List => show::list(&cli.common, &printer),
        args::Command::Conformance(args) => conformance::conformance(args, cli.common, &printer, interrupts).await,
        args::Command::Preflight => show::preflight(&cli.common, &printer).await,
        args::Command::Setup => show::setup(&printer).await,
        args::Command::Up(up) => up::up(up, cli.common, &printer, interrupts).await,
        args::Command::Down => up::down(&cli.common, &printer).await,
    }
}
