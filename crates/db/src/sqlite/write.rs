//! The writer: one thread and the only connection that writes.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::connection::{self, Guarded};
use super::counts::{Counts, count};
use super::error::of_engine;
use super::notify::Channels;
use super::session::{Later, Mode, Open};
use crate::driver::{Company, Pending, Work};
use crate::error::{Error, Result};
use crate::options::Options;

/// A write that waits for its turn.
struct Job {
    work: Work,
    _company: Company,
    done: oneshot::Sender<Result<()>>,
}

/// The way to the writer's thread.
#[derive(Debug)]
pub(super) struct Writer {
    queue: SyncSender<Job>,
    counts: Arc<Counts>,
}

impl Writer {
    pub(super) fn start(
        path: &Path,
        options: &Options,
        counts: &Arc<Counts>,
        channels: &Arc<Channels>,
    ) -> Result<Self> {
        let (connection, guarded) = connection::writer(path, options)?;
        let (queue, jobs) = sync_channel(options.write_queue);
        let channels = Arc::clone(channels);
        let thread = thread::Builder::new().name("ketch-writer".to_owned());
        thread
            .spawn(move || write(&connection, &guarded, &jobs, &channels))
            .map_err(|error| Error::Open(format!("cannot start a thread: {error}")))?;
        Ok(Self { queue, counts: Arc::clone(counts) })
    }

    /// Runs work in a transaction.
    pub(super) fn run(&self, work: Work, company: Company) -> Pending<Result<()>> {
        let (done, answer) = oneshot::channel();
        match self.queue.try_send(Job { work, _company: company, done }) {
            Ok(()) => Box::pin(async { answer.await.unwrap_or(Err(Error::Closed)) }),
            Err(TrySendError::Full(_)) => {
                count(&self.counts.writes_refused);
                Box::pin(async { Err(Error::Busy) })
            }
            Err(TrySendError::Disconnected(_)) => Box::pin(async { Err(Error::Closed) }),
        }
    }
}

fn write(connection: &Connection, guarded: &Guarded, jobs: &Receiver<Job>, channels: &Channels) {
    while let Ok(mut job) = jobs.recv() {
        let mut later = Later::default();
        let done = one(connection, guarded, &mut job.work, &mut later);
        if done.is_ok() {
            for work in later.work {
                work();
            }
            for (channel, payload) in later.notices {
                channels.tell(&channel, payload);
            }
        }
        let _nobody_waits = job.done.send(done);
    }
}

fn one(connection: &Connection, guarded: &Guarded, work: &mut Work, later: &mut Later) -> Result<()> {
    connection.execute_batch("begin immediate").map_err(of_engine)?;
    let done = work(&mut Open { connection, guarded, mode: Mode::Write(later) })
        .and_then(|()| connection.execute_batch("commit").map_err(of_engine));
    if done.is_err() && !connection.is_autocommit() {
        connection.execute_batch("rollback").map_err(of_engine)?;
    }
    done
}
