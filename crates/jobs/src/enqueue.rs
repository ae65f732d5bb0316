//! A job that is to be enqueued, and how.

use std::time::{Duration, SystemTime};

use crate::job::Job;

/// A job and how it is enqueued. A reference to a job is one, with what its type says.
///
/// ```
/// # use ketch_jobs::{Enqueue, Job, JobCtx, JobResult};
/// # #[derive(serde::Serialize, serde::Deserialize)] struct SendWelcome { user: i64 }
/// # impl Job for SendWelcome {
/// #     const TYPE: &'static str = "send_welcome";
/// #     type State = ();
/// #     async fn run(self, _ctx: JobCtx) -> JobResult { Ok(()) }
/// # }
/// use std::time::Duration;
///
/// let job = SendWelcome { user: 7 };
/// let later = Enqueue::new(&job).delay(Duration::from_mins(5)).unique("user 7");
/// # let _ = later;
/// ```
#[derive(Clone, Debug)]
pub struct Enqueue<'j, J> {
    pub(crate) job: &'j J,
    pub(crate) when: When,
    pub(crate) queue: Option<String>,
    pub(crate) priority: Option<u8>,
    pub(crate) max_attempts: Option<u32>,
    pub(crate) unique: Option<String>,
}

/// When a job is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// As soon as it can be.
    Now,
    /// Not before this time has passed.
    In(Duration),
    /// Not before this moment.
    At(SystemTime),
}

impl<'j, J: Job> Enqueue<'j, J> {
    /// A job, with what its type says.
    pub fn new(job: &'j J) -> Self {
        Self { job, when: When::Now, queue: None, priority: None, max_attempts: None, unique: None }
    }

    /// Not before this time has passed.
    #[must_use]
    pub fn delay(self, time: Duration) -> Self {
        Self { when: When::In(time), ..self }
    }

    /// Not before this moment.
    #[must_use]
    pub fn at(self, time: SystemTime) -> Self {
        Self { when: When::At(time), ..self }
    }

    /// In another queue than [`Job::QUEUE`].
    #[must_use]
    pub fn queue(self, name: impl Into<String>) -> Self {
        Self { queue: Some(name.into()), ..self }
    }

    /// With another priority than [`Job::PRIORITY`]: 0 to 9.
    #[must_use]
    pub fn priority(self, priority: u8) -> Self {
        Self { priority: Some(priority), ..self }
    }

    /// With more or fewer attempts than [`Job::MAX_ATTEMPTS`]: at least 1.
    #[must_use]
    pub fn max_attempts(self, attempts: u32) -> Self {
        Self { max_attempts: Some(attempts), ..self }
    }

    /// Only if no job of its type that has this key waits or runs. The key is free again when that one has ended.
    ///
    /// A job that enqueues itself again under its own key does it in [`JobCtx::finish`](crate::JobCtx::finish), which
    /// ends it first. Anywhere else it runs still, and what it finds is itself: [`Enqueued::Already`].
    #[must_use]
    pub fn unique(self, key: impl Into<String>) -> Self {
        Self { unique: Some(key.into()), ..self }
    }
}

impl<'j, J: Job> From<&'j J> for Enqueue<'j, J> {
    fn from(job: &'j J) -> Self {
        Self::new(job)
    }
}

/// What came of an enqueue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enqueued {
    /// The job, with its number.
    New(i64),
    /// A job with the same unique key is there already; its number.
    Already(i64),
}

impl Enqueued {
    /// The number of the job, whoever enqueued it.
    pub fn id(self) -> i64 {
        match self {
            Self::New(id) | Self::Already(id) => id,
        }
    }
}
