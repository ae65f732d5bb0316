//! The counters that the parts of the engine share.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::stats::Stats;

/// One counter for each figure of [`Stats`].
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) reads_inline: AtomicU64,
    pub(super) reads_pooled: AtomicU64,
    pub(super) reads_overran: AtomicU64,
    pub(super) reads_late: AtomicU64,
    pub(super) reads_refused: AtomicU64,
    pub(super) writes: AtomicU64,
    pub(super) writes_failed: AtomicU64,
    pub(super) writes_refused: AtomicU64,
    pub(super) writes_replayed: AtomicU64,
    pub(super) commits: AtomicU64,
    pub(super) commit_nanos: AtomicU64,
    pub(super) write_queue: AtomicU64,
    pub(super) read_queue: AtomicU64,
    pub(super) checkpoints: AtomicU64,
    pub(super) snapshots_revoked: AtomicU64,
    pub(super) connections: AtomicU64,
}

impl Counts {
    pub(super) fn stats(&self) -> Stats {
        Stats {
            reads_inline: self.reads_inline.load(Relaxed),
            reads_pooled: self.reads_pooled.load(Relaxed),
            reads_overran: self.reads_overran.load(Relaxed),
            reads_late: self.reads_late.load(Relaxed),
            reads_refused: self.reads_refused.load(Relaxed),
            writes: self.writes.load(Relaxed),
            writes_failed: self.writes_failed.load(Relaxed),
            writes_refused: self.writes_refused.load(Relaxed),
            writes_replayed: self.writes_replayed.load(Relaxed),
            commits: self.commits.load(Relaxed),
            commit_time: Duration::from_nanos(self.commit_nanos.load(Relaxed)),
            write_queue: self.write_queue.load(Relaxed),
            read_queue: self.read_queue.load(Relaxed),
            checkpoints: self.checkpoints.load(Relaxed),
            // The engine knows where the log is.
            wal_bytes: 0,
            snapshots_revoked: self.snapshots_revoked.load(Relaxed),
            connections: self.connections.load(Relaxed),
        }
    }
}

/// One more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}
