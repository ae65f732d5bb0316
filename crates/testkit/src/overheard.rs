//! What a test's own thread says in the log.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::level_filters::LevelFilter;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs work; what it comes to, and the warnings and errors of this thread meanwhile. What is logged on other threads is not
/// heard: let the test's runtime have one.
pub async fn overheard<T>(work: impl Future<Output = T>) -> (T, String) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::WARN)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let listening = tracing::subscriber::set_default(subscriber);
    let result = work.await;
    drop(listening);
    let said = log.0.lock().unwrap_or_else(PoisonError::into_inner);
    (result, String::from_utf8_lossy(&said).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_warning_would_be_heard() {
        let ((), said) = overheard(async {
            tracing::info!("all is well");
            tokio::spawn(async { tracing::error!("man overboard") }).await.unwrap();
        })
        .await;
        assert!(said.contains("man overboard") && !said.contains("all is well"), "{said}");
    }
}
