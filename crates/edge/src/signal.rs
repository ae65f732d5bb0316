//! The signals that ask a process to stop: SIGTERM and SIGINT, and Ctrl-C where there is no SIGTERM.

use std::io::Result;

/// The signals to stop, as they come. From now on the process no longer dies of them by itself.
///
/// # Errors
/// When the signals cannot be watched.
pub fn stop_signal() -> Result<StopSignal> {
    StopSignal::watch()
}

/// Watches for signals to stop.
#[derive(Debug)]
pub struct StopSignal {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl StopSignal {
    fn watch() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Resolves at the next signal.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl StopSignal {
    fn watch() -> Result<Self> {
        Ok(Self {})
    }

    /// Resolves at the next Ctrl-C.
    pub async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
