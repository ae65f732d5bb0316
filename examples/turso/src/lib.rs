//! A second SQLite engine behind the same handle: turso, written in Rust, experimental.
//!
//! It shows all that a driver has to do, in few lines: every call runs on a blocking thread with a connection of its own,
//! writes one at a time. What turso cannot do yet, the conformance suite tells: see `tests/cases.rs` and `README.md`.

mod notices;
mod session;
mod statement;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_executor::block_on;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use ketch_db::driver::{Change, Company, Decode, Pending, Row, Session, Sink, Work};
use ketch_db::tokens::split;
use ketch_db::{Dialect, Driver, Error, Heard, Options, Result, Statement, Stats};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use notices::Channels;
use session::{Later, Open};
use statement::{of_turso, reads_only, refused_word, run};

/// A database file, opened by turso.
#[derive(Clone, Debug)]
pub struct Turso(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    database: turso::Database,
    writers: Queue,
    readers: Queue,
    options: Options,
    channels: Channels,
    schema: Arc<tokio::sync::Mutex<()>>,
    stats: Mutex<Stats>,
}

/// Turns, and how many may wait for one.
#[derive(Debug)]
struct Queue {
    turns: Arc<Semaphore>,
    count: u32,
    waiting: AtomicUsize,
    most: usize,
}

/// Counts one that waits, until it has its turn or gives up.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Queue {
    fn new(count: u32, most: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(count as usize)), count, waiting: AtomicUsize::new(0), most }
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit> {
        if let Ok(turn) = Arc::clone(&self.turns).try_acquire_owned() {
            return Ok(turn);
        }
        let waiting = Waiting(&self.waiting);
        if waiting.0.fetch_add(1, Ordering::SeqCst) >= self.most {
            return Err(if self.turns.is_closed() { Error::Closed } else { Error::Busy });
        }
        Arc::clone(&self.turns).acquire_owned().await.map_err(|_| Error::Closed)
    }

    /// Waits for those that have their turn, and refuses all others.
    async fn close(&self) {
        let all = Arc::clone(&self.turns).acquire_many_owned(self.count).await;
        self.turns.close();
        drop(all);
    }
}

/// What a transaction is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aim {
    Read,
    Write,
}

impl Turso {
    /// Opens a file, and makes it if it is not there.
    ///
    /// # Errors
    /// [`Error::Open`] with what turso says.
    pub async fn open(path: &Path, options: &Options) -> Result<Self> {
        let path = path.to_str().ok_or_else(|| Error::Open("the path is not UTF-8".to_owned()))?;
        let opened = turso::Builder::new_local(path).build().await;
        let database = opened.map_err(|error| Error::Open(error.to_string()))?;
        Ok(Self(Arc::new(Inner {
            database,
            writers: Queue::new(1, options.write_queue),
            readers: Queue::new(u32::try_from(options.readers).unwrap_or(1), options.read_queue),
            channels: Channels::new(options),
            options: options.clone(),
            schema: Arc::default(),
            stats: Mutex::default(),
        })))
    }

    /// Runs work in a transaction on a blocking thread, when it is its turn.
    fn transaction(&self, aim: Aim, time: Duration, mut work: Work) -> Pending<Result<()>> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let queue = if aim == Aim::Read { &inner.readers } else { &inner.writers };
            let turn = queue.turn().await;
            if matches!(turn, Err(Error::Busy)) {
                let mut stats = inner.stats();
                let refused =
                    if aim == Aim::Read { &mut stats.reads_refused } else { &mut stats.writes_refused };
                *refused += 1;
            }
            let turn = turn?;
            let inside = Arc::clone(&inner);
            let done = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                let until = Instant::now() + time;
                inside.on_this_thread(aim, until, &mut *work)
            });
            let done = done.await.unwrap_or_else(|error| Err(Error::Engine(error.to_string())));
            inner.count(aim, &done);
            done
        })
    }

    fn of(&self, statement: &Statement) -> (Aim, Duration) {
        match reads_only(&statement.sql) {
            true => (Aim::Read, self.0.options.read_time),
            false => (Aim::Write, self.0.options.write_time),
        }
    }
}

