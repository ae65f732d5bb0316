//! The signals that ask a process for something: to stop (SIGTERM and SIGINT, Ctrl-C where there is no SIGTERM), and to
//! read its configuration anew (SIGHUP, where there is one).

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

/// The signal to read configuration anew, as it comes. From now on the process no longer dies of it by itself.
///
/// # Errors
/// When the signal cannot be watched.
pub fn reload_signal() -> Result<ReloadSignal> {
    Ok(ReloadSignal {
        #[cfg(unix)]
        hangup: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?,
    })
}

/// Watches for the signal to read configuration anew.
#[derive(Debug)]
pub struct ReloadSignal {
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
}

impl ReloadSignal {
    /// Resolves at the next signal; where there is none, never.
    pub async fn next(&mut self) {
        #[cfg(unix)]
        if self.hangup.recv().await.is_some() {
            return;
        }
        std::future::pending().await
    }
}
