//! What a job is given to work with.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use ketch_db::{Db, Tx};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::error::{JobError, clean};
use crate::jobs::Jobs;
use crate::store::{self, Claim, Ending};

/// The longest note on a job's progress that is stored, in bytes.
const LONGEST_NOTE: usize = 1 << 10;

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
    pub(crate) slot: Option<i64>,
    pub(crate) deadline: Instant,
    pub(crate) told: watch::Receiver<Told>,
    pub(crate) says: Arc<Says>,
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

/// What a job that runs says before it ends.
#[derive(Debug)]
pub(crate) struct Says {
    finish: AtomicU8,
    progress: Mutex<Option<Progress>>,
    /// Told when there is progress to be written, of any job of the runner.
    news: Arc<Notify>,
}

/// How far a job has come, as it says itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Progress {
    pub(crate) part: f64,
    pub(crate) note: String,
}

/// How [`JobCtx::finish`] stands: not asked for, under way, committed.
const OPEN: u8 = 0;
const FINISHING: u8 = 1;
const FINISHED: u8 = 2;

impl Says {
    pub(crate) fn new(news: Arc<Notify>) -> Self {
        Self { finish: AtomicU8::new(OPEN), progress: Mutex::default(), news }
    }

    /// Whether [`JobCtx::finish`] has written how it ended.
    pub(crate) fn is_finished(&self) -> bool {
        self.finish.load(Ordering::Acquire) == FINISHED
    }

    /// Takes the progress that is not written yet.
    pub(crate) fn take_progress(&self) -> Option<Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Gives back progress that could not be written, unless there is newer.
    pub(crate) fn keep_progress(&self, progress: Progress) {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(progress);
        self.news.notify_one();
    }

    fn finished(&self) {
        self.finish.store(FINISHED, Ordering::Release);
    }
}

/// That a run is finishing; dropped before it has, it may be tried again.
struct Finishing(Arc<Says>);

impl Finishing {
    fn begin(says: &Arc<Says>) -> Result<Self, JobError> {
        let was = says.finish.compare_exchange(OPEN, FINISHING, Ordering::AcqRel, Ordering::Acquire);
        match was {
            Ok(_) => Ok(Self(Arc::clone(says))),
            Err(FINISHING) => Err(JobError::new(
                "`finish` is under way already: a job is finished once, by one call; nothing was written by this one",
            )),
            Err(_) => Err(JobError::new(
                "the job is finished already: `finish` is called once; nothing was written by this call",
            )),
        }
    }
}

impl Drop for Finishing {
    fn drop(&mut self) {
        let _finished = self.0.finish.compare_exchange(FINISHING, OPEN, Ordering::AcqRel, Ordering::Acquire);
    }
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

    /// Of a recurrent job, the time that this run is for, which may be long ago when nothing ran meanwhile; nothing for
    /// any other. It is the same at every attempt.
    pub fn slot(&self) -> Option<SystemTime> {
        let millis = u64::try_from(self.run.slot?).ok()?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis))
    }

    /// What is left of the job's time.
    pub fn time_left(&self) -> Duration {
        self.run.deadline.saturating_duration_since(Instant::now())
    }

    /// Resolves when the job is to end: cancelled, past its deadline, or the server stops. It has
    /// [`Options::grace`](crate::Options::grace) then, at the stop of the server what the server gives.
    ///
    /// What it has come to in that time counts: a job that ends well is done. One that ends with an error is cancelled,
    /// has failed, or, when the server stops, is run again and that attempt does not count.
    pub async fn ended(&self) {
        let mut told = self.run.told.clone();
        let _runner_is_gone = told.wait_for(|told| *told != Told::Nothing).await;
    }

    /// Says how far it has come: 0 to 1, and a word on it, of which 1 KiB is kept. It is not waited for: what was said
    /// last is stored within about half a second and when the job ends, so it may be said as often as one likes.
    ///
    /// # Errors
    /// When `part` is not between 0 and 1.
    pub async fn progress(&self, part: f64, note: impl Into<String>) -> Result<(), JobError> {
        if !(0.0..=1.0).contains(&part) {
            return Err(JobError::new(format!("the progress of a job is 0 to 1, not {part}")));
        }
        let progress = Progress { part, note: clean(note.into(), LONGEST_NOTE) };
        *self.run.says.progress.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress);
        self.run.says.news.notify_one();
        // A job that only ever says how far it is lets others have their turn too, and can be dropped.
        tokio::task::consume_budget().await;
        Ok(())
    }

    /// Ends the job well, together with what the closure writes: both or none, exactly once, however often the job is
    /// run. The closure may run more than once, as that of [`Db::write`] may.
    ///
    /// For what the closure enqueues, the job has ended: its unique key is free, so that it may enqueue itself again.
    ///
    /// It is called once. What the job returns afterwards, or whatever else becomes of this run, only goes to the log:
    /// the job is done.
    ///
    /// # Errors
    /// The closure's; when the job is not this run's any more, because it was taken for dead or cancelled; what the
    /// database says. Then nothing was written, and it may be called again. When the connection to the database was
    /// lost while it was being committed, nobody knows whether it was: the job ends with that error, and is run again
    /// only if it was not.
    pub async fn finish<T, F>(&self, work: F) -> Result<T, JobError>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> ketch_db::Result<T> + Send + 'static,
    {
        let _finishing = Finishing::begin(&self.run.says)?;
        let claim = self.run.claim.clone();
        let keeps = self.run.jobs.options().keep_done > Duration::ZERO;
        let now = self.run.jobs.now();
        let says = Arc::clone(&self.run.says);
        let done = self.run.jobs.db().try_write(move |tx| -> Result<T, store::Lost> {
            // First, so that the unique key is free for what is enqueued.
            store::settle_mine(tx, &claim, &Ending::done(keeps), now)?;
            let done = work(tx)?;
            // Whoever waits for the answer may be dropped before it comes.
            let says = Arc::clone(&says);
            tx.after_commit(move || says.finished());
            Ok(done)
        });
        done.await.map_err(JobError::from)
    }
}
