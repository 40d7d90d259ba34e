//! What is made of the command line's own definition: shells' completions, and the manual's page.

use std::io::Write as _;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::args::Cli;
use super::error::Error;
use super::exit::ExitCode;
use super::printer::Printer;
use crate::hint::Hint;

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

pub(super) fn completions(args: &CompletionsArgs, printer: &Printer) -> ExitCode {
    written(&completions_of(args.shell), printer)
}

pub(super) fn man(printer: &Printer) -> ExitCode {
    match man_page() {
        Ok(page) => written(&page, printer),
        Err(error) => {
            let error = Error::Report(error);
            printer.error(&error, error.hint(), ExitCode::Environment)
        }
    }
}

fn written(bytes: &[u8], printer: &Printer) -> ExitCode {
    match std::io::stdout().write_all(bytes) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            let error = Error::Report(error);
            printer.error(&error, error.hint(), ExitCode::Environment)
        }
        _ => ExitCode::Passed,
    }
}

fn completions_of(shell: Shell) -> Vec<u8> {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "rehearse", &mut out);
    out
}

/// One page: the program, and below it each command with its options.
fn man_page() -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut command = Cli::command();
    command.build();
    clap_mangen::Man::new(command.clone()).render(&mut out)?;
    for of in command.get_subcommands().filter(|of| !of.is_hide_set() && of.get_name() != "help") {
        let page = clap_mangen::Man::new(of.clone());
        writeln!(out, ".SH \"REHEARSE {}\"", of.get_name().to_uppercase())?;
        writeln!(out, "{}", of.get_about().map(ToString::to_string).unwrap_or_default().replace('\\', "\\\\"))?;
        page.render_options_section(&mut out)?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn completions_and_the_manual_know_every_command() {
        let names: Vec<String> = Cli::command().get_subcommands().map(|of| of.get_name().to_owned()).collect();
        let man = String::from_utf8(man_page().unwrap()).unwrap();
        for name in &names {
            assert!(man.contains(&format!("REHEARSE {}", name.to_uppercase())), "{name}");
            for shell in Shell::value_variants() {
                let text = String::from_utf8(completions_of(*shell)).unwrap();
                assert!(text.contains(name.as_str()), "{shell}: {name}");
            }
        }
        assert!(man.contains("timelapse") && man.contains("Exit codes"));
    }

    /// Each command's help, as it stands at 100 columns.
    #[test]
    fn each_commands_help_is_known() {
        let mut command = Cli::command().term_width(100).color(clap::ColorChoice::Never);
        command.build();
        // What the variables of whoever runs the test say.
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(r"\[env: (\w+)=[^\]]*\]", "[env: $1=]");
        let _bound = settings.bind_to_scope();
        insta::assert_snapshot!("rehearse", command.render_long_help().to_string());
        for of in command.get_subcommands_mut() {
            let name = of.get_name().to_owned();
            if name != "help" {
                insta::assert_snapshot!(name, of.render_long_help().to_string());
            }
        }
    }
}
