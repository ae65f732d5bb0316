//! Where guests run: their first milliseconds on the thread that asked, the rest on threads of their own.
//!
//! Most calls end long before a thread is changed. One that computes for longer would hold up whatever else its thread
//! has to do, so it goes on beside the server's threads, where the operating system shares the processors out.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Poll;

use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinError, JoinHandle};

/// How many ticks a guest has on the thread that asked, and how many between two yields later.
pub(crate) const SLICE: u64 = 2;

/// The threads of those that take long.
#[derive(Default)]
pub(crate) struct Threads(OnceLock<Runtime>);

/// Whether a guest has used its first slice up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spun(Arc<AtomicBool>);

impl Spun {
    /// It has.
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// It begins anew.
    pub(crate) fn reset(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Threads {
    /// Runs a guest. When the future is dropped, the guest ends within a slice.
    ///
    /// # Errors
    /// When it panicked on another thread.
    pub(crate) async fn run<F>(&self, spun: &Spun, mut work: Pin<Box<F>>) -> Result<F::Output, JoinError>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let here = poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if spun.is_set() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        if let Some(output) = here.await {
            return Ok(output);
        }
        Elsewhere(self.runtime().spawn(work)).await
    }

    /// Runs something to its end from a thread that may or may not be one of a runtime's.
    pub(crate) fn block_on<F>(&self, work: F) -> Option<F::Output>
    where
        F: Future<Output: Send> + Send,
    {
        let runtime = self.runtime();
        std::thread::scope(|scope| scope.spawn(|| runtime.block_on(work)).join().ok())
    }

    fn runtime(&self) -> &Runtime {
        self.0.get_or_init(|| {
            let mut builder = Builder::new_multi_thread();
            builder.thread_name("ketch-wasm").enable_all();
            builder.build().expect("threads can be started")
        })
    }
}

/// A guest on another thread. It is aborted when this is dropped.
struct Elsewhere<T>(JoinHandle<T>);

impl<T> Future for Elsewhere<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl<T> Drop for Elsewhere<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // A runtime that is dropped on a thread of another one panics.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threads").finish_non_exhaustive()
    }
}
