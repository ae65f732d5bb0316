//! A thread that ends what the progress handler does not see: inline reads that stay too long between two looks at the
//! clock, such as a thousand steps each of which waits for the disk.
//!
//! It compares turns, not times: a read that runs at two ticks in a row, one inline time apart, has had its time. It
//! sleeps for good when nothing is read.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use rusqlite::{Connection, InterruptHandle};

use super::pool::Pool;
use crate::error::{Error, Result};

/// Ticks without a read after which the thread sleeps for good.
const QUIET: u32 = 16;

/// How often waiting reads are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// A connection whose reads are watched.
pub(super) struct Watched {
    /// Odd while a read runs. It only grows.
    turn: AtomicU64,
    /// Nanoseconds from `opened` to the beginning of the read.
    began: AtomicU64,
    opened: Instant,
    interrupt: InterruptHandle,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("turn", &self.turn).finish_non_exhaustive()
    }
}

impl Watched {
    /// Installs the progress handler, which ends what has run for longer than `time`. It looks at the clock every
    /// thousand steps, counted across reads: so what it compares is the time of the read that runs.
    pub(super) fn new(connection: &mut Connection, time: Duration) -> rusqlite::Result<Arc<Self>> {
        let interrupt = connection.get_interrupt_handle();
        let it = Arc::new(Self {
            turn: AtomicU64::new(0),
            began: AtomicU64::new(0),
            opened: Instant::now(),
            interrupt,
        });
        let inside = Arc::clone(&it);
        let most = nanos(time);
        connection.progress_handler(
            super::STEPS,
            Some(move || {
                let now = nanos(inside.opened.elapsed());
                now.saturating_sub(inside.began.load(Ordering::Relaxed)) > most
            }),
        )?;
        Ok(it)
    }

    /// A read begins, on the thread that holds the connection.
    pub(super) fn begin(&self, now: Instant) -> Turn<'_> {
        self.began.store(nanos(now.saturating_duration_since(self.opened)), Ordering::Relaxed);
        // In one order with the watchdog's "I sleep": one of the two sees the other.
        self.turn.fetch_add(1, Ordering::SeqCst);
        Turn(self)
    }
}

/// A read that runs.
pub(super) struct Turn<'w>(&'w Watched);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // Nobody else changes it meanwhile.
        let turn = self.0.turn.load(Ordering::Relaxed);
        self.0.turn.store(turn + 1, Ordering::Release);
    }
}

/// The thread.
#[derive(Debug)]
pub(super) struct Watchdog {
    shared: Arc<Shared>,
    thread: Thread,
    handle: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Shared {
    asleep: AtomicBool,
    ended: AtomicBool,
}

impl Watchdog {
    pub(super) fn start(watched: Vec<Arc<Watched>>, pool: Arc<Pool>, tick: Duration) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let inside = Arc::clone(&shared);
        let handle = thread::Builder::new()
            .name("ketch-watchdog".to_owned())
            .spawn(move || watch(&inside, &watched, &pool, tick))
            .map_err(|error| Error::Open(format!("cannot start a thread: {error}")))?;
        Ok(Self { shared, thread: handle.thread().clone(), handle: Mutex::new(Some(handle)) })
    }

    /// Something is read, or waits to be.
    pub(super) fn wake(&self) {
        if self.shared.asleep.load(Ordering::SeqCst) {
            self.shared.asleep.store(false, Ordering::SeqCst);
            self.thread.unpark();
        }
    }

    /// Ends the thread, and waits until it has.
    pub(super) fn close(&self) {
        self.end();
        let handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(handle) = handle {
            let _its_panic_has_been_printed = handle.join();
        }
    }

    /// Ends the thread.
    pub(super) fn end(&self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

fn watch(shared: &Shared, watched: &[Arc<Watched>], pool: &Pool, tick: Duration) {
    let mut last = vec![0; watched.len()];
    let mut quiet = 0;
    while !shared.ended.load(Ordering::SeqCst) {
        quiet = if look(watched, &mut last) { 0 } else { QUIET.min(quiet + 1) };
        let waiting = pool.end_late();
        if quiet < QUIET {
            sleep(shared, tick);
        } else if waiting {
            sleep(shared, tick.max(LOOK));
        } else {
            shared.asleep.store(true, Ordering::SeqCst);
            // What began before that was said is seen here; what begins later sees that it was said.
            if !is_busy(watched, &last) && !pool.is_waited_for() {
                thread::park();
            }
            shared.asleep.store(false, Ordering::SeqCst);
        }
    }
}

/// Sleeps for a while, even if somebody wakes it who had not seen that it is awake.
fn sleep(shared: &Shared, time: Duration) {
    let until = Instant::now() + time;
    while !shared.ended.load(Ordering::SeqCst) {
        match until.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => thread::park_timeout(left),
            _ => return,
        }
    }
}

/// Whether anything has been read since the last look.
fn is_busy(watched: &[Arc<Watched>], last: &[u64]) -> bool {
    watched.iter().zip(last).any(|(it, last)| {
        let turn = it.turn.load(Ordering::SeqCst);
        turn != *last || turn % 2 == 1
    })
}

/// The same, and ends what was running then and still is: it has had its time.
fn look(watched: &[Arc<Watched>], last: &mut [u64]) -> bool {
    let busy = is_busy(watched, last);
    for (it, last) in watched.iter().zip(last) {
        let turn = it.turn.load(Ordering::SeqCst);
        if turn == *last && turn % 2 == 1 {
            // By now another read may run: it finds that its time is not over, and begins again.
            it.interrupt.interrupt();
        }
        *last = turn;
    }
    busy
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
