//! The reader pool: threads with a connection each, for what may take its time, and the line in front of them.
//!
//! One line holds reads and streams, bounded together. Streams never take all threads, if there is more than one:
//! their consumers may be slow.

use std::collections::VecDeque;
use std::fmt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::ticket::{Ticket, Waited, judged};
use super::{Guarded, count, of_engine};
use crate::driver::Pending;
use crate::error::{Error, Result};
use crate::options::Options;
use crate::sqlite::connection;
use crate::sqlite::counts::Counts;
use crate::sqlite::revoke::Revocations;

/// What a thread reads with.
pub(super) struct Reader {
    pub(super) connection: Connection,
    pub(super) guarded: Guarded,
    /// What is read now; the progress handler ends it.
    now: Arc<Mutex<Option<Arc<Ticket>>>>,
}

impl Reader {
    fn open(path: &Path, options: &Options) -> Result<Self> {
        let (mut connection, guarded) = connection::reader(path, options)?;
        let now: Arc<Mutex<Option<Arc<Ticket>>>> = Arc::default();
        let inside = Arc::clone(&now);
        let over = move || lock(&inside).as_ref().is_some_and(|ticket| ticket.over().is_some());
        connection.progress_handler(super::STEPS, Some(over)).map_err(of_engine)?;
        Ok(Self { connection, guarded, now })
    }

    /// Runs work on one snapshot.
    pub(super) fn snapshot<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        struct Rollback<'c>(&'c Connection);
        impl Drop for Rollback<'_> {
            fn drop(&mut self) {
                if !self.0.is_autocommit() {
                    // Nothing has been written that could fail to go.
                    let _ended = self.0.execute_batch("rollback");
                }
            }
        }
        self.connection.execute_batch("begin").map_err(of_engine)?;
        let _rollback = Rollback(&self.connection);
        work()
    }
}

/// Done on a thread of the pool; or told why it is not done.
type Work = Box<dyn FnOnce(Result<&Reader>) + Send>;

struct Job {
    ticket: Arc<Ticket>,
    work: Work,
}

/// How a job shares the threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Stream,
}

#[derive(Default)]
struct Line {
    reads: VecDeque<Job>,
    streams: VecDeque<Job>,
    /// The streams that threads are in now.
    streaming: Vec<Arc<Ticket>>,
    closed: bool,
}

/// The line and the threads.
pub(super) struct Pool {
    line: Mutex<Line>,
    more: Condvar,
    threads: Mutex<Vec<JoinHandle<()>>>,
    bound: usize,
    /// Threads that may be in streams at a time.
    streams: usize,
    counts: Arc<Counts>,
    revocations: Arc<Revocations>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("bound", &self.bound).finish_non_exhaustive()
    }
}

impl Pool {
    pub(super) fn start(
        path: &Path,
        options: &Options,
        counts: &Arc<Counts>,
        revocations: &Arc<Revocations>,
    ) -> Result<Arc<Self>> {
        let many = options.readers.max(1);
        let pool = Arc::new(Self {
            line: Mutex::default(),
            more: Condvar::new(),
            threads: Mutex::default(),
            bound: options.read_queue,
            streams: (many - 1).max(1),
            counts: Arc::clone(counts),
            revocations: Arc::clone(revocations),
        });
        let started = (0..many).try_for_each(|number| pool.start_thread(path, options, number));
        if let Err(error) = started {
            pool.close();
            return Err(error);
        }
        Ok(pool)
    }

    fn start_thread(self: &Arc<Self>, path: &Path, options: &Options, number: usize) -> Result<()> {
        let reader = Reader::open(path, options)?;
        count(&self.counts.connections);
        let pool = Arc::clone(self);
        let handle = thread::Builder::new()
            .name(format!("ketch-reader-{number}"))
            .spawn(move || {
                pool.work(&reader);
                drop(reader);
                pool.counts.connections.fetch_sub(1, Ordering::Relaxed);
            })
            .map_err(|error| Error::Open(format!("cannot start a thread: {error}")))?;
        lock(&self.threads).push(handle);
        Ok(())
    }

