//! The deadline of the write that runs now, watched by SQLite itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Result};

/// SQLite asks after so many steps of its virtual machine, which is well under a millisecond.
const STEPS: i32 = 1_000;

/// No deadline: SQLite counts its steps across statements, so it may ask at any time, such as during a commit.
const NEVER: u64 = u64::MAX;

/// The deadline on one connection.
#[derive(Clone, Debug)]
pub(super) struct Deadline {
    since: Instant,
    /// Nanoseconds after `since`.
    at: Arc<AtomicU64>,
}

impl Deadline {
    /// Has a connection watch a deadline.
    pub(super) fn watched_by(connection: &mut Connection) -> Result<Self> {
        let deadline = Self { since: Instant::now(), at: Arc::new(AtomicU64::new(NEVER)) };
        let inside = deadline.clone();
        connection.progress_handler(STEPS, Some(move || inside.has_passed()))?;
        Ok(deadline)
    }

    /// Sets it for what runs next.
    pub(super) fn set(&self, at: Instant) {
        self.at.store(nanos(at.saturating_duration_since(self.since)), Relaxed);
    }

    /// There is none any more.
    pub(super) fn lift(&self) {
        self.at.store(NEVER, Relaxed);
    }

    fn has_passed(&self) -> bool {
        let at = self.at.load(Relaxed);
        at != NEVER && nanos(self.since.elapsed()) >= at
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(NEVER)
}
