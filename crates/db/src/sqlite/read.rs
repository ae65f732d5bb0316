//! The readers: connections that only read.
//!
//! A read is answered `inline`, on the thread that asks, unless it takes too long; then, and for closures and streams,
//! it goes to the `pool`. `slow` remembers which is which, the `watchdog` ends what stays inline for too long, and
//! `stream` hands on rows as they are taken. Why: docs/decisions/017-inline-reads.md.

mod inline;
mod pool;
mod slow;
mod stream;
mod ticket;
mod watchdog;

use std::any::Any;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use rusqlite::Connection;

use super::connection::Guarded;
use super::counts::{Counts, count};
use super::describe::describe;
use super::error::of_engine;
use super::revoke::Revocations;
use super::session::{Mode, Open};
use super::statement;
use crate::describe::{Described, Undescribed};
use crate::driver::{Decode, Now, Pending, Sink, Statement, Work};
use crate::error::Result;
use crate::options::Options;
use crate::sql::Sql;
use inline::Inline;
use pool::{Pool, Reader};
use slow::{Known, Texts};
use stream::{Asked, Rows};
use watchdog::Watchdog;

/// Steps of SQLite's machine from one look at the clock to the next: some 20 µs of work.
const STEPS: i32 = 1_000;

/// The connections that read.
#[derive(Debug)]
pub(super) struct Readers {
    inline: Inline,
    pool: Arc<Pool>,
    texts: Arc<Texts>,
    watchdog: Arc<Watchdog>,
    counts: Arc<Counts>,
    read_time: Duration,
    stream_time: Duration,
}

/// What became of a statement.
pub(super) enum Queried {
    /// Its rows are in the sink.
    Done,
    /// It writes, so it has not been run.
    Writes(Statement, Box<dyn Sink>),
}

impl Readers {
    /// The writer must be open.
    pub(super) fn start(
        path: &Path,
        options: &Options,
        counts: &Arc<Counts>,
        revocations: &Arc<Revocations>,
    ) -> Result<Self> {
        let inline = Inline::open(path, options, counts)?;
        let pool = Pool::start(path, options, counts, revocations)?;
        let tick = options.inline_time.max(Duration::from_millis(1));
        let watchdog = Arc::new(Watchdog::start(inline.watched(), Arc::clone(&pool), tick)?);
        Ok(Self {
            inline,
            pool,
            texts: Arc::new(Texts::new()),
            watchdog,
            counts: Arc::clone(counts),
            read_time: options.read_time,
            stream_time: options.stream_time,
        })
    }

    /// Answers a read on the calling thread, if it is quick.
    pub(super) fn query_now(&self, asked: &Statement, sink: &mut dyn Sink) -> Now {
        let text = self.texts.fingerprint(&asked.sql);
        self.inline.read(asked, text, &self.texts, sink, &self.watchdog)
    }

    /// Whether a text writes, as far as is known.
    pub(super) fn knows_to_write(&self, sql: &Sql) -> bool {
        self.texts.known(self.texts.fingerprint(sql)) == Known::Writes
    }

    /// Answers a read in the pool, and hands back what is none.
    pub(super) fn query(&self, asked: Statement, mut sink: Box<dyn Sink>) -> Pending<Result<Queried>> {
        let text = self.texts.fingerprint(&asked.sql);
        let texts = Arc::clone(&self.texts);
        let counts = Arc::clone(&self.counts);
        let answer = self.pool.ask(self.read_time, move |reader| {
            let began = Instant::now();
            let done = reader.guarded.run(|| {
                let mut prepared = statement::prepare(&reader.connection, &asked)?;
                if !statement::reads(&prepared) {
                    return Ok(false);
                }
                statement::rows(&reader.connection, &mut prepared, &asked.sql, &mut *sink).map(|()| true)
            });
            if let Ok(false) = done {
                texts.writes(text);
                return Ok(Queried::Writes(asked, sink));
            }
            texts.took(text, began.elapsed());
            done?;
            count(&counts.reads_pooled);
            Ok(Queried::Done)
        });
        self.watchdog.wake();
        answer
    }

    /// What is known of a statement.
    pub(super) fn describe(&self, sql: Sql) -> Pending<Result<Result<Described, Undescribed>>> {
        let answer = self.pool.ask(self.read_time, move |reader| {
            // A connection knows the schema of its last read.
            let fresh = reader.connection.query_row("select count(*) from sqlite_schema", (), |_| Ok(()));
            fresh.map_err(of_engine)?;
            Ok(describe(&reader.connection, &reader.guarded, &sql))
        });
        self.watchdog.wake();
        answer
    }

    /// Runs work on one snapshot.
    pub(super) fn run(&self, mut work: Work) -> Pending<Result<()>> {
        self.snapshot(move |reader| {
            let (connection, guarded) = (&reader.connection, &reader.guarded);
            work(&mut Open { connection, guarded, mode: Mode::Read })
        })
    }

    /// Runs work of SQLite's own on one snapshot.
    pub(super) fn run_native<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Pending<Result<T>> {
        self.snapshot(move |reader| work(&reader.connection))
    }

    fn snapshot<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Reader) -> Result<T> + Send + 'static,
    ) -> Pending<Result<T>> {
        let counts = Arc::clone(&self.counts);
        let answer = self.pool.ask(self.read_time, move |reader| {
            let result = reader.snapshot(|| work(reader))?;
            count(&counts.reads_pooled);
            Ok(result)
        });
        self.watchdog.wake();
        answer
    }

    /// The rows of a read as they are taken.
    pub(super) fn stream(
        &self,
        statement: Statement,
        decode: Decode,
    ) -> BoxStream<'static, Result<Box<dyn Any + Send>>> {
        Rows::new(Asked {
            pool: Arc::clone(&self.pool),
            watchdog: Arc::clone(&self.watchdog),
            counts: Arc::clone(&self.counts),
            statement,
            decode,
            time: self.stream_time,
        })
        .boxed()
    }

    /// Reads that were answered inline.
    pub(super) fn answered_inline(&self) -> u64 {
        self.inline.answered()
    }

    /// Finishes the reads that have begun, ends the streams, and closes every connection. What is asked later ends
    /// with [`Error::Closed`](crate::Error::Closed).
    pub(super) fn close(&self) {
        self.pool.close();
        self.inline.close();
        self.watchdog.close();
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        // Whoever drops it may be a thread that must not wait; the threads end by themselves.
        self.pool.refuse();
        self.watchdog.end();
    }
}
