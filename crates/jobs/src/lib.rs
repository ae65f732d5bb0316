//! The queue of background jobs: enqueued in the caller's transaction, run at least once, retried, recurring.
//!
//! A job is a row of the table `job_queue`; the files in `migrations/` say what its columns mean. [`Jobs`] is the handle
//! that enqueues and looks after them, a [`Runner`] claims and runs them. What is deliberately not here: what jobs do.

mod bell;
#[cfg(feature = "conformance")]
pub mod conformance;
mod context;
mod endpoints;
mod enqueue;
mod error;
mod job;
mod jobs;
mod manage;
mod options;
mod raw;
mod recur;
mod refusal;
mod registry;
mod row;
mod runner;
mod schedule;
mod stats;
mod store;
mod types;

pub use context::JobCtx;
pub use endpoints::JobsService;
pub use enqueue::{Enqueue, Enqueued};
pub use error::{JobError, JobResult};
pub use job::Job;
pub use jobs::{Jobs, migrations};
pub use manage::{Counts, Filter, Page, Purge};
pub use options::{Options, Queue};
pub use raw::RawJob;
pub use recur::ScheduleRow;
pub use refusal::Error;
pub use row::{JobRow, Status};
pub use runner::{Ran, Runner, Running};
pub use schedule::Schedule;
pub use stats::{BUCKETS, Bucket, HistogramStats, OTHER, Stats, TypeStats};

/// What the fuzz targets of this repository call. Not an interface for people: it changes without notice.
#[doc(hidden)]
pub mod __fuzz {
    pub use crate::recur::fuzz as schedule;
}
