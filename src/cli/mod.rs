//! Arguments, streams and exit codes. Nothing calls it but `main`.

mod args;
mod check;
mod conformance;
#[cfg(test)]
mod docs_tests;
mod error;
mod exit;
mod generated;
mod init;
mod kept;
mod kubectl;
mod lesson;
mod lint;
mod matrix;
mod open_session;
mod origin;
mod partition;
mod places;
mod preflight;
mod printer;
mod remote;
mod reports;
mod run;
mod sabotage;
mod sarif;
mod show;
mod stage;
mod step;
mod up;
mod why;

use std::pin::{Pin, pin};
use std::time::Duration;

use clap::Parser;

use crate::signal::Interrupts;
pub(crate) use exit::ExitCode;
use printer::Printer;

/// How long a command that was interrupted twice may take to stop.
const LAST_WORDS: Duration = Duration::from_secs(3);

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
    let code = if crate::tools::docker::is_invoked(&argv0) {
        std::process::ExitCode::from(runtime.block_on(crate::tools::docker::main()))
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
    let printer = Printer::new(cli.json, cli.color, cli.voice());
    let interrupts = match Interrupts::listen() {
        Ok(interrupts) => interrupts,
        Err(error) => return printer.error(&error, None, ExitCode::Bug),
    };
    let work = carry_out(cli, &printer, interrupts.clone());
    tokio::pin!(work);
    let forced = tokio::select! {
        code = &mut work => return code,
        () = interrupts.forced.cancelled() => tokio::time::timeout(LAST_WORDS, work).await,
    };
    forced.unwrap_or_else(|_| {
        interrupted(
            &printer,
            "interrupted twice; what is left was not looked for: `rehearse down` does, and removes it",
        )
    })
}

async fn carry_out(cli: args::Cli, printer: &Printer, interrupts: Interrupts) -> ExitCode {
    let common = cli.common;
    // What creates nothing is let go of where it stands.
    let simple = async |work: Pin<&mut dyn Future<Output = ExitCode>>, said: &str| match interrupts.unless(work).await {
        Some(code) => code,
        None => interrupted(printer, said),
    };
    match cli.command {
        args::Command::Run(run) => run::run(run, common, printer, interrupts).await,
        args::Command::Matrix(args) => matrix::matrix(args, common, printer, interrupts).await,
        args::Command::Check(args) => check::check(args, common, printer, interrupts).await,
        args::Command::Sabotage(args) => sabotage::sabotage(args, common, printer, interrupts).await,
        args::Command::Report(args) => reports::report(&args, &common, printer),
        args::Command::Init(args) => init::init(&args, printer),
        args::Command::Completions(args) => generated::completions(&args, printer),
        args::Command::Man => generated::man(printer),
        args::Command::List => show::list(&common, printer),
        args::Command::Lint(args) => lint::lint(&args, printer),
        args::Command::Conformance(args) => conformance::conformance(args, common, printer, interrupts).await,
        args::Command::Preflight(stage) => {
            simple(pin!(preflight::preflight(&stage, &common, printer)), "interrupted").await
        }
        args::Command::Setup => {
            simple(pin!(show::setup(&common, printer)), "interrupted; `rehearse setup` goes on with what is there")
                .await
        }
        args::Command::Why(args) => simple(pin!(why::why(&args, &common, printer)), "interrupted").await,
        args::Command::Up(up) => up::up(up, common, printer, interrupts).await,
        args::Command::Down => {
            simple(pin!(up::down(&common, printer)), "interrupted; `rehearse down` goes on with what is left").await
        }
    }
}

fn interrupted(printer: &Printer, said: &str) -> ExitCode {
    printer.note(said);
    ExitCode::Interrupted
}
