//! That something is done without a word at WARN or ERROR: bad input is somebody's 4xx, and no news.

use std::future::Future;
use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing::level_filters::LevelFilter;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs work that must not be worth a warning. What is logged on other threads is not seen: the test's runtime has one.
pub(crate) async fn quietly<T>(work: impl Future<Output = T>) -> T {
    let (result, said) = overheard(work).await;
    assert!(said.is_empty(), "nothing is worth a warning:\n{said}");
    result
}

async fn overheard<T>(work: impl Future<Output = T>) -> (T, String) {
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
    let said = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    (result, said)
}

#[tokio::test]
async fn a_warning_would_be_heard() {
    let ((), said) = overheard(async {
        tracing::info!("all is well");
        tokio::spawn(async { tracing::error!("man overboard") }).await.unwrap();
    })
    .await;
    assert!(said.contains("man overboard") && !said.contains("all is well"), "{said}");
}
