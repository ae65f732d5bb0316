//! Looking after jobs: what `ketch jobs` and the endpoints for administrators do.

use std::time::Duration;

use ketch_db::Tx;

use crate::enqueue::Enqueued;
use crate::jobs::{CHANNEL, Jobs};
use crate::raw::RawJob;
use crate::refusal::Error;
use crate::row::{JobRow, Status};
use crate::store::{self, Changed};

/// Which jobs are listed. Nothing said means all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Jobs that stand so; empty for all.
    pub status: Vec<Status>,
    /// Jobs of this type.
    pub job_type: Option<String>,
    /// Jobs of this queue.
    pub queue: Option<String>,
    /// Runs of this recurrent job.
    pub schedule: Option<String>,
    /// The [`Page::next`] of the page before: jobs with smaller numbers only.
    pub after: Option<i64>,
    /// How many at most, 1 to [`MOST`](Self::MOST).
    pub limit: usize,
}

impl Filter {
    /// The longest page.
    pub const MOST: usize = 1_000;
}

/// All jobs, 100 to a page.
impl Default for Filter {
    fn default() -> Self {
        Self { status: Vec::new(), job_type: None, queue: None, schedule: None, after: None, limit: 100 }
    }
}

/// A page of jobs, the newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The jobs.
    pub jobs: Vec<JobRow>,
    /// What [`Filter::after`] is for the next page; nothing when this was the last. A page that is not full may have
    /// one: a page looks at a bounded number of rows.
    pub next: Option<i64>,
}

/// Which jobs are deleted. Only jobs that ended are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    /// Jobs that ended so; empty for done, dead and cancelled.
    pub status: Vec<Status>,
    /// Jobs of this type.
    pub job_type: Option<String>,
    /// Jobs that ended so long ago or longer.
    pub older_than: Duration,
}

/// All that ended.
impl Default for Purge {
    fn default() -> Self {
        Self { status: Vec::new(), job_type: None, older_than: Duration::ZERO }
    }
}

/// How many jobs stand how. Each number is exact up to [`Counts::MOST`], where counting ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// They wait; this is `due` and `waiting`.
    pub pending: u64,
    /// They wait for their turn.
    pub due: u64,
    /// They wait for their time.
    pub waiting: u64,
    /// They wait for another attempt; these are pending too.
    pub retrying: u64,
    /// They run.
    pub running: u64,
    /// They ended well, and are kept for a time.
    pub done: u64,
    /// They failed for good.
    pub dead: u64,
    /// Nobody wanted them any more.
    pub cancelled: u64,
    /// How long the one that is due longest has been due; nothing when none is.
    pub oldest_due: Option<Duration>,
}

impl Counts {
    /// Where counting ends: a larger number is shown as this one.
    pub const MOST: u64 = 1_000_000;
}

