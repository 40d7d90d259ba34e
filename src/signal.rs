//! Interrupts as an injected source: the first Ctrl-C (or SIGTERM, SIGHUP) asks for an orderly end, a second Ctrl-C or
//! SIGTERM forces it.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Two tokens, cancelled one after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupts {
    /// Stop what is being done and clean up.
    pub graceful: CancellationToken,
    /// Stop cleaning up, too.
    pub forced: CancellationToken,
}

impl Interrupts {
    /// What `work` comes to; None where an orderly end is asked for first.
    pub(crate) async fn unless<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.graceful.cancelled() => None,
            done = work => Some(done),
        }
    }

    /// Listens for SIGINT, SIGTERM and SIGHUP of this process. Call inside a tokio runtime.
    ///
    /// # Errors
    /// Where the handlers cannot be installed.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let interrupts = Self::default();
        let mut int = signal(SignalKind::interrupt())?;
        let mut term = signal(SignalKind::terminate())?;
        let mut hup = signal(SignalKind::hangup())?;
        let Self { graceful, forced } = interrupts.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = int.recv() => {}
                _ = term.recv() => {}
                _ = hup.recv() => {}
            }
            graceful.cancel();
            // A terminal that closes hangs up more than once: itself, its shell, and the kernel when that has ended. None
            // of them is somebody who cannot wait.
            tokio::select! {
                _ = int.recv() => {}
                _ = term.recv() => {}
            }
            forced.cancel();
        });
        Ok(interrupts)
    }
}
