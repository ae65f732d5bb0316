//! Ending reads that keep the write-ahead log from shrinking: the checkpointer says so, the readers obey.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The moment before which no read that is still under way may have begun.
#[derive(Debug)]
pub(super) struct Revocations {
    opened: Instant,
    /// Nanoseconds since `opened`. It only grows.
    before: AtomicU64,
}

impl Revocations {
    pub(super) fn new() -> Self {
        Self { opened: Instant::now(), before: AtomicU64::new(0) }
    }

    /// Ends the reads that have been under way for longer than `age`.
    pub(super) fn revoke_older_than(&self, age: Duration) {
        let before = self.opened.elapsed().saturating_sub(age);
        self.before.fetch_max(nanos(before), Ordering::Relaxed);
    }

    /// Whether a read that began then has to end now: with [`Error::Deadline`](crate::Error::Deadline), counted in
    /// `snapshots_revoked`.
    pub(super) fn is_revoked(&self, began: Instant) -> bool {
        nanos(began.saturating_duration_since(self.opened)) < self.before.load(Ordering::Relaxed)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_began_before_ends_and_what_begins_later_does_not() {
        let revocations = Revocations::new();
        let old = Instant::now();
        assert!(!revocations.is_revoked(old));
        revocations.revoke_older_than(Duration::from_secs(3600));
        assert!(!revocations.is_revoked(old), "it is younger than an hour");
        std::thread::sleep(Duration::from_millis(2));
        revocations.revoke_older_than(Duration::from_millis(1));
        assert!(revocations.is_revoked(old));
        assert!(!revocations.is_revoked(Instant::now()));
        revocations.revoke_older_than(Duration::from_secs(3600));
        assert!(revocations.is_revoked(old), "what is revoked stays revoked");
    }
}