    /// Asks for what is to be over in `time`. What has not begun when its future is dropped never does.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        time: Duration,
        work: impl FnOnce(&Reader) -> Result<T> + Send + 'static,
    ) -> Pending<Result<T>> {
        let (done, answer) = oneshot::channel();
        let counts = Arc::clone(&self.counts);
        let ticket = self.ticket(time);
        let inside = Arc::clone(&ticket);
        let work = move |turn: Result<&Reader>| {
            let result = turn.and_then(|reader| caught(|| work(reader)));
            let _nobody_waits = done.send(judged(result, &inside, &counts));
        };
        let waited = Waited(Arc::clone(&ticket));
        match self.push(Kind::Read, ticket, Box::new(work)) {
            Ok(()) => Box::pin(async move {
                let result = answer.await.unwrap_or(Err(Error::Closed));
                drop(waited);
                result
            }),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    pub(super) fn ticket(&self, time: Duration) -> Arc<Ticket> {
        Arc::new(Ticket::new(time, &self.revocations))
    }

    /// Puts work into the line.
    pub(super) fn push(&self, kind: Kind, ticket: Arc<Ticket>, work: Work) -> Result<()> {
        let mut line = lock(&self.line);
        if line.closed {
            return Err(Error::Closed);
        }
        if line.len() >= self.bound {
            line.reads.retain(|job| !job.ticket.is_dropped());
            line.streams.retain(|job| !job.ticket.is_dropped());
        }
        if line.len() >= self.bound {
            count(&self.counts.reads_refused);
            return Err(Error::Busy);
        }
        line.of(kind).push_back(Job { ticket, work });
        self.measure(&line);
        drop(line);
        self.more.notify_one();
        Ok(())
    }

    /// Ends what has waited for too long, and says whether anything waits still.
    pub(super) fn end_late(&self) -> bool {
        let now = Instant::now();
        let mut line = lock(&self.line);
        let mut late = Vec::new();
        for kind in [Kind::Read, Kind::Stream] {
            let waiting = line.of(kind);
            while waiting.front().is_some_and(|job| job.ticket.is_late(now)) {
                late.extend(waiting.pop_front());
            }
        }
        let waiting = line.len() > 0;
        self.measure(&line);
        drop(line);
        for job in late {
            (job.work)(Err(Error::Deadline));
        }
        waiting
    }

    /// Whether anything waits for a thread.
    pub(super) fn is_waited_for(&self) -> bool {
        lock(&self.line).len() > 0
    }

    fn measure(&self, line: &Line) {
        self.counts.read_queue.store(line.len() as u64, Ordering::Relaxed);
    }

    fn work(&self, reader: &Reader) {
        while let Some((kind, job)) = self.next() {
            let ticket = job.ticket;
            match ticket.over() {
                Some(error) => (job.work)(Err(error)),
                None => {
                    *lock(&reader.now) = Some(Arc::clone(&ticket));
                    (job.work)(Ok(reader));
                    *lock(&reader.now) = None;
                }
            }
            if kind == Kind::Stream {
                lock(&self.line).streaming.retain(|other| !Arc::ptr_eq(other, &ticket));
                // Another stream may have its turn.
                self.more.notify_one();
            }
        }
    }

    /// What this thread does next; none when there is to be no more.
    fn next(&self) -> Option<(Kind, Job)> {
        let mut line = lock(&self.line);
        loop {
            if line.closed {
                return None;
            }
            if let Some((kind, job)) = line.pop(self.streams) {
                self.measure(&line);
                job.ticket.begin();
                if kind == Kind::Stream {
                    line.streaming.push(Arc::clone(&job.ticket));
                }
                return Some((kind, job));
            }
            line = self.more.wait(line).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Refuses what waits, ends the streams, finishes the reads that have begun, and ends the threads with their
    /// connections.
    pub(super) fn close(&self) {
        self.refuse();
        for handle in std::mem::take(&mut *lock(&self.threads)) {
            let _its_panic_has_been_printed = handle.join();
        }
    }

    /// The same without waiting for the threads.
    pub(super) fn refuse(&self) {
        let mut line = lock(&self.line);
        line.closed = true;
        let mut waiting = std::mem::take(&mut line.reads);
        waiting.append(&mut line.streams);
        line.streaming.iter().for_each(|ticket| ticket.end(Ticket::CLOSED));
        self.measure(&line);
        drop(line);
        self.more.notify_all();
        for job in waiting {
            (job.work)(Err(Error::Closed));
        }
    }
}

impl Line {
    fn len(&self) -> usize {
        self.reads.len() + self.streams.len()
    }

    fn of(&mut self, kind: Kind) -> &mut VecDeque<Job> {
        match kind {
            Kind::Read => &mut self.reads,
            Kind::Stream => &mut self.streams,
        }
    }

    /// What was asked first, of what may begin.
    fn pop(&mut self, most_streams: usize) -> Option<(Kind, Job)> {
        let asked = |line: &VecDeque<Job>| line.front().map(|job| job.ticket.asked());
        let stream = asked(&self.streams).filter(|_| self.streaming.len() < most_streams);
        let kind = match (asked(&self.reads), stream) {
            (Some(read), Some(stream)) if stream < read => Kind::Stream,
            (None, Some(_)) => Kind::Stream,
            _ => Kind::Read,
        };
        self.of(kind).pop_front().map(|job| (kind, job))
    }
}

/// Runs work that may panic.
pub(super) fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    caught.unwrap_or_else(|panic| {
        let said = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned());
        Err(Error::Panicked(said.unwrap_or_else(|| "it said nothing".to_owned())))
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
