//! What a job is given to work with.

use std::fmt;
use std::time::Duration;

use ketch_db::{Db, Tx};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::JobError;
use crate::jobs::Jobs;
use crate::store::{self, Claim, Ending};

/// One run of a job, as the job sees it.
#[derive(Clone)]
pub struct JobCtx<S = ()> {
    pub(crate) state: S,
    pub(crate) run: Run,
}

/// What is known of a run, whatever its state.
#[derive(Clone)]
pub(crate) struct Run {
    pub(crate) jobs: Jobs,
    pub(crate) claim: Claim,
    pub(crate) attempt: u32,
    pub(crate) max_attempts: u32,
    pub(crate) deadline: Instant,
    pub(crate) told: watch::Receiver<Told>,
    /// Whether [`JobCtx::finish`] has written how it ended.
    pub(crate) finished: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

/// What a job that runs is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Told {
    /// Nothing: go on.
    #[default]
    Nothing,
    /// To end: somebody cancelled it, its claim was lost, or its time is over.
    End,
    /// To end if it cannot be done soon: the server stops, and it will be run again.
    Stop,
}

impl<S> fmt::Debug for JobCtx<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobCtx")
            .field("id", &self.run.claim.id)
            .field("attempt", &self.run.attempt)
            .finish_non_exhaustive()
    }
}

impl<S> JobCtx<S> {
    /// What the job's type was registered with.
    pub fn state(&self) -> &S {
        &self.state
    }

    /// The database.
    pub fn db(&self) -> &Db {
        self.run.jobs.db()
    }

    /// The queue, to enqueue what follows.
    pub fn jobs(&self) -> &Jobs {
        &self.run.jobs
    }

    /// The job's number.
    pub fn id(&self) -> i64 {
        self.run.claim.id
    }

    /// Which attempt this is; the first is 1.
    pub fn attempt(&self) -> u32 {
        self.run.attempt
    }

    /// Whether the job is dead when this attempt fails.
    pub fn is_last_attempt(&self) -> bool {
        self.run.attempt >= self.run.max_attempts
    }

    /// What is left of the job's time.
    pub fn time_left(&self) -> Duration {
        self.run.deadline.saturating_duration_since(Instant::now())
    }

    /// Resolves when the job is to end: cancelled, past its deadline, or the server stops. It has
    /// [`Options::grace`](crate::Options::grace) then.
    pub async fn ended(&self) {
        let mut told = self.run.told.clone();
        let _runner_is_gone = told.wait_for(|told| *told != Told::Nothing).await;
    }

    /// Says how far it has come: 0 to 1, and a word on it. It is stored at once.
    ///
    /// # Errors
    /// When the job is not this run's any more, or it cannot be stored.
    pub async fn progress(&self, part: f64, note: impl Into<String>) -> Result<(), JobError> {
        store::progress(self.run.jobs.db(), self.run.claim.clone(), part, note.into()).await
    }

    /// Ends the job well, together with what the closure writes: both or none, exactly once, however often the job is
    /// run. The closure may run more than once, as that of [`Db::write`] may.
    ///
    /// What the job returns afterwards only goes to the log.
    ///
    /// # Errors
    /// The closure's; when the job is not this run's any more, because it was taken for dead or cancelled; what the
    /// database says. Then nothing was written.
    pub async fn finish<T, F>(&self, work: F) -> Result<T, JobError>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> ketch_db::Result<T> + Send + 'static,
    {
        let claim = self.run.claim.clone();
        let keeps = self.run.jobs.options().keep_done > Duration::ZERO;
        let now = self.run.jobs.now();
        let done = self.run.jobs.db().try_write(move |tx| -> Result<T, store::Lost> {
            let done = work(tx)?;
            store::settle_mine(tx, &claim, &Ending::done(keeps), now)?;
            Ok(done)
        });
        let done = done.await.map_err(JobError::from)?;
        self.run.finished.store(true, std::sync::atomic::Ordering::Release);
        Ok(done)
    }
}
