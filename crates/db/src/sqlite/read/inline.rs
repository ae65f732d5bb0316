//! Reads on the thread that asks, on connections of their own: no queue, no wake-up, no allocation beside the rows.

use std::cell::Cell;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::slow::{Known, Text, Texts};
use super::watchdog::{Watchdog, Watched};
use super::{Guarded, count, of_engine, statement};
use crate::driver::{Now, Sink, Statement};
use crate::error::{Error, Result};
use crate::options::Options;
use crate::sqlite::connection;
use crate::sqlite::counts::Counts;

/// How often a read is begun again that was ended in another's stead.
const TRIES: usize = 3;

/// The connections, and what watches them.
#[derive(Debug)]
pub(super) struct Inline {
    slots: Box<[Slot]>,
    time: Duration,
    counts: Arc<Counts>,
}

/// A connection, on cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Slot {
    /// None once it has been closed.
    reader: Mutex<Option<Reader>>,
    watched: Arc<Watched>,
    /// Reads answered. Changed only while the reader is held.
    answered: AtomicU64,
}

#[derive(Debug)]
struct Reader {
    connection: Connection,
    guarded: Guarded,
}

/// What became of a read.
enum Ran {
    Rows,
    /// It is none: the statement writes.
    Writes,
}

impl Inline {
    /// Opens the connections: two for each core, so that a thread rarely finds its own taken. No inline time, no
    /// connections.
    pub(super) fn open(path: &Path, options: &Options, counts: &Arc<Counts>) -> Result<Self> {
        let many = if options.inline_time.is_zero() { 0 } else { 2 * cores() };
        let slots: Result<_> = (0..many).map(|_| Slot::open(path, options, counts)).collect();
        Ok(Self { slots: slots?, time: options.inline_time, counts: Arc::clone(counts) })
    }

    /// What the watchdog watches.
    pub(super) fn watched(&self) -> Vec<Arc<Watched>> {
        self.slots.iter().map(|slot| Arc::clone(&slot.watched)).collect()
    }

    /// Reads that were answered here.
    pub(super) fn answered(&self) -> u64 {
        self.slots.iter().map(|slot| slot.answered.load(Relaxed)).sum()
    }

    /// Answers a read, unless it is known to be slow, no connection is free, it writes, or its time is over.
    pub(super) fn read(
        &self,
        asked: &Statement,
        text: Text,
        texts: &Texts,
        sink: &mut dyn Sink,
        watchdog: &Watchdog,
    ) -> Now {
        if texts.known(text) != Known::Nothing {
            return Now::Later;
        }
        let Some((slot, held)) = self.free() else { return Now::Later };
        let Some(reader) = held.as_ref() else { return Now::Done(Err(Error::Closed)) };
        for _ in 0..TRIES {
            let began = Instant::now();
            let turn = slot.watched.begin(began);
            watchdog.wake();
            let done = reader.read(asked, sink);
            drop(turn);
            let took = began.elapsed();
            let in_time = took < self.time;
            match done {
                // It was meant for the read before.
                Err(Error::Deadline) if in_time => continue,
                Err(Error::Deadline) => {}
                // Another connection does what it has to wait for.
                Err(Error::Busy) => return Now::Later,
                Ok(Ran::Writes) => {
                    texts.writes(text);
                    return Now::Later;
                }
                Ok(Ran::Rows) => {
                    slot.answered.store(slot.answered.load(Relaxed) + 1, Relaxed);
                    if in_time {
                        texts.took(text, took);
                        return Now::Done(Ok(()));
                    }
                }
                Err(error) => return Now::Done(Err(error)),
            }
            count(&self.counts.reads_overran);
            texts.overran(text);
            // Some functions cannot be ended: then it is late, but answered.
            return if matches!(done, Ok(Ran::Rows)) { Now::Done(Ok(())) } else { Now::Later };
        }
        Now::Later
    }

    /// A connection that nobody uses. Every thread begins at one of its own.
    fn free(&self) -> Option<(&Slot, MutexGuard<'_, Option<Reader>>)> {
        let many = self.slots.len();
        let home = home();
        (0..many).find_map(|next| {
            let slot = &self.slots[(home + next) % many];
            match slot.reader.try_lock() {
                Ok(held) => Some((slot, held)),
                // A sink panicked. SQLite knows nothing of it.
                Err(TryLockError::Poisoned(held)) => Some((slot, held.into_inner())),
                Err(TryLockError::WouldBlock) => None,
            }
        })
    }

    /// Closes the connections, when what is read on them is done.
    pub(super) fn close(&self) {
        for slot in &self.slots {
            let reader = slot.reader.lock().unwrap_or_else(PoisonError::into_inner).take();
            if reader.is_some() {
                self.counts.connections.fetch_sub(1, Relaxed);
            }
        }
    }
}

impl Slot {
    fn open(path: &Path, options: &Options, counts: &Counts) -> Result<Self> {
        let (mut connection, guarded) = connection::reader(path, options)?;
        // A thread that serves others does not wait for locks.
        connection.busy_timeout(Duration::ZERO).map_err(of_engine)?;
        let watched = Watched::new(&mut connection, options.inline_time).map_err(of_engine)?;
        count(&counts.connections);
        let reader = Mutex::new(Some(Reader { connection, guarded }));
        Ok(Self { reader, watched, answered: AtomicU64::new(0) })
    }
}

impl Reader {
    fn read(&self, asked: &Statement, sink: &mut dyn Sink) -> Result<Ran> {
        self.guarded.run(|| {
            let mut prepared = statement::prepare(&self.connection, asked)?;
            if !statement::reads(&prepared) {
                return Ok(Ran::Writes);
            }
            statement::rows(&self.connection, &mut prepared, &asked.sql, sink).map(|()| Ran::Rows)
        })
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get)
}

/// The number of the calling thread.
fn home() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static HOME: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    HOME.with(|home| {
        if home.get() == usize::MAX {
            home.set(THREADS.fetch_add(1, Relaxed) % (usize::MAX / 2));
        }
        home.get()
    })
}
