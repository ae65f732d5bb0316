//! The handle that enqueues jobs and looks after them.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use ketch_db::{Db, Migrations, Result, Tx};
use tokio::sync::Notify;

use crate::enqueue::{Enqueue, Enqueued, When};
use crate::job::Job;
use crate::options::Options;
use crate::recur::Known;
use crate::row::JobRow;
use crate::store;

/// The channel of the database on which enqueues are told to other processes.
pub(crate) const CHANNEL: &str = "job_queue";

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
    wake: Notify,
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
        Self {
            inner: Arc::new(Inner {
                db,
                options: OnceLock::new(),
                wake: Notify::new(),
                recurrent: Known::default(),
            }),
        }
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
    /// [`ketch_db::Error::Check`] when the job cannot be stored as JSON, or its priority, attempts or moment are beyond
    /// their bounds; whatever the database says.
    pub fn enqueue<'j, J: Job>(&self, tx: &mut Tx<'_>, job: impl Into<Enqueue<'j, J>>) -> Result<Enqueued> {
        let job = job.into();
        let now = self.now();
        let run_at = match job.when {
            When::Now => now,
            When::In(time) => now.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)),
            When::At(time) => millis(time),
        };
        let enqueued = store::insert(tx, &store::New::of(&job, run_at, now)?)?;
        if let Enqueued::New(_) = enqueued {
            self.tell(tx)?;
        }
        Ok(enqueued)
    }

    /// Enqueues a job in a write of its own.
    ///
    /// # Errors
    /// As [`enqueue`](Self::enqueue).
    pub async fn add<'j, J: Job>(&self, job: impl Into<Enqueue<'j, J>>) -> Result<Enqueued> {
        let job = job.into();
        let now = self.now();
        let run_at = match job.when {
            When::Now => now,
            When::In(time) => now.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)),
            When::At(time) => millis(time),
        };
        let new = store::New::of(&job, run_at, now)?;
        let jobs = self.clone();
        let write = move |tx: &mut Tx<'_>| {
            let enqueued = store::insert(tx, &new)?;
            if let Enqueued::New(_) = enqueued {
                jobs.tell(tx)?;
            }
            Ok(enqueued)
        };
        self.inner.db.write(write).await
    }

    /// A job, if it is still there.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn get(&self, id: i64) -> Result<Option<JobRow>> {
        store::get(&self.inner.db, id).await
    }

    /// Wakes the runners once a write is committed.
    pub(crate) fn tell(&self, tx: &mut Tx<'_>) -> Result<()> {
        let jobs = self.clone();
        tx.after_commit(move || jobs.inner.wake.notify_one());
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

    /// Resolves when there may be work.
    pub(crate) async fn woken(&self) {
        self.inner.wake.notified().await;
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
