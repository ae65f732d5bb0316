//! What a test's own thread says in the log.

use std::io;
use std::sync::{Arc, Mutex};

use tracing::level_filters::LevelFilter;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics here").write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs work; what it comes to, and the warnings and errors of this thread meanwhile. The test's runtime has one thread.
pub(crate) async fn overheard<T>(work: impl Future<Output = T>) -> (T, String) {
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
    let said = String::from_utf8(log.0.lock().expect("nobody panics here").clone()).expect("a log is text");
    (result, said)
}
