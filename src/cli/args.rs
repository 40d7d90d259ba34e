//! The command line: each command's options stand beside the command.

use clap::{Parser, Subcommand};

use super::check::CheckArgs;
use super::conformance::ConformanceArgs;
use super::generated::CompletionsArgs;
use super::init::InitArgs;
use super::lint::LintArgs;
use super::matrix::MatrixArgs;
use super::places::Common;
use super::printer::Color;
use super::reports::ReportArgs;
use super::run::RunArgs;
use super::sabotage::SabotageArgs;
use super::stage::StageArgs;
use super::why::WhyArgs;
use crate::report::Voice;

const EXIT_CODES: &str = "\
Exit codes:
  0    everything came out as the text says
  1    a lab failed, a lecture has an error that `lint` finds, or sabotage was not caught
  2    the environment or the command line: no Docker, unknown lab, a lab file that does not parse or that no fault
       applies to
  70   a defect in rehearse
  130  interrupted, or its terminal was closed; what is left, if anything, was looked for and is said
A reader that goes away (a closed pipe) changes nothing: the run goes on to its end, and the code is the run's.";

/// Rehearse a Kubernetes lecture before the class does
#[derive(Debug, Parser)]
#[command(name = "rehearse", version, about, after_help = EXIT_CODES)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub common: Common,
    /// Print JSON on stdout: events of a run, one a line; a document elsewhere
    #[arg(long, global = true)]
    pub json: bool,
    /// Print every command, its output and every check, not only what matters
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Print only what failed, and the table at the end
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Colours in the output; NO_COLOR and CLICOLOR_FORCE are heeded
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
}

impl Cli {
    pub(super) fn voice(&self) -> Voice {
        match (self.quiet, self.verbose) {
            (true, _) => Voice::Quiet,
            (_, true) => Voice::Verbose,
            _ => Voice::Calm,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Play labs: all of them when none is named
    Run(RunArgs),
    /// Play labs on several Kubernetes versions: one table of labs and versions, and what first differs
    Matrix(MatrixArgs),
    /// Check lectures that nobody annotated: what still holds, what drifted, what only looked as if it held
    Check(CheckArgs),
    /// Break one thing at a time and say whether labs notice: each has to fail, and to name what was broken
    Sabotage(SabotageArgs),
    /// Render runs again from their events, several as one: report.html and junit.xml
    Report(ReportArgs),
    /// List the labs
    List,
    /// Read lectures, any Markdown, and say what is wrong with them before anything is played
    Lint(LintArgs),
    /// Say why a pod cannot pull its image, on any cluster: the one broken link, what shows it, and what mends it
    Why(WhyArgs),
    /// Bring a stage up and leave it up: registry, image, cluster
    Up(StageArgs),
    /// Take down the stage that is up, and whatever killed runs left
    Down,
    /// Play the conformance suite and compare what happens with what a real cluster did
    Conformance(ConformanceArgs),
    /// Say what a run would use and what is missing, changing nothing
    Preflight(StageArgs),
    /// Get the images a stage needs: local, pulled, or built as stand-ins
    Setup,
    /// Write a first lab, with what it builds, into a folder that has none
    Init(InitArgs),
    /// Print a shell's completions of this command line
    Completions(CompletionsArgs),
    /// Print the manual's page, for `man -l -`
    Man,
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
