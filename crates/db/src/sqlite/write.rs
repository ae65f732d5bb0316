//! The writer: one thread and the only connection that writes, whose commits many writes share.
//!
//! `docs/decisions/016-group-commit.md` says why it is as it is.

mod batch;
mod control;
mod deadline;
mod job;
mod run;
mod shared;
mod thread;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;

use super::broken::Broken;
use super::counts::{Counts, count};
use super::lock::Lock;
use super::notify::Channels;
use super::revoke::Revocations;
use crate::driver::{Change, Company, Pending, Sink, Statement, Work};
use crate::error::{Error, Result};
use crate::options::Options;

pub(super) use job::Native;
use job::{Answer, Done, Job, Order, Task};
use shared::Shared;
use thread::{Opened, Thread};

/// How long dropping the handle waits for the thread, which has the queue to finish.
const DROP_TIME: Duration = Duration::from_millis(250);

/// The way to the writer's thread.
#[derive(Debug)]
pub(super) struct Writer {
    /// Taken when the handle is dropped.
    queue: Option<SyncSender<Order>>,
    closed: AtomicBool,
    shared: Arc<Shared>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
    /// Disconnected when the thread has ended.
    ended: Mutex<Receiver<()>>,
}

impl Writer {
    /// Opens the connection and starts the thread, which holds the lock as long as it lives.
    pub(super) fn start(
        path: &Path,
        lock: Lock,
        options: &Options,
        counts: &Arc<Counts>,
        channels: &Arc<Channels>,
        revocations: &Arc<Revocations>,
    ) -> Result<Self> {
        let shared = Arc::new(Shared {
            options: options.clone(),
            counts: Arc::clone(counts),
            channels: Arc::clone(channels),
            broken: Arc::new(Broken::default()),
            revocations: Arc::clone(revocations),
            thread: OnceLock::new(),
        });
        let opened = Opened::new(path, &shared)?;
        let (queue, orders) = sync_channel(options.write_queue);
        let (end, ended) = sync_channel(0);
        let thread = Thread { path: path.to_owned(), orders, shared: Arc::clone(&shared), _lock: lock };
        let spawned = Builder::new().name("ketch-writer".to_owned()).spawn(move || {
            let _end: SyncSender<()> = end;
            thread.run(opened);
        });
        let handle = spawned.map_err(|error| Error::Open(format!("cannot start a thread: {error}")))?;
        Ok(Self {
            queue: Some(queue),
            closed: AtomicBool::new(false),
            shared,
            thread: Arc::new(Mutex::new(Some(handle))),
            ended: Mutex::new(ended),
        })
    }

    /// Runs statements in one transaction; how many rows each changed.
    pub(super) fn execute(&self, statements: Vec<Statement>) -> Pending<Result<Vec<u64>>> {
        let changed = Vec::with_capacity(statements.len());
        self.put(|done| Order::Write(Job::new(Task::Execute { statements, changed }, Company::Shared, done)))
    }

    /// Runs one statement and gives its rows to the sink.
    pub(super) fn query(&self, statement: Statement, sink: Box<dyn Sink>) -> Pending<Result<()>> {
        self.task(Task::Query { statement, sink }, Company::Shared)
    }

    /// Runs work in a transaction.
    pub(super) fn run(&self, work: Work, company: Company) -> Pending<Result<()>> {
        self.task(Task::Work(work), company)
    }

    /// Runs work with the engine's own connection, in a transaction of its own.
    pub(super) fn native(&self, work: Native) -> Pending<Result<()>> {
        self.task(Task::Native(work), Company::Alone)
    }

    /// Changes the schema.
    pub(super) fn change(&self, change: Change) -> Pending<Result<()>> {
        nothing(self.put(|done| Order::Change(change, done)))
    }

    /// Opens the database again.
    pub(super) fn reopen(&self) -> Pending<Result<()>> {
        nothing(self.put(Order::Reopen))
    }

    /// Whether a write can be committed now.
    pub(super) fn health(&self) -> Pending<Result<()>> {
        nothing(self.execute(Vec::new()))
    }

    fn task(&self, task: Task, company: Company) -> Pending<Result<()>> {
        nothing(self.put(|done| Order::Write(Job::new(task, company, done))))
    }

    /// Queues an order.
    fn put(&self, order: impl FnOnce(Done) -> Order) -> Pending<Result<Vec<u64>>> {
        let refused = |error| -> Pending<_> { Box::pin(std::future::ready(Err(error))) };
        let Some(queue) = self.queue.as_ref().filter(|_| !self.closed.load(Relaxed)) else {
            return refused(Error::Closed);
        };
        let (done, answer) = oneshot::channel();
        // Counted before it can be taken.
        self.shared.counts.write_queue.fetch_add(1, Relaxed);
        let error = match queue.try_send(order(done)) {
            Ok(()) => return Box::pin(answered(answer, Arc::clone(&self.shared))),
            Err(TrySendError::Full(_)) => {
                count(&self.shared.counts.writes_refused);
                Error::Busy
            }
            Err(TrySendError::Disconnected(_)) => Error::Closed,
        };
        self.shared.counts.write_queue.fetch_sub(1, Relaxed);
        refused(error)
    }

    /// Takes no more orders.
    pub(super) fn refuse(&self) {
        self.closed.store(true, Relaxed);
    }

    /// Takes no more orders, does those that are queued, and waits for the thread to end.
    pub(super) fn close(&self) -> Pending<()> {
        self.refuse();
        let queue = self.queue.clone();
        let thread = Arc::clone(&self.thread);
        let wait = move || {
            // The queue may be full; its end is waited for. An error says that the thread has ended.
            if let Some(queue) = queue {
                let _ended = queue.send(Order::Close);
            }
            // Kept while it is waited for: whoever closes too waits as well.
            let mut thread = thread.lock().unwrap_or_else(PoisonError::into_inner);
            if thread.take().is_some_and(|handle| handle.join().is_err()) {
                tracing::error!("the writer's thread panicked");
            }
        };
        Box::pin(async move {
            let _runs_to_its_end = tokio::task::spawn_blocking(wait).await;
        })
    }
}

/// Without [`close`](Writer::close), the thread ends when it has done what is queued.
impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _disconnected_or_late = ended.recv_timeout(DROP_TIME);
    }
}

/// Waits for an answer, unless that is what holds it up.
async fn answered(answer: oneshot::Receiver<Answer>, shared: Arc<Shared>) -> Answer {
    if shared.is_writing() {
        let why = "a write inside a write, which would wait for itself: use the transaction that is there";
        return Err(Error::Denied(why.to_owned()));
    }
    answer.await.unwrap_or(Err(Error::Closed))
}

/// An answer without counts.
fn nothing(pending: Pending<Result<Vec<u64>>>) -> Pending<Result<()>> {
    Box::pin(async { pending.await.map(drop) })
}