impl Jobs {
    /// A job, if it is still there.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn get(&self, id: i64) -> ketch_db::Result<Option<JobRow>> {
        store::get(self.db(), id).await
    }

    /// Jobs by what is said of them, the newest first.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a limit beyond its bounds; whatever the database says.
    pub async fn list(&self, filter: &Filter) -> Result<Page, Error> {
        if !(1..=Filter::MOST).contains(&filter.limit) {
            let why = format!("the limit is {}: it is 1 to {}", filter.limit, Filter::MOST);
            return Err(Error::Invalid(why));
        }
        if [&filter.job_type, &filter.queue, &filter.schedule].into_iter().any(is_nothings) {
            return Ok(Page { jobs: Vec::new(), next: None });
        }
        Ok(store::list(self.db(), filter.clone()).await?)
    }

    /// How many jobs stand how. It reads indexes only, some tens of milliseconds for a million jobs.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn counts(&self) -> Result<Counts, Error> {
        Ok(store::counts(self.db(), self.now()).await?)
    }

    /// Enqueues a job by the name of its type, in a write of its own.
    ///
    /// # Errors
    /// [`Error::Invalid`] with what is wrong with it; whatever the database says.
    pub async fn add_raw(&self, job: RawJob) -> Result<Enqueued, Error> {
        let new = store::New::of_raw(job, self)?;
        Ok(self.add_new(new).await?)
    }

    /// Makes a job wait again that ended, whether well or not, and one due now that waits. One that has no attempts left
    /// gets one more.
    ///
    /// # Errors
    /// [`Error::NoJob`]; [`Error::NotNow`] when it runs; [`Error::Taken`] when another job has its unique key by now;
    /// whatever the database says.
    pub async fn retry(&self, id: i64) -> Result<JobRow, Error> {
        let now = self.now();
        let work = move |jobs: &Self, tx: &mut Tx<'_>| {
            let changed = store::retry(tx, id, now)?;
            jobs.tell_if(tx, &changed)?;
            Ok(changed)
        };
        match self.change(work).await {
            Err(Error::Database(ketch_db::Error::Unique(_))) => {
                let by = store::rival(self.db(), id).await?;
                Err(Error::Taken { id, by })
            }
            other => other?.row(id, "it is retried once it has ended; cancel it first"),
        }
    }

    /// Cancels a job: at once if it waits; one that runs is told to end, and is cancelled then.
    ///
    /// # Errors
    /// [`Error::NoJob`]; [`Error::NotNow`] when it has ended; whatever the database says.
    pub async fn cancel(&self, id: i64) -> Result<JobRow, Error> {
        let now = self.now();
        let work = move |jobs: &Self, tx: &mut Tx<'_>| {
            let changed = store::cancel(tx, id, now)?;
            if matches!(&changed, Changed::Row(row) if row.status == Status::Running) {
                jobs.tell_cancel(tx, id)?;
            }
            Ok(changed)
        };
        self.change(work).await?.row(id, "it has ended, so there is nothing to cancel")
    }

    /// Makes a job due now that waits for its time.
    ///
    /// # Errors
    /// [`Error::NoJob`]; [`Error::NotNow`] when it does not wait; whatever the database says.
    pub async fn run_now(&self, id: i64) -> Result<JobRow, Error> {
        let now = self.now();
        let work = move |jobs: &Self, tx: &mut Tx<'_>| {
            let changed = store::run_now(tx, id, now)?;
            jobs.tell_if(tx, &changed)?;
            Ok(changed)
        };
        self.change(work).await?.row(id, "only a job that waits can be made due; one that ended is retried")
    }

    /// Deletes jobs that ended; how many. It is many small writes, so that it holds nobody up; what was deleted stays
    /// deleted when one of them fails, or when this is dropped.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a status that is no end; whatever the database says.
    pub async fn purge(&self, purge: &Purge) -> Result<u64, Error> {
        if let Some(status) = purge.status.iter().find(|status| !status.is_end()) {
            let why =
                format!("jobs that are {status} are not purged: only done, dead and cancelled ones are");
            return Err(Error::Invalid(why));
        }
        if is_nothings(&purge.job_type) {
            return Ok(0);
        }
        Ok(store::purge(self.db(), purge, self.now()).await?)
    }

    async fn change(
        &self,
        work: impl Fn(&Self, &mut Tx<'_>) -> ketch_db::Result<Changed> + Send + 'static,
    ) -> Result<Changed, Error> {
        let jobs = self.clone();
        Ok(self.db().write_read_committed(move |tx| work(&jobs, tx)).await?)
    }

    fn tell_if(&self, tx: &mut Tx<'_>, changed: &Changed) -> ketch_db::Result<()> {
        if let Changed::Row(_) = changed { self.tell(tx) } else { Ok(()) }
    }

    /// Tells whoever runs a job that it is to end: in this process, and with PostgreSQL everywhere.
    fn tell_cancel(&self, tx: &mut Tx<'_>, id: i64) -> ketch_db::Result<()> {
        let jobs = self.clone();
        tx.after_commit(move || jobs.cancelled_here(id));
        match tx.dialect() {
            ketch_db::Dialect::Sqlite => Ok(()),
            ketch_db::Dialect::Postgres => tx.notify(CHANNEL, &format!("cancel {id}")),
        }
    }
}

/// Whether it is a name that nothing in the table has: it has a character that PostgreSQL refuses even to be asked for.
fn is_nothings(name: &Option<String>) -> bool {
    name.as_deref().is_some_and(|name| name.contains('\0'))
}

impl Changed {
    /// The job as it stands now, or why it was not changed.
    fn row(self, id: i64, why: &'static str) -> Result<JobRow, Error> {
        match self {
            Self::Row(row) => Ok(*row),
            Self::Not(status) => Err(Error::NotNow { id, status, why }),
            Self::NoJob => Err(Error::NoJob(id)),
        }
    }
}
