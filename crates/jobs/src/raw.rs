//! A job whose type this program need not know: what commands and other services enqueue.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::enqueue::When;

/// A job by the name of its type, and how it is enqueued. The name is not looked up: the program that runs the queue is
/// the one that has to know it.
///
/// ```no_run
/// # async fn shown(jobs: ketch_jobs::Jobs) -> Result<(), ketch_jobs::Error> {
/// use ketch_jobs::RawJob;
/// use serde_json::json;
///
/// let enqueued = jobs.add_raw(RawJob::new("send_welcome", json!({ "user": 7 })).priority(9)).await?;
/// println!("job {}", enqueued.id());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RawJob {
    pub(crate) job_type: String,
    pub(crate) payload: Value,
    pub(crate) when: When,
    pub(crate) queue: Option<String>,
    pub(crate) priority: Option<i64>,
    pub(crate) max_attempts: Option<i64>,
    pub(crate) unique: Option<String>,
}

impl RawJob {
    /// A job of this type.
    pub fn new(job_type: impl Into<String>, payload: Value) -> Self {
        Self {
            job_type: job_type.into(),
            payload,
            when: When::Now,
            queue: None,
            priority: None,
            max_attempts: None,
            unique: None,
        }
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

    /// In another queue than `default`.
    #[must_use]
    pub fn queue(self, name: impl Into<String>) -> Self {
        Self { queue: Some(name.into()), ..self }
    }

    /// 0 to 9 instead of 5; what waits with a higher one is run first.
    #[must_use]
    pub fn priority(self, priority: i64) -> Self {
        Self { priority: Some(priority), ..self }
    }

    /// How often it is begun, at most, instead of 20.
    #[must_use]
    pub fn max_attempts(self, attempts: i64) -> Self {
        Self { max_attempts: Some(attempts), ..self }
    }

    /// Only if no job of its type that has this key waits or runs.
    #[must_use]
    pub fn unique(self, key: impl Into<String>) -> Self {
        Self { unique: Some(key.into()), ..self }
    }
}
