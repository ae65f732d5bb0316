//! Streams: a thread of the pool steps through the rows, and its consumer takes them at its own pace.

use std::any::Any;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::Duration;

use futures_util::Stream;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::pool::{Kind, Pool, Reader, caught};
use super::statement;
use super::ticket::{Ticket, Waited, judged};
use super::watchdog::Watchdog;
use crate::driver::{Decode, Statement};
use crate::error::{Error, Result};
use crate::sqlite::counts::Counts;

/// Rows that wait for the consumer, at most.
const AHEAD: usize = 256;

/// How often a thread that waits for its consumer looks whether it still may.
const LOOK: Duration = Duration::from_millis(100);

/// One row, decoded.
type Item = Box<dyn Any + Send>;

/// A stream that nobody has looked into yet.
pub(super) struct Asked {
    pub(super) pool: Arc<Pool>,
    pub(super) watchdog: Arc<Watchdog>,
    pub(super) counts: Arc<Counts>,
    pub(super) statement: Statement,
    pub(super) decode: Decode,
    /// From the first look to the last row.
    pub(super) time: Duration,
}

/// The rows of a statement. Nothing is read before they are asked for.
pub(super) struct Rows {
    state: State,
}

enum State {
    Asked(Asked),
    Open(Taken),
    Ended,
}

/// The consumer's end. Dropped in this order: the thread finds that nobody waits before it finds the channel closed.
struct Taken {
    waited: Waited,
    rows: Receiver<Item>,
    shared: Arc<Shared>,
}

/// What both ends know.
#[derive(Default)]
struct Shared {
    /// Whether the thread waits for room.
    full: AtomicBool,
    /// What the last item is, if it is an error.
    error: Mutex<Option<Error>>,
}

impl Rows {
    pub(super) fn new(asked: Asked) -> Self {
        Self { state: State::Asked(asked) }
    }
}

impl Stream for Rows {
    type Item = Result<Item>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if matches!(self.state, State::Asked(_))
            && let State::Asked(asked) = std::mem::replace(&mut self.state, State::Ended)
        {
            match asked.open() {
                Ok(taken) => self.state = State::Open(taken),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        let State::Open(Taken { waited, rows, shared }) = &mut self.state else { return Poll::Ready(None) };
        let item = ready!(rows.poll_recv(context));
        if let Some(item) = item {
            // Not for every row: a wake-up costs more than a row.
            if rows.len() <= AHEAD / 2 && shared.full.swap(false, Ordering::SeqCst) {
                waited.0.wake();
            }
            return Poll::Ready(Some(Ok(item)));
        }
        let error = shared.error.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.state = State::Ended;
        Poll::Ready(error.map(Err))
    }
}

impl Asked {
    /// Asks the pool.
    fn open(self) -> Result<Taken> {
        let Self { pool, watchdog, counts, statement, decode, time } = self;
        let (sender, rows) = channel(AHEAD);
        let shared = Arc::new(Shared::default());
        let ticket = pool.ticket(time);
        let waited = Waited(Arc::clone(&ticket));
        let (mine, inside) = (Arc::clone(&shared), Arc::clone(&ticket));
        let work = move |turn: Result<&Reader>| {
            let source = Source { statement: &statement, decode: &decode, ticket: &inside };
            let done = turn.and_then(|reader| caught(|| source.send(reader, &sender, &mine)));
            let done = judged(done, &inside, &counts);
            *mine.error.lock().unwrap_or_else(PoisonError::into_inner) = done.err();
            // Only now does the consumer find the end.
            drop(sender);
        };
        pool.push(Kind::Stream, ticket, Box::new(work))?;
        watchdog.wake();
        Ok(Taken { waited, rows, shared })
    }
}

/// What a thread sends.
struct Source<'s> {
    statement: &'s Statement,
    decode: &'s Decode,
    ticket: &'s Ticket,
}

impl Source<'_> {
    fn send(&self, reader: &Reader, rows: &Sender<Item>, shared: &Shared) -> Result<()> {
        let sql = &self.statement.sql;
        let mut prepared = reader.guarded.run(|| statement::prepare(&reader.connection, self.statement))?;
        if !statement::reads(&prepared) {
            return Err(Error::Denied(format!("a stream may only read: `{sql}`")));
        }
        statement::each(&reader.connection, &mut prepared, sql, |row| {
            let item = (self.decode)(row)?;
            self.hand_over(item, rows, shared).map(ControlFlow::Continue)
        })
    }

    /// Waits for room, as long as it may.
    fn hand_over(&self, mut item: Item, rows: &Sender<Item>, shared: &Shared) -> Result<()> {
        loop {
            item = match rows.try_send(item) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Closed(_)) => return Err(Error::Deadline),
                Err(TrySendError::Full(item)) => item,
            };
            if let Some(error) = self.ticket.over() {
                return Err(error);
            }
            // Said first, and then tried again: the consumer may have made room meanwhile.
            if shared.full.swap(true, Ordering::SeqCst) {
                thread::park_timeout(self.ticket.left().min(LOOK));
            }
        }
    }
}
