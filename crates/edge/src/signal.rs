//! The signals that ask a process to stop: SIGTERM and SIGINT, and Ctrl-C where there is no SIGTERM.

use std::io::Result;

/// Resolves at the next SIGTERM or SIGINT. From the first call on, the process no longer dies of them by itself.
///
/// # Errors
/// When the signals cannot be watched.
pub async fn stop_signal() -> Result<()> {
    watch().await
}

#[cfg(unix)]
async fn watch() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn watch() -> Result<()> {
    tokio::signal::ctrl_c().await
}
