//! The counters that the parts of the engine share.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::error::Error;
use crate::stats::Stats;

/// What is asked for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Read,
    Write,
}

/// One counter for each figure of [`Stats`] that this engine has.
#[derive(Debug, Default)]
pub(super) struct Counts {
    reads: AtomicU64,
    reads_late: AtomicU64,
    pub(super) reads_refused: AtomicU64,
    writes: AtomicU64,
    writes_failed: AtomicU64,
    pub(super) writes_refused: AtomicU64,
    writes_replayed: AtomicU64,
    commits: AtomicU64,
    commit_nanos: AtomicU64,
    pub(super) reads_waiting: AtomicU64,
    pub(super) writes_waiting: AtomicU64,
}

impl Counts {
    /// A read that has ended, however it ended.
    pub(super) fn read<T>(&self, done: &Result<T, Error>) {
        match done {
            Ok(_) => count(&self.reads),
            Err(Error::Deadline) => count(&self.reads_late),
            Err(_) => {}
        }
    }

    /// A write that has ended, and how often it was run.
    pub(super) fn write<T>(&self, done: &Result<T, Error>, runs: u32) {
        count(if done.is_ok() { &self.writes } else { &self.writes_failed });
        if runs > 1 {
            count(&self.writes_replayed);
        }
    }

    pub(super) fn commit(&self, took: Duration) {
        count(&self.commits);
        self.commit_nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(super) fn stats(&self, connections: usize) -> Stats {
        Stats {
            reads_pooled: self.reads.load(Relaxed),
            reads_late: self.reads_late.load(Relaxed),
            reads_refused: self.reads_refused.load(Relaxed),
            writes: self.writes.load(Relaxed),
            writes_failed: self.writes_failed.load(Relaxed),
            writes_refused: self.writes_refused.load(Relaxed),
            writes_replayed: self.writes_replayed.load(Relaxed),
            commits: self.commits.load(Relaxed),
            commit_time: Duration::from_nanos(self.commit_nanos.load(Relaxed)),
            read_queue: self.reads_waiting.load(Relaxed),
            write_queue: self.writes_waiting.load(Relaxed),
            connections: connections as u64,
            ..Stats::default()
        }
    }
}

/// One more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}
