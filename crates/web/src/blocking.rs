//! Plain `fn` endpoints: they run on the blocking pool, a bounded number at a time.

use std::sync::Arc;

use ketch_model::Error;

use crate::exchange::Input;

/// Runs a function on the blocking pool. The request waits for a free place within its deadline; a function that
/// outlives the deadline keeps its place until it returns, so places cannot pile up.
///
/// # Errors
/// 500 when it panicked.
#[doc(hidden)]
pub fn blocking<T, F>(input: &Input, run: F) -> impl Future<Output = Result<T, Error>> + Send + use<T, F>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let places = Arc::clone(input.exchange.blocking());
    async move {
        let place = places.acquire_owned().await.map_err(Error::internal)?;
        let work = tokio::task::spawn_blocking(move || {
            let value = run();
            drop(place);
            value
        });
        work.await.map_err(|error| match error.try_into_panic() {
            // The pipeline knows how to tell of a panic.
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(cancelled) => Error::internal(cancelled),
        })
    }
}
