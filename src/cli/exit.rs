//! What the program's exit codes mean.

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
    /// Ctrl-C or SIGTERM; what had been created is removed.
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

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}
