//! The bounds of a database, with their defaults.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use ketch_model::{Clock, SystemClock};

/// What a power cut may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Nothing that was answered: every commit is on the disk before its answer leaves (SQLite: `synchronous=FULL`).
    #[default]
    Full,
    /// The last moments: commits are on the disk at the next checkpoint (SQLite: `synchronous=NORMAL`). The file stays
    /// whole, and a crash of the process alone loses nothing. PostgreSQL: `synchronous_commit=off`.
    Normal,
}

/// Every bound of a database. The defaults suit a server on a small machine. What is too little to work with, or more
/// than can be counted, is taken as the least or most that works: a queue holds one at least, the log 64 KiB; a year is
/// the longest time.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// What a power cut may take. Default [`Durability::Full`].
    pub durability: Durability,
    /// The time that writes and migrations are recorded with.
    pub clock: Arc<dyn Clock>,
    /// Rows of one `query`; beyond it [`Error::TooManyRows`](crate::Error::TooManyRows). Streams have no such bound.
    /// Default 10,000.
    pub rows: usize,

    /// SQLite: threads that read what is not read inline. Default: the cores, 2 to 4.
    pub readers: usize,
    /// Reads that wait for such a thread, or for a connection; one more is refused with
    /// [`Error::Busy`](crate::Error::Busy). Default 1,024.
    pub read_queue: usize,
    /// SQLite: how long a read may hold up the thread it was asked on before it goes to the readers. Default 2 ms.
    pub inline_time: Duration,
    /// From the question to the last row. Default 10 s.
    pub read_time: Duration,
    /// The same for streams, whose consumer may be slow. Default 60 s.
    pub stream_time: Duration,

    /// Writes that wait; one more is refused with [`Error::Busy`](crate::Error::Busy). Default 1,024.
    pub write_queue: usize,
    /// SQLite: writes that share one transaction, at most. Default 512.
    pub batch: usize,
    /// SQLite: how long writes are gathered into one transaction, at most. Default 5 ms.
    pub batch_time: Duration,
    /// From the start of one write to its end, the wait for its turn and its commit not counted. Default 5 s.
    pub write_time: Duration,
    /// The same for `write_alone`. Default 60 s.
    pub alone_time: Duration,
    /// A write that takes longer is logged. Default 50 ms.
    pub slow_write: Duration,

    /// SQLite: bytes of the write-ahead log from which it is copied into the file. Default 4 MiB.
    pub checkpoint_at: u64,
    /// SQLite: bytes beyond which reads that keep the log from shrinking are ended, and to which it is cut. Default
    /// 64 MiB.
    pub wal: u64,
    /// SQLite: bytes of pages that each connection keeps. Default 8 MiB.
    pub page_cache: u64,
    /// Prepared statements that each connection keeps. Default 256.
    pub statements: usize,

    /// PostgreSQL: connections at a time, beside one that listens and those of [`Db::apart`](crate::Db::apart). Default 4
    /// for each core.
    pub connections: usize,
    /// PostgreSQL: from the first packet to a connection that can be used. Default 5 s.
    pub connect_time: Duration,
    /// How often a write that met another is run again, at most. Its deadline holds too.
    /// Default 32.
    pub retries: u32,
    /// Listeners at a time. Default 1,024.
    pub listeners: usize,
    /// Notices that wait for one listener; beyond it they are dropped, and it hears of a gap. Default 256.
    pub notices: usize,
}

impl Default for Options {
    fn default() -> Self {
        let cores = available_parallelism().map_or(2, NonZeroUsize::get);
        Self {
            durability: Durability::Full,
            clock: Arc::new(SystemClock),
            rows: 10_000,
            readers: cores.clamp(2, 4),
            read_queue: 1_024,
            inline_time: Duration::from_millis(2),
            read_time: Duration::from_secs(10),
            stream_time: Duration::from_mins(1),
            write_queue: 1_024,
            batch: 512,
            batch_time: Duration::from_millis(5),
            write_time: Duration::from_secs(5),
            alone_time: Duration::from_mins(1),
            slow_write: Duration::from_millis(50),
            checkpoint_at: 4 << 20,
            wal: 64 << 20,
            page_cache: 8 << 20,
            statements: 256,
            connections: cores * 4,
            connect_time: Duration::from_secs(5),
            retries: 32,
            listeners: 1_024,
            notices: 256,
        }
    }
}

impl Options {
    /// The same, with what is beyond sense brought back to it: an endless time could not be added to a moment, and a log
    /// of no bytes would be full before it is begun.
    pub(crate) fn sensible(&self) -> Self {
        let time = |it: Duration| it.min(YEAR);
        Self {
            readers: self.readers.clamp(1, 1 << 10),
            read_queue: self.read_queue.clamp(1, MANY),
            inline_time: time(self.inline_time),
            read_time: time(self.read_time),
            stream_time: time(self.stream_time),
            write_queue: self.write_queue.clamp(1, MANY),
            batch: self.batch.clamp(1, MANY),
            batch_time: time(self.batch_time),
            write_time: time(self.write_time),
            alone_time: time(self.alone_time),
            checkpoint_at: self.checkpoint_at.clamp(LEAST_LOG / 2, MOST_BYTES),
            wal: self.wal.clamp(LEAST_LOG, MOST_BYTES),
            page_cache: self.page_cache.min(MOST_BYTES),
            statements: self.statements.min(MANY),
            notices: self.notices.clamp(1, MANY),
            ..self.clone()
        }
    }
}

/// The longest time.
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The most of what is counted.
const MANY: usize = 1 << 20;

/// The shortest write-ahead log, in bytes: a few pages.
const LEAST_LOG: u64 = 64 << 10;

/// The most of what is measured in bytes: a tebibyte.
const MOST_BYTES: u64 = 1 << 40;
