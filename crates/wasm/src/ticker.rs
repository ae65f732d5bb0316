//! The clock of an engine: a thread that counts milliseconds while guests run, so that they can be interrupted.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wasmtime::EngineWeak;

/// How long an epoch lasts.
pub(crate) const TICK: Duration = Duration::from_millis(1);
/// For how many ticks the thread goes on when nothing runs, before it sleeps until it is woken.
const LINGERS: u32 = 200;

/// The thread. It stops when this is dropped.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    running: AtomicUsize,
    sleeps: AtomicBool,
    stop: AtomicBool,
}

/// Keeps the clock going.
pub(crate) struct Running(Arc<Shared>);

impl Ticker {
    /// Starts the thread.
    ///
    /// # Errors
    /// When there can be no more threads.
    pub(crate) fn start(engine: EngineWeak) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let its = Arc::clone(&shared);
        let thread = thread::Builder::new().name("ketch-wasm-clock".to_owned());
        let thread = Some(thread.spawn(move || tick(&its, &engine))?);
        Ok(Self { shared, thread })
    }

    /// Has the clock going until what is returned is dropped.
    pub(crate) fn run(&self) -> Running {
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        if self.shared.sleeps.load(Ordering::SeqCst) {
            self.thread.iter().for_each(|thread| thread.thread().unpark());
        }
        Running(Arc::clone(&self.shared))
    }
}

fn tick(shared: &Shared, engine: &EngineWeak) {
    let mut idle = 0;
    while !shared.stop.load(Ordering::SeqCst) {
        idle = if shared.running.load(Ordering::SeqCst) == 0 { idle + 1 } else { 0 };
        if idle > LINGERS {
            shared.sleeps.store(true, Ordering::SeqCst);
            // Whoever begins after this sees that the thread sleeps, and wakes it.
            if shared.running.load(Ordering::SeqCst) == 0 && !shared.stop.load(Ordering::SeqCst) {
                thread::park();
            }
            shared.sleeps.store(false, Ordering::SeqCst);
            idle = 0;
        }
        thread::park_timeout(TICK);
        let Some(engine) = engine.upgrade() else { return };
        engine.increment_epoch();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // The thread itself drops the engine last when a guest's end and a tick meet.
            if thread.thread().id() != thread::current().id() {
                let _panicked = thread.join();
            }
        }
    }
}

impl fmt::Debug for Ticker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticker").finish_non_exhaustive()
    }
}
