//! What an engine counts.

use std::time::Duration;

/// What an engine has counted since it was opened. A figure that an engine does not have stays 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Reads answered where the request was.
    pub reads_inline: u64,
    /// Reads answered by the pool of readers, or over the network.
    pub reads_pooled: u64,
    /// Reads that were begun inline and took too long there.
    pub reads_overran: u64,
    /// Reads that ended at their deadline.
    pub reads_late: u64,
    /// Reads refused because too many were waiting.
    pub reads_refused: u64,
    /// Writes committed.
    pub writes: u64,
    /// Writes that ended with an error, rolled back.
    pub writes_failed: u64,
    /// Writes refused because too many were waiting.
    pub writes_refused: u64,
    /// Writes that were run more than once.
    pub writes_replayed: u64,
    /// Transactions committed; `writes / commits` is how many share one.
    pub commits: u64,
    /// Time spent in commits, disk included.
    pub commit_time: Duration,
    /// Writes that are waiting now.
    pub write_queue: u64,
    /// Reads that are waiting now.
    pub read_queue: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// Bytes of the write-ahead log now.
    pub wal_bytes: u64,
    /// Reads that were ended because they kept the write-ahead log from shrinking.
    pub snapshots_revoked: u64,
    /// Connections open now.
    pub connections: u64,
}
