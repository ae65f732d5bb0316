//! What is asked of the pool: until when it may last, who waits for it, and why it has to end.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::count;
use crate::error::{Error, Result};
use crate::sqlite::counts::Counts;
use crate::sqlite::revoke::Revocations;

/// What is asked of the pool, and when it has to be over.
pub(super) struct Ticket {
    asked: Instant,
    deadline: Instant,
    /// 0, or why it has to end: [`Ticket::DROPPED`], [`Ticket::CLOSED`].
    ended: AtomicU8,
    /// The thread that does it, and since when.
    begun: OnceLock<(Thread, Instant)>,
    revocations: Arc<Revocations>,
}

impl Ticket {
    /// Nobody waits for it any more.
    pub(super) const DROPPED: u8 = 1;
    /// The database is being closed.
    pub(super) const CLOSED: u8 = 2;

    /// Asked now, to be over in this time.
    pub(super) fn new(time: Duration, revocations: &Arc<Revocations>) -> Self {
        let asked = Instant::now();
        Self {
            asked,
            deadline: asked + time,
            ended: AtomicU8::new(0),
            begun: OnceLock::new(),
            revocations: Arc::clone(revocations),
        }
    }

    /// When it was asked.
    pub(super) fn asked(&self) -> Instant {
        self.asked
    }

    /// Whether it had to be over by now.
    pub(super) fn is_late(&self, now: Instant) -> bool {
        now >= self.deadline
    }

    /// It begins now, on this thread.
    pub(super) fn begin(&self) {
        let _begun_once_only = self.begun.set((thread::current(), Instant::now()));
    }

    /// Ends it at its next look.
    pub(super) fn end(&self, why: u8) {
        let _another_reason_was_first =
            self.ended.compare_exchange(0, why, Ordering::SeqCst, Ordering::SeqCst);
        self.wake();
    }

    /// Wakes the thread that does it, if it waits for its consumer.
    pub(super) fn wake(&self) {
        if let Some((thread, _)) = self.begun.get() {
            thread.unpark();
        }
    }

    fn is_revoked(&self) -> bool {
        self.begun.get().is_some_and(|(_, began)| self.revocations.is_revoked(*began))
    }

    /// Why it has to end now, if it has to.
    pub(super) fn over(&self) -> Option<Error> {
        match self.ended.load(Ordering::Relaxed) {
            0 if Instant::now() >= self.deadline || self.is_revoked() => Some(Error::Deadline),
            0 => None,
            Self::CLOSED => Some(Error::Closed),
            _ => Some(Error::Deadline),
        }
    }

    /// Time until it has to be over.
    pub(super) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    pub(super) fn is_dropped(&self) -> bool {
        self.ended.load(Ordering::Relaxed) == Self::DROPPED
    }
}

/// Says that nobody waits any more, when nobody does.
pub(super) struct Waited(pub(super) Arc<Ticket>);

impl Drop for Waited {
    fn drop(&mut self) {
        self.0.end(Ticket::DROPPED);
    }
}

/// Counts what ended too late, or was ended. The error of a closure is its caller's already.
pub(super) fn judged<T>(result: Result<T>, ticket: &Ticket, counts: &Counts) -> Result<T> {
    if !matches!(result, Err(Error::Deadline | Error::RolledBack)) || ticket.over().is_none() {
        return result;
    }
    match ticket.ended.load(Ordering::Relaxed) {
        Ticket::CLOSED => return Err(Error::Closed),
        0 if ticket.is_revoked() => count(&counts.snapshots_revoked),
        0 => count(&counts.reads_late),
        _ => {}
    }
    result
}
