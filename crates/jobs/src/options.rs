//! The bounds of the queue, with their defaults.

use std::sync::Arc;
use std::time::Duration;

use ketch_model::{Clock, SystemClock};

/// Every bound of a queue and its runners. What is too little to work with, or endless, is taken as the least or most that
/// works.
///
/// ```
/// use std::time::Duration;
///
/// let mut options = ketch_jobs::Options::default();
/// options.keep_done = Duration::ZERO;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The time that jobs are due by.
    pub clock: Arc<dyn Clock>,
    /// How often the table is looked at when nobody said that there is work: rows of other programs start within this.
    /// Default 1 s, at least 5 ms.
    pub interval: Duration,
    /// How long jobs that run have to end by themselves when they are told to: cancelled, past their deadline, or because
    /// their runner is gone; at its stop they have what [`Running::stop`](crate::Running::stop) gives. Then they are
    /// dropped at the next point where they wait. Default 5 s.
    pub grace: Duration,
    /// PostgreSQL: how often a runner shows that it lives. Default 500 ms, at least 10 ms.
    pub beat: Duration,
    /// PostgreSQL: how long a runner may show no life before what it has claimed is given to others; four times `beat` at
    /// least. It and `beat` are the same in all processes. Default 3 s.
    pub dead_after: Duration,
    /// How long rows of jobs that were done are kept; zero deletes them as they end. Default 1 day.
    pub keep_done: Duration,
    /// The same for dead and cancelled jobs. Default 30 days.
    pub keep_dead: Duration,
    /// How many bytes the payload of a job may have, as JSON. Default 1 MiB.
    pub payload: usize,
}

impl Default for Options {
    fn default() -> Self {
        const DAY: Duration = Duration::from_hours(24);
        Self {
            clock: Arc::new(SystemClock),
            interval: Duration::from_secs(1),
            grace: Duration::from_secs(5),
            beat: Duration::from_millis(500),
            dead_after: Duration::from_secs(3),
            keep_done: DAY,
            keep_dead: DAY * 30,
            payload: 1 << 20,
        }
    }
}

/// A queue that a runner works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    pub(crate) name: String,
    pub(crate) limit: usize,
}

impl Queue {
    /// Jobs of a queue that run at a time in one process, if nobody says.
    pub const LIMIT: usize = 16;

    /// A queue with this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), limit: Self::LIMIT }
    }

    /// How many of its jobs run at a time in one process, 1 to 1,024. Default [`LIMIT`](Self::LIMIT).
    #[must_use]
    pub fn limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }
}
