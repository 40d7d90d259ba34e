//! What the program's exit codes mean, and which one a command comes to.

use super::error::Error;
use super::printer::Printer;
use crate::event::Verdict;
use crate::hint::Hint;

/// Documented in `rehearse --help`; a script may rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// Everything that was played came out as the text says.
    Passed,
    /// A lab failed: the text, the manifests or the cluster's behaviour.
    LabFailed,
    /// The environment or the command line: Docker missing, unknown lab, a lab file that does not parse.
    Environment,
    /// A defect in this program.
    Bug,
    /// Ctrl-C, SIGTERM or SIGHUP; what is left, if anything, has been looked for and is said.
    Interrupted,
}

impl ExitCode {
    pub fn number(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::LabFailed => 1,
            Self::Environment => 2,
            Self::Bug => 70,
            Self::Interrupted => 130,
        }
    }
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            passed if passed.passed() => Self::Passed,
            Verdict::Blocked => Self::Environment,
            _ => Self::LabFailed,
        }
    }
}

/// What a command comes to; an error is printed with what to do next, an interrupt with what it has left.
pub(super) fn conclude<T: Into<ExitCode>>(outcome: Result<T, Error>, printer: &Printer) -> ExitCode {
    match outcome {
        Ok(done) => done.into(),
        Err(error) if error.is_interrupt() => {
            printer.note(&error.to_string());
            ExitCode::Interrupted
        }
        Err(error) => printer.error(&error, error.hint(), ExitCode::Environment),
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}
