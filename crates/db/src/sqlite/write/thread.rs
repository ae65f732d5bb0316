//! The writer's thread: takes orders in turn, gathers what is queued into batches, opens the database again when told.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::super::change;
use super::super::checkpoint::{self, Checkpointer, Log, OLD_READ};
use super::super::connection::{self, Guarded};
use super::super::error::of_engine;
use super::super::lock::Lock;
use super::super::presence::Presence;
use super::batch::Batches;
use super::control::Control;
use super::deadline::Deadline;
use super::job::{Done, Job, Order};
use super::run::text_of;
use super::shared::Shared;
use crate::driver::{Change, Company};
use crate::error::{Error, Result};

/// How long closing waits for those that still read.
const CLOSE_TIME: Duration = Duration::from_secs(1);

/// A connection that is ready to write, and its checkpointer.
pub(super) struct Opened {
    connection: Connection,
    guarded: Guarded,
    deadline: Deadline,
    checkpointer: Checkpointer,
    presence: Presence,
}

impl Opened {
    pub(super) fn new(path: &Path, shared: &Shared) -> Result<Self> {
        let (mut connection, guarded) = connection::writer(path, &shared.options)?;
        checkpoint::empty_log(&connection, path, &shared.broken)?;
        let deadline = Deadline::watched_by(&mut connection).map_err(of_engine)?;
        let checkpointer = Checkpointer::start(path, &shared.options, shared.told())?;
        checkpointer.log.hear(&mut connection).map_err(of_engine)?;
        let presence = Presence::of(path);
        Ok(Self { connection, guarded, deadline, checkpointer, presence })
    }

    /// Leaves all in the file and nothing in the log, if readers let it.
    fn close(self, path: &Path, shared: &Shared) {
        drop(self.checkpointer);
        let done = self.connection.busy_timeout(CLOSE_TIME).map_err(of_engine);
        if let Err(error) = done.and_then(|()| checkpoint::empty_log(&self.connection, path, &shared.broken))
        {
            tracing::warn!(%error, "the log stays until the database is opened again; nothing is lost");
        }
    }
}

/// What the thread has.
pub(super) struct Thread {
    pub(super) path: PathBuf,
    pub(super) orders: Receiver<Order>,
    pub(super) shared: Arc<Shared>,
    /// Let go when the thread ends, and with it the last connection that writes.
    pub(super) _lock: Lock,
}

/// Why no more orders are taken on a connection.
enum Leave {
    Closed,
    Reopen(Done),
}

impl Thread {
    /// Takes orders until told to close, or until nobody can give any.
    pub(super) fn run(self, opened: Opened) {
        let _only_here = self.shared.thread.set(thread::current().id());
        let mut opened = Some(opened);
        loop {
            let leave = match &opened {
                Some(opened) => self.serve(opened),
                None => self.refuse(),
            };
            match leave {
                Leave::Closed => break,
                Leave::Reopen(done) => {
                    if let Some(error) = self.shared.broken.for_good() {
                        let _nobody_waits = done.send(Err(error));
                        continue;
                    }
                    drop(opened.take());
                    self.shared.revocations.revoke_older_than(OLD_READ);
                    let again = Opened::new(&self.path, &self.shared);
                    let answer = again.map(|again| opened = Some(again));
                    match &answer {
                        Ok(()) => self.shared.broken.mend(),
                        Err(error) => self.shared.broken.set(error.to_string()),
                    }
                    let _nobody_waits = done.send(answer.map(|()| Vec::new()));
                }
            }
        }
        if let (Some(opened), None) = (opened, self.shared.broken.error()) {
            opened.close(&self.path, &self.shared);
        }
    }

    /// Writes.
    fn serve(&self, opened: &Opened) -> Leave {
        let Opened { connection, guarded, deadline, checkpointer, presence } = opened;
        let log = &checkpointer.log;
        let control = match Control::new(connection) {
            Ok(control) => control,
            Err(error) => {
                self.shared.broken.set(format!("the connection cannot be used: {error}"));
                return self.refuse();
            }
        };
        let shared = &*self.shared;
        let mut batches = Batches { connection, guarded, deadline, control, presence, shared };
        let mut jobs = Vec::with_capacity(shared.options.batch);
        let mut next = None;
        let mut closing = false;
        loop {
            let take = || if closing { self.orders.try_recv().ok() } else { self.orders.recv().ok() };
            let Some(order) = next.take().or_else(take) else { return Leave::Closed };
            log.make_room();
            match order {
                Order::Write(job) => {
                    self.taken();
                    // A job's values are dropped here too, and what they do then is not ours.
                    let done = catch_unwind(AssertUnwindSafe(|| match job.company {
                        Company::Shared | Company::Committed => {
                            jobs.push(job);
                            self.share(&mut batches, &mut jobs, &mut next);
                        }
                        Company::Alone => batches.alone(&mut { job }),
                    }));
                    if let Err(panic) = done {
                        tracing::error!(panic = text_of(&*panic), "a write panicked outside its own work");
                        jobs.clear();
                        batches.give_up();
                    }
                }
                Order::Change(change, done) => {
                    self.taken();
                    let _nobody_waits = done.send(self.change(&change, log, presence).map(|()| Vec::new()));
                }
                Order::Reopen(done) => {
                    self.taken();
                    return Leave::Reopen(done);
                }
                Order::Close => closing = true,
            }
        }
    }

    /// One batch: the job that is there, and what is queued while it runs.
    fn share(&self, batches: &mut Batches<'_>, jobs: &mut Vec<Job>, next: &mut Option<Order>) {
        let options = &self.shared.options;
        let began = Instant::now();
        batches.share(jobs, |jobs| {
            if jobs.len() >= options.batch || began.elapsed() >= options.batch_time {
                return false;
            }
            match self.orders.try_recv() {
                Ok(Order::Write(job)) if job.company == Company::Shared => {
                    self.taken();
                    jobs.push(job);
                    true
                }
                Ok(other) => {
                    *next = Some(other);
                    false
                }
                Err(_) => false,
            }
        });
    }

    fn change(&self, change: &Change, log: &Arc<Log>, presence: &Presence) -> Result<()> {
        // It opens the name anew.
        if let Some(why) = presence.fault() {
            self.shared.broken.gone(why);
        }
        if let Some(error) = self.shared.broken.error() {
            return Err(error);
        }
        let done = change::run(&self.path, &self.shared.options, change, log);
        if let Err(Error::Broken(why)) = &done {
            self.shared.broken.set(why.clone());
        }
        done
    }

    /// Answers everything with what broke, until told to open the database again.
    fn refuse(&self) -> Leave {
        loop {
            let error = || self.shared.broken.error().unwrap_or(Error::Closed);
            match self.orders.recv() {
                Ok(Order::Write(mut job)) => {
                    self.taken();
                    job.fail(&error());
                    job.answer();
                }
                Ok(Order::Change(_, done)) => {
                    self.taken();
                    let _nobody_waits = done.send(Err(error()));
                }
                Ok(Order::Reopen(done)) => {
                    self.taken();
                    return Leave::Reopen(done);
                }
                Ok(Order::Close) | Err(_) => return Leave::Closed,
            }
        }
    }

    fn taken(&self) {
        self.shared.counts.write_queue.fetch_sub(1, Relaxed);
    }
}
