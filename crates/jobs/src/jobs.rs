//! The handle that enqueues jobs and looks after them.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use ketch_db::{Db, Migrations, Result, Tx};
use tokio::sync::broadcast;

use crate::bell::Bell;
use crate::enqueue::{Enqueue, Enqueued};
use crate::job::Job;
use crate::options::Options;
use crate::recur::Known;
use crate::stats::{Counters, Stats};
use crate::store;
use crate::types::Types;

/// The channel of the database on which enqueues are told to other processes.
pub(crate) const CHANNEL: &str = "job_queue";

/// Cancellations that a runner may be behind.
const CANCELS: usize = 1_024;

/// The files that make the queue's tables, part `jobs`.
pub fn migrations() -> Migrations {
    ketch_db::migrations!("migrations").for_part("jobs")
}

/// The queue: a handle that can be cloned and shared.
#[derive(Clone)]
pub struct Jobs {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    options: OnceLock<Options>,
    wake: Bell,
    cancels: broadcast::Sender<i64>,
    counters: Counters,
    types: Types,
    recurrent: Known,
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jobs").field("db", &self.inner.db).finish_non_exhaustive()
    }
}

impl Jobs {
    /// The queue in this database, whose tables [`migrations`] make.
    pub fn new(db: Db) -> Self {
        let (options, wake, counters, types, recurrent) = Default::default();
        let (cancels, _) = broadcast::channel(CANCELS);
        Self { inner: Arc::new(Inner { db, options, wake, cancels, counters, types, recurrent }) }
    }

    /// Gives this handle and all its clones their bounds, once, before anything is enqueued; whether it did.
    pub fn configure(&self, options: Options) -> bool {
        self.inner.options.set(options).is_ok()
    }

    /// The bounds.
    pub fn options(&self) -> &Options {
        self.inner.options.get_or_init(Options::default)
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.inner.db
    }

    /// Enqueues a job in a write that is under way: it exists if that write is committed, and only then.
    ///
    /// ```no_run
    /// # use ketch_jobs::{Enqueue, Job, JobCtx, JobResult, Jobs};
    /// # use ketch_db::{Db, params};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct SendWelcome { user: i64 }
    /// # impl Job for SendWelcome {
    /// #     const TYPE: &'static str = "send_welcome";
    /// #     type State = ();
    /// #     async fn run(self, _ctx: JobCtx) -> JobResult { Ok(()) }
    /// # }
    /// # async fn shown(db: Db, jobs: Jobs) -> ketch_db::Result<()> {
    /// db.write(move |tx| {
    ///     let user = tx.query_one("insert into users (name) values (:name) returning id", params! { name: "Ann" })?;
    ///     jobs.enqueue(tx, &SendWelcome { user })
    /// })
    /// .await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ketch_db::Error::Check`] when the job cannot be stored as JSON or is larger than [`Options::payload`], or its
    /// names, priority, attempts or moment are beyond their bounds; whatever the database says.
    pub fn enqueue<'j, J: Job>(&self, tx: &mut Tx<'_>, job: impl Into<Enqueue<'j, J>>) -> Result<Enqueued> {
        self.enqueue_new(tx, &store::New::of(&job.into(), self)?)
    }

    /// Enqueues many jobs in a write that is under way, with few statements; what came of each, in their order.
    ///
    /// # Errors
    /// As [`enqueue`](Self::enqueue), for the first that cannot be enqueued.
    pub fn enqueue_all<'j, J: Job, E: Into<Enqueue<'j, J>>>(
        &self,
        tx: &mut Tx<'_>,
        jobs: impl IntoIterator<Item = E>,
    ) -> Result<Vec<Enqueued>> {
        let all: Result<Vec<_>> = jobs.into_iter().map(|job| store::New::of(&job.into(), self)).collect();
        let enqueued = store::insert_all(tx, &all?)?;
        if enqueued.iter().any(|one| matches!(one, Enqueued::New(_))) {
            self.tell(tx)?;
        }
        Ok(enqueued)
    }

    /// Enqueues a job in a write of its own.
    ///
    /// # Errors
    /// As [`enqueue`](Self::enqueue).
    pub async fn add<'j, J: Job>(&self, job: impl Into<Enqueue<'j, J>>) -> Result<Enqueued> {
        let new = store::New::of(&job.into(), self)?;
        self.add_new(new).await
    }

    /// Enqueues what has been looked at, in a write of its own.
    pub(crate) async fn add_new(&self, new: store::New) -> Result<Enqueued> {
        let jobs = self.clone();
        self.inner.db.write(move |tx| jobs.enqueue_new(tx, &new)).await
    }

    /// Enqueues what has been looked at.
    pub(crate) fn enqueue_new(&self, tx: &mut Tx<'_>, new: &store::New) -> Result<Enqueued> {
        let enqueued = store::insert(tx, new)?;
        if let Enqueued::New(_) = enqueued {
            self.tell(tx)?;
        }
        Ok(enqueued)
    }

    /// What this process has seen of its jobs since it began.
    pub fn stats(&self) -> Stats {
        self.inner.counters.stats()
    }

    /// Learns a type that this process registers.
    pub(crate) fn know<J: Job>(&self) {
        self.inner.types.know::<J>();
        self.inner.counters.know(J::TYPE);
    }

    /// The types that this process registered.
    pub(crate) fn types(&self) -> &Types {
        &self.inner.types
    }

    /// Where that is counted.
    pub(crate) fn counters(&self) -> &Counters {
        &self.inner.counters
    }

    /// Wakes the runners once a write is committed.
    pub(crate) fn tell(&self, tx: &mut Tx<'_>) -> Result<()> {
        let jobs = self.clone();
        tx.after_commit(move || jobs.inner.wake.ring());
        // With SQLite nobody else is there to be told.
        match tx.dialect() {
            ketch_db::Dialect::Sqlite => Ok(()),
            ketch_db::Dialect::Postgres => tx.notify(CHANNEL, ""),
        }
    }

    /// The recurrent jobs that were declared.
    pub(crate) fn recurrent(&self) -> &Known {
        &self.inner.recurrent
    }

    /// How its runners are told of work.
    pub(crate) fn bell(&self) -> &Bell {
        &self.inner.wake
    }

    /// The numbers of jobs that are cancelled while they run, as long as the receiver lives. One that was too slow and
    /// lagged behind asks the table: [`store::held`].
    pub(crate) fn cancels(&self) -> broadcast::Receiver<i64> {
        self.inner.cancels.subscribe()
    }

    /// Tells the runners of this process that a job is to end.
    pub(crate) fn cancelled_here(&self, id: i64) {
        // Nobody listens when no runner works.
        let _runners = self.inner.cancels.send(id);
    }

    /// Milliseconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        millis(self.options().clock.now())
    }
}

/// Milliseconds since 1970.
pub(crate) fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
