//! How a run is broken off, and what comes after it.

use std::time::Duration;

use nix::sys::signal::Signal;

/// In which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blow {
    Interrupt,
    Terminate,
    HangUp,
    /// The terminal that it runs on is closed.
    Terminal,
    Kill,
    /// Killed, and its lock becomes a folder, as Docker makes of a mount's source that is gone after a reboot.
    LockGone,
    /// Done once more at the same time.
    Twice,
    /// Let come to its end.
    Nothing,
}

impl Blow {
    /// After which the program puts its things away itself.
    pub(super) const ORDERLY: [Self; 4] = [Self::Interrupt, Self::Terminate, Self::HangUp, Self::Terminal];

    pub(super) fn is_orderly(self) -> bool {
        !matches!(self, Self::Kill | Self::LockGone)
    }

    pub(super) fn signal(self) -> Option<Signal> {
        match self {
            Self::Interrupt => Some(Signal::SIGINT),
            Self::Terminate => Some(Signal::SIGTERM),
            Self::HangUp => Some(Signal::SIGHUP),
            // Of the program that has made the terminal.
            Self::Terminal | Self::Kill | Self::LockGone => Some(Signal::SIGKILL),
            Self::Twice | Self::Nothing => None,
        }
    }
}

/// What comes after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Nothing,
    Down,
    DownLater,
    Run,
    RunLater,
}

impl Next {
    pub(super) const ALL: [Self; 4] = [Self::Down, Self::Run, Self::DownLater, Self::RunLater];
    /// What was begun comes to its end meanwhile.
    pub(super) const LATER: Duration = Duration::from_secs(20);

    pub(super) fn is_later(self) -> bool {
        matches!(self, Self::DownLater | Self::RunLater)
    }

    pub(super) fn is_down(self) -> bool {
        matches!(self, Self::Down | Self::DownLater)
    }
}