impl Inner {
    fn stats(&self) -> MutexGuard<'_, Stats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, aim: Aim, done: &Result<()>) {
        let mut stats = self.stats();
        match (aim, done.is_ok()) {
            (Aim::Read, true) => stats.reads_pooled += 1,
            (Aim::Read, false) => stats.reads_late += u64::from(*done == Err(Error::Deadline)),
            (Aim::Write, true) => {
                stats.writes += 1;
                stats.commits += 1;
            }
            (Aim::Write, false) => stats.writes_failed += 1,
        }
    }

    fn on_this_thread(
        &self,
        aim: Aim,
        until: Instant,
        work: &mut (dyn FnMut(&mut dyn Session) -> Result<()> + Send),
    ) -> Result<()> {
        let connection = self.database.connect().map_err(|error| of_turso(error, ""))?;
        let own = |sql: &str| block_on(connection.execute(sql, ())).map_err(|error| of_turso(error, sql));
        block_on(connection.execute_batch("pragma foreign_keys = on"))
            .map_err(|error| of_turso(error, "pragma foreign_keys"))?;
        own(if aim == Aim::Read { "begin" } else { "begin immediate" })?;
        let mut later = Later::default();
        let mut open = Open { connection: &connection, until, writes: aim == Aim::Write, later: &mut later };
        let done = catch_unwind(AssertUnwindSafe(|| work(&mut open)));
        let done = done.unwrap_or_else(|panic| Err(Error::Panicked(said(&*panic))));
        let done = if Instant::now() > until && aim == Aim::Write { Err(Error::Deadline) } else { done };
        let done = match (done, aim) {
            (Ok(()), Aim::Write) => own("commit").map(drop),
            (done, _) => done,
        };
        // There may be nothing left to roll back: what it says of that does not matter.
        let _rolled_back = if done.is_err() || aim == Aim::Read { own("rollback") } else { Ok(0) };
        if done.is_ok() {
            later.work.into_iter().for_each(|work| work());
            later.notices.into_iter().for_each(|(channel, payload)| self.channels.tell(&channel, &payload));
        }
        done
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

impl Driver for Turso {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn query(&self, statement: Statement, mut sink: Box<dyn Sink>) -> Pending<Result<()>> {
        let (aim, time) = self.of(&statement);
        self.transaction(aim, time, Box::new(move |session| session.query(&statement, &mut *sink)))
    }

    fn execute(&self, statements: Vec<Statement>) -> Pending<Result<Vec<u64>>> {
        let counts = Arc::new(Mutex::new(Vec::new()));
        let inside = Arc::clone(&counts);
        let work: Work = Box::new(move |session| {
            let all: Result<Vec<u64>> = statements.iter().map(|it| session.execute(it)).collect();
            *inside.lock().unwrap_or_else(PoisonError::into_inner) = all?;
            Ok(())
        });
        let done = self.transaction(Aim::Write, self.0.options.write_time, work);
        Box::pin(async move {
            done.await?;
            Ok(std::mem::take(&mut *counts.lock().unwrap_or_else(PoisonError::into_inner)))
        })
    }

    fn read(&self, work: Work) -> Pending<Result<()>> {
        self.transaction(Aim::Read, self.0.options.read_time, work)
    }

    fn write(&self, work: Work, company: Company) -> Pending<Result<()>> {
        let time = match company {
            Company::Shared | Company::Committed => self.0.options.write_time,
            Company::Alone => self.0.options.alone_time,
        };
        self.transaction(Aim::Write, time, work)
    }

    fn stream(
        &self,
        statement: Statement,
        decode: Decode,
    ) -> BoxStream<'static, Result<Box<dyn Any + Send>>> {
        /// Sends rows on, as long as somebody takes them.
        struct Hand(mpsc::Sender<Result<Box<dyn Any + Send>>>, Decode);
        impl Sink for Hand {
            fn begin(&mut self) {}

            fn row(&mut self, row: &dyn Row) -> Result<std::ops::ControlFlow<()>> {
                let gone = self.0.blocking_send(Ok((self.1)(row)?)).is_err();
                Ok(if gone { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) })
            }
        }
        let (send, rows) = mpsc::channel(64);
        let mut hand = Hand(send.clone(), decode);
        let work: Work = Box::new(move |session| session.query(&statement, &mut hand));
        let read = self.transaction(Aim::Read, self.0.options.stream_time, work);
        let fed = async move {
            match read.await {
                Ok(()) => {}
                Err(error) => drop(send.send(Err(error)).await),
            }
        };
        // The read runs as its rows are asked for, and ends with them.
        let rows = stream::unfold(rows, |mut rows| async move { rows.recv().await.map(|row| (row, rows)) });
        let fed = stream::once(fed).filter_map(|()| async { None });
        stream::select(rows, fed).boxed()
    }

    fn notify(&self, channel: String, payload: String) -> Pending<Result<()>> {
        let open = !self.0.writers.turns.is_closed();
        if open {
            self.0.channels.tell(&channel, &payload);
        }
        Box::pin(async move { if open { Ok(()) } else { Err(Error::Closed) } })
    }

    fn listen(&self, channel: String) -> Pending<Result<BoxStream<'static, Heard>>> {
        let closed = self.0.writers.turns.is_closed();
        let listener = if closed { Err(Error::Closed) } else { self.0.channels.listen(channel) };
        Box::pin(async { listener })
    }

    fn change(&self, change: Change) -> Pending<Result<()>> {
        let work: Work = Box::new(move |session| {
            for sql in split(&change.script, Dialect::Sqlite) {
                refused_word(sql)?;
                session.execute(&Statement::new(sql.to_owned(), ketch_db::Params::new()))?;
            }
            change.record.iter().try_for_each(|record| session.execute(record).map(drop))
        });
        self.transaction(Aim::Write, self.0.options.alone_time, work)
    }

    fn lock_schema(&self) -> Pending<Result<Box<dyn Any + Send>>> {
        let schema = Arc::clone(&self.0.schema);
        Box::pin(async move { Ok(Box::new(schema.lock_owned().await) as Box<dyn Any + Send>) })
    }

    fn health(&self) -> Pending<Result<()>> {
        let one = Statement::new("select 1", ketch_db::Params::new());
        self.read(Box::new(move |session| session.execute(&one).map(drop)))
    }

    fn stats(&self) -> Stats {
        self.0.stats().clone()
    }

    fn close(&self) -> Pending<()> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            inner.writers.close().await;
            inner.readers.close().await;
            inner.channels.close();
        })
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Runs one statement and gives its rows to a sink.
fn run_now(open: &mut Open<'_>, statement: &Statement, sink: Option<&mut dyn Sink>) -> Result<u64> {
    refused_word(&statement.sql)?;
    if !open.writes && !reads_only(&statement.sql) {
        return Err(Error::Denied(format!("a read may not write: `{}`", statement.sql)));
    }
    if Instant::now() > open.until {
        return Err(Error::Deadline);
    }
    // `or rollback` ends the transaction: what came after it would be on its own.
    if open.connection.is_autocommit().unwrap_or(true) {
        return Err(Error::Engine("the transaction has been ended by one of its statements".to_owned()));
    }
    block_on(run(open.connection, statement, sink, open.until))
}
