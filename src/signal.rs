//! Interrupts as an injected source: the first Ctrl-C (or SIGTERM, SIGHUP) asks for an orderly end, the
//! second forces it. [`Interrupts::none`] is for tests and embedded use.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Two tokens, cancelled by the first and the second signal.
#[derive(Debug, Clone, Default)]
pub struct Interrupts {
    /// Stop what is being done and clean up.
    pub graceful: CancellationToken,
    /// Stop cleaning up, too.
    pub forced: CancellationToken,
}

impl Interrupts {
    /// Never fires by itself.
    pub fn none() -> Self {
        Self::default()
    }

    /// What `work` comes to; None where an orderly end is asked for first.
    pub async fn unless<T>(&self, work: impl Future<Output = T>) -> Option<T> {
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
    pub fn listen() -> std::io::Result<Self> {
        let interrupts = Self::default();
        let mut int = signal(SignalKind::interrupt())?;
        let mut term = signal(SignalKind::terminate())?;
        let mut hup = signal(SignalKind::hangup())?;
        let Self { graceful, forced } = interrupts.clone();
        tokio::spawn(async move {
            for token in [graceful, forced] {
                tokio::select! {
                    _ = int.recv() => {}
                    _ = term.recv() => {}
                    _ = hup.recv() => {}
                }
                token.cancel();
            }
        });
        Ok(interrupts)
    }
}
